//! What a real node does not have: blocks on request, messages past the batcher, reorganisations
//! (rollup-node.md, section 5.2).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::answer::{self, Refusal, Reply};
use super::service::{Asked, Service, body, unacceptable};
use crate::encoding::base58::{BLOCK, OPERATION, STATE};
use crate::inbox::{inputs, message};
use crate::node::block::Operation;
use crate::node::chain::{Made, Order};
use crate::node::{dissect, execution, proof, time};
use crate::version::Version;

/// The most blocks of one request.
const MAX_BLOCKS: u64 = 1_000_000;

/// The most bytes of a message in an inbox, with its tag.
const MAX_MESSAGE: usize = 4096;

/// The most ticks of one dissection.
const MAX_TICKS: usize = 1_000;

/// Answers a request under `/sandbox`.
///
/// # Errors
/// Everything but a good answer.
pub(super) async fn route(
    service: &Arc<Service>,
    rest: &[&str],
    asked: &Asked,
) -> Result<Reply, Refusal> {
    let node = &service.node;
    let wrong = |what: &str| Refusal::Request(format!("Failed to parse the request body: {what}"));
    let value = match *rest {
        ["info"] => info(service)?,
        ["bake"] => {
            let request = if asked.body.is_empty() {
                json!({})
            } else {
                body(asked)?
            };
            let count = match &request["count"] {
                Value::Null => 1,
                count => count
                    .as_u64()
                    .filter(|count| *count <= MAX_BLOCKS)
                    .ok_or_else(|| wrong("count"))?,
            };
            let timestamp = match &request["timestamp"] {
                Value::Null => None,
                text => {
                    let seconds = text
                        .as_str()
                        .and_then(time::parse)
                        .or_else(|| text.as_i64())
                        .filter(|seconds| *seconds <= time::LAST);
                    Some(seconds.ok_or_else(|| wrong("timestamp"))?)
                }
            };
            bake(service, count as u32, timestamp).await?
        }
        ["messages"] => {
            let request = body(asked)?;
            let items = request
                .as_array()
                .ok_or_else(|| wrong("expected a list of messages"))?;
            let mut operations = Vec::new();
            for (n, item) in items.iter().enumerate() {
                let mut fields = item
                    .as_object()
                    .cloned()
                    .ok_or_else(|| wrong(&format!("message {n}: expected an object")))?;
                if fields.contains_key("payload") {
                    for (key, default) in ["sender", "source"].iter().zip(&node.settings.defaults) {
                        if let Some(default) = default
                            && !fields.contains_key(*key)
                        {
                            fields.insert((*key).to_owned(), default.as_str().into());
                        }
                    }
                }
                let message = inputs::message(&fields, node.settings.rollup)
                    .map_err(|error| wrong(&format!("message {n}: {error}")))?;
                if message.len() > MAX_MESSAGE {
                    return Err(wrong(&format!(
                        "message {n}: {} bytes, at most {MAX_MESSAGE} are allowed",
                        message.len()
                    )));
                }
                operations.push(Operation::Serialized(message));
            }
            let added = operations.len();
            let (level, place) = {
                let mut live = node.live();
                let (above, first) = live.pool.enqueue(operations.clone())?;
                (live.head.level + above, first)
            };
            if asked.query.truth("bake")? {
                bake(service, 1, None).await?;
            }
            let mut out = json!({ "added": added });
            if asked.query.truth("hashes")? {
                let hashes = (place..).zip(&operations);
                let hashes = hashes.map(|(number, one)| OPERATION.encode(&one.hash(level, number)));
                out["operations"] = hashes.collect();
            }
            out
        }
        ["migrate"] => {
            let request = body(asked)?;
            let name = request["protocol"]
                .as_str()
                .filter(|name| message::migration(name).len() <= MAX_MESSAGE)
                .ok_or_else(|| wrong("protocol"))?;
            node.live().migration = Some(name.to_owned());
            json!({ "protocol": name, "known": Version::of_protocol(name).is_some() })
        }
        ["reorg"] => {
            let request = body(asked)?;
            let depth = request["depth"]
                .as_i64()
                .and_then(|depth| i32::try_from(depth).ok());
            let depth = depth.ok_or_else(|| wrong("depth"))?;
            let (reply, answer) = oneshot::channel();
            ask(service, Order::Reorg { depth, reply })?;
            json!({ "level": wait(answer).await? })
        }
        ["cement"] => {
            let request = if asked.body.is_empty() {
                json!({})
            } else {
                body(asked)?
            };
            let head = node.head().level;
            let level = match &request["level"] {
                Value::Null => head,
                level => {
                    let level = level.as_i64().and_then(|level| i32::try_from(level).ok());
                    level.ok_or_else(|| wrong("level"))?
                }
            };
            node.live().cement = Some(level);
            bake(service, 1, None).await?;
            json!({ "cemented": node.head().cemented.0 })
        }
        ["time"] => {
            let request = body(asked)?;
            let seconds = request["block_time"]
                .as_f64()
                .filter(|seconds| (0.0..=86_400.0).contains(seconds));
            let seconds = seconds.ok_or_else(|| wrong("block_time"))?;
            node.live().block_time = seconds;
            ask(service, Order::Wake)?;
            json!({ "block_time": seconds })
        }
        ["dissection", level] => {
            let level = level.parse().map_err(|_| unacceptable(level, "int32"))?;
            let wanted = asked.query.get("ticks").unwrap_or_default().to_owned();
            let ticks: Result<Vec<u64>, _> = wanted.split(',').map(str::parse).collect();
            let mut ticks = ticks
                .ok()
                .filter(|ticks| ticks.len() <= MAX_TICKS)
                .ok_or_else(|| unacceptable(&wanted, "list of ticks"))?;
            ticks.sort_unstable();
            let node = Arc::clone(node);
            let run = move || {
                let states = dissect::states(&node, level, &ticks)?;
                Ok::<_, String>(ticks.into_iter().zip(states).collect::<Vec<_>>())
            };
            let states = tokio::task::spawn_blocking(run)
                .await
                .map_err(|error| Refusal::failure(error.to_string()))??;
            let shown = states.into_iter().map(|(tick, hash)| {
                json!({ "tick": tick.to_string(), "state_hash": hash.map(|hash| STATE.encode(&hash)) })
            });
            shown.collect()
        }
        ["refutations"] => {
            let live = node.live();
            live.refutation.shown(node.settings.loser_peer.as_deref())
        }
        ["outbox", "executed"] => executed(service)?,
        ["execute"] => {
            let request = body(asked)?;
            let bytes = request["proof"]
                .as_str()
                .and_then(|text| hex::decode(text).ok());
            let bytes = bytes.ok_or_else(|| wrong("proof"))?;
            let proven = proof::verify(&bytes)
                .ok_or_else(|| Refusal::failure("the proof does not hold together"))?;
            let kept = node.store.commitment(&proven.commitment)?;
            let kept = kept.ok_or_else(|| {
                Refusal::failure("the proof is about no commitment of this rollup")
            })?;
            let node = Arc::clone(node);
            let run = move || {
                execution::execute(&node, proven.level, proven.index, kept.commitment.level)
            };
            tokio::task::spawn_blocking(run)
                .await
                .map_err(|error| Refusal::failure(error.to_string()))??
        }
        ["debug"] => return debug(service, asked),
        _ => return Err(Refusal::NotFound),
    };
    Ok(answer::json(&value))
}

