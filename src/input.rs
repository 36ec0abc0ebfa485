//! Reads what the user names, up to a limit.
//!
//! Owns the limits, and the few words for what cannot be read. A device or a pipe is no reason to wait or to fill all memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::script::MAX_SCRIPT_BYTES;

/// The longest module, packed or in text, in bytes. What the Internet Computer takes is less and told by it.
const MAX_MODULE_BYTES: u64 = 1 << 30;
/// The longest file for a stable memory, in bytes: it is held in memory as a whole.
const MAX_FIXTURE_BYTES: u64 = 4 << 30;
/// The longest configuration or interface, in bytes.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// The longest output that a suite can expect, in bytes.
const MAX_EXPECTED_BYTES: u64 = 1 << 30;

/// All of a script, which may come out of a pipe or a terminal.
///
/// # Errors
/// Why it cannot be read, in a few words.
pub(crate) fn script(reader: impl Read) -> Result<Vec<u8>, String> {
    bounded(reader, MAX_SCRIPT_BYTES as u64)
}

/// All of a script in a file.
///
/// # Errors
/// As with [`script`].
pub(crate) fn script_file(path: &Path) -> Result<Vec<u8>, String> {
    script(open(path)?)
}

/// All of a module's file.
///
/// # Errors
/// As with [`script`]; also if it is no regular file.
pub(crate) fn module(path: &Path) -> Result<Vec<u8>, String> {
    regular(path, MAX_MODULE_BYTES)
}

/// All of a file for a stable memory.
///
/// # Errors
/// As with [`module`].
pub(crate) fn fixture(path: &Path) -> Result<Vec<u8>, String> {
    regular(path, MAX_FIXTURE_BYTES)
}

/// All of what a script includes.
///
/// # Errors
/// As with [`module`].
pub(crate) fn part(path: &Path) -> Result<Vec<u8>, String> {
    regular(path, MAX_SCRIPT_BYTES as u64)
}

/// All of what a suite expects of a case.
///
/// # Errors
/// As with [`module`].
pub(crate) fn expected(path: &Path) -> Result<Vec<u8>, String> {
    regular(path, MAX_EXPECTED_BYTES)
}

/// A configuration, which may come out of a pipe.
///
/// # Errors
/// As with [`script`]; also if it is not UTF-8.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    utf8(bounded(open(path)?, MAX_TEXT_BYTES)?)
}

/// An interface, a suite file, a baseline, or a source of a suite.
///
/// # Errors
/// As with [`module`]; also if it is not UTF-8.
pub(crate) fn text_file(path: &Path) -> Result<String, String> {
    utf8(regular(path, MAX_TEXT_BYTES)?)
}

/// Opens a file. Of a directory Windows says that opening it is not permitted.
fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| match path.is_dir() {
        true => reason(&io::ErrorKind::IsADirectory.into()),
        false => reason(&error),
    })
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn regular(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let kind = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if kind.is_dir() {
        return Err("this is a directory".to_owned());
    }
    if !kind.is_file() {
        return Err("this is no file, but a device or a pipe".to_owned());
    }
    if kind.len() > most {
        return Err(too_long(most));
    }
    bounded(open(path)?, most)
}

fn bounded(reader: impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = reader.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| reason(&error))?;
    if bytes.len() as u64 > most {
        return Err(too_long(most));
    }
    Ok(bytes)
}

fn too_long(most: u64) -> String {
    format!("it is longer than {} MiB", most >> 20)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "this is a directory".to_owned(),
        io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        io::ErrorKind::OutOfMemory => "there is not enough memory for it".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_refused_at_its_limit() {
        let endless = io::repeat(b'#');
        assert_eq!(
            bounded(endless, 1 << 20).unwrap_err(),
            "it is longer than 1 MiB"
        );
        assert_eq!(bounded(&b"abc"[..], 3).unwrap(), b"abc");
        assert_eq!(
            bounded(&b"abcd"[..], 3).unwrap_err(),
            "it is longer than 0 MiB"
        );
    }

    #[test]
    fn a_directory_is_told_as_one_on_any_system() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for read in [script_file(path).map(drop), text(path).map(drop)] {
            assert_eq!(read.unwrap_err(), "this is a directory");
        }
    }
}
