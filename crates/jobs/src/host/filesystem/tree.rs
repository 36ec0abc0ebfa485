//! The working directory of a guest: files and directories in memory, with limits of number and bytes. Paths are
//! resolved here; descriptors are not known.

use std::collections::BTreeMap;

use super::super::abi::{Errno, filetype};

/// Bytes of a path and of a name in it.
const MAX_PATH: usize = 4096;
const MAX_NAME: usize = 255;

/// A file or directory; stays the same when it is renamed.
pub(crate) type Node = usize;

/// The working directory itself.
pub(crate) const ROOT: Node = 0;

#[derive(Debug)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

#[derive(Debug)]
struct Entry {
    content: Content,
    inode: u64,
    /// Accessed, modified, changed: nanoseconds since 1970.
    times: [u64; 3],
    linked: bool,
    opened: u32,
    writers: u32,
    /// Counts what was written.
    version: u64,
    /// Bytes that count against the limit.
    charged: usize,
    /// Whether it counts against the limit of files.
    counted: bool,
}

/// Where a path leads.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// The directory in which it is.
    pub parent: Node,
    /// Its name there; `None` if the path names a directory as `.` or `..`.
    pub name: Option<String>,
    /// What is there.
    pub node: Option<Node>,
    /// Whether the path ends with a slash.
    pub slash: bool,
}

/// All files of one guest.
#[derive(Debug)]
pub(crate) struct Tree {
    entries: Vec<Option<Entry>>,
    /// Places in `entries` that nothing has.
    free: Vec<Node>,
    next_inode: u64,
    files: usize,
    bytes: usize,
    max_files: usize,
    max_bytes: usize,
}

impl Tree {
    /// An empty directory that takes so many files and directories, and so many bytes in all files together.
    pub(crate) fn new(max_files: usize, max_bytes: usize) -> Self {
        let mut tree = Tree {
            entries: Vec::new(),
            free: Vec::new(),
            next_inode: 1,
            files: 0,
            bytes: 0,
            max_files,
            max_bytes,
        };
        tree.add(Content::Directory(BTreeMap::new()), 0, false);
        tree
    }

    /// Follows a path from a directory.
    ///
    /// # Errors
    /// If it leaves that directory, or leads through something that is none.
    pub(crate) fn resolve(&self, base: Node, path: &[u8]) -> Result<Place, Errno> {
        if path.len() > MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let path = std::str::from_utf8(path).map_err(|_| Errno::ILSEQ)?;
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.starts_with('/') {
            return Err(Errno::NOTCAPABLE);
        }
        if path.contains('\0') {
            return Err(Errno::ILSEQ);
        }
        let mut way = vec![base];
        let mut here = Place {
            parent: base,
            name: None,
            node: Some(base),
            slash: path.ends_with('/'),
        };
        for part in path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
        {
            // What the part before led to must be a directory by now.
            let directory = here.node.ok_or(Errno::NOENT)?;
            if !self.is_directory(directory) {
                return Err(Errno::NOTDIR);
            }
            if here.name.is_some() {
                way.push(directory);
            }
            if part == ".." {
                way.pop();
                let above = *way.last().ok_or(Errno::NOTCAPABLE)?;
                (here.parent, here.name, here.node) = (above, None, Some(above));
                continue;
            }
            if part.len() > MAX_NAME {
                return Err(Errno::NAMETOOLONG);
            }
            here.node = self.child(directory, part);
            (here.parent, here.name) = (directory, Some(part.to_owned()));
        }
        if path.split('/').next_back() == Some(".") {
            here.slash = true;
        }
        match here.node {
            Some(node) if here.slash && !self.is_directory(node) => Err(Errno::NOTDIR),
            _ => Ok(here),
        }
    }

    /// What a directory has under a name.
    pub(crate) fn child(&self, directory: Node, name: &str) -> Option<Node> {
        match &self.entry(directory)?.content {
            Content::Directory(names) => names.get(name).copied(),
            Content::File(_) => None,
        }
    }