fn info(service: &Service) -> Result<Value, Refusal> {
    let protocol = service.node.store.protocol(service.node.head().level)?;
    let live = service.node.live();
    let constants = &service.node.settings.constants;
    Ok(json!({
        "level": live.head.level,
        "hash": BLOCK.encode(&live.head.hash),
        "timestamp": time::rfc3339(live.head.timestamp),
        "protocol": protocol.unwrap_or_else(|| service.node.settings.protocol.clone()),
        "origination_level": service.node.settings.origination_level,
        "pvm_version": live.head.version,
        "block_time": live.block_time,
        "blocks_late": live.blocks_late,
        "constants": {
            "commitment_period": constants.commitment_period,
            "challenge_window": constants.challenge_window,
            "max_lookahead": constants.max_lookahead,
            "max_active_outbox_levels": constants.active_outbox_levels,
            "finality": constants.finality,
        },
        "mempool": live.pool.len(),
        "degraded": live.degraded,
        "stuck": live.pvm.stuck().map(ToString::to_string),
        "note": "a simulated Layer 1; state hashes of this node are not those of a real rollup",
    }))
}

fn ask(service: &Service, order: Order) -> Result<(), Refusal> {
    let sent = service.orders.send(order);
    sent.map_err(|_| Refusal::failure("the node is ending"))
}

async fn wait<T>(answer: oneshot::Receiver<Result<T, String>>) -> Result<T, Refusal> {
    let answer = answer.await;
    Ok(answer.map_err(|_| Refusal::failure("the node is ending"))??)
}

async fn bake(service: &Service, count: u32, timestamp: Option<i64>) -> Result<Value, Refusal> {
    let (reply, answer) = oneshot::channel();
    ask(
        service,
        Order::Bake {
            count,
            timestamp,
            reply,
        },
    )?;
    let made: Vec<Made> = wait(answer).await?;
    let shown = made.iter().map(|made| {
        json!({
            "level": made.block.level,
            "hash": BLOCK.encode(&made.block.hash),
            "num_messages": made.block.messages.len(),
            "num_ticks": made.block.num_ticks.to_string(),
            "kernel_runs": made.block.kernel_runs,
            "elapsed_ms": (made.elapsed.as_secs_f64() * 1e6).round() / 1e3,
        })
    });
    Ok(shown.collect())
}

fn executed(service: &Service) -> Result<Value, Refusal> {
    let store = &service.node.store;
    let mut out = Vec::new();
    for (level, index, at) in store.all_executed()? {
        let outbox = store.outbox(level)?;
        let message = outbox.and_then(|outbox| outbox.messages.get(index as usize).cloned());
        out.push(execution::executed(
            &service.node,
            level,
            index,
            at,
            &message.unwrap_or_default(),
        ));
    }
    Ok(out.into())
}

/// What the kernel has printed, from an offset on; with `follow`, also what it will print.
fn debug(service: &Service, asked: &Asked) -> Result<Reply, Refusal> {
    let from = asked.query.number("from")?.unwrap_or(0u64);
    let log = Arc::clone(&service.node.debug);
    let since = move |from| {
        let log = log
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        log.since(from)
    };
    if !asked.query.truth("follow")? {
        let (text, next) = since(from);
        let mut reply = answer::plain("text/plain", text);
        reply.headers_mut().insert("x-next-offset", next.into());
        return Ok(reply);
    }
    let (sender, reply) = answer::stream("text/plain");
    let mut heads = service.node.heads.subscribe();
    tokio::spawn(async move {
        let mut from = from;
        loop {
            let (text, next) = since(from);
            from = next;
            if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
                return;
            }
            tokio::select! {
                received = heads.recv() => {
                    if matches!(received, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                        return;
                    }
                }
                () = sender.closed() => return,
            }
        }
    });
    Ok(reply)
}
