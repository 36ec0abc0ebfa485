//! From paths to answers (rollup-node.md, section 9.2).

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::answer::{self, Refusal, Reply};
use super::{Asked, Service, blocks, metrics, openapi, sandbox};
use crate::encoding::base58::{BLOCK, COMMITMENT, MESSAGE, ROLLUP};
use crate::node::Node;
use crate::node::batcher::{Refused, Status, Waiting};
use crate::node::block::Block;
use crate::node::chain::operation_hash;
use crate::node::shapes::{self, Pending};

/// Answers a request.
///
/// # Errors
/// Everything but a good answer.
pub async fn route(service: &Arc<Service>, asked: Asked) -> Result<Reply, Refusal> {
    let node = &service.node;
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    // What exists under another method is told apart from what does not exist.
    match path[..] {
        ["global", "block", _, "simulate"]
        | [
            "sandbox",
            "bake" | "messages" | "migrate" | "reorg" | "cement" | "time" | "execute" | "patch",
        ] => {
            method(&asked, &Method::POST, "POST")?;
        }
        ["local", "batcher", "injection"]
        | ["local", "dal", "batcher", "injection"]
        | ["local", "dal", "slot", "indices"] => {
            method(&asked, &Method::POST, "POST")?;
        }
        ["local", "dal", "injection", _, "forget"] => method(&asked, &Method::POST, "POST")?,
        ["admin", "batcher", "queue"] => method(&asked, &Method::DELETE, "DELETE")?,
        ["admin", "injector", "queues"] if asked.method == Method::DELETE => {}
        _ => method(&asked, &Method::GET, "GET")?,
    }
    let value = match path[..] {
        ["ping"] => json!({}),
        ["health"] => metrics::health(service),
        ["version"] => json!({
            "version": concat!("drun-rollup ", env!("CARGO_PKG_VERSION")),
            "store_version": "sandbox-1",
            "context_version": "0",
        }),
        ["config"] => node.settings.shown.clone(),
        ["stats", "memory"] => metrics::memory()?,
        ["metrics"] => {
            let text = metrics::metrics(service).into_bytes();
            return Ok(answer::plain("text/plain; version=0.0.4", text));
        }
        ["openapi"] => openapi(),
        ["global", "smart_rollup_address"] => ROLLUP.encode(&node.settings.rollup).into(),
        ["global", "tezos_head"] => BLOCK.encode(&node.head().hash).into(),
        ["global", "tezos_level"] => node.head().level.into(),
        ["global", "monitor_blocks"] => return Ok(monitor(node, false)),
        ["global", "monitor_finalized_blocks"] => return Ok(monitor(node, true)),
        ["global", "last_stored_commitment"] => last_stored(node)?,
        ["global", "last_cemented_commitment"] => last_cemented(node)?,
        ["global", "block", id, ref rest @ ..] => {
            return blocks::route(service, id, rest, &asked).await;
        }
        ["local", "last_published_commitment"] => last_published(node)?,
        ["local", "commitments", text] => {
            let hash = COMMITMENT
                .decode(text)
                .ok()
                .and_then(|hash| hash.try_into().ok());
            let hash = hash.ok_or_else(|| unacceptable(text, "commitment_hash"))?;
            let kept = node.store.commitment(&hash)?;
            kept.map_or(Value::Null, |kept| shapes::kept(&hash, &kept))
        }
        ["local", "gc_info"] => gc_info(node),
        ["local", "synchronized"] => {
            return Ok(answer::plain(
                "application/json",
                b"\"synchronized\"\n".to_vec(),
            ));
        }
        ["local", "outbox", "pending"] => pending(node, Pending::All, &asked)?,
        ["local", "outbox", "pending", "executable"] => pending(node, Pending::Executable, &asked)?,
        ["local", "outbox", "pending", "unexecutable"] => {
            pending(node, Pending::Unexecutable, &asked)?
        }
        ["local", "batcher", ref rest @ ..] | ["admin", "batcher", ref rest @ ..] => {
            batcher(node, rest, &asked)?
        }
        ["local", "injector", "operation", _, "status"] => json!({ "status": "unknown" }),
        ["admin", "injector", "queues", ..] => json!({
            "injectors": [{ "tags": node.settings.mode.purposes().iter().map(|purpose| purpose.name()).collect::<Vec<_>>(), "queue_size": 0 }],
            "total": 0,
        }),
        ["admin", "cancel_gc"] => false.into(),
        ["local", "dal", ..] => {
            return Err(Refusal::failure(
                "This rollup node does not have DAL injector.",
            ));
        }
        ["sandbox", ref rest @ ..] => return sandbox::route(service, rest, &asked).await,
        _ => return Err(Refusal::NotFound),
    };
    Ok(answer::json(&value))
}

fn method(asked: &Asked, wanted: &Method, allowed: &'static str) -> Result<(), Refusal> {
    if asked.method == wanted || (wanted == Method::GET && asked.method == Method::HEAD) {
        Ok(())
    } else {
        Err(Refusal::Method(allowed))
    }
}

