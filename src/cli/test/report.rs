//! Tells what became of cases: as text for people, with colours and a progress line on a terminal only, or as JSON, one
//! object per line. Results come in the order of their names.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::Tested;
use super::verdict::{Fault, Verdict};

/// Version of the JSON objects; increased when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// How many cases ended in which way.
#[derive(Debug, Default)]
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

/// Prints results.
pub struct Report {
    json: bool,
    colours: bool,
    progress: bool,
    counts: Counts,
}

impl Report {
    /// A report on standard output.
    pub fn new(json: bool) -> Self {
        Report {
            json,
            colours: !json && colours(),
            progress: !json && std::io::stderr().is_terminal() && !dumb(),
            counts: Counts::default(),
        }
    }

    /// Shows how far we are, in a line that the next one overwrites.
    pub fn progress(&self, done: usize, total: usize) {
        if self.progress {
            let failed = self.counts.failed;
            // A line that cannot be shown is no loss.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{done}/{total} cases, {failed} failed"
            );
        }
    }

    /// Prints the result of a case; `accept` is the command that accepts its output.
    pub fn result(&mut self, tested: &Tested<'_>, accept: &str) -> std::io::Result<()> {
        *match tested.verdict {
            Verdict::Passed => &mut self.counts.passed,
            Verdict::Accepted => &mut self.counts.accepted,
            Verdict::Skipped(_) => &mut self.counts.skipped,
            Verdict::Failed(_) => &mut self.counts.failed,
        } += 1;
        self.clear();
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", object(tested, accept))?;
        } else {
            self.text(&mut out, tested, accept)?;
        }
        out.flush()
    }

    fn text(&self, out: &mut impl Write, tested: &Tested<'_>, accept: &str) -> std::io::Result<()> {
        let name = &tested.case.name;
        match &tested.verdict {
            Verdict::Passed => writeln!(out, "{}       {name}", self.paint(GREEN, "ok")),
            Verdict::Accepted => {
                writeln!(
                    out,
                    "{} {name}: wrote {}",
                    self.paint(YELLOW, "accepted"),
                    tested.case.expected.display()
                )
            }
            Verdict::Skipped(reason) if reason.is_empty() => {
                writeln!(out, "{}  {name}", self.paint(YELLOW, "skipped"))
            }
            Verdict::Skipped(reason) => {
                writeln!(out, "{}  {name}: {reason}", self.paint(YELLOW, "skipped"))
            }
            Verdict::Failed(fault) => {
                writeln!(
                    out,
                    "{}   {name}: {}",
                    self.paint(RED, "FAILED"),
                    fault.reason
                )?;
                self.fault(out, fault, accept)
            }
        }
    }

    fn fault(&self, out: &mut impl Write, fault: &Fault, accept: &str) -> std::io::Result<()> {
        for line in fault.diff.lines() {
            let colour = match line.as_bytes().first() {
                Some(b'-') => RED,
                Some(b'+') => GREEN,
                Some(b'@') => CYAN,
                _ => "",
            };
            writeln!(out, "{}", self.paint(colour, line))?;
        }
        if fault.acceptable {
            writeln!(out, "to accept this output: {accept}\n")
        } else {
            writeln!(
                out,
                "if this end is right, say so in the head of the script: # exit: N\n"
            )
        }
    }

    /// Prints the sums.
    pub fn summary(&self, time: Duration, orphans: &[PathBuf]) -> std::io::Result<()> {
        self.clear();
        let Counts {
            passed,
            accepted,
            failed,
            skipped,
        } = self.counts;
        let mut out = std::io::stdout().lock();
        if self.json {
            let orphans: Vec<_> = orphans.iter().map(|path| path.to_string_lossy()).collect();
            let summary = json!({
                "schema": SCHEMA,
                "kind": "summary",
                "passed": passed,
                "failed": failed,
                "accepted": accepted,
                "skipped": skipped,
                "orphans": orphans,
                "seconds": seconds(time),
            });
            writeln!(out, "{summary}")?;
            return out.flush();
        }
        for orphan in orphans {
            let warning = self.paint(YELLOW, "warning");
            writeln!(out, "{warning}: {} belongs to no script", orphan.display())?;
        }
        let mut parts = vec![format!("{passed} passed")];
        for (count, what, colour) in [
            (failed, "failed", RED),
            (accepted, "accepted", YELLOW),
            (skipped, "skipped", YELLOW),
        ] {
            if count > 0 {
                parts.push(self.paint(colour, &format!("{count} {what}")));
            }
        }
        writeln!(out, "{} in {:.2} s", parts.join(", "), time.as_secs_f64())?;
        out.flush()
    }

    /// Whether anything was not as expected.
    pub fn any_failed(&self) -> bool {
        self.counts.failed > 0
    }

    fn clear(&self) {
        if self.progress {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours && !colour.is_empty() {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn object(tested: &Tested<'_>, accept: &str) -> serde_json::Value {
    let mut object = json!({
        "schema": SCHEMA,
        "kind": "case",
        "name": tested.case.name,
        "script": tested.case.script.to_string_lossy(),
        "expected": tested.case.expected.to_string_lossy(),
        "status": tested.verdict.name(),
        "seconds": seconds(tested.time),
    });
    match &tested.verdict {
        Verdict::Passed | Verdict::Accepted => {}
        Verdict::Skipped(reason) => object["reason"] = json!(reason),
        Verdict::Failed(fault) => {
            object["reason"] = json!(fault.reason);
            object["diff"] = json!(fault.diff);
            object["accept"] = json!(fault.acceptable.then_some(accept));
        }
    }
    object
}

/// Seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}

/// Colours are for terminals, unless the environment says otherwise.
fn colours() -> bool {
    let is_set =
        |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return false;
    }
    is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal() && !dumb()
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
