//! Instances that stay alive between messages. An instance is never the truth: it can be dropped at any time and made again
//! from the canister's heap and globals.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candid::Principal;
use wasmtime::{Extern, Func, Global, Instance, Linker, Memory, Ref, Store, Table, TypedFunc, Val};

use super::promotion::{PORTION, Promotions};
use super::{Entry, traps};
use crate::canister::code::Code;
use crate::canister::contexts::Closure;
use crate::config::Config;
use crate::errors::{ContractViolation, ExecutionError};
use crate::system_api::exec::{Exec, SubnetView};
use crate::system_api::prints::Overflow;
use crate::system_api::{Host, linker};
use crate::wasm::memory::{Heap, refresh_size, remaining_stack, with_heap};
use crate::wasm::{
    COUNTER_EXPORT, CanisterModule, Compiler, GlobalValue, MEMORY_EXPORT, TABLE_EXPORT, Tier,
    ValidationLimits,
};

/// What host functions below Wasm code may need of a stack, in bytes.
const HOST_STACK: usize = 1 << 20;
/// Modules from which on one that is not in use makes room for the next.
const MODULES_KEPT: usize = 32;

/// What runs the code of canisters.
pub struct Runtime {
    /// The subnet as canisters see it.
    pub subnet: Arc<SubnetView>,
    pub(super) compiler: Arc<Compiler>,
    pub(super) live: LiveInstances,
    /// Where lines go when there are too many.
    pub overflow: Overflow,
    /// Modules loaded before, the newest last: those in use and some that may be installed again.
    modules: Vec<Arc<CanisterModule>>,
}

impl Runtime {
    /// For a subnet with the settings of a run.
    ///
    /// # Errors
    /// If the module cache cannot be set up.
    pub fn new(subnet: Arc<SubnetView>, config: &Config) -> anyhow::Result<Self> {
        let max_memory = match config.compat {
            crate::compat::Compat::Drun => 16 << 30,
            crate::compat::Compat::PocketIc => 6 << 30,
        };
        let compiler = Compiler::new(
            config.compiler,
            max_memory,
            config.backtrace,
            config.cache_dir.as_deref(),
        );
        Ok(Runtime {
            subnet,
            compiler: Arc::new(match config.profile {
                true => compiler.for_profile(),
                false => compiler,
            }),
            live: LiveInstances::default(),
            overflow: Overflow::default(),
            modules: Vec::new(),
        })
    }

    /// A module that can be run: decoded, validated, compiled, and known to instantiate.
    pub fn load(
        &mut self,
        blob: &Arc<[u8]>,
        limits: &ValidationLimits,
    ) -> Result<Arc<CanisterModule>, ExecutionError> {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(blob).into();
        if let Some(module) = self.modules.iter().find(|module| module.hash == hash) {
            return Ok(Arc::clone(module));
        }
        let module = Arc::new(self.compiler.load(blob, hash, limits)?);
        let unused = |module: &Arc<CanisterModule>| Arc::strong_count(module) == 1;
        if self.modules.len() >= MODULES_KEPT
            && let Some(oldest) = self.modules.iter().position(unused)
        {
            self.modules.remove(oldest);
        }
        self.modules.push(Arc::clone(&module));
        Ok(module)
    }

    /// The heap that a module begins with; nothing if it declares no memory.
    pub fn fresh_heap(&self, module: &CanisterModule) -> Result<Option<Heap>, ExecutionError> {
        let Some(memory) = module.facts.memory else {
            return Ok(None);
        };
        let mut heap = self.empty_heap(module)?;
        heap.grow_to(memory.initial_pages * WASM_PAGE)
            .map_err(engine)?;
        for (offset, bytes) in module.data() {
            heap.write(offset, bytes).map_err(engine)?;
        }
        Ok(Some(heap))
    }

    fn empty_heap(&self, module: &CanisterModule) -> Result<Heap, ExecutionError> {
        let reserved = self.compiler.reserved_memory();
        let capacity = if module.facts.memory64 {
            reserved
        } else {
            4 << 30
        };
        Heap::new(capacity, reserved).map_err(engine)
    }

    /// Makes a heap that is kept in an upgrade as large as the new module wants it.
    pub fn fit_heap(&self, module: &CanisterModule, heap: &mut Heap) -> Result<(), ExecutionError> {
        let initial = module.facts.memory.map_or(0, |memory| memory.initial_pages) * WASM_PAGE;
        if heap.size_bytes() < initial {
            heap.grow_to(initial).map_err(engine)?;
        }
        Ok(())
    }

