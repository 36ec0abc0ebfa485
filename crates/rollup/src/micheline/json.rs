//! Expressions as JSON, the way Tezos tools write them: `{"prim": "Unit"}`, `{"int": "0"}`.

use super::{Expr, name};
use crate::encoding::json::Json;

/// The JSON of an expression.
pub fn to_json(expr: &Expr) -> Json {
    match expr {
        Expr::Int(number) => Json::Object(vec![("int", number.to_string().into())]),
        Expr::String(text) => Json::Object(vec![(
            "string",
            String::from_utf8_lossy(text).into_owned().into(),
        )]),
        Expr::Bytes(bytes) => Json::Object(vec![("bytes", hex::encode(bytes).into())]),
        Expr::Sequence(items) => items.iter().map(to_json).collect(),
        Expr::Prim(prim, args, annotations) => {
            let mut fields = vec![("prim", name(*prim).unwrap_or("?").into())];
            if !args.is_empty() {
                fields.push(("args", args.iter().map(to_json).collect()));
            }
            if !annotations.is_empty() {
                fields.push((
                    "annots",
                    annotations
                        .iter()
                        .map(|word| word.as_str().into())
                        .collect(),
                ));
            }
            Json::Object(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micheline::text::parse;

    #[test]
    fn short_expressions_take_one_line_and_long_ones_are_indented() {
        let json = |text: &str| to_json(&parse(text).unwrap()).pretty();
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
        assert_eq!(
            to_json(&parse("Some %a 1").unwrap()).to_string(),
            r#"{"prim":"Some","args":[{"int":"1"}],"annots":["%a"]}"#
        );
    }
}
