//! Where a mistake is, and its picture: the line, with carets under the place.
//!
//! Owns places (line, column, length) and the cut-out of a long line. It does not know the rules of the language; the words
//! come from `mistake`.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::characters::{characters, columns, shown};
use super::mistake::Mistake;

/// So many mistakes are drawn; of the others only the number is told.
const MOST_DRAWN: usize = 20;

/// So many characters of a line are drawn.
const WINDOW: usize = 100;

/// Lines are counted by blocks of so many bytes.
const BLOCK: usize = 4096;

/// A script as it was read, kept so that mistakes can show their lines.
#[derive(Debug)]
pub(super) struct Source {
    /// What the user calls the file.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
    /// The script that includes it, with line and column.
    pub included_from: Option<(Arc<Source>, usize, usize)>,
    /// The line ends before each block, and at the end those of the whole: counted once, since each line may have a mistake.
    line_ends: OnceLock<Vec<usize>>,
}

impl Source {
    pub(super) fn new(
        name: String,
        bytes: Vec<u8>,
        included_from: Option<(Arc<Source>, usize, usize)>,
    ) -> Self {
        Self {
            name,
            bytes,
            included_from,
            line_ends: OnceLock::new(),
        }
    }

    /// The line, from 1, in which a byte is.
    fn line_number(&self, at: usize) -> usize {
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let before = self.line_ends.get_or_init(|| {
            let mut ends = vec![0];
            for block in self.bytes.chunks(BLOCK) {
                ends.push(ends[ends.len() - 1] + count(block));
            }
            ends
        });
        let block = at / BLOCK;
        1 + before[block] + count(&self.bytes[block * BLOCK..at])
    }

    /// The line, from 1, and the bytes of it without its end in which a byte is.
    pub(super) fn line_of(&self, at: usize) -> (usize, Range<usize>) {
        let before = &self.bytes[..at];
        let mark = if before.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let start = start.map_or(mark, |newline| newline + 1);
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..length.unwrap_or(rest.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (self.line_number(at), start..start + line.len())
    }
}

/// A stretch of the source, within one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The line's bytes in the source, without its end.
    pub line_bytes: Range<usize>,
    /// The stretch's bytes in the source; empty at the end of the line, where something is missing.
    pub bytes: Range<usize>,
}

/// One mistake with its place. `Display` draws it, over several lines, without a newline at the end.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// What is wrong.
    pub kind: Mistake,
    /// The line, from 1.
    pub line: usize,
    /// The first wrong character, from 1; each byte that is not UTF-8 counts as one.
    pub column: usize,
    /// How many characters are wrong, at least 1.
    pub length: usize,
    source: Arc<Source>,
    line_bytes: Range<usize>,
}

impl Diagnostic {
    pub(super) fn new(source: &Arc<Source>, line: usize, place: &Place, kind: Mistake) -> Self {
        let before = &source.bytes[place.line_bytes.start..place.bytes.start];
        let wrong = &source.bytes[place.bytes.clone()];
        Self {
            kind,
            line,
            column: 1 + characters(before).count(),
            length: characters(wrong).count().max(1),
            source: Arc::clone(source),
            line_bytes: place.line_bytes.clone(),
        }
    }

    /// Of bytes wherever they are; of several lines only the first is marked.
    pub(super) fn at(source: &Arc<Source>, at: Range<usize>, kind: Mistake) -> Self {
        let (line, line_bytes) = source.line_of(at.start.min(source.bytes.len()));
        let start = at.start.min(line_bytes.end);
        let bytes = start..at.end.clamp(start, line_bytes.end);
        Self::new(source, line, &Place { line_bytes, bytes }, kind)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.source.name.chars().map(shown).collect();
        let gutter = " ".repeat(self.line.to_string().len());
        let picture = Picture::new(
            &self.source.bytes[self.line_bytes.clone()],
            self.column - 1,
            self.length,
        );
        writeln!(f, "error: {}", self.kind)?;
        writeln!(f, "{gutter}--> {name}:{}:{}", self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{} | {}", self.line, picture.text)?;
        writeln!(
            f,
            "{gutter} | {}{}",
            " ".repeat(picture.indent),
            "^".repeat(picture.carets)
        )?;
        write!(f, "{gutter} = expected: {}", self.kind.expected())?;
        if let Some(actual) = self.kind.actual() {
            write!(f, "\n{gutter} = actual:   {actual}")?;
        }
        let mut source = &self.source;
        while let Some((from, line, column)) = &source.included_from {
            let name: String = from.name.chars().map(shown).collect();
            write!(f, "\n{gutter} = included from {name}:{line}:{column}")?;
            source = from;
        }
        Ok(())
    }
}

/// All mistakes of a script, in the order of their places. `Display` draws the first twenty.
#[derive(Debug, Clone)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The mistakes, at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(list: Vec<Diagnostic>) -> Self {
        Self(list)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().take(MOST_DRAWN).enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        match self.0.len().saturating_sub(MOST_DRAWN) {
            0 => Ok(()),
            1 => write!(f, "\n\nerror: 1 more mistake is not shown"),
            more => write!(f, "\n\nerror: {more} more mistakes are not shown"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// A part of a line, as it is drawn; widths in columns of a terminal.
struct Picture {
    text: String,
    indent: usize,
    carets: usize,
}

impl Picture {
    /// The part around the `length` characters from number `start` on, counted from 0.
    fn new(line: &[u8], start: usize, length: usize) -> Self {
        let first = if characters(line).nth(WINDOW).is_none() {
            0
        } else {
            start.saturating_sub(WINDOW / 2)
        };
        let mut rest = characters(line).skip(first).map(shown);
        let window: Vec<char> = rest.by_ref().take(WINDOW).collect();
        let before = window.len().min(start - first);
        let wrong = window.len().min(before + length);

        let mut text = String::from(if first > 0 { "…" } else { "" });
        let indent = text.chars().count() + columns(&window[..before]);
        text.extend(&window);
        if rest.next().is_some() {
            text.push('…');
        }
        Self {
            text: text.trim_end().to_string(),
            indent,
            carets: columns(&window[before..wrong]).max(1),
        }
    }
}
