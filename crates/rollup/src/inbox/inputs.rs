//! The file of inputs: JSON, an array of levels, each an array of messages (kernel-debugger.md, section 2.1).
//!
//! Every mistake is reported with its place: line and column of the JSON, or level and message.

use serde_json::{Map, Value};
use thiserror::Error;

use super::MAX_MESSAGE;
use super::message::{Transfer, external, transfer};
use crate::encoding::base58::{Base58Error, CONTRACT, KEYS, ROLLUP};
use crate::micheline::text;

/// A mistake in a file of inputs.
#[derive(Debug, Error)]
pub enum InputsError {
    /// Not JSON; the text names line and column.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Something else than an array where levels or messages are expected.
    #[error("{place}: expected {expected}, found {found}")]
    Shape {
        /// `inputs`, `level 0`, `level 0, message 1`.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A message that cannot be understood.
    #[error("level {level}, message {message}: {what}")]
    Message {
        /// The number of the level, from 0.
        level: usize,
        /// The number of the message in it, from 0.
        message: usize,
        /// What is wrong.
        what: String,
    },
}

/// The bytes of all messages, level by level, and what was accepted although it is not right.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The messages of users.
    pub levels: Vec<Vec<Vec<u8>>>,
    /// A line for each message of which only a part was understood.
    pub warnings: Vec<String>,
}

/// Reads a file of inputs; messages without a destination go to `rollup`.
pub fn parse(json: &str, rollup: [u8; 20]) -> Result<Inputs, InputsError> {
    let mut inputs = Inputs::default();
    for (level, messages) in array(
        &serde_json::from_str(json)?,
        || "inputs".into(),
        "an array of levels",
    )?
    .iter()
    .enumerate()
    {
        let place = || format!("level {level}");
        let mut payloads = Vec::new();
        for (message, value) in array(messages, place, "an array of messages")?
            .iter()
            .enumerate()
        {
            let place = format!("level {level}, message {message}");
            let Value::Object(fields) = value else {
                return Err(shape(place, "an object", value));
            };
            let read = Fields {
                fields,
                warnings: &mut inputs.warnings,
                place: &place,
            }
            .message(rollup);
            payloads.push(read.map_err(|what| InputsError::Message {
                level,
                message,
                what,
            })?);
        }
        inputs.levels.push(payloads);
    }
    Ok(inputs)
}

/// Reads one message given as a JSON object, as in a file of inputs.
pub fn message(fields: &Map<String, Value>, rollup: [u8; 20]) -> Result<Vec<u8>, String> {
    Fields {
        fields,
        warnings: &mut Vec::new(),
        place: "message",
    }
    .message(rollup)
}

fn shape(place: String, expected: &'static str, found: &Value) -> InputsError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    InputsError::Shape {
        place,
        expected,
        found,
    }
}

fn array<'a>(
    value: &'a Value,
    place: impl Fn() -> String,
    expected: &'static str,
) -> Result<&'a Vec<Value>, InputsError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(shape(place(), expected, other)),
    }
}

struct Fields<'a> {
    fields: &'a Map<String, Value>,
    warnings: &'a mut Vec<String>,
    place: &'a str,
}

