//! Whether a case is as it should be: compares output and exit status with what is expected, and writes the expected
//! file where that was asked for. Prints nothing.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use similar::TextDiff;

use super::execute::{End, Run};
use super::suite::Case;

/// Lines around a difference.
const CONTEXT: usize = 3;
/// After that a difference is shown that may be longer than it need be.
const DIFF_TIME: Duration = Duration::from_secs(5);

/// What became of a case.
#[derive(Debug)]
pub enum Verdict {
    /// All is as expected.
    Passed,
    /// It differed, and the expected output was rewritten.
    Accepted,
    /// It was not run, for this reason (possibly none).
    Skipped(String),
    /// Something is not as expected.
    Failed(Fault),
}

/// What is not as expected.
#[derive(Debug)]
pub struct Fault {
    /// In a few words.
    pub reason: String,
    /// The unified difference of the outputs; empty if they are equal.
    pub diff: String,
    /// Whether accepting the output makes the case pass.
    pub acceptable: bool,
}

impl Verdict {
    /// Its name in reports for machines.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Accepted => "accepted",
            Verdict::Skipped(_) => "skipped",
            Verdict::Failed(_) => "failed",
        }
    }
}

/// Whether a script says itself what it expects, so that its exit status is the judgement and it needs no expected output.
fn judges_itself(case: &Case) -> bool {
    let text = std::fs::read_to_string(&case.script).unwrap_or_default();
    text.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some("expect") && words.next().is_some()
    })
}

/// Judges what a case did. With `accept`, an output that differs becomes the expected one, unless the program ended
/// otherwise than it should: then the output is not what anybody wants.
///
/// # Errors
/// If the expected file cannot be read or written.
pub fn judge(case: &Case, run: &Run, accept: bool) -> anyhow::Result<Verdict> {
    let path = &case.expected;
    let expected = match std::fs::read(path) {
        Ok(expected) => Some(expected),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let wrong_end = wrong_end(case, run);
    if wrong_end.is_none()
        && expected
            .as_deref()
            .is_some_and(|expected| same(expected, &run.output))
    {
        return Ok(Verdict::Passed);
    }
    if expected.is_none() && wrong_end.is_none() && judges_itself(case) {
        return Ok(Verdict::Passed);
    }
    if accept && wrong_end.is_none() {
        std::fs::write(path, &run.output)
            .with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(Verdict::Accepted);
    }
    let acceptable = wrong_end.is_none();
    let reason = wrong_end.unwrap_or_else(|| match &expected {
        Some(_) => "the output differs".to_owned(),
        None => format!("there is no {}", path.display()),
    });
    Ok(Verdict::Failed(Fault {
        reason,
        diff: diff(path, expected.as_deref().unwrap_or_default(), &run.output),
        acceptable,
    }))
}

/// What is wrong with how the program ended.
fn wrong_end(case: &Case, run: &Run) -> Option<String> {
    let expected = case.directives.exit;
    match run.end {
        End::Exit(status) if status == expected => None,
        End::Exit(status) => Some(format!("exit status {status}, expected {expected}")),
        End::Signal => Some("drun was killed".to_owned()),
        End::Timeout => Some(format!("no end within {} s", run.time.as_secs())),
    }
}

/// Equal but for the ends of lines, which version control may have changed.
fn same(expected: &[u8], actual: &[u8]) -> bool {
    expected == actual
        || unix(&String::from_utf8_lossy(expected)) == unix(&String::from_utf8_lossy(actual))
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The unified difference, with the names of both sides.
fn diff(path: &Path, expected: &[u8], actual: &[u8]) -> String {
    let expected = unix(&String::from_utf8_lossy(expected));
    let actual = unix(&String::from_utf8_lossy(actual));
    let name = path.display();
    TextDiff::configure()
        .timeout(DIFF_TIME)
        .diff_lines(&expected, &actual)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&format!("{name} (expected)"), &format!("{name} (actual)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::test::suite::Suite;

    /// Judges an output and status of a case with this script and expected output; tells the expected output afterwards.
    fn judged(
        script: &str,
        expected: Option<&str>,
        output: &str,
        end: End,
        accept: bool,
    ) -> (Verdict, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.drun"), script).unwrap();
        let path = directory.path().join("a.ok");
        if let Some(expected) = expected {
            std::fs::write(&path, expected).unwrap();
        }
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        let run = Run {
            output: output.into(),
            end,
            time: Duration::from_secs(3),
        };
        let verdict = judge(&suite.cases[0], &run, accept).unwrap();
        (verdict, std::fs::read_to_string(path).ok())
    }

    fn reason(verdict: &Verdict) -> &str {
        match verdict {
            Verdict::Failed(fault) => &fault.reason,
            verdict => verdict.name(),
        }
    }

    #[test]
    fn equal_output_passes_whatever_the_ends_of_lines_are() {
        let (verdict, _) = judged("", Some("a\r\nb\r\n"), "a\nb\n", End::Exit(0), false);
        assert_eq!(reason(&verdict), "passed");
    }

    #[test]
    fn the_status_must_be_the_expected_one() {
        let (verdict, _) = judged("# exit: 2", Some("a"), "a", End::Exit(2), false);
        assert_eq!(reason(&verdict), "passed");
        let (verdict, _) = judged("", Some("a"), "a", End::Exit(2), false);
        assert_eq!(reason(&verdict), "exit status 2, expected 0");
        let (verdict, _) = judged("", Some("a"), "a", End::Timeout, false);
        assert_eq!(reason(&verdict), "no end within 3 s");
    }

    #[test]
    fn accepting_writes_what_came_out_unless_the_end_is_wrong() {
        let (verdict, now) = judged("", None, "new\n", End::Exit(0), true);
        assert_eq!(
            (reason(&verdict), now.as_deref()),
            ("accepted", Some("new\n"))
        );
        let (verdict, now) = judged("", Some("old\n"), "error\n", End::Exit(2), true);
        assert_eq!(
            (reason(&verdict), now.as_deref()),
            ("exit status 2, expected 0", Some("old\n"))
        );
    }

    #[test]
    fn a_difference_is_shown_with_its_surroundings() {
        let lines = |changed: &str| format!("1\n2\n3\n4\n{changed}\n6\n7\n8\n9\n");
        let (verdict, now) = judged("", Some(&lines("5")), &lines("five"), End::Exit(0), false);
        let Verdict::Failed(fault) = verdict else {
            panic!("{verdict:?}")
        };
        let (head, body) = fault.diff.split_once("@@").unwrap();
        assert!(
            head.contains("a.ok (expected)\n+++ ") && head.ends_with("a.ok (actual)\n"),
            "{head}"
        );
        assert_eq!(body, " -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
        assert_eq!(now, Some(lines("5")));
    }
}
