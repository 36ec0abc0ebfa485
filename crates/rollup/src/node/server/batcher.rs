//! The batcher over HTTP: injection, the queue, where a message is (rollup-node.md, section 6).

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::service::{Asked, unacceptable};
use crate::encoding::base58::{BLOCK, COMMITMENT, MESSAGE};
use crate::node::Node;
use crate::node::batcher::{Refused, Status, Waiting};
use crate::node::block::Operation;
use crate::node::chain::operation_hash;
use crate::node::shapes;

/// Answers a request under `/local/batcher` or `/admin/batcher`.
///
/// # Errors
/// Everything but a good answer.
pub(super) fn route(node: &Node, rest: &[&str], asked: &Asked) -> Result<Value, Refusal> {
    if !node.settings.mode.has_batcher() {
        return Err(Refusal::failure("This rollup node does not have batcher."));
    }
    match *rest {
        ["injection"] => inject(node, asked),
        ["queue"] if asked.method == Method::DELETE => {
            let below = asked.query.number("order_below")?;
            let without_order = asked.query.truth("drop_no_order")?;
            node.live().batcher.clear(below, without_order);
            Ok(Value::Null)
        }
        ["queue"] => {
            let live = node.live();
            Ok(live
                .batcher
                .queue()
                .map(|waiting| item(node, waiting))
                .collect())
        }
        ["queue", text] => status(node, text),
        _ => Err(Refusal::NotFound),
    }
}

fn item(node: &Node, waiting: &Waiting) -> Value {
    let mut out = serde_json::Map::new();
    if let Some(order) = waiting.order {
        out.insert("order".into(), order.to_string().into());
    }
    let id = MESSAGE.encode(&waiting.id);
    if node.settings.style_v18 {
        out.insert("hash".into(), id.clone().into());
    }
    out.insert("id".into(), id.into());
    out.insert(
        "message".into(),
        json!({ "content": hex::encode(&waiting.content), "counter": waiting.counter.to_string() }),
    );
    Value::Object(out)
}

fn inject(node: &Node, asked: &Asked) -> Result<Value, Refusal> {
    let order = asked.query.number("order")?;
    let drop_duplicate = asked.query.truth("drop_duplicate")?;
    let wrong = |what: &str| Refusal::Request(format!("Failed to parse the request body: {what}"));
    let messages: Vec<std::borrow::Cow<'_, str>> = serde_json::from_slice(&asked.body)
        .map_err(|error| wrong(&format!("expected a list of hexadecimal strings: {error}")))?;
    let messages = messages
        .iter()
        .map(|message| hex::decode(&**message))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&format!("a message is not hexadecimal: {error}")))?;
    let ids = node.live().batcher.inject(messages, order, drop_duplicate);
    match ids {
        Ok(ids) => Ok(ids
            .iter()
            .map(|id| Value::from(MESSAGE.encode(id)))
            .collect()),
        Err(refused @ Refused::Full) => Err(Refusal::Failure {
            kind: "temporary",
            id: "batcher.heap_insertion_failed",
            text: refused.to_string(),
        }),
        Err(refused) => Err(Refusal::failure(refused.to_string())),
    }
}

fn status(node: &Node, text: &str) -> Result<Value, Refusal> {
    let id = MESSAGE.decode(text).ok().and_then(|id| id.try_into().ok());
    let id = id.ok_or_else(|| unacceptable(text, "message_id"))?;
    let (status, content, head) = {
        let live = node.live();
        let (status, content) = live.batcher.status(&id);
        (status, content.map(hex::encode), Arc::clone(&live.head))
    };
    let mut out = serde_json::Map::new();
    if let Some(content) = content {
        out.insert("content".into(), content.into());
    }
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    match status {
        Status::Unknown => {
            put("status", "unknown".into());
        }
        Status::Pending => {
            put("status", "pending_batch".into());
        }
        Status::Included { level, operation } => {
            let Some(block) = node.store.block(level)? else {
                return Ok(json!({ "status": "unknown" }));
            };
            let commitment = node.commitment_of(level)?;
            let published = match &commitment {
                Some(hash) => node
                    .store
                    .commitment(hash)?
                    .and_then(|kept| Some((*hash, kept.commitment, kept.published?))),
                None => None,
            };
            put(
                "status",
                if published.is_some() {
                    "committed"
                } else {
                    "included"
                }
                .into(),
            );
            if let Some(Operation::Messages(messages)) = block.operations.get(operation as usize) {
                let messages: Vec<String> = messages.iter().map(hex::encode).collect();
                put(
                    "operation",
                    json!({ "kind": "add_messages", "message": messages }),
                );
            }
            put(
                "layer1",
                json!({
                    "operation_hash": operation_hash(&block, operation),
                    "operation_index": operation,
                    "block_hash": BLOCK.encode(&block.hash),
                    "level": level,
                }),
            );
            put(
                "finalized",
                (level <= node.finalized_level(head.level)).into(),
            );
            put("cemented", (level <= head.cemented.0).into());
            if let Some((hash, commitment, level)) = published {
                put("commitment", shapes::commitment(&commitment));
                put("hash", COMMITMENT.encode(&hash).into());
                put("first_published_at_level", level.into());
                put("published_at_level", level.into());
            }
        }
    }
    Ok(Value::Object(out))
}
