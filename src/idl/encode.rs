//! Values to bytes: what value fits what type, and what type a value has of its own.
//!
//! Owns the fit, value by value, with the place of what does not fit. The wire format is the candid crate's.

use std::ops::Range;
use std::rc::Rc;

use candid::types::subtype::{Gamma, OptReport, subtype_with_config};
use candid::types::value::{IDLArgs, IDLField, IDLValue, VariantValue};
use candid::types::{Field as TypeField, Type, TypeInner};
use candid::{Int, Nat, Principal, TypeEnv};

use super::did::{Interface, undefined};
use super::lexer::{INFINITE, decimal};
use super::mistake::{Fault, Mistake};
use super::read::NO_NUMBER;
use super::value::{Field, Kind, Label, Value, written};

/// What the values are typed by.
#[derive(Debug, Clone)]
pub enum Fit {
    /// By themselves: an integer is an `int`, a vector has the type of its first element.
    Own,
    /// By the types of an interface.
    Types(Rc<Interface>, Vec<Type>),
}

/// Values that fit, ready to be encoded once the names are known.
#[derive(Debug, Clone)]
pub struct Argument {
    /// The values.
    pub values: Vec<Value>,
    fit: Fit,
    /// The place of the closing parenthesis.
    end: Range<usize>,
}

impl PartialEq for Argument {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Argument {
    /// Values that were not looked at yet; `end` is the place of the closing parenthesis.
    pub fn new(values: Vec<Value>, end: Range<usize>) -> Self {
        Self {
            values,
            fit: Fit::Own,
            end,
        }
    }

    /// Types the values.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn typed(&mut self, fit: Fit) -> Result<(), Fault> {
        self.fit = fit;
        self.values(&|_| Some(Principal::anonymous())).map(drop)
    }

    /// The bytes; `names` tells what a `$name` stands for.
    ///
    /// # Errors
    /// A value that does not fit, or a name that is not known.
    pub fn encode(&self, names: &dyn Fn(&str) -> Option<Principal>) -> Result<Vec<u8>, Fault> {
        let (env, types, values) = self.values(names)?;
        IDLArgs { args: values }
            .to_bytes_with_types(&env, &types)
            .map_err(|error| {
                let found = Some(error.to_string());
                let expected = "values that can be encoded".into();
                Fault::new(self.end.clone(), Mistake::Unexpected { found, expected })
            })
    }

    fn values(
        &self,
        names: &dyn Fn(&str) -> Option<Principal>,
    ) -> Result<(TypeEnv, Vec<Type>, Vec<IDLValue>), Fault> {
        let (env, types) = match &self.fit {
            Fit::Own => (TypeEnv::new(), self.values.iter().map(own_type).collect()),
            Fit::Types(interface, types) => (interface.env.clone(), types.clone()),
        };
        let typing = Typing { env: &env, names };
        for value in &self.values {
            typing.annotations(value)?;
        }
        if let Some(more) = self.values.get(types.len()) {
            let most = types.len();
            return Err(Fault::new(
                more.at.clone(),
                Mistake::SuperfluousArgument { most },
            ));
        }
        let mut values = Vec::new();
        for (index, ty) in types.iter().enumerate() {
            values.push(match self.values.get(index) {
                Some(value) => typing.fit(value, ty)?,
                None => typing.absent(ty).ok_or_else(|| {
                    let kind = Mistake::MissingArgument {
                        number: index + 1,
                        ty: typing.shown(ty),
                    };
                    Fault::new(self.end.clone(), kind)
                })?,
            });
        }
        Ok((env, types, values))
    }
}

