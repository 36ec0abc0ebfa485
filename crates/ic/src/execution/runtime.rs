//! From a job to an execution: what the canister has is lent to the engine, and taken back with what it did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use candid::Principal;
use drun_engine::memory::{Heap, Image, WASM_PAGE_SIZE};
use drun_engine::{Choice, Engine, Failure, GlobalValue, Instance, Order, Resource, Run, Settings};

use super::{Entry, Execution, Job, Keep, Parked, Recording, traps};
use crate::canister::Canister;
use crate::canister::code::{CanisterModule, Code};
use crate::config::{CompilerChoice, NodeSettings};
use crate::errors::ExecutionError;
use crate::ic0::Ic;
use crate::ic0::exec::{CanisterView, Effects, Exec, LEVELS, SubnetView};
use crate::ic0::prints::{Overflow, Prints};
use crate::module::ValidationLimits;

/// What runs the code of canisters.
pub struct Runtime {
    /// The subnet as canisters see it.
    pub subnet: Arc<SubnetView>,
    /// Where lines go when there are too many.
    pub overflow: Overflow,
    /// Bytes that the user lets all canisters hold.
    max_memory: Option<u64>,
    engine: Arc<Engine<Ic>>,
    instances: BTreeMap<Principal, Instance<Ic>>,
}

/// The engines of this process: nodes with the same settings share one, and with it compiled modules.
static ENGINES: Mutex<Vec<Arc<Engine<Ic>>>> = Mutex::new(Vec::new());

fn engine_for(settings: Settings) -> Arc<Engine<Ic>> {
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = engines.iter().find(|known| *known.settings() == settings) {
        return Arc::clone(known);
    }
    let engine = Arc::new(Engine::new(settings));
    engines.push(Arc::clone(&engine));
    engine
}

/// The machine has failed: nothing that this node could do from here on would be true. Unwinds, without the message of a
/// panic, up to whoever drives the node; [`crate::until_failure`] makes an error of it.
fn give_up(failure: Failure) -> ! {
    std::panic::resume_unwind(Box::new(failure))
}

