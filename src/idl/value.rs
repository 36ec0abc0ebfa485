//! Values as they were written: not yet of a type, with their places, and as patterns.
//!
//! Owns the tree and its printed form, which reads back as the same tree. Two trees are equal whatever their places.

use std::fmt;
use std::ops::Range;

use candid::Principal;
use candid::types::Type;

/// A value and where it stands in the text.
#[derive(Debug, Clone)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

impl Value {
    /// Moves all places: the text began so many bytes behind the beginning of its file.
    pub fn shift(&mut self, bytes: usize) {
        let move_range = |at: &mut Range<usize>| *at = at.start + bytes..at.end + bytes;
        move_range(&mut self.at);
        match &mut self.kind {
            Kind::Service(value)
            | Kind::Func(value, _)
            | Kind::Opt(value)
            | Kind::Typed(value, _) => value.shift(bytes),
            Kind::Vec(values) => values.iter_mut().for_each(|value| value.shift(bytes)),
            Kind::Record { fields, .. } => {
                for field in fields {
                    move_range(&mut field.at);
                    field.value.shift(bytes);
                }
            }
            Kind::Variant(case) => {
                move_range(&mut case.at);
                case.value.shift(bytes);
            }
            _ => {}
        }
    }

    /// All names in the value, with their places.
    pub fn names<'a>(&'a self, found: &mut Vec<(&'a str, Range<usize>)>) {
        match &self.kind {
            Kind::Name(name) => found.push((name, self.at.clone())),
            Kind::Service(value)
            | Kind::Func(value, _)
            | Kind::Opt(value)
            | Kind::Typed(value, _) => value.names(found),
            Kind::Vec(values) => values.iter().for_each(|value| value.names(found)),
            Kind::Record { fields, .. } => {
                fields.iter().for_each(|field| field.value.names(found));
            }
            Kind::Variant(case) => case.value.names(found),
            _ => {}
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A number: sign and digits, hex digits behind `0x`, or with point or exponent.
    Number(String),
    /// `"…"`.
    Text(String),
    /// `blob "…"`.
    Blob(Vec<u8>),
    /// `principal "…"`.
    Principal(Principal),
    /// `$name`: the principal that the name stands for.
    Name(String),
    /// `service "…"` or `service $name`.
    Service(Box<Value>),
    /// `func "…".method`.
    Func(Box<Value>, String),
    /// `opt …`.
    Opt(Box<Value>),
    /// `vec { … }`.
    Vec(Vec<Value>),
    /// `record { … }`, with its fields in order of their places.
    Record {
        /// Label, its place, value.
        fields: Vec<Field>,
        /// Whether `..` stands for further fields.
        open: bool,
    },
    /// `variant { … }`.
    Variant(Box<Field>),
    /// `(… : type)`.
    Typed(Box<Value>, Type),
    /// `_`.
    Any,
}

/// A field of a record, or the case of a variant.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its label.
    pub label: Label,
    /// Where that stands.
    pub at: Range<usize>,
    /// Its value; `null` for a case without.
    pub value: Value,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label && self.value == other.value
    }
}

/// The label of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// A name.
    Name(String),
    /// A number: the hash of a name, or the place in a tuple.
    Id(u32),
    /// No label: the field's place in a tuple.
    Place(u32),
}

impl Label {
    /// What stands for the label in encoded values (Candid, "Records": hash of the name).
    pub fn id(&self) -> u32 {
        match self {
            Self::Name(name) => candid::idl_hash(name),
            Self::Id(id) | Self::Place(id) => *id,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&label(name)),
            Self::Id(id) | Self::Place(id) => write!(f, "{id}"),
        }
    }
}

/// A field name as it is written: in quotes unless it is a word.
pub(super) fn label(name: &str) -> String {
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && !KEYWORDS.contains(&name);
    if word { name.to_owned() } else { quoted(name) }
}

/// Words that cannot be field names without quotes.
const KEYWORDS: [&str; 37] = [
    "null",
    "bool",
    "nat",
    "int",
    "nat8",
    "nat16",
    "nat32",
    "nat64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
    "text",
    "reserved",
    "empty",
    "opt",
    "vec",
    "record",
    "variant",
    "func",
    "service",
    "oneway",
    "query",
    "composite_query",
    "blob",
    "principal",
    "type",
    "import",
    "true",
    "false",
    "_",
    "default",
    "class",
    "async",
    "future",
];

/// Whether a character cannot be seen and does something where it is shown: control characters, what terminals take for line
/// breaks, and what turns the direction of writing.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text literal that reads back as this text.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_hidden(c) => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A blob literal's inside: printable ASCII as it is, all other bytes as `\HH`.
pub(super) fn blob(bytes: &[u8]) -> String {
    let mut quoted = String::from("blob \"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            byte => quoted.push_str(&format!("\\{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Null => f.write_str("null"),
            Kind::Number(digits) => f.write_str(digits),
            Kind::Text(text) => f.write_str(&quoted(text)),
            Kind::Blob(bytes) => f.write_str(&blob(bytes)),
            Kind::Principal(id) => write!(f, "principal \"{id}\""),
            Kind::Name(name) => write!(f, "${name}"),
            Kind::Service(of) => write!(f, "service {}", reference(of)),
            Kind::Func(of, method) => write!(f, "func {}.{}", reference(of), label(method)),
            Kind::Opt(value) => write!(f, "opt {value}"),
            Kind::Vec(values) => {
                f.write_str("vec {")?;
                for value in values {
                    write!(f, " {value};")?;
                }
                f.write_str(" }")
            }
            Kind::Record { fields, open } => {
                f.write_str("record {")?;
                for field in fields {
                    match &field.label {
                        Label::Place(_) => write!(f, " {};", field.value)?,
                        label => write!(f, " {label} = {};", field.value)?,
                    }
                }
                f.write_str(if *open { " .. }" } else { " }" })
            }
            Kind::Variant(case) if case.value.kind == Kind::Null => {
                write!(f, "variant {{ {} }}", case.label)
            }
            Kind::Variant(case) => write!(f, "variant {{ {} = {} }}", case.label, case.value),
            Kind::Typed(value, ty) => write!(f, "({value} : {})", written(ty)),
            Kind::Any => f.write_str("_"),
        }
    }
}

/// A principal behind `service` or `func`.
fn reference(value: &Value) -> String {
    match &value.kind {
        Kind::Principal(id) => format!("\"{id}\""),
        _ => value.to_string(),
    }
}

/// A type's text on one line.
pub(super) fn written(ty: &Type) -> String {
    let text = ty.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
