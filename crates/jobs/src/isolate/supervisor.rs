//! The server's side: workers that are ready before they are needed, one for each job, and the end of all of them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::COMMAND;
use super::pipe::{self, Incoming};
use super::protocol::{
    ANSWER, ASK, DONE, GIVE_BACK, GO_ON, INPUT, LOG, NO_ANSWER, READY, START, Start, TAKE, message,
    nanoseconds,
};
use crate::engine::{Kind, MAX_RESULT_DEPTH, Prepared, Report, stopped};
use crate::failure::{Code, Failure};
use crate::host::Surroundings;
use crate::job::{Job, Stop};
use crate::json;

/// A worker keeps its own time. It is ended from outside when it is late by this much.
const GRACE: Duration = Duration::from_millis(30);
/// Time for a worker to make ready for its job, which is not the job's.
const TO_BE_READY: Duration = Duration::from_secs(10);
/// Bytes of a message beside what the guest printed.
const AROUND: usize = 1 << 20;
/// How much longer a byte can be in JSON.
const ESCAPED: usize = 6;

/// What all workers of a server have in common.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Bytes of a guest's stack.
    pub stack: usize,
    /// The engine that most jobs need.
    pub kind: Kind,
    /// Bytes of an RPC request.
    pub request_bytes: usize,
    /// Workers that wait for a job.
    pub ready: usize,
}

/// Runs jobs in processes.
pub struct Supervisor {
    settings: WorkerSettings,
    runtime: Handle,
    ready: Mutex<Vec<Worker>>,
}

