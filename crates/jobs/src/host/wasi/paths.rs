//! The functions of WASI preview 1 that work on paths, and the listing of directories.

use super::super::abi::{self, Errno, fdflags, filetype, oflags, rights};
use super::super::filesystem::{Descriptor, Opened, Place, ROOT};
use super::files::{set_times, status};
use super::{Done, Guest, Halt, Linear};

fn place(memory: &Linear<'_>, guest: &Guest, fd: u32, path: u32, len: u32) -> Result<Place, Errno> {
    let base = guest.descriptors.directory(fd)?;
    guest.tree.resolve(base, memory.slice(path, len)?)
}

/// Follows a path; if it leads to where the answer of an RPC is looked for, the answer is there by then.
fn place_of_answer(
    memory: &Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<Place, Halt> {
    let found = place(memory, guest, fd, path, len)?;
    let asks = found.parent == ROOT && found.name.as_deref() == Some(guest.rpc_files.response());
    if !asks {
        return Ok(found);
    }
    guest.answer_file()?;
    Ok(place(memory, guest, fd, path, len)?)
}

#[expect(clippy::too_many_arguments, reason = "the interface has as many")]
pub(super) fn path_open(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    _lookup: u32,
    path: u32,
    len: u32,
    how: u32,
    rights: u64,
    _inheriting: u64,
    flags: u32,
    to: u32,
) -> Done {
    let found = place_of_answer(memory, guest, fd, path, len)?;
    memory.slice(to, 4)?;
    let (how, flags) = (how as u16, flags as u16);
    if flags & !fdflags::KNOWN != 0 {
        return Err(Errno::INVAL.into());
    }
    let has = |flag: u16| how & flag != 0;
    let now = guest.now();
    let node = match found.node {
        Some(_) if has(oflags::CREATE) && has(oflags::EXCLUSIVE) => return Err(Errno::EXIST.into()),
        Some(node) => node,
        None if !has(oflags::CREATE) => return Err(Errno::NOENT.into()),
        None if has(oflags::DIRECTORY) => return Err(Errno::INVAL.into()),
        None if found.slash => return Err(Errno::ISDIR.into()),
        None => {
            let name = found.name.ok_or(Errno::NOENT)?;
            guest.tree.create(found.parent, &name, false, now)?
        }
    };
    let writable = rights & rights::WRITE != 0;
    let descriptor = if guest.tree.is_directory(node) {
        // A right to write is ignored here, as many guests ask for all rights.
        if has(oflags::TRUNCATE) || has(oflags::CREATE) {
            return Err(Errno::ISDIR.into());
        }
        Descriptor::Directory(node)
    } else {
        if has(oflags::DIRECTORY) {
            return Err(Errno::NOTDIR.into());
        }
        if has(oflags::TRUNCATE) {
            guest.tree.resize(node, 0, now)?;
        }
        Descriptor::File(Opened {
            node,
            position: 0,
            flags,
            readable: rights & rights::READ != 0,
            writable,
        })
    };
    let new = guest.descriptors.open(&mut guest.tree, descriptor)?;
    Ok(memory.write(to, &new.to_le_bytes())?)
}

pub(super) fn path_filestat_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    _lookup: u32,
    path: u32,
    len: u32,
    to: u32,
) -> Done {
    let found = place_of_answer(memory, guest, fd, path, len)?;
    let node = found.node.ok_or(Errno::NOENT)?;
    Ok(memory.write(to, &status(guest, node))?)
}

#[expect(clippy::too_many_arguments, reason = "the interface has as many")]
pub(super) fn path_filestat_set_times(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    _lookup: u32,
    path: u32,
    len: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Done {
    let node = place(memory, guest, fd, path, len)?
        .node
        .ok_or(Errno::NOENT)?;
    set_times(guest, node, accessed, modified, flags)
}

pub(super) fn path_create_directory(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    path: u32,
    len: u32,
) -> Done {
    let found = place(memory, guest, fd, path, len)?;
    let (None, Some(name)) = (found.node, found.name) else {
        return Err(Errno::EXIST.into());
    };
    let now = guest.now();
    guest.tree.create(found.parent, &name, true, now)?;
    Ok(())
}

pub(super) fn path_remove_directory(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    path: u32,
    len: u32,
) -> Done {
    let found = place(memory, guest, fd, path, len)?;
    let node = found.node.ok_or(Errno::NOENT)?;
    if !guest.tree.names(node)?.is_empty() {
        return Err(Errno::NOTEMPTY.into());
    }
    let name = found.name.ok_or(Errno::INVAL)?;
    let now = guest.now();
    guest.tree.unlink(found.parent, &name, now);
    Ok(())
}

pub(super) fn path_unlink_file(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    path: u32,
    len: u32,
) -> Done {
    let found = place(memory, guest, fd, path, len)?;
    let node = found.node.ok_or(Errno::NOENT)?;
    if guest.tree.is_directory(node) {
        return Err(Errno::ISDIR.into());
    }
    let name = found.name.ok_or(Errno::ISDIR)?;
    let now = guest.now();
    guest.tree.unlink(found.parent, &name, now);
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the interface has as many")]
pub(super) fn path_rename(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    path: u32,
    len: u32,
    new_fd: u32,
    new_path: u32,
    new_len: u32,
) -> Done {
    let from = place(memory, guest, fd, path, len)?;
    let to = place(memory, guest, new_fd, new_path, new_len)?;
    let now = guest.now();
    Ok(guest.tree.rename(&from, &to, now)?)
}

pub(super) fn fd_readdir(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    fd: u32,
    at: u32,
    len: u32,
    cookie: u64,
    to: u32,
) -> Done {
    let directory = guest.descriptors.directory(fd)?;
    if directory == ROOT {
        guest.answer_file()?;
    }
    memory.slice(at, len)?;
    let inode = |node| guest.tree.status(node).0;
    let own = [(".", directory), ("..", directory)];
    let names = guest.tree.names(directory)?;
    let entries = own
        .into_iter()
        .chain(names.iter().map(|(name, node)| (name.as_str(), *node)));
    let mut listing = Vec::new();
    for (index, (name, node)) in entries
        .enumerate()
        .skip(usize::try_from(cookie).unwrap_or(usize::MAX))
    {
        if listing.len() >= len as usize {
            break;
        }
        let kind = match guest.tree.is_directory(node) {
            true => filetype::DIRECTORY,
            false => filetype::REGULAR_FILE,
        };
        listing.extend(abi::dirent(index as u64 + 1, inode(node), name, kind));
        listing.extend(name.as_bytes());
    }
    // A listing that fills the buffer tells the guest that there is more.
    listing.truncate(len as usize);
    memory.write(at, &listing)?;
    Ok(memory.write(to, &(listing.len() as u32).to_le_bytes())?)
}
