//! Statements in their places.
//!
//! Owns what is known about a statement beside what it says: where it stands, who sends it, what the called canister
//! understands; and the mistakes that are told about it.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Source};
use super::flaw::Flaw;
use super::message::Message;
use super::mistake::Mistake;
use super::span::{Span, Spanned};
use super::statement::{Sender, Statement};
use crate::idl;

/// A statement and where it stands.
#[derive(Debug)]
pub struct Placed {
    /// The statement.
    pub statement: Statement,
    /// Who sends it, if that is told in the same line.
    pub sender: Option<Box<Sender>>,
    /// The line in its file, from 1.
    pub line: usize,
    /// What the called canister understands, as far as the script tells.
    pub interface: Option<Rc<idl::Interface>>,
    pub(super) source: Arc<Source>,
    /// The word or field that a complaint about the whole statement points at.
    pub(super) word: Span,
}

impl Placed {
    pub(super) fn of_message(
        source: &Arc<Source>,
        message: Message,
        line: usize,
        place: Range<usize>,
    ) -> Self {
        let mut statement = Statement::from(message);
        if let Statement::Install { module, .. } = &mut statement {
            *module = Spanned::new(std::mem::take(&mut module.value), place.clone());
        }
        Self {
            statement,
            sender: None,
            line,
            interface: None,
            source: Arc::clone(source),
            word: place.into(),
        }
    }

    /// What the user calls its file.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Its first word's place in the file.
    pub fn place(&self) -> Range<usize> {
        self.word.range()
    }

    /// A mistake at a place of its file, in words.
    pub fn mistake(&self, at: Range<usize>, said: String, expected: String) -> Diagnostic {
        self.flaw(Flaw::said(at, said, expected))
    }

    /// Something in a place of its file that is not as it was expected.
    pub fn unmet(
        &self,
        at: Range<usize>,
        said: &str,
        expected: String,
        actual: String,
    ) -> Diagnostic {
        let said = said.to_owned();
        self.flaw(Flaw::new(
            at,
            Mistake::Unmet {
                said,
                expected,
                actual,
            },
        ))
    }

    /// From its first word to the end of that line, without a comment.
    pub fn rest_of_line(&self) -> Range<usize> {
        let word = self.place();
        let (_, line) = self.source.line_of(word.start);
        let rest = String::from_utf8_lossy(&self.source.bytes[word.start..line.end]);
        // A `#` within quotes is rare enough to be shown as a comment.
        let text = rest.split(" #").next().unwrap_or(&rest).trim_end();
        word.start..(word.start + text.len()).max(word.end)
    }

    /// A mistake in the module field, for a file that is missing or cannot be read; `reason` in a few words.
    pub fn module_error(&self, reason: String) -> Diagnostic {
        let at = match &self.statement {
            Statement::Install { module, .. } => module.at(),
            _ => self.place(),
        };
        self.flaw(Flaw::new(at, Mistake::Module { reason }))
    }

    pub(super) fn flaw(&self, flaw: Flaw) -> Diagnostic {
        Diagnostic::at(&self.source, flaw.at, flaw.kind)
    }
}
