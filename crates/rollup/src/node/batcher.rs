//! The batcher: messages wait in order, get their ids, and leave in batches (rollup-node.md, section 6).

use std::collections::{BTreeMap, HashMap, VecDeque};

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::put_block;

/// The most messages that wait, and that are remembered.
pub const CAPACITY: usize = 100_000;
/// The longest message in bytes: with its tag it must fit 4,096.
pub const MAX_MESSAGE: usize = 4095;
/// The limit that the original names when it refuses a message.
pub const NAMED_LIMIT: usize = 4100;
/// The bytes of a batch, each message counted with its length in four bytes.
pub const MAX_BATCH: usize = 32_607;

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: Hash,
    /// Its bytes, without a tag.
    pub content: Vec<u8>,
    /// The order that was asked for.
    pub order: Option<u64>,
    /// How many messages came before.
    pub counter: u64,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody knows it.
    Unknown,
    /// It waits for a batch.
    Pending,
    /// It is in this batch, which waits for a block.
    Batched(u64),
    /// It is in a block.
    Included {
        /// The block's level.
        level: i32,
        /// The number of the operation in it.
        operation: u32,
    },
}

/// Limits that the configuration sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a batch.
    pub batch_size: usize,
    /// Messages of a batch.
    pub batch_elements: usize,
    /// Fewer messages are no batch before the next block.
    pub min_elements: usize,
    /// Batches of a block; 0 for as many as there are.
    pub batches: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: MAX_BATCH,
            batch_elements: 1_073_741_823,
            min_elements: 10,
            batches: 0,
        }
    }
}

/// The queue and what became of its messages.
#[derive(Debug, Default)]
pub struct Batcher {
    /// Those with an order come first, then by arrival.
    queue: BTreeMap<(bool, u64, u64), Waiting>,
    waiting: HashMap<Hash, (bool, u64, u64)>,
    /// What the messages of the queue cost in batches.
    bytes: usize,
    /// Batches that wait for a block, by number.
    batches: BTreeMap<u64, Vec<Waiting>>,
    batched: HashMap<Hash, u64>,
    next_batch: u64,
    counter: u64,
    included: HashMap<Hash, Included>,
    remembered: VecDeque<Hash>,
}

/// A message in a block.
#[derive(Debug)]
struct Included {
    level: i32,
    operation: u32,
    waiting: Waiting,
}

/// Messages that were taken in.
#[derive(Debug, PartialEq, Eq)]
pub struct Injected {
    /// Their ids, in order.
    pub ids: Vec<Hash>,
    /// Those that were not there before.
    pub new: Vec<Waiting>,
}

/// What a message costs in a batch, in bytes.
fn cost(content: &[u8]) -> usize {
    content.len() + 4
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is too long: its number, and the most that it may cost in a batch, in bytes.
    #[error("Message {0} is too large (max size is {1})")]
    TooLarge(usize, usize),
    /// The queue is full.
    #[error("Heap insertion failed with the queue's capacity of {CAPACITY} messages reached.")]
    Full,
}

/// The id of a message: unique by its counter, or the same for the same content.
pub fn id(content: &[u8], counter: Option<u64>) -> Hash {
    let mut bytes = Vec::with_capacity(content.len() + 16);
    match counter {
        Some(counter) => {
            bytes.push(0xff);
            crate::micheline::binary::encode_number(&BigInt::from(counter), &mut bytes);
        }
        None => bytes.push(0),
    }
    put_block(&mut bytes, content);
    blake2b(&bytes)
}

impl Batcher {
    /// An empty one that counts messages from a number on.
    pub fn after(counter: u64) -> Self {
        Self {
            counter,
            ..Self::default()
        }
    }

    /// The counter of the next message.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// Takes messages in; their ids in the same order. Nothing is taken when one is refused.
    ///
    /// # Errors
    /// If a message is too large for a batch or a level's inbox, or there is no room.
    pub fn inject(
        &mut self,
        messages: Vec<Vec<u8>>,
        order: Option<u64>,
        drop_duplicate: bool,
        limits: &Limits,
    ) -> Result<Injected, Refused> {
        let most = limits.batch_size.min(NAMED_LIMIT);
        let too_large = |message: &Vec<u8>| cost(message) > most || message.len() > MAX_MESSAGE;
        if let Some(n) = messages.iter().position(too_large) {
            return Err(Refused::TooLarge(n, most));
        }
        if self.len() + messages.len() > CAPACITY {
            return Err(Refused::Full);
        }
        let mut injected = Injected {
            ids: Vec::with_capacity(messages.len()),
            new: Vec::with_capacity(messages.len()),
        };
        for content in messages {
            let counter = self.counter;
            self.counter += 1;
            let id = id(&content, (!drop_duplicate).then_some(counter));
            injected.ids.push(id);
            if drop_duplicate
                && (self.waiting.contains_key(&id)
                    || self.batched.contains_key(&id)
                    || self.included.contains_key(&id))
            {
                continue;
            }
            let waiting = Waiting {
                id,
                content,
                order,
                counter,
            };
            self.put(waiting.clone());
            injected.new.push(waiting);
        }
        Ok(injected)
    }

