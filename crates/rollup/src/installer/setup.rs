//! The setup file of an installer: YAML (JSON is YAML too) with instructions (kernel-debugger.md, section 8.3).

use serde_yaml_ng::{Mapping, Value};
use thiserror::Error;

use super::Instruction;
use crate::storage::Path;

/// What is wrong with a setup file.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Not YAML; the text names line and column.
    #[error("The given file is not a valid YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Not a map with a list `instructions`.
    #[error("The installer config has not the right format.")]
    Format,
    /// An instruction, counted from 0.
    #[error("The {0}th instruction is invalid: {1}")]
    Instruction(usize, String),
}

/// Reads a setup file.
pub fn parse(text: &str) -> Result<Vec<Instruction>, SetupError> {
    items(text)?
        .iter()
        .enumerate()
        .map(|(n, item)| instruction(item).map_err(|what| SetupError::Instruction(n, what)))
        .collect()
}

/// One file with the instructions of several, in order.
pub fn merge<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<String, SetupError> {
    let mut all = Vec::new();
    for text in texts {
        parse(text)?;
        all.extend(items(text)?);
    }
    let mut root = Mapping::new();
    root.insert("instructions".into(), Value::Sequence(all));
    Ok(serde_yaml_ng::to_string(&root)?)
}

fn items(text: &str) -> Result<Vec<Value>, SetupError> {
    let root: Value = serde_yaml_ng::from_str(text)?;
    let map = root
        .as_mapping()
        .filter(|map| map.len() == 1)
        .ok_or(SetupError::Format)?;
    match map.get("instructions") {
        Some(Value::Sequence(items)) => Ok(items.clone()),
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(SetupError::Format),
    }
}

fn instruction(item: &Value) -> Result<Instruction, String> {
    let map = item.as_mapping().ok_or("expected a map")?;
    let named = |name: &str| map.get(name);
    if let Some(body) = named("set") {
        only(map, &["set"])?;
        let body = body.as_mapping().ok_or("`set`: expected a map")?;
        only(body, &["value", "to"])?;
        return Ok(Instruction::Set {
            value: bytes(body, "value")?,
            to: key(body, "to")?,
        });
    }
    if let Some(body) = named("move") {
        only(map, &["move"])?;
        let body = body.as_mapping().ok_or("`move`: expected a map")?;
        only(body, &["from", "to"])?;
        return Ok(Instruction::Move {
            from: key(body, "from")?,
            to: key(body, "to")?,
        });
    }
    if named("reveal").is_some() {
        only(map, &["reveal", "to"])?;
        let hash = bytes(map, "reveal")?;
        if hash.len() != 33 {
            return Err(format!("`reveal`: a hash has 33 bytes, not {}", hash.len()));
        }
        return Ok(Instruction::Reveal {
            hash,
            to: key(map, "to")?,
        });
    }
    Err("expected one of `set`, `move`, `reveal`".into())
}

fn only(map: &Mapping, known: &[&str]) -> Result<(), String> {
    let unknown = map
        .keys()
        .find(|key| !key.as_str().is_some_and(|key| known.contains(&key)));
    match unknown {
        Some(key) => Err(format!(
            "unexpected field `{}`",
            key.as_str().unwrap_or("?")
        )),
        None => Ok(()),
    }
}

fn text<'a>(map: &'a Mapping, name: &str) -> Result<std::borrow::Cow<'a, str>, String> {
    match map.get(name) {
        Some(Value::String(text)) => Ok(text.into()),
        // Digits alone are a number to YAML.
        Some(Value::Number(number)) => Ok(number.to_string().into()),
        Some(_) => Err(format!("`{name}`: expected a text")),
        None => Err(format!("missing `{name}`")),
    }
}

fn bytes(map: &Mapping, name: &str) -> Result<Vec<u8>, String> {
    hex::decode(&*text(map, name)?).map_err(|error| format!("`{name}`: {error}"))
}

fn key(map: &Mapping, name: &str) -> Result<Path, String> {
    let text = text(map, name)?;
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
