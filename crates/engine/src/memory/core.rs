//! What the handle of a heap, wasmtime's instances and the handler of memory faults share, and the lock that lets one
//! of them at a time use the tracker.

use super::marks::{ACCESSED, Counting, Protection, WRITTEN};
use super::tracker::{Tracker, WRITABLE};
use super::{PAGE_SIZE, WASM_PAGE_SIZE};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut, Range};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// What the handle, wasmtime's instances and the fault handler share.
pub(super) struct Core {
    base: *mut u8,
    capacity: usize,
    /// The bytes from the base on that belong to the heap, the guard behind it not included.
    reserved: usize,
    /// It takes address space as it grows, and has no guard.
    short: bool,
    /// Where the lists lie that code sees in the portable way.
    lists: Option<*mut u8>,
    /// A copy of the tracker's size, which can be read without the tracker.
    size: AtomicUsize,
    /// Copies of what says whether a touch is known, see [`Core::knows`]: a state for each page, where they say it, and a mark for
    /// each Wasm page, where they do.
    states: AtomicPtr<u8>,
    marks: AtomicPtr<u8>,
    /// A copy of the count of touches.
    touched: AtomicU64,
    /// Somebody uses the tracker.
    busy: AtomicBool,
    /// Activations of this heap that have not ended.
    active: AtomicUsize,
    tracker: UnsafeCell<Tracker>,
}

// SAFETY: the tracker is only reached through `lock`, which gives it to one user at a time; the rest is atomic or
// never changes. The bytes of the heap are read and written under the rule in the head of `heap.rs`.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

/// Exclusive use of a heap's tracker.
pub(super) struct Locked<'a>(&'a Core);

impl Core {
    pub(super) fn new(tracker: Tracker) -> Self {
        Core {
            base: tracker.space.base(),
            capacity: tracker.capacity(),
            reserved: tracker.reserved(),
            short: tracker.reserved() < tracker.capacity(),
            lists: tracker.lists().map(|lists| lists.base()),
            size: AtomicUsize::new(tracker.size),
            states: AtomicPtr::default(),
            marks: AtomicPtr::default(),
            touched: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            tracker: UnsafeCell::new(tracker),
        }
    }

    /// The tracker, unless somebody uses it. Safe to call in a signal handler.
    pub(super) fn try_lock(&self) -> Option<Locked<'_>> {
        (!self.busy.swap(true, Ordering::Acquire)).then_some(Locked(self))
    }

    /// The tracker of a heap that is readable, and writable where the tracker has it open; unless it is followed right now.
    ///
    /// # Panics
    ///
    /// When another thread uses this heap at the same time, against the rule.
    pub(super) fn lock(&self) -> Locked<'_> {
        let mut tracker = self.lock_veiled();
        tracker.unveil();
        tracker
    }

    /// As [`Core::lock`], for what asks the marks which pages it may look at.
    ///
    /// # Panics
    ///
    /// As for [`Core::lock`].
    pub(super) fn lock_veiled(&self) -> Locked<'_> {
        self.try_lock()
            .expect("a heap is used by one thread at a time")
    }

    /// Whether a range of at least a byte within the heap is known to be touched so, where anybody wants to know. May say no.
    #[inline]
    pub(super) fn knows(&self, bytes: &Range<usize>, write: bool) -> bool {
        let all_have = |list: &AtomicPtr<u8>, size: usize, bits: u8| {
            let list = list.load(Ordering::Relaxed);
            // SAFETY: the list has a byte for every page of the heap. It changes under the lock only, which the thread that
            // uses the heap does not hold now; then the copy of its address is renewed.
            let of = |byte: usize| unsafe { *list.add(byte / size) };
            let few = bytes.len() <= PAGE_SIZE;
            list.is_null() || few && of(bytes.start) & of(bytes.end - 1) & bits == bits
        };
        let touched = if write { ACCESSED | WRITTEN } else { ACCESSED };
        let open = if write { WRITABLE } else { 0 };
        all_have(&self.states, PAGE_SIZE, open) && all_have(&self.marks, WASM_PAGE_SIZE, touched)
    }

    /// First accesses and first writes since they are counted.
    #[inline]
    pub(super) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// The page that an address lies in, if it is an accessible one of this heap.
    #[cfg(any(unix, test))]
    pub(super) fn page_of(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.base.addr());
        (offset < self.size()).then_some(offset / PAGE_SIZE)
    }

    /// Whether Wasm code may be writing to this heap.
    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed) > 0
    }

    pub(super) fn begin_activation(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_activation(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// Whether it takes address space as it grows, and has no guard.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// Where the lists lie that code sees in the portable way.
    pub(super) fn lists(&self) -> Option<*mut u8> {
        self.lists
    }

    #[inline]
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }
}

impl Deref for Locked<'_> {
    type Target = Tracker;
    fn deref(&self) -> &Tracker {
        // SAFETY: `busy` was false when this was made, so there is no other reference to the tracker.
        unsafe { &*self.0.tracker.get() }
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Tracker {
        // SAFETY: as for `deref`.
        unsafe { &mut *self.0.tracker.get() }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let core = self.0;
        core.size.store(self.size, Ordering::Relaxed);
        let states = match self.protection {
            Protection::None => self.state.as_ptr().cast_mut(),
            Protection::Pages | Protection::Veil => ptr::null_mut(),
        };
        core.states.store(states, Ordering::Relaxed);
        let marks = match (&self.touches.marks, self.touches.counting) {
            (Some(marks), Counting::Faults | Counting::Told) => marks.as_ptr().cast_mut(),
            _ => ptr::null_mut(),
        };
        core.marks.store(marks, Ordering::Relaxed);
        core.touched.store(self.touches.count, Ordering::Relaxed);
        core.busy.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracker_has_one_user_at_a_time() {
        let core = Core::new(Tracker::new(1 << 20, 1 << 20).unwrap());
        let user = core.lock();
        assert!(core.try_lock().is_none());
        drop(user);
        assert!(core.try_lock().is_some());
    }

    #[test]
    fn only_accessible_addresses_have_a_page() {
        let core = Core::new(Tracker::new(1 << 20, 1 << 20).unwrap());
        core.lock().grow_to(1 << 16).unwrap();
        let base = core.base().addr();
        assert_eq!(core.page_of(base + 5000), Some(1));
        assert_eq!(core.page_of(base + (1 << 16)), None);
        assert_eq!(core.page_of(base - 1), None);
        assert_eq!(core.page_of(0), None);
    }
}
