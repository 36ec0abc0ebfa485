//! The setup file of an installer: YAML (JSON is YAML too) with instructions (kernel-debugger.md, section 8.3).

use std::fmt::Write as _;

use thiserror::Error;
use yaml_rust2::scanner::ScanError;

use super::Instruction;
use super::yaml::{Node, documents};
use crate::storage::Path;

/// What is wrong with a setup file.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Not YAML; the text names line and column.
    #[error("The given file is not a valid YAML: {0}")]
    Yaml(#[from] ScanError),
    /// Not a map with a list `instructions`.
    #[error("The installer config has not the right format.")]
    Format,
    /// An instruction, counted from 0.
    #[error("The {0}th instruction is invalid: {1}")]
    Instruction(usize, String),
}

/// Reads a setup file.
pub fn parse(text: &str) -> Result<Vec<Instruction>, SetupError> {
    instructions(text, &mut |_, what| Err(what))
}

/// Reads a debugger's configuration: the same, but digits that are none are no bytes at all, as in the original. `warn`
/// receives what is wrong with them.
pub fn configuration(
    text: &str,
    warn: &mut dyn FnMut(String),
) -> Result<Vec<Instruction>, SetupError> {
    instructions(text, &mut |n, what| {
        warn(format!(
            "The {n}th instruction is not hexadecimal: {what}: taken as empty"
        ));
        Ok(Vec::new())
    })
}

/// What becomes of a value whose digits are none, by the number of its instruction and what is wrong.
type Digits<'a> = &'a mut dyn FnMut(usize, String) -> Result<Vec<u8>, String>;

fn instructions(text: &str, wrong: Digits<'_>) -> Result<Vec<Instruction>, SetupError> {
    let items = items(text)?;
    let items = items.iter().enumerate();
    items
        .map(|(n, item)| {
            instruction(item, &mut |what| wrong(n, what))
                .map_err(|what| SetupError::Instruction(n, what))
        })
        .collect()
}

/// One file with the instructions of several, in order.
pub fn merge<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<String, SetupError> {
    let mut out = String::from("instructions:\n");
    for text in texts {
        for instruction in parse(text)? {
            // Writing into a string does not fail.
            let _ = match instruction {
                Instruction::Set { value, to } => {
                    writeln!(
                        out,
                        "- set:\n    value: '{}'\n    to: {to}",
                        hex::encode(value)
                    )
                }
                Instruction::Move { from, to } => {
                    writeln!(out, "- move:\n    from: {from}\n    to: {to}")
                }
                Instruction::Reveal { hash, to } => {
                    writeln!(out, "- reveal: '{}'\n  to: {to}", hex::encode(hash))
                }
            };
        }
    }
    Ok(out)
}

type Fields = [(Node, Node)];

fn items(text: &str) -> Result<Vec<Node>, SetupError> {
    let documents = documents(text)?;
    let [Node::Mapping(fields)] = &documents[..] else {
        return Err(SetupError::Format);
    };
    let [(Node::Scalar(key), items)] = &fields[..] else {
        return Err(SetupError::Format);
    };
    match items {
        Node::Sequence(items) if key == "instructions" => Ok(items.clone()),
        // Nothing after the colon.
        Node::Scalar(text)
            if key == "instructions" && ["", "~", "null"].contains(&text.as_str()) =>
        {
            Ok(Vec::new())
        }
        _ => Err(SetupError::Format),
    }
}

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Node> {
    fields
        .iter()
        .find(|(key, _)| key.text() == Some(name))
        .map(|(_, value)| value)
}

fn instruction(
    item: &Node,
    wrong: &mut dyn FnMut(String) -> Result<Vec<u8>, String>,
) -> Result<Instruction, String> {
    let fields = item.fields().ok_or("expected a map")?;
    if let Some(body) = field(fields, "set") {
        only(fields, &["set"])?;
        let body = body.fields().ok_or("`set`: expected a map")?;
        only(body, &["value", "to"])?;
        return Ok(Instruction::Set {
            value: match hex::decode(text(body, "value")?) {
                Ok(value) => value,
                Err(error) => wrong(format!("`value`: {error}"))?,
            },
            to: key(body, "to")?,
        });
    }
    if let Some(body) = field(fields, "move") {
        only(fields, &["move"])?;
        let body = body.fields().ok_or("`move`: expected a map")?;
        only(body, &["from", "to"])?;
        return Ok(Instruction::Move {
            from: key(body, "from")?,
            to: key(body, "to")?,
        });
    }
    if field(fields, "reveal").is_some() {
        only(fields, &["reveal", "to"])?;
        let hash =
            hex::decode(text(fields, "reveal")?).map_err(|error| format!("`reveal`: {error}"))?;
        if hash.len() != 33 {
            return Err(format!("`reveal`: a hash has 33 bytes, not {}", hash.len()));
        }
        return Ok(Instruction::Reveal {
            hash,
            to: key(fields, "to")?,
        });
    }
    Err("expected one of `set`, `move`, `reveal`".into())
}

