//! The program `rollup-client`: asks a rollup node, and encodes outbox messages (rollup-node.md, section 12).

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;

use crate::encoding::base58::{COMMITMENT, ROLLUP};
use crate::node::http::{self, Answer};
use crate::node::{alias, home, proof};
use crate::outbox::message::from_json;
use crate::say::say;

/// Asks a rollup node.
///
/// Commands:
///   get smart rollup address
///   get state value for KEY
///   get proof for message I of outbox at level L
///   encode outbox message JSON
///   execute outbox message of smart rollup ADDR from OP
///     for commitment hash C and output proof P
///   rpc get URL
///   rpc post URL [with JSON|file:F]
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
    let told = |text: String| match text.as_str() {
        // A stream has been shown already.
        "" => Ok(()),
        text => say!("{text}"),
    };
    match command(&arguments).and_then(told) {
        Ok(()) => ExitCode::SUCCESS,
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
        ["rpc", "get", url] => follow(arguments, url),
        ["rpc", "post", url] => pretty(&ask(arguments, "POST", url, Some(b"{}".to_vec()))?),
        ["rpc", "post", url, "with", body] => {
            let body = match body.strip_prefix("file:") {
                Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}"))?,
                None => body.as_bytes().to_vec(),
            };
            pretty(&ask(arguments, "POST", url, Some(body))?)
        }
        [
            "execute",
            "outbox",
            "message",
            "of",
            "smart",
            "rollup",
            rollup,
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
            belongs(arguments, rollup)?;
            let body = serde_json::json!({ "proof": proof }).to_string();
            pretty(&ask(
                arguments,
                "POST",
                "/sandbox/execute",
                Some(body.into_bytes()),
            )?)
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

/// Whether the node runs the rollup that is meant: an address, or a name of the wallet.
fn belongs(arguments: &Arguments, rollup: &str) -> Result<(), String> {
    let wanted = match ROLLUP.address(rollup) {
        Ok(_) => rollup.to_owned(),
        Err(_) => {
            let name = rollup.strip_prefix("alias:").unwrap_or(rollup);
            let wallet = arguments.base_dir.clone();
            let wallet = wallet.unwrap_or_else(|| home(".tezos-client"));
            alias(&wallet, "smart_rollups", name)
                .ok_or_else(|| format!("no smart rollup alias named {name}"))?
        }
    };
    let address = get(arguments, "/global/smart_rollup_address")?;
    let address = address.as_str().unwrap_or_default();
    if address == wanted {
        Ok(())
    } else {
        Err(format!("the node runs the rollup {address}, not {wanted}"))
    }
}

fn get(arguments: &Arguments, path: &str) -> Result<Value, String> {
    let text = ask(arguments, "GET", path, None)?;
    serde_json::from_str(&text).map_err(|error| format!("the answer is not JSON: {error}"))
}

fn url(arguments: &Arguments, path: &str) -> Result<String, String> {
    let base = arguments.endpoint.trim_end_matches('/');
    if !(base.starts_with("http://") || base.starts_with("https://")) {
        return Err("Endpoint should be of the form http[s]://address:port".into());
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(format!("{base}{slash}{path}"))
}

fn ask(
    arguments: &Arguments,
    method: &str,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<String, String> {
    good(
        arguments,
        http::request(method, &url(arguments, path)?, body)?,
    )
}

/// An answer for people; what comes without end is shown as it comes.
fn follow(arguments: &Arguments, path: &str) -> Result<String, String> {
    let mut streamed = false;
    let mut out = std::io::stdout().lock();
    let answer = http::follow(&url(arguments, path)?, &mut |line| {
        streamed = true;
        let text = indented(line).unwrap_or_else(|_| line.to_owned());
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            // Nobody reads any more.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(format!("standard output: {error}")),
        }
    })?;
    drop(out);
    if streamed {
        return Ok(String::new());
    }
    pretty(&good(arguments, answer)?)
}

/// The text of a good answer; what went wrong otherwise.
fn good(arguments: &Arguments, answer: Answer) -> Result<String, String> {
    let Answer { status, body } = answer;
    let text = String::from_utf8_lossy(&body);
    match status {
        200 => Ok(text.into_owned()),
        403 => Err(format!(
            "[HTTP 403] Access denied to: {}",
            arguments.endpoint.trim_end_matches('/')
        )),
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

fn pretty(text: &str) -> Result<String, String> {
    indented(text).map_err(|error| format!("the answer is not JSON: {error}"))
}

/// JSON laid out for people, its fields in their order, of any depth.
fn indented(text: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    let mut out = String::new();
    let mut depth = 0;
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                out.push(c);
                while let Some(c) = rest.next() {
                    out.push(c);
                    match c {
                        '"' => break,
                        '\\' => out.extend(rest.next()),
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                match rest.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(depth, &mut out);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(depth, &mut out);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(depth, &mut out);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Ok(out)
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
    fn json_is_laid_out_in_its_own_order_and_at_any_depth() {
        let text = r#"{"b":[1,"a,\"]"],"a":{ },"c":[ ]}"#;
        let shown = "{\n  \"b\": [\n    1,\n    \"a,\\\"]\"\n  ],\n  \"a\": {},\n  \"c\": []\n}";
        assert_eq!(super::indented(text).unwrap(), shown);
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        assert_eq!(super::indented(&deep).unwrap().lines().count(), 3_999);
        assert!(super::indented("[1").is_err());
    }

    #[test]
    fn bytes_are_quoted_as_in_ocaml() {
        assert_eq!(super::quoted(b"a\"\\\n\x01\xff"), r#""a\"\\\n\001\255""#);
    }
}
