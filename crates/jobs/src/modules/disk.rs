//! The directory of modules: Wasm as it was sent, in the original's layout, and beside it machine code per kind of
//! engine. Kept below a size by removing what was used least recently; nothing here makes a job fail.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use drun_engine::machine_code;
use sha2::{Digest, Sha256};

use super::hash_of;
use crate::engine::{Compiler, Engines, Hash, Kind, Prepared};

/// Why a directory is not used.
pub(super) enum OpenError {
    /// Others may write to it.
    Unsafe,
    /// It cannot be made or written to.
    Unusable(io::Error),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::Unusable(error)
    }
}

/// How much older than its last use a file may look: what is used all the time is not marked every time.
const MARK: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Kept {
    bytes: u64,
    used: SystemTime,
    /// What its files say of their last use, for the next server.
    marked: SystemTime,
}

impl Kept {
    fn new(used: SystemTime) -> Self {
        Kept {
            bytes: 0,
            used,
            marked: used,
        }
    }
}

/// A directory of modules.
pub(super) struct Disk {
    path: PathBuf,
    limit: u64,
    /// Bytes and last use of all files of a module.
    index: Mutex<HashMap<Hash, Kept>>,
    /// Held while a file is written, so that none is written and counted twice.
    writing: Mutex<()>,
}

