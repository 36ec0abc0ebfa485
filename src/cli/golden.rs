//! Golden suites of Rust crates: the harness of `drun test` as a test program.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use super::program::{on_large_stack, program};
use super::run::After;
use super::test::AS_PROGRAM;

/// Options of Rust's own test programs that have a value in the next argument.
const WITH_VALUE: [&str; 5] = ["--format", "--color", "--logfile", "-Z", "--report-time"];

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
        match word.to_str() {
            Some("--include-ignored" | "--show-output") => {}
            Some("--logfile" | "-Z" | "--report-time") => {
                words.next();
            }
            Some("--skip") => {
                let text = words.next().unwrap_or_default();
                all.push(joined("--filter=!", &text));
            }
            Some("--test-threads") => {
                all.push(joined("--jobs=", &words.next().unwrap_or_default()));
            }
            Some(option) if WITH_VALUE.contains(&option) => {
                all.push(word);
                all.extend(words.next());
            }
            Some(option) if option.starts_with('-') => all.push(word),
            _ => all.push(joined("--filter=", &word)),
        }
    }
    all.push(directory.into());
    all
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
        ] {
            assert_eq!(arguments(Path::new("tests"), words(given)), words(expected));
        }
    }
}
