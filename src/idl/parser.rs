//! Text to values: the arguments in their parentheses, as values or as a pattern.
//!
//! Owns the grammar of values. Types behind a colon are read by `types`; what type a value has is not asked here.

use std::ops::Range;

use candid::Principal;

use super::lexer::{Lexer, Token, unexpected};
use super::mistake::{Fault, Mistake};
use super::value::{Field, Kind, Label, Value};
use super::{MAX_DEPTH, types};

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Values.
    Values,
    /// Values in which `_` and `..` may stand.
    Patterns,
}

/// Reads `( value, … )` at the beginning of the text; with the values comes how many bytes they take. The text may go
/// on behind the closing parenthesis.
///
/// # Errors
/// The first mistake.
pub fn arguments(text: &str, grammar: Grammar) -> Result<(Vec<Value>, usize), Fault> {
    let mut parser = Parser::new(text, grammar);
    let values = parser.arguments()?;
    Ok((values, parser.lexer.offset()))
}

/// A recursive descent over the tokens.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    grammar: Grammar,
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

    fn arguments(&mut self) -> Result<Vec<Value>, Fault> {
        self.expect("(")?;
        let mut values = Vec::new();
        while !self.take(")")? {
            values.push(self.annotated()?);
            if !self.take(",")? {
                let (token, at) = self.lexer.next()?;
                if token != Token::Sign(")") {
                    return Err(self.wrong(at, "`,` or `)`"));
                }
                break;
            }
        }
        Ok(values)
    }

    /// A value, perhaps with its type behind a colon.
    fn annotated(&mut self) -> Result<Value, Fault> {
        let value = self.value()?;
        if !self.take(":")? {
            return Ok(value);
        }
        let ty = types::datatype(self)?;
        let at = value.at.start..self.lexer.offset();
        Ok(Value {
            kind: Kind::Typed(Box::new(value), ty),
            at,
        })
    }

    fn value(&mut self) -> Result<Value, Fault> {
        let (token, at) = self.lexer.next()?;
        let kind = match token {
            Token::Number(digits) => Kind::Number(digits),
            Token::Text(bytes) => Kind::Text(utf8(bytes, &at)?),
            Token::Name(name) => Kind::Name(name),
            Token::Sign("(") => {
                let value = self.deeper(&at, Self::annotated)?;
                self.expect(")")?;
                return Ok(Value {
                    at: at.start..self.lexer.offset(),
                    ..value
                });
            }
            Token::Word(word) => match word.as_str() {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                "null" => Kind::Null,
                "_" if self.grammar == Grammar::Patterns => Kind::Any,
                "_" => return Err(Fault::new(at, Mistake::Pattern)),
                "opt" => Kind::Opt(Box::new(self.deeper(&at, Self::value)?)),
                "blob" => match self.lexer.next()? {
                    (Token::Text(bytes), _) => Kind::Blob(bytes),
                    (_, at) => return Err(self.wrong(at, "a text literal")),
                },
                "principal" => return self.principal(at.start),
                "service" => Kind::Service(Box::new(self.principal(at.start)?)),
                "func" => {
                    let of = self.principal(at.start)?;
                    self.expect(".")?;
                    Kind::Func(Box::new(of), self.method()?)
                }
                "vec" => Kind::Vec(self.deeper(&at, Self::elements)?),
                "record" => self.deeper(&at, Self::record)?,
                "variant" => self.deeper(&at, Self::variant)?,
                _ => return Err(self.wrong(at, "a value")),
            },
            _ => return Err(self.wrong(at, "a value")),
        };
        Ok(Value {
            kind,
            at: at.start..self.lexer.offset(),
        })
    }

    /// What follows `principal`, `service` or `func`: a text literal or a name.
    fn principal(&mut self, start: usize) -> Result<Value, Fault> {
        let (token, at) = self.lexer.next()?;
        let kind = match token {
            Token::Name(name) => Kind::Name(name),
            Token::Text(bytes) => {
                let text = utf8(bytes, &at)?;
                Kind::Principal(Principal::from_text(&text).map_err(|error| {
                    Fault::new(at.clone(), Mistake::Principal(error.to_string()))
                })?)
            }
            _ => return Err(self.wrong(at, "a principal in double quotes, or a `$name`")),
        };
        Ok(Value {
            kind,
            at: start..at.end,
        })
    }

    fn method(&mut self) -> Result<String, Fault> {
        match self.lexer.next()? {
            (Token::Word(name), _) => Ok(name),
            (Token::Text(bytes), at) => utf8(bytes, &at),
            (_, at) => Err(self.wrong(at, "a method name")),
        }
    }

    fn elements(&mut self) -> Result<Vec<Value>, Fault> {
        self.expect("{")?;
        let mut values = Vec::new();
        while !self.take("}")? {
            values.push(self.annotated()?);
            self.separator()?;
        }
        Ok(values)
    }

    fn record(&mut self) -> Result<Kind, Fault> {
        self.expect("{")?;
        let mut fields: Vec<Field> = Vec::new();
        let mut open = false;
        let mut place = 0u32;
        while !self.take("}")? {
            let (token, at) = self.peek()?;
            if token == Token::Sign("..") {
                if self.grammar == Grammar::Values {
                    return Err(Fault::new(at, Mistake::Pattern));
                }
                self.lexer.next()?;
                open = true;
                self.take(";")?;
                self.expect("}")?;
                break;
            }
            let field = match self.label("=")? {
                Some((label, at)) => Field {
                    label,
                    at,
                    value: self.annotated()?,
                },
                None => {
                    let value = self.annotated()?;
                    Field {
                        label: Label::Place(place),
                        at: value.at.clone(),
                        value,
                    }
                }
            };
            place = field.label.id().wrapping_add(1);
            let id = field.label.id();
            if fields.iter().any(|other| other.label.id() == id) {
                return Err(Fault::new(
                    field.at,
                    Mistake::Duplicate(field.label.to_string()),
                ));
            }
            fields.push(field);
            self.separator()?;
        }
        Ok(Kind::Record { fields, open })
    }

    fn variant(&mut self) -> Result<Kind, Fault> {
        self.expect("{")?;
        let field = match self.label("=")? {
            Some((label, at)) => Field {
                label,
                at,
                value: self.annotated()?,
            },
            None => {
                let (label, at) = self.any_label()?;
                let value = Value {
                    kind: Kind::Null,
                    at: at.clone(),
                };
                Field { label, at, value }
            }
        };
        self.take(";")?;
        self.expect("}")?;
        Ok(Kind::Variant(Box::new(field)))
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
            Token::Number(digits) => match digits.parse() {
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

pub(super) fn utf8(bytes: Vec<u8>, at: &Range<usize>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|_| {
        let kind = Mistake::Unexpected {
            found: Some("text that is not UTF-8".into()),
            expected: "UTF-8, or a `blob`".into(),
        };
        Fault::new(at.clone(), kind)
    })
}
