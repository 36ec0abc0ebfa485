//! Directives of a case: comments at the head of its script, before the first message. `# args: OPTIONS` are options of
//! the run, `# exit: N` is the status it must end with, `# skip` or `# skip: REASON` leaves it out. All other comments
//! are free.

use std::io::{BufRead, BufReader};
use std::path::Path;

/// What the head of a script asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Options of the run, of all `args` lines.
    pub args: Vec<String>,
    /// The exit status that is right.
    pub exit: i32,
    /// Why it is not to be run, if it is not.
    pub skip: Option<String>,
}

/// Reads the head of a script.
///
/// # Errors
/// If the file cannot be read, or names a directive that makes no sense; the text says where.
pub fn read(script: &Path) -> Result<Directives, String> {
    let unreadable = |error| format!("error: cannot read {}: {error}", script.display());
    let mut reader = BufReader::new(std::fs::File::open(script).map_err(unreadable)?);
    let mut directives = Directives::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if read == 0 || !(text.is_empty() || text.starts_with('#')) {
            break;
        }
        if let Some(comment) = text.strip_prefix('#') {
            directives
                .take(comment.trim())
                .map_err(|reason| format!("error: {}:{number}: {reason}", script.display()))?;
        }
    }
    Ok(directives)
}

impl Directives {
    fn take(&mut self, comment: &str) -> Result<(), String> {
        let (name, value) = match comment.split_once(':') {
            Some((name, value)) => (name.trim_end(), value.trim()),
            None => (comment, ""),
        };
        match name {
            "args" => self.args.extend(split(value)?),
            "skip" => self.skip = Some(value.to_owned()),
            "exit" => {
                let status: Result<u8, _> = value.parse();
                let status = status
                    .map_err(|_| format!("exit: expected a status from 0 to 255, got `{value}`"))?;
                self.exit = status.into();
            }
            _ => {}
        }
        Ok(())
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
            Err(format!("error: a.drun:2: {status}`256`"))
        );
        assert_eq!(
            of("# exit: \n"),
            Err(format!("error: a.drun:1: {status}``"))
        );
    }
}
