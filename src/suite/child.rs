//! A process that a case needs: started with its output in pipes, waited for, and ended, with all that it has started, when its
//! time is over or the suite's. What it was for is not known here.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::pipes::{PATIENCE, pipes};
use super::thread;

/// How long a process may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    /// Set when the suite is to end.
    pub(super) interrupted: &'static AtomicBool,
}

/// Why a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Early {
    /// It took too long.
    Timeout,
    /// The suite was interrupted.
    Interrupted,
}

/// What a process did.
#[derive(Debug)]
pub(super) struct Finished {
    /// Both streams in one, or each by itself.
    pub(super) outputs: Vec<Vec<u8>>,
    pub(super) end: Result<ExitStatus, Early>,
}

/// Runs a command without input, with its streams apart or in one pipe, so that the true order is kept.
///
/// # Errors
/// If this machine does not let us: no pipe, no thread, no such program.
pub(super) fn run(
    command: &mut Command,
    separate: bool,
    limits: Limits,
) -> anyhow::Result<Finished> {
    let start = Instant::now();
    let (out, err, readers) = pipes(separate)?;
    let readers = readers.into_iter().map(Collector::start);
    let readers = readers.collect::<Result<Vec<_>, _>>()?;
    lead_a_group(command);
    let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
    // The command holds writing ends, too; a pipe ends when nobody does.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let end = wait(child?, &readers[0], start, limits)?;
    let outputs = readers.into_iter().map(|reader| match end {
        Ok(_) => reader.finish(),
        Err(_) => reader.finish_soon(),
    });
    Ok(Finished {
        outputs: outputs.collect(),
        end,
    })
}

/// Why a command that has to succeed did not.
#[derive(Debug)]
pub(super) struct Failure {
    /// In words that follow the command's name, with what it said.
    pub(super) text: String,
    /// It has ended by itself, and not well.
    pub(super) own: bool,
}

/// Runs a command that has to succeed.
///
/// # Errors
/// If it did not, or could not be run.
pub(super) fn succeed(command: &mut Command, limits: Limits) -> Result<(), Failure> {
    let finished = run(command, false, limits).map_err(|error| Failure {
        text: format!("cannot be run: {error:#}"),
        own: false,
    })?;
    let (why, own) = match finished.end {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => (format!("failed ({status})"), true),
        Err(Early::Interrupted) => ("was interrupted".to_owned(), false),
        Err(Early::Timeout) => (format!("did not end within {:?}", limits.timeout), false),
    };
    let said = finished.outputs.concat();
    let text = match String::from_utf8_lossy(&said).trim_end() {
        "" => why,
        said => format!("{why}:\n{said}"),
    };
    Err(Failure { text, own })
}

/// Waits for the end of a child, and ends it when it has to. The end of its output tells that it is about to end, at once and
/// without asking again and again.
fn wait(
    mut child: Child,
    output: &Collector,
    start: Instant,
    limits: Limits,
) -> anyhow::Result<Result<ExitStatus, Early>> {
    let mut silent = false;
    loop {
        if silent && let Some(status) = child.try_wait().context("cannot wait for a process")? {
            return Ok(Ok(status));
        }
        let early = if limits.interrupted.load(Ordering::Relaxed) {
            Early::Interrupted
        } else if start.elapsed() >= limits.timeout {
            Early::Timeout
        } else {
            let left = limits.timeout.saturating_sub(start.elapsed()).min(PATIENCE);
            if silent {
                std::thread::sleep(left.min(Duration::from_micros(200)));
            } else {
                silent = output.is_finished_within(left);
            }
            continue;
        };
        end_group(&child);
        child.kill().context("cannot end a process")?;
        child.wait().context("cannot wait for a process")?;
        return Ok(Err(early));
    }
}

/// A compiler may be a script that starts the compiler: they end together.
#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn lead_a_group(_: &mut Command) {}

#[cfg(unix)]
fn end_group(leader: &Child) {
    let group = format!("-{}", leader.id());
    // Without this program only the leader ends.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
}

#[cfg(not(unix))]
fn end_group(_: &Child) {}

/// A thread that reads a pipe to its end.
struct Collector {
    thread: std::thread::JoinHandle<Vec<u8>>,
    /// Nothing is ever sent: that it is closed tells the end.
    end: mpsc::Receiver<()>,
}

impl Collector {
    fn start(mut reader: std::io::PipeReader) -> anyhow::Result<Self> {
        let (alive, end) = mpsc::channel();
        let read = move || {
            let mut output = Vec::new();
            // What came before a failure is all there is to show.
            let _ = reader.read_to_end(&mut output);
            drop(alive);
            output
        };
        let thread = thread::builder().and_then(|thread| thread.spawn(read));
        let thread = thread.context("the machine refuses a thread")?;
        Ok(Collector { thread, end })
    }

    fn is_finished_within(&self, time: Duration) -> bool {
        self.end.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Disconnected)
    }

    fn finish(self) -> Vec<u8> {
        self.thread.join().unwrap_or_default()
    }

    /// As [`Collector::finish`], but somebody else who holds the pipe is not waited for.
    fn finish_soon(self) -> Vec<u8> {
        match self.is_finished_within(Duration::from_secs(1)) {
            true => self.finish(),
            false => Vec::new(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);
    static ALWAYS: AtomicBool = AtomicBool::new(true);

    fn shell(script: &str, timeout: Duration, interrupted: &'static AtomicBool) -> Finished {
        let limits = Limits {
            timeout,
            interrupted,
        };
        run(Command::new("sh").args(["-c", script]), false, limits).expect("a shell")
    }

    #[test]
    fn output_and_status_are_those_of_the_process() {
        let finished = shell(
            "echo out; echo err >&2; exit 3",
            Duration::from_secs(60),
            &NEVER,
        );
        assert_eq!(finished.outputs, [b"out\nerr\n"]);
        assert_eq!(finished.end.expect("it ends").code(), Some(3));
    }

    #[test]
    fn what_does_not_succeed_says_why() {
        let succeed = |program: &str, arguments: &[&str]| {
            let limits = Limits {
                timeout: Duration::from_millis(300),
                interrupted: &NEVER,
            };
            succeed(Command::new(program).args(arguments), limits)
                .map_err(|failure| (failure.own, failure.text))
        };
        assert_eq!(succeed("true", &[]), Ok(()));
        let refused = "failed (exit status: 2):\nno".to_owned();
        assert_eq!(
            succeed("sh", &["-c", "echo no; exit 2"]),
            Err((true, refused))
        );
        let late = "did not end within 300ms".to_owned();
        assert_eq!(succeed("sleep", &["3600"]), Err((false, late)));
        let (own, text) = succeed("/no/such/compiler", &[]).expect_err("there is none");
        assert!(!own && text.starts_with("cannot be run: "), "{text}");
    }

    /// The pipe is held by the grandchild, which would go on for an hour.
    #[test]
    fn what_a_process_has_started_ends_with_it() {
        for (timeout, interrupted, early) in [
            (Duration::from_millis(200), &NEVER, Early::Timeout),
            (Duration::from_secs(600), &ALWAYS, Early::Interrupted),
        ] {
            let finished = shell("echo begun; sleep 3600; echo over", timeout, interrupted);
            assert_eq!(finished.end.map(|status| status.code()), Err(early));
            assert!(!finished.outputs[0].ends_with(b"over\n"));
        }
    }
}