    /// The names in a directory, in order.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn names(&self, directory: Node) -> Result<&BTreeMap<String, Node>, Errno> {
        match self.entry(directory).map(|entry| &entry.content) {
            Some(Content::Directory(names)) => Ok(names),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The bytes of a file.
    pub(crate) fn file(&self, node: Node) -> Option<&[u8]> {
        match &self.entry(node)?.content {
            Content::File(bytes) => Some(bytes),
            Content::Directory(_) => None,
        }
    }

    /// Whether it is a directory.
    pub(crate) fn is_directory(&self, node: Node) -> bool {
        let content = self.entry(node).map(|entry| &entry.content);
        matches!(content, Some(Content::Directory(_)))
    }

    /// `filetype` of WASI.
    pub(crate) fn filetype(&self, node: Node) -> u8 {
        match self.is_directory(node) {
            true => filetype::DIRECTORY,
            false => filetype::REGULAR_FILE,
        }
    }

    /// Number, links, size and times.
    pub(crate) fn status(&self, node: Node) -> (u64, u64, u64, [u64; 3]) {
        let Some(entry) = self.entry(node) else {
            return (0, 0, 0, [0; 3]);
        };
        let size = self.file(node).map_or(0, <[u8]>::len);
        (entry.inode, entry.linked.into(), size as u64, entry.times)
    }

    /// Identity and version of a file.
    pub(crate) fn state(&self, node: Node) -> (u64, u64) {
        let entry = self.entry(node);
        entry.map_or((0, 0), |entry| (entry.inode, entry.version))
    }

    /// How many descriptors can write to it.
    pub(crate) fn writers(&self, node: Node) -> u32 {
        self.entry(node).map_or(0, |entry| entry.writers)
    }

    /// A new file or directory in a directory that has nothing of that name.
    ///
    /// # Errors
    /// If there are too many, or the directory was removed.
    pub(crate) fn create(
        &mut self,
        parent: Node,
        name: &str,
        directory: bool,
        now: u64,
    ) -> Result<Node, Errno> {
        if !self.entry(parent).is_some_and(|entry| entry.linked) {
            return Err(Errno::NOENT);
        }
        if self.files >= self.max_files {
            return Err(Errno::NOSPC);
        }
        let content = match directory {
            true => Content::Directory(BTreeMap::new()),
            false => Content::File(Vec::new()),
        };
        let node = self.add(content, now, true);
        self.link(parent, name, node, now);
        Ok(node)
    }

    /// A file of the host's, which counts against no limit as long as it has its name; replaces a file of the same
    /// name.
    ///
    /// # Errors
    /// If the guest holds more of those before open than it may have files.
    pub(crate) fn put_file(&mut self, name: &str, bytes: Vec<u8>, now: u64) -> Result<(), Errno> {
        self.remove_file(name);
        if self.bytes > self.max_bytes {
            return Err(Errno::NOSPC);
        }
        if self.child(ROOT, name).is_none() {
            let node = self.add(Content::File(bytes), now, false);
            self.link(ROOT, name, node, now);
        }
        Ok(())
    }

    /// Removes a file of the working directory, if there is one of that name.
    pub(crate) fn remove_file(&mut self, name: &str) {
        if let Some(node) = self.child(ROOT, name)
            && !self.is_directory(node)
        {
            self.unlink(ROOT, name, 0);
        }
    }

    /// Takes a name out of a directory; what it named stays as long as it is open.
    pub(crate) fn unlink(&mut self, parent: Node, name: &str, now: u64) {
        let removed = match self.entry_mut(parent).map(|entry| &mut entry.content) {
            Some(Content::Directory(names)) => names.remove(name),
            _ => None,
        };
        if let Some(node) = removed {
            self.touch(parent, now);
            self.charge(node);
            if let Some(entry) = self.entry_mut(node) {
                entry.linked = false;
            }
            self.sweep(node);
        }
    }

    /// Gives something another place, replacing what is there.
    ///
    /// # Errors
    /// If a directory and a file would replace each other, or a directory would be inside itself.
    pub(crate) fn rename(&mut self, from: &Place, to: &Place, now: u64) -> Result<(), Errno> {
        let (Some(node), Some(old), Some(new)) = (from.node, &from.name, &to.name) else {
            return Err(if from.node.is_none() {
                Errno::NOENT
            } else {
                Errno::INVAL
            });
        };
        if to.slash && !self.is_directory(node) {
            return Err(Errno::NOTDIR);
        }
        if !self.entry(to.parent).is_some_and(|entry| entry.linked) {
            return Err(Errno::NOENT);
        }
        if self.is_directory(node) && self.contains(node, to.parent) {
            return Err(Errno::INVAL);
        }
        if let Some(there) = to.node {
            if there == node {
                return Ok(());
            }
            match (self.is_directory(node), self.names(there)) {
                (false, Ok(_)) => return Err(Errno::ISDIR),
                (true, Err(_)) => return Err(Errno::NOTDIR),
                (true, Ok(names)) if !names.is_empty() => return Err(Errno::NOTEMPTY),
                _ => self.unlink(to.parent, new, now),
            }
        }
        if let Some(Content::Directory(names)) =
            self.entry_mut(from.parent).map(|entry| &mut entry.content)
        {
            names.remove(old);
        }
        self.touch(from.parent, now);
        // Under another name an answer of the host's is a file of the guest's.
        self.charge(node);
        self.link(to.parent, new, node, now);
        Ok(())
    }

    /// Writes into a file, at a position that may lie behind its end.
    ///
    /// # Errors
    /// If there is no room.
    pub(crate) fn write(
        &mut self,
        node: Node,
        at: u64,
        bytes: &[u8],
        now: u64,
    ) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let at = usize::try_from(at).map_err(|_| Errno::FBIG)?;
        let end = at.checked_add(bytes.len()).ok_or(Errno::FBIG)?;
        let size = self.file(node).ok_or(Errno::BADF)?.len();
        if end > size {
            self.resize(node, end as u64, now)?;
        }
        if let Some(entry) = self.entry_mut(node)
            && let Content::File(content) = &mut entry.content
        {
            content[at..end].copy_from_slice(bytes);
            entry.version += 1;
        }
        self.touch(node, now);
        Ok(())
    }

