//! Processes that run one case after the other, so that cases share what a process has ready: engine and compiled modules.
//!
//! Owns how such a process is asked and how its answers are told apart. A case that ends the process, or takes too long,
//! costs only that process. What a case is asked for is `execute`'s.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::pipes::{PATIENCE, pipes};
use super::thread;

/// What a worker is asked for, a JSON object a line on its standard input.
#[derive(Debug, Deserialize, Serialize)]
pub struct Request {
    /// Where the program is to run.
    pub directory: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What a worker writes behind the output of each case: a word that no canister can know, then the exit status.
#[derive(Clone, Debug)]
pub struct Marker(String);

impl Marker {
    /// A marker of which the worker is told.
    pub fn new(word: impl Into<String>) -> Self {
        Marker(word.into())
    }

    /// A word that nobody can guess: two draws of the hasher's keys.
    fn unknown() -> Self {
        use std::hash::BuildHasher;
        let draw = || std::collections::hash_map::RandomState::new().hash_one(());
        Marker(format!("{:016x}{:016x}", draw(), draw()))
    }

    /// The text at the end of a case.
    pub fn end(&self, status: u8) -> String {
        format!("{} {status:03}", self.0)
    }

    /// The output before the marker and the status, once both are there. `from` bytes hold no marker.
    fn find(&self, output: &[u8], from: usize) -> Option<(usize, i32)> {
        let word = self.0.as_bytes();
        let start = from.saturating_sub(word.len() + 4);
        let at = start
            + output[start..]
                .windows(word.len())
                .position(|part| part == word)?;
        let digits = output.get(at + word.len() + 1..at + word.len() + 4)?;
        Some((at, std::str::from_utf8(digits).ok()?.parse().ok()?))
    }
}

/// How a case ended in a worker.
#[derive(Debug)]
pub(super) enum Ended {
    /// With this status, and this output: of both streams, or of each.
    Status(i32, Vec<Vec<u8>>),
    /// Its time was over; the process is gone.
    Timeout(Vec<Vec<u8>>),
    /// The suite was interrupted; the process is gone.
    Interrupted,
    /// The process ended itself, after this output.
    Died(ExitStatus, Vec<Vec<u8>>),
}

/// One process.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    streams: Vec<Stream>,
    marker: Marker,
}

impl Worker {
    /// Starts the program; `separate` if its two streams are wanted one by one.
    ///
    /// # Errors
    /// If this machine does not let us.
    pub(super) fn start(mut command: Command, separate: bool) -> anyhow::Result<Self> {
        let marker = Marker::unknown();
        let (out, err, readers) = pipes(separate)?;
        command.args(["worker", &marker.0]);
        if separate {
            command.arg("--separate");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .context("cannot start the program itself")?;
        let mut worker = Worker {
            requests: child.stdin.take(),
            child,
            streams: Vec::new(),
            marker,
        };
        for reader in readers {
            worker.streams.push(Stream::start(reader)?);
        }
        Ok(worker)
    }

    /// Runs a case.
    ///
    /// # Errors
    /// If the process cannot be ended or waited for.
    pub(super) fn run(
        &mut self,
        directory: &Path,
        arguments: Vec<String>,
        timeout: Duration,
        interrupted: &dyn Fn() -> bool,
    ) -> anyhow::Result<Ended> {
        let start = Instant::now();
        let request = Request {
            directory: directory.to_owned(),
            arguments,
        };
        let mut line = serde_json::to_vec(&request).context("cannot word a request")?;
        line.push(b'\n');
        // A process that is gone is told by the end of its output; one that heard only a part must not wait for the rest.
        if let Some(requests) = &mut self.requests
            && requests.write_all(&line).is_err()
        {
            self.requests = None;
        }
        let mut status = 0;
        let mut outputs = Vec::new();
        let mut over = None;
        for stream in &mut self.streams {
            let mut searched = 0;
            loop {
                if let Some((end, found)) = self.marker.find(&stream.output, searched) {
                    status = found;
                    let mut output = std::mem::take(&mut stream.output);
                    output.truncate(end);
                    outputs.push(output);
                    break;
                }
                searched = stream.output.len();
                over = if interrupted() {
                    Some(Ended::Interrupted)
                } else if start.elapsed() >= timeout {
                    Some(Ended::Timeout(Vec::new()))
                } else {
                    let left = timeout.saturating_sub(start.elapsed());
                    match stream.chunks.recv_timeout(left.min(PATIENCE)) {
                        Ok(chunk) => {
                            stream.output.extend(chunk);
                            None
                        }
                        Err(mpsc::RecvTimeoutError::Timeout) => None,
                        Err(mpsc::RecvTimeoutError::Disconnected) => {
                            let status = self.child.wait().context("cannot wait for a case")?;
                            Some(match interrupted() {
                                true => Ended::Interrupted,
                                false => Ended::Died(status, Vec::new()),
                            })
                        }
                    }
                };
                if over.is_some() {
                    outputs.push(std::mem::take(&mut stream.output));
                    break;
                }
            }
            if over.is_some() {
                break;
            }
        }
        Ok(match over {
            None => Ended::Status(status, outputs),
            Some(Ended::Died(status, _)) => {
                let others = self.streams.iter_mut().skip(outputs.len());
                outputs.extend(others.map(Stream::rest));
                Ended::Died(status, outputs)
            }
            Some(over) => {
                self.child.kill().context("cannot end a case")?;
                self.child.wait().context("cannot wait for a case")?;
                match over {
                    Ended::Timeout(_) => Ended::Timeout(outputs),
                    over => over,
                }
            }
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its requests is the end of its work.
        self.requests = None;
        let _ = self.child.wait();
    }
}

/// A thread that reads a pipe, and what was read and is not handed on.
#[derive(Debug)]
struct Stream {
    chunks: mpsc::Receiver<Vec<u8>>,
    output: Vec<u8>,
}

impl Stream {
    fn start(mut reader: std::io::PipeReader) -> anyhow::Result<Self> {
        let (sender, chunks) = mpsc::channel();
        let read = move || {
            let mut chunk = vec![0; 1 << 16];
            // What came before a failure is all there is.
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        };
        let started = thread::builder().and_then(|thread| thread.spawn(read));
        started.context("the machine refuses a thread")?;
        Ok(Stream {
            chunks,
            output: Vec::new(),
        })
    }
}

impl Stream {
    /// What is left of the output of a process that is gone.
    fn rest(&mut self) -> Vec<u8> {
        let mut output = std::mem::take(&mut self.output);
        while let Ok(chunk) = self.chunks.recv_timeout(PATIENCE) {
            output.extend(chunk);
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_only_when_all_of_it_is_there() {
        let marker = Marker::new("word");
        let text = format!("output{}", marker.end(2));
        for length in 0..text.len() {
            let part = &text.as_bytes()[..length];
            assert_eq!(
                marker.find(part, length.saturating_sub(1)),
                None,
                "{length}"
            );
        }
        let all = text.as_bytes();
        assert_eq!(marker.find(all, all.len() - 1), Some((6, 2)));
        assert_eq!(marker.find(all, 0), Some((6, 2)));
    }
}
