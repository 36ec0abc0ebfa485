//! What the tests of the program share: how it is started, its two streams in one, differences as a person reads them.
//! Owns no expectations.
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod place;
pub(crate) mod recorded;
pub(crate) mod signing;

use std::io::Read;
use std::path::Path;
use std::process::Command;

/// The program under test, to be run in a directory. The user's own settings do not reach it.
pub(crate) fn drun(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drun"));
    command
        .current_dir(directory)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("LOCALAPPDATA", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("DRUN_CACHE_DIR")
        .env_remove("DRUN_CACHE_LIMIT")
        .env_remove("DRUN_FORMAT");
    if cfg!(target_os = "macos") {
        command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
    }
    command
}

/// What came out of a run.
pub(crate) struct Output {
    /// Standard output and standard error, in the order in which they were written.
    pub bytes: Vec<u8>,
    /// The exit status; `None` if a signal ended the program.
    pub status: Option<i32>,
}

/// Runs with both streams in one pipe.
pub(crate) fn merged(mut command: Command) -> std::io::Result<Output> {
    let (mut reader, writer) = std::io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds the writing ends; the pipe ends when nobody does.
    drop(command);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let status = child.wait()?.code();
    Ok(Output { bytes, status })
}

/// A unified diff, or nothing if both are equal.
pub(crate) fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let diff = similar::TextDiff::from_lines(expected, actual);
    let shown = diff.unified_diff().header("expected", "actual").to_string();
    Some(shown)
}
