//! The stages of an installation: the old code's hook, the new module, its start function, its own hook (management-canister.md
//! 3.2, metering.md 5.2). What they have done can be kept or undone as a whole.

use std::sync::Arc;

use candid::Principal;

use super::order::{Order, Source};
use super::state::{LongInstall, State};
use super::types::install::{CanisterInstallMode, UpgradeOptions, WasmMemoryPersistence};
use crate::answer::DebugPrint;
use crate::canister::Canister;
use crate::canister::chunks::CHUNK_BYTES;
use crate::canister::code::CanisterModule;
use crate::canister::code::Code;
use crate::canister::tasks::TaskRotation;
use crate::errors::{ExecutionError, ManagementError};
use crate::execution::{Entry, Job, Keep};
use crate::fees::Fees;
use crate::ic0::exec::MessageView;
use crate::ic0::mode::Mode;
use crate::module::GlobalValue;
use crate::module::memory::{Heap, StableMemory};
use crate::observe::{Cause, Observers, Preparation};

/// Instructions for compiling an operator of the instrumented module, and for a byte of a module that is not one.
pub const COMPILE_COST: u64 = 6000;
/// By how much compiling a module that was installed before is cheaper.
const KNOWN_MODULE_DISCOUNT: u64 = 100;

/// An installation at work.
pub(super) struct Stages<'a> {
    state: &'a mut State,
    observers: &'a mut Observers,
    caller: Principal,
    /// Instructions that are left of what all stages share.
    left: u64,
    /// The new module has a 64-bit memory, which doubles the price.
    wasm64: bool,
    /// Ends of slices so far; every stage goes on in the slice in which the one before ended.
    pauses: usize,
    /// What was printed, with the slice.
    prints: Vec<(usize, DebugPrint)>,
    /// Bytes that functions took from the subnet, for which they have set cycles aside themselves.
    grown: u64,
    undo: Undo,
}

/// What is left when the stages have run.
pub(super) struct Ended {
    /// Instructions that were not used.
    pub(super) left: u64,
    /// Bytes for which cycles were set aside already.
    pub(super) grown: u64,
    /// How to undo what was done.
    pub(super) undo: Undo,
}

/// What is needed to undo an installation.
#[derive(Default)]
pub(super) struct Undo {
    /// Code that the new one replaced. It lacks its heap if that was kept.
    old_code: Option<Code>,
    /// Stable memory that was emptied.
    old_stable: Option<Box<StableMemory>>,
    /// An upgrade opened a level of the memories in which all its stages run.
    in_level: bool,
}

impl<'a> Stages<'a> {
    /// Before the first stage.
    pub(super) fn new(
        state: &'a mut State,
        observers: &'a mut Observers,
        caller: Principal,
        wasm64: bool,
    ) -> Self {
        Stages {
            left: state.limits.install,
            state,
            observers,
            caller,
            wasm64,
            pauses: 0,
            prints: Vec::new(),
            grown: 0,
            undo: Undo::default(),
        }
    }

    /// Runs all stages and tells the hash of the module.
    pub(super) fn run(
        &mut self,
        canister: &mut Canister,
        order: Order,
    ) -> Result<[u8; 32], ManagementError> {
        let options = match order.mode {
            CanisterInstallMode::Install if canister.code.is_some() => {
                return Err(ManagementError::CanisterNonEmpty(canister.id));
            }
            CanisterInstallMode::Install | CanisterInstallMode::Reinstall => None,
            CanisterInstallMode::Upgrade(options) => Some(options.unwrap_or_default()),
        };
        if canister.debits.install > 0 {
            return Err(ManagementError::InstallCodeRateLimited(canister.id));
        }
        if let Some(options) = &options {
            self.pre_upgrade(canister, options)?;
        }
        let module = self.load(canister, order.source, options.as_ref())?;
        let hash = module.hash;
        match &options {
            None => self.replace_all(canister, module)?,
            Some(options) => {
                let keep = options.wasm_memory_persistence == Some(WasmMemoryPersistence::Keep);
                self.replace_code(canister, module, keep)?;
            }
        }
        self.state.check_allocation(canister)?;
        canister.global_timer = 0;
        canister.rotation = TaskRotation::default();
        canister.version += 1;
        let code = canister.code.as_ref().expect("the code was just replaced");
        let facts = &code.module.facts;
        let entry = match &options {
            None if facts.has_init => Some("canister_init"),
            Some(_) if facts.has_post_upgrade => Some("canister_post_upgrade"),
            _ => None,
        };
        if facts.has_start {
            self.stage(canister, "canister_start", Mode::Start, Vec::new())?;
        }
        if let Some(entry) = entry {
            self.stage(canister, entry, Mode::Init, order.argument)?;
        }
        Ok(hash)
    }

