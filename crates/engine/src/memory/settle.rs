//! Levels of a heap: how one begins, what changed in it, and how it is kept or undone. The pages that were written
//! in an execution stay open for the next one as its hot set, with a copy of their content beside them, so that an
//! execution which writes the same few pages as the one before it needs no call into the system.

use super::arena::{self, Arena};
use super::hot::Hot;
use super::marks::{Protection, WRITTEN};
use super::sys::{Access, host_page_size};
use super::tracker::{DIRTY, HOT, Level, MAX_LEVELS, TOUCHED, Tracker, WRITABLE, logged};
use super::{PAGE_SIZE, WASM_PAGE_SIZE, ZERO_PAGE};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hot pages of one heap: each costs a comparison of 4 KiB (about 0.1 µs) per execution.
const MAX_HOT: usize = 256;

/// Hot pages of all heaps together: each can make two separate regions, of which a process has 65530.
const MAX_HOT_TOTAL: usize = 12_000;
static HOT_TOTAL: AtomicUsize = AtomicUsize::new(0);

/// A page that was not written in so many executions is cold; a call into the system costs as much as some 40
/// comparisons, so cold pages are closed in batches.
const COLD_AFTER: u8 = 8;
const COLD_BATCH: usize = 16;

/// The largest gap between pages that are closed with one call.
const MAX_GAP: usize = 512;

/// From so many adjacent pages on, undoing writes to fresh pages gives their memory back.
pub(super) const DISCARD_FROM: usize = 16;

