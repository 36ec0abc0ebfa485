//! From paths to answers (rollup-node.md, section 9.2).

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::answer::{self, Refusal, Reply};
use super::openapi;
use super::service::{Asked, Service, digits, unacceptable};
use super::{batcher, blocks, metrics, sandbox};
use crate::encoding::base58::{BLOCK, COMMITMENT, MESSAGE, ROLLUP};
use crate::encoding::hash::Hash;
use crate::node::Node;
use crate::node::shapes::{self, Pending};

/// Answers a request.
///
/// # Errors
/// Everything but a good answer.
pub(super) async fn route(service: &Arc<Service>, asked: Asked) -> Result<Reply, Refusal> {
    let node = &service.node;
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let method = match &asked.method {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let methods = openapi::methods(&path);
    if methods.is_empty() {
        return Err(Refusal::NotFound);
    }
    if !methods.iter().any(|known| known == method) {
        return Err(Refusal::Method(methods.join(", ")));
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
        ["openapi"] => openapi::document(),
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
        ["local", "batcher", ref rest @ ..] => batcher::route(node, rest, &asked)?,
        ["admin", "batcher", "queue"] => batcher::route(node, &["queue"], &asked)?,
        ["local", "injector", "operation", id, "status"] => batcher::operation(node, id)?,
        ["admin", "injector", ..] => injector(node, &asked)?,
        ["admin", "cancel_gc"] => false.into(),
        ["local", "dal", ref rest @ ..] => dal(node, rest, &asked)?,
        ["sandbox", ref rest @ ..] => return sandbox::route(service, rest, &asked).await,
        _ => return Err(Refusal::NotFound),
    };
    Ok(answer::json(&value))
}

/// The queue of the one injector: the batches that wait for a block.
fn injector(node: &Node, asked: &Asked) -> Result<Value, Refusal> {
    let mut live = node.live();
    if asked.method == Method::DELETE {
        live.pool.drop_batches()?;
    }
    let waiting = live.pool.batcher.batches();
    let purposes = node.settings.mode.purposes();
    let tags: Vec<_> = purposes.iter().map(|purpose| purpose.name()).collect();
    Ok(json!({ "injectors": [{ "tags": tags, "queue_size": waiting }], "total": waiting }))
}

/// The simulated data availability layer.
fn dal(node: &Node, rest: &[&str], asked: &Asked) -> Result<Value, Refusal> {
    if !node.settings.simulate_dal {
        return Err(Refusal::failure(
            "This rollup node does not have DAL injector.",
        ));
    }
    match *rest {
        ["batcher", "injection"] => {
            let ids = node.live().dal.inject(digits(asked)?)?;
            Ok(ids.iter().map(|id| MESSAGE.encode(id)).collect())
        }
        ["slot", "indices"] => {
            let slots = serde_json::from_slice(&asked.body).map_err(|error| {
                Refusal::Request(format!("Failed to parse the request body: {error}"))
            })?;
            node.live().dal.set_slots(slots)?;
            Ok(Value::Null)
        }
        ["injected", "operations", "statuses"] => Ok(node.live().dal.statuses()),
        ["injection", id, "forget"] => {
            let hash = MESSAGE.decode(id).ok().and_then(|id| id.try_into().ok());
            let hash = hash.ok_or_else(|| unacceptable(id, "message_id"))?;
            node.live().dal.forget(&hash);
            Ok(Value::Null)
        }
        _ => Err(Refusal::NotFound),
    }
}

/// Every block as it comes, the current one first.
fn monitor(node: &Arc<Node>, finalized: bool) -> Reply {
    let (sender, reply) = answer::stream("application/json");
    let mut heads = node.heads.subscribe();
    let node = Arc::clone(node);
    tokio::spawn(async move {
        let mut head = node.head();
        let mut last: Option<(i32, Hash)> = None;
        loop {
            let newest = if finalized {
                node.finalized_level(head.level)
            } else {
                head.level
            };
            // Who reads too slowly gets what has been missed, too.
            let next = match last {
                None => newest,
                // What is final stays.
                Some((level, _)) if finalized => level + 1,
                Some((level, _)) => newest.min(level + 1),
            };
            for level in next..=newest {
                let block = if level == head.level {
                    Some(Arc::clone(&head))
                } else {
                    node.store.block(level).ok().flatten().map(Arc::new)
                };
                let Some(block) = block.filter(|block| last != Some((level, block.hash))) else {
                    continue;
                };
                last = Some((level, block.hash));
                let line = format!("{}\n", Value::Object(shapes::header(&block)));
                if sender.send(Bytes::from(line)).await.is_err() {
                    return;
                }
            }
            head = loop {
                tokio::select! {
                    received = heads.recv() => match received {
                        Ok(head) => break head,
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
