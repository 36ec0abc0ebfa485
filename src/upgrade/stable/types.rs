//! Types of Motoko as stable signatures have them.
//!
//! Owns the tree, its text on one line, and the replacing of parameters. What is a subtype of what is not known here.

use std::collections::BTreeMap;
use std::fmt;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A name with arguments: defined in the signature, a parameter, or known to everybody, such as `Nat`.
    Named(String, Vec<Type>),
    /// `?T`
    Opt(Box<Type>),
    /// `weak T`
    Weak(Box<Type>),
    /// `[T]`, or `[var T]` if it can change.
    Array(bool, Box<Type>),
    /// `(T, U)`; none is the unit.
    Tuple(Vec<Type>),
    /// `{ … }`, with the word before it: none, `actor`, `module` or `object`.
    Object(String, Vec<Field>),
    /// `{ #a : T; … }`
    Variant(Vec<Field>),
    /// `T -> U`, with the words before it: none, or `shared` with what kind.
    Function(String, Box<Type>, Box<Type>),
    /// `async T`
    Async(Box<Type>),
}

/// A field or a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Without the `#` of a case.
    pub name: String,
    /// Whether it can change.
    pub var: bool,
    /// The unit for a case without a type.
    pub ty: Type,
}

/// Definitions: parameters and body by the name.
pub(super) type Definitions = BTreeMap<String, (Vec<String>, Type)>;

impl Type {
    pub(super) fn unit() -> Self {
        Type::Tuple(Vec::new())
    }

    /// With types in the places of parameters.
    pub(super) fn with(&self, arguments: &BTreeMap<&str, &Type>) -> Type {
        let boxed = |ty: &Type| Box::new(ty.with(arguments));
        let all = |types: &[Type]| types.iter().map(|ty| ty.with(arguments)).collect();
        let fields = |fields: &[Field]| {
            let field = |field: &Field| Field {
                ty: field.ty.with(arguments),
                ..field.clone()
            };
            fields.iter().map(field).collect()
        };
        match self {
            Type::Named(name, own) if own.is_empty() && arguments.contains_key(&**name) => {
                arguments[&**name].clone()
            }
            Type::Named(name, own) => Type::Named(name.clone(), all(own)),
            Type::Opt(ty) => Type::Opt(boxed(ty)),
            Type::Weak(ty) => Type::Weak(boxed(ty)),
            Type::Array(var, ty) => Type::Array(*var, boxed(ty)),
            Type::Tuple(types) => Type::Tuple(all(types)),
            Type::Object(word, own) => Type::Object(word.clone(), fields(own)),
            Type::Variant(own) => Type::Variant(fields(own)),
            Type::Function(words, from, to) => {
                Type::Function(words.clone(), boxed(from), boxed(to))
            }
            Type::Async(ty) => Type::Async(boxed(ty)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[Type]| -> fmt::Result {
            for (index, ty) in types.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{ty}")?;
            }
            Ok(())
        };
        match self {
            Type::Named(name, arguments) if arguments.is_empty() => f.write_str(name),
            Type::Named(name, arguments) => {
                write!(f, "{name}<")?;
                list(f, arguments)?;
                f.write_str(">")
            }
            Type::Opt(ty) => write!(f, "?{ty}"),
            Type::Weak(ty) => write!(f, "weak {ty}"),
            Type::Array(var, ty) => write!(f, "[{}{ty}]", if *var { "var " } else { "" }),
            Type::Tuple(types) => {
                f.write_str("(")?;
                list(f, types)?;
                f.write_str(")")
            }
            Type::Object(word, fields) => {
                let space = if word.is_empty() { "" } else { " " };
                write!(f, "{word}{space}{{")?;
                for (index, field) in fields.iter().enumerate() {
                    let semicolon = if index == 0 { "" } else { "; " };
                    let var = if field.var { "var " } else { "" };
                    write!(f, "{semicolon}{var}{} : {}", field.name, field.ty)?;
                }
                f.write_str("}")
            }
            Type::Variant(cases) => {
                f.write_str("{")?;
                for (index, case) in cases.iter().enumerate() {
                    let semicolon = if index == 0 { "" } else { "; " };
                    write!(f, "{semicolon}#{}", case.name)?;
                    if case.ty != Type::unit() {
                        write!(f, " : {}", case.ty)?;
                    }
                }
                // An empty variant would read as an empty object.
                f.write_str(if cases.is_empty() { "#}" } else { "}" })
            }
            Type::Function(words, from, to) => {
                let space = if words.is_empty() { "" } else { " " };
                write!(f, "{words}{space}{from} -> {to}")
            }
            Type::Async(ty) => write!(f, "async {ty}"),
        }
    }
}