    /// What is left. What was printed is shown, or kept with the slice it belongs to.
    pub(super) fn end(self, canister: Principal) -> Ended {
        if self.pauses == 0 {
            for (_, line) in &self.prints {
                self.observers.printed(line);
            }
        } else {
            self.state.long_install = Some(LongInstall {
                canister,
                slices: self.pauses + 1,
                prints: self.prints,
            });
        }
        Ended {
            left: self.left,
            grown: self.grown,
            undo: self.undo,
        }
    }

    /// Opens the level of an upgrade and runs the old code's hook.
    fn pre_upgrade(
        &mut self,
        canister: &mut Canister,
        options: &UpgradeOptions,
    ) -> Result<(), ManagementError> {
        let Some(code) = &mut canister.code else {
            let error = ExecutionError::WasmModuleNotFound;
            return Err(ManagementError::execution(error, canister.id));
        };
        if let Some(heap) = &mut code.heap {
            heap.begin().expect("no level is open between messages");
        }
        canister
            .stable
            .begin()
            .expect("no level is open between messages");
        self.undo.in_level = true;
        if code.module.facts.has_pre_upgrade && options.skip_pre_upgrade != Some(true) {
            self.stage(
                canister,
                "canister_pre_upgrade",
                Mode::PreUpgrade,
                Vec::new(),
            )?;
        }
        Ok(())
    }

    /// Assembles, decodes, validates and compiles the module, and looks whether the heap may be treated as asked.
    fn load(
        &mut self,
        canister: &Canister,
        source: Source,
        upgrade: Option<&UpgradeOptions>,
    ) -> Result<Arc<CanisterModule>, ManagementError> {
        let left_before = self.left;
        let blob = match source {
            Source::Blob(blob) => blob,
            Source::Chunks(blob, chunks) => {
                let instructions = chunks * CHUNK_BYTES;
                let suffices = instructions <= self.left;
                self.use_up(Preparation::Assemble, canister.id, instructions);
                if !suffices {
                    let limit = self.state.limits.install;
                    let error = ExecutionError::InstructionLimitExceeded { limit };
                    return Err(ManagementError::execution(error, canister.id));
                }
                blob?
            }
        };
        let module = self.state.load_module(&blob);
        let instructions = match &module {
            Ok(module) => {
                let fixed = self.state.config.protocol.install_instructions;
                self.state.compile_instructions(module) + fixed
            }
            Err(_) => {
                let bytes = crate::module::stated_size(&blob).max(blob.len() as u64);
                COMPILE_COST.saturating_mul(bytes)
            }
        };
        self.use_up(Preparation::Compile, canister.id, instructions);
        self.count_compilation(canister.id, left_before);
        if let Some(options) = upgrade {
            let persistent = |module: &CanisterModule| module.facts.keeps_main_memory();
            let old = canister
                .code
                .as_ref()
                .is_some_and(|code| persistent(&code.module));
            match (options.wasm_memory_persistence, &module) {
                (None, _) if old => return Err(ManagementError::MissingPersistenceOption),
                (Some(WasmMemoryPersistence::Keep), Ok(module)) if !persistent(module) => {
                    return Err(ManagementError::PersistenceNotSupported);
                }
                _ => {}
            }
        }
        module.map_err(|error| ManagementError::execution(error, canister.id))
    }

