//! What an engine is made for.

use std::path::PathBuf;

use crate::tier::Choice;

/// What an engine is made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Which code generators are used.
    pub choice: Choice,
    /// The largest 64-bit memory that instances may have, in bytes. Address space of at least 4 GiB is taken for every
    /// heap.
    pub max_memory: u64,
    /// Whether traps tell which functions were running.
    pub backtraces: bool,
    /// Whether code is made that tells which functions run; every run then has a recording.
    pub profile: bool,
    /// A directory in which compiled modules are kept for other processes. Made if it is not there; one that cannot be
    /// trusted is not used, which is told on standard error.
    pub cache: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            choice: Choice::Auto,
            max_memory: 4 << 30,
            backtraces: false,
            profile: false,
            cache: None,
        }
    }
}
