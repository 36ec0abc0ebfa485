//! Runs ONE entry point of ONE canister: circumstances in, effects out. Commits or undoes heap, stable memory and globals;
//! everything else that the canister asked for is handed back as data. Knows no rounds, queues or calls.

mod beginning;
mod live;
mod promotion;
mod traps;

use std::sync::Arc;

use crate::canister::Canister;
use crate::canister::contexts::Closure;
use crate::canister::log::Log;
use crate::errors::ExecutionError;
use crate::profile::{Profile, Recording, Stack};
use crate::system_api::exec::{
    Answer, CanisterView, Dependencies, Exec, MemoryRules, MessageView, PerformedCall, Print,
};
use crate::system_api::meter::Meter;
use crate::system_api::mode::Mode;
use crate::system_api::prints::Prints;
use crate::wasm::memory::{ParkedHeap, ParkedStable, StableAccess};
use crate::wasm::{CanisterModule, GlobalValue, Tier, WASM_STACK};

use beginning::Beginning;
use live::Called;
pub use live::{LiveInstances, Runtime};

/// Instructions that a changed heap page costs, by width of the module (metering.md 4.1).
const HEAP_PAGE_COST: [i64; 2] = [1000, 4000];

/// Bytes of stack that profiled code may use without another look whether they suffice for the code of the module itself,
/// which needs less.
const DEEP: usize = WASM_STACK - (64 << 10);

/// Why beginning a level of the memories does not fail.
const LEVELS: &str = "executions nest no deeper than the memories allow";
/// Why a state that was set aside fits in.
const MEMORY: &str = "the machine held this state a moment ago";

/// Which function runs.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An exported function.
    Export(String),
    /// A function of the table.
    Table(Closure),
}

/// What becomes of the memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Changes are undone, as in queries.
    Never,
    /// Changes stay if the execution succeeds.
    IfSuccessful,
    /// As before, but if the execution took more than one slice its changes are set aside to become visible later.
    ParkIfSliced,
    /// If the execution succeeds its changes are set aside.
    Park,
}

/// An order to run something.
#[derive(Debug)]
pub struct Job {
    /// Which function.
    pub entry: Entry,
    /// In which context.
    pub mode: Mode,
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// What it is about.
    pub message: MessageView,
    /// Instructions it may use.
    pub limit: u64,
    /// Instructions of a slice.
    pub slice: u64,
    /// The limit that errors name.
    pub reported_limit: u64,
    /// Cycles that the canister sees.
    pub balance: u128,
    /// Callbacks that it may register.
    pub free_callbacks: u64,
    /// What growing memory is checked against.
    pub memory: MemoryRules,
    /// What becomes of the memories.
    pub keep: Keep,
}

/// New state of the memories that is not visible yet.
#[derive(Debug)]
pub struct Parked {
    heap: Option<ParkedHeap>,
    stable: ParkedStable,
    globals: Vec<GlobalValue>,
}

/// What an execution did.
#[derive(Debug)]
pub struct Execution {
    /// Which function ran.
    pub entry: Entry,
    /// What it was about; nothing of it changed but the cycles that are left.
    pub message: MessageView,
    /// In which context it ran.
    pub mode: Mode,
    /// Whether it succeeded.
    pub result: Result<(), ExecutionError>,
    /// Instructions used, with changed heap pages.
    pub instructions: u64,
    /// Instructions of each slice.
    pub slices: Vec<u64>,
    /// 4 KiB heap pages changed.
    pub heap_pages: u64,
    /// 4 KiB stable pages written.
    pub stable_pages: u64,
    /// The answer it gave. Like all that follows to be dropped if it failed.
    pub answer: Option<Answer>,
    /// Calls it made.
    pub calls: Vec<PerformedCall>,
    /// Cycles that the canister sees at the end.
    pub balance: u128,
    /// Cycles that it set aside for storage.
    pub reserved: u128,
    /// `accept_message` was called.
    pub accepted: bool,
    /// The timer as set.
    pub timer_set: Option<u64>,
    /// The certified data as set.
    pub certified_data: Option<Vec<u8>>,
    /// What it depended on.
    pub dependencies: Dependencies,
    /// The heap grew.
    pub grew: bool,
    /// For the canister's log; stays in any case.
    pub log: Log,
    /// For the screen; stays in any case.
    pub prints: Vec<Print>,
    /// The new state, if it was set aside.
    pub parked: Option<Box<Parked>>,
    /// Which functions the instructions were spent in, if the settings ask for it.
    pub recording: Option<Box<Recording>>,
}

