//! The marks of the Wasm pages of a heap that were touched, and what the machine lets be done with it: data alone. What sets them stands in
//! `touch.rs` and `protection.rs`.

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

/// How first accesses and first writes come to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counting {
    /// They are not.
    #[default]
    Nothing,
    /// By faults.
    Faults,
    /// Whoever uses the heap says what is touched.
    Told,
}

/// What may be done with the pages of a heap as far as the machine is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// Those that the tracker has open may be written, the others read.
    Pages,
    /// Nothing but what the marks say. Stays when a heap is no longer followed, so that an execution pays for the pages that it
    /// touches and not for the heap: the next one closes what this one has opened.
    Veil,
    /// Everything: whoever writes tells it before.
    None,
}

/// The marks of one heap.
#[derive(Debug, Default)]
pub(super) struct Touches {
    /// A mark per Wasm page; present once the heap was followed, or where code sees them.
    pub(super) marks: Option<List>,
    pub(super) counting: Counting,
    /// The heap was followed in the open level.
    pub(super) followed: bool,
    /// In the open level pages may have been written, or closed, past the marks.
    pub(super) bypassed: bool,
    /// Ranges that code has announced, and whether it writes to them.
    pub(super) announced: Vec<(Range<usize>, bool)>,
    /// First accesses and first writes.
    pub(super) count: u64,
}

impl Touches {
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
