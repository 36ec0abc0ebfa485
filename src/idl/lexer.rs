//! Tokens of Candid text, each with its place.
//!
//! Owns words, numbers, text literals with their escapes, and comments: those of Candid, and `#` up to the end of its
//! line, since the text stands in scripts. What tokens mean together is not known here.

use std::ops::Range;

use super::mistake::{Fault, MOST_HEX, Mistake};

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word: keyword, type, field.
    Word(String),
    /// `$name`, without the `$`.
    Name(String),
    /// A number without its `_`, with its sign; integers may begin with `0x`. `inf` with a sign is one, without it a word.
    Number(String),
    /// A text literal's bytes; UTF-8 unless it has escapes of single bytes.
    Text(Vec<u8>),
    /// `(`, `)`, `{`, `}`, `;`, `,`, `=`, `:`, `.`, `..`, `->`.
    Sign(&'static str),
    /// The end of the text.
    End,
}

const SIGNS: [&str; 11] = ["->", "..", "(", ")", "{", "}", ";", ",", "=", ":", "."];

/// A number that is larger than all others, as it is printed and written.
pub(super) const INFINITE: &str = "inf";

/// The byte order mark, which some editors put before any text.
const MARK: char = '\u{feff}';

/// A place in the text, copied to look ahead.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// At the beginning, behind a byte order mark.
    pub(super) fn new(text: &'a str) -> Self {
        let at = match text.starts_with(MARK) {
            true => MARK.len_utf8(),
            false => 0,
        };
        Self { text, at }
    }

    /// The bytes that were read.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The text of a place.
    pub(super) fn slice(&self, at: Range<usize>) -> &'a str {
        &self.text[at]
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Result<(Token, Range<usize>), Fault> {
        self.skip()?;
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok((Token::End, start..start));
        };
        let token = match first {
            '"' => Token::Text(self.text_literal()?),
            '$' => {
                let length = word_length(&rest[1..], true);
                if length == 0 {
                    return Err(unexpected(start..start + 1, "`$`", "a name behind the `$`"));
                }
                self.at += 1 + length;
                Token::Name(rest[1..=length].to_owned())
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = word_length(rest, false);
                self.at += length;
                Token::Word(rest[..length].to_owned())
            }
            '0'..='9' | '+' => Token::Number(self.number()?),
            '-' if !rest.starts_with("->") => Token::Number(self.number()?),
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => {
                    self.at += sign.len();
                    Token::Sign(sign)
                }
                None => {
                    let found = match first {
                        '\'' | '\\' => format!("`{first}`"),
                        other => format!("`{}`", other.escape_debug()),
                    };
                    return Err(unexpected(
                        start..start + first.len_utf8(),
                        &found,
                        "Candid text",
                    ));
                }
            },
        };
        Ok((token, start..self.at))
    }

    /// Blanks, line ends and comments.
    fn skip(&mut self) -> Result<(), Fault> {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let length = if trimmed.starts_with('#') || trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                match comment_length(trimmed) {
                    Some(length) => length,
                    None => return Err(Fault::new(self.at..self.at + 2, Mistake::OpenComment)),
                }
            } else {
                return Ok(());
            };
            self.at += length;
        }
    }

    fn number(&mut self) -> Result<String, Fault> {
        let start = self.at;
        let rest = &self.text[start..];
        let mut length = usize::from(rest.starts_with(['+', '-']));
        // A sign belongs to a number also behind an `e`.
        let mut previous = ' ';
        let hex = rest[length..].starts_with("0x");
        for c in rest[length..].chars() {
            let exponent = !hex && matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
            let point = c == '.' && !rest[length..].starts_with("..");
            if !(c.is_ascii_alphanumeric() || c == '_' || point || exponent) {
                break;
            }
            previous = c;
            length += 1;
        }
        self.at += length;
        let written = &rest[..length];
        let digits = written.strip_prefix(['+', '-']).unwrap_or(written);
        let hexadecimal = digits.strip_prefix("0x");
        let lonely = |text: &str| {
            text.is_empty() || text.starts_with('_') || text.ends_with('_') || text.contains("__")
        };
        let plain: String = digits.chars().filter(|c| *c != '_').collect();
        let right = match hexadecimal {
            Some(digits) => {
                !lonely(digits) && plain[2..].bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            None if plain == INFINITE => true,
            None if plain.bytes().all(|byte| byte.is_ascii_digit()) => !lonely(digits),
            None => {
                digits.starts_with(|c: char| c.is_ascii_digit())
                    && plain
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
                    && plain.parse::<f64>().is_ok()
            }
        };
        if !right {
            return Err(Fault::new(start..self.at, Mistake::Number));
        }
        if hexadecimal.is_some() && plain.len() > 2 + MOST_HEX {
            let kind = Mistake::LongHex(plain.len() - 2);
            return Err(Fault::new(start..self.at, kind));
        }
        let sign = if written.starts_with('-') { "-" } else { "" };
        Ok(format!("{sign}{plain}"))
    }

    /// From the opening quote on.
    fn text_literal(&mut self) -> Result<Vec<u8>, Fault> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut at = start + 1;
        loop {
            let rest = &self.text[at..];
            let plain = rest.find(['"', '\\']).unwrap_or(rest.len());
            bytes.extend_from_slice(&rest.as_bytes()[..plain]);
            at += plain;
            let rest = &self.text[at..];
            if rest.is_empty() {
                return Err(Fault::new(start..start + 1, Mistake::OpenText));
            }
            if rest.starts_with('"') {
                self.at = at + 1;
                return Ok(bytes);
            }
            let (length, escaped) = escape(rest).ok_or_else(|| {
                let shown = rest.chars().nth(1).map_or(1, |c| 1 + c.len_utf8());
                Fault::new(at..at + shown, Mistake::Escape)
            })?;
            bytes.extend(escaped);
            at += length;
        }
    }
}

