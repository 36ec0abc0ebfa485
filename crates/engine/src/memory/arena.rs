//! Where the old content of changed heap pages is kept while a level is open: a log of pages and a stack of copies.
//! Everything is allocated before the level begins, because pages are logged by a signal handler. Arenas are lent
//! from a pool, so that their address space is paid per running execution and not per canister.

use super::scarce::fair_share;
use super::sys::{Buffer, Zeroable};
use super::{MAX_HEAP_BYTES, MAX_LEVELS, PAGE_SIZE, Page, ZERO_PAGE};
use std::io;
use std::sync::{Mutex, PoisonError};

/// Each level logs a page at most once.
const CAPACITY: usize = MAX_LEVELS * (MAX_HEAP_BYTES / PAGE_SIZE);

/// Pages for which there is room at least where address space is scarce.
const LEAST: usize = (2 << 20) / PAGE_SIZE;

/// What an arena in the pool may keep of the memory it has used: refilling it costs a page fault per copy.
const KEPT_COPIES: usize = (64 << 20) / PAGE_SIZE;
const KEPT_ENTRIES: usize = 1 << 18;

/// More arenas than this are not kept; there are as many in use as heaps that execute at the same time.
const POOL: usize = 8;

static FREE: Mutex<Vec<Arena>> = Mutex::new(Vec::new());

/// One logged page.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Entry {
    /// The page's number.
    pub(super) page: u32,
    /// Where its old content is: a number of a copy, or `ZERO` for a page that had never been written.
    copy: u32,
    /// Whether the content differed from the old one when that was last looked at.
    pub(super) changed: bool,
}

const ZERO: u32 = u32::MAX;

// SAFETY: two integers and a boolean, for all of which zero is a value; `Copy`, aligned to four bytes.
unsafe impl Zeroable for Entry {}

impl Entry {
    /// Whether the page had never been written before it was logged.
    pub(super) fn was_zero(self) -> bool {
        self.copy == ZERO
    }
}

#[derive(Debug)]
pub(super) struct Arena {
    entries: Buffer<Entry>,
    copies: Buffer<Page>,
    entry_count: usize,
    copy_count: usize,
    /// The largest counts since the arena was taken: what has memory.
    entry_peak: usize,
    copy_peak: usize,
}