impl Fields<'_> {
    fn message(&mut self, rollup: [u8; 20]) -> Result<Vec<u8>, String> {
        if self.fields.contains_key("external") {
            self.only(&["external"])?;
            return checked(external(&self.bytes("external")?));
        }
        if self.fields.contains_key("serialized") {
            self.only(&["serialized"])?;
            return self.bytes("serialized");
        }
        if !self.fields.contains_key("payload") {
            return Err("expected one of `payload`, `external`, `serialized`".into());
        }
        self.only(&["payload", "sender", "source", "destination"])?;
        let payload = self.text("payload")?.unwrap_or_default();
        let payload =
            text::parse(payload).map_err(|error| format!("payload `{payload}`: {error}"))?;
        checked(transfer(&Transfer {
            payload,
            sender: self.address("sender", [0; 20], |text| CONTRACT.address(text))?,
            source: self.address("source", (0, [0; 20]), key)?,
            destination: self.address("destination", rollup, |text| ROLLUP.address(text))?,
        }))
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self
            .fields
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        {
            Some(key) => Err(format!("unexpected field `{key}` beside `{}`", known[0])),
            None => Ok(()),
        }
    }

    fn text(&self, key: &str) -> Result<Option<&str>, String> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{key}` must be a string")),
        }
    }

    /// Wrong digits become no bytes at all, as in the original, but not silently.
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, String> {
        let text = self.text(key)?.unwrap_or_default();
        Ok(hex::decode(text).unwrap_or_else(|error| {
            self.warnings.push(format!(
                "{}: `{key}` is not hexadecimal ({error}): taken as empty",
                self.place
            ));
            Vec::new()
        }))
    }

    fn address<T>(
        &self,
        key: &str,
        default: T,
        parse: impl Fn(&str) -> Result<T, Base58Error>,
    ) -> Result<T, String> {
        match self.text(key)? {
            None => Ok(default),
            Some(text) => {
                parse(text).map_err(|error| format!("`{key}`: invalid address `{text}`: {error}"))
            }
        }
    }
}

/// A public key hash with the tag of its kind.
fn key(text: &str) -> Result<(u8, [u8; 20]), Base58Error> {
    let mut found = Err(Base58Error::Kind(KEYS[0].name));
    for (tag, kind) in (0u8..).zip(KEYS) {
        found = kind.address(text).map(|hash| (tag, hash));
        if !matches!(found, Err(Base58Error::Kind(_))) {
            return found;
        }
    }
    found.map_err(|_| Base58Error::Kind("public key hash (tz1…, tz2…, tz3…, tz4…)"))
}

fn checked(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if bytes.len() > MAX_MESSAGE {
        return Err(format!(
            "Failed to encode a rollup management protocol inbox message value: {} bytes, at most {MAX_MESSAGE} are allowed",
            bytes.len()
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Vec<String>>, String> {
        let inputs = parse(json, [7; 20]).map_err(|error| error.to_string())?;
        Ok(inputs
            .levels
            .into_iter()
            .map(|level| level.iter().map(hex::encode).collect())
            .collect())
    }

    #[test]
    fn the_three_forms_of_a_message() {
        let json = r#"[ [ { "external": "1a54" }, { "serialized": "0001" } ], [],
            [ { "payload": "0", "source": "tz2BFTyPeYRzxd5aiBchbXN3WCZhx7BqbMBq" } ] ]"#;
        let zeroes = "00".repeat(20);
        let levels = read(json).unwrap();
        assert_eq!(levels[0], ["011a54", "0001"]);
        assert_eq!(levels[1], [""; 0]);
        assert!(levels[2][0].starts_with(&format!("00000000{zeroes}01")));
        assert!(levels[2][0].ends_with(&"07".repeat(20)));
    }

    #[test]
    fn digits_that_are_none_become_nothing_with_a_warning() {
        let inputs = parse(r#"[[{"external":"xyz"}]]"#, [0; 20]).unwrap();
        assert_eq!(inputs.levels, [[[1]]]);
        assert!(
            inputs.warnings[0].starts_with("level 0, message 0: `external` is not hexadecimal")
        );
    }

    #[test]
    fn mistakes_are_reported_where_they_are() {
        let long = format!(r#"[[{{"external":"{}"}}]]"#, "00".repeat(4096));
        for (json, expected) in [
            ("[[", "EOF while parsing a list at line 1 column 2"),
            ("[\n [}]", "expected value at line 2 column 3"),
            ("{}", "inputs: expected an array of levels, found an object"),
            (
                "[1]",
                "level 0: expected an array of messages, found a number",
            ),
            (
                "[[],[null]]",
                "level 1, message 0: expected an object, found null",
            ),
            (
                "[[{}]]",
                "level 0, message 0: expected one of `payload`, `external`, `serialized`",
            ),
            (
                r#"[[{"external":"", "x":1}]]"#,
                "level 0, message 0: unexpected field `x` beside `external`",
            ),
            (
                r#"[[{"external":1}]]"#,
                "level 0, message 0: `external` must be a string",
            ),
            (
                r#"[[{"payload":"Pair 1 ("}]]"#,
                "level 0, message 0: payload `Pair 1 (`: unexpected end at character 9",
            ),
            (
                r#"[[{"payload":"0","sender":"KT1"}]]"#,
                "level 0, message 0: `sender`: invalid address `KT1`: its checksum is wrong",
            ),
            (
                r#"[[{"payload":"0","source":"sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"}]]"#,
                "level 0, message 0: `source`: invalid address `sr163Lv22CdE8QagCwf48PWDTquk6isQwv57`: \
                 it is not a public key hash (tz1…, tz2…, tz3…, tz4…)",
            ),
            (
                &long,
                "level 0, message 0: Failed to encode a rollup management protocol inbox message value: 4097 bytes, at most 4096 are allowed",
            ),
        ] {
            assert_eq!(read(json).unwrap_err(), expected, "{json}");
        }
    }
}
