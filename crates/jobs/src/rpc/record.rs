//! Keeps what nodes answered, as a fixture file that answers the same without them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::value::RawValue;

use super::message::Reply;
use crate::json::Object;

/// Bytes of all answers that are kept; later ones are left out.
const MAX_BYTES: usize = 256 << 20;

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
    /// Of their texts.
    bytes: usize,
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
        let bytes = params.get().len() + reply.value().get().len();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Guests choose what is asked; what they ask must not fill the memory.
        if state.bytes + bytes > MAX_BYTES {
            return;
        }
        match state.answers.insert(key, reply.clone()) {
            Some(old) => {
                state.bytes = state.bytes + reply.value().get().len() - old.value().get().len()
            }
            None => state.bytes += bytes,
        }
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

/// The text of a fixture, one answer a line.
fn fixture(answers: &BTreeMap<(u64, String, String), Reply>) -> String {
    let mut chains = BTreeMap::<u64, Vec<String>>::new();
    for ((chain, method, params), reply) in answers {
        let name = match reply {
            Reply::Result(_) => "result",
            Reply::Error(_) => "error",
        };
        let params: &RawValue = serde_json::from_str(params).unwrap_or(RawValue::NULL);
        let entry = Object::new()
            .with("method", method)
            .with("params", params)
            .with(name, reply.value());
        chains.entry(*chain).or_default().push(entry.text());
    }
    let chains = chains.iter().map(|(chain, entries)| {
        let entries = entries.join(",\n  ");
        format!("\"{chain}\": {{ \"responses\": [\n  {entries}\n] }}")
    });
    let chains = chains.collect::<Vec<_>>().join(",\n");
    format!("{{ \"chains\": {{\n{chains}\n}} }}\n")
}
