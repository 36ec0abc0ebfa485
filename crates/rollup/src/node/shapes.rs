//! What the RPC shows, as JSON: blocks, inboxes, commitments, outboxes (rollup-node.md, sections 5.3, 7.3, 8 and 9.2).

use serde_json::{Map, Value, json};

use super::Node;
use super::block::Block;
use super::commitment::Commitment;
use super::store::Kept;
use crate::encoding::base58::{BLOCK, COMMITMENT, INBOX, STATE, WITNESS};
use crate::encoding::hash::Hash;
use crate::encoding::json::Json;
use crate::outbox::message::OutboxMessage;
use crate::pvm::Status;
use crate::reveal::Request;

/// The status of a machine, in the RPC's words.
pub(super) fn status(status: &Status) -> String {
    match status {
        Status::Evaluating => "Computing".into(),
        Status::WaitingForInput => "Waiting for input message".into(),
        Status::WaitingForReveal(request @ Request::Preimage(_)) => {
            format!("Waiting for preimage reveal {request}")
        }
        Status::WaitingForReveal(Request::Metadata) => "Waiting for metadata".into(),
        Status::WaitingForReveal(Request::DalParameters) => "Waiting for DAL parameters".into(),
        Status::WaitingForReveal(request) => format!("Waiting for page data {request}"),
    }
}

/// A commitment.
pub(super) fn commitment(commitment: &Commitment) -> Value {
    json!({
        "compressed_state": STATE.encode(&commitment.state),
        "inbox_level": commitment.level,
        "predecessor": COMMITMENT.encode(&commitment.predecessor),
        "number_of_ticks": commitment.ticks.to_string(),
    })
}

/// A commitment with its hash and, if it is, where it was published.
pub(super) fn kept(hash: &Hash, kept: &Kept) -> Value {
    let mut out = json!({
        "commitment": commitment(&kept.commitment),
        "hash": COMMITMENT.encode(hash),
    });
    if let Some(level) = kept.published {
        out["first_published_at_level"] = level.into();
        out["published_at_level"] = level.into();
    }
    out
}

/// The history of an inbox.
pub(super) fn inbox(block: &Block) -> Value {
    let inbox = &block.inbox;
    let back: Vec<String> = inbox
        .cell
        .back
        .iter()
        .map(|hash| INBOX.encode(hash))
        .collect();
    json!({
        "level": inbox.level,
        "old_levels_messages": {
            "index": inbox.cell.index.to_string(),
            "content": { "hash": WITNESS.encode(&inbox.witness), "level": inbox.level },
            "back_pointers": back,
        },
    })
}

/// The message of a rollup to a contract, its fields in the order of the real node; `None` when it cannot be understood.
fn decoded(message: &[u8], style_v18: bool) -> Option<Json> {
    let mut json = OutboxMessage::decode(message)?.to_json();
    // Of v18, only the form of transactions is known.
    if style_v18
        && let Json::Object(fields) = &mut json
        && let Some(("transactions", Json::Array(transactions))) = fields.first_mut()
    {
        for transaction in transactions {
            if let Json::Object(fields) = transaction {
                let named = fields.pop_if(|(key, _)| *key == "entrypoint");
                let name = match named {
                    Some((_, Json::String(name))) => name,
                    _ => "default".into(),
                };
                fields.push(("entrypoint", format!("%{name}").into()));
            }
        }
        fields.retain(|(key, _)| *key != "kind");
    }
    Some(json)
}

/// The same, or its digits.
pub(super) fn outbox_message(message: &[u8], style_v18: bool) -> Value {
    let decoded = decoded(message, style_v18).map(Value::from);
    decoded.unwrap_or_else(|| hex::encode(message).into())
}

/// An item of the list of outbox messages.
pub(super) fn outbox_item(level: i32, index: u32, message: &[u8], style_v18: bool) -> Option<Json> {
    Some(Json::Object(vec![
        ("outbox_level", i64::from(level).into()),
        ("message_index", index.to_string().into()),
        ("message", decoded(message, style_v18)?),
    ]))
}

/// An item of the outbox within a block, or of the messages that wait.
pub(super) fn indexed(index: u32, message: &[u8]) -> Option<Value> {
    let mut out = Map::new();
    out.insert("message_index".into(), index.into());
    let mut message = Value::from(decoded(message, false)?);
    let fields = message.as_object_mut()?;
    match fields.remove("kind")?.as_str()? {
        "whitelist_update" => {
            let keys = fields.remove("whitelist").unwrap_or(Value::Null);
            out.insert("whitelist_update".into(), keys);
        }
        "canonical_rollup_signal" => {
            out.insert("canonical_rollup_signal".into(), fields.remove("payload")?);
        }
        _ => {
            out.insert("transactions".into(), fields.remove("transactions")?);
        }
    }
    Some(Value::Object(out))
}

