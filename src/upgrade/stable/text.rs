//! The types of a stable signature, from their texts.
//!
//! Owns the grammar of types (language manual, "Types"). What fields and definitions a signature has is read by
//! `stable_types`; what fits what is not asked here.

use super::chain::Migration;
use super::types::{Definitions, Field, Type};
use crate::stable_types;

/// How deep types may be nested.
const MAX_DEPTH: usize = 200;

/// A signature whose types were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Signature {
    /// Its types.
    pub types: Definitions,
    /// Its chain of migrations, if it has one.
    pub chain: Vec<Migration>,
    /// What the actor takes over from the version before, if it has no chain.
    pub before: Vec<Field>,
    /// What it leaves to the version after.
    pub after: Vec<Field>,
    /// All of `before` must be there, since a migration function works on it.
    pub migrates: bool,
}

impl Signature {
    /// Reads a signature.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let read = stable_types::Signature::parse(text).map_err(|fault| fault.to_string())?;
        let mut types = Definitions::new();
        for definition in &read.types {
            let mut reader = Reader::of(&definition.name);
            let name = reader.word()?;
            let parameters = reader.parameters()?;
            types.insert(name, (parameters, ty(&definition.ty)?));
        }
        let fields = |fields: &[stable_types::Field]| -> Result<Vec<Field>, String> {
            let field = |field: &stable_types::Field| {
                Ok(Field {
                    name: field.name.clone(),
                    var: field.mutable,
                    ty: ty(&field.ty)?,
                })
            };
            fields.iter().map(field).collect()
        };
        let after = fields(&read.fields)?;
        let migration = |migration: &stable_types::Definition| {
            Migration::of(&migration.name, ty(&migration.ty)?)
        };
        let chain: Vec<Migration> = read
            .migrations
            .iter()
            .map(migration)
            .collect::<Result<_, _>>()?;
        Ok(Signature {
            types,
            before: match &read.before {
                Some(before) => fields(before)?,
                None => after.clone(),
            },
            after,
            migrates: read.before.is_some() || !chain.is_empty(),
            chain,
        })
    }
}

/// A type from all of its text.
fn ty(text: &str) -> Result<Type, String> {
    let mut reader = Reader::of(text);
    let ty = reader.ty()?;
    match reader.peek() {
        "" => Ok(ty),
        other => Err(format!("`{other}` behind a type")),
    }
}

