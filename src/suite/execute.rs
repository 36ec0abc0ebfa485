//! Runs one case: builds what it needs, then the program itself in the directory of the script, with its output in a pipe for
//! each stream or in one for both, so that the true order is kept. Cases share a process ([`Worker`]); one that ends it is run
//! again in a process of its own. Judges nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::baseline::Measures;
use super::case::{Build, Case};
use super::child::{self, Early, Limits};
use super::motoko::Built;
use super::worker::{Ended, Worker};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a status.
    Exit(i32),
    /// A signal ended it, of this number where the system tells.
    Signal(Option<i32>),
    /// It was ended because it took too long; with the place where the script was, if that is known.
    Timeout(Option<String>),
    /// It could not be run: what had to be built could not, or the suite was interrupted.
    NotRun(String),
    /// There is nothing to run, as the suite expects.
    Nothing,
}

/// What a case did.
#[derive(Debug)]
pub struct Run {
    /// Standard output, or both streams in one.
    pub out: Vec<u8>,
    /// Standard error, where the streams are apart.
    pub err: Vec<u8>,
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub time: Duration,
    /// What its messages took, if that was asked for.
    pub measures: Option<Measures>,
    /// What else is to be told.
    pub note: Option<String>,
}

/// A script ends itself when its time is over, and tells where it was; only one that does not is ended.
const GRACE: Duration = Duration::from_secs(2);
/// The exit status of one that does.
const TOO_LONG_STATUS: i32 = 3;

/// The processes that a thread runs its cases in: one for both streams in one, one for each by itself.
#[derive(Debug, Default)]
pub struct Lane([Option<Worker>; 2]);

/// How cases are run.
#[derive(Debug)]
pub struct Executor {
    /// The program.
    pub program: PathBuf,
    /// What makes it that, where it is another one too.
    pub prefix: Vec<String>,
    /// Options for every case; those of the suite file stand before them, those of the case itself come later and win.
    pub args: Vec<String>,
    /// For one case, whatever the suite file says.
    pub timeout: Option<Duration>,
    /// Threads that compile modules in one case.
    pub threads: usize,
    /// Ask for what every message took.
    pub measure: bool,
    /// Set when the suite is to end.
    pub interrupted: &'static AtomicBool,
}

impl Executor {
    /// Runs a case.
    ///
    /// # Errors
    /// If this machine does not let us: no pipe, no directory, no process.
    pub fn run(&self, case: &Case, lane: &mut Lane) -> anyhow::Result<Run> {
        let start = Instant::now();
        let scratch = Scratch::default();
        let ended = |end, outputs: Vec<Vec<u8>>| {
            let mut outputs = outputs.into_iter();
            Run {
                out: outputs.next().unwrap_or_default(),
                err: outputs.next().unwrap_or_default(),
                end,
                time: start.elapsed(),
                measures: None,
                note: None,
            }
        };
        if let Some(reason) = &case.unreadable {
            return Ok(ended(End::NotRun(reason.clone()), Vec::new()));
        }
        let timeout = self.timeout.unwrap_or(case.timeout);
        let limits = self.limits(timeout);
        let mut more = Vec::new();
        let mut script = PathBuf::from(case.source.file_name().unwrap_or_default());
        match &case.build {
            Build::Nothing => {}
            Build::Command(command) => {
                if let Err(reason) = build(command, case.directory(), limits) {
                    return Ok(ended(End::NotRun(reason), Vec::new()));
                }
            }
            Build::Motoko(compilation) => match compilation.build(case, scratch.path()?, limits) {
                Ok(Built::Script(path, args)) => {
                    script = path;
                    more = args;
                }
                Ok(Built::ExpectedFailure) => return Ok(ended(End::Nothing, Vec::new())),
                Err(reason) => return Ok(ended(End::NotRun(reason), Vec::new())),
            },
        }
        let measures = match self.measure {
            true => Some(scratch.path()?.join("measures")),
            false => None,
        };
        let mut run = match self.arguments(case, &script, &more, timeout, measures.as_deref()) {
            Some(arguments) => {
                // Processes go from directory to directory.
                let directory = std::path::absolute(case.directory())?;
                let separate = case.expected.is_separate();
                let place = &mut lane.0[usize::from(separate)];
                let mut worker = match place.take() {
                    Some(worker) => worker,
                    None => Worker::start(self.command(), separate)?,
                };
                let interrupted = || self.interrupted.load(Ordering::Relaxed);
                match worker.run(&directory, arguments.clone(), timeout + GRACE, &interrupted)? {
                    Ended::Status(status, outputs) => {
                        *place = Some(worker);
                        ended(End::Exit(status), outputs)
                    }
                    Ended::Timeout(outputs) => ended(End::Timeout(None), outputs),
                    Ended::Interrupted => ended(End::NotRun("interrupted".to_owned()), Vec::new()),
                    Ended::Died(status, mut outputs) => match timed_out(status, &mut outputs) {
                        Some(place) => ended(End::Timeout(Some(place)), outputs),
                        None => {
                            let (end, outputs) = self.run_alone(case, &arguments, timeout)?;
                            let mut run = ended(end, outputs);
                            if matches!(run.end, End::Exit(_)) {
                                run.note = Some(format!(
                                    "it ended the process that it shared with other cases ({status}), and was run again alone"
                                ));
                            }
                            run
                        }
                    },
                }
            }
            None => ended(End::NotRun("its path is not UTF-8".to_owned()), Vec::new()),
        };
        run.time = start.elapsed();
        run.measures = measures.and_then(|path| Measures::read(&path));
        Ok(run)
    }

