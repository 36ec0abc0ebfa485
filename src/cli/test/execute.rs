//! Runs one case: the program itself as a child, in the directory of the script, with standard output and standard
//! error in one pipe, so that the true order is kept. Judges nothing.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::suite::Case;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a status.
    Exit(i32),
    /// Without one: it was killed by somebody else.
    Signal,
    /// It was killed because it took too long.
    Timeout,
}

/// What a case did.
#[derive(Debug)]
pub struct Run {
    /// Both streams.
    pub output: Vec<u8>,
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub time: Duration,
}

/// How cases are run.
#[derive(Debug)]
pub struct Runner {
    /// Options for every case; those of the case itself come later and win.
    pub args: Vec<String>,
    /// For one case.
    pub timeout: Duration,
    /// Threads that compile modules in one case.
    pub threads: usize,
}

impl Runner {
    /// Runs a case.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn run(&self, case: &Case) -> anyhow::Result<Run> {
        let start = Instant::now();
        let (mut reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let mut child = self.start(case, writer)?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = Vec::new();
            // What came before the failure is all there is to show.
            let _ = reader.read_to_end(&mut output);
            // Nobody listens if the time is over.
            let _ = sender.send(output);
        });
        let (output, in_time) = match receiver.recv_timeout(self.timeout) {
            Ok(output) => (output, true),
            Err(_) => {
                child
                    .kill()
                    .context("cannot end a case that takes too long")?;
                (receiver.recv().unwrap_or_default(), false)
            }
        };
        let status = child.wait().context("cannot wait for a case")?;
        Ok(Run {
            output,
            end: match status.code() {
                _ if !in_time => End::Timeout,
                Some(code) => End::Exit(code),
                None => End::Signal,
            },
            time: start.elapsed(),
        })
    }

    fn start(&self, case: &Case, output: std::io::PipeWriter) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let directory = match case.script.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let script = case.script.file_name().expect("a script is a file");
        let mut command = Command::new(program);
        command
            .args(&self.args)
            .args(&case.directives.args)
            .arg("--")
            .arg(script)
            .current_dir(directory)
            // What a case prints depends on the suite alone.
            .env_remove("DRUN_FORMAT")
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot share a pipe")?)
            .stderr(output);
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            command.env("RAYON_NUM_THREADS", self.threads.to_string());
        }
        command.spawn().context("cannot start the program itself")
    }
}
