//! Operations that took longer than their client wanted to wait: their names, and their answers once they have ended
//! (pocket-ic-api.md 2.3). Only who sends `processing-timeout-ms` ever meets one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use data_encoding::BASE64URL;

use super::answer::{Answer, Outcome, Refusal};

/// Names an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) state_label: String,
    pub(crate) op_id: String,
}

/// The operations that were left to themselves.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    next: AtomicU64,
    ended: Mutex<HashMap<Operation, Answer>>,
}

impl Graph {
    /// A name for an operation of this kind.
    pub(crate) fn name(&self, kind: &str) -> Operation {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut label = [0; 16];
        label[..8].copy_from_slice(&number.to_le_bytes());
        Operation {
            state_label: BASE64URL.encode(&label),
            op_id: format!("{kind}_{number}"),
        }
    }

    /// Keeps the answer of an operation.
    pub(crate) fn end(&self, operation: Operation, answer: Answer) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(operation, answer);
    }

    /// The answer of an operation.
    pub(crate) fn read(&self, label: &str, op_id: &str) -> Outcome {
        let operation = operation(label, op_id)?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended
            .get(&operation)
            .cloned()
            .ok_or_else(|| unknown(&operation))
    }

    /// Forgets the answer of an operation.
    pub(crate) fn prune(&self, label: &str, op_id: &str) -> Outcome {
        let operation = operation(label, op_id)?;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.remove(&operation) {
            Some(_) => Ok(Answer::null()),
            None => Err(unknown(&operation)),
        }
    }
}

fn operation(label: &str, op_id: &str) -> Result<Operation, Refusal> {
    let malformed = || Refusal::bad("Malformed state label.");
    let bytes = BASE64URL.decode(label.as_bytes());
    if bytes.map_err(|_| malformed())?.len() != 16 {
        return Err(malformed());
    }
    Ok(Operation {
        state_label: label.to_owned(),
        op_id: op_id.to_owned(),
    })
}

fn unknown(operation: &Operation) -> Refusal {
    Refusal::new(
        404,
        format!(
            "state_label / op_id not found: {} / {}",
            operation.state_label, operation.op_id
        ),
    )
}
