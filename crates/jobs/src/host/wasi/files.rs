//! The functions of WASI preview 1 that work on descriptors.

use super::super::abi::{self, Errno, fdflags, filetype, fstflags};
use super::super::filesystem::{Descriptor, PREOPEN, ROOT};
use super::{Done, Guest, Linear};

/// Vectors of one call, as POSIX systems limit them.
const MAX_VECTORS: u32 = 1024;

/// Where and how much the vectors of a call are.
fn vectors(memory: &Linear<'_>, at: u32, count: u32) -> Result<Vec<(u32, u32)>, Errno> {
    if count > MAX_VECTORS {
        return Err(Errno::INVAL);
    }
    let vector = |index: u32| {
        let at = at.checked_add(index * 8).ok_or(Errno::FAULT)?;
        let (start, len) = (
            memory.u32(at)?,
            memory.u32(at.checked_add(4).ok_or(Errno::FAULT)?)?,
        );
        memory.slice(start, len)?;
        Ok((start, len))
    };
    (0..count).map(vector).collect()
}

/// Copies what there is into the vectors.
fn scatter(memory: &mut Linear<'_>, vectors: &[(u32, u32)], mut from: &[u8]) -> Result<u32, Errno> {
    let mut copied = 0;
    for (at, len) in vectors {
        let (part, rest) = from.split_at(from.len().min(*len as usize));
        memory.write(*at, part)?;
        copied += part.len() as u32;
        from = rest;
    }
    Ok(copied)
}

pub(super) fn fd_read(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    count: u32,
    to: u32,
) -> Done {
    let vectors = vectors(memory, at, count)?;
    memory.slice(to, 4)?;
    let copied = match guest.descriptors.get(fd)? {
        Descriptor::Stdin => {
            let copied = scatter(memory, &vectors, &guest.stdin[guest.stdin_read..])?;
            guest.stdin_read += copied as usize;
            copied
        }
        Descriptor::Stdout | Descriptor::Stderr => return Err(Errno::BADF.into()),
        _ => {
            let opened = guest.descriptors.file(fd)?;
            if !opened.readable {
                return Err(Errno::BADF.into());
            }
            let content = guest.tree.file(opened.node).ok_or(Errno::BADF)?;
            let start = content
                .len()
                .min(usize::try_from(opened.position).unwrap_or(usize::MAX));
            let copied = scatter(memory, &vectors, &content[start..])?;
            opened.position += u64::from(copied);
            copied
        }
    };
    Ok(memory.write(to, &copied.to_le_bytes())?)
}

pub(super) fn fd_pread(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    count: u32,
    offset: u64,
    to: u32,
) -> Done {
    let vectors = vectors(memory, at, count)?;
    let opened = guest.descriptors.file(fd)?;
    if !opened.readable {
        return Err(Errno::BADF.into());
    }
    let content = guest.tree.file(opened.node).ok_or(Errno::BADF)?;
    let start = content
        .len()
        .min(usize::try_from(offset).unwrap_or(usize::MAX));
    let copied = scatter(memory, &vectors, &content[start..])?;
    Ok(memory.write(to, &copied.to_le_bytes())?)
}

