//! What waits for the next block: messages of the batcher and operations of the simulated Layer 1. It survives the
//! process: everything that comes is written to a journal, and every block says what of it is settled.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::batcher::{Batcher, Limits, Refused, Waiting};
use super::block::Operation;
use super::journal::{Entry, Journal};
use super::log;
use crate::encoding::base58::MESSAGE;
use crate::encoding::hash::Hash;

/// What blocks have settled since the journal was made anew; kept with each block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Counters of messages that are in blocks: ranges, first and last.
    messages: Vec<(u64, u64)>,
    /// Operations below this number are in blocks.
    operations: u64,
    /// The counter of the next message.
    counter: u64,
}

impl Settled {
    fn add(&mut self, mut counters: Vec<u64>) {
        counters.sort_unstable();
        for counter in counters {
            match self.messages.last_mut() {
                Some((_, last)) if *last + 1 == counter => *last = counter,
                _ => self.messages.push((counter, counter)),
            }
        }
    }

    fn has(&self, counter: u64) -> bool {
        self.messages
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&counter))
    }
}

/// What was taken for a block.
pub(super) struct Taken {
    /// Operations in their order.
    pub(super) operations: Vec<Operation>,
    /// The messages of batches by the number of their operation.
    pub(super) batched: Vec<(u32, Vec<Waiting>)>,
    /// What the block settles, when it settles anything.
    pub(super) settled: Option<Settled>,
}

/// What waits.
pub struct Pool {
    /// Messages.
    pub batcher: Batcher,
    operations: Vec<Operation>,
    /// The number of the next operation.
    number: u64,
    journal: Journal,
    settled: Settled,
    /// How many entries of the journal are settled.
    gone: usize,
}

impl Pool {
    /// What the journal says and blocks have not settled.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn open(path: &Path, settled: Settled, limits: &Limits) -> Result<Self, String> {
        let (journal, entries) =
            Journal::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut pool = Self {
            batcher: Batcher::after(settled.counter),
            operations: Vec::new(),
            number: settled.operations,
            journal,
            settled,
            gone: 0,
        };
        for entry in entries {
            match entry {
                Entry::Message(waiting) if !pool.settled.has(waiting.counter) => {
                    pool.batcher.again(waiting);
                }
                Entry::Operation(number, operation) if number >= pool.settled.operations => {
                    pool.number = number + 1;
                    pool.operations.push(operation);
                }
                _ => {}
            }
        }
        pool.batcher.fill(limits);
        pool.renew()?;
        Ok(pool)
    }

    /// Takes messages in; see [`Batcher::inject`].
    ///
    /// # Errors
    /// If the batcher refuses one, or the journal cannot be written.
    pub fn inject(
        &mut self,
        messages: Vec<Vec<u8>>,
        order: Option<u64>,
        drop_duplicate: bool,
        limits: &Limits,
    ) -> Result<Result<Vec<Hash>, Refused>, String> {
        let injected = match self.batcher.inject(messages, order, drop_duplicate) {
            Ok(injected) => injected,
            Err(refused) => return Ok(Err(refused)),
        };
        if drop_duplicate && injected.new.len() < injected.ids.len() {
            for id in &injected.ids {
                if self.batcher.is_batched(id) {
                    log::notice(&format!(
                        "Message with {} was already batched or injected, it is not added to the batcher queue.",
                        MESSAGE.encode(id)
                    ));
                }
            }
        }
        let entries: Vec<Entry> = injected.new.into_iter().map(Entry::Message).collect();
        self.write(&entries)?;
        self.batcher.fill(limits);
        Ok(Ok(injected.ids))
    }

    /// Takes operations in.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn enqueue(&mut self, operations: Vec<Operation>) -> Result<(), String> {
        let entries: Vec<Entry> = (self.number..)
            .zip(&operations)
            .map(|(number, operation)| Entry::Operation(number, operation.clone()))
            .collect();
        self.number += operations.len() as u64;
        self.operations.extend(operations);
        self.write(&entries)
    }

    /// Writes down what has just been taken in; all anew when there may be a broken record.
    fn write(&mut self, entries: &[Entry]) -> Result<(), String> {
        match self.journal.append(entries) {
            Ok(()) => Ok(()),
            Err(_) => self.renew(),
        }
    }

    /// How many messages and operations wait.
    pub fn len(&self) -> usize {
        self.batcher.len() + self.operations.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Clears the batcher's queue; see [`Batcher::clear`].
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn clear(&mut self, below: Option<u64>, without_order: bool) -> Result<(), String> {
        self.batcher.clear(below, without_order);
        self.renew()
    }

    /// Takes what goes into a block.
    pub(super) fn take(&mut self, limits: &Limits, batches: bool) -> Taken {
        let mut operations = std::mem::take(&mut self.operations);
        let mut batched = Vec::new();
        let mut counters = Vec::new();
        if batches {
            for batch in self.batcher.take(limits) {
                let number = operations.len() as u32;
                counters.extend(batch.iter().map(|waiting| waiting.counter));
                let contents = batch.iter().map(|waiting| waiting.content.clone());
                operations.push(Operation::Messages(contents.collect()));
                batched.push((number, batch));
            }
        }
        self.gone += operations.len() + counters.len();
        let settled = (!operations.is_empty()).then(|| {
            self.settled.add(counters);
            self.settled.operations = self.number;
            self.settled.counter = self.batcher.counter();
            self.settled.clone()
        });
        Taken {
            operations,
            batched,
            settled,
        }
    }

    /// A block is kept: what it settled need no longer be in the journal.
    pub(super) fn settle(&mut self) {
        if self.journal.is_empty() || (!self.is_empty() && self.gone <= self.len()) {
            return;
        }
        if let Err(error) = self.renew() {
            log::notice(&format!("Warning: {error}"));
        }
    }

    /// The operations of blocks that are gone wait again, before all others.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(super) fn put_back(&mut self, mut operations: Vec<Operation>) -> Result<(), String> {
        operations.append(&mut self.operations);
        self.operations = operations;
        self.renew()
    }

    /// Writes the journal anew, with what waits now. Operations get new numbers, so that those of blocks stay below.
    fn renew(&mut self) -> Result<(), String> {
        let first = self.number.max(self.settled.operations);
        self.number = first + self.operations.len() as u64;
        let operations = (first..)
            .zip(&self.operations)
            .map(|(number, operation)| Entry::Operation(number, operation.clone()));
        let messages = self
            .batcher
            .all()
            .map(|waiting| Entry::Message(waiting.clone()));
        let entries: Vec<Entry> = operations.chain(messages).collect();
        self.journal.replace(&entries).map_err(unwritable)?;
        self.gone = 0;
        self.settled.messages.clear();
        self.settled.counter = self.batcher.counter();
        Ok(())
    }
}

fn unwritable(error: std::io::Error) -> String {
    format!("the journal of waiting messages cannot be written: {error}")
}
