//! Places in a file, and what was written at one.
//!
//! Owns that things are equal whatever their places.

use std::ops::{Deref, Range};

/// A place in a file, from one byte to before another. Scripts may have a million statements, so it is small; no script is
/// as large as what it can hold ([`MAX_SCRIPT_BYTES`](super::limits::MAX_SCRIPT_BYTES)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start as u32,
            end: range.end as u32,
        }
    }
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Something with the place where it was written. Two are equal whatever their places.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    span: Span,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Spanned<T> {
    pub(super) fn new(value: T, at: Range<usize>) -> Self {
        let span = at.into();
        Self { value, span }
    }

    /// Where it was written, in bytes of its file.
    pub fn at(&self) -> Range<usize> {
        self.span.range()
    }
}
