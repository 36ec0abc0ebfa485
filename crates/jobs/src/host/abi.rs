//! Numbers and layouts of WASI preview 1, as its public interface description (`wasi_snapshot_preview1.witx`) has them.

/// An error that a guest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(u16);

impl Errno {
    pub(crate) const BADF: Errno = Errno(8);
    pub(crate) const EXIST: Errno = Errno(20);
    pub(crate) const FAULT: Errno = Errno(21);
    pub(crate) const FBIG: Errno = Errno(22);
    pub(crate) const ILSEQ: Errno = Errno(25);
    pub(crate) const INVAL: Errno = Errno(28);
    pub(crate) const IO: Errno = Errno(29);
    pub(crate) const ISDIR: Errno = Errno(31);
    pub(crate) const MFILE: Errno = Errno(33);
    pub(crate) const NAMETOOLONG: Errno = Errno(37);
    pub(crate) const NOENT: Errno = Errno(44);
    pub(crate) const NOSPC: Errno = Errno(51);
    pub(crate) const NOTDIR: Errno = Errno(54);
    pub(crate) const NOTEMPTY: Errno = Errno(55);
    pub(crate) const NOTSUP: Errno = Errno(58);
    pub(crate) const SPIPE: Errno = Errno(70);
    pub(crate) const NOTCAPABLE: Errno = Errno(76);

    /// Its number.
    pub(crate) fn code(self) -> i32 {
        self.0.into()
    }

    /// Its number as it stands in memory.
    pub(crate) fn bytes(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

/// `filetype`.
pub(crate) mod filetype {
    pub(crate) const CHARACTER_DEVICE: u8 = 2;
    pub(crate) const DIRECTORY: u8 = 3;
    pub(crate) const REGULAR_FILE: u8 = 4;
}

/// `fdflags`.
pub(crate) mod fdflags {
    pub(crate) const APPEND: u16 = 1;
    pub(crate) const KNOWN: u16 = 0x1f;
}

/// `oflags`.
pub(crate) mod oflags {
    pub(crate) const CREATE: u16 = 1;
    pub(crate) const DIRECTORY: u16 = 2;
    pub(crate) const EXCLUSIVE: u16 = 4;
    pub(crate) const TRUNCATE: u16 = 8;
}

/// `fstflags`.
pub(crate) mod fstflags {
    pub(crate) const ACCESSED: u16 = 1;
    pub(crate) const ACCESSED_NOW: u16 = 2;
    pub(crate) const MODIFIED: u16 = 4;
    pub(crate) const MODIFIED_NOW: u16 = 8;
}

/// `rights`: those that decide how a file is opened, and all that there are.
pub(crate) mod rights {
    pub(crate) const READ: u64 = 1 << 1;
    pub(crate) const WRITE: u64 = 1 << 6;
    pub(crate) const ALL: u64 = (1 << 30) - 1;
}

/// The clocks.
pub(crate) mod clockid {
    pub(crate) const REALTIME: u32 = 0;
    pub(crate) const MONOTONIC: u32 = 1;
    pub(crate) const PROCESS_CPUTIME: u32 = 2;
    pub(crate) const THREAD_CPUTIME: u32 = 3;
}

/// A `filestat`.
pub(crate) fn filestat(
    inode: u64,
    filetype: u8,
    links: u64,
    size: u64,
    times: [u64; 3],
) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    bytes[16] = filetype;
    bytes[24..32].copy_from_slice(&links.to_le_bytes());
    bytes[32..40].copy_from_slice(&size.to_le_bytes());
    for (at, time) in times.iter().enumerate() {
        bytes[40 + at * 8..][..8].copy_from_slice(&time.to_le_bytes());
    }
    bytes
}

/// An `fdstat`, with all rights.
pub(crate) fn fdstat(filetype: u8, flags: u16) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = filetype;
    bytes[2..4].copy_from_slice(&flags.to_le_bytes());
    bytes[8..16].copy_from_slice(&rights::ALL.to_le_bytes());
    bytes[16..24].copy_from_slice(&rights::ALL.to_le_bytes());
    bytes
}

/// The head of a `dirent`; the name follows it.
pub(crate) fn dirent(next: u64, inode: u64, name: &str, filetype: u8) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    bytes[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
    bytes[20] = filetype;
    bytes
}
