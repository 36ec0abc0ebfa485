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

use crate::engine::{Engines, Hash, Kind, Prepared, declared_bytes};
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
/// Modules that are being made, with all who wait for them.
type Flights = HashMap<Key, watch::Receiver<Option<Made>>>;

/// What there is of a module.
enum LookedUp {
    Ready(Arc<Prepared>, Source),
    Bytes(Bytes),
}

/// Told where each module came from.
pub type Observer = Box<dyn Fn(Source, Duration) + Send + Sync>;

/// All modules that this process knows.
pub struct Modules {
    engines: Engines,
    limits: ModuleLimits,
    memory: Mutex<Memory>,
    disk: Option<Disk>,
    flights: Mutex<Flights>,
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
        let key = (hash, kind);
        let found = |(module, source): (Arc<Prepared>, Source)| Found {
            module,
            source,
            time: started.elapsed(),
        };
        let kept = self.lock_memory().get(&key);
        if let Some(module) = kept {
            self.observe(Source::Memory, started.elapsed());
            self.used(key, &module, wasm);
            return Ok(found((module, Source::Memory)));
        }
        let made = async {
            loop {
                let made = Self::landed(self.flight(key, wasm.clone())).await;
                // Whoever began that flight did not have the bytes.
                match &made {
                    Err(failure) if failure.code == Code::ModuleUnknown && wasm.is_some() => {}
                    _ => return made,
                }
            }
        };
        match tokio::time::timeout(self.limits.wait, made).await {
            Ok(made) => made.map(found),
            Err(_) => Err(self.too_late()),
        }
    }

    /// What came of a flight.
    async fn landed(mut flight: watch::Receiver<Option<Made>>) -> Made {
        let made = flight.wait_for(Option::is_some).await;
        let made = made.ok().and_then(|made| made.clone());
        made.unwrap_or_else(|| {
            let error = "a compilation ended without outcome";
            Err(Failure::new(Code::Internal, error))
        })
    }

    /// A module in memory is used: the directory is told, and gets back what it lost if the bytes are at hand.
    fn used(self: &Arc<Self>, key: Key, module: &Arc<Prepared>, wasm: Option<Bytes>) {
        let Some(disk) = &self.disk else {
            return;
        };
        let lost = wasm.filter(|_| !disk.has(&key.0));
        if lost.is_some_and(|wasm| self.lock_memory().keep(&key, wasm)) {
            self.store_soon(key, module.clone(), Source::Compiled);
        }
        if disk.touch(&key.0) {
            let modules = self.clone();
            tokio::task::spawn_blocking(move || {
                if let Some(disk) = &modules.disk {
                    disk.mark(&key.0);
                }
            });
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
        let mut flights = self.lock_flights();
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key, receiver.clone());
        drop(flights);
        let modules = self.clone();
        tokio::spawn(async move {
            let made = modules.make(key, wasm).await;
            if let Ok((module, source)) = &made {
                modules.observe(*source, module.compile_time);
            }
            // First kept, then told: whoever comes in between finds it.
            modules.lock_flights().remove(&key);
            let kept = made.clone();
            sender.send_replace(Some(made));
            // Nobody waits for files.
            if let Ok((module, source)) = kept
                && source != Source::Memory
            {
                modules.store_soon(key, module, source);
            }
        });
        receiver
    }

    /// Looks for a module, and compiles it if there is nothing but its bytes. Only that waits for other compilations.
    async fn make(self: &Arc<Self>, key: Key, wasm: Option<Bytes>) -> Made {
        let finder = self.clone();
        let found = apart("look-up", move || finder.look_up(key, wasm)).await?;
        let wasm = match found {
            LookedUp::Ready(module, source) => return Ok((module, source)),
            LookedUp::Bytes(wasm) => wasm,
        };
        let _slot = self.slot(key.1, &wasm).await?;
        let maker = self.clone();
        apart("compilation", move || maker.compile(key, wasm)).await
    }

    /// The right to compile. What is no module at all is told without waiting for those that are.
    async fn slot(
        self: &Arc<Self>,
        kind: Kind,
        wasm: &Bytes,
    ) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        let (checker, wasm) = (self.clone(), wasm.clone());
        apart("validation", move || checker.engines.check(kind, &wasm)).await?;
        // Whoever began this waits no longer either: what nobody waits for must not pile up.
        match tokio::time::timeout(self.limits.wait, self.slots.acquire()).await {
            Ok(slot) => slot.map_err(|_| Failure::new(Code::Internal, "no compilations any more")),
            Err(_) => Err(self.too_late()),
        }
    }

    /// A module that is ready, or at least its bytes.
    fn look_up(&self, (hash, kind): Key, wasm: Option<Bytes>) -> Result<LookedUp, Failure> {
        let wasm = {
            let mut memory = self.lock_memory();
            // Another flight may have landed between the look into memory and the beginning of this one.
            if let Some(module) = memory.get(&(hash, kind)) {
                return Ok(LookedUp::Ready(module, Source::Memory));
            }
            wasm.or_else(|| memory.wasm(&hash))
        };
        let disk = self.disk.as_ref();
        let wasm = wasm.or_else(|| Some(disk?.wasm(&hash)?.into()));
        let wasm = wasm.ok_or_else(|| unknown(&hash))?;
        match disk.and_then(|disk| disk.load(&self.engines, kind, hash, wasm.len())) {
            None => Ok(LookedUp::Bytes(wasm)),
            Some(module) => Ok(LookedUp::Ready(
                self.keep((hash, kind), module, wasm),
                Source::Disk,
            )),
        }
    }

    /// Takes as long as it takes.
    fn compile(&self, (hash, kind): Key, wasm: Bytes) -> Made {
        let module = self.engines.compile(kind, hash, &wasm)?;
        Ok((self.keep((hash, kind), module, wasm), Source::Compiled))
    }

    /// Puts a module into memory. As long as no file has its bytes they are kept too: the other kinds of engine need them.
    fn keep(&self, key: Key, module: Prepared, wasm: Bytes) -> Arc<Prepared> {
        let module = Arc::new(module);
        let more = declared_bytes(&wasm);
        let filed = self.disk.as_ref().is_some_and(|disk| disk.has(&key.0));
        let wasm = (!filed).then_some(wasm);
        self.lock_memory().insert(key, module.clone(), more, wasm);
        module
    }

    fn store_soon(self: &Arc<Self>, key: Key, module: Arc<Prepared>, source: Source) {
        let modules = self.clone();
        tokio::task::spawn_blocking(move || modules.store(key, &module, source));
    }

    /// Writes what the directory does not have yet.
    fn store(&self, (hash, kind): Key, module: &Prepared, source: Source) {
        let (Some(disk), Ok(compiler)) = (&self.disk, self.engines.compiler(kind)) else {
            return;
        };
        let (wasm, in_use) = {
            let memory = self.lock_memory();
            // One that was forgotten meanwhile stays forgotten.
            if !memory.has(&hash) {
                return;
            }
            (memory.wasm(&hash), memory.in_use())
        };
        if let Some(wasm) = wasm
            && disk.store_wasm(&hash, &wasm, &in_use)
        {
            self.lock_memory().filed(&hash);
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

    fn lock_flights(&self) -> std::sync::MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something that takes time where it keeps nobody.
async fn apart<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::new(Code::Internal, format!("{what}: {error}"))))
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

#[cfg(test)]
mod tests;
