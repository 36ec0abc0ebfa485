//! What a suite consists of: walks directories for scripts and expected outputs, and makes cases of them by the suite
//! file and the heads of the scripts. Runs nothing and compares nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::case::{Build, Case, Expected};
use super::directives;
use super::motoko;
use super::names::Names;
use super::settings::{Kind, Orphans, Settings, SuiteFile};

/// The script of a case that is a directory, and its expected output.
const SCRIPT: &str = "script.drun";
const EXPECTED: &str = "expected";

/// Everything under some paths.
#[derive(Debug, Default)]
pub struct Suite {
    /// By name.
    pub cases: Vec<Case>,
    /// Expected outputs without a script, by path, and whether they are refused.
    pub orphans: Vec<(PathBuf, bool)>,
    /// Directories that cannot be read, with the reason.
    pub unreadable: Vec<String>,
}

impl Suite {
    /// Finds the cases under files and directories. A case may be named by its script, by its expected output, or as
    /// reports print it.
    ///
    /// # Errors
    /// If a path does not exist or is no case, or a suite file has a mistake.
    pub fn find(paths: &[PathBuf]) -> Result<Self, String> {
        let mut finder = Finder::default();
        for path in paths {
            let path = tidy(path);
            match meant(&path) {
                Some(Meant::Directory(directory)) => finder.walk(&directory)?,
                Some(Meant::Script(script)) => {
                    let root = script.parent().unwrap_or(Path::new("")).to_owned();
                    finder.add(&root, &script)?;
                }
                None if path.symlink_metadata().is_ok() => {
                    return Err(format!(
                        "error: {}: expected a directory or a script, whose name ends in .drun",
                        path.display()
                    ));
                }
                None => {
                    return Err(format!(
                        "error: cannot read {}: there is no such file, directory or case",
                        path.display()
                    ));
                }
            }
        }
        let mut suite = finder.suite;
        suite.cases.sort_by(|a, b| a.name.cmp(&b.name));
        suite
            .cases
            .dedup_by(|a, b| a.source == b.source && a.name == b.name);
        suite.orphans.sort();
        suite.orphans.dedup();
        apart(&suite.cases)?;
        Ok(suite)
    }
}

/// Refuses an expected output that belongs to several scripts: accepting what came out of one would rewrite what the others
/// must print. Variants of one script may share it, and in Motoko's suite its own rules hold.
fn apart(cases: &[Case]) -> Result<(), String> {
    let mut owners: BTreeMap<&Path, &Case> = BTreeMap::new();
    for case in cases {
        if matches!(case.expected, Expected::MergedOrNothing(_)) {
            continue;
        }
        // Whatever is written to /dev/null, nobody overwrites another's.
        let files = case.expected.files().into_iter();
        for file in files.filter(|file| file.is_file() || !file.exists()) {
            if let Some(other) = owners.insert(file, case)
                && other.source != case.source
            {
                return Err(format!(
                    "error: {} and {} have the same expected output, {}: `{{name}}` in `expected` and `stderr` of drun.toml keeps them apart",
                    other.source.display(),
                    case.source.display(),
                    file.display()
                ));
            }
        }
    }
    Ok(())
}

/// What somebody means by a path.
enum Meant {
    Directory(PathBuf),
    Script(PathBuf),
}

fn meant(path: &Path) -> Option<Meant> {
    if path.is_dir() {
        return Some(Meant::Directory(path.to_owned()));
    }
    let is_source = matches!(ending(path), "drun" | "mo");
    if is_source && path.symlink_metadata().is_ok() {
        return Some(Meant::Script(path.to_owned()));
    }
    let stem = match ending(path) {
        "ok" => path.with_extension(""),
        _ => path.to_owned(),
    };
    let with = |ending: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [with(".drun"), with(".mo"), stem.join(SCRIPT)]
        .into_iter()
        .find(|script| script.is_file())
        .map(Meant::Script)
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(OsStr::to_str).unwrap_or("")
}

#[derive(Default)]
struct Finder {
    suite: Suite,
    /// What holds in each directory that was asked for: making rules ready takes longer than reading a case.
    settings: BTreeMap<PathBuf, Arc<Settings>>,
}

impl Finder {
    fn settings(&mut self, directory: &Path) -> Result<Arc<Settings>, String> {
        let directory = if directory == Path::new("") {
            Path::new(".")
        } else {
            directory
        };
        if let Some(settings) = self.settings.get(directory) {
            return Ok(Arc::clone(settings));
        }
        let settings = Arc::new(SuiteFile::of(directory)?.settings(directory)?);
        self.settings
            .insert(directory.to_owned(), Arc::clone(&settings));
        Ok(settings)
    }

