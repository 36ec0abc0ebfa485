//! A heap as the interpreter sees it: where it is and how large, with the right to make it larger.

use std::io;
use std::sync::Arc;

use super::WASM_PAGE_SIZE;
use super::core::Core;
use super::heap::Heap;

/// A heap that code of this thread runs on, for as long as the heap is active.
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
    pub(crate) fn base(&self) -> *mut u8 {
        self.core.base()
    }

    /// Bytes from there on that may be accessed.
    pub(crate) fn size(&self) -> usize {
        self.core.size()
    }

    /// Makes it larger, with zeros.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub(crate) fn grow_to(&self, bytes: usize) -> io::Result<()> {
        self.core.lock().grow_to(bytes)
    }
}
