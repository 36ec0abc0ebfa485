//! The working directory of a guest, in memory: the tree of files and the table of descriptors on it. Knows nothing of
//! linear memory; the functions of WASI that guests call are in `wasi`.

mod descriptors;
mod tree;

pub(super) use descriptors::{Descriptor, Descriptors, Opened, PREOPEN};
pub(super) use tree::{Place, ROOT, Tree};
