//! Runs one case: builds what it needs, then the program itself as a child in the directory of the script, with its
//! output in a pipe for each stream or in one for both, so that the true order is kept. Judges nothing.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::baseline::Measures;
use super::case::{Build, Case};
use super::motoko::Built;

/// How often a running case is asked whether the suite was interrupted.
const PATIENCE: Duration = Duration::from_millis(50);

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a status.
    Exit(i32),
    /// A signal ended it, of this number where the system tells.
    Signal(Option<i32>),
    /// It was ended because it took too long.
    Timeout,
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
}

/// How cases are run.
#[derive(Debug)]
pub struct Executor {
    /// The program.
    pub program: PathBuf,
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
    pub fn run(&self, case: &Case) -> anyhow::Result<Run> {
        let start = Instant::now();
        let scratch = Scratch::default();
        let ended = |end| {
            Ok(Run {
                out: Vec::new(),
                err: Vec::new(),
                end,
                time: start.elapsed(),
                measures: None,
            })
        };
        if let Some(reason) = &case.unreadable {
            return ended(End::NotRun(reason.clone()));
        }
        let mut more = Vec::new();
        let mut script = PathBuf::from(case.source.file_name().unwrap_or_default());
        match &case.build {
            Build::Nothing => {}
            Build::Command(command) => {
                if let Err(reason) = build(command, case.directory()) {
                    return ended(End::NotRun(reason));
                }
            }
            Build::Motoko(compilation) => match compilation.build(case, scratch.path()?) {
                Ok(Built::Script(path, args)) => {
                    script = path;
                    more = args;
                }
                Ok(Built::ExpectedFailure) => return ended(End::Nothing),
                Err(reason) => return ended(End::NotRun(reason)),
            },
        }
        let measures = match self.measure {
            true => Some(scratch.path()?.join("measures")),
            false => None,
        };
        let mut command = self.command(case, &script, &more, measures.as_deref());
        let (readers, child) = start_with_pipes(&mut command, case.expected.is_separate())?;
        let timeout = self.timeout.unwrap_or(case.timeout);
        let (status, end) = self.wait(child, &readers[0], start, timeout)?;
        let mut outputs = readers.into_iter().map(Collector::finish);
        Ok(Run {
            out: outputs.next().unwrap_or_default(),
            err: outputs.next().unwrap_or_default(),
            end: end.unwrap_or_else(|| end_of(status)),
            time: start.elapsed(),
            measures: measures.and_then(|path| Measures::read(&path)),
        })
    }

    fn command(
        &self,
        case: &Case,
        script: &Path,
        more: &[String],
        measures: Option<&Path>,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&case.suite_args)
            .args(&self.args)
            .args(&case.args)
            .args(more)
            .arg("--quiet");
        if let Some(path) = measures {
            command.arg("--measures").arg(path);
        }
        command
            .arg("--")
            .arg(script)
            .current_dir(case.directory())
            // What a case prints depends on the suite alone.
            .env_remove("DRUN_FORMAT")
            .stdin(Stdio::null());
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            command.env("RAYON_NUM_THREADS", self.threads.to_string());
        }
        command
    }

    /// Waits for the end of a child, and ends it when its time is over or the suite's. The end of its output tells that
    /// it is about to end, at once and without asking again and again.
    fn wait(
        &self,
        mut child: Child,
        output: &Collector,
        start: Instant,
        timeout: Duration,
    ) -> anyhow::Result<(ExitStatus, Option<End>)> {
        let mut silent = false;
        loop {
            if silent && let Some(status) = child.try_wait().context("cannot wait for a case")? {
                return Ok((status, None));
            }
            let end = if self.interrupted.load(Ordering::Relaxed) {
                End::NotRun("interrupted".to_owned())
            } else if start.elapsed() >= timeout {
                End::Timeout
            } else {
                let left = timeout.saturating_sub(start.elapsed()).min(PATIENCE);
                if silent {
                    std::thread::sleep(left.min(Duration::from_micros(200)));
                } else {
                    silent = output.is_finished_within(left);
                }
                continue;
            };
            child.kill().context("cannot end a case")?;
            let status = child.wait().context("cannot wait for a case")?;
            return Ok((status, Some(end)));
        }
    }
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

/// A thread that reads a pipe to its end.
struct Collector {
    thread: std::thread::JoinHandle<Vec<u8>>,
    /// Nothing is ever sent: that it is closed tells the end.
    end: mpsc::Receiver<()>,
}

impl Collector {
    fn start(mut reader: std::io::PipeReader) -> anyhow::Result<Self> {
        let (alive, end) = mpsc::channel();
        let thread = std::thread::Builder::new().spawn(move || {
            let mut output = Vec::new();
            // What came before a failure is all there is to show.
            let _ = reader.read_to_end(&mut output);
            drop(alive);
            output
        });
        let thread = thread.context("the machine refuses a thread")?;
        Ok(Collector { thread, end })
    }

    fn is_finished_within(&self, time: Duration) -> bool {
        self.end.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Disconnected)
    }

    fn finish(self) -> Vec<u8> {
        self.thread.join().unwrap_or_default()
    }
}

/// Starts a child whose output is read: both streams in one pipe, or in two.
fn start_with_pipes(
    command: &mut Command,
    separate: bool,
) -> anyhow::Result<(Vec<Collector>, Child)> {
    let pipe = || std::io::pipe().context("cannot make a pipe");
    let (out, writer) = pipe()?;
    let mut readers = vec![out];
    if separate {
        let (err, err_writer) = pipe()?;
        readers.push(err);
        command.stderr(err_writer);
    } else {
        command.stderr(writer.try_clone().context("cannot share a pipe")?);
    }
    let readers = readers
        .into_iter()
        .map(Collector::start)
        .collect::<Result<_, _>>()?;
    let child = command
        .stdout(writer)
        .spawn()
        .context("cannot start the program itself")?;
    // The command holds writing ends, too; a pipe ends when nobody does.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((readers, child))
}

/// Runs a command of the suite file.
fn build(command: &str, directory: &Path) -> Result<(), String> {
    let shell: [&str; 2] = if cfg!(windows) {
        ["cmd", "/C"]
    } else {
        ["sh", "-c"]
    };
    let output = Command::new(shell[0])
        .arg(shell[1])
        .arg(command)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `{command}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!(
        "`{command}` failed ({}):\n{}",
        output.status,
        said.trim_end()
    ))
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
