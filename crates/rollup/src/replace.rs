//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

/// Writes a file beside its place and moves it there, so that a full disk or the end of the process leaves the old one. What
/// is no file, like `/dev/null`, is written to.
///
/// # Errors
/// The system's; nothing is left beside the file.
pub(crate) fn replace(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let named = fs::canonicalize(path);
    let path = named.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return fs::write(path, contents);
    }
    let mut new = OsString::from(path);
    new.push(format!(".{}.new", std::process::id()));
    let written = fs::write(&new, contents).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