    /// A heap with the content of an image, for a module.
    pub fn heap_from_image(
        &self,
        module: &CanisterModule,
        image: &crate::wasm::memory::Image,
    ) -> Result<Heap, ExecutionError> {
        let reserved = self.compiler.reserved_memory();
        let capacity = if module.facts.memory64 {
            reserved
        } else {
            4 << 30
        };
        Heap::from_image(image, capacity, reserved).map_err(engine)
    }

    /// Values that the globals of a module begin with. The module is instantiated for that, on the given heap.
    pub fn initial_globals(
        &mut self,
        module: &Arc<CanisterModule>,
        heap: Option<&Heap>,
    ) -> Result<Vec<GlobalValue>, ExecutionError> {
        let tier = self.compiler.first_tier(module);
        let mut live = self
            .live
            .instantiate(&self.compiler, module, heap, tier, 0)?;
        Ok(live.read_globals())
    }

    /// At the end of a run: waits for compilations that are worth keeping.
    pub fn end(&self) {
        self.live.promotions.end();
    }

    /// Drops the instance of a canister.
    pub fn forget(&mut self, canister: &Principal) {
        self.live.live.remove(canister);
    }
}

fn engine(error: impl std::fmt::Display) -> ExecutionError {
    ExecutionError::instantiation(error)
}

/// Bytes of a Wasm page.
const WASM_PAGE: u64 = 65_536;

/// An instance.
struct Live {
    generation: u64,
    tier: Tier,
    store: Store<Host>,
    instance: Instance,
    counter: Global,
    memory: Option<Memory>,
    globals: Vec<Global>,
    /// Positions of those globals that can change.
    mutable: Vec<usize>,
    /// Exported functions that were called before.
    functions: BTreeMap<String, TypedFunc<(), ()>>,
}

impl Live {
    fn read_globals(&mut self) -> Vec<GlobalValue> {
        let store = &mut self.store;
        self.globals
            .iter()
            .map(|global| value_of(global, store))
            .collect()
    }

    /// Brings values that were read or written before up to date.
    fn update_globals(&mut self, values: &mut [GlobalValue]) {
        for position in &self.mutable {
            values[*position] = value_of(&self.globals[*position], &mut self.store);
        }
    }

    fn write_globals(&mut self, values: &[GlobalValue]) {
        for position in &self.mutable {
            let value = match values[*position] {
                GlobalValue::I32(value) => Val::I32(value),
                GlobalValue::I64(value) => Val::I64(value),
                GlobalValue::F32(bits) => Val::F32(bits),
                GlobalValue::F64(bits) => Val::F64(bits),
                GlobalValue::V128(value) => Val::V128(value.into()),
            };
            self.globals[*position]
                .set(&mut self.store, value)
                .expect("saved values have the types of their globals");
        }
    }
}

fn value_of(global: &Global, store: &mut Store<Host>) -> GlobalValue {
    match global.get(store) {
        Val::I32(value) => GlobalValue::I32(value),
        Val::I64(value) => GlobalValue::I64(value),
        Val::F32(bits) => GlobalValue::F32(bits),
        Val::F64(bits) => GlobalValue::F64(bits),
        Val::V128(value) => GlobalValue::V128(value.as_u128()),
        _ => unreachable!("validation admits globals of numbers only"),
    }
}

/// All instances that are alive, by canister.
#[derive(Default)]
pub struct LiveInstances {
    live: BTreeMap<Principal, Live>,
    /// Imports, by code generator and width.
    linkers: HashMap<(Tier, bool), Linker<Host>>,
    preferred: BTreeMap<Principal, Tier>,
    pub(super) promotions: Promotions,
}

/// What came of a call.
pub(super) struct Called {
    /// The execution, whatever happened.
    pub exec: Box<Exec>,
    pub result: Result<(), ExecutionError>,
    pub tier: Tier,
    /// The tier that is to run the execution from its beginning.
    pub again: Option<Tier>,
}

impl LiveInstances {
    /// From now on the canister runs on this code generator.
    pub fn prefer(&mut self, canister: Principal, tier: Tier) {
        self.preferred.insert(canister, tier);
    }

    /// From the next instance on the canister runs again on the code generator that is chosen for its module.
    pub fn prefer_none(&mut self, canister: &Principal) {
        self.preferred.remove(canister);
    }