/// The type a value has where no other tells.
fn own_type(value: &Value) -> Type {
    let inner = match &value.kind {
        Kind::Bool(_) => TypeInner::Bool,
        Kind::Null => TypeInner::Null,
        Kind::Number(digits) if is_integer(digits) => TypeInner::Int,
        Kind::Number(_) => TypeInner::Float64,
        Kind::Text(_) => TypeInner::Text,
        Kind::Blob(_) => TypeInner::Vec(TypeInner::Nat8.into()),
        Kind::Principal(_) | Kind::Name(_) => TypeInner::Principal,
        Kind::Service(_) => TypeInner::Service(Vec::new()),
        Kind::Func(..) => TypeInner::Func(candid::types::Function {
            modes: Vec::new(),
            args: Vec::new(),
            rets: Vec::new(),
        }),
        Kind::Opt(value) => TypeInner::Opt(own_type(value)),
        Kind::Vec(values) => {
            TypeInner::Vec(values.first().map_or(TypeInner::Empty.into(), own_type))
        }
        Kind::Record { fields, .. } => {
            let mut types: Vec<TypeField> = fields.iter().map(own_field).collect();
            types.sort_by_key(|field| field.id.get_id());
            TypeInner::Record(types)
        }
        Kind::Variant(case) => TypeInner::Variant(vec![own_field(case)]),
        Kind::Typed(_, ty) => return ty.clone(),
        Kind::Any => TypeInner::Reserved,
    };
    inner.into()
}

fn own_field(field: &Field) -> TypeField {
    let id = match &field.label {
        Label::Name(name) => candid::types::Label::Named(name.clone()),
        Label::Id(id) => candid::types::Label::Id(*id),
        Label::Place(id) => candid::types::Label::Unnamed(*id),
    };
    TypeField {
        id: id.into(),
        ty: own_type(&field.value),
    }
}

/// Whether a number has neither point nor exponent, and is one.
pub(super) fn is_integer(digits: &str) -> bool {
    digits.contains("0x") || digits.bytes().all(|c| c.is_ascii_digit() || c == b'-')
}

struct Typing<'a> {
    env: &'a TypeEnv,
    names: &'a dyn Fn(&str) -> Option<Principal>,
}

