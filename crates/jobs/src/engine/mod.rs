//! Compiling and running modules. Four engines at most, each made when it is first needed: with or without fuel, with
//! or without deterministic results. Knows nothing of caches, queues or HTTP.

mod module;
mod outcome;
mod pool;
mod run;
mod ticker;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Linker, WasmFeatures};

pub use module::{Examined, Facts, Hash, Needs, Prepared, declared_bytes};
pub use outcome::{MAX_RESULT_DEPTH, stopped};
pub use pool::Room;
pub use run::{Report, Usage, run};
pub use ticker::Ticker;

use crate::failure::{Code, Failure};
use crate::host::{self, Guest};
use crate::job::Job;

/// Frames of a backtrace.
const MAX_FRAMES: usize = 20;

/// What an engine does beyond running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kind {
    /// It counts instructions.
    pub fuel: bool,
    /// It gives the same results everywhere.
    pub deterministic: bool,
}

impl Kind {
    /// What a job needs.
    pub fn of(job: &Job) -> Self {
        Kind {
            fuel: job.limits.fuel.is_some(),
            deterministic: job.deterministic.is_some(),
        }
    }

    /// A number below four.
    pub fn index(self) -> usize {
        usize::from(self.fuel) + 2 * usize::from(self.deterministic)
    }

    /// The kind with a number.
    pub fn from_index(index: usize) -> Self {
        Kind {
            fuel: index & 1 != 0,
            deterministic: index & 2 != 0,
        }
    }
}

/// An engine with the functions that guests import.
pub(crate) struct Compiler {
    pub(crate) engine: Engine,
    linker: Linker<Guest>,
    ticker: Arc<Ticker>,
    pooled: bool,
}

/// All engines of a process.
pub struct Engines {
    stack: usize,
    room: Option<Room>,
    ticker: Arc<Ticker>,
    compilers: [OnceLock<Result<Arc<Compiler>, String>>; 4],
}

impl Engines {
    /// Engines that give guests a stack of so many bytes, and memories out of a pool if it is to have room for any.
    pub fn new(stack: usize, room: Option<Room>) -> Self {
        Engines {
            stack,
            room,
            ticker: Arc::default(),
            compilers: Default::default(),
        }
    }

    /// Whether guests of a kind have their memories out of a pool.
    ///
    /// # Errors
    /// If there can be no such engine.
    pub fn is_pooled(&self, kind: Kind) -> Result<bool, Failure> {
        Ok(self.compiler(kind)?.pooled)
    }

    /// Whether bytes are a module at all. Much faster than compiling it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, kind: Kind, wasm: &[u8]) -> Result<(), Failure> {
        let compiler = self.compiler(kind)?;
        module::check(&compiler, wasm)
    }

    /// Compiles a module and tells all that can be told about it, whether or not it can run.
    ///
    /// # Errors
    /// If it is no module.
    pub fn examine(&self, kind: Kind, hash: Hash, wasm: &[u8]) -> Result<Examined, Failure> {
        module::examine(&*self.compiler(kind)?, hash, wasm)
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// If it is none, or imports what there is not.
    pub fn compile(&self, kind: Kind, hash: Hash, wasm: &[u8]) -> Result<Prepared, Failure> {
        let compiler = self.compiler(kind)?;
        module::compile(&compiler, hash, wasm)
    }

    /// A module of so many bytes out of a file of machine code; nothing if the file is not what this engine wrote.
    ///
    /// # Errors
    /// If the module imports what there is not.
    pub fn load(
        &self,
        kind: Kind,
        hash: Hash,
        bytes: usize,
        file: &Path,
    ) -> Result<Option<Prepared>, Failure> {
        module::load(&*self.compiler(kind)?, hash, bytes, file)
    }

    pub(crate) fn compiler(&self, kind: Kind) -> Result<Arc<Compiler>, Failure> {
        let compiler = self.compilers[kind.index()].get_or_init(|| {
            let compiler = self.make(kind);
            compiler.map(Arc::new).map_err(|error| format!("{error:#}"))
        });
        compiler
            .clone()
            .map_err(|error| Failure::new(Code::Internal, error))
    }

    fn make(&self, kind: Kind) -> wasmtime::Result<Compiler> {
        let mut config = config(kind, self.stack);
        let pooled = self.room.and_then(pool::settings).and_then(|settings| {
            let mut config = config.clone();
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(settings));
            // Where address space is rationed, jobs take theirs one by one.
            Engine::new(&config).ok()
        });
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        let (engine, pooled) = match pooled {
            Some(engine) => (engine, true),
            None => (Engine::new(&config)?, false),
        };
        self.ticker.add(&engine);
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker)?;
        Ok(Compiler {
            engine,
            linker,
            ticker: self.ticker.clone(),
            pooled,
        })
    }
}

fn config(kind: Kind, stack: usize) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        // Nothing is asynchronous here; the engine wants it to be no smaller than the other one.
        .async_stack_size(stack)
        .consume_fuel(kind.fuel)
        .cranelift_nan_canonicalization(kind.deterministic)
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(MAX_FRAMES))
        // Objects of the collector would not count against the limit of memory.
        .wasm_features(WasmFeatures::GC | WasmFeatures::EXCEPTIONS, false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::MEMORY64, false);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest stack that may be configured.
    #[test]
    fn stacks_may_be_large() {
        let engines = Engines::new(64 << 20, None);
        assert!(engines.is_pooled(Kind::default()).is_ok());
    }
}
