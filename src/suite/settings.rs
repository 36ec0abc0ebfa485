//! The suite file `drun.toml`: what holds for the cases of a folder. Owns its keys, how it is found, and how a folder's
//! own table overrides the rest. Finds no cases.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::duration;
use super::normalize::{Normalizer, Rule};
use super::paths::absolute;
use super::pattern::Pattern;
use crate::input;
use drun_ic::protocol::Date;

/// The name of the file.
pub const FILE: &str = "drun.toml";
/// How long a case may take unless the suite says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// The file as it is written, and what a folder has of its own. One structure, since a flattened one loses the places of
/// mistakes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct Table {
    /// Where cases are looked for when none are named; of the file as a whole.
    paths: Option<Vec<PathBuf>>,
    kind: Option<Kind>,
    args: Option<Vec<String>>,
    format: Option<crate::report::Format>,
    decode: Option<bool>,
    protocol: Option<Protocol>,
    expected: Option<String>,
    stderr: Option<String>,
    timeout: Option<String>,
    normalize: Option<Vec<Rule>>,
    build: Option<String>,
    skip: Option<Vec<SkipTable>>,
    orphans: Option<Orphans>,
    variant: Option<BTreeMap<String, VariantTable>>,
    moc: Option<String>,
    moc_args: Option<Vec<String>>,
    /// What differs in a folder, by its path below the file; of the file as a whole.
    #[serde(default)]
    folder: BTreeMap<PathBuf, Table>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `cases` and `reason`")]
struct SkipTable {
    cases: String,
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `expected`")]
struct VariantTable {
    #[serde(default)]
    args: Vec<String>,
    expected: String,
    stderr: Option<String>,
    normalize: Option<Vec<Rule>>,
}

/// The date of a replica.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Protocol(Date);

impl TryFrom<String> for Protocol {
    type Error = String;

    fn try_from(date: String) -> Result<Self, String> {
        date.parse().map(Protocol)
    }
}

/// What the files of a suite are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Scripts.
    #[default]
    Scripts,
    /// Motoko's own suite: sources with calls in comments, and scripts that name sources.
    Motoko,
}

/// What becomes of expected outputs without a script.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Orphans {
    /// Each is a warning.
    #[default]
    Warn,
    /// The suite fails.
    Refuse,
    /// Nobody is told.
    Ignore,
}

/// A second way to run the scripts of a folder.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name, the last part of the case's.
    pub name: String,
    /// Options of the run.
    pub args: Vec<String>,
    /// The template of the expected output; there is no case where the file is missing.
    pub expected: String,
    /// That of standard error, if the streams are compared one by one.
    pub stderr: Option<String>,
    /// What is made of outputs before they are compared.
    pub normalizer: Arc<Normalizer>,
}

/// What holds for the cases of one folder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What its files are.
    pub kind: Kind,
    /// Options of every run.
    pub args: Vec<String>,
    /// Where the expected output of a script is: a path relative to the script, in which `{name}` is its name without
    /// the ending. Beside the script if absent.
    pub expected: Option<String>,
    /// The same for standard error; both streams are one if absent.
    pub stderr: Option<String>,
    /// How long a case may take.
    pub timeout: Duration,
    /// What is made of outputs before they are compared.
    pub normalizer: Arc<Normalizer>,
    /// A command that is run before each case.
    pub build: Option<String>,
    /// Cases that are left out, with the reasons.
    pub skip: Vec<(Pattern, String)>,
    /// What becomes of expected outputs without a script.
    pub orphans: Orphans,
    /// The ways to run each script, if there are several.
    pub variants: Vec<Variant>,
    /// The Motoko compiler.
    pub moc: String,
    /// Its options for every case.
    pub moc_args: Vec<String>,
    /// The directory that paths of skips are relative to.
    pub root: PathBuf,
}

impl Settings {
    /// Why the suite file leaves a case out. It names cases as they lie below it, wherever the command was typed.
    pub fn skipped(&self, name: &str) -> Option<String> {
        if self.skip.is_empty() {
            return None;
        }
        let absolute = absolute(Path::new(name)).ok();
        let below = absolute.as_deref();
        let below = below.and_then(|name| name.strip_prefix(&self.root).ok());
        let name = match below {
            Some(below) => below
                .to_string_lossy()
                .replace(std::path::MAIN_SEPARATOR, "/"),
            None => name.to_owned(),
        };
        let mut all = self.skip.iter();
        let skip = all.find(|(pattern, _)| pattern.matches(&name));
        skip.map(|(_, reason)| reason.clone())
    }
}

