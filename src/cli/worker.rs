//! `drun worker`, which `drun test` starts: runs the program again and again, in the directories and with the arguments that
//! standard input names. Owns the loop alone; what the program does is the room's front's.

use std::fs::File;
use std::io::Write;

use clap::Args;

use super::exit::{Failure, SUCCESS};
use crate::suite::worker::{Marker, Request};

/// Runs cases for `drun test`.
#[derive(Debug, Args)]
pub(super) struct WorkerOptions {
    /// What to write behind the output of each
    marker: String,

    /// Write it to standard error, too
    #[arg(long)]
    separate: bool,
}

/// Runs until nothing more is asked for; `program` is the program itself, which tells its exit status.
pub(super) fn run(
    options: &WorkerOptions,
    mut program: impl FnMut(Vec<String>) -> u8,
) -> Result<u8, Failure> {
    let marker = Marker::new(&options.marker);
    // Not by way of the buffer, which would write a marker that was refused once more when the process ends: behind the sentence
    // that says so.
    let mut ends = unbuffered_output()?;
    let mut line = String::new();
    loop {
        line.clear();
        let read = std::io::stdin().read_line(&mut line);
        if !matches!(read, Ok(1..)) {
            return Ok(SUCCESS);
        }
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::Tool(anyhow::anyhow!(
                "a worker cannot do what it is asked for: {error}"
            ))
        };
        let request: Request = serde_json::from_str(&line).map_err(|error| wrong(&error))?;
        std::env::set_current_dir(&request.directory).map_err(|error| wrong(&error))?;
        let end = marker.end(program(request.arguments));
        if options.separate {
            let mut err = std::io::stderr().lock();
            err.write_all(end.as_bytes())?;
        }
        std::io::stdout().lock().flush()?;
        ends.write_all(end.as_bytes())?;
    }
}

/// Standard output, without its buffer.
fn unbuffered_output() -> std::io::Result<File> {
    let out = std::io::stdout();
    #[cfg(unix)]
    let out = std::os::fd::AsFd::as_fd(&out).try_clone_to_owned();
    #[cfg(windows)]
    let out = std::os::windows::io::AsHandle::as_handle(&out).try_clone_to_owned();
    out.map(File::from)
}