/// A process, which ends when this does.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Supervisor {
    /// With the first workers. To be called on a runtime, which carries what is said.
    ///
    /// # Errors
    /// If there can be no processes.
    pub fn new(settings: WorkerSettings) -> Result<Self, String> {
        let supervisor = Supervisor {
            settings,
            runtime: Handle::current(),
            ready: Mutex::default(),
        };
        supervisor
            .make_ready()
            .map_err(|error| format!("a worker cannot be started: {error}"))?;
        Ok(supervisor)
    }

    fn make_ready(&self) -> io::Result<()> {
        while self.lock().len() < self.settings.ready {
            let worker = self.start()?;
            let mut ready = self.lock();
            // Another job may have been faster.
            if ready.len() < self.settings.ready {
                ready.push(worker);
            }
        }
        Ok(())
    }

    /// A worker that waits for a job, or a new one.
    fn take(&self) -> io::Result<Worker> {
        loop {
            let Some(mut worker) = self.lock().pop() else {
                return self.start();
            };
            // Somebody may have ended it.
            if worker.0.try_wait()?.is_none() {
                return Ok(worker);
            }
        }
    }

    fn start(&self) -> io::Result<Worker> {
        // The program that runs, even if its file was replaced meanwhile.
        let program = match cfg!(target_os = "linux") {
            true => PathBuf::from("/proc/self/exe"),
            false => std::env::current_exe()?,
        };
        Command::new(program)
            .arg(COMMAND)
            .arg(self.settings.stack.to_string())
            .arg(self.settings.kind.index().to_string())
            // Variables may hold keys of nodes, and a signal for the server is not for its workers.
            .env_clear()
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map(Worker)
    }

    /// Runs a job to its end, which is also that of its worker. The machine code of the module is in a file.
    pub fn run(
        &self,
        module: &Prepared,
        kind: Kind,
        code: PathBuf,
        job: Box<Job>,
        mut around: Surroundings,
    ) -> Box<Report> {
        let timeout = job.limits.timeout;
        match self.supervise(module, kind, code, job, &mut around) {
            Ok(report) => report,
            Err(Ended::Stop(stop)) => Report::failed(stopped(stop, timeout)),
            Err(Ended::Broken(what)) => {
                Report::failed(Failure::new(Code::Internal, format!("worker: {what}")))
            }
        }
    }

    fn supervise(
        &self,
        module: &Prepared,
        kind: Kind,
        code: PathBuf,
        mut job: Box<Job>,
        around: &mut Surroundings,
    ) -> Result<Box<Report>, Ended> {
        let mut worker = self.take()?;
        let (Some(input), Some(output)) = (worker.0.stdin.take(), worker.0.stdout.take()) else {
            return Err(Ended::Broken("no pipes".into()));
        };
        let printed = job.limits.stdout.saturating_add(job.limits.stderr);
        // A report or a request, whichever is longer.
        let limit = printed.saturating_mul(ESCAPED);
        let limit = limit.max(self.settings.request_bytes);
        let limit = limit.saturating_add(AROUND);
        let control = around.deadline.control().clone();
        let inbox = pipe::read(&self.runtime, OwnedFd::from(output), limit, control)?;
        let to = pipe::write(&self.runtime, OwnedFd::from(input))?;
        let input = std::mem::take(&mut job.stdin);
        let start = Start {
            kind,
            hash: module.hash,
            wasm: module.facts.bytes,
            code,
            job,
            request_bytes: self.settings.request_bytes,
            log: around.log.is_some(),
        };
        let start = serde_json::to_vec(&start).map_err(|error| Ended::Broken(error.to_string()))?;
        // A worker that is gone shows where its messages are read.
        let say = |kind, content: &[u8]| drop(to.send(message(kind, content)));
        say(START, &start);
        say(INPUT, &input);
        drop((start, input));
        // While this one works: the next job finds one again, or makes its own and is told why it cannot.
        let _ = self.make_ready();
        let mut ready = false;
        loop {
            let grace = if ready { GRACE } else { TO_BE_READY };
            let incoming = match around.deadline.attend(grace, || inbox.take()) {
                Err(Stop::Timeout) if !ready => {
                    return Err(Ended::Broken("was not ready in time".into()));
                }
                incoming => incoming?,
            };
            match incoming {
                // Once: a worker that is no longer itself would give its guest more time.
                Incoming::Message(READY, _) if !ready => {
                    ready = true;
                    around.deadline.begin();
                }
                Incoming::Message(ASK, request) => {
                    let before = around.deadline.excluded();
                    match around.rpc.answer(&request, &mut around.deadline) {
                        Ok(answer) => {
                            let waited = around.deadline.excluded() - before;
                            let mut content = nanoseconds(waited).to_vec();
                            content.extend_from_slice(answer.as_bytes());
                            say(ANSWER, &content);
                        }
                        // The worker knows what its guest printed until then.
                        Err(Stop::Timeout) => say(NO_ANSWER, b""),
                        Err(stop) => return Err(stop.into()),
                    }
                }
                Incoming::Message(GIVE_BACK, _) => around.deadline.give_back(),
                Incoming::Message(TAKE, _) => {
                    let before = around.deadline.excluded();
                    around.deadline.take();
                    say(GO_ON, &nanoseconds(around.deadline.excluded() - before));
                }
                Incoming::Message(LOG, content) => {
                    if let (Some(log), Some((level, text))) =
                        (&around.log, content.split_first_chunk::<4>())
                    {
                        log(i32::from_le_bytes(*level), &String::from_utf8_lossy(text));
                    }
                }
                Incoming::Message(DONE, report) => return finished(&report, around),
                Incoming::Message(kind, _) => {
                    return Err(Ended::Broken(format!("said {kind}")));
                }
                Incoming::End => {
                    let status = worker.0.wait()?;
                    return Err(Ended::Broken(format!("ended without a report: {status}")));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a worker has no report.
enum Ended {
    /// The job was ended from here.
    Stop(Stop),
    /// Something here or there does not work.
    Broken(String),
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Ended::Stop(stop)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Ended::Broken(error.to_string())
    }
}

/// A report, believed as far as it goes: what goes into an answer as it is was checked here, and what the server knows
/// better is the server's.
fn finished(report: &[u8], around: &Surroundings) -> Result<Box<Report>, Ended> {
    let broken = |error: String| Ended::Broken(format!("a report of another form: {error}"));
    let mut report: Box<Report> =
        serde_json::from_slice(report).map_err(|error| broken(error.to_string()))?;
    if let Ok(result) = &report.outcome {
        json::check_depth(result.get(), MAX_RESULT_DEPTH).map_err(broken)?;
    }
    report.usage.rpc = around.rpc.spent();
    Ok(report)
}
