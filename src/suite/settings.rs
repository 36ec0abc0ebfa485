//! The suite file `drun.toml`: what holds for the cases of a folder. Owns its keys, how it is found, and how a folder's
//! own table overrides the rest. Finds no cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::duration;
use super::normalize::{Normalizer, Rule};
use super::pattern::Pattern;
use drun_ic::protocol::Date;

/// The name of the file.
pub const FILE: &str = "drun.toml";
/// How long a case may take unless the suite says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    /// Where cases are looked for when none are named.
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(flatten)]
    all: Table,
    /// What differs in a folder, by its path below the file.
    #[serde(default)]
    folder: BTreeMap<PathBuf, Table>,
}

/// The keys that a folder may have, too.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SkipTable {
    cases: String,
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// A suite file that was read, or the defaults where there is none.
#[derive(Debug)]
pub struct SuiteFile {
    /// The directory it is in; the working directory if there is none.
    root: PathBuf,
    document: Document,
}

impl SuiteFile {
    /// The suite file that a directory belongs to: its own, or that of the next directory above which has one.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake; the text says where.
    pub fn of(directory: &Path) -> Result<Self, String> {
        let absolute = std::path::absolute(directory)
            .map_err(|error| format!("error: {}: {error}", directory.display()))?;
        let Some(root) = absolute
            .ancestors()
            .find(|above| above.join(FILE).is_file())
        else {
            return Ok(SuiteFile {
                root: absolute,
                document: Document::default(),
            });
        };
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("error: cannot read {}: {error}", path.display()))?;
        SuiteFile::parse(root, &text).map_err(|error| format!("error: {}: {error}", path.display()))
    }

    /// The settings that are written in a text, as if it were the file of that directory.
    ///
    /// # Errors
    /// What is wrong with the text, without the name of the file. Mistakes in the values are told before anything runs.
    pub fn parse(root: &Path, text: &str) -> Result<Self, String> {
        let document: Document =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let file = SuiteFile {
            root: root.to_owned(),
            document,
        };
        for folder in
            std::iter::once(Path::new("")).chain(file.document.folder.keys().map(|key| &**key))
        {
            file.settings(&file.root.join(folder))?;
        }
        Ok(file)
    }

    /// The directory that the file is in, or would be.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cases are looked for when none are named, as the file says.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.document.paths.iter().map(|path| self.root.join(path))
    }

    /// What holds in a directory: the tables of all folders that it lies in override the rest, the innermost last.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub fn settings(&self, directory: &Path) -> Result<Settings, String> {
        let absolute = std::path::absolute(directory).map_err(|error| error.to_string())?;
        let below = absolute.strip_prefix(&self.root).unwrap_or(Path::new(""));
        let mut table = self.document.all.clone();
        // Outer folders come before inner ones in the order of paths.
        for (folder, own) in &self.document.folder {
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
                    duration::parse(&text).map_err(|error| format!("timeout: {error}"))?
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

# Options of every run; those in the head of a script (# args: ...) come behind them.
# args = [\"--subnet-type\", \"application\"]

# How results are printed: manual, drun, json, or lines, in which nothing depends on what stands before.
# format = \"lines\"

# Replies as Candid text.
# decode = true

# Which replica: the network of this date (drun --protocol list).
# protocol = \"2026-11\"

# The expected output of NAME.drun, relative to it.
# expected = \"{name}.ok\"

# How long a case may take.
# timeout = \"60s\"

# What is made of outputs before they are compared, on both sides: a set (times, motoko) or regular expressions.
# normalize = [\"times\", { pattern = \"0x[0-9a-f]+\", replace = \"0x..\" }, { delete = \"^note:\" }]

# A command that runs before each case, in its directory: {name} is the script without its ending.
# build = \"moc -c {name}.mo -o {name}.wasm\"

# Cases that are left out.
# skip = [{ cases = \"slow/*\", reason = \"takes minutes\" }]

# Expected outputs without a script: warn, refuse or ignore.
# orphans = \"warn\"

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
    fn the_template_is_a_suite_file_and_stays_one_when_its_comments_go() {
        assert!(file(TEMPLATE).1.is_ok());
        let text: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with('[') => format!("{rest}\n"),
                _ => String::new(),
            })
            .collect();
        let (_directory, file) = file(&text);
        assert_eq!(file.unwrap().document.paths, [PathBuf::from("tests")]);
    }
}