pub(super) fn fd_write(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    count: u32,
    to: u32,
) -> Done {
    let vectors = vectors(memory, at, count)?;
    memory.slice(to, 4)?;
    let now = guest.now();
    let mut written = 0u32;
    for (at, len) in vectors {
        let bytes = memory.slice(at, len)?;
        match guest.descriptors.get(fd)? {
            Descriptor::Stdout => guest.stdout.write(bytes)?,
            Descriptor::Stderr => guest.stderr.write(bytes)?,
            Descriptor::Stdin => return Err(Errno::BADF.into()),
            _ => {
                let opened = guest.descriptors.file(fd)?;
                if !opened.writable {
                    return Err(Errno::BADF.into());
                }
                if opened.appends() {
                    opened.position = guest
                        .tree
                        .file(opened.node)
                        .map_or(0, |file| file.len() as u64);
                }
                let outcome = guest.tree.write(opened.node, opened.position, bytes, now);
                match outcome {
                    Ok(()) => opened.position += u64::from(len),
                    // What was written before counts.
                    Err(_) if written > 0 => break,
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
        written = written.checked_add(len).ok_or(Errno::INVAL)?;
    }
    Ok(memory.write(to, &written.to_le_bytes())?)
}

pub(super) fn fd_pwrite(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    count: u32,
    offset: u64,
    to: u32,
) -> Done {
    let vectors = vectors(memory, at, count)?;
    let now = guest.now();
    let opened = guest.descriptors.file(fd)?;
    if !opened.writable {
        return Err(Errno::BADF.into());
    }
    let mut written = 0u32;
    for (at, len) in vectors {
        let position = offset.checked_add(u64::from(written)).ok_or(Errno::FBIG)?;
        match guest
            .tree
            .write(opened.node, position, memory.slice(at, len)?, now)
        {
            Ok(()) => written = written.checked_add(len).ok_or(Errno::INVAL)?,
            Err(_) if written > 0 => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(memory.write(to, &written.to_le_bytes())?)
}

pub(super) fn fd_seek(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    offset: i64,
    whence: u32,
    to: u32,
) -> Done {
    let opened = guest.descriptors.file(fd)?;
    let base = match whence {
        0 => 0,
        1 => opened.position,
        2 => guest
            .tree
            .file(opened.node)
            .map_or(0, |file| file.len() as u64),
        _ => return Err(Errno::INVAL.into()),
    };
    let position = base
        .checked_add_signed(offset)
        .filter(|position| *position <= i64::MAX as u64);
    opened.position = position.ok_or(Errno::INVAL)?;
    Ok(memory.write(to, &opened.position.to_le_bytes())?)
}

pub(super) fn fd_tell(memory: &mut Linear<'_>, guest: &mut Guest, fd: u32, to: u32) -> Done {
    let position = guest.descriptors.file(fd)?.position;
    Ok(memory.write(to, &position.to_le_bytes())?)
}

pub(super) fn fd_close(_: &mut Linear<'_>, guest: &mut Guest, fd: u32) -> Done {
    Ok(guest.descriptors.close(&mut guest.tree, fd)?)
}

pub(super) fn fd_renumber(_: &mut Linear<'_>, guest: &mut Guest, fd: u32, to: u32) -> Done {
    Ok(guest.descriptors.renumber(&mut guest.tree, fd, to)?)
}

pub(super) fn fd_sync(_: &mut Linear<'_>, guest: &mut Guest, fd: u32) -> Done {
    guest.descriptors.get(fd)?;
    Ok(())
}

pub(super) fn fd_advise(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    _: u64,
    _: u64,
    advice: u32,
) -> Done {
    guest.descriptors.file(fd)?;
    match advice {
        0..=5 => Ok(()),
        _ => Err(Errno::INVAL.into()),
    }
}

pub(super) fn fd_allocate(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    offset: u64,
    len: u64,
) -> Done {
    let now = guest.now();
    let opened = guest.descriptors.file(fd)?;
    if !opened.writable {
        return Err(Errno::BADF.into());
    }
    let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
    let size = guest
        .tree
        .file(opened.node)
        .map_or(0, |file| file.len() as u64);
    match end > size {
        true => Ok(guest.tree.resize(opened.node, end, now)?),
        false => Ok(()),
    }
}

pub(super) fn fd_fdstat_get(memory: &mut Linear<'_>, guest: &mut Guest, fd: u32, to: u32) -> Done {
    let status = match guest.descriptors.get(fd)? {
        Descriptor::Directory(_) => abi::fdstat(filetype::DIRECTORY, 0),
        Descriptor::File(opened) => abi::fdstat(filetype::REGULAR_FILE, opened.flags),
        _ => abi::fdstat(filetype::CHARACTER_DEVICE, 0),
    };
    Ok(memory.write(to, &status)?)
}

pub(super) fn fd_fdstat_set_flags(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    flags: u32,
) -> Done {
    let flags = u16::try_from(flags).map_err(|_| Errno::INVAL)?;
    if flags & !fdflags::KNOWN != 0 {
        return Err(Errno::INVAL.into());
    }
    match guest.descriptors.file(fd) {
        Ok(opened) => opened.flags = flags,
        // Reading and writing the streams never waits; whether they may is all the same.
        Err(Errno::SPIPE) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(())
}

pub(super) fn fd_fdstat_set_rights(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    _: u64,
    _: u64,
) -> Done {
    guest.descriptors.get(fd)?;
    Ok(())
}

pub(super) fn fd_filestat_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    to: u32,
) -> Done {
    let status = match guest.descriptors.get(fd)? {
        Descriptor::Directory(node) => status(guest, *node),
        Descriptor::File(opened) => status(guest, opened.node),
        _ => abi::filestat(0, filetype::CHARACTER_DEVICE, 1, 0, [0; 3]),
    };
    Ok(memory.write(to, &status)?)
}

/// The `filestat` of a file or directory.
pub(super) fn status(guest: &Guest, node: usize) -> [u8; 64] {
    let (inode, links, size, times) = guest.tree.status(node);
    abi::filestat(inode, guest.tree.filetype(node), links, size, times)
}

pub(super) fn fd_filestat_set_size(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    size: u64,
) -> Done {
    let now = guest.now();
    let opened = guest.descriptors.file(fd)?;
    if !opened.writable {
        return Err(Errno::BADF.into());
    }
    Ok(guest.tree.resize(opened.node, size, now)?)
}

pub(super) fn fd_filestat_set_times(
    _: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Done {
    let node = match guest.descriptors.get(fd)? {
        Descriptor::Directory(node) => *node,
        Descriptor::File(opened) => opened.node,
        _ => return Err(Errno::INVAL.into()),
    };
    set_times(guest, node, accessed, modified, flags)
}

/// Sets times by `fstflags`.
pub(super) fn set_times(
    guest: &mut Guest,
    node: usize,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Done {
    let now = guest.now();
    let pick = |given: u16, current: u16, value: u64| match (
        flags & u32::from(given) != 0,
        flags & u32::from(current) != 0,
    ) {
        (true, true) => Err(Errno::INVAL),
        (true, false) => Ok(Some(value)),
        (false, true) => Ok(Some(now)),
        (false, false) => Ok(None),
    };
    let accessed = pick(fstflags::ACCESSED, fstflags::ACCESSED_NOW, accessed)?;
    let modified = pick(fstflags::MODIFIED, fstflags::MODIFIED_NOW, modified)?;
    guest.tree.set_times(node, accessed, modified, now);
    Ok(())
}

pub(super) fn fd_prestat_get(memory: &mut Linear<'_>, guest: &mut Guest, fd: u32, to: u32) -> Done {
    preopen(guest, fd)?;
    let mut prestat = [0; 8];
    prestat[4..].copy_from_slice(&(guest.work_dir.len() as u32).to_le_bytes());
    Ok(memory.write(to, &prestat)?)
}

pub(super) fn fd_prestat_dir_name(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    len: u32,
) -> Done {
    preopen(guest, fd)?;
    if (len as usize) < guest.work_dir.len() {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(memory.write(at, guest.work_dir.as_bytes())?)
}

fn preopen(guest: &Guest, fd: u32) -> Result<(), Errno> {
    match guest.descriptors.get(fd)? {
        Descriptor::Directory(ROOT) if fd == PREOPEN => Ok(()),
        _ => Err(Errno::BADF),
    }
}
