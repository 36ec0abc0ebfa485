//! Which Wasm pages (64 KiB) of a heap an execution accesses, and which it writes: each counts once for its first access
//! and once more for its first write (docs/internet-computer/since-october-2025-rules.md 1.1). Owns the counting; what an access
//! costs is not known here, and how a heap is protected is `protection.rs`'s.
//!
//! While a heap is followed nothing of it is accessible at first: it lies behind a veil. The first access to a Wasm page faults,
//! is counted, and opens it for reading; the first write faults again, is counted, and opens what `tracker.rs` has open. As there,
//! nothing in the way of a fault allocates.
//!
//! Who knows beforehand what is going to be touched (the interpreter, host functions) tells it, which costs no fault.

use super::core::Core;
use super::marks::{ACCESSED, Counting, PAGES, Protection, READABLE, WRITEABLE, WRITTEN};
use super::portable::how;
use super::sys::Access;
use super::tracker::{Tracker, WRITABLE};
use super::{PAGE_SIZE, WASM_PAGE_SIZE};
use crate::allocator::refused_while_running;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// The pages of a Wasm page.
fn pages_of(wasm_page: usize) -> Range<usize> {
    wasm_page * PAGES..(wasm_page + 1) * PAGES
}

impl Tracker {
    /// From here on first accesses and first writes count, found by faults.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn follow(&mut self) -> io::Result<()> {
        self.veil()?;
        self.count_anew(Counting::Faults);
        // The marks of the time before are gone.
        self.touches.bypassed |= std::mem::replace(&mut self.touches.followed, true);
        Ok(())
    }

    /// From here on code runs that tells what it touches before it does, which needs no protection. Where touching counts, it
    /// counts what is told.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn listen(&mut self, count: bool) -> io::Result<()> {
        self.unprotect()?;
        self.touches.announced.clear();
        if count {
            self.count_anew(Counting::Told);
        }
        Ok(())
    }

    fn count_anew(&mut self, counting: Counting) {
        self.marks().fill(0);
        self.touches.count = 0;
        self.touches.counting = counting;
    }

    /// The marks of all Wasm pages.
    pub(super) fn marks(&mut self) -> &mut [u8] {
        let wasm_pages = self.size / WASM_PAGE_SIZE;
        let marks = self.touches.marks.get_or_insert_default();
        marks.grow(wasm_pages);
        &mut marks[..wasm_pages]
    }

    /// The bytes of a range are going to be touched by the thread on which the heap is active. Where faults count it spares them.
    pub(super) fn tell(&mut self, bytes: Range<usize>, write: bool) {
        if bytes.is_empty() {
            return;
        }
        if write && self.protection == Protection::None {
            self.open_told(&bytes);
        }
        let counts = self.touches.counting == Counting::Told;
        let marks = counts || self.lists().is_some();
        if !marks && self.touches.counting == Counting::Nothing {
            return;
        }
        let wanted = if write { ACCESSED | WRITTEN } else { ACCESSED };
        for wasm_page in bytes.start / WASM_PAGE_SIZE..bytes.end.div_ceil(WASM_PAGE_SIZE) {
            let mark = self.touches.mark(wasm_page);
            let new = wanted & !*mark;
            if marks {
                *self.touches.mark(wasm_page) |= new;
                self.touches.count += u64::from(counts) * u64::from(new.count_ones());
            } else if new != 0 {
                let first = bytes.start.max(wasm_page * WASM_PAGE_SIZE) / PAGE_SIZE;
                // What could not be opened faults, and is refused there.
                self.touch(first, Some(write));
            }
        }
    }

    /// What code of the portable way says; see [`how`].
    pub(super) fn hear(&mut self, start: u64, len: u64, said: u32) {
        if said & how::DONE != 0 {
            for (bytes, write) in std::mem::take(&mut self.touches.announced) {
                self.tell(bytes, write);
            }
            return;
        }
        let write = said & how::WRITE != 0;
        let within = |at: u64| usize::try_from(at).map_or(self.size, |at| at.min(self.size));
        let end = start.saturating_add(len);
        let bytes = within(start)..within(end);
        if said & how::ANNOUNCED == 0 {
            // The machine touches what it can before it traps.
            self.tell(bytes, write);
        } else if end <= self.size as u64 {
            if write {
                self.open_told(&bytes);
            }
            self.touches.announced.push((bytes, write));
        }
    }

    /// Opens what is going to be written where pages are protected in name only.
    fn open_told(&mut self, bytes: &Range<usize>) {
        for page in bytes.start / PAGE_SIZE..bytes.end.div_ceil(PAGE_SIZE) {
            if self.state[page] & WRITABLE == 0 && !self.fault(page, Some(true)) {
                unreachable!("a page that is protected in name only opens");
            }
        }
    }

    /// Nothing counts any more. The count stays, and so does the veil until somebody looks at the heap.
    pub(super) fn unfollow(&mut self) {
        self.touches.counting = Counting::Nothing;
    }

    /// Takes the marks off all Wasm pages from this one on.
    pub(super) fn forget_touches(&mut self, from: usize) {
        let to = self.size / WASM_PAGE_SIZE;
        if let Some(marks) = &mut self.touches.marks {
            marks[from..to].fill(0);
        }
    }

    /// Handles a fault in a heap that is followed; false if it has another cause. `write` tells what it was where the
    /// machine tells it; else a write faults twice.
    pub(super) fn touch(&mut self, page: usize, write: Option<bool>) -> bool {
        let wasm_page = page / PAGES;
        let mark = *self.touches.mark(wasm_page);
        if mark & READABLE == 0 {
            self.touches.count += u64::from(mark & ACCESSED == 0);
            *self.touches.mark(wasm_page) |= ACCESSED | READABLE;
            if self.reopen(wasm_page, Access::Read).is_err() {
                refused_while_running();
            }
            if write != Some(true) {
                return true;
            }
        }
        let mark = *self.touches.mark(wasm_page);
        if mark & WRITEABLE == 0 {
            self.touches.count += u64::from(mark & WRITTEN == 0);
            *self.touches.mark(wasm_page) |= WRITTEN | WRITEABLE;
            let mut next = pages_of(wasm_page).start;
            while let Some(run) = self.next_writable(next, pages_of(wasm_page).end) {
                next = run.end;
                if self.space.protect(run, Access::ReadWrite).is_err()
                    && self.start_over(wasm_page).is_err()
                {
                    refused_while_running();
                }
            }
            if self.state[page] & WRITABLE != 0 {
                return true;
            }
        }
        if self.state[page] & WRITABLE != 0 {
            return false;
        }
        let (window, own) = (self.window(page), pages_of(wasm_page));
        self.open(window.start.max(own.start)..window.end.min(own.end))
            .unwrap_or_else(|_| refused_while_running());
        true
    }

    /// The next pages of a range that the tracker has open.
    fn next_writable(&self, from: usize, end: usize) -> Option<Range<usize>> {
        let open = |page: &usize| self.state[*page] & WRITABLE != 0;
        let start = (from..end).find(open)?;
        Some(start..(start..end).find(|page| !open(page)).unwrap_or(end))
    }

    fn reopen(&mut self, wasm_page: usize, access: Access) -> io::Result<()> {
        match self.space.protect(pages_of(wasm_page), access) {
            Ok(()) => Ok(()),
            Err(_) => self.start_over(wasm_page),
        }
    }

    /// Too many separate regions: closes everything, which leaves one, and opens this Wasm page only. What was counted is
    /// not counted again.
    pub(super) fn start_over(&mut self, wasm_page: usize) -> io::Result<()> {
        let wasm_pages = self.pages() / PAGES;
        self.touches.bypassed = true;
        self.space.protect(0..self.pages(), Access::None)?;
        for wasm_page in 0..wasm_pages {
            *self.touches.mark(wasm_page) &= !(READABLE | WRITEABLE);
        }
        let own = pages_of(wasm_page);
        self.space.protect(own.clone(), Access::Read)?;
        *self.touches.mark(wasm_page) |= READABLE;
        if *self.touches.mark(wasm_page) & WRITTEN != 0 {
            *self.touches.mark(wasm_page) |= WRITEABLE;
            let mut next = own.start;
            while let Some(run) = self.next_writable(next, own.end) {
                next = run.end;
                self.space.protect(run, Access::ReadWrite)?;
            }
        }
        Ok(())
    }
}

