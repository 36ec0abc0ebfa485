//! The batcher over HTTP: injection, the queue, where a message is (rollup-node.md, section 6).

use std::sync::Arc;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::service::{Asked, digits, unacceptable};
use crate::encoding::base58::{BLOCK, COMMITMENT, MESSAGE, OPERATION};
use crate::node::Node;
use crate::node::batcher::{Refused, Status, Waiting};
use crate::node::block::{Block, Operation};
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
            node.live().pool.clear(below, without_order)?;
            Ok(Value::Null)
        }
        ["queue"] => {
            let live = node.live();
            Ok(live
                .pool
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
    let mut out = Map::new();
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
    let messages = digits(asked)?;
    let limits = &node.settings.batcher;
    let ids = node
        .live()
        .pool
        .inject(messages, order, drop_duplicate, limits)?;
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
    let (status, content, batch, head) = {
        let live = node.live();
        let batcher = &live.pool.batcher;
        let (status, content) = batcher.status(&id);
        let batch: Vec<String> = match status {
            Status::Batched(number) => batcher.batch(number).iter(),
            _ => [].iter(),
        }
        .map(|waiting| hex::encode(&waiting.content))
        .collect();
        (
            status,
            content.map(hex::encode),
            batch,
            Arc::clone(&live.head),
        )
    };
    let mut out = Map::new();
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
        Status::Batched(_) => {
            put("status", "pending_injection".into());
            put(
                "operation",
                json!({ "kind": "add_messages", "message": batch }),
            );
        }
        Status::Included { level, operation } => match included(node, &head, level, operation)? {
            Some(fields) => out.extend(fields),
            None => return Ok(json!({ "status": "unknown" })),
        },
    }
    Ok(Value::Object(out))
}

/// Where an operation of the simulated Layer 1 is.
///
/// # Errors
/// If the text is no hash of an operation, or the store fails.
pub(super) fn operation(node: &Node, text: &str) -> Result<Value, Refusal> {
    let hash = OPERATION.decode(text).ok();
    let hash = hash.and_then(|hash| hash.try_into().ok());
    let hash = hash.ok_or_else(|| unacceptable(text, "operation_id"))?;
    let found = match node.store.operation(&hash)? {
        Some((level, number)) => included(node, &node.head(), level, number)?,
        None => None,
    };
    Ok(found.map_or_else(|| json!({ "status": "unknown" }), Value::Object))
}

/// What became of an operation in a block; nothing when the block is no longer kept.
fn included(
    node: &Node,
    head: &Block,
    level: i32,
    operation: u32,
) -> Result<Option<Map<String, Value>>, Refusal> {
    let Some(block) = node.store.block(level)? else {
        return Ok(None);
    };
    let commitment = node.commitment_of(level)?;
    let published = match &commitment {
        Some(hash) => node
            .store
            .commitment(hash)?
            .and_then(|kept| Some((*hash, kept.commitment, kept.published?))),
        None => None,
    };
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    let word = if published.is_some() {
        "committed"
    } else {
        "included"
    };
    put("status", word.into());
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
    Ok(Some(out))
}
