//! Values as text for people: with field names, on one line if they are short.
//!
//! Owns the layout and the dictionary of field names, since values carry only the names' hashes. What is printed reads
//! back as the same values.

use std::collections::BTreeMap;

use candid::types::value::{IDLArgs, IDLField, IDLValue};
use candid::types::{self, Type, TypeInner};

use super::did::Interface;
use super::value::{self, Kind, Value, blob, label, quoted};

/// Columns that a value on one line may take.
const WIDTH: usize = 80;

/// Names of fields by their hashes.
#[derive(Debug, Clone, Default)]
pub struct FieldNames(BTreeMap<u32, String>);

impl FieldNames {
    /// All names of an interface.
    pub fn of_interface(interface: &Interface) -> Self {
        let mut names = Self::default();
        for ty in interface.env.0.values() {
            names.add_type(ty);
        }
        for (_, function) in &interface.methods {
            for ty in function.args.iter().chain(&function.rets) {
                names.add_type(ty);
            }
        }
        names
    }

    /// Adds the names that stand in a value.
    pub fn add_value(&mut self, value: &Value) {
        match &value.kind {
            Kind::Opt(value) | Kind::Typed(value, _) => self.add_value(value),
            Kind::Vec(values) => values.iter().for_each(|value| self.add_value(value)),
            Kind::Record { fields, .. } => {
                for field in fields {
                    self.add_label(&field.label);
                    self.add_value(&field.value);
                }
            }
            Kind::Variant(case) => {
                self.add_label(&case.label);
                self.add_value(&case.value);
            }
            _ => {}
        }
    }

    /// Adds one name.
    pub fn add(&mut self, name: &str) {
        self.0.insert(candid::idl_hash(name), name.to_owned());
    }

    fn add_label(&mut self, label: &value::Label) {
        if let value::Label::Name(name) = label {
            self.add(name);
        }
    }

    fn add_type(&mut self, ty: &Type) {
        match ty.as_ref() {
            TypeInner::Opt(ty) | TypeInner::Vec(ty) => self.add_type(ty),
            TypeInner::Record(fields) | TypeInner::Variant(fields) => {
                for field in fields {
                    if let types::Label::Named(name) = field.id.as_ref() {
                        self.add(name);
                    }
                    self.add_type(&field.ty);
                }
            }
            _ => {}
        }
    }

    /// A label as text: its name if it is known, else the hash.
    pub(super) fn label(&self, id: &types::Label) -> String {
        match id {
            types::Label::Named(name) => label(name),
            types::Label::Id(hash) | types::Label::Unnamed(hash) => match self.0.get(hash) {
                Some(name) => label(name),
                None => hash.to_string(),
            },
        }
    }
}

/// Arguments in their parentheses, over several lines if they are long.
pub fn print_arguments(args: &IDLArgs, names: &FieldNames) -> String {
    let flat: Vec<String> = args
        .args
        .iter()
        .map(|arg| print_value(arg, names))
        .collect();
    let line = format!("({})", flat.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let broken: Vec<String> = args
        .args
        .iter()
        .map(|arg| format!("  {},\n", layout(arg, names, 2)))
        .collect();
    format!("(\n{})", broken.concat())
}

/// A value on one line.
pub(super) fn print_value(value: &IDLValue, names: &FieldNames) -> String {
    layout(value, names, 0).lines_joined()
}

trait LinesJoined {
    fn lines_joined(self) -> String;
}

impl LinesJoined for String {
    /// What the layout broke, in one line again. Line ends within texts are escaped, so all others are the layout's.
    fn lines_joined(self) -> String {
        if !self.contains('\n') {
            return self;
        }
        let lines: Vec<&str> = self.lines().map(str::trim).collect();
        lines.join(" ")
    }
}

fn layout(value: &IDLValue, names: &FieldNames, indent: usize) -> String {
    let typed = |number: String, ty: &str| format!("{number} : {ty}");
    match value {
        IDLValue::Bool(value) => value.to_string(),
        IDLValue::Null | IDLValue::None => "null".into(),
        IDLValue::Reserved => "null : reserved".into(),
        IDLValue::Text(text) => quoted(text),
        IDLValue::Number(digits) => digits.clone(),
        IDLValue::Int(n) => typed(n.to_string(), "int"),
        IDLValue::Nat(n) => typed(n.to_string(), "nat"),
        IDLValue::Nat8(n) => typed(n.to_string(), "nat8"),
        IDLValue::Nat16(n) => typed(candid::Nat::from(*n).to_string(), "nat16"),
        IDLValue::Nat32(n) => typed(candid::Nat::from(*n).to_string(), "nat32"),
        IDLValue::Nat64(n) => typed(candid::Nat::from(*n).to_string(), "nat64"),
        IDLValue::Int8(n) => typed(n.to_string(), "int8"),
        IDLValue::Int16(n) => typed(candid::Int::from(*n).to_string(), "int16"),
        IDLValue::Int32(n) => typed(candid::Int::from(*n).to_string(), "int32"),
        IDLValue::Int64(n) => typed(candid::Int::from(*n).to_string(), "int64"),
        IDLValue::Float32(n) => typed(format!("{n:?}"), "float32"),
        IDLValue::Float64(n) => typed(format!("{n:?}"), "float64"),
        IDLValue::Blob(bytes) => blob(bytes),
        IDLValue::Principal(id) => format!("principal \"{id}\""),
        IDLValue::Service(id) => format!("service \"{id}\""),
        IDLValue::Func(id, method) => format!("func \"{id}\".{}", label(method)),
        IDLValue::Opt(value) => {
            let inner = layout(value, names, indent);
            if inner.contains(" : ") && !inner.ends_with(['}', '"']) {
                format!("opt ({inner})")
            } else {
                format!("opt {inner}")
            }
        }
        IDLValue::Vec(values) => {
            let items = values.iter().map(|value| layout(value, names, indent + 2));
            braces("vec", items.collect(), indent)
        }
        IDLValue::Record(fields) => {
            let tuple = (0..).zip(fields).all(|(n, field)| field.id.get_id() == n);
            let item = |field: &IDLField| {
                let value = layout(&field.val, names, indent + 2);
                if tuple {
                    value
                } else {
                    format!("{} = {value}", names.label(&field.id))
                }
            };
            braces("record", fields.iter().map(item).collect(), indent)
        }
        IDLValue::Variant(case) => {
            let name = names.label(&case.0.id);
            let item = match &case.0.val {
                IDLValue::Null => name,
                value => format!("{name} = {}", layout(value, names, indent + 2)),
            };
            braces("variant", vec![item], indent)
        }
    }
}

/// `word { item; item }`, each on a line of its own if they do not fit into one.
fn braces(word: &str, items: Vec<String>, indent: usize) -> String {
    let width: usize = items.iter().map(|item| item.chars().count() + 2).sum();
    let flat = indent + word.len() + 4 + width <= WIDTH && !items.iter().any(|i| i.contains('\n'));
    if items.is_empty() {
        return format!("{word} {{}}");
    }
    if flat {
        return format!("{word} {{ {} }}", items.join("; "));
    }
    let inner = " ".repeat(indent + 2);
    let lines: Vec<String> = items
        .iter()
        .map(|item| format!("{inner}{item};\n"))
        .collect();
    format!("{word} {{\n{}{}}}", lines.concat(), " ".repeat(indent))
}
