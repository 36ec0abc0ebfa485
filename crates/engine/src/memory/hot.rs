//! A page of a heap that stays writable between executions, with a copy of its content. When that pays is the business of
//! `settle`.

use super::Page;

/// A page that stays open between executions.
#[derive(Debug)]
pub(super) struct Hot {
    pub(super) page: u32,
    /// Executions since it last changed.
    pub(super) idle: u8,
    /// Whether the content differed from the copy when that was last looked at.
    pub(super) changed: bool,
    /// The content at the begin of the level.
    pub(super) copy: Box<Page>,
}

impl Hot {
    /// Takes a content that was given to the page outside of levels for the one at the begin of the next.
    pub(super) fn set_copy(&mut self, content: &Page) {
        self.copy.copy_from_slice(content);
    }
}
