//! Values as text for people: with field names, on one line if they are short.
//!
//! Owns the layout and the dictionary of field names, since values carry only the names' hashes. What is printed reads
//! back as the same values.

use std::collections::BTreeMap;

use candid::types::value::{IDLArgs, IDLValue};
use candid::types::{self, Type, TypeInner};

use super::did::Interface;
use super::value::{self, Kind, Value, blob, label, quoted};

/// Columns that a value on one line may take.
const WIDTH: usize = 80;

/// Names of fields by their hashes.
#[derive(Debug, Clone, Default)]
pub struct FieldNames(BTreeMap<u32, String>);

impl FieldNames {
    /// Adds all names of an interface.
    pub fn add_interface(&mut self, interface: &Interface) {
        for ty in interface.env.0.values() {
            self.add_type(ty);
        }
        for (_, function) in &interface.methods {
            for ty in function.args.iter().chain(&function.rets) {
                self.add_type(ty);
            }
        }
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

    /// Adds the names that stand in a type.
    pub fn add_type(&mut self, ty: &Type) {
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
    pub(crate) fn label(&self, id: &types::Label) -> String {
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
    let mut text = String::from("(");
    let mut line = Line::new(&mut text, WIDTH - 2);
    let mut items = args.args.iter().enumerate();
    let fits = items
        .all(|(n, arg)| (n == 0 || line.put(", ").is_some()) && line.value(arg, names).is_some());
    if fits {
        text.push(')');
        return text;
    }
    text.truncate(1);
    text.push('\n');
    for arg in &args.args {
        text.push_str("  ");
        layout(arg, names, 2, &mut text);
        text.push_str(",\n");
    }
    text.push(')');
    text
}

/// A value on one line.
pub(super) fn print_value(value: &IDLValue, names: &FieldNames) -> String {
    let mut text = String::new();
    layout(value, names, 0, &mut text);
    if !text.contains('\n') {
        return text;
    }
    // Line ends within texts are escaped, so all others are the layout's.
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ")
}

/// Text on one line that has room for so many characters. Nobody who looks whether something fits reads on behind the
/// last of them, so that values in values are not printed as often as they are nested.
struct Line<'a> {
    text: &'a mut String,
    room: usize,
}

impl<'a> Line<'a> {
    fn new(text: &'a mut String, room: usize) -> Self {
        Line { text, room }
    }

    /// Adds a text; nothing if there is no room.
    fn put(&mut self, text: &str) -> Option<()> {
        self.room = self.room.checked_sub(text.chars().count())?;
        self.text.push_str(text);
        Some(())
    }

    /// Adds a value; nothing if there is no room, and then a part of it may stand there.
    fn value(&mut self, value: &IDLValue, names: &FieldNames) -> Option<()> {
        let (before, value, after) = options(value, self.room)?;
        self.put(&before)?;
        match items(value, names) {
            None => self.put(&plain(value, self.room)?)?,
            Some((word, items)) => {
                self.put(word)?;
                for (n, (label, value)) in items.enumerate() {
                    self.put(if n == 0 { " { " } else { "; " })?;
                    self.put(&label)?;
                    if let Some(value) = value {
                        self.value(value, names)?;
                    }
                }
                self.put(" }")?;
            }
        }
        self.put(&after)
    }
}

/// Writes a value that begins behind so many columns, each of its items on a line of its own if they do not fit into one.
fn layout(value: &IDLValue, names: &FieldNames, indent: usize, text: &mut String) {
    let Some((before, value, after)) = options(value, usize::MAX) else {
        return;
    };
    text.push_str(&before);
    match items(value, names) {
        None => text.extend(plain(value, usize::MAX)),
        Some((word, items)) => {
            let begin = text.len();
            let room = WIDTH.saturating_sub(indent + 1);
            if Line::new(text, room).value(value, names).is_none() {
                text.truncate(begin);
                text.push_str(word);
                text.push_str(" {\n");
                for (label, value) in items {
                    margin(indent + 2, text);
                    text.push_str(&label);
                    if let Some(value) = value {
                        layout(value, names, indent + 2, text);
                    }
                    text.push_str(";\n");
                }
                margin(indent, text);
                text.push('}');
            }
        }
    }
    text.push_str(&after);
}

/// Blanks at the beginning of a line. What is nested deeper than a line is long moves no further.
fn margin(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent.min(WIDTH)));
}

/// What is within `opt`s, and what stands before and behind it; nothing if that alone takes more characters than there is
/// room for.
fn options(mut value: &IDLValue, room: usize) -> Option<(String, &IDLValue, String)> {
    let mut depth = 0;
    while let IDLValue::Opt(inner) = value {
        depth += 1;
        value = inner;
        if depth > room {
            return None;
        }
    }
    let parentheses = match value {
        IDLValue::Vec(_) | IDLValue::Record(_) | IDLValue::Variant(_) => false,
        value => is_typed(value),
    };
    Some(match parentheses {
        true => ("opt (".repeat(depth), value, ")".repeat(depth)),
        false => ("opt ".repeat(depth), value, String::new()),
    })
}

/// Whether a value is printed with its type behind it.
fn is_typed(value: &IDLValue) -> bool {
    !matches!(
        value,
        IDLValue::Bool(_)
            | IDLValue::Null
            | IDLValue::None
            | IDLValue::Text(_)
            | IDLValue::Number(_)
            | IDLValue::Blob(_)
            | IDLValue::Principal(_)
            | IDLValue::Service(_)
            | IDLValue::Func(..)
    )
}

/// What stands in the braces of a value: labels, with what belongs to a value before it, and values.
type Items<'a> = Box<dyn Iterator<Item = (String, Option<&'a IDLValue>)> + 'a>;

/// The word before the braces of a value, and what stands in them; nothing if the value has none or they are empty.
fn items<'a>(value: &'a IDLValue, names: &'a FieldNames) -> Option<(&'static str, Items<'a>)> {
    match value {
        IDLValue::Vec(values) if !values.is_empty() => {
            let items = values.iter().map(|value| (String::new(), Some(value)));
            Some(("vec", Box::new(items)))
        }
        IDLValue::Record(fields) if !fields.is_empty() => {
            let tuple = (0..).zip(fields).all(|(n, field)| field.id.get_id() == n);
            let items = fields.iter().map(move |field| {
                let label = match tuple {
                    true => String::new(),
                    false => format!("{} = ", names.label(&field.id)),
                };
                (label, Some(&field.val))
            });
            Some(("record", Box::new(items)))
        }
        IDLValue::Variant(case) => {
            let name = names.label(&case.0.id);
            let item = match &case.0.val {
                IDLValue::Null => (name, None),
                value => (format!("{name} = "), Some(value)),
            };
            Some(("variant", Box::new(std::iter::once(item))))
        }
        _ => None,
    }
}

/// A value without others in it; nothing if it is certain that there is no room for so many characters.
fn plain(value: &IDLValue, room: usize) -> Option<String> {
    let typed = |number: String, ty: &str| format!("{number} : {ty}");
    let long = match value {
        IDLValue::Text(text) => text.len() / 4,
        IDLValue::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    if long > room {
        return None;
    }
    Some(match value {
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
        IDLValue::Vec(_) => "vec {}".into(),
        IDLValue::Record(_) => "record {}".into(),
        IDLValue::Variant(_) => "variant {}".into(),
        IDLValue::Opt(_) => "opt".into(),
    })
}
