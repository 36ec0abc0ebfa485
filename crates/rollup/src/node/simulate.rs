//! Simulation: what a kernel would make of messages, on a copy of a state (rollup-node.md, section 9.3).

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::Node;
use super::block::Block;
use super::course::after;
use super::outside::Simulated;
use super::shapes::{outbox_item, status};
use crate::encoding::base58::STATE;
use crate::encoding::hash::blake2b;
use crate::inbox::{level, message};
use crate::storage::{Path, Value as Bytes};

/// A request for a simulation that cannot be understood.
#[derive(Debug)]
pub(super) enum Failed {
    /// The body is wrong.
    Body(String),
    /// The simulation failed.
    Run(String),
}

fn digits(value: &Value, what: &str) -> Result<Vec<u8>, Failed> {
    value
        .as_str()
        .and_then(|text| hex::decode(text).ok())
        .ok_or_else(|| Failed::Body(format!("{what}: expected a hexadecimal string")))
}

/// Whether a name stands for a file of the directory itself.
fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\', '\0']) && !matches!(name, "" | "." | "..")
}

fn list<'a>(body: &'a Value, key: &str) -> Result<&'a [Value], Failed> {
    match body.get(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Failed::Body(format!("{key}: expected a list"))),
    }
}

/// Simulates a level after a block.
///
/// # Errors
/// If the body is wrong, or the kernel cannot be run to its end.
pub(super) fn simulate(
    node: &Node,
    block: &Block,
    body: &Value,
    debug: bool,
) -> Result<Value, Failed> {
    if body.get("messages").is_none() {
        return Err(Failed::Body("expected an object with messages".into()));
    }
    let messages = list(body, "messages")?
        .iter()
        .map(|message| digits(message, "messages"))
        .collect::<Result<Vec<_>, _>>()?;
    let mut pages = HashMap::new();
    for page in list(body, "reveal_pages")? {
        let page = digits(page, "reveal_pages")?;
        pages.insert(blake2b(&page), page);
    }
    let insights = list(body, "insight_requests")?;
    let log = match body.get("log_kernel_debug_file") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if is_plain(name) => Some(name),
        Some(_) => {
            return Err(Failed::Body(
                "log_kernel_debug_file: expected a plain name".into(),
            ));
        }
    };
    let mut pvm = node.machine(block).map_err(Failed::Run)?;
    let info = message::Info {
        timestamp: block.timestamp,
        predecessor: block.hash,
    };
    let number = block.level + 1;
    let before = pvm.ticks();
    let mut outside = Simulated {
        sources: std::sync::Arc::clone(&node.sources),
        pages,
        printed: Vec::new(),
        deadline: Instant::now() + node.settings.simulate_timeout,
    };
    if pvm.load(number, level(info, None, false, messages)).is_ok() {
        let mut executor = node
            .simulator
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        pvm.run_level(&mut *executor, &mut outside)
            .map_err(|error| Failed::Run(format!("simulation: {error}")))?;
    }
    let (state, outbox) = after(&pvm, block.state.outbox, number);
    let output: Vec<Value> = (0..)
        .zip(&outbox)
        .filter_map(|(index, message)| outbox_item(number, index, message, node.settings.style_v18))
        .map(Value::from)
        .collect();
    let mut out = Map::new();
    out.insert("state_hash".into(), STATE.encode(&state.hash()).into());
    out.insert("status".into(), status(&pvm.status()).into());
    out.insert("output".into(), output.into());
    out.insert("inbox_level".into(), number.into());
    out.insert(
        "num_ticks".into(),
        (pvm.ticks() - before).to_string().into(),
    );
    if !insights.is_empty() {
        let found = insights
            .iter()
            .map(|request| insight(&pvm, request))
            .collect::<Result<Vec<_>, _>>()?;
        out.insert("insights".into(), found.into());
    }
    if debug {
        out.insert(
            "debug".into(),
            String::from_utf8_lossy(&outside.printed).into(),
        );
    }
    if let (Some(name), true) = (log, node.settings.log_kernel_debug) {
        let directory = node.settings.data_dir.join("simulation_kernel_logs");
        let written = std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::write(directory.join(name), &outside.printed));
        written.map_err(|error| Failed::Run(format!("{}: {error}", directory.display())))?;
    }
    Ok(Value::Object(out))
}

fn insight(pvm: &crate::pvm::Pvm, request: &Value) -> Result<Value, Failed> {
    let wrong = || Failed::Body("insight_requests: expected kind and key".into());
    let steps = request["key"].as_array().ok_or_else(wrong)?;
    let steps: Vec<&str> = steps.iter().filter_map(Value::as_str).collect();
    let steps = match request["kind"].as_str() {
        Some("durable_storage") => &steps[..],
        // What the machine itself keeps under `durable` is the same; nothing else of it can be asked for.
        Some("pvm_state") => match &steps[..] {
            ["durable", steps @ .., "@"] | ["durable", steps @ ..] => steps,
            _ => return Ok(Value::Null),
        },
        _ => return Err(wrong()),
    };
    let path = format!("/{}", steps.join("/"));
    let value = Path::parse(path.as_bytes())
        .ok()
        .and_then(|path| pvm.world.durable.value(&path).map(Bytes::to_vec));
    Ok(value.map_or(Value::Null, |value| json!(hex::encode(value))))
}
