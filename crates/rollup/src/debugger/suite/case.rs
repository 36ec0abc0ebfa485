//! A case: a directory with commands, what running them prints, and what is expected.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::debugger::lines::Script;
use crate::debugger::opening::{SessionArguments, block, finish, session};
use crate::debugger::prints::Prints;
use crate::replace::replace;

/// A directory with a file `commands`.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Its path as it was found.
    pub(super) name: String,
    /// The directory.
    pub(super) directory: PathBuf,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// As expected.
    Passed,
    /// Written as what is expected; the difference.
    Accepted(String),
    /// Not as expected; the difference.
    Differs(String),
    /// Left out, with a reason.
    Skipped(String),
    /// It could not be judged.
    CannotRun(String),
}

/// A case that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Tested {
    /// The case.
    pub(super) case: Case,
    /// What became of it.
    pub(super) verdict: Verdict,
    /// How long it took.
    pub(super) time: Duration,
}

impl Tested {
    /// Whether it is a failure.
    pub(super) fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Differs(_) | Verdict::CannotRun(_))
    }
}

/// Finds the cases in a directory, which may be one itself.
pub(super) fn find(path: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    if path.join("commands").is_file() {
        let shown = path.display().to_string();
        let name = shown.strip_prefix("./").unwrap_or(&shown);
        cases.push(Case {
            name: name.trim_end_matches('/').to_owned(),
            directory: path.to_owned(),
        });
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", path.display()))?;
        // Links are not followed: they could lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), cases)?;
        }
    }
    Ok(())
}

/// Runs a case and compares. What a bug of ours breaks is an error of that case only.
pub(super) fn test(case: Case, accept: bool) -> Tested {
    let start = Instant::now();
    let judged = std::panic::catch_unwind(|| judge(&case, accept))
        .unwrap_or_else(|_| Err("the debugger panicked".into()));
    Tested {
        verdict: judged.unwrap_or_else(Verdict::CannotRun),
        time: start.elapsed(),
        case,
    }
}

fn judge(case: &Case, accept: bool) -> Result<Verdict, String> {
    let path = case.directory.join("commands");
    let commands =
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(reason) = skipped(&commands) {
        return Ok(Verdict::Skipped(reason));
    }
    let found = transcript(&case.directory, &commands)?;
    let path = case.directory.join("expected");
    let expected = match fs::read_to_string(&path) {
        Ok(text) => text.replace("\r\n", "\n"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    if found == expected {
        return Ok(Verdict::Passed);
    }
    let diff = similar::TextDiff::from_lines(&expected, &found);
    let diff = diff.unified_diff().header("expected", "actual").to_string();
    if !accept {
        return Ok(Verdict::Differs(diff));
    }
    replace(&path, &found).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Verdict::Accepted(diff))
}

/// The reason in `# skip: REASON`, which may stand among the comments at the head.
fn skipped(commands: &str) -> Option<String> {
    let head = commands
        .lines()
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with('#'));
    let mut comments = head.filter_map(|line| line.strip_prefix('#'));
    let reason = comments.find_map(|text| text.trim().strip_prefix("skip:"))?;
    Some(reason.trim().to_owned())
}

/// The options in a case's file `args`, one line or several.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct CaseArguments {
    #[command(flatten)]
    session: SessionArguments,
}

/// What a case prints, both streams in one.
fn transcript(directory: &Path, commands: &str) -> Result<String, String> {
    let path = directory.join("args");
    let args = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let parsed = CaseArguments::try_parse_from(args.split_whitespace())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let mut arguments = parsed.session;
    let beside = |name: &str| directory.join(name).exists().then(|| PathBuf::from(name));
    if arguments.kernel.is_none() {
        let names = ["kernel.wasm", "kernel.wat", "kernel.wast", "kernel.hex"];
        arguments.kernel = names.into_iter().find_map(beside);
    }
    arguments.inputs = arguments.inputs.or_else(|| beside("inputs.json"));
    let both = Both::default();
    let lines = Box::new(Script::new(commands));
    let ended = session(&arguments, directory, Box::new(both.clone()), lines)
        .and_then(|mut session| finish(session.run()));
    let mut text = String::from_utf8_lossy(&both.0.borrow()).into_owned();
    if let Err(error) = ended {
        let _ = writeln!(text, "{}", block(&error));
    }
    // A case must not depend on where it stands.
    Ok(text.replace(&format!("{}/", directory.display()), ""))
}

/// Both streams in one, in memory.
#[derive(Clone, Default)]
struct Both(Rc<RefCell<Vec<u8>>>);

impl Prints for Both {
    fn out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn err(&mut self, text: &str) {
        self.0
            .borrow_mut()
            .extend_from_slice(format!("{text}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_may_say_at_its_head_that_it_is_left_out() {
        assert_eq!(
            skipped("# about loops\n#skip: too slow \nstep inbox"),
            Some("too slow".into())
        );
        assert_eq!(skipped("step inbox\n# skip: no"), None);
    }
}
