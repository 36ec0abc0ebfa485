//! The batcher: messages wait in order, get their ids, and leave in batches (rollup-node.md, section 6).

use std::collections::{BTreeMap, HashMap, VecDeque};

use num_bigint::BigInt;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Batches of a block; 0 for as many as there are.
    pub batches: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: MAX_BATCH,
            batch_elements: 1_073_741_823,
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
    counter: u64,
    included: HashMap<Hash, (i32, u32, Vec<u8>)>,
    remembered: VecDeque<Hash>,
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
    /// Takes messages in; their ids in the same order. Nothing is taken when one is refused.
    ///
    /// # Errors
    /// If a message is too large, or the queue has no room.
    pub fn inject(
        &mut self,
        messages: Vec<Vec<u8>>,
        order: Option<u64>,
        drop_duplicate: bool,
    ) -> Result<Vec<Hash>, Refused> {
        if let Some(n) = messages
            .iter()
            .position(|message| message.len() > MAX_MESSAGE)
        {
            return Err(Refused::TooLarge(n));
        }
        if self.queue.len() + messages.len() > CAPACITY {
            return Err(Refused::Full);
        }
        let mut ids = Vec::with_capacity(messages.len());
        for content in messages {
            let counter = self.counter;
            self.counter += 1;
            let id = id(&content, (!drop_duplicate).then_some(counter));
            ids.push(id);
            if drop_duplicate && (self.waiting.contains_key(&id) || self.included.contains_key(&id))
            {
                continue;
            }
            let key = (order.is_none(), order.unwrap_or_default(), counter);
            self.waiting.insert(id, key);
            let waiting = Waiting {
                id,
                content,
                order,
                counter,
            };
            self.queue.insert(key, waiting);
        }
        Ok(ids)
    }

    /// The messages that wait, in the order in which they will leave.
    pub fn queue(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.values()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes the batches of a block out of the queue.
    pub fn take(&mut self, limits: &Limits) -> Vec<Vec<Waiting>> {
        let mut batches: Vec<Vec<Waiting>> = Vec::new();
        let mut size = 0;
        while let Some(entry) = self.queue.first_entry() {
            let cost = entry.get().content.len() + 4;
            let fits = batches.last().is_some_and(|batch| {
                size + cost <= limits.batch_size && batch.len() < limits.batch_elements
            });
            if !fits {
                if limits.batches > 0 && batches.len() == limits.batches {
                    break;
                }
                batches.push(Vec::new());
                size = 0;
            }
            let waiting = entry.remove();
            self.waiting.remove(&waiting.id);
            size += cost;
            if let Some(batch) = batches.last_mut() {
                batch.push(waiting);
            }
        }
        batches
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
            .unwrap();
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
        let twice = batcher.inject(words(&["x", "x"]), None, true).unwrap();
        assert_eq!((twice[0], batcher.len()), (twice[1], 1));
        let taken = batcher.take(&Limits::default());
        batcher.included(taken[0][0].id, 7, 0, b"x".to_vec());
        assert_eq!(
            batcher.inject(words(&["x"]), None, true).unwrap(),
            [twice[0]]
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
