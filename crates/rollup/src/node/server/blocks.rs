//! Everything under `/global/block/…` (rollup-node.md, sections 8, 9.2 and 9.3).

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{self, Refusal, Reply};
use super::service::{Asked, Service, body, unacceptable};
use crate::encoding::base58::{BLOCK, COMMITMENT, STATE};
use crate::encoding::json::Json;
use crate::node::block::Block;
use crate::node::operators::Mode;
use crate::node::shapes;
use crate::node::simulate::{Failed, simulate};
use crate::node::{Node, proof, time};
use crate::pvm::Status;
use crate::storage::{Durable, Path, Value as Bytes};

/// Answers a question about a block.
///
/// # Errors
/// Everything but a good answer.
pub(super) async fn route(
    service: &Arc<Service>,
    id: &str,
    rest: &[&str],
    asked: &Asked,
) -> Result<Reply, Refusal> {
    let node = &service.node;
    if node.settings.mode == Mode::Batcher {
        // A batcher does not follow the state.
        return Err(Refusal::failure("No head"));
    }
    let block = find(node, id)?;
    let query = &asked.query;
    let value = match *rest {
        [] => shapes::block(&block, query.truth("outbox")?),
        ["hash"] => BLOCK.encode(&block.hash).into(),
        ["level"] => block.level.into(),
        ["num_messages"] => block.messages.len().to_string().into(),
        ["inbox"] => shapes::inbox(&block),
        ["ticks"] => block.num_ticks.to_string().into(),
        ["total_ticks"] => (block.initial_tick + block.num_ticks).to_string().into(),
        ["state_hash"] => STATE.encode(&block.state_hash()).into(),
        ["state_current_level"] => block.level.into(),
        ["state"] => state(node, &block, query.get("key").unwrap_or_default())?,
        ["status"] => shapes::status(&Status::WaitingForInput).into(),
        ["durable", "wasm_2_0_0", what] => {
            let durable = node.durable(&block)?;
            durable_value(&durable, what, query.get("key").unwrap_or_default())?
        }
        ["outbox"] => match query.number("outbox_level")? {
            Some(level) => return Ok(answer::json(&outbox(node, &block, level)?)),
            None => {
                return Err(Refusal::Request(
                    "Failed to parse the query string: outbox_level is required".into(),
                ));
            }
        },
        ["outbox", level, "messages"] => {
            let level = level.parse().map_err(|_| unacceptable(level, "int32"))?;
            return Ok(answer::json(&outbox(node, &block, level)?));
        }
        ["helpers", "proofs", "outbox", level, "messages"] => {
            let level = level.parse().map_err(|_| unacceptable(level, "int32"))?;
            let index = query.number("index")?;
            let index = index
                .ok_or_else(|| Refusal::Request("Query parameter index is required".into()))?;
            outbox_proof(node, level, index)?
        }
        ["committed_status"] => committed_status(node, &block)?,
        ["dal", "slot_headers" | "processed_slots"] => json!([]),
        ["simulate"] => {
            let request = body(asked)?;
            let debug = query.truth("debug")?;
            let node = Arc::clone(node);
            let run = move || simulate(&node, &block, &request, debug);
            let simulated = tokio::task::spawn_blocking(run)
                .await
                .map_err(|error| Refusal::failure(error.to_string()))?;
            simulated.map_err(|failed| match failed {
                Failed::Body(what) => {
                    Refusal::Request(format!("Failed to parse the request body: {what}"))
                }
                Failed::Run(text) => Refusal::failure(text),
            })?
        }
        _ => return Err(Refusal::NotFound),
    };
    Ok(answer::json(&value))
}

/// The block that an id means.
fn find(node: &Node, id: &str) -> Result<Arc<Block>, Refusal> {
    let head = node.head();
    let level = match id {
        "head" => return Ok(head),
        "finalized" => node.finalized_level(head.level),
        "cemented" => head.cemented.0,
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => text
            .parse()
            .map_err(|_| Refusal::Request("Cannot parse block id".into()))?,
        text => {
            let hash = BLOCK
                .decode(text)
                .ok()
                .and_then(|hash| hash.try_into().ok());
            let hash = hash.ok_or_else(|| Refusal::Request("Cannot parse block id".into()))?;
            let level = node.store.level_of(&hash)?;
            level.ok_or_else(|| {
                Refusal::failure(format!("Could not retrieve L2 block for {text}"))
            })?
        }
    };
    if level == head.level {
        return Ok(head);
    }
    let first = node.live().first_level;
    if level < first && level >= node.settings.origination_level {
        return Err(Refusal::Failure {
            kind: "permanent",
            id: "sc_rollup.node.access_below_first_available_level",
            text: format!(
                "Attempting to access data for level {level}, which is before the first available level {first}"
            ),
        });
    }
    match node.store.block(level)? {
        Some(block) => Ok(Arc::new(block)),
        None => Err(Refusal::failure(format!(
            "Cannot retrieve hash of level {level}"
        ))),
    }
}

fn key(text: &str) -> Result<Path, Refusal> {
    Path::parse(text.as_bytes()).map_err(|_| Refusal::failure(format!("Invalid key {text}")))
}

