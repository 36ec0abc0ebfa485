//! `sandbox.json` beside the configuration: the options of the simulated Layer 1 that `init` was given, for every `run` that
//! follows. The real node's configuration has no place for them (rollup-node.md, section 2).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use serde_json::{Map, Value};

use super::arguments::{Arguments, home};

/// The options, as the command line names them.
const OPTIONS: [&str; 27] = [
    "block-time",
    "catch-up",
    "replay",
    "inputs",
    "exit-after-inputs",
    "origination-level",
    "start-timestamp",
    "deterministic",
    "protocol",
    "migrate",
    "preset",
    "commitment-period",
    "challenge-window",
    "max-active-outbox-levels",
    "finality",
    "batches-per-block",
    "auto-operator",
    "no-auto-operator",
    "sender",
    "source",
    "outbox-log",
    "outbox-hook",
    "simulate-timeout",
    "rpc-style",
    "quiet-blocks",
    "simulate-dal",
    "loser-peer",
];

/// Where the file is: beside the configuration.
fn place(arguments: &Arguments) -> PathBuf {
    let directory = || {
        let default = || home(".tezos-smart-rollup-node");
        arguments.data_dir.clone().unwrap_or_else(default)
    };
    match &arguments.config_file {
        Some(path) => path.with_file_name("sandbox.json"),
        None => directory().join("sandbox.json"),
    }
}

/// Writes the options of a command line down, if there are any.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn remember(arguments: &Arguments, line: &[OsString]) -> Result<(), String> {
    let matches = Arguments::command().get_matches_from(line);
    let given = |name: &str| value(&matches, &name.replace('-', "_"));
    let options: Map<String, Value> = OPTIONS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), given(name)?)))
        .collect();
    let path = place(arguments);
    if options.is_empty() {
        // Those of an earlier configuration do not hold for this one.
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", path.display()))
            }
            _ => Ok(()),
        };
    }
    let text = serde_json::to_string_pretty(&options).map_err(|error| error.to_string())?;
    fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

fn value(matches: &ArgMatches, id: &str) -> Option<Value> {
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return None;
    }
    if let Ok(Some(flag)) = matches.try_get_one::<bool>(id) {
        return Some((*flag).into());
    }
    let words = matches.get_raw(id)?;
    Some(
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
    )
}

/// The command line with the remembered options in front of its own, which win.
///
/// # Errors
/// If the file cannot be read, or has another option.
pub(super) fn complete(arguments: &Arguments, line: &[OsString]) -> Result<Vec<OsString>, String> {
    let path = place(arguments);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(line.to_vec()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut out: Vec<OsString> = line.iter().take(1).cloned().collect();
    out.extend(options(&path, &text)?.into_iter().map(OsString::from));
    out.extend(line.iter().skip(1).cloned());
    Ok(out)
}

fn options(path: &Path, text: &str) -> Result<Vec<String>, String> {
    let wrong = |what: String| format!("{}: {what}", path.display());
    let options: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut out = Vec::new();
    for (name, value) in options {
        if !OPTIONS.contains(&name.as_str()) {
            return Err(wrong(format!("unknown key `{name}`")));
        }
        let option = format!("--{name}");
        match value {
            Value::Bool(false) => {}
            Value::Bool(true) => out.push(option),
            Value::Array(words) => {
                for word in words {
                    let word = word
                        .as_str()
                        .map_or_else(|| word.to_string(), str::to_owned);
                    out.push(format!("{option}={word}"));
                }
            }
            Value::String(word) => out.push(format!("{option}={word}")),
            other => out.push(format!("{option}={other}")),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_as_they_were_given() {
        let text = r#"{ "block-time": 0.5, "deterministic": true, "replay": false, "migrate": ["2:a", "3:b"] }"#;
        let options = options(Path::new("x"), text).unwrap();
        assert_eq!(
            options,
            [
                "--block-time=0.5",
                "--deterministic",
                "--migrate=2:a",
                "--migrate=3:b"
            ]
        );
        let line = ["rollup-node", "run", "--block-time", "0"].map(OsString::from);
        let matches = Arguments::command().get_matches_from(&line);
        assert_eq!(
            value(&matches, "block_time"),
            Some(serde_json::json!(["0"]))
        );
        assert_eq!(value(&matches, "protocol"), None);
        assert!(super::options(Path::new("x"), r#"{"data-dir": "y"}"#).is_err());
        // Every option exists.
        for name in OPTIONS {
            let known = Arguments::command()
                .get_arguments()
                .any(|argument| argument.get_long() == Some(name));
            assert!(known, "{name}");
        }
    }
}
