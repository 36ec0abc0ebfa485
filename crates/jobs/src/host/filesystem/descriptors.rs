//! The table of descriptors of a guest.

use std::collections::BTreeMap;

use super::super::abi::{Errno, fdflags};
use super::tree::{Node, ROOT, Tree};

/// Descriptors that may be open at once.
const MAX_OPEN: usize = 1024;
/// The working directory.
pub(crate) const PREOPEN: u32 = 3;

/// What a descriptor stands for.
#[derive(Clone, Debug)]
pub(crate) enum Descriptor {
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A directory.
    Directory(Node),
    /// A file.
    File(Opened),
}

/// An open file.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// Which file.
    pub node: Node,
    /// Where reading and writing go on.
    pub position: u64,
    /// `fdflags`.
    pub flags: u16,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written to.
    pub writable: bool,
}

impl Opened {
    /// Whether all that is written goes to the end.
    pub(crate) fn appends(&self) -> bool {
        self.flags & fdflags::APPEND != 0
    }
}

/// Descriptors by number.
#[derive(Debug)]
pub(crate) struct Descriptors(BTreeMap<u32, Descriptor>);

impl Default for Descriptors {
    fn default() -> Self {
        Descriptors(BTreeMap::from([
            (0, Descriptor::Stdin),
            (1, Descriptor::Stdout),
            (2, Descriptor::Stderr),
            (PREOPEN, Descriptor::Directory(ROOT)),
        ]))
    }
}

impl Descriptors {
    /// What is open under a number.
    pub(crate) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.0.get(&fd).ok_or(Errno::BADF)
    }

    /// The file that is open under a number.
    pub(crate) fn file(&mut self, fd: u32) -> Result<&mut Opened, Errno> {
        match self.0.get_mut(&fd).ok_or(Errno::BADF)? {
            Descriptor::File(opened) => Ok(opened),
            Descriptor::Directory(_) => Err(Errno::ISDIR),
            _ => Err(Errno::SPIPE),
        }
    }

    /// The directory that is open under a number.
    pub(crate) fn directory(&self, fd: u32) -> Result<Node, Errno> {
        match self.get(fd)? {
            Descriptor::Directory(node) => Ok(*node),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Opens under the smallest free number.
    pub(crate) fn open(&mut self, tree: &mut Tree, descriptor: Descriptor) -> Result<u32, Errno> {
        if self.0.len() >= MAX_OPEN {
            return Err(Errno::MFILE);
        }
        let used = self.0.keys().zip(0..).take_while(|(fd, at)| **fd == *at);
        let free = used.count() as u32;
        match &descriptor {
            Descriptor::File(opened) => tree.opened(opened.node, opened.writable),
            Descriptor::Directory(node) => tree.opened(*node, false),
            _ => {}
        }
        self.0.insert(free, descriptor);
        Ok(free)
    }

    /// Closes.
    pub(crate) fn close(&mut self, tree: &mut Tree, fd: u32) -> Result<(), Errno> {
        match self.0.remove(&fd).ok_or(Errno::BADF)? {
            Descriptor::File(opened) => tree.closed(opened.node, opened.writable),
            // The working directory was not opened by anybody.
            Descriptor::Directory(ROOT) if fd == PREOPEN => {}
            Descriptor::Directory(node) => tree.closed(node, false),
            _ => {}
        }
        Ok(())
    }

    /// Gives a descriptor another number, closing what has it.
    pub(crate) fn renumber(&mut self, tree: &mut Tree, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        self.get(to)?;
        if from == to {
            return Ok(());
        }
        if from == PREOPEN {
            // From here on it is a descriptor like any other.
            tree.opened(ROOT, false);
        }
        self.close(tree, to)?;
        if let Some(descriptor) = self.0.remove(&from) {
            self.0.insert(to, descriptor);
        }
        Ok(())
    }
}