    fn use_up(&mut self, step: Preparation, canister: Principal, instructions: u64) {
        let instructions = instructions.min(self.left);
        self.left -= instructions;
        self.state.usage.instructions += instructions;
        self.observers.prepared(canister, step, instructions);
    }

    /// Counts compiling, with the fixed part of the price of an installation.
    fn count_compilation(&mut self, canister: Principal, left_before: u64) {
        let (fees, limit) = (self.state.fees, self.state.limits.install);
        let (left, wasm64) = (self.left, self.wasm64);
        self.observers.compiled(canister, left_before - left, || {
            fees.executed(limit, 0, wasm64) + paid(&fees, left_before, left, wasm64)
        });
    }

    /// The new state of an installation: nothing of the old one stays.
    fn replace_all(
        &mut self,
        canister: &mut Canister,
        module: Arc<CanisterModule>,
    ) -> Result<(), ManagementError> {
        let code = self.state.fresh_code(module);
        let code = code.map_err(|error| ManagementError::execution(error, canister.id))?;
        self.undo.old_code = canister.code.replace(code);
        self.undo.old_stable = Some(std::mem::take(&mut canister.stable));
        canister.certified_data.clear();
        canister.log.clear();
        Ok(())
    }

    /// The new state of an upgrade: the heap of the old code, if it is to be kept, or a new one.
    fn replace_code(
        &mut self,
        canister: &mut Canister,
        module: Arc<CanisterModule>,
        keep: bool,
    ) -> Result<(), ManagementError> {
        let old = canister
            .code
            .as_mut()
            .expect("only canisters with code are upgraded");
        let code = if keep {
            self.state.code_on_heap(module, &mut old.heap)
        } else {
            self.state.fresh_code(module)
        };
        let code = code.map_err(|error| ManagementError::execution(error, canister.id))?;
        self.undo.old_code = canister.code.replace(code);
        Ok(())
    }

    /// Runs one of the functions that belong to an installation.
    fn stage(
        &mut self,
        canister: &mut Canister,
        export: &str,
        mode: Mode,
        argument: Vec<u8>,
    ) -> Result<(), ManagementError> {
        let (time, balance) = (self.state.time, canister.cycles);
        let job = Job {
            entry: Entry::Export(export.to_owned()),
            mode,
            time,
            message: MessageView {
                argument,
                caller: Some(self.caller),
                ..MessageView::default()
            },
            limit: self.left.min(self.state.limits.hook),
            slice: self.state.limits.install_slice,
            reported_limit: self.state.limits.hook,
            balance,
            free_callbacks: 0,
            memory: self.state.memory_rules(canister),
            keep: Keep::IfSuccessful,
        };
        let (left_before, taken) = (self.left, self.state.memory_taken(canister));
        let mut execution = self.state.runtime.run(canister, job);
        self.state.record(canister, &execution, time);
        let lines = std::mem::take(&mut execution.prints).into_iter();
        let pauses = self.pauses;
        self.prints
            .extend(lines.map(|(slice, line)| (pauses + slice, line)));
        self.pauses += execution.slices.len() - 1;
        self.left = self.left.saturating_sub(execution.instructions);
        let (fees, left, wasm64) = (self.state.fees, self.left, self.wasm64);
        let cause = Cause::Installation;
        self.observers.executed(canister, cause, &execution, || {
            paid(&fees, left_before, left, wasm64)
        });
        self.observers.concluded(canister, cause, &mut execution);
        execution.result.map_err(|error| {
            // A start function has no caller from whom a backtrace could be kept.
            let error = match mode == Mode::Start || canister.may_read_log(&self.caller) {
                true => error,
                false => error.without_backtrace(),
            };
            ManagementError::execution(error, canister.id)
        })?;
        self.grown += self.state.memory_taken(canister).saturating_sub(taken);
        canister.cycles = execution.balance;
        canister.reserved_cycles += execution.reserved;
        if let Some(timer) = execution.timer_set {
            canister.global_timer = timer;
        }
        if let Some(data) = execution.certified_data {
            canister.certified_data = data;
        }
        Ok(())
    }
}