    /// Makes an instance on a heap.
    fn instantiate(
        &mut self,
        compiler: &Arc<Compiler>,
        module: &Arc<CanisterModule>,
        heap: Option<&Heap>,
        tier: Tier,
        generation: u64,
    ) -> Result<Live, ExecutionError> {
        let (code, tier) = compiler.compile(module, tier)?;
        let wasm64 = module.facts.memory64;
        let imports = match self.linkers.entry((tier, wasm64)) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let engine = compiler.engine(tier);
                let linker = if wasm64 {
                    linker::<u64>(engine)
                } else {
                    linker::<u32>(engine)
                };
                entry.insert(linker.map_err(engine_error)?)
            }
        };
        let mut store = Store::new(compiler.engine(tier), Host::default());
        let instance = match heap {
            Some(heap) => with_heap(heap, || imports.instantiate(&mut store, code)),
            None => imports.instantiate(&mut store, code),
        }
        .map_err(engine_error)?;
        let counter = instance
            .get_global(&mut store, COUNTER_EXPORT)
            .expect("every instrumented module has a counter");
        let memory = instance.get_memory(&mut store, MEMORY_EXPORT);
        let globals = module
            .saved_globals()
            .iter()
            .map(|saved| {
                instance
                    .get_global(&mut store, &saved.export)
                    .expect("saved globals are exported")
            })
            .collect();
        let saved = module.saved_globals().iter().enumerate();
        let mutable = saved
            .filter_map(|(position, saved)| saved.mutable.then_some(position))
            .collect();
        let host = store.data_mut();
        host.counter = Some(counter);
        host.memory = memory;
        host.stops_at_slice_end = tier == Tier::Optimizing;
        if tier == Tier::Fast && compiler.may_optimize() {
            host.takeover = Some(self.promotions.takeover(compiler, module));
        }
        Ok(Live {
            generation,
            tier,
            store,
            instance,
            counter,
            memory,
            globals,
            mutable,
            functions: BTreeMap::new(),
        })
    }

    /// The instance of a canister, made anew if there is none of this code.
    fn get(
        &mut self,
        compiler: &Arc<Compiler>,
        canister: Principal,
        code: &Code,
    ) -> Result<&mut Live, ExecutionError> {
        let preferred = self.preferred.get(&canister).copied();
        let tier = preferred.unwrap_or_else(|| compiler.first_tier(&code.module));
        let alive = self.live.get(&canister).is_some_and(|live| {
            // The optimizing code generator also stands in where the fast one does not support a module.
            live.generation == code.generation
                && (live.tier == tier || tier == Tier::Fast && live.tier == Tier::Optimizing)
        });
        if !alive {
            self.live.remove(&canister);
            let heap = code.heap.as_ref();
            let mut live = self.instantiate(compiler, &code.module, heap, tier, code.generation)?;
            live.write_globals(&code.globals);
            self.live.insert(canister, live);
        }
        Ok(self.live.get_mut(&canister).expect("made above"))
    }

    /// Calls an entry point.
    pub(super) fn call(
        &mut self,
        compiler: &Arc<Compiler>,
        canister: Principal,
        code: &mut Code,
        mut exec: Box<Exec>,
        entry: &Entry,
    ) -> Called {
        let live = match self.get(compiler, canister, code) {
            Ok(live) => live,
            Err(error) => {
                return Called {
                    exec,
                    result: Err(error),
                    tier: Tier::Optimizing,
                    again: None,
                };
            }
        };
        let tier = live.tier;
        let host = live.store.data_mut();
        host.interrupted = false;
        if host.takeover.is_some() {
            exec.meter.in_portions(PORTION);
        }
        let initial = Val::I64(exec.meter.initial_counter());
        live.counter
            .set(&mut live.store, initial)
            .expect("the counter is a mutable i64");
        live.store.data_mut().exec = Some(exec);
        let heap = &mut code.heap;
        let result = with_stack(tier.stack() + HOST_STACK, || {
            let _active = heap.as_mut().map(Heap::activate);
            enter(live, entry)
        });
        let host = live.store.data_mut();
        let mut exec = host.exec.take().expect("put there above");
        let sliced = !exec.meter.finished_slices().is_empty();
        let (result, again) = match (result, exec.error.take()) {
            (_, Some(error)) => (Err(error), None),
            (Ok(()), None) => (Ok(()), None),
            (Err(Failure::Before(error)), None) => (Err(error), None),
            (Err(Failure::Engine(error)), None) => (
                Err(traps::execution_error(&error, &code.module, tier)),
                match host.interrupted {
                    true if sliced => Some(Tier::Exact),
                    true => Some(Tier::Optimizing),
                    false => traps::again(&error, tier, sliced),
                },
            ),
        };
        Called {
            exec,
            result,
            tier,
            again,
        }
    }

    /// The instruction counter after a call; as if nothing had run if there is no instance.
    pub fn counter(&mut self, canister: Principal, exec: &mut Exec) -> i64 {
        match self.live.get_mut(&canister) {
            Some(live) => match live.counter.get(&mut live.store) {
                Val::I64(counter) => counter,
                _ => exec.meter.initial_counter(),
            },
            None => exec.meter.initial_counter(),
        }
    }

    /// The globals of the instance.
    pub fn read_globals(&mut self, canister: Principal, code: &Code) -> Vec<GlobalValue> {
        match self.live.get_mut(&canister) {
            Some(live) => live.read_globals(),
            None => code.globals.clone(),
        }
    }

    /// Takes the globals of the instance over into the canister's code.
    pub fn update_globals(&mut self, canister: Principal, code: &mut Code) {
        if let Some(live) = self.live.get_mut(&canister) {
            live.update_globals(&mut code.globals);
        }
    }

    /// Undoes what an execution did to heap and globals.
    pub fn roll_back(&mut self, canister: Principal, code: &mut Code) {
        let resized = match &mut code.heap {
            Some(heap) => heap.rollback().size_changed,
            None => false,
        };
        self.reset(canister, code, resized);
    }

    /// Makes the instance agree with the canister's heap and globals.
    pub fn restore(&mut self, canister: Principal, code: &Code) {
        self.reset(canister, code, true);
    }

    fn reset(&mut self, canister: Principal, code: &Code, resized: bool) {
        if code.module.facts.drops_segments {
            self.live.remove(&canister);
            return;
        }
        let Some(live) = self.live.get_mut(&canister) else {
            return;
        };
        if live.generation != code.generation {
            self.live.remove(&canister);
            return;
        }
        live.write_globals(&code.globals);
        if let (true, Some(memory)) = (resized, live.memory)
            && refresh_size(&mut live.store, &memory).is_err()
        {
            self.live.remove(&canister);
        }
    }

    /// After an execution was committed: an instance that cannot be used again is dropped.
    pub fn after_commit(&mut self, canister: Principal, code: &Code) {
        if code.module.facts.drops_segments {
            self.live.remove(&canister);
        }
    }
}