    /// Whether a message has left the queue.
    pub fn is_batched(&self, id: &Hash) -> bool {
        self.batched.contains_key(id) || self.included.contains_key(id)
    }

    /// Takes in a message that waited before.
    pub fn again(&mut self, waiting: Waiting) {
        self.counter = self.counter.max(waiting.counter + 1);
        self.put(waiting);
    }

    fn put(&mut self, waiting: Waiting) {
        let order = waiting.order;
        let key = (order.is_none(), order.unwrap_or_default(), waiting.counter);
        self.bytes += cost(&waiting.content);
        self.waiting.insert(waiting.id, key);
        self.queue.insert(key, waiting);
    }

    /// Makes batches as long as they become full.
    pub fn fill(&mut self, limits: &Limits) {
        while self.queue.len() >= limits.min_elements.max(1)
            && (self.bytes > limits.batch_size || self.queue.len() > limits.batch_elements)
        {
            self.make_batch(limits);
        }
    }

    /// The messages of the queue, in the order in which they will leave.
    pub fn queue(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.values()
    }

    /// All messages that are in no block.
    pub fn all(&self) -> impl Iterator<Item = &Waiting> {
        self.batches.values().flatten().chain(self.queue())
    }

    /// How many messages are in no block.
    pub fn len(&self) -> usize {
        self.queue.len() + self.batched.len()
    }

    /// Whether all are in blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of a block, by number: those that are full, then what is left of the queue. They wait on until
    /// [`Self::include`] is told of the block.
    pub fn take(&mut self, limits: &Limits) -> Vec<u64> {
        let most = match limits.batches {
            0 => usize::MAX,
            most => most,
        };
        while self.batches.len() < most && !self.queue.is_empty() {
            self.make_batch(limits);
        }
        self.batches.keys().copied().take(most).collect()
    }

    fn make_batch(&mut self, limits: &Limits) {
        let batch = self.cut(limits);
        let number = self.next_batch;
        self.next_batch += 1;
        self.batched
            .extend(batch.iter().map(|waiting| (waiting.id, number)));
        self.batches.insert(number, batch);
    }

    /// Takes one batch off the queue; never an empty one while there is a message.
    fn cut(&mut self, limits: &Limits) -> Vec<Waiting> {
        let mut batch: Vec<Waiting> = Vec::new();
        let mut size = 0;
        while let Some(entry) = self.queue.first_entry() {
            let more = cost(&entry.get().content);
            let fits = size + more <= limits.batch_size && batch.len() < limits.batch_elements;
            if !(fits || batch.is_empty()) {
                break;
            }
            let waiting = entry.remove();
            self.waiting.remove(&waiting.id);
            self.bytes -= more;
            size += more;
            batch.push(waiting);
        }
        batch
    }

    /// The messages of a batch that waits for a block.
    pub fn batch(&self, number: u64) -> &[Waiting] {
        self.batches.get(&number).map_or(&[], Vec::as_slice)
    }

    /// A batch is in a block.
    pub fn include(&mut self, batch: u64, level: i32, operation: u32) {
        for waiting in self.batches.remove(&batch).unwrap_or_default() {
            self.batched.remove(&waiting.id);
            if self.remembered.len() >= CAPACITY
                && let Some(oldest) = self.remembered.pop_front()
            {
                self.included.remove(&oldest);
            }
            self.remembered.push_back(waiting.id);
            let included = Included {
                level,
                operation,
                waiting,
            };
            self.included.insert(included.waiting.id, included);
        }
    }

    /// The blocks above a level are gone: the messages of their operations, given as level, number and count, wait again,
    /// in their old order, and so do those of batches. Tells for each operation whether all of its messages were known;
    /// otherwise none of them waits.
    pub fn give_back(&mut self, level: i32, operations: &[(i32, u32, usize)]) -> Vec<bool> {
        let mut gone: HashMap<(i32, u32), Vec<Waiting>> = HashMap::new();
        let above = |_: &Hash, included: &mut Included| included.level > level;
        for (_, included) in self.included.extract_if(above) {
            let place = (included.level, included.operation);
            gone.entry(place).or_default().push(included.waiting);
        }
        let included = &self.included;
        self.remembered.retain(|id| included.contains_key(id));
        let mut known = Vec::with_capacity(operations.len());
        let mut again = Vec::new();
        for (level, number, count) in operations {
            let messages = gone.remove(&(*level, *number)).unwrap_or_default();
            known.push(messages.len() == *count);
            if messages.len() == *count {
                again.extend(messages);
            }
        }
        // Batches that wait hold later messages than these.
        again.extend(std::mem::take(&mut self.batches).into_values().flatten());
        self.batched.clear();
        again.into_iter().for_each(|waiting| self.put(waiting));
        known
    }

