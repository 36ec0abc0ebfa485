//! Whether a case is as it should be: compares outputs and exit status with what is expected. Writes and prints nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use similar::TextDiff;

use super::case::{Case, Expected};
use super::execute::{End, Run};
use crate::input;

/// With which status the program ends when the machine gives out, or it has a mistake itself.
const BROKEN: i32 = 3;

/// Lines around a difference.
const CONTEXT: usize = 3;
/// After that a difference is shown that may be longer than it need be.
const DIFF_TIME: Duration = Duration::from_secs(5);

/// What became of a case.
#[derive(Debug)]
pub enum Verdict {
    /// All is as expected.
    Passed,
    /// It differed, and the expected output was rewritten; what changed in it.
    Accepted(String),
    /// It was not run, for this reason (possibly none).
    Skipped(String),
    /// Something is not as expected.
    Failed(Fault),
}

/// In which way a case is not as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its output is another one.
    Differs,
    /// It ended with another exit status.
    Status,
    /// The tool itself failed, as its exit status says.
    Broken,
    /// It took too long.
    TimedOut,
    /// A signal ended it.
    Killed,
    /// It could not be run.
    CannotRun,
}

impl Kind {
    /// Its name in reports for machines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Differs => "difference",
            Kind::Status => "status",
            Kind::Broken => "broken",
            Kind::TimedOut => "timeout",
            Kind::Killed => "killed",
            Kind::CannotRun => "cannot-run",
        }
    }
}

/// What is not as expected.
#[derive(Debug)]
pub struct Fault {
    /// In which way.
    pub kind: Kind,
    /// In a few words.
    pub reason: String,
    /// The unified difference of the outputs; empty if they are equal.
    pub diff: String,
    /// What accepting the output would write; nothing if that does not make the case pass.
    pub acceptable: Vec<(PathBuf, Vec<u8>)>,
}

impl Verdict {
    /// Its name in reports for machines.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Accepted(_) => "accepted",
            Verdict::Skipped(_) => "skipped",
            Verdict::Failed(_) => "failed",
        }
    }
}

/// Whether a script says itself what it expects, so that its exit status is the judgement and it needs no expected output.
fn judges_itself(case: &Case) -> bool {
    let source = input::part(&case.source).unwrap_or_default();
    String::from_utf8_lossy(&source).lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some("expect") && words.next().is_some()
    })
}

/// Judges what a case did.
pub fn judge(case: &Case, run: &Run) -> Verdict {
    if run.end == End::Nothing {
        return Verdict::Skipped("it does not compile, as the suite expects".to_owned());
    }
    let wrong_end = wrong_end(case, run);
    if let Some((kind @ Kind::CannotRun, reason)) = wrong_end {
        return Verdict::Failed(Fault {
            kind,
            reason,
            diff: String::new(),
            acceptable: Vec::new(),
        });
    }
    let none_exists = || case.expected.files().into_iter().all(|path| !path.exists());
    if wrong_end.is_none() && none_exists() && judges_itself(case) {
        return Verdict::Passed;
    }
    let mut diff = String::new();
    let mut missing = None;
    let mut new = Vec::new();
    for (path, actual) in case.expected.files().into_iter().zip([&run.out, &run.err]) {
        let expected = match input::expected(path) {
            Ok(expected) => expected,
            Err(_) if !path.exists() => {
                if !matches!(case.expected, Expected::MergedOrNothing(_)) {
                    missing.get_or_insert_with(|| path.to_owned());
                }
                Vec::new()
            }
            Err(error) => {
                return Verdict::Failed(Fault {
                    kind: Kind::CannotRun,
                    reason: format!("cannot read {}: {error}", path.display()),
                    diff: String::new(),
                    acceptable: Vec::new(),
                });
            }
        };
        let normalized = case.normalizer.apply(actual);
        if !same(&case.normalizer.apply(&expected), &normalized) {
            diff.push_str(&difference(
                path,
                &case.normalizer.apply(&expected),
                &normalized,
            ));
            new.push((path.to_owned(), normalized.into_owned()));
        } else if missing.as_deref() == Some(path) {
            new.push((path.to_owned(), normalized.into_owned()));
        }
    }
    let (kind, reason, acceptable) = match wrong_end {
        Some((kind, reason)) => (kind, reason, Vec::new()),
        None if new.is_empty() => return Verdict::Passed,
        None => {
            let reason = match missing {
                Some(path) => format!("there is no {}", path.display()),
                None => "the output differs".to_owned(),
            };
            (Kind::Differs, reason, new)
        }
    };
    Verdict::Failed(Fault {
        kind,
        reason,
        diff,
        acceptable,
    })
}

/// What is wrong with how the program ended.
fn wrong_end(case: &Case, run: &Run) -> Option<(Kind, String)> {
    let expected = case.exit;
    Some(match &run.end {
        End::Exit(status) if *status == expected => return None,
        End::Exit(status) => (
            match *status {
                BROKEN => Kind::Broken,
                _ => Kind::Status,
            },
            format!("exit status {status}, expected {expected}"),
        ),
        End::Signal(Some(signal)) => (Kind::Killed, format!("drun was killed by signal {signal}")),
        End::Signal(None) => (Kind::Killed, "drun was killed".to_owned()),
        End::Timeout(place) => {
            let place = place
                .as_ref()
                .map_or(String::new(), |place| format!(", at {place}"));
            // What took long is told in whole seconds.
            let time = match run.time.as_millis() {
                time @ 0..100 => time as f64 / 1_000.0,
                time @ 100..10_000 => (time / 100) as f64 / 10.0,
                time => (time / 1_000) as f64,
            };
            (Kind::TimedOut, format!("no end within {time} s{place}"))
        }
        End::NotRun(reason) => (Kind::CannotRun, reason.clone()),
        End::Nothing => return None,
    })
}