fn engine_error(error: wasmtime::Error) -> ExecutionError {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => ExecutionError::instantiation(format!("wasm trap: {trap}")),
        None => ExecutionError::instantiation(format!("{error:?}")),
    }
}

enum Failure {
    /// No code ran.
    Before(ExecutionError),
    /// The engine ended the code.
    Engine(wasmtime::Error),
}

impl From<ContractViolation> for Failure {
    fn from(violation: ContractViolation) -> Self {
        Failure::Before(ExecutionError::Contract(violation))
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        Failure::Engine(error)
    }
}

/// Runs something on this thread or, if it has not got so much stack, on a thread made for it.
fn with_stack<R: Send>(bytes: usize, run: impl FnOnce() -> R + Send) -> R {
    if remaining_stack().is_none_or(|left| left >= bytes) {
        return run();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes + HOST_STACK);
        let thread = thread.spawn_scoped(scope, run);
        match thread.expect("the machine has room for a thread").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn enter(live: &mut Live, entry: &Entry) -> Result<(), Failure> {
    match entry {
        Entry::Export(name) => {
            if let Some(function) = live.functions.get(name) {
                return Ok(function.call(&mut live.store, ())?);
            }
            let Some(Extern::Func(function)) = live.instance.get_export(&mut live.store, name)
            else {
                return Err(ContractViolation::ExportIsNoFunction.into());
            };
            let function = function.typed::<(), ()>(&live.store)?;
            live.functions.insert(name.clone(), function.clone());
            Ok(function.call(&mut live.store, ())?)
        }
        Entry::Table(closure) => call_closure(live, *closure),
    }
}

/// Calls a function of the table (system-api.md 3.4).
fn call_closure(live: &mut Live, closure: Closure) -> Result<(), Failure> {
    let table: Table = match live.instance.get_export(&mut live.store, TABLE_EXPORT) {
        Some(Extern::Table(table)) => table,
        Some(_) => return Err(ContractViolation::TableExportIsNoTable.into()),
        None => return Err(ContractViolation::NoTable.into()),
    };
    let function: Func = match table.get(&mut live.store, u64::from(closure.function)) {
        None => {
            return Err(Failure::Before(ExecutionError::FunctionNotFound {
                function: closure.function,
            }));
        }
        Some(Ref::Func(Some(function))) => function,
        Some(Ref::Func(None)) => return Err(ContractViolation::NullFunction.into()),
        Some(_) => return Err(ContractViolation::NotAFunctionReference.into()),
    };
    let wasm64 = live.store.data_mut().exec().wasm64;
    let mismatch = || Failure::from(ContractViolation::SignatureMismatch);
    if wasm64 {
        let function = function
            .typed::<u64, ()>(&live.store)
            .map_err(|_| mismatch())?;
        return Ok(function.call(&mut live.store, closure.env)?);
    }
    let Ok(env) = u32::try_from(closure.env) else {
        return Err(ContractViolation::EnvironmentTooLarge { env: closure.env }.into());
    };
    let function = function
        .typed::<u32, ()>(&live.store)
        .map_err(|_| mismatch())?;
    Ok(function.call(&mut live.store, env)?)
}