/// Runs something that drives nodes, until the machine fails.
///
/// # Errors
/// The failure of the machine. What drove or belonged to a node is of no use any more.
pub fn until_failure<T>(drive: impl FnOnce() -> T) -> Result<T, Failure> {
    let driven = std::panic::catch_unwind(std::panic::AssertUnwindSafe(drive));
    driven.map_err(|reason| match reason.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// The canisters hold or want more bytes than the user allows.
pub(crate) fn over_allowance(wanted: u64, most: u64) -> ! {
    let cause = format!("they want {wanted} bytes, and {most} are allowed");
    give_up(Failure::new(Resource::Allowance, cause))
}

fn or_give_up<T>(result: Result<T, impl Into<Failure>>) -> T {
    result.unwrap_or_else(|failure| give_up(failure.into()))
}

fn stable(error: impl std::fmt::Display) -> Failure {
    Failure::new(Resource::HostMemory, error)
}

impl Runtime {
    /// For a subnet with the settings of a run. A module cache that cannot be set up is gone without.
    pub fn new(subnet: Arc<SubnetView>, config: &NodeSettings) -> Self {
        let settings = Settings {
            choice: match config.compiler {
                CompilerChoice::Auto => Choice::Auto,
                CompilerChoice::Hasty => Choice::Hasty,
                CompilerChoice::Interpreter => Choice::Interpreter,
                CompilerChoice::Fast => Choice::Fast,
                CompilerChoice::Optimizing => Choice::Optimizing,
            },
            max_memory: config.protocol.modules.max_wasm64_pages << 16,
            backtraces: config.backtrace,
            profile: config.recording,
            cache: config.cache_dir.clone(),
        };
        Runtime {
            subnet,
            overflow: Overflow::default(),
            max_memory: config.max_memory,
            engine: engine_for(settings),
            instances: BTreeMap::new(),
        }
    }

    /// A module that can be run: decoded, validated, compiled, and known to instantiate.
    ///
    /// # Errors
    /// With the verdict and the text of the Internet Computer.
    pub fn load(
        &mut self,
        blob: &Arc<[u8]>,
        limits: &ValidationLimits,
    ) -> Result<Arc<CanisterModule>, ExecutionError> {
        let module = or_give_up(self.engine.load(&Ic { limits: *limits }, blob))?;
        Ok(Arc::new(CanisterModule::of(module)))
    }

    /// The heap that a module begins with; nothing if it declares no memory.
    pub fn fresh_heap(&self, module: &CanisterModule) -> Option<Heap> {
        or_give_up(self.engine.fresh_heap(module))
    }

    /// Makes a heap that is kept in an upgrade as large as the new module wants it.
    pub fn fit_heap(&self, module: &CanisterModule, heap: &mut Heap) {
        or_give_up(self.engine.fit_heap(module, heap));
    }

    /// A heap with the content of an image, for a module.
    pub fn heap_from_image(&self, module: &CanisterModule, image: &Image) -> Heap {
        or_give_up(self.engine.heap_from_image(module, image))
    }

    /// Values that the globals of a module begin with. The module is instantiated for that, on the given heap.
    ///
    /// # Errors
    /// With the text of the Internet Computer, if the module cannot be instantiated.
    pub fn initial_globals(
        &mut self,
        module: &Arc<CanisterModule>,
        heap: Option<&Heap>,
    ) -> Result<Vec<GlobalValue>, ExecutionError> {
        or_give_up(self.engine.initial_globals(&module.module, heap))
    }

    /// At the end of a run: waits for compilations that are worth keeping.
    pub fn end(&self) {
        self.engine.finish();
    }

    /// Drops the instance of a canister.
    pub fn forget(&mut self, canister: &Principal) {
        if let Some(instance) = self.instances.get_mut(canister) {
            instance.forget();
        }
    }

    /// Runs a job. The canister must have code.
    pub fn run(&mut self, canister: &mut Canister, mut job: Job) -> Box<Execution> {
        let exec = self.prepare(canister, &mut job);
        let heap_before = exec.heap_bytes;
        let order = Order {
            entry: match &job.entry {
                Entry::Export(name) => drun_engine::Entry::Export(name),
                Entry::Table(closure) => drun_engine::Entry::Table {
                    function: closure.function,
                    argument: closure.env,
                },
            },
            limit: job.limit,
            slice: job.slice,
        };
        let code = code_of(&mut canister.code);
        let instance = self.instances.entry(canister.id).or_default();
        let run = self.engine.run(instance, &mut code.program(), exec, order);
        finish(canister, instance, run, job, heap_before, self.max_memory)
    }

    /// Circumstances of a job, with what the canister lends.
    fn prepare(&self, canister: &mut Canister, job: &mut Job) -> Box<Exec> {
        let code = code_of(&mut canister.code);
        Box::new(Exec {
            mode: job.mode,
            time: job.time,
            subnet: Arc::clone(&self.subnet),
            message: std::mem::take(&mut job.message),
            reported_limit: job.reported_limit,
            names: Arc::clone(&code.module.names),
            canister: CanisterView {
                id: canister.id,
                status: canister.status.number(),
                version: canister.version,
                log_limit: canister.log.limit(),
                controllers: Arc::clone(&canister.settings.controllers),
                environment: Arc::clone(&canister.settings.environment_variables),
                balance: job.balance,
                timer: canister.global_timer,
                free_callbacks: job.free_callbacks,
                memory: job.memory,
            },
            wasm64: code.module.facts.memory64,
            heap_bytes: code.heap_bytes(),
            stable: std::mem::take(&mut *canister.stable),
            slots: match job.mode.replicated() {
                true => std::mem::take(canister.calls.slots_mut()),
                false => Default::default(),
            },
            effects: Effects::with_log(canister.log.limit()),
            prints: Prints::new(self.overflow.clone()),
        })
    }

    /// Runs a job on a state that was set aside, and sets the state aside again: with the job's changes if it succeeded,
    /// else as it was.
    pub fn run_on(
        &mut self,
        canister: &mut Canister,
        state: Parked,
        mut job: Job,
    ) -> (Box<Execution>, Parked) {
        canister.stable.begin().expect(LEVELS);
        or_give_up(canister.stable.unpark(state.stable).map_err(stable));
        let instance = self.instances.entry(canister.id).or_default();
        let entered = instance.enter(&mut code_of(&mut canister.code).program(), state.heap);
        let committed = or_give_up(entered);
        job.keep = Keep::IfSuccessful;
        let execution = self.run(canister, job);
        let stable = canister.stable.park();
        let instance = self.instances.entry(canister.id).or_default();
        let heap = instance.leave(&mut code_of(&mut canister.code).program(), committed);
        (execution, Parked { heap, stable })
    }

    /// Makes visible what was set aside.
    pub fn unpark(&mut self, canister: &mut Canister, parked: Parked) {
        or_give_up(canister.stable.unpark(parked.stable).map_err(stable));
        if let Some(code) = &mut canister.code {
            let instance = self.instances.entry(canister.id).or_default();
            or_give_up(instance.unpark(&mut code.program(), parked.heap));
        }
    }
}

fn code_of(code: &mut Option<Code>) -> &mut Code {
    code.as_mut().expect("only canisters with code run")
}

/// Keeps, sets aside or undoes what an execution did to the memories, and takes back what was lent.
fn finish(
    canister: &mut Canister,
    instance: &mut Instance<Ic>,
    mut run: Run<Ic>,
    job: Job,
    heap_before: u64,
    max_memory: Option<u64>,
) -> Box<Execution> {
    let (entry, keep) = (job.entry, job.keep);
    let code = code_of(&mut canister.code);
    // Where the machine has failed there may be no level of the heap that could be looked at.
    let end = or_give_up(run.end);
    let mut exec = run.activation;
    let heap_pages = match &mut code.heap {
        Some(heap) if exec.mode.charges_heap_pages() => heap.changed_pages(),
        _ => 0,
    };
    let used_by_code = run.meter.used();
    let page_cost = exec.subnet.protocol.pages.changed_heap[usize::from(exec.wasm64)];
    run.meter.charge(page_cost.saturating_mul(heap_pages));
    let rules = &exec.canister.memory;
    if let (refused @ 1.., Some(left)) = (rules.machine_refused, rules.machine_left) {
        let most = max_memory.unwrap_or(u64::MAX);
        over_allowance(most.saturating_sub(left) + refused, most);
    }
    let old_motoko = code.module.facts.old_motoko_reserved_pages
        && code.heap_bytes() > (65_536 - 16) * WASM_PAGE_SIZE as u64;
    let result = match traps::result(end, &code.module.names) {
        _ if old_motoko => Err(ExecutionError::ReservedPagesForOldMotoko),
        result => result,
    };
    let instructions = match result {
        Err(ExecutionError::InstructionLimitExceeded { .. }) => run.meter.limit(),
        _ => run.meter.used(),
    };
    let recording = run.recording.map(|mut record| {
        record.end(used_by_code, run.meter.used(), instructions);
        let names = Arc::clone(&code.module.names);
        Recording { names, record }
    });
    let finished: u64 = run.meter.finished_slices().iter().sum();
    let last = instructions.saturating_sub(finished);
    let slices = [run.meter.finished_slices(), &[last]].concat();
    exec.abandon_call();

    let grew = code.heap_bytes() > heap_before;
    let mut parked = None;
    let park = keep == Keep::Park || keep == Keep::ParkIfSliced && slices.len() > 1;
    match (&result, keep) {
        (Ok(()), _) if park => {
            let heap = instance.park(&mut code.program());
            let stable = exec.stable.park();
            parked = Some(Box::new(Parked { heap, stable }));
        }
        (Ok(()), Keep::IfSuccessful | Keep::ParkIfSliced) => {
            instance.commit(&mut code.program());
            exec.stable.commit();
        }
        _ => {
            instance.roll_back(&mut code.program());
            // Calls of a query that succeeded go on; those of a failed execution were never made.
            let calls = match result {
                Ok(()) => std::mem::take(&mut exec.effects.calls),
                Err(_) => Vec::new(),
            };
            exec.undo();
            exec.effects.calls = calls;
        }
    }
    let exec = *exec;
    *canister.stable = exec.stable;
    if exec.mode.replicated() {
        *canister.calls.slots_mut() = exec.slots;
    }
    Box::new(Execution {
        entry,
        message: exec.message,
        mode: exec.mode,
        result,
        instructions,
        slices,
        heap_pages,
        stable_pages: exec.effects.stable_written,
        answer: exec.effects.answer,
        calls: exec.effects.calls,
        balance: exec.canister.balance,
        reserved: exec
            .canister
            .memory
            .reserved_cycles
            .saturating_sub(canister.reserved_cycles),
        burned: exec.effects.burned,
        accepted: exec.effects.accepted,
        timer_set: exec.effects.timer_set,
        certified_data: exec.effects.certified_data,
        dependencies: exec.effects.dependencies,
        grew,
        log: exec.effects.log,
        prints: exec.prints.into_waiting(),
        parked,
        recording,
    })
}
