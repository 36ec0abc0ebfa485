//! A mistake on the way from text to statements, before its file is known.
//!
//! Owns the pair of mistake and place, and its short ways to be made.

use std::ops::Range;

use super::mistake::Mistake;
use crate::idl;

/// A mistake and its bytes in the file.
#[derive(Debug, Clone)]
pub(super) struct Flaw {
    pub at: Range<usize>,
    pub kind: Mistake,
}

impl Flaw {
    pub(super) fn new(at: Range<usize>, kind: Mistake) -> Self {
        Self { at, kind }
    }

    /// A flaw in words of its own.
    pub(super) fn said(
        at: Range<usize>,
        said: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let (said, expected) = (said.into(), expected.into());
        Self::new(at, Mistake::Said { said, expected })
    }

    pub(super) fn candid(base: usize, fault: idl::Fault) -> Self {
        let at = base + fault.at.start..base + fault.at.end;
        Self::new(at, Mistake::Candid(fault.kind))
    }
}

/// A result with one flaw.
pub(super) type Read<T> = Result<T, Flaw>;
