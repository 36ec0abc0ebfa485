//! Which pages of a heap may be written, and the log of what they held before: the part of the heap that runs in
//! the handler of memory faults. Nothing in the way of a fault allocates or takes a lock.
//!
//! A page that may not be written is read-only for the machine. The first write to it faults; the page's content is
//! logged, the page is opened, and the write is tried again. `settle.rs` closes pages again.

use super::arena::Arena;
use super::hot::Hot;
use super::marks::{Counting, Protection, Touches};
use super::pages::Pages;
use super::portable::{self, List};
use super::scarce;
use super::sys::{Access, GUARD, Reservation, host_page_size};
use super::{PAGE_SIZE, Page};
use crate::allocator::refused_while_running;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Levels that can be open at the same time.
pub const MAX_LEVELS: usize = 4;

/// The widest window that one fault opens, in pages (2 MiB).
const MAX_WINDOW: usize = 512;

/// A process may have 65530 separate regions of memory, and each open page between closed ones makes two. From so
/// many separate openings on, a fault opens an aligned block of that many pages.
const BLOCKS: [(usize, usize); 3] = [(0, 1), (2048, 64), (8192, 512)];

/// Bits of a page's state. The lowest four say which levels have logged the page.
pub(crate) const WRITABLE: u8 = 0x80;
/// The page is in the hot set.
pub(super) const HOT: u8 = 0x40;
/// The page may hold something else than zeros.
pub(super) const TOUCHED: u8 = 0x20;
/// The page may differ from the base, and is in the list of those that do.
pub(super) const DIRTY: u8 = 0x10;
const LOGGED: u8 = 0x0f;

/// The bit that says that the level with this index has logged a page.
pub(super) fn logged(level: usize) -> u8 {
    1 << level
}

/// A point to which the heap can return.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    /// Where the level's entries start in the arena.
    pub(super) start: usize,
    /// The size of the heap at that point, in bytes.
    pub(super) size: usize,
}

#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) space: Reservation,
    /// The bytes that may become accessible.
    capacity: usize,
    /// The bytes before the guard; less than the capacity of a short one that is not as large as can be.
    reserved: usize,
    /// The bytes that are accessible.
    pub(super) size: usize,
    /// A state per page. Not a mapping of its own: a process may have some ten thousand heaps, and has 65530 mappings.
    pub(super) state: List,
    /// Present while a level is open.
    pub(super) arena: Option<Arena>,
    pub(super) levels: [Level; MAX_LEVELS],
    pub(super) depth: usize,
    pub(super) hot: Vec<Hot>,
    /// Separate openings since the outermost level began.
    pub(super) openings: usize,
    /// Whether the marks of the innermost level's changed pages are those of the present content.
    pub(super) counted: bool,
    /// What the heap held when its image was last taken or put back; see `fork.rs`.
    pub(super) base: Option<Pages>,
    /// Pages that were changed for good since then. Empty without a base.
    pub(super) dirty: Vec<u32>,
    /// The heap is to hold the base, but nobody has needed its content yet; see `fork.rs`.
    pub(super) unfilled: bool,
    /// Which Wasm pages were touched.
    pub(super) touches: Touches,
    pub(super) protection: Protection,
    /// Where code sees the state of pages and the marks, in the portable way.
    lists: Option<Arc<Reservation>>,
}

impl Tracker {
    /// A tracker of an empty memory that can grow to `capacity` bytes, at the start of `reserved` bytes which,
    /// with a guard behind them, belong to it and are never accessible beyond the capacity.
    pub(super) fn new(capacity: usize, reserved: usize) -> io::Result<Self> {
        if portable::is_portable() {
            return Tracker::on(Reservation::new(capacity)?, capacity, capacity);
        }
        let reserved = reserved.max(capacity);
        Tracker::on(Reservation::new(reserved + GUARD)?, capacity, reserved)
    }

    /// A tracker that takes as many bytes as the memory has, at first `least`, and no guard: only code that checks its bounds
    /// can run on it.
    pub(super) fn short(capacity: usize, least: usize) -> io::Result<Self> {
        let reserved = least.max(1).next_multiple_of(super::WASM_PAGE_SIZE);
        Tracker::on(scarce::extensible(reserved)?, capacity, reserved)
    }

