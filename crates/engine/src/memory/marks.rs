//! The marks of the Wasm pages of a heap that were touched: data alone. What sets them stands in `touch.rs`.

use super::sys::Buffer;
use super::{PAGE_SIZE, WASM_PAGE_SIZE};

/// Pages of a Wasm page.
pub(super) const PAGES: usize = WASM_PAGE_SIZE / PAGE_SIZE;

/// The Wasm page counts as accessed.
pub(super) const ACCESSED: u8 = 1;
/// The Wasm page counts as written.
pub(super) const WRITTEN: u8 = 2;
/// It can be read.
pub(super) const READABLE: u8 = 4;
/// Those of its pages that the tracker has open can be written.
pub(super) const WRITEABLE: u8 = 8;

/// The marks of one heap.
#[derive(Debug, Default)]
pub(super) struct Touches {
    /// A mark per Wasm page; present once the heap was followed.
    pub(super) marks: Option<Buffer<u8>>,
    /// The heap is followed.
    pub(super) active: bool,
    /// First accesses and first writes.
    pub(super) count: u64,
}

impl Touches {
    /// What is accessible depends on what was touched.
    pub(super) fn are_followed(&self) -> bool {
        self.active
    }

    pub(super) fn mark(&mut self, wasm_page: usize) -> &mut u8 {
        let marks = self.marks.as_deref_mut();
        &mut marks.expect("a heap that is followed has marks")[wasm_page]
    }
}