fn only(fields: &Fields, known: &[&str]) -> Result<(), String> {
    let unknown = fields
        .iter()
        .find(|(key, _)| !key.text().is_some_and(|key| known.contains(&key)));
    match unknown {
        Some((key, _)) => Err(format!("unexpected field `{}`", key.text().unwrap_or("?"))),
        None => match known.iter().find(|name| count(fields, name) > 1) {
            Some(name) => Err(format!("`{name}` is there twice")),
            None => Ok(()),
        },
    }
}

fn count(fields: &Fields, name: &str) -> usize {
    let named = |(key, _): &&(Node, Node)| key.text() == Some(name);
    fields.iter().filter(named).count()
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    let value = field(fields, name).ok_or_else(|| format!("missing `{name}`"))?;
    value
        .text()
        .ok_or_else(|| format!("`{name}`: expected a text"))
}

fn key(fields: &Fields, name: &str) -> Result<Path, String> {
    let text = text(fields, name)?;
    match Path::parse(text.as_bytes()) {
        Ok(path) if path.steps().next().is_some() => Ok(path),
        Ok(_) => Err(format!("`{name}`: the root cannot be written")),
        Err(error) => Err(format!("`{name}`: {error}: `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("[", "The given file is not a valid YAML: "),
            ("x: 1", "The installer config has not the right format."),
            (
                "instructions: 1",
                "The installer config has not the right format.",
            ),
            (
                "instructions:\n- x: 1",
                "The 0th instruction is invalid: expected one of `set`, `move`, `reveal`",
            ),
            (
                "instructions:\n- set: {value: zz, to: /a}",
                "The 0th instruction is invalid: `value`: Invalid character",
            ),
            (
                "instructions:\n- set: {value: '00', to: a}",
                "The 0th instruction is invalid: `to`: Invalid key: `a`",
            ),
            (
                "instructions:\n- set: {value: '00', to: /a, x: 1}",
                "The 0th instruction is invalid: unexpected field `x`",
            ),
            (
                "instructions:\n- set: {value: &v '00', to: /a}\n- set: {value: *v, to: /b}",
                "The given file is not a valid YAML: aliases are not understood at ",
            ),
            (
                "instructions:\n- set: {value: '00', to: /a}\n  set: {value: '00', to: /b}",
                "The 0th instruction is invalid: `set` is there twice",
            ),
            (
                "instructions:\n- move: {from: /a}",
                "The 0th instruction is invalid: missing `to`",
            ),
            (
                "instructions:\n- reveal: '00'\n  to: /a",
                "The 0th instruction is invalid: `reveal`: a hash has 33 bytes, not 1",
            ),
            (
                "instructions:\n- set: {value: '', to: ''}",
                "The 0th instruction is invalid: `to`: the root cannot be written",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let digits = parse("instructions:\n- set:\n    value: 0102\n    to: /a\n").unwrap();
        assert_eq!(
            digits,
            [Instruction::Set {
                value: vec![1, 2],
                to: Path::known("/a")
            }]
        );
        assert!(parse(&"[".repeat(10_000)).is_err());
        assert!(parse(r#"{"instructions":[{"set":{"value":"0102","to":"/p"}}]}"#).is_ok());
    }

    #[test]
    fn files_are_put_together_in_order() {
        let one = "instructions:\n- set: {value: '01', to: /a}\n";
        let two = "instructions:\n- move: {from: /a, to: /b}\n";
        let merged = parse(&merge([one, two]).unwrap()).unwrap();
        assert_eq!(merged, [parse(one).unwrap(), parse(two).unwrap()].concat());
    }
}