    fn on(space: Reservation, capacity: usize, reserved: usize) -> io::Result<Self> {
        let mut touches = Touches::default();
        let (mut state, mut lists) = (List::default(), None);
        if portable::is_portable() {
            let (space, [marks, states]) = portable::shown()?;
            (state, lists, touches.marks) = (states, Some(space), Some(marks));
        }
        Ok(Tracker {
            space,
            capacity,
            reserved,
            size: 0,
            state,
            arena: None,
            levels: [Level::default(); MAX_LEVELS],
            depth: 0,
            hot: Vec::new(),
            openings: 0,
            counted: false,
            base: None,
            dirty: Vec::new(),
            unfilled: false,
            touches,
            protection: match lists {
                Some(_) => Protection::None,
                None => Protection::Pages,
            },
            lists,
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// Where code sees the lists, in the portable way.
    pub(super) fn lists(&self) -> Option<&Arc<Reservation>> {
        self.lists.as_ref()
    }

    /// The number of accessible pages.
    pub(super) fn pages(&self) -> usize {
        self.size / PAGE_SIZE
    }

    pub(super) fn page(&self, page: usize) -> &Page {
        assert!(page < self.pages(), "page beyond the end of the heap");
        // SAFETY: pages below the size are readable, and the tracker is only used while no Wasm code runs on this
        // heap (`Core::lock` and the rule of `Heap`).
        unsafe { &*self.space.base().add(page * PAGE_SIZE).cast() }
    }

    pub(super) fn page_mut(&mut self, page: usize) -> &mut Page {
        assert!(
            page < self.pages() && self.state[page] & WRITABLE != 0,
            "page is not open"
        );
        // SAFETY: as for `page`; the page is open (checked) and `&mut self` makes the access exclusive.
        unsafe { &mut *self.space.base().add(page * PAGE_SIZE).cast() }
    }

    /// Makes the memory larger. The new pages are zero.
    ///
    /// # Errors
    ///
    /// Sizes that are not whole Wasm pages, below the present size or above the capacity, and the system's errors.
    pub(super) fn grow_to(&mut self, size: usize) -> io::Result<()> {
        if !size.is_multiple_of(super::WASM_PAGE_SIZE) || size < self.size || size > self.capacity {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        // A short one takes address space as it grows.
        self.space.extend(size)?;
        self.reserved = self.reserved.max(size);
        if size > self.size {
            let new = self.pages()..size / PAGE_SIZE;
            self.space.protect(new, self.access_of_new())?;
            self.size = size;
            self.state.grow(size / PAGE_SIZE);
            if let Some(marks) = &mut self.touches.marks {
                marks.grow(size / super::WASM_PAGE_SIZE);
            }
        }
        Ok(())
    }

    /// Handles a write to a page that is not open; false if the fault has another cause. `write` tells what it was where
    /// the machine tells it.
    pub(super) fn fault(&mut self, page: usize, write: Option<bool>) -> bool {
        if self.depth == 0 || page >= self.pages() {
            return false;
        }
        if self.touches.counting == Counting::Faults {
            return self.touch(page, write);
        }
        if self.state[page] & WRITABLE != 0 {
            return false;
        }
        let window = self.window(page);
        self.open(window)
            .unwrap_or_else(|_| refused_while_running());
        true
    }

    /// What to open for a write to `page`. Writing on behind (or before) open pages opens about twice as many as
    /// are open there, so that a long sequential write faults a few times only.
    pub(super) fn window(&mut self, page: usize) -> Range<usize> {
        if self.protection == Protection::None {
            // The next page costs no fault.
            return page..page + 1;
        }
        let open = |page: &usize| self.state[*page] & WRITABLE != 0;
        let behind = (page.saturating_sub(MAX_WINDOW)..page)
            .rev()
            .take_while(open)
            .count();
        let ahead = (page + 1..self.pages().min(page + 1 + MAX_WINDOW))
            .take_while(open)
            .count();
        let run = if behind > 0 {
            page..page + (2 * behind).min(MAX_WINDOW)
        } else if ahead > 0 {
            (page + 1).saturating_sub((2 * ahead).min(MAX_WINDOW))..page + 1
        } else {
            self.openings += 1;
            page..page + 1
        };
        let size_of_block = BLOCKS
            .iter()
            .rev()
            .find(|(openings, _)| self.openings > *openings);
        let block = size_of_block.map_or(1, |(_, pages)| *pages);
        let start = page / block * block;
        run.start.min(start)..run.end.max(start + block).min(self.pages())
    }

    /// Logs those of these pages that are not open yet and opens them. A level must be open.
    ///
    /// # Errors
    ///
    /// The system's, when not even the whole memory can be opened in one piece, and no room in the log.
    pub(super) fn open(&mut self, pages: Range<usize>) -> io::Result<()> {
        // Where the host's pages are larger than ours they open together, also while nothing is protected, as it may be before the
        // level ends.
        let host = match self.lists {
            Some(_) => 1,
            None => host_page_size().div_ceil(PAGE_SIZE),
        };
        let pages = pages.start / host * host..pages.end.next_multiple_of(host).min(self.pages());
        self.counted = false;
        self.log(pages.clone())?;
        let opened = match self.protect(pages.clone(), Access::ReadWrite) {
            Ok(()) => pages,
            Err(_) if self.touches.counting == Counting::Faults => {
                self.start_over(pages.start * PAGE_SIZE / super::WASM_PAGE_SIZE)?;
                self.space.protect(pages.clone(), Access::ReadWrite)?;
                pages
            }
            // Too many separate regions: with everything open there is just one.
            Err(_) => {
                let all = 0..self.pages();
                self.log(all.clone())?;
                self.space.protect(all.clone(), Access::ReadWrite)?;
                all
            }
        };
        for state in &mut self.state[opened] {
            *state |= WRITABLE;
        }
        Ok(())
    }

    /// Logs the present content of those of these pages that are neither open nor logged in the innermost level.
    ///
    /// # Errors
    ///
    /// No room in the log.
    fn log(&mut self, pages: Range<usize>) -> io::Result<()> {
        let level = logged(self.depth - 1);
        for page in pages {
            let state = self.state[page];
            if state & (WRITABLE | level) != 0 {
                continue;
            }
            // Not `self.page`, since the arena is borrowed.
            assert!(
                page < self.size / PAGE_SIZE,
                "page beyond the end of the heap"
            );
            // SAFETY: pages below the size (checked) are readable and lie apart from the arena; the thread that
            // could write to them is this one.
            let content: &Page = unsafe { &*self.space.base().add(page * PAGE_SIZE).cast() };
            if let Some(arena) = &mut self.arena {
                arena.push(page as u32, (state & TOUCHED != 0).then_some(content))?;
                self.state[page] = state | level | TOUCHED;
            }
        }
        Ok(())
    }

    /// Opens those pages of a range of bytes that are not open yet, with one call into the system.
    ///
    /// # Errors
    ///
    /// As for [`Tracker::open`].
    pub(super) fn prepare_write(&mut self, bytes: Range<usize>) -> io::Result<()> {
        self.counted = false;
        self.touches.bypassed = true;
        if bytes.is_empty() {
            return Ok(());
        }
        let first = bytes.start / PAGE_SIZE;
        let closed = |state: &u8| state & WRITABLE == 0;
        let states = &self.state[first..bytes.end.div_ceil(PAGE_SIZE)];
        match (
            states.iter().position(closed),
            states.iter().rposition(closed),
        ) {
            (Some(start), Some(last)) => self.open(first + start..first + last + 1),
            _ => Ok(()),
        }
    }

    /// Forgets everything about pages that are no longer accessible.
    pub(super) fn forget_page(&mut self, page: usize) {
        self.state[page] = 0;
    }

    /// Takes the marks of all levels off a page.
    pub(super) fn clear_logged(&mut self, page: usize) {
        self.state[page] &= !LOGGED;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{WASM_PAGE_SIZE, ZERO_PAGE};
    use super::*;

    fn tracker(wasm_pages: usize) -> Tracker {
        let mut tracker = Tracker::new(4 << 30, 0).unwrap();
        tracker.grow_to(wasm_pages * WASM_PAGE_SIZE).unwrap();
        tracker.begin().unwrap();
        tracker
    }

    fn faults_of(tracker: &mut Tracker, pages: impl IntoIterator<Item = usize>) -> usize {
        let closed = |tracker: &Tracker, page: usize| tracker.state[page] & WRITABLE == 0;
        let mut faults = 0;
        for page in pages {
            if closed(tracker, page) {
                assert!(tracker.fault(page, None));
                assert!(!closed(tracker, page));
                faults += 1;
            }
        }
        faults
    }

    #[test]
    fn a_single_write_opens_a_single_page() {
        if host_page_size() > PAGE_SIZE {
            return;
        }
        let mut tracker = tracker(4);
        assert!(tracker.fault(17, None));
        assert_eq!(
            tracker
                .state
                .iter()
                .filter(|state| **state & WRITABLE != 0)
                .count(),
            1
        );
        assert_eq!(tracker.arena.as_ref().unwrap().len(), 1);
    }

    #[test]
    fn a_sequential_write_of_64_mib_faults_less_than_50_times_in_both_directions() {
        let mut up = tracker(1024);
        assert!(faults_of(&mut up, 0..16384) < 50);
        assert_eq!(up.arena.as_ref().unwrap().len(), 16384);
        let mut down = tracker(1024);
        assert!(faults_of(&mut down, (0..16384).rev()) < 50);
        assert_eq!(down.arena.as_ref().unwrap().len(), 16384);
    }

    #[test]
    fn interleaved_sequential_writes_widen_their_own_windows() {
        let mut tracker = tracker(1024);
        let interleaved = (0..5000).flat_map(|page| [page, 8000 + page, 15999 - page / 2]);
        assert!(faults_of(&mut tracker, interleaved) < 80);
    }

    #[test]
    fn scattered_writes_use_larger_blocks_before_the_regions_run_out() {
        let mut tracker = tracker(16384);
        // Steps of nine pages, so that no write lies beside another.
        faults_of(&mut tracker, (0..262144).step_by(9));
        let edges = tracker
            .state
            .windows(2)
            .filter(|pair| (pair[0] ^ pair[1]) & WRITABLE != 0)
            .count();
        assert!(edges < 20_000, "{edges} edges");
    }

    #[test]
    fn faults_that_are_not_ours_are_refused() {
        let mut tracker = tracker(1);
        assert!(!tracker.fault(16, None), "beyond the end");
        assert!(tracker.fault(3, None));
        assert!(!tracker.fault(3, None), "already open");
        tracker.commit();
        assert!(!tracker.fault(4, None), "no level");
    }

    #[test]
    fn a_prepared_range_is_open_and_logged_as_zero_without_copies() {
        if host_page_size() > PAGE_SIZE {
            return;
        }
        let mut tracker = tracker(2);
        tracker.prepare_write(5000..20000).unwrap();
        assert!((1..5).all(|page| tracker.state[page] & WRITABLE != 0));
        assert!(tracker.state[0] & WRITABLE == 0 && tracker.state[5] & WRITABLE == 0);
        let arena = tracker.arena.as_ref().unwrap();
        assert!(
            arena
                .entries(0)
                .iter()
                .all(|entry| entry.was_zero() && arena.old(*entry) == &ZERO_PAGE)
        );
    }

    #[test]
    fn growth_is_refused_beyond_the_capacity_and_below_the_size() {
        let mut tracker = Tracker::new(4 * WASM_PAGE_SIZE, 0).unwrap();
        tracker.grow_to(2 * WASM_PAGE_SIZE).unwrap();
        assert!(tracker.grow_to(WASM_PAGE_SIZE).is_err());
        assert!(tracker.grow_to(5 * WASM_PAGE_SIZE).is_err());
        assert!(tracker.grow_to(3 * WASM_PAGE_SIZE + 1).is_err());
        assert_eq!(tracker.pages(), 32);
    }
}