    /// Runs a case in a process of its own.
    fn run_alone(
        &self,
        case: &Case,
        arguments: &[String],
        timeout: Duration,
    ) -> anyhow::Result<(End, Vec<Vec<u8>>)> {
        let mut command = self.command();
        command.args(arguments).current_dir(case.directory());
        let limits = self.limits(timeout + GRACE);
        let mut finished = child::run(&mut command, case.expected.is_separate(), limits)
            .context("cannot run the program itself")?;
        let end = match finished.end {
            Ok(status) => match timed_out(status, &mut finished.outputs) {
                Some(place) => End::Timeout(Some(place)),
                None => end_of(status),
            },
            Err(Early::Timeout) => End::Timeout(None),
            Err(Early::Interrupted) => End::NotRun("interrupted".to_owned()),
        };
        Ok((end, finished.outputs))
    }

    fn limits(&self, timeout: Duration) -> Limits {
        Limits {
            timeout,
            interrupted: self.interrupted,
        }
    }

    /// The arguments of a run; nothing if the script's name cannot be passed on.
    fn arguments(
        &self,
        case: &Case,
        script: &Path,
        more: &[String],
        timeout: Duration,
        measures: Option<&Path>,
    ) -> Option<Vec<String>> {
        let mut arguments = vec![format!("--timeout={}s", timeout.as_secs_f64())];
        arguments.extend([&case.suite_args, &self.args, &case.args, more].concat());
        arguments.push("--quiet".to_owned());
        if let Some(path) = measures {
            arguments.extend(["--measures".to_owned(), path.to_str()?.to_owned()]);
        }
        arguments.extend(["--".to_owned(), script.to_str()?.to_owned()]);
        case.directory().to_str()?;
        Some(arguments)
    }

    /// The program without its arguments.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // What a case prints depends on the suite alone.
        command.args(&self.prefix).env_remove("DRUN_FORMAT");
        if std::env::var_os("RAYON_NUM_THREADS").is_none_or(|threads| threads.is_empty()) {
            command.env("RAYON_NUM_THREADS", self.threads.to_string());
        }
        command
    }
}

/// The words by which a script tells that it took too long.
pub(crate) const TOO_LONG: &str = "the script took longer than";

