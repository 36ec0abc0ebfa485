//! Directives of a case: comments at the head of its script, before the first message. `# args: OPTIONS` are options of
//! the run, `# exit: N` is the status it must end with, `# timeout: DURATION` how long it may take, `# skip` or
//! `# skip: REASON` leaves it out. All other comments are free, but one that is a directive but for a letter is told.

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use super::duration;
use crate::input;

/// The names of directives.
const NAMES: [&str; 4] = ["args", "exit", "skip", "timeout"];

/// Options that write files: the head of a script, which may come from anybody, cannot have them.
const WRITING: [&str; 5] = [
    "--cache-dir",
    "--log-file",
    "--measures",
    "--profile",
    "--state-dir",
];

/// What the head of a script asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Options of the run, of all `args` lines.
    pub args: Vec<String>,
    /// The exit status that is right.
    pub exit: i32,
    /// Why it is not to be run, if it is not.
    pub skip: Option<String>,
    /// How long it may take, if not as long as the others.
    pub timeout: Option<Duration>,
}

/// Reads the head of a script.
///
/// # Errors
/// If the file cannot be read, or names a directive that makes no sense; the text says where.
pub(super) fn read(script: &Path) -> Result<Directives, String> {
    let bytes = input::part(script)
        .map_err(|reason| format!("cannot read {}: {reason}", script.display()))?;
    of(&mut &bytes[..], script)
}

/// Reads the head of a script that is called so.
///
/// # Errors
/// As [`read`].
pub fn of(reader: &mut impl BufRead, script: &Path) -> Result<Directives, String> {
    let unreadable = |error| format!("cannot read {}: {error}", script.display());
    let mut directives = Directives::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&line);
        let text = match number {
            1 => text.trim_start_matches('\u{feff}').trim(),
            _ => text.trim(),
        };
        if read == 0 || !(text.is_empty() || text.starts_with('#')) {
            break;
        }
        if let Some(comment) = text.strip_prefix('#') {
            directives
                .take(comment.trim())
                .map_err(|reason| format!("{}:{number}: {reason}", script.display()))?;
        }
    }
    Ok(directives)
}

