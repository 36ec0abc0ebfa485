//! A heap as host functions and the interpreter see it: where it is and how large, with the right to make it larger.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::WASM_PAGE_SIZE;
use super::core::Core;
use super::heap::Heap;
use super::marks::WRITTEN;

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
    pub(crate) fn tell(&self, bytes: Range<usize>, write: bool) {
        self.core.lock_veiled().tell(bytes, write);
    }

    /// The heap as who says what is touched sees it; nothing if nobody wants to know.
    pub(crate) fn told(&self) -> Option<Told<'_>> {
        let tracker = self.core.lock_veiled();
        let touches = &tracker.touches;
        let marks = touches.marks.as_deref().filter(|_| touches.told)?;
        let marks = marks.as_ptr();
        Some(Told { heap: self, marks })
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
    /// A mark for each Wasm page.
    marks: *const u8,
}

impl Told<'_> {
    /// The bytes of a range, of a few and at least one, are going to be touched.
    ///
    /// # Safety
    /// The heap is still active, and the range lies in it.
    #[inline(always)]
    pub(crate) unsafe fn touch(self, start: u64, end: u64, mark: u8) {
        let of = |byte: u64| {
            // SAFETY: the byte lies in the heap; marks are changed on this thread only, while nobody reads.
            unsafe { *self.marks.add(byte as usize / WASM_PAGE_SIZE) }
        };
        if of(start) & of(end - 1) & mark == 0 {
            self.tell(start, end, mark);
        }
    }

    /// The bytes of a range are going to be touched.
    #[cold]
    pub(crate) fn tell(self, start: u64, end: u64, mark: u8) {
        self.heap
            .tell(start as usize..end as usize, mark == WRITTEN);
    }
}
