//! `dump durable storage into FILE`: the values of a block as the instructions of an installer.

use std::fs;

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::offline::Data;
use crate::say::say;
use crate::storage::Path;

/// Writes the durable storage of a block as the instructions of an installer.
pub(super) fn dump(arguments: &Arguments, file: &str) -> Result<(), String> {
    let data = Data::open(arguments)?;
    let block = data.block(&arguments.block)?;
    let durable = data.store.durable(&block)?;
    let mut values = Vec::new();
    if let Some(root) = durable.node(&Path::root()) {
        root.values(&mut |key, value| {
            if key != "/kernel/boot.wasm" && key != "/readonly" && !key.starts_with("/readonly/") {
                values.push((key.to_owned(), value.to_vec()));
            }
        });
    }
    let text = if file.ends_with(".json") {
        let instructions: Vec<Value> = values
            .iter()
            .map(|(key, value)| json!({ "set": { "value": hex::encode(value), "to": key } }))
            .collect();
        json!({ "instructions": instructions }).to_string()
    } else if file.ends_with(".yaml") || file.ends_with(".yml") {
        let lines: String = values
            .iter()
            .map(|(key, value)| {
                format!(
                    "- set:\n    value: \"{}\"\n    to: {key}\n",
                    hex::encode(value)
                )
            })
            .collect();
        format!("instructions:\n{lines}")
    } else {
        return Err("Expecting either a .yaml of .json file".into());
    };
    fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
    say!("Dumped WASM PVM state to {file}")?;
    Ok(())
}