    /// Takes everything below a directory that no ignore file excludes. Links to directories are left out: they may lead
    /// back here.
    fn walk(&mut self, root: &Path) -> Result<(), String> {
        let mut walk = ignore::WalkBuilder::new(root);
        walk.require_git(false).sort_by_file_name(|a, b| a.cmp(b));
        let mut sources = Vec::new();
        let mut outputs = BTreeSet::new();
        for entry in walk.build() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.suite.unreadable.push(error.to_string());
                    continue;
                }
            };
            if entry.file_type().is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            let path = tidy(entry.path());
            match ending(&path) {
                "drun" | "mo" => sources.push(path),
                "ok" => {
                    outputs.insert(path);
                }
                _ => {}
            }
        }
        let first = self.suite.cases.len();
        for source in sources {
            self.add(root, &source)?;
        }
        for case in &self.suite.cases[first..] {
            for file in case.expected.files() {
                outputs.remove(file);
            }
        }
        for orphan in outputs {
            let settings = self.settings(orphan.parent().unwrap_or(Path::new("")))?;
            // Motoko's suite keeps the outputs of its other steps beside ours.
            if settings.kind == Kind::Motoko || settings.orphans == Orphans::Ignore {
                continue;
            }
            let refused = settings.orphans == Orphans::Refuse;
            self.suite.orphans.push((orphan, refused));
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, source: &Path) -> Result<(), String> {
        let directory = source.parent().unwrap_or(Path::new(""));
        let settings = self.settings(directory)?;
        if settings.kind == Kind::Motoko {
            let name = named(root, source, directory);
            self.suite
                .cases
                .extend(motoko::case(source, name, &settings));
            return Ok(());
        }
        if ending(source) != "drun" {
            return Ok(());
        }
        let of_directory =
            source.file_name() == Some(OsStr::new(SCRIPT)) && directory.file_name().is_some();
        let stem = match of_directory {
            true => directory.to_owned(),
            false => source.with_extension(""),
        };
        let name = named(root, source, &stem);
        let beside = |template: &str| {
            let name = source.file_stem().unwrap_or_default().to_string_lossy();
            tidy(&directory.join(template.replace("{name}", &name)))
        };
        let (head, unreadable) = match directives::read(source) {
            Ok(head) => (head, None),
            Err(error) => (Default::default(), Some(error)),
        };
        let case = |name: Names, args: &[String], expected, normalizer: &Arc<_>| Case {
            skip: head.skip.clone().or_else(|| settings.skipped(&name.name)),
            name: name.name,
            key: name.key,
            source: source.to_owned(),
            build: match &settings.build {
                None => Build::Nothing,
                Some(command) => {
                    let name = source.file_stem().unwrap_or_default().to_string_lossy();
                    Build::Command(command.replace("{name}", &name))
                }
            },
            suite_args: [&settings.args, args].concat(),
            args: head.args.clone(),
            expected,
            exit: head.exit,
            unreadable: unreadable.clone(),
            timeout: head.timeout.unwrap_or(settings.timeout),
            normalizer: Arc::clone(normalizer),
        };
        if !settings.variants.is_empty() {
            for variant in &settings.variants {
                let expected = expected(
                    beside(&variant.expected),
                    variant.stderr.as_deref().map(beside),
                );
                if !expected.files()[0].exists() {
                    continue;
                }
                let name = name.variant(&variant.name);
                let case = case(name, &variant.args, expected, &variant.normalizer);
                self.suite.cases.push(case);
            }
            return Ok(());
        }
        let out = match &settings.expected {
            Some(template) => beside(template),
            None if of_directory => {
                let inside = directory.join(EXPECTED);
                let outside = with_ok(directory);
                if outside.is_file() && !inside.is_file() {
                    outside
                } else {
                    inside
                }
            }
            None => source.with_extension("ok"),
        };
        let expected = expected(out, settings.stderr.as_deref().map(beside));
        let case = case(name, &[], expected, &settings.normalizer);
        self.suite.cases.push(case);
        Ok(())
    }
}

fn expected(out: PathBuf, err: Option<PathBuf>) -> Expected {
    match err {
        None => Expected::Merged(out),
        Some(err) => Expected::Separate { out, err },
    }
}