    /// Where a message is, and its content while that is known.
    pub fn status(&self, id: &Hash) -> (Status, Option<&[u8]>) {
        if let Some(waiting) = self.waiting.get(id).and_then(|key| self.queue.get(key)) {
            return (Status::Pending, Some(&waiting.content));
        }
        if let Some(number) = self.batched.get(id) {
            let batch = self.batch(*number).iter();
            let content = batch.into_iter().find(|waiting| waiting.id == *id);
            return (
                Status::Batched(*number),
                content.map(|waiting| &waiting.content[..]),
            );
        }
        match self.included.get(id) {
            Some(included) => (
                Status::Included {
                    level: included.level,
                    operation: included.operation,
                },
                Some(&included.waiting.content),
            ),
            None => (Status::Unknown, None),
        }
    }

    /// Clears the queue: all of it, or messages up to an order and, if asked, those without one.
    pub fn clear(&mut self, below: Option<u64>, without_order: bool) {
        let keep = |waiting: &Waiting| match (below, waiting.order) {
            (None, _) => false,
            (Some(below), Some(order)) => order > below,
            (Some(_), None) => !without_order,
        };
        self.queue.retain(|_, waiting| keep(waiting));
        self.bytes = self
            .queue
            .values()
            .map(|waiting| cost(&waiting.content))
            .sum();
        let queue = &self.queue;
        self.waiting.retain(|_, key| queue.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base58::MESSAGE;

    /// The texts of the batches of a block, which is then made.
    fn block(batcher: &mut Batcher, limits: &Limits) -> Vec<Vec<String>> {
        let text = |waiting: &Waiting| String::from_utf8(waiting.content.clone()).unwrap();
        let batches = batcher.take(limits);
        let texts = batches
            .iter()
            .map(|number| batcher.batch(*number).iter().map(text).collect());
        let texts = texts.collect();
        for (operation, number) in (0..).zip(batches) {
            batcher.include(number, 7, operation);
        }
        texts
    }

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_published_ids() {
        let mut batcher = Batcher::default();
        let ids = batcher
            .inject(
                words(&["1-1", "1-2", "1-3", "1-4", "1-5", "2-1"]),
                None,
                false,
                &Limits::default(),
            )
            .unwrap()
            .ids;
        for (n, text) in [
            (0, "scmsg2rwuPwGBrYsQHFuusVq5DAZFfJ4iGcAJ6Ttvyobd6b1V1oSpUk"),
            (1, "scmsg3WtaZfwmQQzbHobfzcZw3JFy7eYAAJs9RZsGGrnzwEAnzPP5We"),
            (5, "scmsg2Q8u9Ufd95zmF2DmjyhgaHyDNud45t5MXWh4BTdnnVabCT7hFc"),
        ] {
            assert_eq!(MESSAGE.encode(&ids[n]), text);
        }
    }

    #[test]
    fn messages_with_an_order_leave_first_and_batches_have_bounds() {
        let mut batcher = Batcher::default();
        batcher
            .inject(words(&["a", "b"]), None, false, &Limits::default())
            .unwrap();
        batcher
            .inject(words(&["z"]), Some(5), false, &Limits::default())
            .unwrap();
        batcher
            .inject(words(&["y"]), Some(1), false, &Limits::default())
            .unwrap();
        let limits = Limits {
            batch_size: 10,
            ..Limits::default()
        };
        assert_eq!(block(&mut batcher, &limits), [["y", "z"], ["a", "b"]]);
        batcher
            .inject(words(&["1", "2", "3"]), None, false, &Limits::default())
            .unwrap();
        let limits = Limits {
            batch_elements: 1,
            batches: 2,
            ..Limits::default()
        };
        assert_eq!(block(&mut batcher, &limits), [["1"], ["2"]]);
        assert_eq!(batcher.len(), 1);
    }

    #[test]
    fn duplicates_are_dropped_when_asked_wherever_the_first_is() {
        let mut batcher = Batcher::default();
        let twice = batcher
            .inject(words(&["x", "x"]), None, true, &Limits::default())
            .unwrap()
            .ids;
        assert_eq!((twice[0], batcher.len()), (twice[1], 1));
        assert_eq!(block(&mut batcher, &Limits::default()), [["x"]]);
        assert_eq!(
            batcher
                .inject(words(&["x"]), None, true, &Limits::default())
                .unwrap(),
            Injected {
                ids: vec![twice[0]],
                new: vec![]
            }
        );
        assert!(batcher.is_empty());
        assert_eq!(
            batcher.status(&twice[0]).0,
            Status::Included {
                level: 7,
                operation: 0
            }
        );
    }

    #[test]
    fn what_was_taken_waits_until_its_block_is_made_and_again_when_the_block_is_gone() {
        let mut batcher = Batcher::default();
        let limits = Limits {
            batches: 1,
            ..Limits::default()
        };
        let ids = batcher
            .inject(words(&["a", "b"]), None, true, &limits)
            .unwrap()
            .ids;
        let taken = batcher.take(&limits);
        assert_eq!(batcher.status(&ids[0]).0, Status::Batched(taken[0]));
        assert_eq!((batcher.len(), batcher.all().count()), (2, 2));
        batcher.clear(None, false);
        // The block was not made: the next one gets the same.
        assert_eq!(batcher.take(&limits), taken);
        assert_eq!(block(&mut batcher, &limits), [["a", "b"]]);
        batcher.inject(words(&["c"]), None, true, &limits).unwrap();
        assert_eq!(batcher.take(&limits).len(), 1);
        // An operation that is not known as a whole is nobody's.
        assert_eq!(batcher.give_back(6, &[(7, 0, 2), (7, 1, 1)]), [true, false]);
        assert_eq!(batcher.status(&ids[1]).0, Status::Pending);
        let again = batcher.inject(words(&["b"]), None, true, &limits).unwrap();
        assert!(again.new.is_empty());
        assert_eq!(block(&mut batcher, &limits), [["a", "b", "c"]]);
    }

    #[test]
    fn what_is_too_large_or_too_much_is_refused_as_a_whole() {
        let mut batcher = Batcher::default();
        assert_eq!(
            batcher.inject(
                vec![vec![0; 4095], vec![0; 4096]],
                None,
                false,
                &Limits::default()
            ),
            Err(Refused::TooLarge(1, 4100))
        );
        let narrow = Limits {
            batch_size: 20,
            ..Limits::default()
        };
        let refused = batcher.inject(vec![vec![0; 16], vec![0; 17]], None, false, &narrow);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "Message 1 is too large (max size is 20)"
        );
        assert!(batcher.is_empty());
        batcher
            .inject(vec![vec![]; CAPACITY], None, false, &Limits::default())
            .unwrap();
        assert_eq!(
            batcher.inject(vec![vec![]], None, false, &Limits::default()),
            Err(Refused::Full)
        );
        batcher.clear(None, false);
        assert!(batcher.is_empty());
    }

    #[test]
    fn full_batches_are_made_at_once_and_wait_for_a_block() {
        let mut batcher = Batcher::default();
        let limits = Limits {
            batch_size: 10,
            min_elements: 3,
            batches: 1,
            ..Limits::default()
        };
        let ids = batcher
            .inject(words(&["a", "b"]), None, false, &Limits::default())
            .unwrap()
            .ids;
        batcher.fill(&limits);
        assert_eq!(batcher.status(&ids[0]).0, Status::Pending);
        batcher
            .inject(words(&["c"]), Some(0), false, &Limits::default())
            .unwrap();
        batcher.fill(&limits);
        assert_eq!(
            batcher.status(&ids[0]),
            (Status::Batched(0), Some(&b"a"[..]))
        );
        assert_eq!(batcher.status(&ids[1]).0, Status::Pending);
        assert_eq!(batcher.len(), 3);
        assert_eq!(block(&mut batcher, &limits), [["c", "a"]]);
        assert_eq!(block(&mut batcher, &limits), [["b"]]);
        assert!(batcher.is_empty() && batcher.take(&limits).is_empty());
    }

    #[test]
    fn the_queue_can_be_cleared_in_part() {
        let mut batcher = Batcher::default();
        batcher
            .inject(words(&["a"]), None, false, &Limits::default())
            .unwrap();
        batcher
            .inject(words(&["b"]), Some(3), false, &Limits::default())
            .unwrap();
        batcher
            .inject(words(&["c"]), Some(9), false, &Limits::default())
            .unwrap();
        batcher.clear(Some(3), false);
        assert_eq!(batcher.len(), 2);
        batcher.clear(Some(3), true);
        assert_eq!(batcher.queue().next().unwrap().content, b"c");
    }
}
