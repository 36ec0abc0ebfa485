//! What the grammars of values and of types have in common.
//!
//! Owns looking ahead, the signs, labels and depth. The grammars are `read`'s and `types`'.

use std::ops::Range;

use super::lexer::{Lexer, Token, decimal, unexpected, utf8};
use super::mistake::{Fault, MAX_DEPTH, Mistake};
use super::value::Label;

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Values.
    Values,
    /// Values in which `_` and `..` may stand.
    Patterns,
}

/// A recursive descent over the tokens.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) grammar: Grammar,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, grammar: Grammar) -> Self {
        Self {
            lexer: Lexer::new(text),
            grammar,
            depth: 0,
        }
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Result<(Token, Range<usize>), Fault> {
        self.lexer.clone().next()
    }

    /// The token behind the next one.
    pub(super) fn peek_second(&self) -> Result<Token, Fault> {
        let mut ahead = self.lexer.clone();
        ahead.next()?;
        Ok(ahead.next()?.0)
    }

    /// Whether the next token is this sign; takes it if so.
    pub(super) fn take(&mut self, sign: &str) -> Result<bool, Fault> {
        let is = matches!(self.peek()?.0, Token::Sign(found) if found == sign);
        if is {
            self.lexer.next()?;
        }
        Ok(is)
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<Range<usize>, Fault> {
        let (token, at) = self.lexer.next()?;
        match token {
            Token::Sign(found) if found == sign => Ok(at),
            _ => Err(self.wrong(at, format!("`{sign}`"))),
        }
    }

    /// The fault of a token that cannot stand in its place.
    pub(super) fn wrong(&self, at: Range<usize>, expected: impl Into<String>) -> Fault {
        let found = self.lexer.slice(at.clone());
        let short: String = found.chars().take(40).collect();
        let found = if found.is_empty() {
            String::new()
        } else {
            format!("`{short}`")
        };
        unexpected(at, &found, expected)
    }

    /// Runs a part of the grammar one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        at: &Range<usize>,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(at.clone(), Mistake::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// A label with this sign behind it, both taken; nothing is taken if there is none.
    pub(super) fn label(&mut self, sign: &str) -> Result<Option<(Label, Range<usize>)>, Fault> {
        let labelled = matches!(
            self.peek()?.0,
            Token::Word(_) | Token::Text(_) | Token::Number(_)
        );
        if !labelled || !matches!(self.peek_second()?, Token::Sign(found) if found == sign) {
            return Ok(None);
        }
        let label = self.any_label()?;
        self.lexer.next()?;
        Ok(Some(label))
    }

    pub(super) fn any_label(&mut self) -> Result<(Label, Range<usize>), Fault> {
        let (token, at) = self.lexer.next()?;
        let label = match token {
            Token::Word(word) => Label::Name(word),
            Token::Text(bytes) => Label::Name(utf8(bytes, &at)?),
            Token::Number(digits) => match decimal(&digits).parse() {
                Ok(id) => Label::Id(id),
                Err(_) => return Err(self.wrong(at, "a field name or a number below 2^32")),
            },
            _ => return Err(self.wrong(at, "a field name")),
        };
        Ok((label, at))
    }

    /// `;`, or `}` that is left for who looks for it.
    pub(super) fn separator(&mut self) -> Result<(), Fault> {
        if self.take(";")? {
            return Ok(());
        }
        match self.peek()? {
            (Token::Sign("}"), _) => Ok(()),
            (_, at) => Err(self.wrong(at, "`;` or `}`")),
        }
    }
}
