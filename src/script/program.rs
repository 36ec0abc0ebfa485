//! Programs: scripts in the richer language, with what they include.
//!
//! Owns the way from a file's text to its statements in order, across included files. A line of the older language is
//! read by that language's grammar first, so that it means what it always meant. Files are read by whoever asks.

use std::borrow::Cow;
use std::sync::Arc;

use super::canister_id::Ids;
use super::cursor::line_end;
use super::diagnostic::{Diagnostic, Diagnostics, Source};
use super::files::Files;
use super::flaw::Flaw;
use super::limits::MAX_LINE_BYTES;
use super::message::Message;
use super::mistake::{Fault, Mistake};
use super::older::{Located, Script};
use super::placed::Placed;
use super::read::sentence;
use super::statement::{Expectation, Statement};
use super::{grammar, resolve, words};

/// How deep scripts may include each other.
const MOST_INCLUDED: usize = 32;

/// A script without mistakes.
#[derive(Debug)]
pub struct Program {
    /// The statements in their order, those of included scripts in their places.
    pub statements: Vec<Placed>,
    /// Some statement is about what canisters print.
    pub expects_prints: bool,
    source: Arc<Source>,
}

impl Program {
    /// What the user calls the file.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Reads a script of the richer language; `name` is what the diagnostics and [`Files`] call it.
    ///
    /// # Errors
    /// All mistakes of the text; if there are none, all names and values that do not fit.
    pub fn parse(
        name: &str,
        source: impl Into<Vec<u8>>,
        files: &mut dyn Files,
    ) -> Result<Self, Diagnostics> {
        let source = Arc::new(Source::new(name.into(), source.into(), None));
        let mut reading = Reading {
            files,
            statements: Vec::new(),
            mistakes: Vec::new(),
            ids: Ids::default(),
            expects_prints: false,
        };
        reading.file(&source, 0);
        let Reading {
            mut statements,
            mut mistakes,
            expects_prints,
            ..
        } = reading;
        if mistakes.is_empty() {
            mistakes = resolve::resolve(&mut statements, files);
        }
        if mistakes.is_empty() {
            Ok(Self {
                statements,
                expects_prints,
                source,
            })
        } else {
            Err(mistakes.into())
        }
    }

    /// A script of the older language as a program.
    pub fn of_script(script: Script) -> Self {
        let source = script.source;
        let placed = |located: Located| {
            Placed::of_message(&source, located.message, located.line, located.place.bytes)
        };
        Self {
            statements: script.messages.into_iter().map(placed).collect(),
            expects_prints: false,
            source,
        }
    }
}

struct Reading<'a> {
    files: &'a mut dyn Files,
    statements: Vec<Placed>,
    mistakes: Vec<Diagnostic>,
    ids: Ids,
    expects_prints: bool,
}