impl Typing<'_> {
    /// A type's text, of the definition if it is a name.
    fn shown(&self, ty: &Type) -> String {
        let traced = self.env.trace_type(ty).unwrap_or_else(|_| ty.clone());
        let text = written(&traced);
        if text.chars().count() <= 100 {
            return text;
        }
        text.chars().take(99).chain(['…']).collect()
    }

    /// What stands for an argument or a field that was left out.
    fn absent(&self, ty: &Type) -> Option<IDLValue> {
        match self.env.trace_type(ty).ok()?.as_ref() {
            TypeInner::Null => Some(IDLValue::Null),
            TypeInner::Opt(_) => Some(IDLValue::None),
            TypeInner::Reserved => Some(IDLValue::Reserved),
            _ => None,
        }
    }

    /// Whether what has a type written behind it is of that type, wherever it stands in the value.
    fn annotations(&self, value: &Value) -> Result<(), Fault> {
        match &value.kind {
            Kind::Typed(inner, own) => {
                if let Some(name) = undefined(self.env, own) {
                    let nearest = None;
                    let kind = Mistake::UnknownType { name, nearest };
                    return Err(Fault::new(value.at.clone(), kind));
                }
                self.annotations(inner)?;
                self.fit(inner, own).map(drop)
            }
            Kind::Opt(inner) => self.annotations(inner),
            Kind::Vec(values) => values.iter().try_for_each(|value| self.annotations(value)),
            Kind::Record { fields, .. } => {
                let mut values = fields.iter().map(|field| &field.value);
                values.try_for_each(|value| self.annotations(value))
            }
            Kind::Variant(case) => self.annotations(&case.value),
            _ => Ok(()),
        }
    }

    /// Whether all values of one type are values of another.
    fn is_subtype(&self, of: &Type, ty: &Type) -> bool {
        of == ty
            || subtype_with_config(OptReport::Silence, &mut Gamma::new(), self.env, of, ty).is_ok()
    }

    /// The value as one of a type. Types that are written behind values were looked at before.
    fn fit(&self, value: &Value, ty: &Type) -> Result<IDLValue, Fault> {
        let traced = self.env.trace_type(ty).map_err(|_| {
            let name = written(ty);
            let nearest = None;
            Fault::new(value.at.clone(), Mistake::UnknownType { name, nearest })
        })?;
        let wrong_as = |found: String| {
            let expected = self.shown(ty);
            let kind = Mistake::Type { found, expected };
            Err(Fault::new(value.at.clone(), kind))
        };
        let wrong = || wrong_as(described(&value.kind));
        if let Kind::Typed(inner, own) = &value.kind {
            if own == ty {
                return self.fit(inner, ty);
            }
            let told = || wrong_as(format!("a value of type {}", self.shown(own)));
            if !self.is_subtype(own, ty) {
                return told();
            }
            // A subtype may have more fields, or be what is within an `opt`.
            let value = self.fit(inner, own)?.annotate_type(false, self.env, ty);
            return value.or_else(|_| told());
        }
        Ok(match (&value.kind, traced.as_ref()) {
            (_, TypeInner::Reserved) => IDLValue::Reserved,
            (Kind::Null, TypeInner::Null) => IDLValue::Null,
            (Kind::Null, TypeInner::Opt(_)) => IDLValue::None,
            (Kind::Opt(value), TypeInner::Opt(ty)) => IDLValue::Opt(Box::new(self.fit(value, ty)?)),
            (Kind::Bool(value), TypeInner::Bool) => IDLValue::Bool(*value),
            (Kind::Text(text), TypeInner::Text) => IDLValue::Text(text.clone()),
            (Kind::Number(digits), _) => match number(digits, &traced) {
                Some(Ok(value)) => value,
                Some(Err(kind)) => return Err(Fault::new(value.at.clone(), kind)),
                None => return wrong(),
            },
            (Kind::Principal(_) | Kind::Name(_), TypeInner::Principal) => {
                IDLValue::Principal(self.principal(value)?)
            }
            // A name stands for a canister as well as for its id.
            (Kind::Principal(_) | Kind::Name(_), TypeInner::Service(_)) => {
                IDLValue::Service(self.principal(value)?)
            }
            (Kind::Service(of), TypeInner::Service(_)) => IDLValue::Service(self.principal(of)?),
            (Kind::Service(of), TypeInner::Principal) => IDLValue::Principal(self.principal(of)?),
            (Kind::Func(of, method), TypeInner::Func(_)) => {
                IDLValue::Func(self.principal(of)?, method.clone())
            }
            (Kind::Blob(bytes), TypeInner::Vec(element)) if self.is_byte(element) => {
                IDLValue::Blob(bytes.clone())
            }
            (Kind::Vec(values), TypeInner::Vec(element)) => {
                let mut fitted = Vec::with_capacity(values.len());
                for value in values {
                    fitted.push(self.fit(value, element).map_err(|fault| match fault.kind {
                        Mistake::Type { found, .. } if self.is_own(&traced, values) => {
                            Fault::new(fault.at, Mistake::MixedVector(found))
                        }
                        kind => Fault::new(fault.at, kind),
                    })?);
                }
                IDLValue::Vec(fitted)
            }
            (Kind::Record { fields, .. }, TypeInner::Record(types)) => {
                self.record(value, fields, types)?
            }
            (Kind::Variant(case), TypeInner::Variant(types)) => {
                let id = case.label.id();
                let found = types.iter().zip(0..).find(|(ty, _)| ty.id.get_id() == id);
                let Some((ty, index)) = found else {
                    return Err(unknown_field(case, types, false));
                };
                let field = IDLField {
                    id: ty.id.as_ref().clone(),
                    val: self.fit(&case.value, &ty.ty)?,
                };
                IDLValue::Variant(VariantValue(Box::new(field), index))
            }
            _ => return wrong(),
        })
    }

    /// Whether the vector's type was taken from its first element.
    fn is_own(&self, ty: &Type, values: &[Value]) -> bool {
        self.env.0.is_empty()
            && values.first().is_some_and(|first| {
                matches!(ty.as_ref(), TypeInner::Vec(element) if *element == own_type(first))
            })
    }

    fn is_byte(&self, ty: &Type) -> bool {
        let traced = self.env.trace_type(ty);
        traced.is_ok_and(|ty| *ty.as_ref() == TypeInner::Nat8)
    }

    fn record(
        &self,
        value: &Value,
        fields: &[Field],
        types: &[TypeField],
    ) -> Result<IDLValue, Fault> {
        let unknown = |field: &&Field| {
            let id = field.label.id();
            !types.iter().any(|ty| ty.id.get_id() == id)
        };
        if let Some(field) = fields.iter().find(unknown) {
            return Err(unknown_field(field, types, true));
        }
        let mut fitted = Vec::with_capacity(types.len());
        for ty in types {
            let id = ty.id.get_id();
            let val = match fields.iter().find(|field| field.label.id() == id) {
                Some(field) => self.fit(&field.value, &ty.ty)?,
                None => self.absent(&ty.ty).ok_or_else(|| {
                    let kind = Mistake::MissingField {
                        field: ty.id.to_string(),
                        ty: self.shown(&ty.ty),
                    };
                    Fault::new(value.at.start..value.at.start + "record".len(), kind)
                })?,
            };
            fitted.push(IDLField {
                id: ty.id.as_ref().clone(),
                val,
            });
        }
        Ok(IDLValue::Record(fitted))
    }

    fn principal(&self, value: &Value) -> Result<Principal, Fault> {
        match &value.kind {
            Kind::Principal(id) => Ok(*id),
            Kind::Name(name) => (self.names)(name).ok_or_else(|| {
                let (name, known) = (name.clone(), Vec::new());
                Fault::new(value.at.clone(), Mistake::UnknownName { name, known })
            }),
            // The parser makes only these two.
            _ => Ok(Principal::anonymous()),
        }
    }
}

