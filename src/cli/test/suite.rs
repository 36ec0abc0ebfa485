//! What a suite consists of: finds scripts and their expected outputs, reads the directives in their heads, and chooses
//! among them. Runs nothing and compares nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::directives::{self, Directives};

/// The script of a case that is a directory, and its expected output.
const SCRIPT: &str = "script.drun";
const EXPECTED: &str = "expected";

/// A script and the output it must have.
#[derive(Debug)]
pub struct Case {
    /// The path of the script without its ending, or of the directory: what filters see and what orders the report.
    pub name: String,
    /// The name within the path that was given, the same wherever the suite lies.
    key: String,
    /// The message file. It runs in its own directory.
    pub script: PathBuf,
    /// The file of the expected output, which need not exist.
    pub expected: PathBuf,
    /// What its head asks for.
    pub directives: Directives,
}

/// Everything under some paths.
#[derive(Debug, Default)]
pub struct Suite {
    /// By name.
    pub cases: Vec<Case>,
    /// Files `NAME.ok` without a script, by path.
    pub orphans: Vec<PathBuf>,
}

/// A share of a suite: `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    index: u64,
    count: u64,
}

impl std::str::FromStr for Partition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Partition { index, count }),
            _ => Err("expected m/n with m from 1 to n, for example 1/4"),
        }
    }
}

impl Suite {
    /// Finds the cases under files and directories.
    ///
    /// # Errors
    /// If a path cannot be read or is neither a script nor a directory, or a directive makes no sense.
    pub fn find(paths: &[PathBuf]) -> Result<Self, String> {
        let mut suite = Suite::default();
        for path in paths {
            let path = tidy(path);
            let unreadable = |error| format!("error: cannot read {}: {error}", path.display());
            if std::fs::metadata(&path).map_err(unreadable)?.is_dir() {
                suite.walk(&path, &path)?;
            } else if path.extension() == Some(OsStr::new("drun")) {
                suite.add(path.parent().unwrap_or(Path::new("")), &path)?;
            } else {
                return Err(format!(
                    "error: {}: expected a directory or a script, whose name ends in .drun",
                    path.display()
                ));
            }
        }
        suite.cases.sort_by(|a, b| a.name.cmp(&b.name));
        suite.cases.dedup_by(|a, b| a.script == b.script);
        suite.orphans.sort();
        suite.orphans.dedup();
        Ok(suite)
    }

    fn walk(&mut self, root: &Path, directory: &Path) -> Result<(), String> {
        let unreadable = |error| format!("error: cannot read {}: {error}", directory.display());
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = if directory == Path::new(".") {
                PathBuf::from(entry.file_name())
            } else {
                entry.path()
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Directories behind links are left out: they may lead back here.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                self.walk(root, &path)?;
            } else if path.extension() == Some(OsStr::new("drun")) {
                self.add(root, &path)?;
            } else if path.extension() == Some(OsStr::new("ok")) && !has_script(&path) {
                self.orphans.push(path);
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, script: &Path) -> Result<(), String> {
        let directory = script.parent().unwrap_or(Path::new(""));
        let of_directory =
            script.file_name() == Some(OsStr::new(SCRIPT)) && directory.file_name().is_some();
        let (named, expected) = if of_directory {
            let beside = [with_ok(directory), script.with_extension("ok")];
            let present = beside.into_iter().find(|path| path.is_file());
            (
                directory.to_owned(),
                present.unwrap_or_else(|| directory.join(EXPECTED)),
            )
        } else {
            (script.with_extension(""), script.with_extension("ok"))
        };
        let key = named.strip_prefix(root).unwrap_or(&named);
        self.cases.push(Case {
            name: slashes(&named),
            key: slashes(key),
            directives: directives::read(script)?,
            script: script.to_owned(),
            expected,
        });
        Ok(())
    }

    /// Keeps the cases whose name contains one of the texts.
    pub fn filter(&mut self, texts: &[String]) {
        if !texts.is_empty() {
            self.cases
                .retain(|case| texts.iter().any(|text| case.name.contains(text)));
        }
    }

    /// Keeps a share. Which one a case belongs to depends on nothing but its name.
    pub fn share(&mut self, partition: Partition) {
        self.cases
            .retain(|case| fnv1a(case.key.as_bytes()) % partition.count == partition.index - 1);
    }
}

/// Whether a file `NAME.ok` belongs to `NAME.drun` or `NAME/script.drun`.
fn has_script(expected: &Path) -> bool {
    let named = expected.with_extension("");
    expected.with_extension("drun").is_file() || named.join(SCRIPT).is_file()
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

/// The hash FNV-1a of 64 bits: short, and the same on every machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(files: &[&str]) -> (tempfile::TempDir, Suite) {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = Suite::find(&[directory.path().to_owned()]).unwrap();
        (directory, found)
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
        let keys: Vec<&str> = suite.cases.iter().map(|case| &*case.key).collect();
        assert_eq!(keys, ["a/x", "b", "z"]);
        let expected: Vec<&Path> = suite
            .cases
            .iter()
            .map(|case| case.expected.strip_prefix(directory.path()).unwrap())
            .collect();
        assert_eq!(
            expected,
            [
                Path::new("a/x.ok"),
                Path::new("b/expected"),
                Path::new("z.ok")
            ]
        );
    }

    #[test]
    fn an_expected_output_beside_the_directory_is_its_own() {
        let (directory, suite) = suite(&["b/script.drun", "b.ok"]);
        assert_eq!(suite.cases[0].expected, directory.path().join("b.ok"));
        assert!(suite.orphans.is_empty());
    }

    #[test]
    fn expected_outputs_without_a_script_are_orphans() {
        let (directory, suite) = suite(&["a.drun", "a.ok", "b.ok"]);
        assert_eq!(suite.orphans, [directory.path().join("b.ok")]);
    }

    #[test]
    fn shares_are_disjoint_and_complete() {
        let files: Vec<String> = (0..50).map(|n| format!("case-{n}.drun")).collect();
        let files: Vec<&str> = files.iter().map(|file| &**file).collect();
        let mut seen = Vec::new();
        for share in ["1/3", "2/3", "3/3"] {
            let (_directory, mut suite) = suite(&files);
            suite.share(share.parse().unwrap());
            assert!(
                suite.cases.len() > 5,
                "{share} has {} of 50",
                suite.cases.len()
            );
            seen.extend(suite.cases.into_iter().map(|case| case.key));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 50);
    }

    /// The published test vectors of FNV-1a: the empty text, "a" and "foobar".
    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn partitions_count_from_one() {
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
        assert_eq!("2/2".parse(), Ok(Partition { index: 2, count: 2 }));
    }
}