/// Equal but for the ends of lines, which version control may have changed.
fn same(expected: &[u8], actual: &[u8]) -> bool {
    expected == actual
        || unix(&String::from_utf8_lossy(expected)) == unix(&String::from_utf8_lossy(actual))
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The unified difference, with the names of both sides. Characters that drive a terminal are shown as escapes.
fn difference(path: &Path, expected: &[u8], actual: &[u8]) -> String {
    let expected = unix(&String::from_utf8_lossy(expected));
    let actual = unix(&String::from_utf8_lossy(actual));
    let name = path.display();
    let diff = TextDiff::configure()
        .timeout(DIFF_TIME)
        .diff_lines(&expected, &actual)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&format!("{name} (expected)"), &format!("{name} (actual)"))
        .to_string();
    crate::report::visible::in_lines(&diff).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::find::Suite;

    /// Judges an output and the end of a case with this script and expected output.
    fn judged(script: &str, expected: Option<&str>, output: &str, end: End) -> Verdict {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.drun"), script).unwrap();
        if let Some(expected) = expected {
            std::fs::write(directory.path().join("a.ok"), expected).unwrap();
        }
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        let run = Run {
            out: output.into(),
            err: Vec::new(),
            end,
            time: Duration::from_secs(3),
            measures: None,
            note: None,
        };
        judge(&suite.cases[0], &run)
    }

    fn reason(verdict: &Verdict) -> &str {
        match verdict {
            Verdict::Failed(fault) => &fault.reason,
            verdict => verdict.name(),
        }
    }

    #[test]
    fn equal_output_passes_whatever_the_ends_of_lines_are() {
        let verdict = judged("", Some("a\r\nb\r\n"), "a\nb\n", End::Exit(0));
        assert_eq!(reason(&verdict), "passed");
    }

    #[test]
    fn the_status_must_be_the_expected_one() {
        let verdict = judged("# exit: 2", Some("a"), "a", End::Exit(2));
        assert_eq!(reason(&verdict), "passed");
        let verdict = judged("", Some("a"), "a", End::Exit(2));
        assert_eq!(reason(&verdict), "exit status 2, expected 0");
        let verdict = judged("", Some("a"), "a", End::Timeout(None));
        assert_eq!(reason(&verdict), "no end within 3 s");
        let verdict = judged("", Some("a"), "a", End::Signal(Some(11)));
        assert_eq!(reason(&verdict), "drun was killed by signal 11");
    }

    #[test]
    fn the_time_that_was_not_enough_is_told_as_it_is() {
        for (millis, expected) in [
            (34, "0.034 s"),
            (520, "0.5 s"),
            (1_000, "1 s"),
            (61_900, "61 s"),
        ] {
            let run = Run {
                out: Vec::new(),
                err: Vec::new(),
                end: End::Timeout(None),
                time: Duration::from_millis(millis),
                measures: None,
                note: None,
            };
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("a.drun"), "").unwrap();
            let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
            let verdict = judge(&suite.cases[0], &run);
            assert_eq!(reason(&verdict), format!("no end within {expected}"));
        }
    }

    #[test]
    fn an_expected_file_that_cannot_be_read_is_a_failed_case() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.drun"), "").unwrap();
        std::fs::create_dir(directory.path().join("a.ok")).unwrap();
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        let run = Run {
            out: b"a\n".to_vec(),
            err: Vec::new(),
            end: End::Exit(0),
            time: Duration::ZERO,
            measures: None,
            note: None,
        };
        let verdict = judge(&suite.cases[0], &run);
        assert!(reason(&verdict).starts_with("cannot read "), "{verdict:?}");
    }

    #[test]
    fn a_failure_of_the_tool_is_no_difference() {
        let kind = |script: &str, status| match judged(script, Some("a"), "", End::Exit(status)) {
            Verdict::Failed(fault) => fault.kind,
            verdict => panic!("{verdict:?}"),
        };
        assert_eq!(kind("", 3), Kind::Broken);
        assert_eq!(kind("", 1), Kind::Status);
        assert_eq!(kind("# exit: 3", 3), Kind::Differs);
    }

    #[test]
    fn an_output_can_be_accepted_unless_the_end_is_wrong() {
        let acceptable = |verdict| match verdict {
            Verdict::Failed(fault) => fault.acceptable.len(),
            verdict => panic!("{verdict:?}"),
        };
        assert_eq!(acceptable(judged("", None, "new\n", End::Exit(0))), 1);
        assert_eq!(acceptable(judged("", None, "", End::Exit(0))), 1);
        assert_eq!(
            acceptable(judged("", Some("old\n"), "error\n", End::Exit(2))),
            0
        );
        assert_eq!(
            acceptable(judged("# exit: many", None, "", End::NotRun("bad".into()))),
            0
        );
    }

    #[test]
    fn a_difference_is_shown_with_its_surroundings_and_cannot_drive_a_terminal() {
        let lines = |changed: &str| format!("1\n2\n3\n4\n{changed}\n6\n7\n8\n9\n");
        let verdict = judged("", Some(&lines("5")), &lines("\x1b[2Jfive"), End::Exit(0));
        let Verdict::Failed(fault) = verdict else {
            panic!("{verdict:?}")
        };
        let (head, body) = fault.diff.split_once("@@").unwrap();
        assert!(
            head.contains("a.ok (expected)\n+++ ") && head.ends_with("a.ok (actual)\n"),
            "{head}"
        );
        assert_eq!(
            body,
            " -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+\\u{1b}[2Jfive\n 6\n 7\n 8\n"
        );
        assert_eq!(fault.kind, Kind::Differs);
    }
}
