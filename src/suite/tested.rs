//! A case after its run: what everybody who tells or remembers something of a suite is given.

use std::time::Duration;

use super::baseline::Measures;
use super::case::Case;
use super::verdict::Verdict;

/// A case and what became of it.
#[derive(Debug)]
pub struct Tested<'a> {
    /// The case.
    pub case: &'a Case,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// How long it took.
    pub time: Duration,
    /// What its messages took, if that was asked for.
    pub measures: Option<Measures>,
    /// What else is to be told.
    pub note: Option<String>,
}

impl Tested<'_> {
    /// Whether it is not as it should be.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed(_))
    }
}
