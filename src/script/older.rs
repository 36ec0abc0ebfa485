//! Scripts of the older language alone.
//!
//! Owns the way from a file's text to its messages, line by line, and the place of every mistake. What a line means is
//! `grammar`'s.

use std::ops::Range;
use std::sync::Arc;

use nom::Offset;

use super::canister_id::Ids;
use super::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use super::grammar;
use super::limits::MAX_LINE_BYTES;
use super::message::Message;
use super::mistake::Mistake;

/// A script without mistakes.
#[derive(Debug)]
pub struct Script {
    /// The messages in their order.
    pub messages: Vec<Located>,
    pub(super) source: Arc<Source>,
}

/// A message and where it stands.
#[derive(Debug)]
pub struct Located {
    /// The message.
    pub message: Message,
    /// Its line, from 1.
    pub line: usize,
    pub(super) place: Place,
}

impl Script {
    /// What the user calls the file.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// A mistake in the module field of one of this script's messages, for a file that is missing or cannot be read;
    /// `reason` in a few words. A message without a module is pointed at as a whole.
    pub fn module_error(&self, located: &Located, reason: String) -> Diagnostic {
        Diagnostic::new(
            &self.source,
            located.line,
            &located.place,
            Mistake::Module { reason },
        )
    }
}

/// Reads a whole script of the older language alone; `name` is what the diagnostics call it. A script without messages is fine.
///
/// # Errors
/// All mistakes of the script.
pub fn parse(name: &str, source: impl Into<Vec<u8>>) -> Result<Script, Diagnostics> {
    let source = Arc::new(Source::new(name.into(), source.into(), None));
    let mut messages = Vec::new();
    let mut mistakes = Vec::new();
    let mut ids = Ids::default();
    for (line, line_bytes) in (1..).zip(lines(&source.bytes)) {
        let place = |bytes| Place {
            line_bytes: line_bytes.clone(),
            bytes,
        };
        let mut wrong =
            |bytes, kind| mistakes.push(Diagnostic::new(&source, line, &place(bytes), kind));

        let start = line_bytes.start;
        if line_bytes.len() > MAX_LINE_BYTES {
            let beyond = start + MAX_LINE_BYTES;
            wrong(beyond..beyond + 1, Mistake::LineTooLong(line_bytes.len()));
            continue;
        }
        let text = match std::str::from_utf8(&source.bytes[line_bytes.clone()]) {
            Ok(text) => text,
            Err(error) => {
                let bad = start + error.valid_up_to();
                let length = error.error_len().unwrap_or(line_bytes.end - bad);
                wrong(bad..bad + length, Mistake::NotUtf8);
                continue;
            }
        };
        let bytes = |part: &str| {
            let begin = start + text.offset(part);
            begin..begin + part.len()
        };
        match grammar::line(text, &mut ids) {
            Ok(None) => {}
            Ok(Some((message, part))) => messages.push(Located {
                message,
                line,
                place: place(bytes(part)),
            }),
            Err(faults) => {
                for fault in faults {
                    wrong(bytes(fault.at), fault.kind);
                }
            }
        }
    }
    if mistakes.is_empty() {
        Ok(Script { messages, source })
    } else {
        Err(mistakes.into())
    }
}

/// Where the lines are, without their ends (LF or CRLF) and without a byte order mark.
fn lines(source: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mark = if source.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let mut start = mark;
    source[mark..]
        .split(|byte| *byte == b'\n')
        .map(move |line| {
            let begin = start;
            start += line.len() + 1;
            begin..begin + line.strip_suffix(b"\r").unwrap_or(line).len()
        })
}