/// A suite file that was read, or the defaults where there is none.
#[derive(Debug)]
pub struct SuiteFile {
    /// The directory it is in; the one that was asked for if there is none.
    root: PathBuf,
    is_written: bool,
    paths: Vec<PathBuf>,
    all: Table,
    /// What differs in folders below, the outer ones before the inner ones.
    folders: Vec<(PathBuf, Table)>,
}

impl SuiteFile {
    /// The suite file that a directory belongs to: its own, or that of the next directory above which has one.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake; the text says where.
    pub fn of(directory: &Path) -> Result<Self, String> {
        let absolute = absolute(directory)
            .map_err(|error| format!("error: {}: {error}", directory.display()))?;
        let Some(root) = absolute
            .ancestors()
            .find(|above| above.join(FILE).is_file())
        else {
            return Ok(SuiteFile {
                root: absolute,
                is_written: false,
                paths: Vec::new(),
                all: Table::default(),
                folders: Vec::new(),
            });
        };
        let path = root.join(FILE);
        let text = input::text_file(&path)
            .map_err(|error| format!("error: cannot read {}: {error}", path.display()))?;
        let wrong = |error| format!("error: {}: {error}", path.display());
        let file = SuiteFile::parse(root, &text).map_err(wrong)?;
        let missing = |(folder, _): &&(PathBuf, Table)| !root.join(folder).is_dir();
        match file.folders.iter().find(missing) {
            Some((folder, _)) => Err(wrong(in_folder(folder, "there is no such directory"))),
            None => Ok(file),
        }
    }

    /// The settings that are written in a text, as if it were the file of that directory.
    ///
    /// # Errors
    /// What is wrong with the text, without the name of the file. Mistakes in the values are told before anything runs.
    pub fn parse(root: &Path, text: &str) -> Result<Self, String> {
        let mut all: Table =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let mut folders = Vec::new();
        for (folder, table) in std::mem::take(&mut all.folder) {
            let wrong = |error: &str| in_folder(&folder, error);
            if table.paths.is_some() || !table.folder.is_empty() {
                return Err(wrong("`paths` and `folder` are of the file as a whole"));
            }
            let below = below(&folder).ok_or_else(|| wrong("this is no path below the file"))?;
            folders.push((below, table));
        }
        folders.sort_by(|(a, _), (b, _)| a.cmp(b));
        let file = SuiteFile {
            root: root.to_owned(),
            is_written: true,
            paths: all.paths.take().unwrap_or_default(),
            all,
            folders,
        };
        file.settings(&file.root)?;
        for (folder, _) in &file.folders {
            let settings = file.settings(&file.root.join(folder));
            settings.map_err(|error| in_folder(folder, &error))?;
        }
        Ok(file)
    }

    /// The directory that the file is in, or would be.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is a file.
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Where cases are looked for when none are named, as the file says.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.paths.iter().map(|path| self.root.join(path))
    }

    /// What holds in a directory: the tables of all folders that it lies in override the rest, the innermost last.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub fn settings(&self, directory: &Path) -> Result<Settings, String> {
        let absolute = absolute(directory).map_err(|error| error.to_string())?;
        let below = absolute.strip_prefix(&self.root).unwrap_or(Path::new(""));
        let mut table = self.all.clone();
        for (folder, own) in &self.folders {
            if below.starts_with(folder) {
                table.override_with(own);
            }
        }
        if table.kind.is_none() && super::compilation::is_suite(&absolute) {
            table.kind = Some(Kind::Motoko);
        }
        table.ready(&self.root)
    }
}

/// A mistake in the table of a folder.
fn in_folder(folder: &Path, error: &str) -> String {
    format!("[folder.\"{}\"]: {error}", folder.display())
}

/// The path of a folder without `.`; nothing if it leads out of the suite.
fn below(folder: &Path) -> Option<PathBuf> {
    let parts = folder.components().map(|part| match part {
        Component::CurDir => Some(Path::new("")),
        Component::Normal(name) => Some(Path::new(name)),
        _ => None,
    });
    parts.collect()
}