/// Cycles for the instructions used meanwhile.
fn paid(fees: &Fees, left_before: u64, left: u64, wasm64: bool) -> u128 {
    fees.unused(left_before, wasm64) - fees.unused(left, wasm64)
}

impl Undo {
    /// The installation stays.
    pub(super) fn keep(self, canister: &mut Canister) {
        if !self.in_level {
            return;
        }
        canister.stable.commit();
        // A heap that was kept is still in the level of the upgrade; a new one never was.
        if let Some(heap) = canister.code.as_mut().and_then(|code| code.heap.as_mut())
            && heap.depth() > 0
        {
            heap.commit();
        }
    }

    /// Everything is as before.
    pub(super) fn restore(self, canister: &mut Canister) {
        if let Some(mut old) = self.old_code {
            if old.heap.is_none() && old.module.facts.memory.is_some() {
                old.heap = canister.code.as_mut().and_then(|code| code.heap.take());
            }
            canister.code = Some(old);
        } else if self.old_stable.is_some() {
            canister.code = None;
        }
        if let Some(stable) = self.old_stable {
            canister.stable = stable;
        }
        if self.in_level {
            canister.stable.rollback();
            if let Some(heap) = canister.code.as_mut().and_then(|code| code.heap.as_mut()) {
                heap.rollback();
            }
        }
    }
}

impl State {
    /// What compiling a module costs, in instructions (metering.md 5.2).
    pub fn compile_instructions(&self, module: &CanisterModule) -> u64 {
        let full = COMPILE_COST * module.compile_operators();
        match self.known_modules.contains(&module.hash) {
            true => full / KNOWN_MODULE_DISCOUNT,
            false => full,
        }
    }

    /// A module that can be run.
    pub fn load_module(&mut self, blob: &Arc<[u8]>) -> Result<Arc<CanisterModule>, ExecutionError> {
        let loaded = self.runtime.load(blob, &self.config.protocol.modules);
        if let Err(error) = &loaded {
            self.note_import(error);
        }
        loaded
    }

    /// Code of a module with the heap and globals that it declares.
    pub fn fresh_code(&mut self, module: Arc<CanisterModule>) -> Result<Code, ExecutionError> {
        let heap = self.runtime.fresh_heap(&module);
        let globals = self.runtime.initial_globals(&module, heap.as_ref())?;
        Ok(self.new_code(module, heap, globals))
    }

    /// Code of a module on a heap that is taken over; the heap stays where it is if that is not possible.
    fn code_on_heap(
        &mut self,
        module: Arc<CanisterModule>,
        heap: &mut Option<Heap>,
    ) -> Result<Code, ExecutionError> {
        let Some(old) = heap else {
            return self.fresh_code(module);
        };
        if module.facts.memory64 && old.capacity() < self.max_heap64() {
            // The memory of 32-bit code cannot grow as far as that of 64-bit code; the old heap is needed if this is undone.
            let mut wider = self.runtime.heap_from_image(&module, &old.image());
            self.runtime.fit_heap(&module, &mut wider);
            let globals = self.runtime.initial_globals(&module, Some(&wider))?;
            return Ok(self.new_code(module, Some(wider), globals));
        }
        self.runtime.fit_heap(&module, old);
        let globals = self.runtime.initial_globals(&module, Some(old))?;
        Ok(self.new_code(module, heap.take(), globals))
    }

    /// Code in a given state.
    pub fn new_code(
        &mut self,
        module: Arc<CanisterModule>,
        heap: Option<Heap>,
        globals: Vec<GlobalValue>,
    ) -> Code {
        self.generation += 1;
        Code {
            module,
            heap,
            globals,
            generation: self.generation,
            installed_at: self.time,
        }
    }
}