/// Words, numbers and signs, without blanks and comments.
fn tokens(text: &str) -> Vec<String> {
    const SIGNS: [&str; 4] = ["->", "<:", "//", "async*"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
        let length = match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(&"//") => {
                let end = rest.find('\n').unwrap_or(rest.len());
                rest = rest[end..].trim_start();
                continue;
            }
            Some(sign) => sign.len(),
            None if inside(first) => rest.find(|c| !inside(c)).unwrap_or(rest.len()),
            None => first.len_utf8(),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Reader {
    tokens: Vec<String>,
    next: usize,
    depth: usize,
}

impl Reader {
    fn of(text: &str) -> Self {
        Reader {
            tokens: tokens(text),
            next: 0,
            depth: 0,
        }
    }

    /// The next token; nothing at the end.
    fn peek(&self) -> &str {
        self.tokens.get(self.next).map_or("", String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let is = self.peek() == token;
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            return Ok(());
        }
        Err(match self.peek() {
            "" => format!("it ends where `{token}` should be"),
            found => format!("`{found}` where `{token}` should be"),
        })
    }

    fn word(&mut self) -> Result<String, String> {
        let word = self.peek().to_owned();
        if word.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            self.next += 1;
            return Ok(word);
        }
        Err(match &*word {
            "" => "it ends where a name should be".to_owned(),
            found => format!("`{found}` where a name should be"),
        })
    }

    /// The parameters behind the name of a definition; their bounds mean nothing here.
    fn parameters(&mut self) -> Result<Vec<String>, String> {
        let mut parameters = Vec::new();
        if self.take("<") {
            while !self.take(">") {
                parameters.push(self.word()?);
                if self.take("<:") {
                    self.ty()?;
                }
                self.take(",");
            }
        }
        Ok(parameters)
    }

    /// `var name : type`
    fn field(&mut self) -> Result<Field, String> {
        let var = self.take("var");
        let name = self.word()?;
        self.expect(":")?;
        let ty = self.ty()?;
        Ok(Field { name, var, ty })
    }

    fn ty(&mut self) -> Result<Type, String> {
        let mut words = Vec::new();
        if self.take("shared") {
            words.push("shared");
            if self.take("composite") {
                words.push("composite");
            }
            if self.take("query") {
                words.push("query");
            }
        }
        let mut from = self.simple()?;
        // Parameters of a function stand before its arguments.
        if self.take("->") {
            let to = self.ty()?;
            return Ok(Type::Function(words.join(" "), from.into(), to.into()));
        }
        match words.is_empty() {
            true => {
                if let "and" | "or" = self.peek() {
                    // Both sides are compared as they are written.
                    let word = self.peek().to_owned();
                    self.next += 1;
                    let other = self.ty()?;
                    from = Type::Named(format!("{from} {word} {other}"), Vec::new());
                }
                Ok(from)
            }
            false => Err("a shared function without `->`".to_owned()),
        }
    }

    fn simple(&mut self) -> Result<Type, String> {
        if self.depth == MAX_DEPTH {
            return Err(format!("a type is nested deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let ty = self.innermost();
        self.depth -= 1;
        ty
    }

    /// All but functions.
    fn innermost(&mut self) -> Result<Type, String> {
        if self.take("?") {
            return Ok(Type::Opt(self.simple()?.into()));
        }
        if self.take("async") || self.take("async*") {
            return Ok(Type::Async(self.simple()?.into()));
        }
        if self.take("weak") {
            return Ok(Type::Weak(self.simple()?.into()));
        }
        if self.take("[") {
            let var = self.take("var");
            let ty = self.ty()?;
            self.expect("]")?;
            return Ok(Type::Array(var, ty.into()));
        }
        if self.take("(") {
            return self.tuple();
        }
        if self.peek() == "{" {
            return self.braces(String::new());
        }
        let word = self.word()?;
        if matches!(&*word, "actor" | "module" | "object") && self.peek() == "{" {
            return self.braces(word);
        }
        let mut name = word;
        while self.take(".") {
            name = format!("{name}.{}", self.word()?);
        }
        let mut arguments = Vec::new();
        if self.take("<") {
            while !self.take(">") {
                arguments.push(self.ty()?);
                if !self.take(",") {
                    self.expect(">")?;
                    break;
                }
            }
        }
        Ok(Type::Named(name, arguments))
    }

    fn tuple(&mut self) -> Result<Type, String> {
        let mut types = Vec::new();
        while !self.take(")") {
            // Arguments may have names, which mean nothing.
            if self
                .tokens
                .get(self.next + 1)
                .is_some_and(|next| next == ":")
            {
                self.next += 2;
            }
            types.push(self.ty()?);
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(match types.len() {
            1 => types.remove(0),
            _ => Type::Tuple(types),
        })
    }

    fn braces(&mut self, word: String) -> Result<Type, String> {
        self.expect("{")?;
        let mut fields = Vec::new();
        let mut cases = Vec::new();
        if self.take("#") && self.take("}") {
            return Ok(Type::Variant(cases));
        }
        // The sign of the first case is taken already.
        let mut case = self.next > 0 && self.tokens[self.next - 1] == "#";
        while case || !self.take("}") {
            if case || self.take("#") {
                case = false;
                let name = self.word()?;
                let ty = match self.take(":") {
                    true => self.ty()?,
                    false => Type::unit(),
                };
                let var = false;
                cases.push(Field { name, var, ty });
            } else if self.take("type") {
                self.word()?;
                self.expect("=")?;
                self.ty()?;
            } else {
                fields.push(self.field()?);
            }
            if !self.take(";") {
                self.expect("}")?;
                break;
            }
        }
        match (fields.is_empty(), cases.is_empty()) {
            (_, true) => Ok(Type::Object(word, fields)),
            (true, false) => Ok(Type::Variant(cases)),
            (false, false) => Err("fields and cases in the same braces".to_owned()),
        }
    }
}
