//! Modules by hash: uploaded once and run many times. Compiled code is kept in memory and on disk, and however many
//! jobs ask for one module at the same time, it is compiled once.

mod disk;
mod memory;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::engine::{Engines, Hash, Kind, Prepared};
use crate::failure::{Code, Failure};
use disk::Disk;
use memory::Memory;

/// Where a compiled module came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was in memory.
    Memory,
    /// It was on disk.
    Disk,
    /// It was compiled now.
    Compiled,
}

impl Source {
    /// The name in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Source::Memory => "memory",
            Source::Disk => "disk",
            Source::Compiled => "compiled",
        }
    }
}

/// A module that is ready to run.
#[derive(Clone)]
pub struct Found {
    /// The module.
    pub module: Arc<Prepared>,
    /// Where it came from.
    pub source: Source,
    /// How long it took to get it.
    pub time: Duration,
}

/// How much is kept, and how long compilations may take.
#[derive(Clone, Copy, Debug)]
pub struct ModuleLimits {
    /// Bytes of machine code in memory.
    pub memory: usize,
    /// Bytes of files.
    pub disk: u64,
    /// Compilations at once.
    pub compilations: usize,
    /// How long a job waits for one.
    pub wait: Duration,
}

type Key = (Hash, Kind);
type Made = Result<(Arc<Prepared>, Source), Failure>;

/// Told where each module came from.
pub type Observer = Box<dyn Fn(Source, Duration) + Send + Sync>;

/// All modules that this process knows.
pub struct Modules {
    engines: Engines,
    limits: ModuleLimits,
    memory: Mutex<Memory>,
    disk: Option<Disk>,
    /// Modules that are being made, with all who wait for them.
    flights: Mutex<HashMap<Key, watch::Receiver<Option<Made>>>>,
    slots: Semaphore,
    observer: Option<Observer>,
}

impl Modules {
    /// Modules in memory, and in a directory if it can be used; the reason if it cannot.
    ///
    /// # Errors
    /// If others may write to the directory: what is in it would be run as machine code.
    pub fn open(
        engines: Engines,
        limits: ModuleLimits,
        directory: Option<&Path>,
        observer: Option<Observer>,
    ) -> Result<(Self, Option<String>), String> {
        let (disk, trouble) = match directory.filter(|_| limits.disk > 0) {
            None => (None, None),
            Some(path) => match Disk::open(path, limits.disk) {
                Ok(disk) => (Some(disk), None),
                Err(disk::OpenError::Unsafe) => {
                    return Err("cache directory is writable by others".into());
                }
                Err(disk::OpenError::Unusable(error)) => {
                    let trouble = format!(
                        "{}: {error}; modules are kept in memory only",
                        path.display()
                    );
                    (None, Some(trouble))
                }
            },
        };
        let modules = Modules {
            engines,
            memory: Mutex::new(Memory::new(limits.memory)),
            disk,
            flights: Mutex::default(),
            slots: Semaphore::new(limits.compilations.max(1)),
            observer,
            limits,
        };
        Ok((modules, trouble))
    }

    /// Bytes in memory and on disk.
    pub fn bytes(&self) -> (usize, u64) {
        let memory = self
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes();
        (memory, self.disk.as_ref().map_or(0, Disk::bytes))
    }

    /// A module, from wherever it is got most cheaply. `wasm` are its bytes where the caller has them; they must have
    /// this hash.
    ///
    /// # Errors
    /// If nobody knows the module, it cannot be run, or its compilation takes too long.
    pub async fn get(
        self: &Arc<Self>,
        hash: Hash,
        kind: Kind,
        wasm: Option<Bytes>,
    ) -> Result<Found, Failure> {
        let started = Instant::now();
        let found = |(module, source): (Arc<Prepared>, Source)| Found {
            module,
            source,
            time: started.elapsed(),
        };
        if let Some(module) = self.lock_memory().get(&(hash, kind)) {
            self.observe(Source::Memory, started.elapsed());
            return Ok(found((module, Source::Memory)));
        }
        let mut flight = self.flight((hash, kind), wasm);
        let made = tokio::time::timeout(self.limits.wait, flight.wait_for(Option::is_some)).await;
        match made {
            Err(_) => Err(self.too_late()),
            Ok(Ok(made)) => match &*made {
                Some(made) => made.clone().map(found),
                None => Err(Failure::new(
                    Code::Internal,
                    "a compilation without outcome",
                )),
            },
            Ok(Err(_)) => Err(Failure::new(
                Code::Internal,
                "a compilation ended without outcome",
            )),
        }
    }

    fn too_late(&self) -> Failure {
        let limit = self.limits.wait.as_millis();
        let error = format!("compilation not finished after {limit}ms");
        Failure::new(Code::CompileTimeout, error)
    }

    fn observe(&self, source: Source, time: Duration) {
        if let Some(observer) = &self.observer {
            observer(source, time);
        }
    }