/// Where a script was that ended itself because it took too long. What it says about that is no part of its output.
fn timed_out(status: ExitStatus, outputs: &mut [Vec<u8>]) -> Option<String> {
    if status.code() != Some(TOO_LONG_STATUS) {
        return None;
    }
    let output = outputs.last_mut()?;
    let text = std::str::from_utf8(output).ok()?.strip_suffix('\n')?;
    let start = text.rfind('\n').map_or(0, |end| end + 1);
    let (place, _) = text[start..]
        .strip_prefix("error: ")?
        .split_once(TOO_LONG)?;
    let place = place.trim_end_matches(": ").to_owned();
    output.truncate(start);
    Some(place)
}

#[cfg(unix)]
fn end_of(status: ExitStatus) -> End {
    match status.code() {
        Some(code) => End::Exit(code),
        None => End::Signal(std::os::unix::process::ExitStatusExt::signal(&status)),
    }
}

#[cfg(not(unix))]
fn end_of(status: ExitStatus) -> End {
    status.code().map_or(End::Signal(None), End::Exit)
}

/// Runs a command of the suite file.
fn build(command: &str, directory: &Path, limits: Limits) -> Result<(), String> {
    let status = child::succeed(shell(command).current_dir(directory), limits);
    status.map_err(|failure| format!("`{command}` {}", failure.text))
}

#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    shell
}

/// The command as it stands there: this shell knows no escaped quotes.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut shell = Command::new("cmd");
    shell.raw_arg(format!("/S /C \"{command}\""));
    shell
}

/// A temporary directory that is made when it is needed.
#[derive(Default)]
struct Scratch(std::cell::OnceCell<tempfile::TempDir>);

impl Scratch {
    fn path(&self) -> anyhow::Result<&Path> {
        if self.0.get().is_none() {
            let directory = tempfile::Builder::new().prefix("drun-test-").tempdir();
            let _ = self
                .0
                .set(directory.context("cannot make a temporary directory")?);
        }
        Ok(self.0.get().expect("set above").path())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::suite::find::Suite;
    use std::os::unix::fs::PermissionsExt;

    /// What becomes of two cases whose program is this shell script.
    fn runs(program: &str) -> Vec<Run> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.drun", "b.drun"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let path = directory.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{program}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let executor = Executor {
            program: path,
            prefix: Vec::new(),
            args: Vec::new(),
            timeout: Some(Duration::from_secs(20)),
            threads: 1,
            measure: false,
            interrupted: &NEVER,
        };
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        let mut lane = Lane::default();
        let run = |case| executor.run(case, &mut lane).unwrap();
        suite.cases.iter().map(run).collect()
    }

    #[test]
    fn cases_share_a_process_that_answers() {
        let program = r#"[ "$1" = worker ] || exit 9
n=0
while read -r _; do n=$((n+1)); echo "case $n of $$"; printf '%s 00%s' "$2" "$n"; done"#;
        let runs = runs(program);
        let words = |run: &Run| {
            let text = String::from_utf8_lossy(&run.out).into_owned();
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&runs[0])[..2], ["case", "1"]);
        assert_eq!(words(&runs[1])[..2], ["case", "2"]);
        assert_eq!(words(&runs[0])[3], words(&runs[1])[3], "the same process");
        assert_eq!((&runs[0].end, &runs[1].end), (&End::Exit(1), &End::Exit(2)));
    }

    #[test]
    fn a_case_that_ends_its_process_is_run_again_alone() {
        let runs = runs("if [ \"$1\" = worker ]; then read -r _; kill -9 $$; fi; echo alone");
        for run in runs {
            assert_eq!(
                (run.out.as_slice(), run.end),
                (&b"alone\n"[..], End::Exit(0))
            );
            assert!(run.note.unwrap().contains("run again alone"));
        }
    }

    #[test]
    fn one_that_ends_its_own_process_too_was_killed() {
        let runs = runs("kill -9 $$");
        assert_eq!(runs[0].end, End::Signal(Some(9)));
        assert_eq!(runs[0].note, None);
    }
}
