//! What becomes of a suite, for people, for machines, and for other test runners. One file per form.

pub mod json;
pub mod junit;
pub mod libtest;
pub mod text;

use std::time::Duration;

use super::tested::Tested;
use super::verdict::Verdict;

/// How many cases ended in which way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// As expected.
    pub passed: usize,
    /// Rewritten.
    pub accepted: usize,
    /// Not as expected.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

impl Counts {
    /// Counts a case.
    pub fn add(&mut self, tested: &Tested<'_>) {
        *match tested.verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Accepted(_) => &mut self.accepted,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Failed(_) => &mut self.failed,
        } += 1;
    }
}

/// What is told at the end of a suite.
#[derive(Debug)]
pub struct End<'a> {
    /// The cases that were run.
    pub tested: &'a [Tested<'a>],
    /// How many were not begun.
    pub left: usize,
    /// How long it took.
    pub time: Duration,
    /// Expected outputs without a script, and whether they are refused.
    pub orphans: &'a [(std::path::PathBuf, bool)],
    /// Directories that could not be read.
    pub unreadable: &'a [String],
}

/// Seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}
