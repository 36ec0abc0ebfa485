//! From modules to machine code: the runtimes of the code generators and which of them compiles what.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, OptLevel, Strategy};

use super::cache::ModuleCache;
use super::settings::Settings;
use super::{executable, threads};
use crate::failure::{Failure, Resource, of_machine};
use crate::host::Host;
use crate::memory;
use crate::module::Module;
use crate::rewrite::{Defect, Shape};
use crate::tier::{Choice, Tier};

/// The runtimes of the code generators, made when they are first needed.
pub(crate) struct Compiler {
    settings: Settings,
    /// Of Winch, of Cranelift, of Cranelift for profiles, and of Cranelift with little stack.
    engines: [OnceLock<wasmtime::Engine>; 4],
    cache: Option<ModuleCache>,
}

/// The result of compiling: the host's verdict, unless the machine fails.
type Verdict<T, H> = Result<Result<T, <H as Host>::Refusal>, Failure>;

/// Looks whether a module cache can be kept in a directory, which is made if need be; if not,
/// [`troubles`](crate::troubles) tells.
pub fn check_cache(directory: &Path) {
    drop(ModuleCache::open(directory));
}

impl Compiler {
    pub(crate) fn new(settings: Settings) -> Self {
        Compiler {
            cache: settings.cache.as_deref().and_then(ModuleCache::open),
            engines: Default::default(),
            settings,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A module that can be run: out of the cache, or else admitted, rewritten and compiled.
    pub(crate) fn load<H: Host>(
        &self,
        host: &H,
        blob: &Arc<[u8]>,
        hash: [u8; 32],
    ) -> Verdict<Module<H>, H> {
        let tiers: &[Tier] = match self.settings.choice {
            _ if self.settings.profile => &[Tier::Profiled],
            Choice::Auto => &[Tier::Optimizing, Tier::Fast],
            Choice::Interpreter | Choice::Hasty => &[],
            Choice::Fast => &[Tier::Fast],
            Choice::Optimizing => &[Tier::Optimizing],
            Choice::Exact => &[Tier::Exact],
        };
        for tier in tiers {
            let Some(cache) = &self.cache else { break };
            let name = ModuleCache::name(&hash, &host.identity(), *tier, &self.settings);
            if cache.holds(&name)
                && executable::is_allowed()
                && let Some((code, (facts, rewritten))) = cache.load(self.engine(*tier)?, &name)
            {
                let blob = Arc::clone(blob);
                let module = Module::from_parts(host, blob, hash, facts, rewritten);
                module.code[*tier as usize].get_or_init(|| code);
                return Ok(Ok(module));
            }
        }
        let interprets = matches!(self.settings.choice, Choice::Auto | Choice::Interpreter)
            && !self.settings.profile;
        let cache = self.cache.as_ref().filter(|_| interprets);
        let name = |_: &ModuleCache| {
            let tier = Tier::Interpreter;
            ModuleCache::name(&hash, &host.identity(), tier, &self.settings)
        };
        if let Some(cache) = cache
            && let Some((facts, rewritten)) = cache.known(&name(cache))
            && let Some(module) = Module::known(host, Arc::clone(blob), hash, facts, rewritten)
        {
            return Ok(Ok(module));
        }
        let new_tier = |shape: &Shape| self.new_tier(shape);
        let module = match Module::new(host, Arc::clone(blob), hash, new_tier) {
            Ok(module) => module,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.first_tier(&module) {
            Tier::Interpreter => {
                if let Some(cache) = cache {
                    cache.learn(&name(cache), (&module.facts, &module.rewritten));
                }
                Ok(Ok(module))
            }
            tier => Ok(self.compile(&module, tier)?.map(drop).map(|()| module)),
        }
    }

    /// Address space that code takes for granted for a memory, in bytes.
    pub(crate) fn reserved_memory(&self) -> u64 {
        self.settings.max_memory.max(4 << 30)
    }

    /// The runtime of a code generator.
    pub(crate) fn engine(&self, tier: Tier) -> Result<&wasmtime::Engine, Failure> {
        let engine = match tier {
            Tier::Fast | Tier::Interpreter => &self.engines[0],
            Tier::Optimizing | Tier::Exact => &self.engines[1],
            Tier::Profiled => &self.engines[2],
            Tier::Cautious => &self.engines[3],
        };
        if let Some(engine) = engine.get() {
            return Ok(engine);
        }
        let made = wasmtime::Engine::new(&self.config(tier))
            .map_err(|error| Failure::new(Resource::Engine, format!("{error:#}")))?;
        Ok(engine.get_or_init(|| made))
    }

    fn config(&self, tier: Tier) -> Config {
        let stack = tier.stack();
        let mut config = Config::new();
        memory::configure(&mut config, self.reserved_memory());
        config
            .strategy(match tier {
                Tier::Fast | Tier::Interpreter => Strategy::Winch,
                Tier::Optimizing | Tier::Exact | Tier::Profiled | Tier::Cautious => {
                    Strategy::Cranelift
                }
            })
            // As in the replica: the depth of recursion that a stack allows depends on it.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .async_stack_size(2 * stack)
            .max_wasm_stack(stack)
            .wasm_tail_call(tier != Tier::Fast)
            .wasm_memory64(true)
            .wasm_relaxed_simd(false)
            .wasm_multi_memory(memory::is_portable())
            .wasm_extended_const(false)
            .generate_address_map(false)
            .wasm_backtrace_max_frames(match self.settings.backtraces {
                true => std::num::NonZeroUsize::new(100),
                false => None,
            });
        config
    }

    /// True if another kind of code is to take over where that pays.
    pub(crate) fn may_optimize(&self) -> bool {
        matches!(self.settings.choice, Choice::Auto | Choice::Hasty)
            && !self.settings.profile
            && executable::is_allowed()
    }

    /// Whether other code can tell an end that code of this tier is not sure of. Where there can be no machine code the
    /// interpreter has the last word.
    pub(crate) fn can_ask_beyond(&self, tier: Tier) -> bool {
        tier != Tier::Interpreter || executable::is_allowed()
    }

    /// The code generator that a module is run with at present.
    pub(crate) fn first_tier<H: Host>(&self, module: &Module<H>) -> Tier {
        let compiled = |tier: &Tier| self.may_optimize() && module.is_compiled(*tier);
        if let Some(tier) = [Tier::Optimizing, Tier::Fast].into_iter().find(compiled) {
            return tier;
        }
        match self.new_tier(module.shape()) {
            Tier::Interpreter if module.program().is_none() => Tier::Fast,
            tier => tier,
        }
    }

    /// Whether the interpreter can run a module from the first to the last message.
    pub(crate) fn interprets<H: Host>(&self, module: &Module<H>) -> bool {
        matches!(self.settings.choice, Choice::Auto | Choice::Interpreter)
            && !self.settings.profile
            && module.program().is_some()
    }

    /// What takes an execution over that the code of a tier has begun; `sliced` if that has finished slices.
    pub(crate) fn successor<H: Host>(&self, module: &Module<H>, tier: Tier, sliced: bool) -> Tier {
        match (tier, sliced) {
            (Tier::Interpreter, false) if module.is_compiled(Tier::Optimizing) => Tier::Optimizing,
            (Tier::Interpreter, _) => Tier::Fast,
            (_, false) => Tier::Optimizing,
            (_, true) => Tier::Exact,
        }
    }

    /// What runs a module that no machine code is known of.
    fn new_tier(&self, shape: &Shape) -> Tier {
        match self.settings.choice {
            _ if self.settings.profile => Tier::Profiled,
            Choice::Exact => Tier::Cautious,
            Choice::Optimizing => Tier::Optimizing,
            _ if shape.needs_optimizing => Tier::Optimizing,
            Choice::Fast => Tier::Fast,
            Choice::Auto | Choice::Hasty | Choice::Interpreter => Tier::Interpreter,
        }
    }

    /// Compiles. Where the machine refuses threads to share the work, by this one alone.
    fn machine_code(
        &self,
        engine: &wasmtime::Engine,
        tier: Tier,
        rewritten: &[u8],
    ) -> wasmtime::Result<wasmtime::Module> {
        if threads::are_there() {
            return wasmtime::Module::new(engine, rewritten);
        }
        let mut config = self.config(tier);
        config.parallel_compilation(false);
        let code = wasmtime::Engine::new(&config)?.precompile_module(rewritten)?;
        // SAFETY: the code was made just now by an engine of the same settings, and nobody has touched it.
        unsafe { wasmtime::Module::deserialize(engine, code) }
    }

    /// Machine code of a module, by the given code generator or, if that does not support the module, by the optimizing one.
    pub(crate) fn compile<'a, H: Host>(
        &self,
        module: &'a Module<H>,
        tier: Tier,
    ) -> Verdict<(&'a wasmtime::Module, Tier), H> {
        debug_assert!(tier != Tier::Interpreter, "there is no machine code for it");
        let kept = &module.code[tier as usize];
        if let Some(code) = kept.get() {
            return Ok(Ok((code, tier)));
        }
        let engine = self.engine(tier)?;
        if tier == Tier::Cautious {
            let exact = match self.compile(module, Tier::Exact)? {
                Ok((code, _)) => code.serialize(),
                Err(refusal) => return Ok(Err(refusal)),
            };
            // SAFETY: the code was made by an engine of this process with the same settings but for the stack, which it asks
            // its instance for; nobody has touched it since.
            let code =
                exact.and_then(|code| unsafe { wasmtime::Module::deserialize(engine, code) });
            return match code {
                Ok(code) => Ok(Ok((kept.get_or_init(|| code), tier))),
                Err(error) => Err(of_machine(&error, Resource::Code)
                    .unwrap_or_else(|| Failure::new(Resource::Engine, format!("{error:#}")))),
            };
        }
        let entry = self.cache.as_ref().map(|cache| {
            let host = module.host.identity();
            (
                cache,
                ModuleCache::name(&module.hash, &host, tier, &self.settings),
            )
        });
        if let Some((cache, name)) = &entry
            && let Some((code, _)) = cache.load::<H::Facts>(engine, name)
        {
            return Ok(Ok((kept.get_or_init(|| code), tier)));
        }
        let rewritten = match module.rewritten_for(tier.metering()) {
            Ok(rewritten) => rewritten,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.machine_code(engine, tier, &rewritten) {
            Ok(code) => {
                if let Some((cache, name)) = &entry {
                    cache.store(name, &code, (&module.facts, &module.rewritten));
                }
                Ok(Ok((kept.get_or_init(|| code), tier)))
            }
            Err(error) => match of_machine(&error, Resource::Code) {
                Some(failure) => Err(failure),
                None if tier == Tier::Fast => self.compile(module, Tier::Optimizing),
                None => {
                    let defect = Defect::Instantiation(format!("{error:?}"));
                    Ok(Err(module.host.refuse(defect)))
                }
            },
        }
    }
}
