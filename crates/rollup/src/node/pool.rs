//! What waits for the next block: messages of the batcher and operations of the simulated Layer 1. It survives the
//! process: everything that comes is written to a journal, and every block says what of it is settled.

use std::collections::VecDeque;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::batcher::{Batcher, Limits, Refused};
use super::block::{Block, Operation};
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
    /// How many of them are no batches.
    bare: usize,
    /// The batches that follow them, by number.
    pub(super) batches: Vec<u64>,
    /// What the block settles, when it settles anything.
    pub(super) settled: Option<Settled>,
}

/// What waits.
pub struct Pool {
    /// Messages.
    pub batcher: Batcher,
    /// Operations with their numbers, in the order in which they leave.
    operations: VecDeque<(u64, Operation)>,
    /// The number of the next operation.
    number: u64,
    journal: Journal,
    settled: Settled,
    /// How many entries of the journal are settled.
    gone: usize,
    /// How many operations go into the block that is being made, and which batches; `None` between blocks.
    leaving: Option<(usize, Vec<u64>)>,
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
            operations: VecDeque::new(),
            number: settled.operations,
            journal,
            settled,
            gone: 0,
            leaving: None,
        };
        for entry in entries {
            match entry {
                Entry::Message(waiting) if !pool.settled.has(waiting.counter) => {
                    pool.batcher.again(waiting);
                }
                Entry::Operation(number, operation) if number >= pool.settled.operations => {
                    pool.number = pool.number.max(number + 1);
                    pool.operations.push_back((number, operation));
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
        let injected = match self.batcher.inject(messages, order, drop_duplicate, limits) {
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

    /// Takes operations in. Where they will be, unless blocks cannot be made or go: how many levels above the head, and the
    /// number of the first in its block.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn enqueue(&mut self, operations: Vec<Operation>) -> Result<(i32, u32), String> {
        let place = match &self.leaving {
            Some((leaving, _)) => (2, self.operations.len() - leaving),
            None => (1, self.operations.len()),
        };
        let first = self.number;
        self.number += operations.len() as u64;
        let entries: Vec<Entry> = (first..)
            .zip(&operations)
            .map(|(number, operation)| Entry::Operation(number, operation.clone()))
            .collect();
        self.operations.extend((first..).zip(operations));
        self.write(&entries)?;
        Ok((place.0, place.1 as u32))
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

    /// Drops the batches that wait for a block after the one that is being made.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn drop_batches(&mut self) -> Result<(), String> {
        let leaving = self.leaving.as_ref();
        self.batcher
            .drop_batches(leaving.map_or(&[], |(_, batches)| batches.as_slice()));
        self.renew()
    }

    /// What goes into the next block, which has room for so many messages; it waits on until [`Self::settle`] is told of the
    /// block, so that nothing is lost when that cannot be made.
    pub(super) fn take(&mut self, limits: &Limits, batches: bool, room: usize) -> Taken {
        let mut room = room;
        let mut fits = |messages: usize| {
            let left = room.checked_sub(messages);
            room = left.unwrap_or_default();
            left.is_some()
        };
        let bare = self.operations.iter().map(|(_, operation)| operation);
        let bare = bare.take_while(|operation| fits(operation.messages()));
        let mut operations: Vec<Operation> = bare.cloned().collect();
        let mut taken = Taken {
            bare: operations.len(),
            operations: Vec::new(),
            batches: Vec::new(),
            settled: None,
        };
        if batches {
            taken.batches = self.batcher.take(limits);
            let batcher = &self.batcher;
            let full = taken
                .batches
                .iter()
                .position(|number| !fits(batcher.batch(*number).len()));
            taken.batches.truncate(full.unwrap_or(usize::MAX));
        }
        self.leaving = Some((taken.bare, taken.batches.clone()));
        let mut settled = self.settled.clone();
        for number in &taken.batches {
            let batch = self.batcher.batch(*number);
            settled.add(batch.iter().map(|waiting| waiting.counter).collect());
            let contents = batch.iter().map(|waiting| waiting.content.clone());
            operations.push(Operation::Messages(contents.collect()));
        }
        if !operations.is_empty() {
            let left = self.operations.get(taken.bare);
            settled.operations = left.map_or(self.number, |(number, _)| *number);
            settled.counter = self.batcher.counter();
            taken.settled = Some(settled);
        }
        taken.operations = operations;
        taken
    }

    /// The block for which was taken cannot be made.
    pub(super) fn keep(&mut self) {
        self.leaving = None;
    }

    /// What was taken is in the block of a level, which is kept: it no longer waits, and need not be in the journal.
    pub(super) fn settle(&mut self, taken: &Taken, level: i32, limits: &Limits) {
        self.leaving = None;
        self.operations.drain(..taken.bare);
        self.gone += taken.bare;
        for (operation, number) in (taken.bare as u32..).zip(&taken.batches) {
            let batch = self.batcher.batch(*number);
            self.gone += batch.len();
            self.settled
                .add(batch.iter().map(|waiting| waiting.counter).collect());
            self.batcher.include(*number, level, operation);
        }
        self.batcher.flush(limits);
        self.batcher.forget(level.saturating_sub(limits.retention));
        if let Some(settled) = &taken.settled {
            self.settled.operations = settled.operations;
            self.settled.counter = settled.counter;
        }
        if self.journal.is_empty() || (!self.is_empty() && self.gone <= self.len()) {
            return;
        }
        if let Err(error) = self.renew() {
            log::notice(&format!("Warning: {error}"));
        }
    }

    /// The blocks above a level go: their operations wait again, before all others, and messages of the batcher are its
    /// messages again. What blocks have then settled.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(super) fn put_back(
        &mut self,
        level: i32,
        gone: &[Block],
        limits: &Limits,
    ) -> Result<Settled, String> {
        let operations: Vec<(i32, u32, &Operation)> = gone
            .iter()
            .flat_map(|block| {
                let numbered = (0..).zip(&block.operations);
                numbered.map(|(number, operation)| (block.level, number, operation))
            })
            .collect();
        let counts: Vec<(i32, u32, usize)> = operations
            .iter()
            .map(|(level, number, operation)| match operation {
                Operation::Messages(messages) => (*level, *number, messages.len()),
                Operation::Serialized(_) => (*level, *number, usize::MAX),
            })
            .collect();
        let known = self.batcher.give_back(level, &counts);
        let bare = operations.iter().zip(known).filter(|(_, known)| !known);
        let bare: Vec<&Operation> = bare.map(|((.., operation), _)| *operation).collect();
        // New numbers, above those that blocks have settled, and in their order.
        let first = self.number.max(self.settled.operations);
        let waiting = std::mem::take(&mut self.operations);
        let waiting = waiting.into_iter().map(|(_, operation)| operation);
        let all = bare.into_iter().cloned().chain(waiting);
        self.operations = (first..).zip(all).collect();
        self.number = first + self.operations.len() as u64;
        self.batcher.fill(limits);
        self.renew()?;
        Ok(self.settled.clone())
    }

    /// Writes the journal anew, with what waits now.
    fn renew(&mut self) -> Result<(), String> {
        let operations = self
            .operations
            .iter()
            .map(|(number, operation)| Entry::Operation(*number, operation.clone()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_waits_until_its_block_is_kept_and_knows_its_place_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waiting");
        let limits = Limits::default();
        let mut pool = Pool::open(&path, Settled::default(), &limits).unwrap();
        let operations = |n: u8| (0..n).map(|n| Operation::Serialized(vec![n])).collect();
        assert_eq!(pool.enqueue(operations(2)), Ok((1, 0)));
        let taken = pool.take(&limits, true, 9);
        // A block is being made with two of them.
        assert_eq!(pool.enqueue(operations(1)), Ok((2, 0)));
        assert_eq!(pool.enqueue(operations(1)), Ok((2, 1)));
        assert_eq!(pool.len(), 4);
        pool.settle(&taken, 5, &limits);
        assert_eq!(pool.enqueue(operations(1)), Ok((1, 2)));
        // The next one cannot be made.
        let next = pool.take(&limits, true, 9);
        assert_eq!(next.operations.len(), 3);
        pool.keep();
        assert_eq!(pool.enqueue(operations(1)), Ok((1, 3)));
        drop(pool);
        let settled = taken.settled.unwrap();
        let pool = Pool::open(&path, settled, &limits).unwrap();
        assert_eq!(pool.len(), 4);
    }

    #[test]
    fn what_a_block_has_no_room_for_waits_for_the_next_and_comes_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waiting");
        let limits = Limits::default();
        let mut pool = Pool::open(&path, Settled::default(), &limits).unwrap();
        let operations = (0..3).map(|n| Operation::Serialized(vec![n])).collect();
        pool.enqueue(operations).unwrap();
        let injected = pool.inject(vec![vec![7]; 2], None, false, &limits);
        assert_eq!(injected.unwrap().unwrap().len(), 2);
        let mut blocks = Vec::new();
        while !pool.is_empty() {
            let taken = pool.take(&limits, true, 2);
            blocks.push(taken.operations.clone());
            pool.settle(&taken, 1, &limits);
            // The process may die after any block.
            let settled = taken.settled.unwrap();
            let again = Pool::open(&path, settled, &limits).unwrap();
            assert_eq!(again.len(), pool.len());
            pool = again;
        }
        let bare = |n: u8| Operation::Serialized(vec![n]);
        let batch = Operation::Messages(vec![vec![7]; 2]);
        assert_eq!(blocks, [vec![bare(0), bare(1)], vec![bare(2)], vec![batch]]);
    }
}