fn durable_value(durable: &Durable, what: &str, text: &str) -> Result<Value, Refusal> {
    // The root has no value; its children can be listed.
    let path = match (what, text) {
        ("subkeys" | "values", "" | "/") => Path::root(),
        (_, "") => return Err(Refusal::failure("Invalid key ")),
        (_, text) => key(text)?,
    };
    let node = durable.node(&path);
    Ok(match what {
        "value" => match node.and_then(|node| node.value()) {
            Some(value) => hex::encode(value.to_vec()).into(),
            None => Value::Null,
        },
        "length" => match node.and_then(|node| node.value()) {
            Some(value) => value.len().to_string().into(),
            None => Value::Null,
        },
        "subkeys" => {
            let own = node.and_then(|node| node.value()).map(|_| "");
            let children = node.into_iter().flat_map(|node| node.children());
            own.into_iter()
                .chain(children.map(|(name, _)| name))
                .map(Value::from)
                .collect()
        }
        "values" => node
            .into_iter()
            .flat_map(|node| node.children())
            .filter_map(|(name, child)| {
                let value = child.value()?;
                Some(json!({ "key": name, "value": hex::encode(value.to_vec()) }))
            })
            .collect(),
        _ => return Err(Refusal::NotFound),
    })
}

/// A key of the machine itself: of those, only durable storage is offered.
fn state(node: &Node, block: &Block, text: &str) -> Result<Value, Refusal> {
    let missing = || Refusal::failure("No such key in PVM state");
    let within = text.strip_prefix("durable").unwrap_or(text);
    let within = within.strip_suffix("/@").unwrap_or(within);
    let path = Path::parse(within.as_bytes()).map_err(|_| missing())?;
    let durable = node.durable(block)?;
    let value = durable
        .value(&path)
        .map(Bytes::to_vec)
        .ok_or_else(missing)?;
    Ok(hex::encode(value).into())
}

fn outbox(node: &Node, block: &Block, level: i32) -> Result<Json, Refusal> {
    if level > block.level {
        return Err(Refusal::failure(format!(
            "Outbox level {level} is not known at level {}\n",
            block.level
        )));
    }
    let messages = node
        .store
        .outbox(level)?
        .map(|outbox| outbox.messages)
        .unwrap_or_default();
    let style = node.settings.style_v18;
    Ok((0..)
        .zip(&messages)
        .filter_map(|(index, message)| shapes::outbox_item(level, index, message, style))
        .collect())
}

/// A proof against the last cemented commitment.
fn outbox_proof(node: &Node, level: i32, index: u32) -> Result<Value, Refusal> {
    let (cemented, hash) = node.head().cemented;
    if level > cemented {
        return Err(Refusal::Failure {
            kind: "temporary",
            id: "sc_rollup.node.outbox_level_not_cemented",
            text: format!("The outbox level {level} is not cemented yet (LCC is {cemented})."),
        });
    }
    let outbox = node.store.outbox(level)?;
    let message = outbox
        .as_ref()
        .and_then(|outbox| Some((outbox, outbox.messages.get(index as usize)?)));
    let Some((outbox, message)) = message else {
        return Err(Refusal::failure(format!(
            "No message at index {index} in outbox at level {level} registered in cemented state"
        )));
    };
    let later: Vec<(i32, Vec<Vec<u8>>)> = node
        .store
        .outboxes(level + 1, cemented)?
        .into_iter()
        .map(|(level, outbox)| (level, outbox.messages))
        .collect();
    let block = node.store.block(cemented)?;
    let kept = node.store.commitment(&hash)?;
    let (Some(block), Some(kept)) = (block, kept) else {
        return Err(Refusal::failure("the cemented commitment is not kept"));
    };
    let bytes = proof::prove(
        message,
        index,
        (level, &outbox.messages),
        outbox.before,
        &later,
        &block.state,
        &kept.commitment,
    );
    Ok(json!({ "commitment": COMMITMENT.encode(&hash), "proof": hex::encode(bytes) }))
}

/// How far the commitment that covers a block has come.
fn committed_status(node: &Node, block: &Block) -> Result<Value, Refusal> {
    let head = node.head();
    let constants = &node.settings.constants;
    let covering = node.covering_level(block.level);
    let block_time = node.live().block_time;
    let at = |level: i32| {
        let seconds = block_time * f64::from(level - head.level);
        time::rfc3339(head.timestamp + seconds.round() as i64)
    };
    let (window, period) = (
        constants.challenge_window,
        constants.commitment_period.max(1),
    );
    let whole = (window + period - 1) / period * period;
    let published_level = covering + 1 + constants.finality;
    let cemented_level = (published_level + window).max(covering + whole) + 1;
    let hash = node.commitment_of(block.level)?;
    let kept = match &hash {
        Some(hash) => node.store.commitment(hash)?,
        None => None,
    };
    let published = kept.and_then(|kept| kept.published);
    Ok(match (hash, published) {
        (Some(hash), Some(level)) if covering <= head.cemented.0 => json!({ "cemented": {
            "commitment_hash": COMMITMENT.encode(&hash),
            "commitment_level": covering,
            "first_published_level": level,
            "published_level": level,
            "blocks_since_cemented": head.level - cemented_at(node, covering, &head)?,
        } }),
        (Some(hash), Some(level)) => json!({ "committed": {
            "commitment_hash": COMMITMENT.encode(&hash),
            "commitment_level": covering,
            "first_published_level": level,
            "published_level": level,
            "estimated_cementation_time": at(cemented_level),
        } }),
        _ => json!({ "uncommitted": {
            "commitment_level": covering,
            "estimated_commitment_time": at(published_level + 1),
            "estimated_cementation_time": at(cemented_level),
        } }),
    })
}

/// The level of the block that cemented the commitment of a level, which the head knows as cemented.
fn cemented_at(node: &Node, covering: i32, head: &Block) -> Result<i32, Refusal> {
    let (mut before, mut after) = (covering - 1, head.level);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        match node.store.block(middle)? {
            Some(block) if block.cemented.0 >= covering => after = middle,
            _ => before = middle,
        }
    }
    Ok(after)
}
