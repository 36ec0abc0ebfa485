//! Values against a pattern.
//!
//! Owns what is equal: numbers by their value whatever their type, labels by their hash, `_` to everything, a record
//! with `..` to one with more fields. How a difference is drawn is not known here.

use std::ops::Range;

use candid::Principal;
use candid::types::value::{IDLArgs, IDLField, IDLValue};

use super::encode::{decimal, is_integer};
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
            (Kind::Typed(value, ty), actual) => {
                let own = actual.value_ty();
                if own != *ty && super::types::is_primitive(ty) {
                    false
                } else {
                    return self.value(value, actual);
                }
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

/// Whether written digits are this number.
fn same_number(digits: &str, actual: &IDLValue) -> bool {
    let float = |actual: f64| digits.parse::<f64>().is_ok_and(|number| number == actual);
    let whole = |actual: String| {
        is_integer(digits)
            && candid::Int::parse(decimal(digits).as_bytes()).ok()
                == candid::Int::parse(actual.as_bytes()).ok()
    };
    match actual {
        IDLValue::Nat(n) => whole(n.0.to_string()),
        IDLValue::Int(n) => whole(n.0.to_string()),
        IDLValue::Nat8(n) => whole(n.to_string()),
        IDLValue::Nat16(n) => whole(n.to_string()),
        IDLValue::Nat32(n) => whole(n.to_string()),
        IDLValue::Nat64(n) => whole(n.to_string()),
        IDLValue::Int8(n) => whole(n.to_string()),
        IDLValue::Int16(n) => whole(n.to_string()),
        IDLValue::Int32(n) => whole(n.to_string()),
        IDLValue::Int64(n) => whole(n.to_string()),
        IDLValue::Float32(n) => digits.parse::<f32>().is_ok_and(|number| number == *n),
        IDLValue::Float64(n) => float(*n),
        _ => false,
    }
}
