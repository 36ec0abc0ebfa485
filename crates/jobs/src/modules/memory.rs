//! Compiled modules in memory; what was used least recently goes first, what runs stays.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::Key;
use crate::engine::{Hash, Prepared};

/// What an entry takes beside its machine code, about.
const OVERHEAD: usize = 16 << 10;

struct Entry {
    module: Arc<Prepared>,
    /// Bytes beside machine code and Wasm.
    more: usize,
    wasm: Option<Bytes>,
    used: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        OVERHEAD + self.more + self.module.size() + self.wasm.as_ref().map_or(0, Bytes::len)
    }
}

/// Compiled modules by hash and kind.
pub(super) struct Memory {
    entries: HashMap<Key, Entry>,
    limit: usize,
    bytes: usize,
    clock: u64,
}

impl Memory {
    /// Takes so many bytes, and always the module that was put in last.
    pub(super) fn new(limit: usize) -> Self {
        Memory {
            entries: HashMap::new(),
            limit,
            bytes: 0,
            clock: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<Prepared>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(entry.module.clone())
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.entries.keys().any(|(other, _)| other == hash)
    }

    /// The bytes of a module, where they were kept.
    pub(super) fn wasm(&self, hash: &Hash) -> Option<Bytes> {
        let mut entries = self.entries.iter();
        entries.find_map(|((other, _), entry)| entry.wasm.clone().filter(|_| other == hash))
    }

    /// Keeps the bytes of a module beside it; false if they are kept already or the module is gone.
    pub(super) fn keep(&mut self, key: &Key, wasm: Bytes) -> bool {
        let entry = self.entries.get_mut(key);
        let Some(entry) = entry.filter(|entry| entry.wasm.is_none()) else {
            return false;
        };
        self.bytes += wasm.len();
        entry.wasm = Some(wasm);
        true
    }

    /// The bytes of a module are in a file, and need not be here.
    pub(super) fn filed(&mut self, hash: &Hash) {
        let entries = self.entries.iter_mut();
        for (_, entry) in entries.filter(|((other, _), _)| other == hash) {
            self.bytes -= entry.wasm.take().map_or(0, |wasm| wasm.len());
        }
    }

    /// Keeps a module. `more` is what it takes beside its machine code and `wasm`.
    pub(super) fn insert(
        &mut self,
        key: Key,
        module: Arc<Prepared>,
        more: usize,
        wasm: Option<Bytes>,
    ) {
        self.clock += 1;
        let entry = Entry {
            module,
            more,
            wasm,
            used: self.clock,
        };
        self.bytes += entry.bytes();
        if let Some(old) = self.entries.insert(key, entry) {
            self.bytes -= old.bytes();
        }
        while self.bytes > self.limit {
            let unused = self
                .entries
                .iter()
                .filter(|(other, entry)| **other != key && Arc::strong_count(&entry.module) == 1);
            let Some(oldest) = unused
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| *key)
            else {
                break;
            };
            self.take(&oldest);
        }
    }

    pub(super) fn remove(&mut self, hash: &Hash) {
        let keys: Vec<Key> = self
            .entries
            .keys()
            .filter(|(other, _)| other == hash)
            .copied()
            .collect();
        for key in keys {
            self.take(&key);
        }
    }

    fn take(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes();
        }
    }

    /// Modules that somebody runs at this moment.
    pub(super) fn in_use(&self) -> HashSet<Hash> {
        let used = self
            .entries
            .iter()
            .filter(|(_, entry)| Arc::strong_count(&entry.module) > 1);
        used.map(|((hash, _), _)| *hash).collect()
    }
}
