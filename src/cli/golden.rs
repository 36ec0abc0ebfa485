//! Golden suites of Rust crates: the harness of `drun test` as a test program.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use super::options::Arguments;
use super::program::{on_large_stack, program};
use super::run::After;
use super::test::AS_PROGRAM;

/// Runs the golden suite of a directory: scripts, and what they must print, as `drun test` does. It is the whole of a test
/// program, for which `Cargo.toml` says `harness = false`:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     drun::golden("tests/scripts")
/// }
/// ```
///
/// The arguments are those of Rust's own test programs (names to filter by, `--exact`, `--skip`, `--list`, `--ignored`,
/// `--format terse`), and all options of `drun test`, among them `--accept`. The path is relative to where the tests run, which
/// is the directory of the package.
pub fn golden(directory: impl AsRef<Path>) -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == AS_PROGRAM) {
        words.remove(1);
        if let Some(name) = words.first_mut() {
            *name = "drun".into();
        }
        return on_large_stack(|| program(words, After::Ends).into());
    }
    let words = arguments(directory.as_ref(), words);
    on_large_stack(|| program(words, After::Ends).into())
}

/// The arguments of a Rust test program as those of `drun test`.
fn arguments(directory: &Path, words: Vec<OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = ["drun", "test", "--of-crate"].map(OsString::from).to_vec();
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(OsString::from(value))),
            None => (text, None),
        };
        match option {
            // What stands behind are options of the scripts.
            "--" => {
                all.extend([directory.into(), word]);
                all.extend(words);
                return all;
            }
            "--include-ignored" | "--show-output" | "--report-time" => {}
            "--logfile" | "-Z" => drop(value.or_else(|| words.next())),
            "--skip" => {
                let text = value.or_else(|| words.next()).unwrap_or_default();
                all.push(joined("--filter=!", &text));
            }
            "--test-threads" => {
                let threads = value.or_else(|| words.next()).unwrap_or_default();
                all.push(joined("--jobs=", &threads));
            }
            _ if option.starts_with("-Z") => {}
            _ if option.starts_with('-') => {
                let follows = value.is_none() && has_value(option);
                all.push(word);
                if follows {
                    all.extend(words.next());
                }
            }
            _ => all.push(joined("--filter=", &word)),
        }
    }
    all.push(directory.into());
    all
}

/// Whether an option of `drun test` has a value, which may stand in the next argument.
fn has_value(option: &str) -> bool {
    let command = Arguments::command();
    let test = command.find_subcommand("test");
    let mut options = test.into_iter().flat_map(clap::Command::get_arguments);
    options.any(|known| {
        let long = known.get_long().map(|long| format!("--{long}"));
        let short = known.get_short().map(|short| format!("-{short}"));
        known.get_action().takes_values() && [long, short].contains(&Some(option.to_owned()))
    })
}

fn joined(option: &str, value: &OsString) -> OsString {
    let mut word = OsString::from(option);
    word.push(value);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filters_and_options_of_rust_have_their_counterparts() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (given, expected) in [
            ("golden", "drun test --of-crate tests"),
            (
                "golden up --exact",
                "drun test --of-crate --filter=up --exact tests",
            ),
            (
                "golden --list --format terse",
                "drun test --of-crate --list --format terse tests",
            ),
            (
                "golden --skip slow --test-threads 1",
                "drun test --of-crate --filter=!slow --jobs=1 tests",
            ),
            (
                "golden --skip=slow --test-threads=1 up",
                "drun test --of-crate --filter=!slow --jobs=1 --filter=up tests",
            ),
            (
                "golden -Z unstable-options --report-time -Zx --logfile=y up",
                "drun test --of-crate --filter=up tests",
            ),
            (
                "golden --junit j.xml -j 2 --partition 1/2 --quiet up --format=drun",
                "drun test --of-crate --junit j.xml -j 2 --partition 1/2 --quiet --filter=up --format=drun tests",
            ),
            (
                "golden --accept --exact tests/a -- --seed 7",
                "drun test --of-crate --accept --exact --filter=tests/a tests -- --seed 7",
            ),
        ] {
            assert_eq!(arguments(Path::new("tests"), words(given)), words(expected));
        }
    }
}