    /// Makes a file longer, with zeros, or shorter.
    ///
    /// # Errors
    /// If there is no room.
    pub(crate) fn resize(&mut self, node: Node, size: u64, now: u64) -> Result<(), Errno> {
        let room = self.max_bytes.saturating_sub(self.bytes);
        let Some(entry) = self.entry_mut(node) else {
            return Err(Errno::BADF);
        };
        let Content::File(content) = &mut entry.content else {
            return Err(Errno::BADF);
        };
        let size = usize::try_from(size).map_err(|_| Errno::FBIG)?;
        let (more, less) = (
            size.saturating_sub(content.len()),
            content.len().saturating_sub(size),
        );
        if more > room {
            return Err(Errno::NOSPC);
        }
        let less = less.min(entry.charged);
        content.resize(size, 0);
        if more == 0 {
            // What no longer counts is no longer there.
            content.shrink_to_fit();
        }
        entry.charged = entry.charged + more - less;
        entry.version += 1;
        self.bytes = self.bytes + more - less;
        self.touch(node, now);
        Ok(())
    }

    /// Sets when it was accessed and modified.
    pub(crate) fn set_times(
        &mut self,
        node: Node,
        accessed: Option<u64>,
        modified: Option<u64>,
        now: u64,
    ) {
        if let Some(entry) = self.entry_mut(node) {
            let [old_accessed, old_modified, _] = entry.times;
            entry.times = [
                accessed.unwrap_or(old_accessed),
                modified.unwrap_or(old_modified),
                now,
            ];
        }
    }

    /// A descriptor is made for it.
    pub(crate) fn opened(&mut self, node: Node, writer: bool) {
        if let Some(entry) = self.entry_mut(node) {
            entry.opened += 1;
            entry.writers += u32::from(writer);
        }
    }

    /// A descriptor for it is gone.
    pub(crate) fn closed(&mut self, node: Node, writer: bool) {
        if let Some(entry) = self.entry_mut(node) {
            entry.opened -= 1;
            entry.writers -= u32::from(writer);
        }
        self.sweep(node);
    }

    /// Without recursion: how deep directories are nested is the guest's choice.
    fn contains(&self, outer: Node, inner: Node) -> bool {
        let mut left = vec![outer];
        while let Some(node) = left.pop() {
            if node == inner {
                return true;
            }
            left.extend(self.names(node).into_iter().flatten().map(|(_, node)| node));
        }
        false
    }

    fn add(&mut self, content: Content, now: u64, counted: bool) -> Node {
        let entry = Entry {
            content,
            inode: self.next_inode,
            times: [now; 3],
            linked: true,
            opened: 0,
            writers: 0,
            version: 0,
            charged: 0,
            counted,
        };
        self.next_inode += 1;
        self.files += usize::from(counted);
        match self.free.pop() {
            Some(free) => {
                self.entries[free] = Some(entry);
                free
            }
            None => {
                self.entries.push(Some(entry));
                self.entries.len() - 1
            }
        }
    }

    fn link(&mut self, parent: Node, name: &str, node: Node, now: u64) {
        if let Some(Content::Directory(names)) =
            self.entry_mut(parent).map(|entry| &mut entry.content)
        {
            names.insert(name.to_owned(), node);
        }
        self.touch(parent, now);
    }

    fn touch(&mut self, node: Node, now: u64) {
        if let Some(entry) = self.entry_mut(node) {
            entry.times[1] = now;
            entry.times[2] = now;
        }
    }

    /// What was the host's is the guest's once it is kept open without a name.
    fn charge(&mut self, node: Node) {
        let mut more = 0;
        if let Some(entry) = self.entry_mut(node)
            && let Content::File(content) = &entry.content
        {
            more = content.len() - entry.charged;
            entry.charged = content.len();
        }
        self.bytes += more;
    }

    /// Gives back what neither a name nor a descriptor leads to.
    fn sweep(&mut self, node: Node) {
        let gone = self
            .entry(node)
            .is_some_and(|entry| !entry.linked && entry.opened == 0);
        if gone && let Some(entry) = self.entries.get_mut(node).and_then(Option::take) {
            self.files -= usize::from(entry.counted);
            self.bytes -= entry.charged;
            self.free.push(node);
        }
    }

    fn entry(&self, node: Node) -> Option<&Entry> {
        self.entries.get(node)?.as_ref()
    }

    fn entry_mut(&mut self, node: Node) -> Option<&mut Entry> {
        self.entries.get_mut(node)?.as_mut()
    }
}

#[cfg(test)]
mod tests;