impl Execution {
    /// Takes what was recorded over into a profile, below an entry point. The calls made get their places there.
    pub fn add_to(&mut self, profile: &mut Profile, entry: Stack) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        let places = profile.add(entry, &recording);
        for call in &mut self.calls {
            call.place = places.of(call.place);
        }
    }
}

impl Runtime {
    /// Runs a job. The canister must have code.
    pub fn run(&mut self, canister: &mut Canister, job: Job) -> Execution {
        let (exec, keep, entry) = self.prepare(canister, job);
        let beginning = Beginning::of(&exec);
        let heap_before = exec.heap_bytes;
        let mut called = self.call(canister, exec, &entry);
        let mut tried = Vec::new();
        while let Some(tier) = called.again
            && !tried.contains(&tier)
        {
            tried.push(called.tier);
            self.undo(canister, &mut called.exec);
            beginning.restore(&mut called.exec);
            self.live.prefer(canister.id, tier);
            called = self.call(canister, called.exec, &entry);
        }
        let deepest = called.exec.recording.as_ref();
        if deepest.map_or(0, |record| record.deepest()) > DEEP {
            called = self.profile_again(canister, called, &entry, &beginning);
        }
        let module = Arc::clone(&called.exec.module);
        let tier = called.tier;
        let execution = self.finish(canister, called, entry, keep, heap_before);
        if tier == Tier::Fast {
            let promotions = &self.live.promotions;
            promotions.count(&self.compiler, &module, execution.instructions);
        }
        execution
    }

    fn prepare(&mut self, canister: &mut Canister, job: Job) -> (Box<Exec>, Keep, Entry) {
        let code = canister
            .code
            .as_ref()
            .expect("only canisters with code run");
        let exec = Exec {
            module: Arc::clone(&code.module),
            mode: job.mode,
            time: job.time,
            subnet: Arc::clone(&self.subnet),
            meter: Meter::new(job.limit, job.slice, job.reported_limit),
            canister: CanisterView {
                id: canister.id,
                status: canister.status.number(),
                version: canister.version,
                controllers: Arc::clone(&canister.settings.controllers),
                environment: Arc::clone(&canister.settings.environment_variables),
                balance: job.balance,
                timer: canister.global_timer,
                free_callbacks: job.free_callbacks,
                memory: job.memory,
            },
            message: job.message,
            stable: std::mem::take(&mut canister.stable),
            slots: if job.mode.replicated() {
                std::mem::take(canister.calls.slots_mut())
            } else {
                Default::default()
            },
            wasm64: code.module.facts.memory64,
            heap_bytes: code.heap_bytes(),
            reply_data: Vec::new(),
            answer: None,
            call: None,
            calls: Vec::new(),
            timer_set: None,
            certified_data: None,
            accepted: false,
            log: Log::default(),
            prints: Prints::new(self.overflow.clone()),
            dependencies: Dependencies::default(),
            stable_access: StableAccess::new(),
            stable_accessed: 0,
            stable_written: 0,
            recording: self.recording(&code.module, None),
            error: None,
        };
        (Box::new(exec), job.keep, job.entry)
    }

    fn recording(&self, module: &Arc<CanisterModule>, end: Option<u64>) -> Option<Box<Recording>> {
        let record = || Box::new(Recording::new(Arc::clone(module), end));
        self.compiler.is_for_profile().then(record)
    }

