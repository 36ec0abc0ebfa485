//! How the modules of a case of Motoko's suite are made: data alone; and by what such a suite is known.

use std::path::Path;

/// The folder of expected outputs.
pub(super) const OK: &str = "ok";

/// Whether a folder is one of Motoko's suites, by the names of its expected outputs.
pub(super) fn is_suite(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory.join(OK)) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .ends_with(".drun-run.ok")
    })
}

/// How the modules of a case are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compilation {
    /// The compiler.
    pub(super) moc: String,
    /// Its options for the whole suite.
    pub(super) args: Vec<String>,
    /// The case runs on an application subnet.
    pub(super) application: bool,
    /// The case must not compile: its suite expects no output of a run.
    pub(super) fails: bool,
}
