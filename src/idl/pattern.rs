//! Values against a pattern.
//!
//! Owns what is equal: numbers by their value whatever their type, labels by their hash, `_` to everything, a record
//! with `..` to one with more fields. How a difference is drawn is not known here.

use std::ops::Range;

use candid::Principal;
use candid::types::value::{IDLArgs, IDLField, IDLValue};
use candid::types::{Type, TypeInner};

use super::encode::is_integer;
use super::lexer::decimal;
use super::print::{FieldNames, print_value};
use super::value::{Kind, Value};

/// A place where the values are not as the pattern has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The place in the pattern's text.
    pub at: Range<usize>,
    /// What the pattern has there.
    pub expected: String,
    /// What is there, as Candid text.
    pub actual: String,
}

/// Compares values with a pattern; `end` is the place of its closing parenthesis, where what is missing is told.
pub fn compare(
    pattern: &[Value],
    end: &Range<usize>,
    actual: &IDLArgs,
    fields: &FieldNames,
    names: &dyn Fn(&str) -> Option<Principal>,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        fields,
        names,
        found: Vec::new(),
    };
    for (index, value) in pattern.iter().enumerate() {
        match actual.args.get(index) {
            Some(actual) => comparison.value(value, actual),
            None => comparison.differ(value, value.to_string(), "nothing".into()),
        }
    }
    for more in actual.args.iter().skip(pattern.len()) {
        let actual = print_value(more, fields);
        comparison.found.push(Difference {
            at: end.clone(),
            expected: "nothing more".into(),
            actual,
        });
    }
    comparison.found
}

struct Comparison<'a> {
    fields: &'a FieldNames,
    names: &'a dyn Fn(&str) -> Option<Principal>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn differ(&mut self, pattern: &Value, expected: String, actual: String) {
        self.found.push(Difference {
            at: pattern.at.clone(),
            expected,
            actual,
        });
    }

    fn value(&mut self, pattern: &Value, actual: &IDLValue) {
        let equal = match (&pattern.kind, actual) {
            (Kind::Any, _) => true,
            (Kind::Null, actual) => {
                matches!(actual, IDLValue::Null | IDLValue::None | IDLValue::Reserved)
            }
            (Kind::Bool(pattern), IDLValue::Bool(actual)) => pattern == actual,
            (Kind::Text(pattern), IDLValue::Text(actual)) => pattern == actual,
            (Kind::Number(digits), actual) => same_number(digits, actual),
            (Kind::Principal(_) | Kind::Name(_), IDLValue::Principal(actual))
            | (Kind::Principal(_) | Kind::Name(_), IDLValue::Service(actual)) => {
                self.principal(pattern) == Some(*actual)
            }
            (Kind::Service(of), IDLValue::Service(actual) | IDLValue::Principal(actual)) => {
                self.principal(of) == Some(*actual)
            }
            (Kind::Func(of, method), IDLValue::Func(actual, name)) => {
                self.principal(of) == Some(*actual) && method == name
            }
            (Kind::Blob(pattern), IDLValue::Blob(actual)) => pattern == actual,
            (Kind::Blob(pattern), IDLValue::Vec(actual)) => pattern.is_empty() && actual.is_empty(),
            (Kind::Opt(pattern), IDLValue::Opt(actual)) => return self.value(pattern, actual),
            (Kind::Vec(pattern), IDLValue::Vec(actual)) if pattern.len() == actual.len() => {
                return self.elements(pattern, actual);
            }
            (Kind::Vec(pattern), IDLValue::Blob(actual)) if pattern.len() == actual.len() => {
                let bytes: Vec<IDLValue> = actual.iter().copied().map(IDLValue::Nat8).collect();
                return self.elements(pattern, &bytes);
            }
            (Kind::Record { .. }, IDLValue::Record(actual)) => {
                return self.record(pattern, actual);
            }
            (Kind::Variant(case), IDLValue::Variant(actual))
                if case.label.id() == actual.0.id.get_id() =>
            {
                return self.value(&case.value, &actual.0.val);
            }
            (Kind::Typed(value, ty), actual) if is_of(actual, ty) => {
                return self.value(value, actual);
            }
            _ => false,
        };
        if !equal {
            let shown = print_value(actual, self.fields);
            self.differ(pattern, pattern.to_string(), shown);
        }
    }

    fn elements(&mut self, pattern: &[Value], actual: &[IDLValue]) {
        for (pattern, actual) in pattern.iter().zip(actual) {
            self.value(pattern, actual);
        }
    }

    fn record(&mut self, pattern: &Value, actual: &[IDLField]) {
        let Kind::Record { fields, open } = &pattern.kind else {
            return;
        };
        for field in fields {
            let id = field.label.id();
            match actual.iter().find(|actual| actual.id.get_id() == id) {
                Some(actual) => self.value(&field.value, &actual.val),
                None if field.value.kind == Kind::Null => {}
                None => self.found.push(Difference {
                    at: field.at.clone(),
                    expected: format!("{} = {}", field.label, field.value),
                    actual: "no such field".into(),
                }),
            }
        }
        if *open {
            return;
        }
        for more in actual {
            let id = more.id.get_id();
            if !fields.iter().any(|field| field.label.id() == id) {
                let name = self.fields.label(&more.id);
                let value = print_value(&more.val, self.fields);
                self.found.push(Difference {
                    at: pattern.at.start..pattern.at.start + "record".len(),
                    expected: "no further fields (`..` would allow them)".into(),
                    actual: format!("{name} = {value}"),
                });
            }
        }
    }

    fn principal(&self, pattern: &Value) -> Option<Principal> {
        match &pattern.kind {
            Kind::Principal(id) => Some(*id),
            Kind::Name(name) => (self.names)(name),
            _ => None,
        }
    }
}