/// Tells how often an execution that runs on a heap has touched a Wasm page for the first time.
pub struct TouchCount(pub(super) Arc<Core>);

impl TouchCount {
    /// First accesses and first writes so far, a Wasm page each.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.touched()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Heap;
    use super::*;

    fn heap(wasm_pages: u64) -> Heap {
        let mut heap = Heap::new(4 << 30, 0).unwrap();
        heap.grow_to(wasm_pages * WASM_PAGE_SIZE as u64).unwrap();
        heap
    }

    fn base(heap: &Heap) -> *mut u8 {
        heap.core().base()
    }

    /// Reads a byte as Wasm code would.
    fn read(heap: &Heap, at: usize) -> u8 {
        // SAFETY: within the heap, which is active; the handler opens the page.
        unsafe { base(heap).add(at).read_volatile() }
    }

    fn write(heap: &Heap, at: usize, value: u8) {
        // SAFETY: as above.
        unsafe { base(heap).add(at).write_volatile(value) }
    }

    #[test]
    fn a_wasm_page_counts_once_for_its_first_access_and_once_for_its_first_write() {
        let mut heap = heap(4);
        heap.begin().unwrap();
        let count = heap.touches();
        let active = heap.follow().unwrap();
        assert_eq!(count.get(), 0);
        read(&heap, 5);
        read(&heap, 60_000);
        assert_eq!(count.get(), 1, "the same Wasm page");
        write(&heap, 10, 7);
        write(&heap, 20_000, 8);
        assert_eq!(count.get(), 2);
        write(&heap, 3 * WASM_PAGE_SIZE, 9);
        assert_eq!(count.get(), 4, "a first access that is a write is both");
        assert_eq!((read(&heap, 10), read(&heap, 20_000)), (7, 8));
        drop(active);
        assert_eq!(heap.changed_pages(), 3);
        heap.commit();
        // The hot set is open, and yet its first write counts.
        heap.begin().unwrap();
        let active = heap.follow().unwrap();
        write(&heap, 11, 1);
        assert_eq!(heap.touches().get(), 2);
        write(&heap, 12, 1);
        write(&heap, 8192, 1);
        assert_eq!(heap.touches().get(), 2);
        drop(active);
        assert_eq!(heap.changed_pages(), 2);
        heap.rollback();
        assert_eq!(heap.read(10, 3), Some(&[7, 0, 0][..]));
        assert_eq!(heap.read(3 * WASM_PAGE_SIZE as u64, 1), Some(&[9][..]));
    }