impl Reading<'_> {
    fn file(&mut self, source: &Arc<Source>, depth: usize) {
        let text = self.text(source);
        let mark = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut number = 1;
        let mut start = mark.min(3);
        while start <= text.len() {
            let end = line_end(&text, start);
            let mut last = end;
            match grammar::line(&text[start..end], &mut self.ids) {
                Ok(None) => {}
                Ok(Some((message, part))) if !has_quoted_module(&message) => {
                    let at = start + nom::Offset::offset(&text[start..end], part);
                    let placed = Placed::of_message(source, message, number, at..at + part.len());
                    self.statements.push(placed);
                }
                older => match sentence(&text, start..end) {
                    Ok(None) => {}
                    Ok(Some(sentence)) => {
                        last = sentence.end;
                        let placed = Placed {
                            statement: sentence.statement,
                            sender: sentence.sender,
                            line: number,
                            interface: None,
                            source: Arc::clone(source),
                            word: sentence.word.into(),
                        };
                        self.statement(placed, depth);
                    }
                    Err(flaw) => {
                        // The rest of a payload of several lines is no statement.
                        last = resume(&text, end, flaw.at.start.max(end));
                        let place = |fault: &Fault| {
                            let at = start + nom::Offset::offset(&text[start..end], fault.at);
                            at..at + fault.at.len()
                        };
                        match older {
                            Err(faults) if faults.len() > 1 && place(&faults[0]) == flaw.at => {
                                for fault in faults {
                                    let flaw = Flaw::new(place(&fault), fault.kind);
                                    self.wrong(source, flaw);
                                }
                            }
                            _ => self.wrong(source, flaw),
                        }
                    }
                },
            }
            let next = text[last..].find('\n').map(|newline| last + newline + 1);
            let Some(next) = next else { break };
            number += 1 + text[end.min(last)..last].matches('\n').count();
            start = next;
        }
    }

    fn wrong(&mut self, source: &Arc<Source>, flaw: Flaw) {
        let diagnostic = Diagnostic::at(source, flaw.at, flaw.kind);
        self.mistakes.push(diagnostic);
    }

    /// The text of a file, as long as its bytes; lines that cannot be read are told and blanked.
    fn text<'a>(&mut self, source: &'a Arc<Source>) -> Cow<'a, str> {
        let bytes = &source.bytes;
        if let Ok(text) = std::str::from_utf8(bytes)
            && !text.split('\n').any(|line| line.len() > MAX_LINE_BYTES)
        {
            return Cow::Borrowed(text);
        }
        let mut text = String::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let start = text.len();
            let content = line.strip_suffix(b"\n").unwrap_or(line);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            if content.len() > MAX_LINE_BYTES {
                let beyond = start + MAX_LINE_BYTES;
                let kind = Mistake::LineTooLong(content.len());
                self.wrong(source, Flaw::new(beyond..beyond + 1, kind));
            } else {
                match std::str::from_utf8(line) {
                    Ok(line) => {
                        text.push_str(line);
                        continue;
                    }
                    Err(error) => {
                        let bad = start + error.valid_up_to();
                        let rest = start + content.len() - bad;
                        let length = error.error_len().unwrap_or(rest);
                        self.wrong(source, Flaw::new(bad..bad + length, Mistake::NotUtf8));
                    }
                }
            }
            text.extend(
                line.iter()
                    .map(|byte| if *byte == b'\n' { '\n' } else { ' ' }),
            );
        }
        Cow::Owned(text)
    }

    fn statement(&mut self, placed: Placed, depth: usize) {
        let Statement::Include(file) = &placed.statement else {
            self.expects_prints |= matches!(
                &placed.statement,
                Statement::Expect(expectation) if matches!(**expectation, Expectation::Prints(_))
            );
            self.statements.push(placed);
            return;
        };
        let source = Arc::clone(&placed.source);
        let (path, at) = (file.value.clone(), file.at());
        let (name, bytes) = match self.files.read(&source.name, &path) {
            Ok(read) => read,
            Err(reason) => {
                let said = format!("the script cannot be included: {reason}");
                self.wrong(
                    &source,
                    Flaw::said(at, said, "a script, relative to this one"),
                );
                return;
            }
        };
        let mut above = vec![Arc::clone(&source)];
        let mut current = &source;
        while let Some((from, ..)) = &current.included_from {
            above.push(Arc::clone(from));
            current = from;
        }
        if above.iter().any(|source| source.name == name) || depth == MOST_INCLUDED {
            let mut way: Vec<&str> = above.iter().rev().map(|source| &*source.name).collect();
            way.push(&name);
            let said = "the script includes itself";
            let expected = format!("no circle: {}", way.join(" -> "));
            self.wrong(&source, Flaw::said(at, said, expected));
            return;
        }
        let place = Diagnostic::at(&source, at, Mistake::NotUtf8);
        let from = (source, place.line, place.column);
        let included = Arc::new(Source::new(name, bytes, Some(from)));
        self.file(&included, depth + 1);
    }
}

/// Whether the module of an older message is in quotes, which belong to the file's name there and not here.
fn has_quoted_module(message: &Message) -> bool {
    matches!(message, Message::Install { module, .. } if module.len() > 1 && module.starts_with('"') && module.ends_with('"'))
}

/// Where to go on behind a mistake: the end of the line before the next that begins like a statement. `end` is the end
/// of the statement's first line, `wrong` the place of the mistake.
fn resume(text: &str, end: usize, wrong: usize) -> usize {
    let mut last = end;
    while let Some(newline) = text[last..].find('\n') {
        let start = last + newline + 1;
        let end_of_line = line_end(text, start);
        let line = &text[start..end_of_line];
        let word = line.split([' ', '\t']).next().unwrap_or("");
        let begins = words::form(word).is_some() || line.starts_with('#') || line.trim().is_empty();
        if start > wrong && (begins || wrong <= end) {
            break;
        }
        last = end_of_line.max(start);
    }
    last
}
