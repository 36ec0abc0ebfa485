//! JSON whose fields keep their order, in one line or laid out for people.

use std::fmt;

/// A JSON value to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    String(String),
    /// `[ … ]`
    Array(Vec<Json>),
    /// `{ … }`, in this order.
    Object(Vec<(&'static str, Json)>),
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(items: I) -> Self {
        Self::Array(items.into_iter().collect())
    }
}

/// Without blanks, as machines read it.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Array(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (n, (key, value)) in fields.iter().enumerate() {
                    write!(
                        f,
                        "{}{}:{value}",
                        if n == 0 { "" } else { "," },
                        quoted(key)
                    )?;
                }
                f.write_str("}")
            }
            scalar => f.write_str(&scalar.one_line()),
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => truth.into(),
            Json::Number(number) => number.into(),
            Json::String(text) => text.into(),
            Json::Array(items) => items.into_iter().map(Self::from).collect(),
            Json::Object(fields) => {
                let fields = fields.into_iter();
                fields
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect()
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Longer lines are broken.
const WIDTH: usize = 80;

impl Json {
    /// Laid out for people: in one line while that is short.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, indent: usize, out: &mut String) {
        let line = self.one_line();
        if indent + line.len() <= WIDTH {
            out.push_str(&line);
            return;
        }
        let inner = indent + 2;
        let separate = |n: usize, out: &mut String| {
            if n == 0 {
                out.push(' ');
            } else {
                out.push_str(",\n");
                out.extend(std::iter::repeat_n(' ', inner));
            }
        };
        match self {
            Self::Object(fields) => {
                out.push('{');
                for (n, (key, value)) in fields.iter().enumerate() {
                    separate(n, out);
                    out.push_str(&format!("{}: ", quoted(key)));
                    value.write(inner, out);
                }
                out.push_str(" }");
            }
            Self::Array(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    separate(n, out);
                    item.write(inner, out);
                }
                out.push_str(" ]");
            }
            _ => out.push_str(&line),
        }
    }

    fn one_line(&self) -> String {
        let list = |items: Vec<String>, open: &str, close: &str| {
            if items.is_empty() {
                format!("{open}{close}")
            } else {
                format!("{open} {} {close}", items.join(", "))
            }
        };
        match self {
            Self::Null => "null".into(),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::String(text) => quoted(text),
            Self::Array(items) => list(items.iter().map(Self::one_line).collect(), "[", "]"),
            Self::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quoted(key), value.one_line()));
                list(fields.collect(), "{", "}")
            }
        }
    }
}