fn unknown_field(field: &Field, types: &[TypeField], record: bool) -> Fault {
    let kind = Mistake::UnknownField {
        field: field.label.to_string(),
        record,
        known: types.iter().map(|ty| ty.id.to_string()).collect(),
    };
    Fault::new(field.at.clone(), kind)
}

/// A number of a type, `None` if the type has no numbers.
fn number(digits: &str, ty: &Type) -> Option<Result<IDLValue, Mistake>> {
    let whole = decimal(digits);
    macro_rules! bounded {
        ($kind:ident, $rust:ty) => {
            whole.parse::<$rust>().map(IDLValue::$kind).map_err(|_| {
                let (ty, least, most) = (written(ty), <$rust>::MIN, <$rust>::MAX);
                let (least, most) = (least.to_string(), most.to_string());
                Mistake::Range { ty, least, most }
            })
        };
    }
    let unbounded = |least: &str| Mistake::Range {
        ty: written(ty),
        least: least.into(),
        most: "any number".into(),
    };
    let floats = matches!(ty.as_ref(), TypeInner::Float32 | TypeInner::Float64);
    if !is_integer(digits) && !floats {
        return None;
    }
    Some(match ty.as_ref() {
        TypeInner::Nat => Nat::parse(whole.as_bytes())
            .map(IDLValue::Nat)
            .map_err(|_| unbounded("0")),
        TypeInner::Int => Int::parse(whole.as_bytes())
            .map(IDLValue::Int)
            .map_err(|_| unbounded("any number")),
        TypeInner::Nat8 => bounded!(Nat8, u8),
        TypeInner::Nat16 => bounded!(Nat16, u16),
        TypeInner::Nat32 => bounded!(Nat32, u32),
        TypeInner::Nat64 => bounded!(Nat64, u64),
        TypeInner::Int8 => bounded!(Int8, i8),
        TypeInner::Int16 => bounded!(Int16, i16),
        TypeInner::Int32 => bounded!(Int32, i32),
        TypeInner::Int64 => bounded!(Int64, i64),
        TypeInner::Float32 => whole
            .parse()
            .map(IDLValue::Float32)
            .map_err(|_| Mistake::Number),
        TypeInner::Float64 => whole
            .parse()
            .map(IDLValue::Float64)
            .map_err(|_| Mistake::Number),
        _ => return None,
    })
}

/// What a value is, in words.
fn described(kind: &Kind) -> String {
    match kind {
        Kind::Bool(_) => "a bool".into(),
        Kind::Null => "`null`".into(),
        Kind::Number(digits) if is_integer(digits) => "a number".into(),
        Kind::Number(word) if word.ends_with(INFINITE) || word == NO_NUMBER => format!("`{word}`"),
        Kind::Number(_) => "a number with a point".into(),
        Kind::Text(_) => "a text".into(),
        Kind::Blob(_) => "a blob".into(),
        Kind::Principal(_) => "a principal".into(),
        Kind::Name(name) => format!("`${name}`, a principal,"),
        Kind::Service(_) => "a service".into(),
        Kind::Func(..) => "a function".into(),
        Kind::Opt(_) => "an `opt`".into(),
        Kind::Vec(_) => "a vector".into(),
        Kind::Record { .. } => "a record".into(),
        Kind::Variant(_) => "a variant".into(),
        Kind::Typed(value, _) => described(&value.kind),
        Kind::Any => "`_`".into(),
    }
}
