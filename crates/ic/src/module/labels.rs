//! What the functions of a module are called, looked up when somebody asks.

use std::sync::{Arc, OnceLock};

use drun_engine::Frame;

use super::decode::decode;
use super::names::{exported_functions, function_names};
use crate::errors::Backtrace;

/// The names in a module.
pub struct ModuleNames {
    /// SHA-256 of its file.
    pub hash: [u8; 32],
    blob: Arc<[u8]>,
    names: OnceLock<Vec<(u32, String)>>,
    exported: OnceLock<Vec<(u32, String)>>,
}

impl std::fmt::Debug for ModuleNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ModuleNames({})", hex::encode(self.hash))
    }
}

impl ModuleNames {
    /// Those of a module file, of which this is the SHA-256.
    pub fn new(blob: Arc<[u8]>, hash: [u8; 32]) -> Self {
        ModuleNames {
            hash,
            blob,
            names: OnceLock::new(),
            exported: OnceLock::new(),
        }
    }

    /// Names the functions of a backtrace, innermost first. Names that the Rust compiler made are shown as in the source.
    pub fn backtrace(&self, frames: &[Frame]) -> Option<Backtrace> {
        let names = self.function_names();
        // What was added stands in for functions of the system, which are in no backtrace.
        let own = frames
            .iter()
            .filter_map(|frame| Some((frame.index, frame.original?)));
        Backtrace::new(own.map(|(index, original)| {
            let at = names.binary_search_by_key(&original, |(index, _)| *index);
            let name = |at: usize| format!("{:#}", rustc_demangle::demangle(&names[at].1));
            (index, at.ok().map(name))
        }))
    }

    /// Names of the functions, by their index in the module.
    pub fn function_names(&self) -> &[(u32, String)] {
        self.names.get_or_init(|| {
            let mut names =
                decode(&self.blob).map_or_else(|_| Vec::new(), |raw| function_names(&raw));
            names.sort_by_key(|(index, _)| *index);
            names
        })
    }

    /// What people call a function, given by its index in the module: its name or, if it has none, that of its export.
    pub fn function_label(&self, index: u32) -> String {
        let names = self.function_names();
        if let Ok(at) = names.binary_search_by_key(&index, |(index, _)| *index)
            && !names[at].1.is_empty()
        {
            return names[at].1.clone();
        }
        let exported = self.exported.get_or_init(|| {
            decode(&self.blob).map_or_else(|_| Vec::new(), |raw| exported_functions(&raw))
        });
        match exported.iter().find(|(exported, _)| *exported == index) {
            Some((_, name)) => name.clone(),
            None => format!("func[{index}]"),
        }
    }
}
