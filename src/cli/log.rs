//! `--log-file`: what the tool itself did and how long it took. Canister output never goes here.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::exit::Failure;

/// The log, or nothing if none was asked for.
pub(super) struct Log(Option<(File, Instant)>);

impl Log {
    /// Opens the log anew.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Log(None));
        };
        match File::create(path) {
            Ok(file) => Ok(Log(Some((file, Instant::now())))),
            Err(error) => Err(Failure::Input(format!(
                "error: cannot write {}: {error}",
                path.display()
            ))),
        }
    }

    /// Adds a line, with the time since the start. A log that cannot be written any more is given up.
    pub(super) fn line(&mut self, text: impl Display) {
        if let Some((file, start)) = &mut self.0
            && writeln!(
                file,
                "{:10.3} ms {text}",
                start.elapsed().as_secs_f64() * 1e3
            )
            .is_err()
        {
            self.0 = None;
        }
    }
}