/// Whether a value is of a type, as far as it tells: an empty vector is one of anything.
fn is_of(value: &IDLValue, ty: &Type) -> bool {
    match (value, ty.as_ref()) {
        (_, TypeInner::Reserved | TypeInner::Var(_)) => true,
        (IDLValue::Null | IDLValue::None, TypeInner::Opt(_) | TypeInner::Null) => true,
        (IDLValue::Opt(value), TypeInner::Opt(ty)) => is_of(value, ty),
        (IDLValue::Vec(values), TypeInner::Vec(ty)) => values.iter().all(|value| is_of(value, ty)),
        (IDLValue::Blob(bytes), TypeInner::Vec(ty)) => {
            let first = bytes.first();
            first.is_none_or(|byte| is_of(&IDLValue::Nat8(*byte), ty))
        }
        (IDLValue::Record(fields), TypeInner::Record(types)) => types.iter().all(|ty| {
            let id = ty.id.get_id();
            let field = fields.iter().find(|field| field.id.get_id() == id);
            is_of(field.map_or(&IDLValue::Null, |field| &field.val), &ty.ty)
        }),
        (IDLValue::Variant(case), TypeInner::Variant(types)) => types
            .iter()
            .any(|ty| ty.id.get_id() == case.0.id.get_id() && is_of(&case.0.val, &ty.ty)),
        (IDLValue::Service(_), TypeInner::Service(_))
        | (IDLValue::Func(..), TypeInner::Func(_)) => true,
        (value, _) => value.value_ty() == *ty,
    }
}

/// Whether written digits are this number.
fn same_number(digits: &str, actual: &IDLValue) -> bool {
    let float = decimal(digits);
    let same = |actual: String| {
        whole(digits).is_some_and(|whole| {
            candid::Int::parse(whole.as_bytes()).ok() == candid::Int::parse(actual.as_bytes()).ok()
        })
    };
    match actual {
        IDLValue::Nat(n) => same(n.0.to_string()),
        IDLValue::Int(n) => same(n.0.to_string()),
        IDLValue::Nat8(n) => same(n.to_string()),
        IDLValue::Nat16(n) => same(n.to_string()),
        IDLValue::Nat32(n) => same(n.to_string()),
        IDLValue::Nat64(n) => same(n.to_string()),
        IDLValue::Int8(n) => same(n.to_string()),
        IDLValue::Int16(n) => same(n.to_string()),
        IDLValue::Int32(n) => same(n.to_string()),
        IDLValue::Int64(n) => same(n.to_string()),
        IDLValue::Float32(n) => float
            .parse::<f32>()
            .is_ok_and(|number| number == *n || number.is_nan() && n.is_nan()),
        IDLValue::Float64(n) => float
            .parse::<f64>()
            .is_ok_and(|number| number == *n || number.is_nan() && n.is_nan()),
        _ => false,
    }
}

/// The decimal digits of a number that is whole, however it is written: `5.0` and `50e-1` are 5.
fn whole(digits: &str) -> Option<String> {
    /// More digits than any number has that somebody writes with a point.
    const MOST: usize = 1_000;
    if is_integer(digits) {
        return Some(decimal(digits));
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [before, after].concat();
    if !all.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    if all.bytes().all(|c| c == b'0') {
        return Some("0".to_owned());
    }
    let point = isize::try_from(before.len()).ok()?;
    let point = point.checked_add(exponent.parse().ok()?)?;
    let point = usize::try_from(point).ok().filter(|point| *point <= MOST)?;
    let kept = &all[..point.min(all.len())];
    let is_whole = all[kept.len()..].bytes().all(|c| c == b'0');
    is_whole.then(|| format!("{sign}{kept:0<point$}"))
}
