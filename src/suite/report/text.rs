//! The report for people: a line a case, failures with their differences, the sums. A progress line on a terminal only.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use super::{Counts, End};
use crate::report::style::{self, GREEN, RED, YELLOW, paint};
use crate::report::visible::{in_lines, on_one_line};
use crate::suite::run::Events;
use crate::suite::tested::Tested;
use crate::suite::verdict::{Fault, Verdict};

/// Failures are shown again at the end when so many lines have come after the first one.
const FAR: usize = 20;
/// How many of the slowest cases are named.
const SLOWEST: usize = 5;
/// A case is slow from here on.
const SLOW: Duration = Duration::from_secs(1);

/// Tells on standard output.
pub struct Report<'a> {
    colours: bool,
    progress: bool,
    /// Only failures and the sums.
    quiet: bool,
    counts: Counts,
    /// Lines printed since the first failure.
    since_failure: usize,
    accept_command: &'a dyn Fn(&Tested<'_>) -> String,
}

impl<'a> Report<'a> {
    /// A report; `accept_command` is what to type to accept the output of a case.
    pub fn new(
        colours: bool,
        quiet: bool,
        accept_command: &'a dyn Fn(&Tested<'_>) -> String,
    ) -> Self {
        Report {
            colours,
            progress: !quiet && std::io::stderr().is_terminal() && !style::is_dumb(),
            quiet,
            counts: Counts::default(),
            since_failure: 0,
            accept_command,
        }
    }

    fn clear(&self) {
        if self.progress {
            // A line that cannot be shown is no loss.
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        paint(self.colours, colour, text)
    }

    fn failure(
        &self,
        out: &mut impl Write,
        tested: &Tested<'_>,
        fault: &Fault,
    ) -> std::io::Result<()> {
        let name = on_one_line(&tested.case.name);
        writeln!(
            out,
            "{}   {name}: {}",
            self.paint(RED, "FAILED"),
            in_lines(&fault.reason)
        )?;
        write!(out, "{}", style::diff(self.colours, &fault.diff))?;
        if !fault.acceptable.is_empty() {
            writeln!(
                out,
                "to accept this output: {}\n",
                on_one_line(&(self.accept_command)(tested))
            )
        } else if fault.kind == crate::suite::verdict::Kind::Status {
            writeln!(
                out,
                "if this end is right, say so in the head of the script: # exit: N\n"
            )
        } else {
            writeln!(out)
        }
    }

    /// Tells the sums, failures again if they are far above, and what else there is to know.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn end(&self, end: &End<'_>) -> std::io::Result<()> {
        self.clear();
        let mut out = std::io::stdout().lock();
        if self.since_failure > FAR {
            writeln!(out, "\nfailures:\n")?;
            for tested in end.tested {
                if let Verdict::Failed(fault) = &tested.verdict {
                    self.failure(&mut out, tested, fault)?;
                }
            }
        }
        let warning = self.paint(YELLOW, "warning");
        for reason in end.unreadable {
            let reason = in_lines(reason);
            writeln!(out, "{}: cannot read {reason}", self.paint(RED, "error"))?;
        }
        for (orphan, refused) in end.orphans {
            let kind = match refused {
                true => self.paint(RED, "error"),
                false => warning.clone(),
            };
            let orphan = orphan.to_string_lossy();
            writeln!(out, "{kind}: {} belongs to no script", on_one_line(&orphan))?;
        }
        let mut slowest: Vec<_> = end
            .tested
            .iter()
            .filter(|tested| tested.time >= SLOW)
            .collect();
        slowest.sort_by_key(|tested| std::cmp::Reverse(tested.time));
        if !self.quiet && !slowest.is_empty() && end.tested.len() > 1 {
            writeln!(out, "slowest:")?;
            for tested in slowest.iter().take(SLOWEST) {
                writeln!(
                    out,
                    "{:8.2} s  {}",
                    tested.time.as_secs_f64(),
                    on_one_line(&tested.case.name)
                )?;
            }
        }
        let Counts {
            passed,
            accepted,
            failed,
            skipped,
        } = self.counts;
        let mut parts = vec![format!("{passed} passed")];
        for (count, what, colour) in [
            (failed, "failed", RED),
            (accepted, "accepted", YELLOW),
            (skipped, "skipped", YELLOW),
            (end.left, "not run", YELLOW),
        ] {
            if count > 0 {
                parts.push(self.paint(colour, &format!("{count} {what}")));
            }
        }
        writeln!(
            out,
            "{} in {:.2} s",
            parts.join(", "),
            end.time.as_secs_f64()
        )?;
        out.flush()
    }
}

impl Events for Report<'_> {
    fn progress(&mut self, done: usize, total: usize) -> std::io::Result<()> {
        if self.progress {
            let failed = self.counts.failed;
            // A line that cannot be shown is no loss.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{done}/{total} cases, {failed} failed"
            );
        }
        Ok(())
    }

    fn result(&mut self, tested: &Tested<'_>) -> std::io::Result<()> {
        self.counts.add(tested);
        self.clear();
        let mut out = std::io::stdout().lock();
        let name = on_one_line(&tested.case.name);
        self.since_failure += usize::from(self.counts.failed > 0 && !self.quiet);
        match &tested.verdict {
            Verdict::Failed(fault) => self.failure(&mut out, tested, fault)?,
            Verdict::Accepted(diff) => {
                let files: Vec<_> = tested
                    .case
                    .expected
                    .files()
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                writeln!(
                    out,
                    "{} {name}: wrote {}",
                    self.paint(YELLOW, "accepted"),
                    on_one_line(&files.join(" and "))
                )?;
                write!(out, "{}", style::diff(self.colours, diff))?;
            }
            _ if self.quiet => {}
            Verdict::Passed => writeln!(out, "{}       {name}", self.paint(GREEN, "ok"))?,
            Verdict::Skipped(reason) if reason.is_empty() => {
                writeln!(out, "{}  {name}", self.paint(YELLOW, "skipped"))?;
            }
            Verdict::Skipped(reason) => {
                let reason = on_one_line(reason);
                writeln!(out, "{}  {name}: {reason}", self.paint(YELLOW, "skipped"))?;
            }
        }
        if let Some(note) = &tested.note {
            writeln!(out, "{}: {name}: {note}", self.paint(YELLOW, "warning"))?;
        }
        out.flush()
    }

    fn ask(&mut self, tested: &Tested<'_>) -> std::io::Result<bool> {
        let Verdict::Failed(fault) = &tested.verdict else {
            return Ok(false);
        };
        self.clear();
        let mut out = std::io::stdout().lock();
        let name = on_one_line(&tested.case.name);
        writeln!(out, "{name}: {}", in_lines(&fault.reason))?;
        write!(out, "{}", style::diff(self.colours, &fault.diff))?;
        loop {
            write!(out, "accept this output? [y/n] ")?;
            out.flush()?;
            let mut answer = String::new();
            if std::io::stdin().lock().read_line(&mut answer)? == 0 {
                writeln!(out)?;
                return Ok(false);
            }
            match answer.trim() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => writeln!(out, "y accepts it, n leaves the expected output as it is")?,
            }
        }
    }
}