    /// Repeats an execution in which profiled code needed so much of the stack that other code may have had too little:
    /// first without a profile, which tells the result, and then with one that ends where the stack does.
    fn profile_again(
        &mut self,
        canister: &mut Canister,
        profiled: Called,
        entry: &Entry,
        beginning: &Beginning,
    ) -> Called {
        let Called {
            mut exec, result, ..
        } = profiled;
        let overflowed = traps::is_stack_overflow(&result);
        self.undo(canister, &mut exec);
        beginning.restore(&mut exec);
        exec.recording = None;
        self.live.prefer(canister.id, Tier::Exact);
        let mut plain = self.call(canister, exec, entry);
        self.live.prefer_none(&canister.id);
        let overflows = traps::is_stack_overflow(&plain.result);
        if !overflows && overflowed {
            debug_assert!(false, "profiled code has more than enough stack");
            plain.exec.recording = self.recording(&plain.exec.module, None);
            return plain;
        }
        let mut exec = plain.exec;
        let counter = self.live.counter(canister.id, &mut exec);
        let end = exec.meter.used(counter);
        self.undo(canister, &mut exec);
        beginning.restore(&mut exec);
        exec.recording = self.recording(&exec.module, overflows.then_some(end));
        let repeated = self.call(canister, exec, entry);
        match overflows {
            true => Called {
                result: plain.result,
                ..repeated
            },
            false => repeated,
        }
    }

    /// Calls the entry point within a new level of the memories.
    fn call(&mut self, canister: &mut Canister, mut exec: Box<Exec>, entry: &Entry) -> Called {
        exec.stable.begin().expect(LEVELS);
        let code = canister
            .code
            .as_mut()
            .expect("only canisters with code run");
        if let Some(heap) = &mut code.heap {
            heap.begin().expect(LEVELS);
        }
        self.live
            .call(&self.compiler, canister.id, code, exec, entry)
    }

    /// Undoes what the execution did to memories, globals and slots.
    fn undo(&mut self, canister: &mut Canister, exec: &mut Exec) {
        exec.stable.rollback();
        for performed in std::mem::take(&mut exec.calls) {
            let slot = crate::system_api::slot_of(exec, &performed.call.callee);
            exec.slots.release(&slot);
        }
        let code = canister
            .code
            .as_mut()
            .expect("only canisters with code run");
        self.live.roll_back(canister.id, code);
    }

