//! Making what came out the expected output: whether that is allowed, and that it is written.

use super::replace::replace;
use super::verdict::{Fault, Verdict};

/// What becomes of outputs that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// They are failures.
    Never,
    /// They become the expected ones.
    Always,
    /// Somebody is asked about each.
    Ask,
}

/// Accepts the output of a case that differs only in that.
///
/// # Errors
/// If a file cannot be written; those written before stay.
pub fn accept(fault: Fault) -> anyhow::Result<Verdict> {
    for (path, content) in &fault.acceptable {
        replace(path, content)?;
    }
    Ok(Verdict::Accepted(fault.diff))
}
