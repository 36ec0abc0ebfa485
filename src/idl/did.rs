//! Interfaces: what `.did` files and the section `candid:service` of a module say.
//!
//! Owns definitions of types, the service with its methods, and the arguments of its initialization. Imports of other
//! files are refused: no module carries them.

use std::collections::BTreeSet;

use candid::TypeEnv;
use candid::types::{Function, Type, TypeInner};

use super::lexer::Token;
use super::mistake::{Fault, Mistake};
use super::nearest::nearest;
use super::parser::{Grammar, Parser};
use super::types;

/// What a canister understands.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    /// The types that have names.
    pub env: TypeEnv,
    /// The methods by name; all are functions.
    pub methods: Vec<(String, Function)>,
    /// The arguments of `canister_init`, if they are told.
    pub init: Option<Vec<Type>>,
}

impl Interface {
    /// Reads an interface, or only the arguments of an initialization in their parentheses.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser::new(text, Grammar::Values);
        let mut names = BTreeSet::new();
        let mut env = TypeEnv::new();
        loop {
            match parser.peek()? {
                (Token::Word(word), _) if word == "type" => {
                    parser.lexer.next()?;
                    let (token, at) = parser.lexer.next()?;
                    let Token::Word(name) = token else {
                        return Err(parser.wrong(at, "the name of a type"));
                    };
                    parser.expect("=")?;
                    let ty = types::datatype(&mut parser)?;
                    if env.0.insert(name.clone(), ty).is_some() {
                        return Err(Fault::new(at, Mistake::Duplicate(name)));
                    }
                    names.insert((at.start, at.end, name));
                    if !parser.take(";")? {
                        break;
                    }
                }
                (Token::Word(word), at) if word == "import" => {
                    return Err(parser.wrong(at, "an interface without imports"));
                }
                _ => break,
            }
        }
        let (actor, init) = actor(&mut parser)?;
        let all = env.0.values().chain(&actor).chain(init.iter().flatten());
        let known: Vec<String> = env.0.keys().cloned().collect();
        for ty in all {
            if let Some(name) = undefined(&env, ty) {
                let at = place_of(text, &name);
                let nearest = nearest(&name, known.iter().map(String::as_str));
                let nearest = nearest.map(str::to_owned);
                return Err(Fault::new(at, Mistake::UnknownType { name, nearest }));
            }
        }
        for (start, end, name) in names {
            let at = start..end;
            if env.rec_find_type(&name).is_err() {
                return Err(Fault::new(at, Mistake::CircularType(name)));
            }
        }
        let mut methods = Vec::new();
        if let Some(service) = &actor {
            let wrong = |what: &str| {
                let found = Some(what.to_owned());
                let expected = "a service of functions".into();
                Fault::new(0..text.len(), Mistake::Unexpected { found, expected })
            };
            for (name, ty) in env.as_service(service).map_err(|_| wrong("this service"))? {
                let function = env.as_func(ty).map_err(|_| wrong(name))?;
                methods.push((name.clone(), function.clone()));
            }
        }
        Ok(Self { env, methods, init })
    }

    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&Function> {
        let found = self.methods.iter().find(|(method, _)| method == name);
        found.map(|(_, function)| function)
    }

    /// With the arguments of the initialization from another text, which motoko keeps in a section `candid:args`. What
    /// that text calls a type is not mixed up with names of the service.
    pub fn with_init(mut self, other: Self) -> Self {
        if let Some(types) = other.init {
            let all = TypeInner::Record(
                (0..)
                    .zip(types)
                    .map(|(place, ty)| candid::types::Field {
                        id: candid::types::Label::Unnamed(place).into(),
                        ty,
                    })
                    .collect(),
            );
            if let TypeInner::Record(fields) = self.env.merge_type(other.env, all.into()).as_ref() {
                self.init = Some(fields.iter().map(|field| field.ty.clone()).collect());
            }
        }
        self
    }
}

/// What stands behind the definitions: the service with its initialization, or the latter only.
type Actor = (Option<Type>, Option<Vec<Type>>);

fn actor(parser: &mut Parser) -> Result<Actor, Fault> {
    let (token, at) = parser.peek()?;
    let actor = match token {
        Token::End => (None, None),
        Token::Sign("(") => (None, Some(types::tuple(parser)?)),
        Token::Word(word) if word == "service" => {
            parser.lexer.next()?;
            if let Token::Word(_) = parser.peek()?.0 {
                parser.lexer.next()?;
            }
            parser.expect(":")?;
            let init = match parser.peek()?.0 {
                Token::Sign("(") => {
                    let init = types::tuple(parser)?;
                    parser.expect("->")?;
                    Some(init)
                }
                _ => None,
            };
            let service = match parser.peek()?.0 {
                Token::Sign("{") => TypeInner::Service(types::methods(parser)?).into(),
                _ => types::datatype(parser)?,
            };
            (Some(service), init)
        }
        _ => return Err(parser.wrong(at, "`type`, `service` or the end")),
    };
    parser.take(";")?;
    match parser.lexer.next()? {
        (Token::End, _) => Ok(actor),
        (_, at) => Err(parser.wrong(at, "the end of the interface")),
    }
}

/// The first name in a type that is not defined.
pub(super) fn undefined(env: &TypeEnv, ty: &Type) -> Option<String> {
    let any = |types: &[Type]| types.iter().find_map(|ty| undefined(env, ty));
    match ty.as_ref() {
        TypeInner::Var(name) => (!env.0.contains_key(name)).then(|| name.clone()),
        TypeInner::Opt(ty) | TypeInner::Vec(ty) => undefined(env, ty),
        TypeInner::Record(fields) | TypeInner::Variant(fields) => {
            fields.iter().find_map(|field| undefined(env, &field.ty))
        }
        TypeInner::Func(function) => any(&function.args).or_else(|| any(&function.rets)),
        TypeInner::Service(methods) => methods.iter().find_map(|(_, ty)| undefined(env, ty)),
        _ => None,
    }
}

/// Where a word stands first.
fn place_of(text: &str, word: &str) -> std::ops::Range<usize> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let alone = |at: &usize| {
        !text[..*at].ends_with(inside) && !text[*at + word.len()..].starts_with(inside)
    };
    let found = text.match_indices(word).map(|(at, _)| at).find(alone);
    found.map_or(0..0, |at| at..at + word.len())
}
