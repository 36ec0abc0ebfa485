//! The description of the routes: it is consistent, its examples are true, and what the server says is as it says.

use serde_json::{Value, json};

use crate::client::{Server, job};
use crate::guests::named;

/// The description, and a validator for as much of JSON Schema as it uses.
struct Description(Value);

impl Description {
    fn of(server: &Server) -> Self {
        Description(server.get("/openapi.json").json())
    }

    fn resolve(&self, reference: &str) -> &Value {
        let pointer = reference
            .strip_prefix('#')
            .expect("a place in the description");
        let found = self.0.pointer(pointer);
        found.unwrap_or_else(|| panic!("nothing at {reference}"))
    }

    /// What is wrong with a value; nothing if it is as the schema says.
    fn wrong(&self, schema: &Value, value: &Value) -> Option<String> {
        let members = schema.as_object().expect("a schema");
        members.iter().find_map(|(keyword, rule)| {
            let all = |list: &Value| list.as_array().unwrap().clone();
            let fits = |schema: &Value| self.wrong(schema, value).is_none();
            let good = match keyword.as_str() {
                "description" | "contentEncoding" => true,
                "$ref" => return self.wrong(self.resolve(rule.as_str().unwrap()), value),
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|rule| is(rule, value)),
                    rule => is(rule, value),
                },
                "const" => rule == value,
                "enum" => all(rule).contains(value),
                "minimum" => value
                    .as_f64()
                    .is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() as u64 <= rule.as_u64().unwrap()),
                "pattern" => value
                    .as_str()
                    .is_none_or(|text| matches(rule.as_str().unwrap(), text)),
                "required" => value.as_object().is_none_or(|object| {
                    all(rule)
                        .iter()
                        .all(|name| object.contains_key(name.as_str().unwrap()))
                }),
                "properties" => {
                    return rule.as_object().unwrap().iter().find_map(|(name, schema)| {
                        let wrong = self.wrong(schema, value.get(name)?)?;
                        Some(format!("{name}: {wrong}"))
                    });
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten();
                    return items.into_iter().find_map(|item| self.wrong(rule, item));
                }
                "oneOf" => all(rule).iter().filter(|schema| fits(schema)).count() == 1,
                "anyOf" => all(rule).iter().any(fits),
                "not" => !fits(rule),
                other => panic!("the validator does not know {other}"),
            };
            (!good).then(|| format!("{keyword} {rule} does not hold for {value}"))
        })
    }

    /// The schema of what a route says with a status.
    fn answer(&self, path: &str, status: u16) -> &Value {
        let place = format!(
            "/paths/{}/post/responses/{status}/content/application~1json/schema",
            path.replace('/', "~1")
        );
        self.0
            .pointer(&place)
            .unwrap_or_else(|| panic!("nothing at {place}"))
    }
}

fn is(rule: &Value, value: &Value) -> bool {
    match rule.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("no type {other}"),
    }
}

/// The patterns are those of hexadecimal numbers.
fn matches(pattern: &str, text: &str) -> bool {
    let (prefix, digits) = match pattern {
        "^[0-9a-fA-F]{64}$" => ("", 64..=64),
        "^0x[0-9a-fA-F]{1,16}$" => ("0x", 1..=16),
        other => panic!("the validator does not know {other}"),
    };
    let rest = text.strip_prefix(prefix);
    rest.is_some_and(|rest| {
        digits.contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Every part of a description that has a schema and examples for it.
fn examples(value: &Value, found: &mut Vec<(Value, Value)>) {
    if let (Some(schema), Some(examples)) = (value.get("schema"), value.get("examples")) {
        let values = examples.as_object().unwrap().values();
        found.extend(values.map(|example| (schema.clone(), example["value"].clone())));
    }
    match value {
        Value::Object(members) => members.values().for_each(|value| examples(value, found)),
        Value::Array(items) => items.iter().for_each(|value| examples(value, found)),
        _ => {}
    }
}

#[test]
fn examples_are_as_their_schemas_say() {
    let server = Server::start(&[]);
    let description = Description::of(&server);
    let mut found = Vec::new();
    examples(&description.0, &mut found);
    assert!(found.len() >= 6, "{}", found.len());
    for (schema, value) in found {
        assert_eq!(description.wrong(&schema, &value), None, "{value}");
    }
}

#[test]
fn the_example_runs_as_it_stands() {
    let server = Server::start(&[]);
    let description = Description::of(&server).0;
    let run = &description["paths"]["/wasm/run"]["post"];
    let example = |place: &Value, name: &str| {
        place["content"]["application/json"]["examples"][name]["value"].clone()
    };
    let told = example(&run["responses"]["200"], "ok");
    let untimed = |mut answer: Value| {
        answer["durationMs"] = 0.into();
        for name in ["queueMs", "compileMs", "runMs"] {
            answer["usage"][name] = 0.into();
        }
        answer
    };
    let answer = server.run(&example(&run["requestBody"], "bytes")).json();
    assert_eq!(untimed(answer), untimed(told.clone()));
    let mut answer = server.run(&example(&run["requestBody"], "hash")).json();
    assert_eq!(answer["usage"]["module"], "memory");
    answer["usage"]["module"] = told["usage"]["module"].clone();
    assert_eq!(untimed(answer), untimed(told));
    for (request, status, name) in [
        (json!({"jobId": ""}), "400", "empty"),
        (
            json!({"jobId": "j", "wasmHash": "00".repeat(32), "timeoutMs": 1000}),
            "404",
            "unknown",
        ),
    ] {
        let answer = server.run(&request);
        assert_eq!(answer.status.to_string(), status);
        assert_eq!(answer.json(), example(&run["responses"][status], name));
    }
}

#[test]
fn whatever_the_server_says_is_described() {
    let plain = Server::start(&["--max-concurrency", "4"]);
    let compat = Server::start(&["--compat"]);
    let description = Description::of(&plain);
    let check = |answer: &crate::client::Answer| {
        let schema = description.answer("/wasm/run", answer.status);
        assert_eq!(
            description.wrong(schema, &answer.json()),
            None,
            "{}",
            answer.text
        );
    };
    for server in [&plain, &compat] {
        for name in [
            "ok",
            "two",
            "scalar",
            "notjson",
            "empty",
            "stderr",
            "startonly",
            "norun",
            "trap",
            "loop",
            "recurse",
            "exit3",
            "ret",
            "arg",
            "badimport",
            "flood",
            "garbage",
            "grow",
            "growtrap",
        ] {
            check(&server.run(&job(&named(name), json!({"timeoutMs": 100, "more": 1}))));
        }
        for body in [
            json!({}),
            json!([]),
            json!({"jobId": 1, "wasmHash": "zz", "timeoutMs": 1}),
            job(&named("ok"), json!({"wasmHash": "00".repeat(32)})),
            job(b"", json!({})),
            job(&vec![0; 10_485_761], json!({})),
        ] {
            check(&server.run(&body));
        }
    }
    let fuel = Server::start(&["--max-fuel", "100000"]);
    check(&fuel.run(&job(&named("loop"), json!({}))));
    check(&fuel.run(&job(
        &named("ok"),
        json!({"deterministic": true, "blockNumber": 5}),
    )));
}
