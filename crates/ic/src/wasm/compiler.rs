//! From modules to machine code: the engines of the two code generators and which of them compiles what.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, OptLevel, Strategy};

use super::cache::ModuleCache;
use super::facts::ModuleFacts;
use super::instrument::Metering;
use super::memory;
use super::module::CanisterModule;
use super::validate::ValidationLimits;
use crate::config::CompilerChoice;
use crate::errors::ExecutionError;

/// Stack of Wasm code, in bytes (system-api.md 3.2).
pub const WASM_STACK: usize = 5 << 20;
/// Stack of profiled code, whose frames are larger, by a factor that is never reached.
const PROFILED_STACK: usize = 8 * WASM_STACK;

/// A code generator, and how the code that it makes counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Winch: one pass, compiles ten times as fast.
    Fast = 0,
    /// Cranelift. Its code is the fastest, but has to be run again by [`Tier::Exact`] when it ends where the counter
    /// is not known, and when a slice ends.
    Optimizing = 1,
    /// Cranelift, for code that can go on behind every slice and knows the counter at every operator.
    Exact = 2,
    /// The same, on a module that tells which functions run.
    Profiled = 3,
}

/// How many they are.
pub(super) const TIERS: usize = 4;

impl Tier {
    pub(super) fn metering(self) -> Metering {
        match self {
            Tier::Fast => Metering::Global,
            Tier::Optimizing => Metering::Lazy,
            Tier::Exact => Metering::Eager,
            Tier::Profiled => Metering::Profiled,
        }
    }

    /// Bytes of stack that its code may use.
    pub fn stack(self) -> usize {
        match self {
            Tier::Fast | Tier::Optimizing | Tier::Exact => WASM_STACK,
            Tier::Profiled => PROFILED_STACK,
        }
    }
}

/// The engines, made when they are first needed.
pub struct Compiler {
    choice: CompilerChoice,
    /// Largest 64-bit memory that instances may have, in bytes.
    max_memory: u64,
    backtrace: bool,
    profile: bool,
    /// Of Winch, of Cranelift, and of Cranelift for profiles.
    engines: [OnceLock<Engine>; 3],
    cache: Option<ModuleCache>,
}

impl Compiler {
    /// A compiler for memories of at most so many bytes, with a module cache in a directory if one is given.
    pub fn new(
        choice: CompilerChoice,
        max_memory: u64,
        backtrace: bool,
        cache: Option<&Path>,
    ) -> Self {
        Compiler {
            choice,
            max_memory,
            backtrace,
            profile: false,
            engines: Default::default(),
            cache: cache.and_then(ModuleCache::open),
        }
    }

    /// A compiler of code that tells which functions run.
    pub fn for_profile(mut self) -> Self {
        self.profile = true;
        self
    }

    /// True if its code tells which functions run.
    pub fn is_for_profile(&self) -> bool {
        self.profile
    }

    /// A module that can be run: out of the cache, or else decoded, validated, rewritten and compiled.
    ///
    /// # Errors
    /// With the verdict and the text of the Internet Computer.
    pub fn load(
        &self,
        blob: &Arc<[u8]>,
        hash: [u8; 32],
        limits: &ValidationLimits,
    ) -> Result<CanisterModule, ExecutionError> {
        let tiers: &[Tier] = match self.choice {
            _ if self.profile => &[Tier::Profiled],
            CompilerChoice::Auto => &[Tier::Optimizing, Tier::Fast],
            CompilerChoice::Fast => &[Tier::Fast],
            CompilerChoice::Optimizing => &[Tier::Optimizing],
        };
        for tier in tiers {
            if let Some(cache) = &self.cache {
                let engine = self.engine(*tier);
                let key = ModuleCache::key(&hash, limits, *tier, engine);
                if let Some((code, (facts, instrumented))) = cache.load(engine, &key) {
                    let blob = Arc::clone(blob);
                    let module =
                        CanisterModule::from_parts(blob, hash, limits, facts, instrumented);
                    module.code[*tier as usize].get_or_init(|| code);
                    return Ok(module);
                }
            }
        }
        let new_tier = |facts: &ModuleFacts| self.new_tier(facts);
        let module = CanisterModule::new(Arc::clone(blob), limits, new_tier)?;
        self.compile(&module, self.new_tier(&module.facts))?;
        Ok(module)
    }

