//! Keeps what nodes answered, as a fixture file that answers the same without them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::message::Reply;

/// The answers of one run of the server.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By chain, method and parameters.
    answers: BTreeMap<(u64, String, String), Reply>,
    dirty: bool,
}

impl Recorder {
    /// Records to a file that is replaced.
    pub fn new(path: &Path) -> Self {
        Recorder {
            path: path.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Remembers an answer. Of several to the same request the last one counts.
    pub fn add(&self, chain: u64, method: &str, params: &RawValue, reply: &Reply) {
        let key = (chain, method.to_owned(), params.get().to_owned());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answers.insert(key, reply.clone());
        state.dirty = true;
    }

    /// Writes the file if there is anything new.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self) -> io::Result<()> {
        let text = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut state.dirty) {
                return Ok(());
            }
            fixture(&state.answers)
        };
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        });
        if written.is_err() {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.dirty = true;
        }
        written
    }
}

fn fixture(answers: &BTreeMap<(u64, String, String), Reply>) -> String {
    let mut chains = BTreeMap::<String, Vec<Value>>::new();
    for ((chain, method, params), reply) in answers {
        let value =
            |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).unwrap_or(Value::Null);
        let params: Value = serde_json::from_str(params).unwrap_or(Value::Null);
        let entry = match reply {
            Reply::Result(result) => {
                json!({"method": method, "params": params, "result": value(result)})
            }
            Reply::Error(error) => {
                json!({"method": method, "params": params, "error": value(error)})
            }
        };
        chains.entry(chain.to_string()).or_default().push(entry);
    }
    let chains: serde_json::Map<_, _> = chains
        .into_iter()
        .map(|(chain, responses)| (chain, json!({"responses": responses})))
        .collect();
    format!("{:#}\n", json!({"chains": chains}))
}