impl Disk {
    /// A directory of this user's, made if need be, that may take so many bytes.
    pub(super) fn open(path: &Path, limit: u64) -> Result<Self, OpenError> {
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        }
        if !machine_code::is_private(&fs::metadata(path)?) {
            return Err(OpenError::Unsafe);
        }
        tempfile::tempfile_in(path)?;
        let disk = Disk {
            path: path.to_owned(),
            limit,
            index: Mutex::new(scan(path)?),
            writing: Mutex::default(),
        };
        disk.shrink(&HashSet::new());
        Ok(disk)
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().values().map(|kept| kept.bytes).sum()
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.lock().contains_key(hash) && self.wasm_path(hash).is_file()
    }

    /// The Wasm of a module. A file with another hash than its name is removed.
    pub(super) fn wasm(&self, hash: &Hash) -> Option<Vec<u8>> {
        let bytes = fs::read(self.wasm_path(hash)).ok()?;
        if hash_of(&bytes) != *hash {
            self.remove(hash);
            return None;
        }
        Some(bytes)
    }

    /// The machine code of a module for an engine.
    pub(super) fn load(
        &self,
        engines: &Engines,
        kind: Kind,
        hash: Hash,
        wasm_len: usize,
    ) -> Option<Prepared> {
        let path = self.code_path(&*engines.compiler(kind).ok()?, &hash);
        let module = engines.load(kind, hash, wasm_len, &path).ok()??;
        if self.touch(&hash) {
            self.mark(&hash);
        }
        Some(module)
    }

    /// Notes that a module is used; whether its files should be told ([`Disk::mark`]).
    pub(super) fn touch(&self, hash: &Hash) -> bool {
        let now = SystemTime::now();
        let mut index = self.lock();
        let Some(kept) = index.get_mut(hash) else {
            return false;
        };
        kept.used = now;
        let stale = now.duration_since(kept.marked).is_ok_and(|age| age > MARK);
        if stale {
            kept.marked = now;
        }
        stale
    }

    /// Makes the file of a module look as if it were used just now.
    pub(super) fn mark(&self, hash: &Hash) {
        // On a file system that cannot be written the file just looks old.
        let _ = fs::File::open(self.wasm_path(hash))
            .and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Writes the Wasm of a module if it is not there; whether it is there afterwards.
    pub(super) fn store_wasm(&self, hash: &Hash, wasm: &[u8], in_use: &HashSet<Hash>) -> bool {
        let _writing = self.lock_writing();
        let path = self.wasm_path(hash);
        if !path.is_file() {
            self.store(hash, &path, wasm, 0o444, in_use);
        }
        path.is_file()
    }

    pub(super) fn store_code(
        &self,
        compiler: &Compiler,
        module: &Prepared,
        in_use: &HashSet<Hash>,
    ) {
        if let Ok(code) = module.module().serialize() {
            let _writing = self.lock_writing();
            let path = self.code_path(compiler, &module.hash);
            self.store(
                &module.hash,
                &path,
                &machine_code::seal(code),
                0o400,
                in_use,
            );
        }
    }

    /// Where the machine code of a module is, if it is there.
    pub(super) fn code(&self, compiler: &Compiler, hash: &Hash) -> Option<PathBuf> {
        Some(self.code_path(compiler, hash)).filter(|path| path.is_file())
    }

    /// Writes a file as a whole. A full disk is no reason for a job to fail.
    fn store(&self, hash: &Hash, path: &Path, bytes: &[u8], mode: u32, in_use: &HashSet<Hash>) {
        let Some(directory) = path.parent() else {
            return;
        };
        let replaced = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let written = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix(".")
                    .suffix(".tmp")
                    .tempfile_in(directory)
            })
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.as_file()
                    .set_permissions(fs::Permissions::from_mode(mode))?;
                file.persist(path).map_err(|error| error.error)?;
                Ok(())
            });
        if written.is_ok() {
            let mut index = self.lock();
            let now = SystemTime::now();
            let kept = index.entry(*hash).or_insert(Kept::new(now));
            kept.bytes = kept.bytes.saturating_sub(replaced) + bytes.len() as u64;
            kept.used = now;
            drop(index);
            self.shrink(in_use);
        }
    }

    /// Removes all files of a module.
    pub(super) fn remove(&self, hash: &Hash) {
        self.lock().remove(hash);
        let name = hex::encode(hash);
        let Some(directory) = self.wasm_path(hash).parent().map(Path::to_owned) else {
            return;
        };
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&name) {
                // Whoever else shares the directory may have been faster.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn shrink(&self, in_use: &HashSet<Hash>) {
        loop {
            let oldest = {
                let index = self.lock();
                if index.values().map(|kept| kept.bytes).sum::<u64>() <= self.limit {
                    return;
                }
                let unused = index.iter().filter(|(hash, _)| !in_use.contains(*hash));
                unused
                    .min_by_key(|(_, kept)| kept.used)
                    .map(|(hash, _)| *hash)
            };
            match oldest {
                Some(hash) => self.remove(&hash),
                None => return,
            }
        }
    }

    fn wasm_path(&self, hash: &Hash) -> PathBuf {
        let name = hex::encode(hash);
        self.path.join(&name[..2]).join(format!("{name}.wasm"))
    }

    fn code_path(&self, compiler: &Compiler, hash: &Hash) -> PathBuf {
        let name = format!("{}.{}.cwasm", hex::encode(hash), fingerprint(compiler));
        self.path.join(&hex::encode(hash)[..2]).join(name)
    }

    fn lock_writing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Kept>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells engines apart whose machine code is not interchangeable.
fn fingerprint(compiler: &Compiler) -> String {
    struct Sink(Sha256);
    impl Hasher for Sink {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sink = Sink(Sha256::new_with_prefix(env!("CARGO_PKG_VERSION")));
    compiler
        .engine
        .precompile_compatibility_hash()
        .hash(&mut sink);
    hex::encode(&sink.0.finalize()[..8])
}

/// What is in a directory already.
fn scan(path: &Path) -> io::Result<HashMap<Hash, Kept>> {
    let mut index = HashMap::<Hash, Kept>::new();
    for directory in fs::read_dir(path)?.flatten() {
        for entry in fs::read_dir(directory.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let (Ok(metadata), Some(stem)) = (entry.metadata(), name.split('.').next()) else {
                continue;
            };
            let mut hash = Hash::default();
            if hex::decode_to_slice(stem, &mut hash).is_err() {
                continue;
            }
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let kept = index.entry(hash).or_insert(Kept::new(used));
            kept.bytes += metadata.len();
            kept.used = kept.used.max(used);
            kept.marked = kept.used;
        }
    }
    Ok(index)
}
