//! Paths as they are, however somebody typed them.

use std::path::{Component, Path, PathBuf};

/// The path from the root on, without `.` and `..`. Links are not followed.
///
/// # Errors
/// If there is no working directory.
pub fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let mut tidied = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(tidied.pop()),
            part => tidied.push(part),
        }
    }
    Ok(tidied)
}
