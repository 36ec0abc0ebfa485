//! Whom a file belongs to, and whether somebody else may have written it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// True for what belongs to this user and nobody else may write to.
pub(super) fn is_private(metadata: &Metadata) -> bool {
    // SAFETY: `geteuid` only reads a number and cannot fail.
    let user = unsafe { libc::geteuid() };
    metadata.uid() == user && metadata.mode() & 0o022 == 0
}
