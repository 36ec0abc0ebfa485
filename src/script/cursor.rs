//! A place in the text of a script, from which fields are taken one after the other.
//!
//! Owns blanks, words, quoted text and comments at the end of a line, and the faults of what is missing. Which fields a
//! statement has is not known here.

use std::ops::Range;

use super::canister_id::canister_id;
use super::characters::is_blank;
use super::flaw::{Flaw, Read};
use super::mistake::{Fault, Field, Mistake, quoted};
use super::party::{Party, has_form, is_name};
use super::payload::{hex_digits, quoted_prefix};
use super::span::Spanned;
use super::units::Unfit;
use crate::idl;

pub(super) struct Cursor<'a> {
    /// The whole file.
    text: &'a str,
    /// The next byte.
    at: usize,
    /// The end of the line.
    end: usize,
    /// How the statement is written, for what is missing.
    pub form: &'static str,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a line.
    pub(super) fn new(text: &'a str, line: Range<usize>) -> Self {
        let (at, end, form) = (line.start, line.end, "");
        Self {
            text,
            at,
            end,
            form,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left of the line, without blanks before it.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..self.end];
        let trimmed = rest.trim_start_matches(is_blank);
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// Whether only a comment or nothing is left of the line.
    pub(super) fn is_done(&mut self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with('#')
    }

    /// The place where something is missing.
    pub(super) fn here(&mut self) -> Range<usize> {
        self.rest();
        self.at..self.at
    }

    pub(super) fn missing(&mut self, field: Field) -> Flaw {
        let form = self.form;
        Flaw::new(self.here(), Mistake::Missing { field, form })
    }

    /// Refuses what follows.
    pub(super) fn finish(&mut self) -> Read<()> {
        if self.is_done() {
            return Ok(());
        }
        let rest = self.rest().trim_end_matches(is_blank);
        let form = self.form;
        Err(Flaw::new(
            self.at..self.at + rest.len(),
            Mistake::TrailingText { form },
        ))
    }

    /// The next word, up to a blank or one of these characters; `None` if nothing is left.
    pub(super) fn word_until(&mut self, stops: &[char]) -> Option<Spanned<&'a str>> {
        if self.is_done() {
            return None;
        }
        let rest = self.rest();
        let length = rest
            .find(|c| is_blank(c) || stops.contains(&c))
            .unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        let start = self.at;
        self.at += length;
        Some(Spanned::new(&rest[..length], start..self.at))
    }

    pub(super) fn word(&mut self) -> Option<Spanned<&'a str>> {
        self.word_until(&[])
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let before = self.at;
        let is = self.word_until(&[',']).is_some_and(|next| *next == word);
        if !is {
            self.at = before;
        }
        is
    }

    /// Whether the next word is this one.
    pub(super) fn is_at(&mut self, word: &str) -> bool {
        let before = self.at;
        let is = self.take(word);
        self.at = before;
        is
    }

    /// Takes the sign if the line goes on with it.
    pub(super) fn take_sign(&mut self, sign: char) -> bool {
        let is = self.rest().starts_with(sign);
        if is {
            self.at += sign.len_utf8();
        }
        is
    }

    /// Text in double quotes, with the escapes of Candid; `None` if the line goes on with something else.
    pub(super) fn quoted(&mut self) -> Read<Option<Spanned<String>>> {
        let rest = self.rest();
        if !rest.starts_with('"') {
            return Ok(None);
        }
        let (text, length) = idl::text(rest).map_err(|fault| Flaw::candid(self.at, fault))?;
        let start = self.at;
        self.at += length;
        Ok(Some(Spanned::new(text, start..self.at)))
    }

    /// A path: a word, or quoted.
    pub(super) fn path(&mut self, what: &str) -> Read<Spanned<String>> {
        if let Some(path) = self.quoted()? {
            return Ok(path);
        }
        match self.word() {
            Some(word) => Ok(Spanned::new(word.value.to_owned(), word.at())),
            None => Err(Flaw::said(
                self.here(),
                format!("{what} is missing"),
                format!("`{}`", self.form),
            )),
        }
    }

    /// A canister or another principal, by id or name.
    pub(super) fn party(&mut self) -> Read<Spanned<Party>> {
        let Some(word) = self.word_until(&[',']) else {
            return Err(self.missing(Field::CanisterId));
        };
        party(word)
    }

    /// A name that is given to something.
    pub(super) fn name(&mut self, of: &str) -> Read<Spanned<String>> {
        let Some(word) = self.word_until(&['=', ',']) else {
            return Err(Flaw::said(
                self.here(),
                format!("the name of {of} is missing"),
                format!("`{}`", self.form),
            ));
        };
        if !is_name(&word) {
            let said = format!("a name cannot be {}", quoted(&word));
            let expected = match has_form(&word) {
                true => "another word: this one has a meaning of its own",
                false => "a letter, then letters, digits, `_` and `-`",
            };
            return Err(Flaw::said(word.at(), said, expected));
        }
        Ok(Spanned::new(word.value.to_owned(), word.at()))
    }

    /// An amount, by one of the functions of `units`.
    pub(super) fn amount<T>(
        &mut self,
        what: &str,
        example: &str,
        read: impl Fn(&str) -> Result<T, Unfit>,
    ) -> Read<Spanned<T>> {
        let Some(word) = self.word_until(&[',']) else {
            let said = format!("{what} is missing");
            return Err(Flaw::said(self.here(), said, example));
        };
        match read(&word) {
            Ok(value) => Ok(Spanned::new(value, word.at())),
            Err(Unfit::NoAmount) => {
                let said = format!("{} is not {what}", quoted(&word));
                Err(Flaw::said(word.at(), said, example))
            }
            Err(Unfit::TooMuch) => {
                let said = format!("{what} is too large");
                Err(Flaw::said(word.at(), said, example))
            }
        }
    }

    /// Arguments in Candid, which may go on over line ends; with them the place of the closing parenthesis.
    pub(super) fn candid(
        &mut self,
        grammar: idl::Grammar,
    ) -> Read<(Vec<idl::Value>, Range<usize>)> {
        self.rest();
        let base = self.at;
        let (mut values, length) = idl::arguments(&self.text[base..], grammar)
            .map_err(|fault| Flaw::candid(base, fault))?;
        values.iter_mut().for_each(|value| value.shift(base));
        self.at = base + length;
        self.end = line_end(self.text, self.at);
        Ok((values, self.at - 1..self.at))
    }

    /// Bytes in hex or as a quoted string of the older language; `None` if the line goes on with something else.
    pub(super) fn bytes(&mut self) -> Read<Option<Vec<u8>>> {
        let rest = self.rest();
        let start = self.at;
        let at = |fault: Fault| {
            let offset = start + nom::Offset::offset(rest, fault.at);
            Flaw::new(offset..offset + fault.at.len(), fault.kind)
        };
        if rest.starts_with("0x") {
            let Some(word) = self.word() else {
                return Ok(None);
            };
            return Ok(Some(hex_digits(&word.value[2..]).map_err(at)?));
        }
        if let Some(inside) = rest.strip_prefix('"') {
            let (bytes, after) = quoted_prefix(inside).map_err(at)?;
            self.skip(rest.len() - after.len());
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    /// Takes so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

/// The end of the line in which this byte is, without `\r`.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    if text[at..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// A word as an id or a name. What has neither's form is told as an id's mistake.
pub(super) fn party(word: Spanned<&str>) -> Read<Spanned<Party>> {
    let party = match *word {
        "anonymous" => Party::Id(candid::Principal::anonymous()),
        text => match canister_id(text) {
            Ok(id) => Party::Id(id),
            Err(_) if is_name(text) => Party::Name(text.to_owned()),
            Err(fault) => {
                let start = word.at().start + nom::Offset::offset(text, fault.at);
                return Err(Flaw::new(start..start + fault.at.len(), fault.kind));
            }
        },
    };
    Ok(Spanned::new(party, word.at()))
}