/// The head of a block, as streams have it.
pub(super) fn header(block: &Block) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("block_hash", BLOCK.encode(&block.hash).into());
    put("level", block.level.into());
    put("predecessor", BLOCK.encode(&block.predecessor).into());
    let hash = block
        .commitment
        .as_ref()
        .map(|commitment| COMMITMENT.encode(&commitment.hash()));
    put("commitment_hash", hash.into());
    put(
        "previous_commitment_hash",
        COMMITMENT.encode(&block.previous_commitment).into(),
    );
    put("inbox_witness", WITNESS.encode(&block.inbox.witness).into());
    put("inbox_hash", INBOX.encode(&block.inbox.cell.hash).into());
    put("initial_tick", block.initial_tick.to_string().into());
    put("num_ticks", block.num_ticks.to_string().into());
    put("state_hash", STATE.encode(&block.state_hash()).into());
    put("pvm_status", status(&Status::WaitingForInput).into());
    out
}

/// A whole block.
pub(super) fn block(block: &Block, outbox: bool) -> Value {
    let mut out = header(block);
    out.insert("inbox".into(), inbox(block));
    let messages: Vec<String> = block.messages.iter().map(hex::encode).collect();
    out.insert("messages".into(), messages.into());
    if let Some(own) = &block.commitment {
        out.insert("commitment".into(), commitment(own));
    }
    if outbox {
        let items: Vec<Value> = (0..)
            .zip(&block.outbox)
            .filter_map(|(index, message)| indexed(index, message))
            .collect();
        out.insert("outbox".into(), items.into());
    }
    Value::Object(out)
}

/// Which outbox messages wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    All,
    Executable,
    Unexecutable,
}

/// The outbox messages that have not been executed, by level.
///
/// # Errors
/// If the store fails.
pub(super) fn pending(node: &Node, which: Pending, only: Option<i32>) -> Result<Value, String> {
    let head = node.head();
    let cemented = head.cemented.0;
    let oldest = cemented - node.settings.constants.active_outbox_levels;
    let (from, to) = match only {
        Some(level) => (level, level),
        None => (node.settings.origination_level, head.level),
    };
    let mut out = Vec::new();
    for (level, outbox) in node.store.outboxes(from, to)? {
        let (word, kind) = if level <= oldest {
            ("lost", None)
        } else if level <= cemented {
            ("executable", Some(Pending::Executable))
        } else {
            ("pending", Some(Pending::Unexecutable))
        };
        if which != Pending::All && kind != Some(which) {
            continue;
        }
        let mut messages = Vec::new();
        for (index, message) in (0..).zip(&outbox.messages) {
            if node.store.executed(level, index)?.is_none() {
                let mut item = Map::new();
                item.insert("message_index".into(), index.into());
                if let Some(Value::Object(mut fields)) = indexed(index, message) {
                    fields.remove("message_index");
                    item.insert("message".into(), fields.into());
                }
                messages.push(Value::Object(item));
            }
        }
        if !messages.is_empty() {
            let mut entry = json!({ "outbox_level": level, "messages": messages });
            if which == Pending::All {
                entry["status"] = word.into();
            }
            out.push(entry);
        }
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::message::from_json;

    const CONTRACT: &str = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";

    fn item(json: &str, style_v18: bool) -> String {
        let message = from_json(json).unwrap().encode().unwrap();
        outbox_item(1, 0, &message, style_v18).unwrap().to_string()
    }

    #[test]
    fn an_outbox_item_has_the_order_of_the_real_node() {
        let typed = format!(
            r#"[{{"destination":"{CONTRACT}","parameters":"1","parameters_ty":"int","entrypoint":"mint"}}]"#
        );
        assert_eq!(
            item(&typed, false),
            format!(
                r#"{{"outbox_level":1,"message_index":"0","message":{{"transactions":[{{"parameters":{{"int":"1"}},"parameters_ty":{{"prim":"int"}},"destination":"{CONTRACT}","entrypoint":"mint"}}],"kind":"typed"}}}}"#
            )
        );
        let plain = format!(r#"{{"destination":"{CONTRACT}","parameters":"Unit"}}"#);
        assert_eq!(
            item(&plain, true),
            format!(
                r#"{{"outbox_level":1,"message_index":"0","message":{{"transactions":[{{"parameters":{{"prim":"Unit"}},"destination":"{CONTRACT}","entrypoint":"%default"}}]}}}}"#
            )
        );
        // What v18 had no word for keeps its kind.
        assert!(
            item(r#"{"whitelist":null}"#, true)
                .ends_with(r#""message":{"kind":"whitelist_update"}}"#)
        );
    }

    #[test]
    fn parameters_of_any_depth_are_shown() {
        let parameters = format!("{}1{}", "Some (".repeat(300), ")".repeat(300));
        let json = format!(r#"{{"destination":"{CONTRACT}","parameters":"{parameters}"}}"#);
        let message = from_json(&json).unwrap().encode().unwrap();
        assert_eq!(item(&json, false).matches("Some").count(), 300);
        let within = indexed(0, &message).unwrap().to_string();
        assert_eq!(within.matches("Some").count(), 300);
    }
}
