//! One case of a suite: a script, how it is run and what it must print. Plain data, made by `find` and `motoko`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::compilation::Compilation;
use super::normalize::Normalizer;

/// A script and the output it must have.
#[derive(Debug)]
pub struct Case {
    /// The path of the script without its ending, or of the directory, and the variant behind a slash: what filters see
    /// and what orders the report.
    pub name: String,
    /// The name within the path that was given, the same wherever the suite lies.
    pub(super) key: String,
    /// The file that makes the case: a script, or a Motoko source.
    pub source: PathBuf,
    /// What is to be built first.
    pub build: Build,
    /// Options of the run that the suite file asks for.
    pub suite_args: Vec<String>,
    /// Those that the case asks for itself: they come last and win.
    pub args: Vec<String>,
    /// Where the expected output is; the files need not exist.
    pub expected: Expected,
    /// The exit status that is right.
    pub exit: i32,
    /// Why the case is not to be run, possibly no reason.
    pub skip: Option<String>,
    /// Why the case cannot be run.
    pub unreadable: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// What is made of outputs before they are compared.
    pub normalizer: Arc<Normalizer>,
}

/// Where the expected output of a case is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Both streams in one, in the order in which they were written.
    Merged(PathBuf),
    /// Standard output and standard error.
    Separate {
        /// Of standard output.
        out: PathBuf,
        /// Of standard error.
        err: PathBuf,
    },
    /// Both streams in one; a file that is missing stands for no output at all, as in Motoko's suite.
    MergedOrNothing(PathBuf),
}

impl Expected {
    /// The files, standard output first.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Expected::Merged(path) | Expected::MergedOrNothing(path) => vec![path],
            Expected::Separate { out, err } => vec![out, err],
        }
    }

    /// Whether the streams are compared one by one.
    pub fn is_separate(&self) -> bool {
        matches!(self, Expected::Separate { .. })
    }
}

/// What has to be made before a case can run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// Nothing: the source is the script.
    #[default]
    Nothing,
    /// A command of the suite file, run by a shell in the directory of the script.
    Command(String),
    /// What Motoko's own suite does.
    Motoko(Compilation),
}

impl Case {
    /// The directory in which the case runs.
    pub fn directory(&self) -> &Path {
        match self.source.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// The folder part of the name; what JUnit calls the class.
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or(".", |(folder, _)| folder)
    }
}
