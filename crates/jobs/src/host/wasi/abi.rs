//! Numbers and layouts of WASI preview 1, as its public interface description (`wasi_snapshot_preview1.witx`) has them.

/// An error that a guest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(u16);

impl Errno {
    pub const BADF: Errno = Errno(8);
    pub const EXIST: Errno = Errno(20);
    pub const FAULT: Errno = Errno(21);
    pub const FBIG: Errno = Errno(22);
    pub const ILSEQ: Errno = Errno(25);
    pub const INVAL: Errno = Errno(28);
    pub const IO: Errno = Errno(29);
    pub const ISDIR: Errno = Errno(31);
    pub const MFILE: Errno = Errno(33);
    pub const NAMETOOLONG: Errno = Errno(37);
    pub const NOENT: Errno = Errno(44);
    pub const NOSPC: Errno = Errno(51);
    pub const NOTDIR: Errno = Errno(54);
    pub const NOTEMPTY: Errno = Errno(55);
    pub const NOTSUP: Errno = Errno(58);
    pub const SPIPE: Errno = Errno(70);
    pub const NOTCAPABLE: Errno = Errno(76);

    /// Its number.
    pub fn code(self) -> i32 {
        self.0.into()
    }

    /// Its number as it stands in memory.
    pub fn bytes(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

/// `filetype`.
pub mod filetype {
    pub const CHARACTER_DEVICE: u8 = 2;
    pub const DIRECTORY: u8 = 3;
    pub const REGULAR_FILE: u8 = 4;
}

/// `fdflags`.
pub mod fdflags {
    pub const APPEND: u16 = 1;
    pub const KNOWN: u16 = 0x1f;
}

/// `oflags`.
pub mod oflags {
    pub const CREATE: u16 = 1;
    pub const DIRECTORY: u16 = 2;
    pub const EXCLUSIVE: u16 = 4;
    pub const TRUNCATE: u16 = 8;
}

/// `fstflags`.
pub mod fstflags {
    pub const ACCESSED: u16 = 1;
    pub const ACCESSED_NOW: u16 = 2;
    pub const MODIFIED: u16 = 4;
    pub const MODIFIED_NOW: u16 = 8;
}

/// `rights`: those that decide how a file is opened, and all that there are.
pub mod rights {
    pub const READ: u64 = 1 << 1;
    pub const WRITE: u64 = 1 << 6;
    pub const ALL: u64 = (1 << 30) - 1;
}

/// The clocks.
pub mod clockid {
    pub const REALTIME: u32 = 0;
    pub const MONOTONIC: u32 = 1;
    pub const PROCESS_CPUTIME: u32 = 2;
    pub const THREAD_CPUTIME: u32 = 3;
}

/// A `filestat`.
pub fn filestat(inode: u64, filetype: u8, links: u64, size: u64, times: [u64; 3]) -> [u8; 64] {
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
pub fn fdstat(filetype: u8, flags: u16) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = filetype;
    bytes[2..4].copy_from_slice(&flags.to_le_bytes());
    bytes[8..16].copy_from_slice(&rights::ALL.to_le_bytes());
    bytes[16..24].copy_from_slice(&rights::ALL.to_le_bytes());
    bytes
}

/// The head of a `dirent`; the name follows it.
pub fn dirent(next: u64, inode: u64, name: &str, filetype: u8) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    bytes[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
    bytes[20] = filetype;
    bytes
}
