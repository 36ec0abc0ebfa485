//! The module cache: machine code on disk, with what is known about its module, so that a warm start neither
//! validates nor instruments nor compiles. What cannot be read back exactly as it was written counts as absent; nothing
//! here can make a run fail or change what it prints, and the first trouble is noted.
//! This is a room where `unsafe` is allowed: machine code from a file is trusted.

mod directory;
mod entry;
mod secret;
mod unpacked;

use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use directory::Directory;
use entry::Unreadable;
use secret::Secret;
use unpacked::Unpacked;

use super::settings::Settings;
use super::trouble;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::memory::is_portable;
use crate::rewrite::{REWRITE_VERSION, Rewritten};
use crate::tier::Tier;

/// Increased whenever the layout of an entry changes.
const FORMAT_VERSION: u32 = 6;
/// Bytes that all entries of a cache together may take, more or less; by the room on the disk if 0.
static SIZE_LIMIT: AtomicU64 = AtomicU64::new(0);

/// Bounds the module caches that this process opens from now on, in bytes. Otherwise each may take a tenth of what it has and
/// is free on its disk, at least 256 MiB and at most 8 GiB. What was used least recently goes first.
pub fn limit_caches(bytes: u64) {
    SIZE_LIMIT.store(bytes.max(1), Ordering::Relaxed);
}

/// What an entry belongs to. Entries of other keys are never used.
pub(super) type Key = [u8; 32];

/// What is known about a module beside its machine code: the facts of its host and what was rewritten.
pub(super) type Knowledge<F> = (F, Rewritten);

/// A directory of compiled modules, shared with other processes.
pub(super) struct ModuleCache {
    directory: Directory,
    secret: Secret,
    complained: AtomicBool,
}

impl ModuleCache {
    /// The cache in a directory, which is created if need be. Nothing, and a trouble to be told, if the directory
    /// cannot be made or is not this user's alone.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let limit = SIZE_LIMIT.load(Ordering::Relaxed);
        let opened = Directory::open(path, (limit > 0).then_some(limit))
            .and_then(|directory| Ok((Secret::of(directory.path())?, directory)));
        match opened {
            Ok((secret, directory)) => Some(ModuleCache {
                directory,
                secret,
                complained: AtomicBool::new(false),
            }),
            Err(error) => {
                note(path, &format!("{error}; going on without it"));
                None
            }
        }
    }

    /// The name of what an engine of these settings makes of a module. The host's identity is part of it. It is told without an
    /// engine, so that none is made for what is not there.
    pub(super) fn name(module: &[u8; 32], host: &str, tier: Tier, settings: &Settings) -> Key {
        let mut sink = Sink(Sha256::new());
        sink.0.update(module);
        (FORMAT_VERSION, REWRITE_VERSION, tier as u32).hash(&mut sink);
        (host, env!("CARGO_PKG_VERSION")).hash(&mut sink);
        (settings.max_memory, settings.backtraces, is_portable()).hash(&mut sink);
        sink.0.finalize().into()
    }

    /// The key of what this engine makes of it: its version and machine are part of it, too.
    fn key(name: &Key, engine: &Engine) -> Key {
        let mut sink = Sink(Sha256::new());
        sink.0.update(name);
        engine.precompile_compatibility_hash().hash(&mut sink);
        sink.0.finalize().into()
    }

    /// Whether there is an entry of this name, be it good or not.
    pub(super) fn holds(&self, name: &Key) -> bool {
        self.directory.path_of(name).exists()
    }

    /// The machine code of this name, made by an engine of the same settings, and what is known about its module.
    pub(super) fn load<F: DeserializeOwned>(
        &self,
        engine: &Engine,
        name: &Key,
    ) -> Option<(Module, Knowledge<F>)> {
        let path = self.directory.path_of(name);
        match self.read(engine, name) {
            Ok(entry) => entry,
            Err(Unreadable::Foreign) => None,
            Err(error) => {
                self.complain(&format!(
                    "{}: {error}; it is compiled again",
                    path.display()
                ));
                None
            }
        }
    }

    /// What is known about a module of this name that has no machine code.
    pub(super) fn known<F: DeserializeOwned>(&self, name: &Key) -> Option<Knowledge<F>> {
        if !self.holds(name) {
            return None;
        }
        match self.entry(name, name, |_| Ok(())) {
            Ok(knowledge) => knowledge,
            Err(error) => {
                let path = self.directory.path_of(name);
                self.complain(&format!("{}: {error}; it is made again", path.display()));
                None
            }
        }
    }

    /// Keeps what is known about a module that has no machine code.
    pub(super) fn learn<F: Serialize>(&self, name: &Key, knowledge: (&F, &Rewritten)) {
        if let Err(error) = self.write(name, name, &[], knowledge) {
            let path = self.directory.path();
            self.complain(&format!("cannot write to {}: {error}", path.display()));
        }
    }

    /// What an entry that was checked says of its module; its machine code goes to `code`.
    fn entry<F: DeserializeOwned>(
        &self,
        name: &Key,
        key: &Key,
        code: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<Knowledge<F>>, Unreadable> {
        let Some(mut file) = self.directory.open_entry(name)? else {
            return Ok(None);
        };
        let knowledge = entry::read(&mut file, key, &self.secret, code)?;
        let knowledge = postcard::from_bytes(&knowledge).map_err(|_| Unreadable::Damaged)?;
        self.directory.used(&file);
        Ok(Some(knowledge))
    }

    fn read<F: DeserializeOwned>(
        &self,
        engine: &Engine,
        name: &Key,
    ) -> Result<Option<(Module, Knowledge<F>)>, Unreadable> {
        let mut code = Unpacked::new();
        let key = Self::key(name, engine);
        let Some(knowledge) = self.entry(name, &key, |part| code.push(part))? else {
            return Ok(None);
        };
        // SAFETY: the bytes are those that this program wrote for an engine of the same settings: the file belongs to this user,
        // nobody else may write to it or to its directory, it carries the key and a hash that only who knows this user's secret
        // can make (all checked above, on these very bytes).
        let code = unsafe { code.module(engine) };
        let code = code.map_err(|error| Unreadable::Refused(error.to_string()))?;
        Ok(Some((code, knowledge)))
    }

    /// Keeps machine code and what is known about its module.
    pub(super) fn store<F: Serialize>(
        &self,
        name: &Key,
        code: &Module,
        knowledge: (&F, &Rewritten),
    ) {
        let key = Self::key(name, code.engine());
        let written = code
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| self.write(name, &key, &code, knowledge));
        if let Err(error) = written {
            let path = self.directory.path();
            self.complain(&format!("cannot write to {}: {error}", path.display()));
        }
    }

    fn write<F: Serialize>(
        &self,
        name: &Key,
        key: &Key,
        code: &[u8],
        knowledge: (&F, &Rewritten),
    ) -> io::Result<()> {
        let knowledge = postcard::to_stdvec(&knowledge).map_err(io::Error::other)?;
        let parts = entry::parts(code, knowledge, key, &self.secret)?;
        self.directory
            .write_entry(name, &parts.each_ref().map(Vec::as_slice))
    }

    /// Notes what went wrong, but only once.
    fn complain(&self, trouble: &str) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            note(self.directory.path(), trouble);
        }
    }
}

fn note(directory: &Path, trouble: &str) {
    trouble::note(format!("module cache {}: {trouble}", directory.display()));
}

/// Hashes values of Rust the same on every run.
struct Sink(Sha256);

impl Hasher for Sink {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