/// Reads a text literal in double quotes at the beginning of the text; with it comes how many bytes it takes.
///
/// # Errors
/// The first mistake in it.
pub fn text(text: &str) -> Result<(String, usize), Fault> {
    let mut lexer = Lexer::new(text);
    match lexer.next()? {
        (Token::Text(bytes), at) => Ok((utf8(bytes, &at)?, at.end)),
        (_, at) => Err(unexpected(at, "this", "text in double quotes")),
    }
}

/// The length of the block comment that the text begins with; those within it have their own ends (Candid, "Comments").
fn comment_length(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(sign) = text.as_bytes().get(at..at + 2) {
        match sign {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The length of an escape at the beginning of the text, and the bytes it stands for.
fn escape(text: &str) -> Option<(usize, Vec<u8>)> {
    let body = &text[1..];
    let simple = match body.chars().next()? {
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        c @ ('\\' | '"' | '\'') => Some(c as u8),
        _ => None,
    };
    if let Some(byte) = simple {
        return Some((2, vec![byte]));
    }
    if let Some(digits) = body.strip_prefix("u{") {
        let end = digits.find('}')?;
        let plain: String = digits[..end].chars().filter(|c| *c != '_').collect();
        let c = char::from_u32(hex(&plain)?)?;
        return Some((4 + end, c.to_string().into_bytes()));
    }
    let byte = u8::try_from(hex(body.get(..2)?)?).ok()?;
    Some((3, vec![byte]))
}

/// The number of these hex digits, which have no sign.
fn hex(digits: &str) -> Option<u32> {
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The length of the word that the text begins with.
fn word_length(text: &str, dashes: bool) -> usize {
    let mut length = 0;
    for (index, c) in text.char_indices() {
        let inside = c.is_ascii_digit() || (dashes && c == '-');
        if !(c.is_ascii_alphabetic() || c == '_' || (index > 0 && inside)) {
            break;
        }
        length = index + 1;
    }
    // A name does not end in a dash: `$a->` and `$a-` are the name `a`.
    text[..length].trim_end_matches('-').len()
}

/// A whole number in decimal digits.
pub(super) fn decimal(digits: &str) -> String {
    match digits.split_once("0x") {
        // No more than 32 hex digits are a number.
        Some((sign, hex)) => format!("{sign}{}", u128::from_str_radix(hex, 16).unwrap_or(0)),
        None => digits.to_owned(),
    }
}

pub(super) fn unexpected(at: Range<usize>, found: &str, expected: impl Into<String>) -> Fault {
    let kind = Mistake::Unexpected {
        found: (!found.is_empty()).then(|| found.to_owned()),
        expected: expected.into(),
    };
    Fault::new(at, kind)
}

pub(super) fn utf8(bytes: Vec<u8>, at: &Range<usize>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|_| {
        let kind = Mistake::Unexpected {
            found: Some("text that is not UTF-8".into()),
            expected: "UTF-8, or a `blob`".into(),
        };
        Fault::new(at.clone(), kind)
    })
}
