//! Expressions as people write them: `Pair 1 (Some "a")`, `{ Elt 0x00 1 ; Elt 0x01 2 }`.

use num_bigint::BigInt;
use thiserror::Error;

use super::{Expr, number};

/// A mistake in a Michelson text, with the byte it is at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} at character {}", at + 1)]
pub struct TextError {
    /// Counted from 0, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

/// Deeper expressions are refused.
const MAX_DEPTH: usize = 1000;

/// Reads one expression; nothing may follow it.
pub fn parse(text: &str) -> Result<Expr, TextError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let expr = parser.application()?;
    parser.blanks()?;
    match parser.peek() {
        None => Ok(expr),
        Some(c) => parser.fail(format!("unexpected `{c}`")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, what: impl Into<String>) -> Result<T, TextError> {
        Err(TextError {
            at: self.at,
            what: what.into(),
        })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Blanks and comments: `# … end of line`, `/* … */`.
    fn blanks(&mut self) -> Result<(), TextError> {
        loop {
            self.word(char::is_whitespace);
            let rest = &self.text[self.at..];
            if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.fail("a comment that does not end"),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// A primitive with arguments, or a single expression.
    fn application(&mut self) -> Result<Expr, TextError> {
        self.blanks()?;
        let mut expr = self.single()?;
        if let Expr::Prim(_, args, annotations) = &mut expr {
            loop {
                self.blanks()?;
                match self.peek() {
                    None | Some(')' | '}' | ';') => break,
                    Some('%' | '@' | ':') if args.is_empty() => {
                        let word = self.word(|c| !c.is_whitespace() && !"(){};\"".contains(c));
                        annotations.push(word.to_owned());
                    }
                    Some(_) => args.push(self.single()?),
                }
            }
        }
        Ok(expr)
    }

    fn single(&mut self) -> Result<Expr, TextError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("too deep");
        }
        let expr = match self.peek() {
            None => self.fail("unexpected end"),
            Some('(') => {
                self.at += 1;
                let expr = self.application()?;
                self.blanks()?;
                if self.eat(')') {
                    Ok(expr)
                } else {
                    self.fail("expected `)`")
                }
            }
            Some('{') => self.sequence(),
            Some('"') => self.string(),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            Some(c) if c.is_ascii_alphabetic() => {
                let start = self.at;
                let word = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
                match number(word) {
                    Some(prim) => Ok(Expr::Prim(prim, Vec::new(), Vec::new())),
                    None => Err(TextError {
                        at: start,
                        what: format!("unknown primitive `{word}`"),
                    }),
                }
            }
            Some(c) => self.fail(format!("unexpected `{c}`")),
        };
        self.depth -= 1;
        expr
    }

    fn sequence(&mut self) -> Result<Expr, TextError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks()?;
            if self.eat('}') {
                return Ok(Expr::Sequence(items));
            }
            items.push(self.application()?);
            self.blanks()?;
            if !self.eat(';') && self.peek() != Some('}') {
                return self.fail("expected `;` or `}`");
            }
        }
    }

    fn string(&mut self) -> Result<Expr, TextError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else {
                return self.fail("a string that does not end");
            };
            if c == '\n' {
                return self.fail("a line break in a string");
            }
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(Expr::String(out.into_bytes())),
                '\\' => {
                    let escape = self.peek();
                    out.push(match escape {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('b') => '\u{8}',
                        Some('r') => '\r',
                        Some(c @ ('\\' | '"')) => c,
                        _ => return self.fail("unknown escape"),
                    });
                    self.at += 1;
                }
                c => out.push(c),
            }
        }
    }

    fn number(&mut self) -> Result<Expr, TextError> {
        if self.text[self.at..].starts_with("0x") {
            self.at += 2;
            let start = self.at;
            let digits = self.word(|c| c.is_ascii_alphanumeric());
            return hex::decode(digits).map(Expr::Bytes).map_err(|_| TextError {
                at: start,
                what: "expected pairs of hexadecimal digits".into(),
            });
        }
        let start = self.at;
        self.eat('-');
        self.word(|c| c.is_ascii_digit());
        match self.text[start..self.at].parse::<BigInt>() {
            Ok(number) => Ok(Expr::Int(number)),
            Err(_) => self.fail("expected a digit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_a_place() {
        for (text, at, what) in [
            ("", 0, "unexpected end"),
            ("Pair 1 (", 8, "unexpected end"),
            ("Pair 1 )", 7, "unexpected `)`"),
            ("Foo", 0, "unknown primitive `Foo`"),
            ("0xabc", 2, "expected pairs of hexadecimal digits"),
            ("\"a", 2, "a string that does not end"),
            ("\"\\q\"", 2, "unknown escape"),
            ("{1 2}", 3, "expected `;` or `}`"),
            ("-", 1, "expected a digit"),
            ("1 2", 2, "unexpected `2`"),
            ("/* x", 0, "a comment that does not end"),
        ] {
            assert_eq!(
                parse(text),
                Err(TextError {
                    at,
                    what: what.into()
                }),
                "{text}"
            );
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"{".repeat(100_000)).is_err());
    }

    #[test]
    fn comments_and_blanks_do_not_count() {
        assert_eq!(parse(" Pair 1 # one\n /* two */ 2 "), parse("Pair 1 2"));
        assert_eq!(parse("{1;2;}"), parse("{ 1 ; 2 }"));
    }
}