impl Arena {
    /// An empty arena from the pool.
    ///
    /// # Errors
    ///
    /// The system's, when it refuses even the address space of a small one.
    pub(super) fn take() -> io::Result<Self> {
        if let Some(arena) = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(arena);
        }
        let each = size_of::<Entry>() + PAGE_SIZE;
        let mut count = (fair_share(CAPACITY * each) / each).max(LEAST);
        loop {
            match Arena::with_room(count) {
                Err(_) if count > LEAST => count = (count / 4).max(LEAST),
                made => return made,
            }
        }
    }

    /// An arena for so many pages.
    fn with_room(count: usize) -> io::Result<Self> {
        Ok(Arena {
            entries: Buffer::new(count)?,
            copies: Buffer::new(count)?,
            entry_count: 0,
            copy_count: 0,
            entry_peak: 0,
            copy_peak: 0,
        })
    }

    /// Gives the arena back to the pool.
    pub(super) fn give_back(mut self) {
        self.entry_peak = self.entry_peak.max(self.entry_count);
        self.copy_peak = self.copy_peak.max(self.copy_count);
        self.entries.release(KEPT_ENTRIES..self.entry_peak);
        self.copies.release(KEPT_COPIES..self.copy_peak);
        self.entry_count = 0;
        self.copy_count = 0;
        self.entry_peak = self.entry_peak.min(KEPT_ENTRIES);
        self.copy_peak = self.copy_peak.min(KEPT_COPIES);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOL {
            free.push(self);
        }
    }

    /// Logs a page with its old content, `None` for zero. Safe to call in a signal handler.
    ///
    /// # Errors
    ///
    /// No room, in an arena for which the system did not give all the address space.
    pub(super) fn push(&mut self, page: u32, old: Option<&Page>) -> io::Result<()> {
        self.entries.reach(self.entry_count + 1)?;
        let copy = match old {
            None => ZERO,
            Some(old) => {
                self.copies.reach(self.copy_count + 1)?;
                self.copies[self.copy_count].copy_from_slice(old);
                self.copy_count += 1;
                (self.copy_count - 1) as u32
            }
        };
        self.entries[self.entry_count] = Entry {
            page,
            copy,
            changed: false,
        };
        self.entry_count += 1;
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.entry_count
    }

    pub(super) fn entries(&self, from: usize) -> &[Entry] {
        &self.entries[from..self.entry_count]
    }

    pub(super) fn entries_mut(&mut self, from: usize) -> &mut [Entry] {
        &mut self.entries[from..self.entry_count]
    }

    /// The content the page had when it was logged.
    pub(super) fn old(&self, entry: Entry) -> &Page {
        if entry.was_zero() {
            &ZERO_PAGE
        } else {
            &self.copies[entry.copy as usize]
        }
    }

    /// Drops the entries from `from` on for which `keep` says no, and closes the gaps.
    pub(super) fn retain(&mut self, from: usize, mut keep: impl FnMut(Entry) -> bool) {
        self.entry_peak = self.entry_peak.max(self.entry_count);
        self.copy_peak = self.copy_peak.max(self.copy_count);
        let first_copy = self.entries(from).iter().find(|entry| !entry.was_zero());
        // Copies lie in the order of their entries, so each of them moves down or stays.
        let mut copies = first_copy.map_or(self.copy_count, |entry| entry.copy as usize);
        let mut kept = from;
        for index in from..self.entry_count {
            let mut entry = self.entries[index];
            if !keep(entry) {
                continue;
            }
            if !entry.was_zero() {
                let old = entry.copy as usize;
                if old != copies {
                    self.copies.copy_within(old..old + 1, copies);
                }
                entry.copy = copies as u32;
                copies += 1;
            }
            self.entries[kept] = entry;
            kept += 1;
        }
        self.entry_count = kept;
        self.copy_count = copies;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old_bytes(arena: &Arena) -> Vec<(u32, u8)> {
        arena
            .entries(0)
            .iter()
            .map(|entry| (entry.page, arena.old(*entry)[77]))
            .collect()
    }

    #[test]
    fn old_contents_are_found_again_after_others_were_dropped() {
        let mut arena = Arena::take().unwrap();
        for page in 0..10u32 {
            let content = [page as u8; PAGE_SIZE];
            arena
                .push(page, (page % 3 != 0).then_some(&content))
                .unwrap();
        }
        arena.retain(4, |entry| entry.page % 2 == 1);
        assert_eq!(
            old_bytes(&arena),
            [(0, 0), (1, 1), (2, 2), (3, 0), (5, 5), (7, 7), (9, 0)]
        );
        arena.push(20, Some(&[20; PAGE_SIZE])).unwrap();
        arena.retain(0, |entry| entry.page > 4);
        assert_eq!(old_bytes(&arena), [(5, 5), (7, 7), (9, 0), (20, 20)]);
        arena.give_back();
    }

    #[test]
    fn an_arena_from_the_pool_is_empty() {
        let mut arena = Arena::take().unwrap();
        arena.push(1, Some(&[1; PAGE_SIZE])).unwrap();
        arena.give_back();
        assert_eq!(Arena::take().unwrap().len(), 0);
    }

    #[test]
    fn a_small_arena_takes_as_much_as_there_is_room_for() {
        let mut arena = Arena::with_room(2).unwrap();
        arena.push(1, None).unwrap();
        arena.push(2, Some(&[2; PAGE_SIZE])).unwrap();
        let refused = arena.push(3, None).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
        assert_eq!(old_bytes(&arena), [(1, 0), (2, 2)]);
    }
}
