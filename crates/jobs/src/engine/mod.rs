//! Compiling and running modules. Four engines at most, each made when it is first needed: with or without fuel, with
//! or without deterministic results. Knows nothing of caches, queues or HTTP.

mod module;
mod outcome;
mod run;
mod ticker;

use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, Linker, WasmFeatures};

pub(crate) use module::link;
pub use module::{Facts, Hash, Prepared};
pub use run::{Report, Usage, run};
pub use ticker::Ticker;

use crate::failure::{Code, Failure};
use crate::host::{self, Guest};
use crate::job::Job;

/// Frames of a backtrace.
const MAX_FRAMES: usize = 20;

/// What an engine does beyond running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

    fn index(self) -> usize {
        usize::from(self.fuel) + 2 * usize::from(self.deterministic)
    }
}

/// An engine with the functions that guests import.
pub(crate) struct Compiler {
    pub(crate) engine: Engine,
    linker: Linker<Guest>,
    ticker: Arc<Ticker>,
}

/// All engines of a process.
pub struct Engines {
    stack: usize,
    ticker: Arc<Ticker>,
    compilers: [OnceLock<Result<Arc<Compiler>, String>>; 4],
}

impl Engines {
    /// Engines that give guests a stack of so many bytes.
    pub fn new(stack: usize) -> Self {
        Engines {
            stack,
            ticker: Arc::default(),
            compilers: Default::default(),
        }
    }

    /// Whether bytes are a module at all. Much faster than compiling it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, kind: Kind, wasm: &[u8]) -> Result<(), Failure> {
        let compiler = self.compiler(kind)?;
        module::check(&compiler, wasm)
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// If it is none, or imports what there is not.
    pub fn compile(&self, kind: Kind, hash: Hash, wasm: &[u8]) -> Result<Prepared, Failure> {
        let compiler = self.compiler(kind)?;
        module::compile(&compiler, hash, wasm)
    }

    pub(crate) fn compiler(&self, kind: Kind) -> Result<Arc<Compiler>, Failure> {
        let compiler = self.compilers[kind.index()].get_or_init(|| {
            let compiler = compiler(kind, self.stack, self.ticker.clone());
            compiler.map(Arc::new).map_err(|error| format!("{error:#}"))
        });
        compiler
            .clone()
            .map_err(|error| Failure::new(Code::Internal, error))
    }
}

fn compiler(kind: Kind, stack: usize, ticker: Arc<Ticker>) -> wasmtime::Result<Compiler> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .consume_fuel(kind.fuel)
        .cranelift_nan_canonicalization(kind.deterministic)
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(MAX_FRAMES))
        // Objects of the collector would not count against the limit of memory.
        .wasm_features(WasmFeatures::GC | WasmFeatures::EXCEPTIONS, false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::MEMORY64, false);
    let engine = Engine::new(&config)?;
    ticker.add(&engine);
    let mut linker = Linker::new(&engine);
    host::add_to_linker(&mut linker)?;
    Ok(Compiler {
        engine,
        linker,
        ticker,
    })
}