/// An argument in a path that cannot be read.
pub fn unacceptable(value: &str, kind: &str) -> Refusal {
    Refusal::Request(format!(
        "Failed to parsed an argument in path. After \"\", the value \"{value}\" is not acceptable for type \"{kind}\""
    ))
}

/// The body as JSON.
pub fn body(asked: &Asked) -> Result<Value, Refusal> {
    serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::Request(format!("Failed to parse the request body: {error}")))
}

/// Every block as it comes, the current one first.
fn monitor(node: &Arc<Node>, finalized: bool) -> Reply {
    let (sender, reply) = answer::stream("application/json");
    let mut heads = node.heads.subscribe();
    let node = Arc::clone(node);
    tokio::spawn(async move {
        let shown = |head: &Arc<Block>| {
            let block = if finalized {
                let level = node.finalized_level(head.level);
                node.store.block(level).ok().flatten().map(Arc::new)
            } else {
                Some(Arc::clone(head))
            };
            block.map(|block| {
                (
                    block.level,
                    format!("{}\n", Value::Object(shapes::header(&block))),
                )
            })
        };
        let mut head = node.head();
        let mut last = None;
        loop {
            if let Some((level, line)) = shown(&head)
                && !(finalized && last == Some(level))
            {
                last = Some(level);
                if sender.send(Bytes::from(line)).await.is_err() {
                    return;
                }
            }
            head = loop {
                tokio::select! {
                    received = heads.recv() => match received {
                        Ok(head) => break head,
                        // Somebody who reads too slowly misses blocks.
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    () = sender.closed() => return,
                }
            };
        }
    });
    reply
}

fn last_stored(node: &Node) -> Result<Value, Refusal> {
    let head = node.head();
    let (hash, commitment) = match &head.commitment {
        Some(commitment) => (commitment.hash(), Some(commitment.clone())),
        None => {
            let hash = head.previous_commitment;
            (
                hash,
                node.store.commitment(&hash)?.map(|kept| kept.commitment),
            )
        }
    };
    Ok(commitment.map_or(Value::Null, |commitment| {
        json!({ "commitment": shapes::commitment(&commitment), "hash": COMMITMENT.encode(&hash) })
    }))
}

fn last_cemented(node: &Node) -> Result<Value, Refusal> {
    let (level, hash) = node.head().cemented;
    let kept = node.store.commitment(&hash)?;
    if node.settings.style_v18 {
        return Ok(kept.map_or(Value::Null, |kept| {
            json!({ "commitment": shapes::commitment(&kept.commitment), "hash": COMMITMENT.encode(&hash) })
        }));
    }
    let mut out = json!({ "commitment_hash": COMMITMENT.encode(&hash), "level": level });
    if let Some(kept) = kept {
        out["commitment"] = shapes::commitment(&kept.commitment);
    }
    Ok(out)
}

fn last_published(node: &Node) -> Result<Value, Refusal> {
    if !node.settings.mode.publishes() {
        return Ok(Value::Null);
    }
    let head = node.head();
    let period = node.settings.constants.commitment_period.max(1);
    let origin = node.settings.origination_level;
    let newest = origin + (head.level - origin) / period * period;
    let mut level = newest;
    while level >= head.cemented.0 {
        if let Some(commitment) = node.store.block(level)?.and_then(|block| block.commitment) {
            let hash = commitment.hash();
            if let Some(kept) = node.store.commitment(&hash)?
                && (kept.published.is_some() || level == origin)
            {
                return Ok(shapes::kept(&hash, &kept));
            }
        }
        level -= period;
    }
    Ok(Value::Null)
}

fn gc_info(node: &Node) -> Value {
    let live = node.live();
    let mut out = json!({ "first_available_level": live.first_level });
    if let Some((target, head)) = live.collected {
        out["last_gc_level"] = head.into();
        out["last_successful_gc_target"] = target.into();
    }
    out
}

fn pending(node: &Node, which: Pending, asked: &Asked) -> Result<Value, Refusal> {
    let only = asked.query.number("outbox_level")?;
    Ok(shapes::pending(node, which, only)?)
}

fn batcher(node: &Node, rest: &[&str], asked: &Asked) -> Result<Value, Refusal> {
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
            let commitment = commitment_of(node, level)?;
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
            if let Some(crate::node::block::Operation::Messages(messages)) =
                block.operations.get(operation as usize)
            {
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

/// The commitment that covers a level, once its block has been made.
pub fn commitment_of(
    node: &Node,
    level: i32,
) -> Result<Option<crate::encoding::hash::Hash>, Refusal> {
    let covering = covering_level(node, level);
    let block = node.store.block(covering)?;
    Ok(block.and_then(|block| Some(block.commitment.as_ref()?.hash())))
}

/// The level of the commitment that covers a level.
pub fn covering_level(node: &Node, level: i32) -> i32 {
    let period = node.settings.constants.commitment_period.max(1);
    let origin = node.settings.origination_level;
    origin + (level - origin + period - 1).div_euclid(period) * period
}
