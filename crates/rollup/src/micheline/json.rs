//! Expressions as JSON, the way Tezos tools write them: `{"prim": "Unit"}`, `{"int": "0"}`.

use serde_json::{Value, json};

use super::{Expr, name};

/// The JSON of an expression.
pub fn to_json(expr: &Expr) -> Value {
    match expr {
        Expr::Int(number) => json!({ "int": number.to_string() }),
        Expr::String(text) => json!({ "string": String::from_utf8_lossy(text) }),
        Expr::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
        Expr::Sequence(items) => items.iter().map(to_json).collect(),
        Expr::Prim(prim, args, annotations) => {
            let mut object = json!({ "prim": name(*prim).unwrap_or("?") });
            if !args.is_empty() {
                object["args"] = args.iter().map(to_json).collect();
            }
            if !annotations.is_empty() {
                object["annots"] = json!(annotations);
            }
            object
        }
    }
}

/// The same, laid out for people: objects of one line while they are short.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

/// Lines longer than this are broken.
const WIDTH: usize = 80;

fn write(value: &Value, indent: usize, out: &mut String) {
    let line = one_line(value);
    if indent + line.len() <= WIDTH {
        out.push_str(&line);
        return;
    }
    let inner = indent + 2;
    let pad = |out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', inner));
    };
    match value {
        Value::Object(fields) => {
            out.push('{');
            for (n, (key, value)) in fields.iter().enumerate() {
                if n == 0 { out.push(' ') } else { out.push(','); pad(out) }
                out.push_str(&format!("{}: ", json!(key)));
                write(value, inner, out);
            }
            out.push_str(" }");
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n == 0 { out.push(' ') } else { out.push(','); pad(out) }
                write(item, inner, out);
            }
            out.push_str(" ]");
        }
        _ => out.push_str(&line),
    }
}

fn one_line(value: &Value) -> String {
    let list = |items: Vec<String>, open: &str, close: &str| {
        if items.is_empty() {
            format!("{open}{close}")
        } else {
            format!("{open} {} {close}", items.join(", "))
        }
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{}: {}", json!(key), one_line(value)));
            list(fields.collect(), "{", "}")
        }
        Value::Array(items) => list(items.iter().map(one_line).collect(), "[", "]"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micheline::text::parse;

    #[test]
    fn short_expressions_take_one_line_and_long_ones_are_indented() {
        let json = |text: &str| pretty(&to_json(&parse(text).unwrap()));
        assert_eq!(json("Unit"), r#"{ "prim": "Unit" }"#);
        assert_eq!(json("{}"), "[]");
        assert_eq!(
            json("Pair 1 0xff"),
            r#"{ "prim": "Pair", "args": [ { "int": "1" }, { "bytes": "ff" } ] }"#
        );
        assert_eq!(
            json("Pair (Pair \"aaaaaaaaaaaaaaaaaaaaaaaa\" \"bbbbbbbbbbbbbbbbbbbbbbb\") 1"),
            "{ \"prim\": \"Pair\",\n  \"args\": [ { \"prim\": \"Pair\",\n      \"args\": [ { \"string\": \"aaaaaaaaaaaaaaaaaaaaaaaa\" },\n        \
             { \"string\": \"bbbbbbbbbbbbbbbbbbbbbbb\" } ] },\n    { \"int\": \"1\" } ] }"
        );
    }
}