    fn finish(
        &mut self,
        canister: &mut Canister,
        called: Called,
        entry: Entry,
        keep: Keep,
        heap_before: u64,
    ) -> Execution {
        let Called {
            mut exec, result, ..
        } = called;
        let code = canister
            .code
            .as_mut()
            .expect("only canisters with code run");
        let heap_pages = match &mut code.heap {
            Some(heap) if exec.mode.charges_heap_pages() => heap.changed_pages(),
            _ => 0,
        };
        let mut counter = self.live.counter(canister.id, &mut exec);
        let used_by_code = exec.meter.used(counter);
        let page_cost = HEAP_PAGE_COST[usize::from(exec.wasm64)];
        counter = counter.saturating_sub(page_cost.saturating_mul(heap_pages as i64));
        let old_motoko = code.module.facts.old_motoko_reserved_pages
            && code.heap_bytes() > (65_536 - 16) * 65_536;
        let result = match result {
            _ if old_motoko => Err(ExecutionError::ReservedPagesForOldMotoko),
            result => result,
        };
        let instructions = match result {
            Err(ExecutionError::InstructionLimitExceeded { .. }) => exec.meter.limit(),
            _ => exec.meter.used(counter),
        };
        if let Some(recording) = &mut exec.recording {
            recording.end(used_by_code, exec.meter.used(counter), instructions);
        }
        let finished: u64 = exec.meter.finished_slices().iter().sum();
        let mut slices = exec.meter.finished_slices().to_vec();
        slices.push(instructions.saturating_sub(finished));
        exec.abandon_call();

        let grew = code.heap_bytes() > heap_before;
        let mut parked = None;
        let park = keep == Keep::Park || keep == Keep::ParkIfSliced && slices.len() > 1;
        match (&result, keep) {
            (Ok(()), _) if park => {
                let globals = self.live.read_globals(canister.id, code);
                let heap = code.heap.as_mut().map(|heap| heap.park());
                let stable = exec.stable.park();
                self.live.restore(canister.id, code);
                parked = Some(Box::new(Parked {
                    heap,
                    stable,
                    globals,
                }));
            }
            (Ok(()), Keep::IfSuccessful | Keep::ParkIfSliced) => {
                self.live.update_globals(canister.id, code);
                if let Some(heap) = &mut code.heap {
                    heap.commit();
                }
                exec.stable.commit();
                self.live.after_commit(canister.id, code);
            }
            _ => {
                // Calls of a query that succeeded go on; those of a failed execution were never made.
                let calls = match result {
                    Ok(()) => std::mem::take(&mut exec.calls),
                    Err(_) => Vec::new(),
                };
                self.undo(canister, &mut exec);
                exec.calls = calls;
            }
        }
        let exec = *exec;
        canister.stable = exec.stable;
        if exec.mode.replicated() {
            *canister.calls.slots_mut() = exec.slots;
        }
        Execution {
            entry,
            message: exec.message,
            mode: exec.mode,
            result,
            instructions,
            slices,
            heap_pages,
            stable_pages: exec.stable_written,
            answer: exec.answer,
            calls: exec.calls,
            balance: exec.canister.balance,
            reserved: exec
                .canister
                .memory
                .reserved_cycles
                .saturating_sub(canister.reserved_cycles),
            accepted: exec.accepted,
            timer_set: exec.timer_set,
            certified_data: exec.certified_data,
            dependencies: exec.dependencies,
            grew,
            log: exec.log,
            prints: exec.prints.into_waiting(),
            parked,
            recording: exec.recording,
        }
    }

    /// Runs a job on a state that was set aside, and sets the state aside again: with the job's changes if it succeeded, else as it was.
    pub fn run_on(
        &mut self,
        canister: &mut Canister,
        state: Parked,
        mut job: Job,
    ) -> (Execution, Parked) {
        let committed = self.enter(canister, state);
        job.keep = Keep::IfSuccessful;
        let execution = self.run(canister, job);
        let state = self.leave(canister, committed);
        (execution, state)
    }

    /// Begins a level of the memories in which a state that was set aside is visible; returns the committed globals.
    fn enter(&mut self, canister: &mut Canister, state: Parked) -> Vec<GlobalValue> {
        canister.stable.begin().expect(LEVELS);
        canister.stable.unpark(state.stable).expect(MEMORY);
        let code = canister
            .code
            .as_mut()
            .expect("only canisters with code run");
        if let (Some(heap), Some(parked)) = (&mut code.heap, state.heap) {
            heap.begin().expect(LEVELS);
            heap.unpark(&parked).expect(MEMORY);
        }
        let committed = std::mem::replace(&mut code.globals, state.globals);
        self.live.restore(canister.id, code);
        committed
    }

    /// Ends the level that [`Self::enter`] began and sets its state aside.
    fn leave(&mut self, canister: &mut Canister, committed: Vec<GlobalValue>) -> Parked {
        let stable = canister.stable.park();
        let code = canister
            .code
            .as_mut()
            .expect("only canisters with code run");
        let heap = code.heap.as_mut().map(|heap| heap.park());
        let globals = std::mem::replace(&mut code.globals, committed);
        self.live.restore(canister.id, code);
        Parked {
            heap,
            stable,
            globals,
        }
    }

    /// Makes visible what was set aside.
    pub fn unpark(&mut self, canister: &mut Canister, parked: Parked) {
        canister.stable.unpark(parked.stable).expect(MEMORY);
        let Some(code) = canister.code.as_mut() else {
            return;
        };
        if let (Some(heap), Some(parked)) = (&mut code.heap, parked.heap) {
            heap.unpark(&parked).expect(MEMORY);
        }
        code.globals = parked.globals;
        self.live.restore(canister.id, code);
    }
}