    /// Joins those who wait for a module, or begins to make it. It is made even if nobody waits any more.
    fn flight(self: &Arc<Self>, key: Key, wasm: Option<Bytes>) -> watch::Receiver<Option<Made>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key, receiver.clone());
        drop(flights);
        let modules = self.clone();
        tokio::spawn(async move {
            let made = match modules.slot(key.1, wasm.clone()).await {
                Ok(_slot) => {
                    let (maker, wasm) = (modules.clone(), wasm.clone());
                    let task =
                        tokio::task::spawn_blocking(move || maker.make(key, wasm.as_deref()));
                    task.await
                        .unwrap_or_else(|error| Err(panicked("compilation", &error)))
                }
                Err(failure) => Err(failure),
            };
            if let Ok((module, source)) = &made {
                modules.observe(*source, module.compile_time);
            }
            // First kept, then told: whoever comes in between finds it.
            modules
                .flights
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            let kept = made.clone();
            sender.send_replace(Some(made));
            // Nobody waits for files.
            if let Ok((module, source)) = kept
                && source != Source::Memory
            {
                tokio::task::spawn_blocking(move || {
                    modules.store(key, wasm.as_deref(), &module, source)
                });
            }
        });
        receiver
    }

    /// The right to compile. What is no module at all is told without waiting for those that are.
    async fn slot(
        self: &Arc<Self>,
        kind: Kind,
        wasm: Option<Bytes>,
    ) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        if let Some(wasm) = wasm {
            let checker = self.clone();
            let checked = tokio::task::spawn_blocking(move || checker.engines.check(kind, &wasm));
            checked
                .await
                .unwrap_or_else(|error| Err(panicked("validation", &error)))?;
        }
        // Whoever began this waits no longer either: what nobody waits for must not pile up.
        match tokio::time::timeout(self.limits.wait, self.slots.acquire()).await {
            Ok(slot) => slot.map_err(|_| Failure::new(Code::Internal, "no compilations any more")),
            Err(_) => Err(self.too_late()),
        }
    }

    /// Loads or compiles. Takes as long as it takes.
    fn make(&self, (hash, kind): Key, wasm: Option<&[u8]>) -> Made {
        // Another flight may have landed between the look into memory and the beginning of this one.
        if let Some(module) = self.lock_memory().get(&(hash, kind)) {
            return Ok((module, Source::Memory));
        }
        let stored = match (wasm, &self.disk) {
            (None, Some(disk)) => disk.wasm(&hash),
            _ => None,
        };
        let kept = self.lock_memory().wasm(&hash);
        let Some(wasm) = wasm.or(stored.as_deref()).or(kept.as_deref()) else {
            return Err(unknown(&hash));
        };
        let loaded = self
            .disk
            .as_ref()
            .and_then(|disk| disk.load(&self.engines, kind, hash, wasm.len()));
        let (module, source) = match loaded {
            Some(module) => (module, Source::Disk),
            None => (self.engines.compile(kind, hash, wasm)?, Source::Compiled),
        };
        let module = Arc::new(module);
        // Without a directory the bytes are needed again for the other kinds of engine.
        let bytes = self.disk.is_none().then(|| wasm.to_vec());
        self.lock_memory()
            .insert((hash, kind), module.clone(), bytes);
        Ok((module, source))
    }

    /// Writes what the directory does not have yet.
    fn store(&self, (hash, kind): Key, wasm: Option<&[u8]>, module: &Prepared, source: Source) {
        let (Some(disk), Ok(compiler)) = (&self.disk, self.engines.compiler(kind)) else {
            return;
        };
        // One that was forgotten meanwhile stays forgotten.
        let in_use = {
            let memory = self.lock_memory();
            if !memory.has(&hash) {
                return;
            }
            memory.in_use()
        };
        if let Some(wasm) = wasm {
            disk.store_wasm(&hash, wasm, &in_use);
        }
        if source == Source::Compiled {
            disk.store_code(&compiler, module, &in_use);
        }
    }

    /// The file with the machine code of a module.
    ///
    /// # Errors
    /// If there is none and it cannot be written.
    pub fn code(&self, kind: Kind, module: &Prepared) -> Result<PathBuf, Failure> {
        let compiler = self.engines.compiler(kind)?;
        let none = || Failure::new(Code::Internal, "machine code cannot be written");
        let disk = self.disk.as_ref().ok_or_else(none)?;
        if let Some(path) = disk.code(&compiler, &module.hash) {
            return Ok(path);
        }
        let in_use = self.lock_memory().in_use();
        disk.store_code(&compiler, module, &in_use);
        disk.code(&compiler, &module.hash).ok_or_else(none)
    }

    /// Whether modules have files.
    pub fn has_files(&self) -> bool {
        self.disk.is_some()
    }

    /// Whether a module is known, without making it ready.
    pub fn knows(&self, hash: &Hash) -> bool {
        self.lock_memory().has(hash) || self.disk.as_ref().is_some_and(|disk| disk.has(hash))
    }

    /// Forgets a module. Jobs that run it go on.
    pub fn forget(&self, hash: &Hash) {
        self.lock_memory().remove(hash);
        if let Some(disk) = &self.disk {
            disk.remove(hash);
        }
    }

    fn lock_memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn panicked(what: &str, error: &tokio::task::JoinError) -> Failure {
    Failure::new(Code::Internal, format!("{what}: {error}"))
}

/// The failure for a module that nobody sent.
pub fn unknown(hash: &Hash) -> Failure {
    let hash = hex::encode(hash);
    let error = format!("unknown module {hash}: send wasmB64 once or PUT /wasm/modules/{hash}");
    Failure::new(Code::ModuleUnknown, error)
}

/// The hash of a module.
pub fn hash_of(wasm: &[u8]) -> Hash {
    Sha256::digest(wasm).into()
}