fn named(root: &Path, source: &Path, stem: &Path) -> Names {
    let key = match stem.strip_prefix(root) {
        Ok(key) if key != Path::new("") => key,
        // The root is itself a case.
        _ => stem.file_name().map_or(source, Path::new),
    };
    Names {
        name: slashes(stem),
        key: slashes(key),
    }
}

fn with_ok(directory: &Path) -> PathBuf {
    let mut name = directory.as_os_str().to_owned();
    name.push(".ok");
    name.into()
}

/// The path without `./` at its front.
fn tidy(path: &Path) -> PathBuf {
    let tidied: PathBuf = path
        .components()
        .filter(|part| *part != std::path::Component::CurDir)
        .collect();
    if tidied.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        tidied
    }
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(files: &[&str]) -> (tempfile::TempDir, Suite) {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (_, content) = file.split_once(" = ").unwrap_or((file, ""));
            std::fs::write(path, content).unwrap();
        }
        let found = Suite::find(&[directory.path().to_owned()]).unwrap();
        (directory, found)
    }

    fn keys(suite: &Suite) -> Vec<&str> {
        suite.cases.iter().map(|case| &*case.key).collect()
    }

    #[test]
    fn scripts_and_directories_are_cases_in_the_order_of_their_names() {
        let (directory, suite) = suite(&[
            "z.drun",
            "a/x.drun",
            "b/script.drun",
            ".git/no.drun",
            "a/x.wasm",
        ]);
        assert_eq!(keys(&suite), ["a/x", "b", "z"]);
        let expected: Vec<&Path> = suite
            .cases
            .iter()
            .map(|case| {
                case.expected.files()[0]
                    .strip_prefix(directory.path())
                    .unwrap()
            })
            .collect();
        let paths = ["a/x.ok", "b/expected", "z.ok"].map(Path::new);
        assert_eq!(expected, paths);
    }

    #[test]
    fn an_expected_output_beside_the_directory_is_its_own() {
        let (directory, suite) = suite(&["b/script.drun", "b.ok"]);
        assert_eq!(
            suite.cases[0].expected,
            Expected::Merged(directory.path().join("b.ok"))
        );
        assert!(suite.orphans.is_empty());
    }

    #[test]
    fn expected_outputs_without_a_script_are_orphans() {
        let (directory, suite) = suite(&["a.drun", "a.ok", "b.ok"]);
        assert_eq!(suite.orphans, [(directory.path().join("b.ok"), false)]);
    }

    #[test]
    fn what_ignore_files_exclude_is_no_case() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [(".ignore", "old/\n"), ("a.drun", ""), ("old/b.drun", "")] {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        assert_eq!(keys(&suite), ["a"]);
    }

    #[test]
    fn a_case_is_found_by_every_name_it_goes_by() {
        let (directory, _) = suite(&["a/x.drun", "b/script.drun"]);
        for name in ["a/x", "a/x.drun", "a/x.ok", "b", "b/script.drun"] {
            let suite = Suite::find(&[directory.path().join(name)]).unwrap();
            assert_eq!(suite.cases.len(), 1, "{name}");
        }
        assert!(Suite::find(&[directory.path().join("a/y")]).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_script_that_cannot_be_read_is_a_case_that_cannot_run() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bad.drun"), "# exit: many\n").unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("link.drun")).unwrap();
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        assert_eq!(keys(&suite), ["bad", "link"]);
        assert!(suite.cases.iter().all(|case| case.unreadable.is_some()));
    }

    #[test]
    fn two_scripts_cannot_have_one_expected_output() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("drun.toml", "expected = \"all.out\"\n"),
            ("a.drun", ""),
            ("b.drun", ""),
        ] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let error = Suite::find(&[directory.path().to_owned()]).unwrap_err();
        assert!(error.contains("have the same expected output"), "{error}");
        // What is no file holds nobody's output.
        let apart = "expected = \"{name}.out\"\nstderr = \"/dev/null\"\n";
        std::fs::write(directory.path().join("drun.toml"), apart).unwrap();
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        assert_eq!(keys(&suite), ["a", "b"]);
    }

    #[test]
    fn variants_are_cases_where_their_expected_output_exists() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [
            (
                "drun.toml",
                "[variant.one]\nexpected = \"{name}.1\"\n[variant.two]\nexpected = \"{name}.2\"\n",
            ),
            ("a.drun", ""),
            ("a.1", ""),
            ("a.2", ""),
            ("b.drun", ""),
            ("b.2", ""),
        ] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        assert_eq!(keys(&suite), ["a/one", "a/two", "b/two"]);
    }
}