impl Directives {
    fn take(&mut self, comment: &str) -> Result<(), String> {
        if let Some((name, value)) = comment.split_once(char::is_whitespace)
            && is_value(name, value.trim())
        {
            let value = value.trim();
            return Err(format!("`{name}` lacks its colon: `# {name}: {value}`"));
        }
        let (name, value) = match comment.split_once(':') {
            Some((name, value)) => (name.trim_end(), value.trim()),
            None => (comment, ""),
        };
        match name {
            "args" => {
                let words = split(value)?;
                let writing = |word: &&String| {
                    let option = word.split('=').next().unwrap_or_default();
                    WRITING.contains(&option)
                };
                if let Some(option) = words.iter().find(writing) {
                    return Err(format!(
                        "args: `{option}` writes files, which the head of a script cannot ask for; the command line and drun.toml can"
                    ));
                }
                self.args.extend(words);
            }
            "skip" => self.skip = Some(value.to_owned()),
            "exit" => {
                let status: Result<u8, _> = value.parse();
                let status = status
                    .map_err(|_| format!("exit: expected a status from 0 to 255, got `{value}`"))?;
                self.exit = status.into();
            }
            "timeout" => {
                let timeout = duration::limit(value);
                self.timeout = Some(timeout.map_err(|error| format!("timeout: {error}"))?);
            }
            _ if comment.contains(':') => {
                if let Some(meant) = NAMES.iter().find(|known| is_near(known, name)) {
                    return Err(format!("unknown directive `{name}`, perhaps `{meant}`"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether this is the name of a directive and a value for it; no sentence goes on like that.
fn is_value(name: &str, value: &str) -> bool {
    match name {
        "args" => value.starts_with("--"),
        "exit" => value.parse::<u8>().is_ok(),
        "timeout" => duration::limit(value).is_ok(),
        _ => false,
    }
}

/// Whether a word is another one but for one letter that is missing, doubled, wrong or too large, or two that changed
/// places. The words of directives are short, so whole sentences are never near.
fn is_near(known: &str, word: &str) -> bool {
    let (a, b) = (known.as_bytes(), word.to_ascii_lowercase().into_bytes());
    let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (rest, other) = (&a[common..], &b[common..]);
    match rest.len().abs_diff(other.len()) {
        0 if rest.is_empty() => true,
        0 => {
            rest[1..] == other[1..]
                || rest.len() > 1 && rest[2..] == other[2..] && rest[..2] == [other[1], other[0]]
        }
        1 if rest.len() > other.len() => rest[1..] == *other,
        1 => *rest == other[1..],
        _ => false,
    }
}

/// Splits options at blanks; quotes of either kind keep blanks together.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("args: no closing {open}"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(script: &str) -> Result<Directives, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.drun");
        std::fs::write(&path, script).unwrap();
        read(&path).map_err(|error| error.replace(&path.display().to_string(), "a.drun"))
    }

    #[test]
    fn directives_stand_in_the_comments_before_the_first_message() {
        let head =
            "# about\n\n# args: --format drun\r\n#exit: 2\n# args: --seed 7\ncreate\n# skip\n";
        let expected = Directives {
            args: ["--format", "drun", "--seed", "7"]
                .map(str::to_owned)
                .to_vec(),
            exit: 2,
            skip: None,
            timeout: None,
        };
        assert_eq!(of(head), Ok(expected));
    }

    #[test]
    fn a_case_is_skipped_with_or_without_a_reason_but_not_by_a_sentence() {
        assert_eq!(of("# skip\n").unwrap().skip, Some(String::new()));
        assert_eq!(
            of("# skip: too slow").unwrap().skip,
            Some("too slow".into())
        );
        assert_eq!(of("# skip over this: it is free text").unwrap().skip, None);
    }

    #[test]
    fn quotes_keep_options_together() {
        let words = |text| split(text).unwrap();
        assert_eq!(
            words("  a  'b c' \"d 'e\" f''g \"\" "),
            ["a", "b c", "d 'e", "fg", ""]
        );
        assert_eq!(split("'a"), Err("args: no closing '".into()));
    }

    #[test]
    fn a_directive_that_makes_no_sense_is_told_with_its_place() {
        let status = "exit: expected a status from 0 to 255, got ";
        assert_eq!(
            of("#\n# exit: 256\n"),
            Err(format!("a.drun:2: {status}`256`"))
        );
        assert_eq!(of("# exit: \n"), Err(format!("a.drun:1: {status}``")));
    }

    #[test]
    fn a_directive_that_is_misspelled_is_told_and_free_text_is_not() {
        for (line, meant) in [
            ("# arg: x", "args"),
            ("# Args: x", "args"),
            ("# exti: 2", "exit"),
            ("# skipp: no", "skip"),
            ("# timout: 3s", "timeout"),
        ] {
            let error = of(line).unwrap_err();
            assert!(
                error.ends_with(&format!("perhaps `{meant}`")),
                "{line}: {error}"
            );
        }
        for free in [
            "# note: x",
            "# exits with 2",
            "# skip this: not",
            "# see: y",
        ] {
            assert!(of(free).is_ok(), "{free}");
        }
    }

    #[test]
    fn a_directive_without_its_colon_is_told() {
        for line in ["args --seed 1", "exit 2", "timeout 90s"] {
            let (name, value) = line.split_once(' ').unwrap();
            assert_eq!(
                of(&format!("# {line}\n")),
                Err(format!(
                    "a.drun:1: `{name}` lacks its colon: `# {name}: {value}`"
                ))
            );
        }
        for sentence in ["exit the loop", "args of the call", "exits with 2"] {
            assert_eq!(of(&format!("# {sentence}\n")), Ok(Directives::default()));
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_directive() {
        assert_eq!(of("\u{feff}# exit: 2\n").unwrap().exit, 2);
        assert_eq!(of("\u{feff}\n# exit: 2\n").unwrap().exit, 2);
    }

    #[test]
    fn the_head_of_a_script_cannot_have_files_written() {
        for option in [
            "--log-file v.txt",
            "--profile=p",
            "'--state-dir' x",
            "--cache-dir c",
        ] {
            let error = of(&format!("# args: --seed 1 {option}")).unwrap_err();
            assert!(error.contains("writes files"), "{option}: {error}");
        }
    }

    #[test]
    fn a_case_may_take_as_long_as_it_says() {
        assert_eq!(
            of("# timeout: 2m").unwrap().timeout,
            Some(Duration::from_secs(120))
        );
        assert_eq!(
            of("# timeout: soon"),
            Err("a.drun:1: timeout: `soon` is none of ms, s, m and h".into())
        );
        assert_eq!(
            of("# timeout: 0"),
            Err("a.drun:1: timeout: `0` is no time in which anything ends".into())
        );
    }
}
