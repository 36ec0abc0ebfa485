//! The report for machines: one JSON object per case, and one with the sums at the end.

use std::io::Write;

use serde_json::json;

use super::{Counts, End, seconds};
use crate::suite::run::Events;
use crate::suite::tested::Tested;
use crate::suite::verdict::Verdict;

/// Version of the objects; increased when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Tells on standard output.
pub struct Report<'a> {
    counts: Counts,
    accept_command: &'a dyn Fn(&Tested<'_>) -> String,
}

impl<'a> Report<'a> {
    /// A report; `accept_command` is what to type to accept the output of a case.
    pub fn new(accept_command: &'a dyn Fn(&Tested<'_>) -> String) -> Self {
        Report {
            counts: Counts::default(),
            accept_command,
        }
    }

    /// Tells the sums.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn end(&self, end: &End<'_>) -> std::io::Result<()> {
        let orphans = end.orphans.iter().map(|(path, _)| path.to_string_lossy());
        let summary = json!({
            "schema": SCHEMA,
            "kind": "summary",
            "passed": self.counts.passed,
            "failed": self.counts.failed,
            "accepted": self.counts.accepted,
            "skipped": self.counts.skipped,
            "not_run": end.left,
            "orphans": orphans.collect::<Vec<_>>(),
            "unreadable": end.unreadable,
            "seconds": seconds(end.time),
        });
        let mut out = std::io::stdout().lock();
        writeln!(out, "{summary}")?;
        out.flush()
    }

    fn object(&self, tested: &Tested<'_>) -> serde_json::Value {
        let files = tested.case.expected.files();
        let mut object = json!({
            "schema": SCHEMA,
            "kind": "case",
            "name": tested.case.name,
            "script": tested.case.source.to_string_lossy(),
            "expected": files[0].to_string_lossy(),
            "status": tested.verdict.name(),
            "seconds": seconds(tested.time),
        });
        if let Some(note) = &tested.note {
            object["note"] = json!(note);
        }
        match &tested.verdict {
            Verdict::Passed => {}
            Verdict::Accepted(diff) => object["diff"] = json!(diff),
            Verdict::Skipped(reason) => object["reason"] = json!(reason),
            Verdict::Failed(fault) => {
                let command = (!fault.acceptable.is_empty()).then(|| (self.accept_command)(tested));
                object["failure"] = json!(fault.kind.name());
                object["reason"] = json!(fault.reason);
                object["diff"] = json!(fault.diff);
                object["accept"] = json!(command);
            }
        }
        object
    }
}

impl Events for Report<'_> {
    fn progress(&mut self, _done: usize, _total: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn result(&mut self, tested: &Tested<'_>) -> std::io::Result<()> {
        self.counts.add(tested);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", self.object(tested))?;
        out.flush()
    }

    fn ask(&mut self, _tested: &Tested<'_>) -> std::io::Result<bool> {
        // There is nobody.
        Ok(false)
    }
}