impl Tracker {
    /// Begins a level: from here on everything can be undone.
    ///
    /// # Errors
    ///
    /// More than [`MAX_LEVELS`] levels, and the system's when it refuses the memory for the log.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        if self.depth == MAX_LEVELS {
            return Err(io::Error::other("too many levels in a heap"));
        }
        if self.depth == 0 {
            self.fill()?;
            self.arena = Some(Arena::take()?);
            self.touches.followed = false;
            self.touches.bypassed = false;
        } else {
            self.unveil();
            self.close_outer_level()?;
        }
        let start = self.arena.as_ref().map_or(0, Arena::len);
        self.levels[self.depth] = Level {
            start,
            size: self.size,
        };
        self.depth += 1;
        self.counted = false;
        Ok(())
    }

    /// Before an inner level begins, no page may be open: the inner level has to see its own first writes.
    ///
    /// # Errors
    ///
    /// No room in the log.
    fn close_outer_level(&mut self) -> io::Result<()> {
        let mut pages = self.log_hot()?;
        pages.extend(self.log_ref().entries(0).iter().map(|entry| entry.page));
        if self.close(pages).is_err() {
            self.close_everything();
        }
        Ok(())
    }

    /// Empties the hot set within a level: what has changed is in the log, like any other page. Tells which pages there were.
    ///
    /// # Errors
    ///
    /// No room in the log.
    pub(super) fn log_hot(&mut self) -> io::Result<Vec<u32>> {
        self.count_changed();
        let level = logged(self.depth - 1);
        let hot = std::mem::take(&mut self.hot);
        for hot in &hot {
            let state = &mut self.state[hot.page as usize];
            *state &= !HOT;
            if hot.changed {
                *state |= level | TOUCHED;
                self.log_mut().push(hot.page, Some(&hot.copy))?;
            }
        }
        HOT_TOTAL.fetch_sub(hot.len(), Ordering::Relaxed);
        Ok(hot.iter().map(|hot| hot.page).collect())
    }

    fn log_ref(&self) -> &Arena {
        self.arena.as_ref().expect("an open level has an arena")
    }

    fn log_mut(&mut self) -> &mut Arena {
        self.arena.as_mut().expect("an open level has an arena")
    }

    /// The innermost level, with its index.
    fn innermost(&self) -> (usize, Level) {
        let index = self
            .depth
            .checked_sub(1)
            .expect("a level of the heap is open");
        (index, self.levels[index])
    }

    /// Marks and counts the pages whose content differs from that at the begin of the innermost level.
    pub(super) fn count_changed(&mut self) -> usize {
        let (_, level) = self.innermost();
        if !self.counted {
            self.unveil_changes();
            let mut arena = self.arena.take().expect("an open level has an arena");
            for index in 0..arena.len() - level.start {
                let entry = arena.entries(level.start)[index];
                let changed = self.page(entry.page as usize) != arena.old(entry);
                arena.entries_mut(level.start)[index].changed = changed;
            }
            self.arena = Some(arena);
            self.count_hot();
            self.counted = true;
        }
        let logged = self
            .log_ref()
            .entries(level.start)
            .iter()
            .filter(|entry| entry.changed)
            .count();
        logged + self.hot.iter().filter(|hot| hot.changed).count()
    }

    /// The pages whose content differs from that at the begin of the innermost level.
    pub(super) fn changed_pages(&mut self) -> Vec<u32> {
        let count = self.count_changed();
        let (_, level) = self.innermost();
        let mut pages = Vec::with_capacity(count);
        pages.extend(
            self.log_ref()
                .entries(level.start)
                .iter()
                .filter(|entry| entry.changed)
                .map(|entry| entry.page),
        );
        pages.extend(
            self.hot
                .iter()
                .filter(|hot| hot.changed)
                .map(|hot| hot.page),
        );
        pages
    }

    /// Keeps everything since the innermost level began, and ends the level.
    pub(super) fn commit(&mut self) {
        let (index, _) = self.innermost();
        if index > 0 {
            self.merge();
            return;
        }
        // A log too long for the hot set needs no comparison.
        if self.log_ref().len() <= MAX_HOT {
            self.count_changed();
        } else if !self.counted {
            self.unveil_changes();
            self.count_hot();
        }
        let mut hot = std::mem::take(&mut self.hot);
        for hot in hot.iter_mut().filter(|hot| hot.changed) {
            hot.copy.copy_from_slice(self.page(hot.page as usize));
        }
        self.hot = hot;
        self.end(false);
    }

    /// Marks the hot pages that changed. Inner levels have no hot set.
    fn count_hot(&mut self) {
        let mut hot = std::mem::take(&mut self.hot);
        for hot in &mut hot {
            let veiled = self.protection == Protection::Veil;
            let written = !veiled || self.touches.has(hot.page, WRITTEN);
            hot.changed = written && self.page(hot.page as usize) != &*hot.copy;
        }
        self.hot = hot;
    }

    /// Undoes everything since the innermost level began, and ends the level.
    pub(super) fn rollback(&mut self) {
        self.count_changed();
        let (index, level) = self.innermost();
        self.shrink_to(level.size);
        self.restore(level.start);
        if index > 0 {
            self.merge()
        } else {
            self.end(true)
        }
    }

    /// Gives the pages back that grew within the innermost level.
    fn shrink_to(&mut self, size: usize) {
        if size == self.size {
            return;
        }
        let (start, kept, old) = (self.innermost().1.start, size / PAGE_SIZE, self.pages());
        let mut arena = self.arena.take().expect("an open level has an arena");
        arena.retain(start, |entry| {
            let keep = (entry.page as usize) < kept;
            if !keep {
                self.forget_page(entry.page as usize);
            }
            keep
        });
        self.arena = Some(arena);
        // SAFETY: no references into the heap exist but those of methods of the tracker, none of which is active.
        let reset = unsafe { self.space.reset(kept..old) };
        // Replacing a piece at the end of a mapping by what lies behind it makes no new region.
        reset.expect("the system takes back memory that it gave");
        self.forget_touches(size / WASM_PAGE_SIZE);
        self.size = size;
    }

    /// Writes the old content of all changed pages back.
    fn restore(&mut self, start: usize) {
        let closed = |entry: &u32| self.state[*entry as usize] & WRITABLE == 0;
        let changed = |arena: &Arena| -> Vec<u32> {
            arena
                .entries(start)
                .iter()
                .filter(|entry| entry.changed)
                .map(|entry| entry.page)
                .collect()
        };
        // Pages of an outer level were closed when an inner one began.
        let reopen: Vec<u32> = changed(self.log_ref()).into_iter().filter(closed).collect();
        for run in self.runs(reopen) {
            if self.open(run).is_err() {
                self.open(0..self.pages())
                    .expect("the system opens memory in one piece");
                break;
            }
        }
        let arena = self.arena.take().expect("an open level has an arena");
        let mut fresh = Vec::new();
        for entry in arena.entries(start).iter().filter(|entry| entry.changed) {
            if entry.was_zero() {
                fresh.push(entry.page);
            } else {
                self.page_mut(entry.page as usize)
                    .copy_from_slice(arena.old(*entry));
            }
        }
        self.arena = Some(arena);
        for run in adjacent(fresh) {
            if run.len() >= DISCARD_FROM {
                // SAFETY: the pages are open (the loop above would have refused them otherwise), and no reference
                // into the heap exists.
                unsafe { self.space.discard(run) };
            } else {
                run.for_each(|page| *self.page_mut(page) = ZERO_PAGE);
            }
        }
        let mut hot = std::mem::take(&mut self.hot);
        for hot in hot.iter_mut().filter(|hot| hot.changed) {
            *self.page_mut(hot.page as usize) = *hot.copy;
        }
        self.hot = hot;
    }

    /// Ends an inner level: its log becomes part of the outer level's, in which the oldest content of a page wins.
    /// After a rollback the entries are as true for the outer level, since the content is what it was.
    fn merge(&mut self) {
        let (index, level) = self.innermost();
        let (inner, outer) = (logged(index), logged(index - 1));
        let mut arena = self.arena.take().expect("an open level has an arena");
        arena.retain(level.start, |entry| {
            let state = &mut self.state[entry.page as usize];
            let new_to_outer = *state & outer == 0;
            *state = *state & !inner | outer;
            new_to_outer
        });
        self.arena = Some(arena);
        self.depth -= 1;
        self.counted = false;
    }

    /// Ends the outermost level: decides which pages stay open, and closes the others.
    fn end(&mut self, undone: bool) {
        let arena = self.arena.take().expect("an open level has an arena");
        let entries = arena.entries(0);
        if !undone && self.base.is_some() {
            self.note_dirty(entries);
        }
        for hot in &mut self.hot {
            hot.idle = if hot.changed {
                0
            } else {
                hot.idle.saturating_add(1)
            };
            hot.changed = false;
        }
        self.admit(&arena);
        let mut closing = Vec::new();
        for entry in entries {
            let page = entry.page as usize;
            self.clear_logged(page);
            if self.state[page] & HOT != 0 {
                continue;
            }
            if entry.was_zero() && (undone || (self.counted && !entry.changed)) {
                self.state[page] &= !TOUCHED;
            }
            closing.push(entry.page);
        }
        arena.give_back();
        self.depth = 0;
        self.openings = self.hot.len();
        self.counted = false;
        self.cool_down(&mut closing);
        if self.close(closing).is_err() {
            self.close_everything();
        }
    }

    /// Notes the pages that the level changed, or may have changed, for the next image.
    fn note_dirty(&mut self, entries: &[arena::Entry]) {
        let logged = entries
            .iter()
            .filter(|entry| entry.changed || !self.counted);
        let hot = self.hot.iter().filter(|hot| hot.changed);
        for page in logged
            .map(|entry| entry.page)
            .chain(hot.map(|hot| hot.page))
        {
            let state = &mut self.state[page as usize];
            if *state & DIRTY == 0 {
                *state |= DIRTY;
                self.dirty.push(page);
            }
        }
    }

    /// Takes the changed pages of this execution into the hot set if they all fit.
    fn admit(&mut self, arena: &Arena) {
        // On hosts with larger pages, closing a page would close its hot neighbour.
        if !self.counted || self.protection == Protection::None || host_page_size() != PAGE_SIZE {
            return;
        }
        let candidates: Vec<u32> = arena
            .entries(0)
            .iter()
            .filter(|entry| entry.changed && self.state[entry.page as usize] & WRITABLE != 0)
            .map(|entry| entry.page)
            .collect();
        let count = candidates.len();
        if self.hot.len() + count > MAX_HOT {
            return;
        }
        if HOT_TOTAL.fetch_add(count, Ordering::Relaxed) + count > MAX_HOT_TOTAL {
            HOT_TOTAL.fetch_sub(count, Ordering::Relaxed);
            return;
        }
        for page in candidates {
            self.state[page as usize] |= HOT;
            let copy = Box::new(*self.page(page as usize));
            self.hot.push(Hot {
                page,
                idle: 0,
                changed: false,
                copy,
            });
        }
    }

    /// Takes cold pages out of the hot set, once there are enough of them to be worth it.
    fn cool_down(&mut self, closing: &mut Vec<u32>) {
        let cold = |hot: &Hot| hot.idle >= COLD_AFTER;
        let count = self.hot.iter().filter(|hot| cold(hot)).count();
        if count < COLD_BATCH {
            return;
        }
        let state = &mut self.state;
        self.hot.retain(|hot| {
            if cold(hot) {
                state[hot.page as usize] &= !HOT;
                closing.push(hot.page);
            }
            !cold(hot)
        });
        HOT_TOTAL.fetch_sub(count, Ordering::Relaxed);
    }

    /// Takes pages that are about to vanish out of the hot set.
    pub(super) fn forget_hot(&mut self, vanish: impl Fn(u32) -> bool) {
        let before = self.hot.len();
        self.hot.retain(|hot| !vanish(hot.page));
        HOT_TOTAL.fetch_sub(before - self.hot.len(), Ordering::Relaxed);
    }

    /// Empties the hot set. Only outside of levels.
    pub(super) fn cool(&mut self) {
        if self.depth > 0 || self.hot.is_empty() {
            return;
        }
        self.close_everything();
    }

    /// Makes pages read-only, with as few calls as possible.
    fn close(&mut self, mut pages: Vec<u32>) -> io::Result<()> {
        pages.retain(|page| self.state[*page as usize] & WRITABLE != 0);
        for page in &pages {
            self.state[*page as usize] &= !WRITABLE;
        }
        // Behind the veil nothing can be written, and what lies before it is closed when the heap is followed next.
        if self.protection != Protection::Pages {
            return Ok(());
        }
        for run in self.runs(pages) {
            self.protect(run, Access::Read)?;
        }
        Ok(())
    }

    /// Makes the whole memory read-only, which leaves one region and cannot fail for want of regions.
    pub(super) fn close_everything(&mut self) {
        for hot in std::mem::take(&mut self.hot) {
            self.state[hot.page as usize] &= !(HOT | WRITABLE);
            HOT_TOTAL.fetch_sub(1, Ordering::Relaxed);
        }
        self.openings = 0;
        self.protect(0..self.pages(), Access::Read)
            .expect("the system closes memory in one piece");
        if self.protection == Protection::Veil {
            self.protection = Protection::Pages;
        }
        self.forget_touches(0);
    }

    /// Sorts pages into runs. Short gaps are included where all pages in them are closed already.
    pub(super) fn runs(&self, mut pages: Vec<u32>) -> Vec<Range<usize>> {
        pages.sort_unstable();
        let mut runs: Vec<Range<usize>> = Vec::new();
        for page in pages {
            let page = page as usize;
            match runs.last_mut() {
                Some(run)
                    if page - run.end.min(page) <= MAX_GAP
                        && self.state[run.end.min(page)..page]
                            .iter()
                            .all(|state| state & WRITABLE == 0) =>
                {
                    run.end = page + 1;
                }
                _ => runs.push(page..page + 1),
            }
        }
        runs
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        HOT_TOTAL.fetch_sub(self.hot.len(), Ordering::Relaxed);
    }
}

/// Sorts pages into runs without gaps.
pub(super) fn adjacent(mut pages: Vec<u32>) -> Vec<Range<usize>> {
    pages.sort_unstable();
    let mut runs: Vec<Range<usize>> = Vec::new();
    for page in pages {
        match runs.last_mut() {
            Some(run) if run.end == page as usize => run.end += 1,
            _ => runs.push(page as usize..page as usize + 1),
        }
    }
    runs
}
