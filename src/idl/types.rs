//! Types of Candid as text.
//!
//! Owns the grammar of types, as it stands behind a colon in values and in interfaces. Definitions of names are `did`'s.

use candid::types::{Field, FuncMode, Function, Type, TypeInner};

use super::lexer::Token;
use super::mistake::{Fault, Mistake};
use super::parser::Parser;
use super::value::Label;

/// Reads a type.
pub(super) fn datatype(parser: &mut Parser) -> Result<Type, Fault> {
    let (token, at) = parser.lexer.next()?;
    let Token::Word(word) = token else {
        return Err(parser.wrong(at, "a type"));
    };
    let inner = match word.as_str() {
        "null" => TypeInner::Null,
        "bool" => TypeInner::Bool,
        "nat" => TypeInner::Nat,
        "int" => TypeInner::Int,
        "nat8" => TypeInner::Nat8,
        "nat16" => TypeInner::Nat16,
        "nat32" => TypeInner::Nat32,
        "nat64" => TypeInner::Nat64,
        "int8" => TypeInner::Int8,
        "int16" => TypeInner::Int16,
        "int32" => TypeInner::Int32,
        "int64" => TypeInner::Int64,
        "float32" => TypeInner::Float32,
        "float64" => TypeInner::Float64,
        "text" => TypeInner::Text,
        "reserved" => TypeInner::Reserved,
        "empty" => TypeInner::Empty,
        "principal" => TypeInner::Principal,
        "blob" => TypeInner::Vec(TypeInner::Nat8.into()),
        "opt" => TypeInner::Opt(parser.deeper(&at, datatype)?),
        "vec" => TypeInner::Vec(parser.deeper(&at, datatype)?),
        "record" => TypeInner::Record(parser.deeper(&at, |parser| fields(parser, true))?),
        "variant" => TypeInner::Variant(parser.deeper(&at, |parser| fields(parser, false))?),
        "func" => TypeInner::Func(parser.deeper(&at, function)?),
        "service" => TypeInner::Service(parser.deeper(&at, methods)?),
        _ => TypeInner::Var(word),
    };
    Ok(inner.into())
}

/// `{ label : type; … }`; a record's field without label is a place of a tuple, a case without type is `null`.
fn fields(parser: &mut Parser, record: bool) -> Result<Vec<Field>, Fault> {
    parser.expect("{")?;
    let mut fields: Vec<Field> = Vec::new();
    let mut place = 0u32;
    while !parser.take("}")? {
        let at = parser.peek()?.1;
        let (label, ty) = match parser.label(":")? {
            Some((label, _)) => (label, datatype(parser)?),
            None if record => (Label::Place(place), datatype(parser)?),
            None => (parser.any_label()?.0, TypeInner::Null.into()),
        };
        place = label.id().wrapping_add(1);
        let id = match label {
            Label::Name(name) => candid::types::Label::Named(name),
            Label::Id(id) => candid::types::Label::Id(id),
            Label::Place(id) => candid::types::Label::Unnamed(id),
        };
        if fields.iter().any(|other| *other.id == id) {
            return Err(Fault::new(at, Mistake::Duplicate(id.to_string())));
        }
        fields.push(Field { id: id.into(), ty });
        parser.separator()?;
    }
    fields.sort_by_key(|field| field.id.get_id());
    Ok(fields)
}

/// `(type, …) -> (type, …) mode …`.
pub(super) fn function(parser: &mut Parser) -> Result<Function, Fault> {
    let args = tuple(parser)?;
    parser.expect("->")?;
    let rets = tuple(parser)?;
    let mut modes = Vec::new();
    while let (Token::Word(word), at) = parser.peek()? {
        modes.push(match word.as_str() {
            "query" => FuncMode::Query,
            "composite_query" => FuncMode::CompositeQuery,
            "oneway" => FuncMode::Oneway,
            _ => return Err(parser.wrong(at, "`query`, `composite_query`, `oneway` or `;`")),
        });
        parser.lexer.next()?;
    }
    Ok(Function { modes, args, rets })
}

/// `(type, …)`, where each may have a name before a colon, which means nothing.
pub(super) fn tuple(parser: &mut Parser) -> Result<Vec<Type>, Fault> {
    parser.expect("(")?;
    let mut types = Vec::new();
    while !parser.take(")")? {
        parser.label(":")?;
        types.push(datatype(parser)?);
        if !parser.take(",")? {
            parser.expect(")")?;
            break;
        }
    }
    Ok(types)
}

/// `{ method : function; … }`, by name; a function's type may have a name.
pub(super) fn methods(parser: &mut Parser) -> Result<Vec<(String, Type)>, Fault> {
    parser.expect("{")?;
    let mut methods: Vec<(String, Type)> = Vec::new();
    while !parser.take("}")? {
        let (label, at) = match parser.label(":")? {
            Some(label) => label,
            None => {
                let at = parser.peek()?.1;
                return Err(parser.wrong(at, "a method name with `:` behind it"));
            }
        };
        let name = match label {
            Label::Name(name) => name,
            _ => return Err(parser.wrong(at, "a method name")),
        };
        let ty = match parser.peek()?.0 {
            Token::Word(name) => {
                parser.lexer.next()?;
                TypeInner::Var(name).into()
            }
            _ => TypeInner::Func(parser.deeper(&at, function)?).into(),
        };
        if methods.iter().any(|(other, _)| *other == name) {
            return Err(Fault::new(at, Mistake::Duplicate(name)));
        }
        methods.push((name, ty));
        parser.separator()?;
    }
    methods.sort();
    Ok(methods)
}
