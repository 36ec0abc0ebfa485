//! Text to values: the arguments in their parentheses, as values or as a pattern.
//!
//! Owns the grammar of values. Types behind a colon are read by `types`; what type a value has is not asked here.

use candid::Principal;

use super::lexer::{INFINITE, Token, utf8};
use super::mistake::{Fault, Mistake};
use super::parser::{Grammar, Parser};
use super::types;
use super::value::{Field, Kind, Label, Value};

/// What is printed and written for a float that is no number.
pub(super) const NO_NUMBER: &str = "NaN";

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

impl Parser<'_> {
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
                INFINITE | NO_NUMBER => Kind::Number(word),
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
}