    #[test]
    fn what_is_told_counts_like_what_faults_and_spares_faults() {
        let accesses = [
            (5, 8, false),
            (65_532, 8, false),
            (65_530, 12, true),
            (3 * WASM_PAGE_SIZE, 1, true),
            (0, 4 * WASM_PAGE_SIZE, false),
            (100, 0, true),
            (2 * WASM_PAGE_SIZE - 1, WASM_PAGE_SIZE + 2, true),
        ];
        let counts = |told: bool, touching: bool| {
            let mut heap = heap(4);
            heap.begin().unwrap();
            let active = match told {
                true => heap.listen(true).unwrap(),
                false => heap.follow().unwrap(),
            };
            let mut counts = Vec::new();
            for (start, len, write) in accesses {
                let bytes = start..start + len;
                if !touching {
                    heap.core().lock_veiled().tell(bytes.clone(), write);
                }
                for at in bytes.step_by(PAGE_SIZE - 1).chain([start + len - 1]) {
                    match write {
                        _ if len == 0 || told => {}
                        true => super::tests::write(&heap, at, 1),
                        false => drop(read(&heap, at)),
                    }
                }
                counts.push(heap.touches().get());
            }
            drop(active);
            heap.rollback();
            counts
        };
        let expected = counts(false, true);
        assert_eq!(expected, [1, 2, 4, 6, 7, 7, 8]);
        assert_eq!(counts(true, false), expected);
        assert_eq!(counts(false, false), expected);
    }

    #[test]
    fn a_heap_may_be_told_and_veiled_in_turns() {
        let mut heap = heap(2);
        for (round, told) in [false, true, true, false, true].into_iter().enumerate() {
            heap.begin().unwrap();
            let active = match told {
                true => heap.listen(true).unwrap(),
                false => heap.follow().unwrap(),
            };
            let value = round as u8 + 1;
            heap.core().lock_veiled().tell(70_000..70_001, true);
            write(&heap, 70_000, value);
            assert_eq!(heap.touches().get(), 2, "round {round}");
            drop(active);
            assert_eq!(heap.changed_pages(), 1);
            heap.commit();
            assert_eq!(heap.read(70_000, 1), Some(&[value][..]));
        }
    }

    #[test]
    #[ignore = "takes all regions of the process"]
    fn every_other_page_of_a_large_heap_is_counted() {
        let wasm_pages = 1 << 16;
        let mut heap = heap(wasm_pages as u64);
        heap.begin().unwrap();
        let active = heap.follow().unwrap();
        for wasm_page in (0..wasm_pages).step_by(2) {
            read(&heap, wasm_page * WASM_PAGE_SIZE);
        }
        for wasm_page in (0..wasm_pages).step_by(2).take(1000) {
            write(&heap, wasm_page * WASM_PAGE_SIZE, 1);
        }
        assert_eq!(heap.touches().get(), wasm_pages as u64 / 2 + 1000);
        drop(active);
        assert_eq!(heap.changed_pages(), 1000);
        heap.commit();
    }

    #[test]
    fn every_other_page_is_counted_although_regions_run_out() {
        super::super::tests::alone(
            module_path!(),
            "every_other_page_of_a_large_heap_is_counted",
        );
    }

    #[test]
    fn what_grows_meanwhile_is_followed_too() {
        let mut heap = heap(1);
        heap.begin().unwrap();
        let active = heap.follow().unwrap();
        heap.grow_to(3 * WASM_PAGE_SIZE as u64).unwrap();
        write(&heap, 2 * WASM_PAGE_SIZE + 1, 1);
        assert_eq!(heap.touches().get(), 2);
        drop(active);
        heap.rollback();
        assert_eq!(heap.size_bytes(), WASM_PAGE_SIZE as u64);
    }
}
