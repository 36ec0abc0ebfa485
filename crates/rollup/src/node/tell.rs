//! Commands that talk to a running node: messages and blocks (rollup-node.md, section 5.4).

use crate::say::say;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::http::{self, Answer};

/// A good answer as JSON; a text otherwise.
fn post(arguments: &Arguments, path: &str, body: &Value) -> Result<Value, String> {
    let endpoint = arguments.rollup_node_endpoint.trim_end_matches('/');
    let url = format!("{endpoint}{path}");
    let Answer { status, body } = http::request("POST", &url, Some(body.to_string().into_bytes()))?;
    let text = String::from_utf8_lossy(&body);
    if status != 200 {
        return Err(format!("{url}: HTTP status {status}: {}", text.trim()));
    }
    serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
}

/// The messages that a text stands for; without a prefix, all forms are tried.
pub(super) fn messages(text: &str) -> Result<Vec<Vec<u8>>, String> {
    if let Some(text) = text.strip_prefix("text:") {
        return texts(text);
    }
    if let Some(text) = text.strip_prefix("hex:") {
        return digits(text);
    }
    let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
    if let Some(path) = text.strip_prefix("file:") {
        return texts(&String::from_utf8_lossy(&read(path)?));
    }
    if let Some(path) = text.strip_prefix("bin:") {
        return Ok(vec![read(path)?]);
    }
    let wrong = match texts(text) {
        Ok(messages) => return Ok(messages),
        Err(wrong) => wrong,
    };
    match read(text) {
        Ok(bytes) => texts(&String::from_utf8_lossy(&bytes)).or(Ok(vec![bytes])),
        Err(_) => Err(wrong),
    }
}

fn list(text: &str, expected: &str) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|_| format!("Given text is not valid JSON: '{text}'"))?;
    let items = value.as_array().into_iter().flatten();
    let words: Option<Vec<String>> = items.map(|item| item.as_str().map(str::to_owned)).collect();
    words
        .filter(|_| value.is_array())
        .ok_or_else(|| expected.to_owned())
}

fn texts(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let words = list(text, "Expecting a list of string")?;
    Ok(words.into_iter().map(String::into_bytes).collect())
}

fn digits(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let words = list(text, "Expecting a list of hex-encoded string")?;
    let decode = |word: &String| {
        hex::decode(word).map_err(|_| format!("'{word}' is not a valid hex encoded message"))
    };
    words.iter().map(decode).collect()
}

fn injected(arguments: &Arguments, items: &[Value]) -> Result<(), String> {
    let added = post(
        arguments,
        "/sandbox/messages?hashes=true",
        &Value::from(items),
    )?;
    for hash in added["operations"].as_array().into_iter().flatten() {
        say!("Operation hash is '{}'", hash.as_str().unwrap_or_default())?;
    }
    if arguments.wait {
        let made = post(arguments, "/sandbox/bake", &json!({}))?;
        say!("Included in level {}", made[0]["level"])?;
    }
    Ok(())
}

/// `send smart rollup message MSG from SRC`.
///
/// # Errors
/// If the text is no list of messages, or the node refuses it.
pub(super) fn send(arguments: &Arguments, text: &str, rest: &[&str]) -> Result<(), String> {
    if !matches!(rest, [] | ["from", _]) {
        return Err(format!("expected `from SRC`, found `{}`", rest.join(" ")));
    }
    let items: Vec<Value> = messages(text)?
        .iter()
        .map(|message| json!({ "external": hex::encode(message) }))
        .collect();
    injected(arguments, &items)
}

/// `transfer PAYLOAD from KT1 [source TZ1] [to SR1]`.
///
/// # Errors
/// If a word is out of place, or the node refuses the message.
pub(super) fn transfer(
    arguments: &Arguments,
    payload: &str,
    sender: &str,
    rest: &[&str],
) -> Result<(), String> {
    let mut item = json!({ "payload": payload, "sender": sender });
    if let Some(source) = &arguments.source {
        item["source"] = source.as_str().into();
    }
    let mut rest = rest;
    loop {
        rest = match rest {
            [] => break,
            ["source", source, rest @ ..] => {
                item["source"] = (*source).into();
                rest
            }
            ["to", destination, rest @ ..] => {
                item["destination"] = (*destination).into();
                rest
            }
            _ => return Err(format!("unexpected `{}`", rest.join(" "))),
        };
    }
    injected(arguments, &[item])
}

/// The most blocks of one request of `bake`: a kernel may take its time, and an answer has to come before one gives up.
const BLOCKS: u32 = 10;

/// `bake N`. Blocks that were made are told, also when others then cannot be made.
///
/// # Errors
/// If the node cannot make the blocks.
pub(super) fn bake(arguments: &Arguments, count: u32) -> Result<(), String> {
    let mut left = count;
    while left > 0 {
        let count = left.min(BLOCKS);
        let made = post(arguments, "/sandbox/bake", &json!({ "count": count }))?;
        for block in made.as_array().into_iter().flatten() {
            say!(
                "{} {}",
                block["level"],
                block["hash"].as_str().unwrap_or_default()
            )?;
        }
        let whole = made
            .as_array()
            .is_some_and(|made| made.len() == count as usize);
        // A node that has left makes no more.
        left = if whole { left - count } else { 0 };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_list_of_texts_or_digits_or_a_file() {
        assert_eq!(messages(r#"[ "test" ]"#), Ok(vec![b"test".to_vec()]));
        assert_eq!(messages(r#"hex:["00ff"]"#), Ok(vec![vec![0, 255]]));
        for (text, error) in [
            ("text:x", "Given text is not valid JSON: 'x'"),
            ("text:[1]", "Expecting a list of string"),
            ("hex:{}", "Expecting a list of hex-encoded string"),
            (r#"hex:["0"]"#, "'0' is not a valid hex encoded message"),
        ] {
            assert_eq!(messages(text), Err(error.into()), "{text}");
        }
    }
}
