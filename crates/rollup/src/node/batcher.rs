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
    included: HashMap<Hash, (i32, u32, Vec<u8>)>,
    remembered: VecDeque<Hash>,
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
    /// It is too long.
    #[error("Message {0} is too large (max size is {NAMED_LIMIT})")]
    TooLarge(usize),
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
    /// If a message is too large, or there is no room.
    pub fn inject(
        &mut self,
        messages: Vec<Vec<u8>>,
        order: Option<u64>,
        drop_duplicate: bool,
    ) -> Result<Injected, Refused> {
        if let Some(n) = messages
            .iter()
            .position(|message| message.len() > MAX_MESSAGE)
        {
            return Err(Refused::TooLarge(n));
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
            let batch = self.cut(limits);
            let number = self.next_batch;
            self.next_batch += 1;
            self.batched
                .extend(batch.iter().map(|waiting| (waiting.id, number)));
            self.batches.insert(number, batch);
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

    /// Takes the batches of a block: those that are full, then what is left of the queue.
    pub fn take(&mut self, limits: &Limits) -> Vec<Vec<Waiting>> {
        let most = match limits.batches {
            0 => usize::MAX,
            most => most,
        };
        let mut batches: Vec<Vec<Waiting>> = Vec::new();
        while batches.len() < most {
            if let Some((_, batch)) = self.batches.pop_first() {
                for waiting in &batch {
                    self.batched.remove(&waiting.id);
                }
                batches.push(batch);
            } else if self.queue.is_empty() {
                break;
            } else {
                batches.push(self.cut(limits));
            }
        }
        batches
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

    /// Remembers where a message is.
    pub fn included(&mut self, id: Hash, level: i32, operation: u32, content: Vec<u8>) {
        if self.remembered.len() >= CAPACITY
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.included.remove(&oldest);
        }
        self.remembered.push_back(id);
        self.included.insert(id, (level, operation, content));
    }

    /// Forgets what was included above a level: the block is gone.
    pub fn forget_above(&mut self, level: i32) {
        self.included.retain(|_, (at, ..)| *at <= level);
        let included = &self.included;
        self.remembered.retain(|id| included.contains_key(id));
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
            Some((level, operation, content)) => (
                Status::Included {
                    level: *level,
                    operation: *operation,
                },
                Some(content),
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

    fn contents(batches: &[Vec<Waiting>]) -> Vec<Vec<&str>> {
        let text = |waiting: &'_ Waiting| std::str::from_utf8(&waiting.content).unwrap().to_owned();
        batches
            .iter()
            .map(|batch| batch.iter().map(|w| &*text(w).leak()).collect())
            .collect()
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
        batcher.inject(words(&["a", "b"]), None, false).unwrap();
        batcher.inject(words(&["z"]), Some(5), false).unwrap();
        batcher.inject(words(&["y"]), Some(1), false).unwrap();
        let limits = Limits {
            batch_size: 10,
            ..Limits::default()
        };
        let batches = batcher.take(&limits);
        assert_eq!(contents(&batches), [["y", "z"], ["a", "b"]]);
        batcher
            .inject(words(&["1", "2", "3"]), None, false)
            .unwrap();
        let limits = Limits {
            batch_elements: 1,
            batches: 2,
            ..Limits::default()
        };
        assert_eq!(contents(&batcher.take(&limits)), [["1"], ["2"]]);
        assert_eq!(batcher.len(), 1);
    }

    #[test]
    fn duplicates_are_dropped_when_asked_wherever_the_first_is() {
        let mut batcher = Batcher::default();
        let twice = batcher.inject(words(&["x", "x"]), None, true).unwrap().ids;
        assert_eq!((twice[0], batcher.len()), (twice[1], 1));
        let taken = batcher.take(&Limits::default());
        batcher.included(taken[0][0].id, 7, 0, b"x".to_vec());
        assert_eq!(
            batcher.inject(words(&["x"]), None, true).unwrap(),
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
        batcher.forget_above(6);
        assert_eq!(batcher.status(&twice[0]).0, Status::Unknown);
    }

    #[test]
    fn what_is_too_large_or_too_much_is_refused_as_a_whole() {
        let mut batcher = Batcher::default();
        assert_eq!(
            batcher.inject(vec![vec![0; 4095], vec![0; 4096]], None, false),
            Err(Refused::TooLarge(1))
        );
        assert!(batcher.is_empty());
        batcher.inject(vec![vec![]; CAPACITY], None, false).unwrap();
        assert_eq!(
            batcher.inject(vec![vec![]], None, false),
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
        let ids = batcher.inject(words(&["a", "b"]), None, false).unwrap().ids;
        batcher.fill(&limits);
        assert_eq!(batcher.status(&ids[0]).0, Status::Pending);
        batcher.inject(words(&["c"]), Some(0), false).unwrap();
        batcher.fill(&limits);
        assert_eq!(
            batcher.status(&ids[0]),
            (Status::Batched(0), Some(&b"a"[..]))
        );
        assert_eq!(batcher.status(&ids[1]).0, Status::Pending);
        assert_eq!(batcher.len(), 3);
        assert_eq!(contents(&batcher.take(&limits)), [["c", "a"]]);
        assert_eq!(contents(&batcher.take(&limits)), [["b"]]);
        assert!(batcher.is_empty() && batcher.take(&limits).is_empty());
    }

    #[test]
    fn the_queue_can_be_cleared_in_part() {
        let mut batcher = Batcher::default();
        batcher.inject(words(&["a"]), None, false).unwrap();
        batcher.inject(words(&["b"]), Some(3), false).unwrap();
        batcher.inject(words(&["c"]), Some(9), false).unwrap();
        batcher.clear(Some(3), false);
        assert_eq!(batcher.len(), 2);
        batcher.clear(Some(3), true);
        assert_eq!(batcher.queue().next().unwrap().content, b"c");
    }
}
