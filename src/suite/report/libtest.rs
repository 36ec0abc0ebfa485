//! The words of Rust's own test programs, so that runners which know those (cargo nextest, Bazel) can list, run and shard
//! a suite: `name: test` in lists, `test name ... ok` in results.

use std::io::Write;

use super::{Counts, End};
use crate::suite::case::Case;
use crate::suite::run::Events;
use crate::suite::tested::Tested;
use crate::suite::verdict::Verdict;

/// Tells on standard output.
#[derive(Default)]
pub struct Report {
    counts: Counts,
}

/// Lists cases. Those that are skipped are the ignored ones.
///
/// # Errors
/// If standard output cannot be written.
pub fn list<'a>(cases: impl Iterator<Item = &'a Case>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for case in cases {
        writeln!(out, "{}: test", case.name)?;
    }
    out.flush()
}

impl Report {
    /// Tells the sums.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn end(&self, end: &End<'_>) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        for tested in end.tested {
            if let Verdict::Failed(fault) = &tested.verdict {
                writeln!(
                    out,
                    "\n---- {} ----\n{}\n{}",
                    tested.case.name, fault.reason, fault.diff
                )?;
            }
        }
        let Counts {
            passed,
            accepted,
            failed,
            skipped,
        } = self.counts;
        let result = if failed == 0 { "ok" } else { "FAILED" };
        writeln!(
            out,
            "\ntest result: {result}. {} passed; {failed} failed; {skipped} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            passed + accepted,
            end.left,
            end.time.as_secs_f64()
        )?;
        out.flush()
    }
}

impl Events for Report {
    fn progress(&mut self, done: usize, total: usize) -> std::io::Result<()> {
        if done == 0 {
            let s = if total == 1 { "" } else { "s" };
            writeln!(std::io::stdout().lock(), "\nrunning {total} test{s}")?;
        }
        Ok(())
    }

    fn result(&mut self, tested: &Tested<'_>) -> std::io::Result<()> {
        self.counts.add(tested);
        let word = match tested.verdict {
            Verdict::Passed | Verdict::Accepted(_) => "ok",
            Verdict::Skipped(_) => "ignored",
            Verdict::Failed(_) => "FAILED",
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "test {} ... {word}", tested.case.name)?;
        out.flush()
    }

    fn ask(&mut self, _tested: &Tested<'_>) -> std::io::Result<bool> {
        Ok(false)
    }
}