impl Table {
    fn override_with(&mut self, own: &Table) {
        fn take<T: Clone>(target: &mut Option<T>, own: &Option<T>) {
            if own.is_some() {
                target.clone_from(own);
            }
        }
        take(&mut self.kind, &own.kind);
        take(&mut self.args, &own.args);
        take(&mut self.format, &own.format);
        take(&mut self.decode, &own.decode);
        take(&mut self.protocol, &own.protocol);
        take(&mut self.expected, &own.expected);
        take(&mut self.stderr, &own.stderr);
        take(&mut self.timeout, &own.timeout);
        take(&mut self.normalize, &own.normalize);
        take(&mut self.build, &own.build);
        take(&mut self.orphans, &own.orphans);
        take(&mut self.variant, &own.variant);
        take(&mut self.moc, &own.moc);
        take(&mut self.moc_args, &own.moc_args);
        if let Some(more) = &own.skip {
            self.skip.get_or_insert_default().extend(more.clone());
        }
    }

    fn ready(self, root: &Path) -> Result<Settings, String> {
        let kind = self.kind.unwrap_or_default();
        let rules = self.normalize.unwrap_or_else(|| match kind {
            Kind::Scripts => Vec::new(),
            Kind::Motoko => vec![Rule::Named("motoko".to_owned())],
        });
        let normalizer = |rules: &[Rule]| {
            Normalizer::new(rules)
                .map(Arc::new)
                .map_err(|error| format!("normalize: {error}"))
        };
        let mut args = match kind {
            Kind::Scripts => Vec::new(),
            Kind::Motoko => ["--format", "drun", "--compat", "pocket-ic"]
                .map(str::to_owned)
                .to_vec(),
        };
        if let Some(format) = self.format {
            args.push(format!("--format={}", format.name()));
        }
        if self.decode == Some(true) {
            args.push("--decode".to_owned());
        }
        if let Some(protocol) = self.protocol {
            args.push(format!("--protocol={}", protocol.0));
        }
        args.extend(self.args.unwrap_or_default());
        let variants = self
            .variant
            .unwrap_or_default()
            .into_iter()
            .map(|(name, variant)| {
                Ok(Variant {
                    name,
                    args: variant.args,
                    expected: variant.expected,
                    stderr: variant.stderr,
                    normalizer: normalizer(variant.normalize.as_ref().unwrap_or(&rules))?,
                })
            });
        Ok(Settings {
            kind,
            variants: variants.collect::<Result<_, String>>()?,
            args,
            expected: self.expected,
            stderr: self.stderr,
            timeout: match self.timeout {
                None => TIMEOUT,
                Some(text) => {
                    duration::limit(&text).map_err(|error| format!("timeout: {error}"))?
                }
            },
            normalizer: normalizer(&rules)?,
            build: self.build,
            skip: self
                .skip
                .unwrap_or_default()
                .into_iter()
                .map(|skip| Ok((Pattern::new(&skip.cases)?, skip.reason)))
                .collect::<Result<_, String>>()?,
            orphans: self.orphans.unwrap_or_default(),
            moc: self.moc.unwrap_or_else(|| "moc".to_owned()),
            moc_args: self.moc_args.unwrap_or_default(),
            root: root.to_owned(),
        })
    }
}

/// What `drun init` writes.
pub const TEMPLATE: &str = "\
# How `drun test` runs the scripts below this directory. Every key may be left out.

# Where cases are looked for when `drun test` names none.
# paths = [\"tests\"]

# What the files are: scripts, or motoko for Motoko's own suite (sources with calls in comments), which is known by what lies
# there.
# kind = \"scripts\"

# Options of every run; those in the head of a script (# args: ...) come behind them.
# args = [\"--subnet-type\", \"application\"]

# How results are printed: manual, drun, json, or lines, in which nothing depends on what stands before.
# format = \"lines\"

# Replies as Candid text.
# decode = true

# Which replica: the network of this date (drun --protocol list).
# protocol = \"2026-11\"

# The expected output of NAME.drun, relative to it: both streams, in the order in which they were written.
# expected = \"{name}.ok\"

# The expected standard error. Then the streams are compared one by one, and `expected` is standard output.
# stderr = \"{name}.err\"

# How long a case may take.
# timeout = \"60s\"

# What is made of outputs before they are compared, on both sides: a set (times, motoko) or regular expressions.
# normalize = [\"times\", { pattern = \"0x[0-9a-f]+\", replace = \"0x..\" }, { delete = \"^note:\" }, { end_after = \"^done\" }]

# A command that runs before each case, in its directory: {name} is the script without its ending.
# build = \"moc -c {name}.mo -o {name}.wasm\"

# Cases that are left out, by their names below this directory.
# skip = [{ cases = \"slow/*\", reason = \"takes minutes\" }]

# Expected outputs without a script: warn, refuse or ignore.
# orphans = \"warn\"

# The compiler of Motoko's own suite, and its options for every case; MOC and EXTRA_MOC_ARGS of the environment go before.
# moc = \"moc\"
# moc-args = [\"--incremental-gc\"]

