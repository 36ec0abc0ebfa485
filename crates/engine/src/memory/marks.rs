//! The marks of the Wasm pages of a heap that were touched: data alone. What sets them stands in `touch.rs`.

use super::portable::List;
use super::{PAGE_SIZE, WASM_PAGE_SIZE};
use std::ops::Range;

/// Pages of a Wasm page.
pub(super) const PAGES: usize = WASM_PAGE_SIZE / PAGE_SIZE;

/// The Wasm page counts as accessed.
pub(crate) const ACCESSED: u8 = 1;
/// The Wasm page counts as written.
pub(crate) const WRITTEN: u8 = 2;
/// It can be read.
pub(super) const READABLE: u8 = 4;
/// Those of its pages that the tracker has open can be written.
pub(super) const WRITEABLE: u8 = 8;

/// The marks of one heap.
#[derive(Debug, Default)]
pub(super) struct Touches {
    /// A mark per Wasm page; present once the heap was followed, or where code sees them.
    pub(super) marks: Option<List>,
    /// The heap is followed.
    pub(super) active: bool,
    /// Nothing is accessible but what the marks say. Stays behind when a heap is no longer followed, so that an execution pays
    /// for the pages that it touches and not for the heap.
    pub(super) veiled: bool,
    /// The heap was followed in the open level.
    pub(super) followed: bool,
    /// In the open level pages may have been written, or closed, past the marks.
    pub(super) bypassed: bool,
    /// Whoever uses the heap says what is touched; nothing is hidden for that.
    pub(super) told: bool,
    /// Ranges that code has announced, and whether it writes to them.
    pub(super) announced: Vec<(Range<usize>, bool)>,
    /// First accesses and first writes.
    pub(super) count: u64,
}

impl Touches {
    /// First accesses and first writes count, and are found by faults.
    pub(super) fn are_followed(&self) -> bool {
        self.active
    }

    /// Whether a page's Wasm page has this mark.
    pub(super) fn has(&self, page: u32, mark: u8) -> bool {
        let marks = self.marks.as_deref();
        marks.is_some_and(|marks| marks[page as usize / PAGES] & mark != 0)
    }

    pub(super) fn mark(&mut self, wasm_page: usize) -> &mut u8 {
        let marks = self.marks.as_deref_mut();
        &mut marks.expect("a heap that is followed has marks")[wasm_page]
    }
}
