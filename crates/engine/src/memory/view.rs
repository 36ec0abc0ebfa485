//! A heap as host functions and the interpreter see it: where it is and how large, with the right to make it larger.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::core::Core;
use super::heap::Heap;
use super::marks::{ACCESSED, Counting, Protection, WRITTEN};
use super::tracker::WRITABLE;
use super::{PAGE_SIZE, WASM_PAGE_SIZE};

/// A heap that code of this thread runs on, for as long as the heap is active.
#[derive(Clone)]
pub(crate) struct HeapView {
    core: Arc<Core>,
}

impl HeapView {
    /// The heap for an instance whose memory has so many pages at least.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub(crate) fn new(heap: &Heap, initial_pages: u64) -> io::Result<Self> {
        let core = Arc::clone(heap.core());
        let minimum = usize::try_from(initial_pages).unwrap_or(usize::MAX);
        let minimum = minimum.saturating_mul(WASM_PAGE_SIZE);
        if core.size() < minimum {
            core.lock().grow_to(minimum)?;
        }
        Ok(HeapView { core })
    }

    /// The first byte.
    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.core.base()
    }

    /// Bytes from there on that may be accessed.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.core.size()
    }

    /// Bytes of a range are going to be touched; counts where touching is counted.
    #[inline]
    pub(crate) fn tell(&self, bytes: Range<usize>, write: bool) {
        if !bytes.is_empty() && !self.core.knows(&bytes, write) {
            self.tell_tracker(bytes, write);
        }
    }

    #[cold]
    fn tell_tracker(&self, bytes: Range<usize>, write: bool) {
        self.core.lock_veiled().tell(bytes, write);
    }

    /// What code of the portable way says about bytes that it is going to touch; see [`super::portable::how`].
    pub(crate) fn hear(&self, start: u64, len: u64, said: u32) {
        self.core.lock_veiled().hear(start, len, said);
    }

    /// The heap as who says what is touched sees it; nothing if nobody wants to know.
    pub(crate) fn told(&self) -> Option<Told<'_>> {
        let tracker = self.core.lock_veiled();
        let touches = &tracker.touches;
        let marks = touches
            .marks
            .as_deref()
            .filter(|_| touches.counting == Counting::Told);
        (tracker.protection == Protection::None).then(|| Told {
            heap: self,
            states: tracker.state.as_ptr(),
            marks: marks.map_or(std::ptr::null(), |marks| marks.as_ptr()),
        })
    }

    /// Makes it larger, with zeros.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub(crate) fn grow_to(&self, bytes: usize) -> io::Result<()> {
        self.core.lock().grow_to(bytes)
    }
}

/// A heap that is told what is touched. Of use until the heap grows or the activation ends in which it was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    heap: &'a HeapView,
    /// A state for each page.
    states: *const u8,
    /// A mark for each Wasm page; null if touching does not count.
    marks: *const u8,
}

impl Told<'_> {
    /// The bytes of a range, of a few and at least one, are going to be read.
    ///
    /// # Safety
    /// The heap is still active, and the range lies in it.
    #[inline(always)]
    pub(crate) unsafe fn read(self, start: u64, end: u64) {
        if self.marks.is_null() {
            return;
        }
        // SAFETY: both bytes lie in the heap.
        if unsafe { !self.has(self.marks, start, end, WASM_PAGE_SIZE, ACCESSED) } {
            self.tell(start, end, false);
        }
    }

    /// The bytes of a range, of a few and at least one, are going to be written.
    ///
    /// # Safety
    /// The heap is still active, and the range lies in it.
    #[inline(always)]
    pub(crate) unsafe fn write(self, start: u64, end: u64) {
        // SAFETY: both bytes lie in the heap.
        let known = unsafe {
            self.has(self.states, start, end, PAGE_SIZE, WRITABLE)
                && (self.marks.is_null()
                    || self.has(self.marks, start, end, WASM_PAGE_SIZE, WRITTEN))
        };
        if !known {
            self.tell(start, end, true);
        }
    }

    /// Whether the first and the last page of a range have this bit.
    ///
    /// # Safety
    /// The list has a byte for each page of this size, and the range lies in them.
    #[inline(always)]
    unsafe fn has(self, list: *const u8, start: u64, end: u64, size: usize, bit: u8) -> bool {
        // SAFETY: both lie in the list, which is changed on this thread only, while nobody reads.
        let of = |byte: u64| unsafe { *list.add(byte as usize / size) };
        of(start) & of(end - 1) & bit != 0
    }

    /// The bytes of a range are going to be touched.
    #[cold]
    pub(crate) fn tell(self, start: u64, end: u64, write: bool) {
        self.heap.tell(start as usize..end as usize, write);
    }
}
