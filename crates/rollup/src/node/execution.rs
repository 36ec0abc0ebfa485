//! Execution of outbox messages: marked once, written to a log, handed to a hook (rollup-node.md, section 8.2).
//! There are no contracts here.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::block::Block;
use super::shapes::outbox_message;
use super::store::OutboxLevel;
use super::{Node, log};
use crate::encoding::base58::CONTRACT;
use crate::outbox::message::OutboxMessage;

/// The cemented commitments against which a message can be executed.
const RECENT: i32 = 5;

/// Executes a message that a proof led to.
///
/// # Errors
/// The rules of the protocol: once, not too old, against a recent cemented commitment.
pub(super) fn execute(
    node: &Node,
    level: i32,
    index: u32,
    commitment_level: i32,
) -> Result<Value, String> {
    let head = node.head();
    let constants = &node.settings.constants;
    let cemented = head.cemented.0;
    if commitment_level > cemented
        || commitment_level <= cemented - RECENT * constants.commitment_period.max(1)
    {
        return Err("the commitment is not among the last 5 cemented ones".into());
    }
    if level > cemented {
        return Err(format!(
            "The outbox level {level} is not cemented yet (LCC is {cemented})."
        ));
    }
    if level <= cemented - constants.active_outbox_levels {
        return Err(format!("outbox level {level} is no longer active"));
    }
    let found = node.store.outbox(level)?;
    let message = found.and_then(|outbox| outbox.messages.get(index as usize).cloned());
    let message = message.ok_or_else(|| {
        format!(
            "No message at index {index} in outbox at level {level} registered in cemented state"
        )
    })?;
    // Two may ask at once.
    if !node.store.execute(level, index, head.level)? {
        return Err(format!(
            "outbox message {index} of level {level} was already applied"
        ));
    }
    let line = executed(node, level, index, head.level, &message);
    log::notice(&format!(
        "Executing outbox message {index} of level {level}: {}",
        line["message"]
    ));
    tell(node, &line);
    Ok(line)
}

/// A message that was executed, as JSON.
pub(super) fn executed(node: &Node, level: i32, index: u32, at: i32, message: &[u8]) -> Value {
    json!({
        "outbox_level": level,
        "message_index": index,
        "message": outbox_message(message, node.settings.style_v18),
        "l1_level": at,
    })
}

/// Writes the line to the log and gives it to the hook.
fn tell(node: &Node, line: &Value) {
    let text = format!("{line}\n");
    if let Some(path) = &node.settings.outbox_log {
        let written = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            log::notice(&format!("Warning: {}: {error}", path.display()));
        }
    }
    if let Some(hook) = &node.settings.outbox_hook {
        let run = || {
            let mut child = Command::new("sh")
                .args(["-c", hook])
                .stdin(Stdio::piped())
                .spawn()?;
            let mut input = child.stdin.take();
            let written = input
                .as_mut()
                .map_or(Ok(()), |it| it.write_all(text.as_bytes()));
            drop(input);
            let status = child.wait()?;
            match written {
                // A program need not read the line.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
                _ => Ok(status),
            }
        };
        match run() {
            Ok(status) if status.success() => {}
            Ok(status) => log::notice(&format!("Warning: the outbox hook ended with {status}")),
            Err(error) => log::notice(&format!("Warning: the outbox hook: {error}")),
        }
    }
}

/// Executes what has just been cemented and matches the filter.
pub(super) fn automatic(node: &Node, block: &Block) {
    let settings = &node.settings;
    if settings.outbox_filter.is_empty() || !settings.mode.executes() {
        return;
    }
    let before = match node.store.block(block.level - 1) {
        Ok(Some(before)) => before.cemented.0,
        _ => return,
    };
    let levels: Vec<(i32, OutboxLevel)> = node
        .store
        .outboxes(before + 1, block.cemented.0)
        .unwrap_or_default();
    for (level, outbox) in levels {
        for (index, message) in (0..).zip(&outbox.messages) {
            if matches(&settings.outbox_filter, message)
                && let Err(error) = execute(node, level, index, block.cemented.0)
            {
                log::notice(&format!(
                    "Warning: outbox message {index} of level {level}: {error}"
                ));
            }
        }
    }
}

/// Whether every transaction of a message matches one filter's destination and entry point.
fn matches(filters: &[Value], message: &[u8]) -> bool {
    let Some(OutboxMessage::Transactions(transactions)) = OutboxMessage::decode(message) else {
        return false;
    };
    let allows = |rule: &Value, text: &str| {
        rule == "any"
            || rule
                .as_array()
                .is_some_and(|names| names.iter().any(|name| name == text))
    };
    transactions.iter().all(|transaction| {
        let destination = CONTRACT.encode(&transaction.destination);
        filters.iter().any(|filter| {
            let rule = &filter["transaction"];
            allows(&rule["destination"], &destination)
                && allows(&rule["entrypoint"], &transaction.entrypoint)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::message::from_json;

    #[test]
    fn a_filter_must_match_every_transaction() {
        let zero = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
        let batch = format!(
            r#"[{{"destination":"{zero}","parameters":"Unit"}},{{"destination":"{zero}","parameters":"1","entrypoint":"mint"}}]"#
        );
        let message = from_json(&batch).unwrap().encode().unwrap();
        let filter = |destination: Value, entrypoint: Value| {
            vec![json!({"transaction": {"destination": destination, "entrypoint": entrypoint}})]
        };
        assert!(matches(&filter("any".into(), "any".into()), &message));
        assert!(matches(
            &filter(json!([zero]), json!(["mint", "default"])),
            &message
        ));
        assert!(!matches(&filter("any".into(), json!(["mint"])), &message));
        assert!(!matches(&filter(json!([]), "any".into()), &message));
        assert!(!matches(&filter("any".into(), "any".into()), b"nonsense"));
    }
}