# Ways to run each script: the case NAME/small is there where its expected output is, and an empty file begins one;
# `stderr` and `normalize` may stand here, too. With one of them there are no cases without a variant.
# [variant.small]
# args = [\"--subnet-type\", \"application\"]
# expected = \"{name}.small.ok\"

# What differs in a folder.
# [folder.\"tests/application\"]
# args = [\"--subnet-type\", \"application\"]
";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Result<SuiteFile, String>) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join(FILE), text).unwrap();
        let file = SuiteFile::of(&directory.path().join("a/b"));
        (directory, file)
    }

    #[test]
    fn the_file_is_found_upwards_and_inner_folders_override_outer_ones() {
        let (directory, file) = file(
            "args = [\"--seed\", \"1\"]\ntimeout = \"2m\"\n[folder.a]\nargs = []\n[folder.\"a/b\"]\ntimeout = \"3s\"\n",
        );
        let file = file.unwrap();
        let settings = |path: &str| file.settings(&directory.path().join(path)).unwrap();
        assert_eq!(settings("").args, ["--seed", "1"]);
        assert_eq!(settings("a").args, [""; 0]);
        assert_eq!(settings("a").timeout, Duration::from_secs(120));
        assert_eq!(settings("a/b").args, [""; 0]);
        assert_eq!(settings("a/b").timeout, Duration::from_secs(3));
        assert_eq!(settings("ab").args, ["--seed", "1"]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            ("arg = []\n", "unknown field `arg`"),
            ("timeout = \"soon\"\n", "timeout: "),
            (
                "[folder.x]\nnormalize = [{ delete = \"(\" }]\n",
                "normalize: `(`",
            ),
            ("[folder.x]\nargz = []\n", "unknown field `argz`"),
            ("orphans = \"eat\"\n", "unknown variant `eat`"),
            (
                "[folder.x]\npaths = []\n",
                "`paths` and `folder` are of the file",
            ),
            ("[folder.\"../x\"]\n", "this is no path below the file"),
            ("[folder.x]\n", "[folder.\"x\"]: there is no such directory"),
            (
                "skip = [\"x\"]\n",
                "expected a table with `cases` and `reason`",
            ),
            (
                "normalize = [{ pattern = \"x\" }]\n",
                "a rule with `pattern` needs `replace`",
            ),
            (
                "normalize = [{ delete = \"x\", replace = \"y\" }]\n",
                "a rule has `pattern` and `replace`, or `delete`, or `end_after`",
            ),
            (
                "normalize = [7]\n",
                "the name of a set of rules, or a table",
            ),
            (
                "protocol = \"2024-01\"\n",
                "there is no replica of `2024-01`, only of 2025-03",
            ),
        ] {
            let error = file(text).1.map(|_| ()).unwrap_err();
            assert!(
                error.contains(expected) && error.contains(FILE),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_mistake_is_told_in_its_line_with_its_key() {
        for (text, line, key) in [
            ("args = []\ntimeout = 5\n", "at line 2,", "timeout = 5"),
            ("\n\ndecode = \"x\"\n", "at line 3,", "decode = \"x\""),
            ("\n[folder.a]\nargs = 1\n", "at line 3,", "args = 1"),
            ("\nskip = [\"x\"]\n", "at line 2,", "skip = [\"x\"]"),
            (
                "\nnormalize = [{ pattern = \"x\" }]\n",
                "at line 2,",
                "normalize",
            ),
        ] {
            let error = file(text).1.map(|_| ()).unwrap_err();
            assert!(
                error.contains(line) && error.contains(key),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_file_is_found_above_the_directory_that_a_path_means() {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["a", "b"] {
            std::fs::create_dir(directory.path().join(folder)).unwrap();
            std::fs::write(directory.path().join(folder).join(FILE), "").unwrap();
        }
        let file = SuiteFile::of(&directory.path().join("a/../b/./")).unwrap();
        assert_eq!(file.root(), directory.path().join("b"));
    }

    #[test]
    fn the_template_is_a_suite_file_and_stays_one_when_its_comments_go() {
        assert!(file(TEMPLATE).1.is_ok());
        let text: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with('[') => format!("{rest}\n"),
                _ => String::new(),
            })
            .collect();
        let file = SuiteFile::parse(Path::new("/"), &text).unwrap();
        assert_eq!(file.paths, [PathBuf::from("tests")]);
        let settings = file.settings(Path::new("/tests")).unwrap();
        assert_eq!(settings.variants.len(), 1);
    }
}
