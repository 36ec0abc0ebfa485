//! The worker: makes an engine, takes one job, gives up all it does not need for that, and runs it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::confine::confine;
use super::protocol::{
    ANSWER, ASK, DONE, GIVE_BACK, GO_ON, INPUT, LOG, NO_ANSWER, READY, START, Start, TAKE, receive,
    send, time,
};
use crate::engine::{self, Engines, Kind, Report};
use crate::failure::{Code, Failure};
use crate::host::{GuestLog, Surroundings};
use crate::job::{Cpu, Deadline, Stop};
use crate::rpc::{Answers, Spent};

/// Bytes of the worker's stack beside the guest's.
const HOST_STACK: usize = 512 << 10;

/// Runs one job that comes in on standard input, with a stack of so many bytes. `kind` is that of most jobs.
///
/// # Errors
/// For the log; the server notices that there was no report.
pub fn work(stack: usize, kind: Kind) -> Result<(), String> {
    let thread = std::thread::Builder::new()
        .name("job".into())
        .stack_size(stack + HOST_STACK)
        .spawn(move || run(stack, kind));
    let ended = thread.map_err(|error| error.to_string())?.join();
    ended.unwrap_or_else(|_| Err("the worker panicked".into()))
}

fn run(stack: usize, kind: Kind) -> Result<(), String> {
    let engines = Engines::new(stack, None);
    engines.is_pooled(kind).map_err(|failure| failure.error)?;
    let text = |error: io::Error| error.to_string();
    let Some((START, start)) = Server.receive().map_err(text)? else {
        // A worker that nobody needed.
        return Ok(());
    };
    let mut start: Start = serde_json::from_slice(&start).map_err(|error| error.to_string())?;
    let Some((INPUT, input)) = Server.receive().map_err(text)? else {
        return Err("no input".into());
    };
    start.job.stdin = input;
    let report = match prepare(&engines, &start) {
        Ok(module) => {
            Server.send(READY, b"").map_err(text)?;
            let around = Surroundings {
                deadline: Deadline::new(
                    start.job.limits.timeout,
                    Arc::default(),
                    Some(Box::new(Server)),
                ),
                rpc: Box::new(Remote {
                    limit: start.request_bytes,
                }),
                log: start.log.then(log),
            };
            engine::run(&module, start.job, around)
        }
        Err(failure) => Report::failed(failure),
    };
    let report = serde_json::to_vec(&report).map_err(|error| error.to_string())?;
    Server.send(DONE, &report).map_err(text)
}

fn prepare(engines: &Engines, start: &Start) -> Result<engine::Prepared, Failure> {
    let internal = |what: &str| Failure::new(Code::Internal, format!("worker: {what}"));
    let module = engines
        .load(start.kind, start.hash, start.wasm, &start.code)?
        .ok_or_else(|| internal("the machine code is not there"))?;
    // Threads cannot be made afterwards.
    module.make_ready();
    confine(&start.job.limits).map_err(|error| internal(&error.to_string()))?;
    Ok(module)
}

fn log() -> GuestLog {
    Arc::new(move |level: i32, text: &str| {
        let mut content = level.to_le_bytes().to_vec();
        content.extend_from_slice(text.as_bytes());
        // Without a server the worker ends soon.
        let _ = Server.send(LOG, &content);
    })
}

/// The server at the other ends of the standard streams.
#[derive(Clone, Copy)]
struct Server;

impl Server {
    fn send(self, kind: u8, content: &[u8]) -> io::Result<()> {
        send(&mut io::stdout().lock(), kind, content)
    }

    fn receive(self) -> io::Result<Option<(u8, Vec<u8>)>> {
        receive(&mut io::stdin().lock())
    }

    /// Sends something and waits for what is said to it.
    fn ask(self, kind: u8, content: &[u8]) -> io::Result<(u8, Vec<u8>)> {
        self.send(kind, content)?;
        self.receive()?
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The processor is the server's to lend.
impl Cpu for Server {
    fn give_back(&mut self) {
        // Without a server the next question ends the worker.
        let _ = self.send(GIVE_BACK, b"");
    }

    fn take(&mut self) -> Duration {
        match self.ask(TAKE, b"") {
            Ok((GO_ON, waited)) => time(&waited).unwrap_or_default().0,
            // The server is gone, or has no use for this worker any more.
            _ => std::process::exit(1),
        }
    }

    /// The server knows; where nobody waits it gives the same one back at once.
    fn wanted(&self) -> bool {
        true
    }
}

/// RPC through the server, which counts and answers.
struct Remote {
    limit: usize,
}

impl Answers for Remote {
    fn answer(&mut self, request: &[u8], deadline: &mut Deadline) -> Result<String, Stop> {
        let request = &request[..request.len().min(self.limit.saturating_add(1))];
        match Server.ask(ASK, request) {
            Ok((ANSWER, content)) => {
                let Some((waited, text)) = time(&content) else {
                    return Err(Stop::Timeout);
                };
                deadline.exclude(waited);
                Ok(String::from_utf8_lossy(text).into_owned())
            }
            Ok((NO_ANSWER, _)) => Err(Stop::Timeout),
            _ => std::process::exit(1),
        }
    }

    fn request_bytes(&self) -> usize {
        self.limit
    }

    fn spent(&self) -> Spent {
        // The server counts.
        Spent::default()
    }
}
