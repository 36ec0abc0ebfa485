//! The program `rollup-client`: asks a rollup node, and encodes outbox messages (rollup-node.md, section 12).

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;

use crate::encoding::base58::COMMITMENT;
use crate::node::http::{self, Answer};
use crate::node::proof;
use crate::outbox::message::from_json;

/// Asks a rollup node.
///
/// Commands: `get smart rollup address`, `get state value for KEY`, `get proof for message I of outbox at level L`,
/// `encode outbox message JSON`, `rpc get URL`, `rpc post URL [with JSON|file:F]`,
/// `execute outbox message of smart rollup ADDR from OP for commitment hash C and output proof P`.
#[derive(Debug, Parser)]
#[command(version, name = "rollup-client", verbatim_doc_comment)]
struct Arguments {
    /// The command
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// The node
    #[arg(short = 'E', long, default_value = "http://localhost:8932")]
    endpoint: String,
    /// Where the original keeps its keys; there are none here
    #[arg(short = 'd', long)]
    base_dir: Option<std::path::PathBuf>,
    /// The block
    #[arg(short = 'B', long, default_value = "head")]
    block: String,
}

/// The program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match command(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
            eprintln!("Error:\n{}", lines.join("\n"));
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &Arguments) -> Result<String, String> {
    if let Some(directory) = &arguments.base_dir
        && !directory.is_dir()
    {
        return Err(format!(
            "{} does not seem to be an existing directory",
            directory.display()
        ));
    }
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    match words[..] {
        ["get", "smart", "rollup", "address"] => {
            let address = get(arguments, "/global/smart_rollup_address")?;
            Ok(address.as_str().unwrap_or_default().to_owned())
        }
        ["get", "state", "value", "for", key] => {
            let path = format!("/global/block/{}/state?key={key}", arguments.block);
            let value = get(arguments, &path)?;
            let bytes = hex::decode(value.as_str().unwrap_or_default())
                .map_err(|error| format!("the node's answer is not hexadecimal: {error}"))?;
            Ok(quoted(&bytes))
        }
        [
            "get",
            "proof",
            "for",
            "message",
            index,
            "of",
            "outbox",
            "at",
            "level",
            level,
            ref rest @ ..,
        ] => {
            let path = format!(
                "/global/block/{}/helpers/proofs/outbox/{level}/messages?index={index}",
                arguments.block
            );
            let answer = get(arguments, &path)?;
            let (proof, hash) = (answer["proof"].as_str(), answer["commitment"].as_str());
            let (proof, hash) = (proof.unwrap_or_default(), hash.unwrap_or_default());
            checked(proof, hash, rest)?;
            Ok(format!(
                "{{ \"proof\" : \"0x{proof}\", \"commitment_hash\" : \"{hash}\"}}"
            ))
        }
        ["encode", "outbox", "message", json] => {
            let bytes = from_json(json)?
                .encode()
                .ok_or("Error while encoding outbox message.")?;
            Ok(hex::encode(bytes))
        }
        ["rpc", "get", url] => Ok(pretty(&get(arguments, url)?)),
        ["rpc", "post", url] => Ok(pretty(&ask(arguments, "POST", url, Some(b"{}".to_vec()))?)),
        ["rpc", "post", url, "with", body] => {
            let body = match body.strip_prefix("file:") {
                Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}"))?,
                None => body.as_bytes().to_vec(),
            };
            Ok(pretty(&ask(arguments, "POST", url, Some(body))?))
        }
        [
            "execute",
            "outbox",
            "message",
            "of",
            "smart",
            "rollup",
            _,
            "from",
            _,
            "for",
            "commitment",
            "hash",
            hash,
            "and",
            "output",
            "proof",
            proof,
        ] => {
            let proof = proof.strip_prefix("0x").unwrap_or(proof);
            checked(proof, hash, &[])?;
            let body = serde_json::json!({ "proof": proof }).to_string();
            Ok(pretty(&ask(
                arguments,
                "POST",
                "/sandbox/execute",
                Some(body.into_bytes()),
            )?))
        }
        ["gen" | "list" | "show" | "import", ..] => {
            Err("this client has no keys: nothing here is signed".into())
        }
        [] => Err("a command is missing: see --help".into()),
        _ => Err(format!("unknown command `{}`: see --help", words.join(" "))),
    }
}

/// Checks a proof here too: that it holds together, is about the commitment, and says what was asked for.
fn checked(proof: &str, hash: &str, rest: &[&str]) -> Result<(), String> {
    let bytes =
        hex::decode(proof).map_err(|error| format!("the proof is not hexadecimal: {error}"))?;
    let proven = proof::verify(&bytes).ok_or("the proof does not hold together")?;
    if COMMITMENT.encode(&proven.commitment) != hash {
        return Err(format!("the proof is not about the commitment {hash}"));
    }
    match rest {
        [] => Ok(()),
        ["transferring", json] => {
            let wanted = from_json(json)?
                .encode()
                .ok_or("Error while encoding outbox message.")?;
            if wanted == proven.message {
                Ok(())
            } else {
                Err("the message of the proof is another one".into())
            }
        }
        _ => Err(format!(
            "expected `transferring JSON`, found `{}`",
            rest.join(" ")
        )),
    }
}

fn get(arguments: &Arguments, path: &str) -> Result<Value, String> {
    ask(arguments, "GET", path, None)
}

fn ask(
    arguments: &Arguments,
    method: &str,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Value, String> {
    let base = arguments.endpoint.trim_end_matches('/');
    if !(base.starts_with("http://") || base.starts_with("https://")) {
        return Err("Endpoint should be of the form http[s]://address:port".into());
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    let Answer { status, body } = http::request(method, &format!("{base}{slash}{path}"), body)?;
    let text = String::from_utf8_lossy(&body);
    match status {
        200 => {
            serde_json::from_str(&text).map_err(|error| format!("the answer is not JSON: {error}"))
        }
        403 => Err(format!("[HTTP 403] Access denied to: {base}")),
        404 => Err("No service found at this URL".into()),
        410 => Err(
            "Requested data concerns a pruned block and target resource is no longer available"
                .into(),
        ),
        _ => {
            let errors: Option<Vec<Value>> = serde_json::from_str(&text).ok();
            let texts: Vec<&str> = errors
                .iter()
                .flatten()
                .filter_map(|error| error["msg"].as_str())
                .collect();
            let text = if texts.is_empty() {
                text.trim().to_owned()
            } else {
                texts.join("\n")
            };
            Err(format!("Command failed: {text}"))
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Bytes as a string of OCaml.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_quoted_as_in_ocaml() {
        assert_eq!(super::quoted(b"a\"\\\n\x01\xff"), r#""a\"\\\n\001\255""#);
    }
}
