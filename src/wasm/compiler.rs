//! From modules to machine code: the engines of the two code generators and which of them compiles what.

use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, OptLevel, Strategy};

use super::memory;
use super::module::CanisterModule;
use crate::config::CompilerChoice;
use crate::errors::ExecutionError;

/// Stack of Wasm code, in bytes (system-api.md 3.2).
const WASM_STACK: usize = 5 << 20;

/// A code generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Winch: one pass, compiles ten times as fast.
    Fast = 0,
    /// Cranelift.
    Optimizing = 1,
}

/// The engines, made when they are first needed.
pub struct Compiler {
    choice: CompilerChoice,
    /// Largest 64-bit memory that instances may have, in bytes.
    max_memory: u64,
    backtrace: bool,
    engines: [OnceLock<Engine>; 2],
}

impl Compiler {
    /// A compiler for memories of at most so many bytes.
    pub fn new(choice: CompilerChoice, max_memory: u64, backtrace: bool) -> Self {
        Compiler {
            choice,
            max_memory,
            backtrace,
            engines: Default::default(),
        }
    }

    /// Address space that engines take for granted for a memory, in bytes.
    pub fn reserved_memory(&self) -> u64 {
        self.max_memory.max(4 << 30)
    }

    /// The engine of a code generator.
    pub fn engine(&self, tier: Tier) -> &Engine {
        self.engines[tier as usize].get_or_init(|| {
            let engine = Engine::new(&self.config(tier)).expect("the configuration is valid");
            memory::install_fault_handler();
            engine
        })
    }

    fn config(&self, tier: Tier) -> Config {
        let mut config = Config::new();
        memory::configure(&mut config, self.reserved_memory());
        config
            .strategy(match tier {
                Tier::Fast => Strategy::Winch,
                Tier::Optimizing => Strategy::Cranelift,
            })
            // As in the replica: the depth of recursion that a stack allows depends on it.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .async_stack_size(2 * WASM_STACK)
            .max_wasm_stack(WASM_STACK)
            .wasm_tail_call(tier == Tier::Optimizing)
            .wasm_memory64(true)
            .wasm_relaxed_simd(false)
            .wasm_multi_memory(false)
            .wasm_extended_const(false)
            .generate_address_map(false)
            .wasm_backtrace_max_frames(match self.backtrace {
                true => std::num::NonZeroUsize::new(100),
                false => None,
            });
        config
    }

    /// The code generator that a module is run with if nothing else is known.
    pub fn first_tier(&self, module: &CanisterModule) -> Tier {
        let supported = !module.facts.uses_tail_calls && !module.facts.uses_reference_types;
        match self.choice {
            CompilerChoice::Optimizing => Tier::Optimizing,
            CompilerChoice::Fast | CompilerChoice::Auto if supported => Tier::Fast,
            CompilerChoice::Fast | CompilerChoice::Auto => Tier::Optimizing,
        }
    }

    /// Machine code of a module, by the given code generator or, if that does not support the module, by the optimizing one.
    ///
    /// # Errors
    /// If the engine refuses the module.
    pub fn compile<'a>(
        &self,
        module: &'a Arc<CanisterModule>,
        tier: Tier,
    ) -> Result<(&'a wasmtime::Module, Tier), ExecutionError> {
        if let Some(code) = module.code[tier as usize].get() {
            return Ok((code, tier));
        }
        match wasmtime::Module::new(self.engine(tier), &module.instrumented.wasm) {
            Ok(code) => Ok((module.code[tier as usize].get_or_init(|| code), tier)),
            Err(_) if tier == Tier::Fast => self.compile(module, Tier::Optimizing),
            Err(error) => Err(ExecutionError::instantiation(format!("{error:?}"))),
        }
    }
}
