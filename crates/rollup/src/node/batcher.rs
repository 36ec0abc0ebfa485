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
    /// Blocks for which it is remembered where a message is.
    pub retention: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: MAX_BATCH,
            batch_elements: 1_073_741_823,
            min_elements: 10,
            batches: 0,
            retention: 2048,
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

    /// How many batches wait for a block.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Makes batches of the whole queue, as at every new head.
    pub fn flush(&mut self, limits: &Limits) {
        while !self.queue.is_empty() {
            self.make_batch(limits);
        }
    }

    /// The batches of a block, by number, in the order of their first messages, in which messages leave; for those that it
    /// has room for, also what is left of the queue. They wait on until [`Self::include`] is told of the block.
    pub fn take(&mut self, limits: &Limits) -> Vec<u64> {
        let most = match limits.batches {
            0 => usize::MAX,
            most => most,
        };
        while self.batches.len() < most && !self.queue.is_empty() {
            self.make_batch(limits);
        }
        let order = |batch: &[Waiting]| {
            batch
                .first()
                .map(|first| (first.order.is_none(), first.order))
        };
        let mut numbers: Vec<u64> = self.batches.keys().copied().collect();
        numbers.sort_by_key(|number| order(self.batch(*number)));
        numbers.truncate(most);
        numbers
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

    /// Forgets messages in blocks below a level.
    pub fn forget(&mut self, level: i32) {
        while let Some(oldest) = self.remembered.front()
            && self
                .included
                .get(oldest)
                .is_none_or(|included| included.level < level)
        {
            self.included.remove(oldest);
            self.remembered.pop_front();
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

    /// Drops the batches that wait for a block, but those that are being put into one.
    pub fn drop_batches(&mut self, leaving: &[u64]) {
        self.batches.retain(|number, _| leaving.contains(number));
        self.batched.retain(|_, number| leaving.contains(number));
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
mod tests;
