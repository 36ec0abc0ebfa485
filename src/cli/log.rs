//! `--log-file`: what the tool itself did and how long it took. Canister output never goes here.
//!
//! Lines are written as they come. Until everything is looked at that can be wrong beforehand they wait, and the log of an earlier
//! run stays; a line that cannot be written ends a run as a failure of the tool.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;

use super::exit::Failure;

/// The log, or nothing if none was asked for.
pub(super) struct Log(Option<Open>);

struct Open {
    path: PathBuf,
    file: File,
    start: Instant,
    /// Lines from before the run; nothing once it has begun.
    early: Option<Vec<u8>>,
    /// Why a line could not be written.
    error: Option<std::io::Error>,
}

impl Log {
    /// Opens the log, and leaves in it what is there.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Log(None));
        };
        let mut options = File::options();
        match options.write(true).create(true).truncate(false).open(path) {
            Ok(file) => Ok(Log(Some(Open {
                path: path.to_owned(),
                file,
                start: Instant::now(),
                early: Some(Vec::new()),
                error: None,
            }))),
            Err(error) => Err(Failure::Input(format!(
                "error: cannot write {}: {error}",
                path.display()
            ))),
        }
    }

    /// The run begins: what an earlier one has left goes.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        let Some(log) = &mut self.0 else {
            return Ok(());
        };
        if let Some(lines) = log.early.take() {
            // A device or a pipe has nothing that could go.
            let begun = match log.file.metadata() {
                Ok(metadata) if metadata.is_file() => log.file.set_len(0),
                other => other.map(drop),
            };
            log.error = begun.and_then(|()| log.file.write_all(&lines)).err();
        }
        self.check()
    }

    /// Adds a line, with the time since the start.
    pub(super) fn line(&mut self, text: impl Display) {
        let Some(log) = &mut self.0 else { return };
        let elapsed = log.start.elapsed().as_secs_f64() * 1e3;
        let line = format!("{elapsed:10.3} ms {text}\n");
        match &mut log.early {
            Some(lines) => lines.extend(line.as_bytes()),
            None if log.error.is_none() => log.error = log.file.write_all(line.as_bytes()).err(),
            None => {}
        }
    }

    /// Whether all lines could be written.
    ///
    /// # Errors
    /// The system's, of the first that could not.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match &mut self.0 {
            Some(Open {
                path,
                error: error @ Some(_),
                ..
            }) => {
                let error = error.take().map_or(Ok(()), Err);
                error.with_context(|| format!("cannot write {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}