    /// Address space that engines take for granted for a memory, in bytes.
    pub fn reserved_memory(&self) -> u64 {
        self.max_memory.max(4 << 30)
    }

    /// The engine of a code generator.
    pub fn engine(&self, tier: Tier) -> &Engine {
        let engine = match tier {
            Tier::Fast => &self.engines[0],
            Tier::Optimizing | Tier::Exact => &self.engines[1],
            Tier::Profiled => &self.engines[2],
        };
        engine.get_or_init(|| {
            let engine = Engine::new(&self.config(tier)).expect("the configuration is valid");
            memory::install_fault_handler();
            engine
        })
    }

    fn config(&self, tier: Tier) -> Config {
        let stack = tier.stack();
        let mut config = Config::new();
        memory::configure(&mut config, self.reserved_memory());
        config
            .strategy(match tier {
                Tier::Fast => Strategy::Winch,
                Tier::Optimizing | Tier::Exact | Tier::Profiled => Strategy::Cranelift,
            })
            // As in the replica: the depth of recursion that a stack allows depends on it.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .async_stack_size(2 * stack)
            .max_wasm_stack(stack)
            .wasm_tail_call(tier != Tier::Fast)
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

    /// True if the optimizing code generator is to take over from the fast one where that pays.
    pub fn may_optimize(&self) -> bool {
        self.choice == CompilerChoice::Auto && !self.profile
    }

    /// The code generator that a module is run with at present.
    pub fn first_tier(&self, module: &CanisterModule) -> Tier {
        match self.choice {
            CompilerChoice::Auto if !self.profile && module.is_compiled(Tier::Optimizing) => {
                Tier::Optimizing
            }
            _ => self.new_tier(&module.facts),
        }
    }

    /// The code generator for a module that no machine code is known of.
    fn new_tier(&self, facts: &ModuleFacts) -> Tier {
        match self.choice {
            _ if self.profile => Tier::Profiled,
            CompilerChoice::Optimizing => Tier::Optimizing,
            _ if facts.uses_tail_calls || facts.uses_reference_types => Tier::Optimizing,
            _ => Tier::Fast,
        }
    }

    /// Machine code of a module, by the given code generator or, if that does not support the module, by the optimizing one.
    ///
    /// # Errors
    /// If the engine refuses the module.
    pub fn compile<'a>(
        &self,
        module: &'a CanisterModule,
        tier: Tier,
    ) -> Result<(&'a wasmtime::Module, Tier), ExecutionError> {
        if let Some(code) = module.code[tier as usize].get() {
            return Ok((code, tier));
        }
        let engine = self.engine(tier);
        let entry = self.cache.as_ref().map(|cache| {
            (
                cache,
                ModuleCache::key(&module.hash, &module.limits, tier, engine),
            )
        });
        if let Some((cache, key)) = &entry
            && let Some((code, _)) = cache.load(engine, key)
        {
            return Ok((module.code[tier as usize].get_or_init(|| code), tier));
        }
        match wasmtime::Module::new(engine, module.rewritten(tier.metering())?) {
            Ok(code) => {
                if let Some((cache, key)) = &entry {
                    cache.store(key, &code, (&module.facts, &module.instrumented));
                }
                Ok((module.code[tier as usize].get_or_init(|| code), tier))
            }
            Err(_) if tier == Tier::Fast => self.compile(module, Tier::Optimizing),
            Err(error) => Err(ExecutionError::instantiation(format!("{error:?}"))),
        }
    }
}
