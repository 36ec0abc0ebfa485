//! Files and directories that belong to this user alone, as far as the system tells: how they are made and opened, and whether
//! somebody else may have written them. What they hold is not known here.
//!
//! Where there are no owners and modes, as on Windows, what lies in the user's own directories is taken to be theirs.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and those that it lies in, for this user alone.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Opens a file for reading. A pipe or a link that somebody put there neither blocks nor leads elsewhere.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    // Reading, and noting that it was read.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::access_mode(&mut options, 0x8000_0000 | 0x100);
    #[cfg(not(unix))]
    if std::fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::other("a link"));
    }
    options.open(path)
}

#[cfg(unix)]
mod system {
    use super::*;
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;

    fn user() -> u32 {
        // SAFETY: only reads a number and cannot fail.
        unsafe { libc::geteuid() }
    }

    /// True for what belongs to this user and nobody else may write to.
    pub(crate) fn is_private(metadata: &Metadata) -> bool {
        metadata.uid() == user() && metadata.mode() & 0o022 == 0
    }

    /// True for what others may not even read.
    pub(crate) fn is_secret(metadata: &Metadata) -> bool {
        metadata.mode() & 0o077 == 0
    }

    /// Makes sure that nobody else can put another directory in the place of this one: all that it lies in belong to this user
    /// or to the system, and others may write to none of them unless they can move only what is theirs.
    pub(crate) fn check_above(path: &Path) -> io::Result<()> {
        // SAFETY: only reads a number and cannot fail.
        let group = unsafe { libc::getegid() };
        let path = std::fs::canonicalize(path)?;
        for above in path.ancestors().skip(1) {
            let metadata = std::fs::metadata(above)?;
            let mode = metadata.mode();
            // Where every user has a group of the same number, it may write.
            let own_group = metadata.gid() == group && group == user();
            let writable = mode & 0o002 != 0 || mode & 0o020 != 0 && !own_group;
            let owned = metadata.uid() == user() || metadata.uid() == 0;
            if !owned || writable && mode & 0o1000 == 0 {
                let text = format!("others may exchange what is in {}", above.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
        }
        Ok(())
    }

    /// Bytes that are free for this user on the disk of a directory.
    pub(crate) fn free(path: &Path) -> io::Result<u64> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path ends with a zero byte, and there is room for the answer.
        if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: filled in by the call, which succeeded.
        let found = unsafe { found.assume_init() };
        #[allow(clippy::unnecessary_cast, reason = "macOS counts blocks in 32 bits")]
        let blocks = found.f_bavail as u64;
        Ok(blocks.saturating_mul(found.f_frsize))
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    pub(crate) fn is_private(_: &Metadata) -> bool {
        true
    }

    pub(crate) fn is_secret(_: &Metadata) -> bool {
        true
    }

    pub(crate) fn check_above(_: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Bytes that are free for this user on the disk of a directory.
    #[cfg(windows)]
    pub(crate) fn free(path: &Path) -> io::Result<u64> {
        use std::os::windows::ffi::OsStrExt;
        use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
        let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        let (mut free, nothing) = (0, std::ptr::null_mut());
        // SAFETY: the path ends with a zero, and there is room for the answer.
        match unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &mut free, nothing, nothing) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(free),
        }
    }

    /// Nothing, since nobody tells: whoever asks goes by the least.
    #[cfg(not(windows))]
    pub(crate) fn free(_: &Path) -> io::Result<u64> {
        Ok(0)
    }
}

pub(crate) use system::{check_above, free, is_private, is_secret};
