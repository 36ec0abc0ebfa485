//! Installing code: `install_code` and `install_chunked_code` (management-canister.md 3, metering.md 5.2).

use super::State;
use super::call::{Answer, Call, empty_reply, invalid_controller};
use super::chunks::assemble;
use super::decode::Given;
use super::order::{Order, Source};
use super::requested_settings::RequestedSettings;
use super::reservation::reserve;
use super::settings::{apply_settings, requested_settings, validate_settings};
use super::stages::{Ended, Stages};
use super::types::install::{CanisterInstallMode, InstallChunkedCodeArgs, OldInstallCodeArgs};
use super::types::settings::AskedSettings;
use crate::canister::chunks::CHUNK_BYTES;
use crate::canister::consumed::{Consumed, Purpose};
use crate::canister::history::{Change, ChangeDetails};
use crate::canister::tasks::TaskRotation;
use crate::canister::{Canister, InstallMode};
use crate::errors::{ChunkStoreError, ExecutionError, ManagementError, ResourceError};
use crate::module::GlobalValue;

/// `install_code`. The replica of March 2025 also takes allocations in the argument.
pub fn install_code(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<OldInstallCodeArgs>,
) -> Answer {
    let args = args?;
    let settings = match state.config.protocol.install_takes_allocations {
        true => AskedSettings {
            compute_allocation: args.compute_allocation,
            memory_allocation: args.memory_allocation,
            ..AskedSettings::default()
        },
        false => AskedSettings::default(),
    };
    let order = Order {
        id: args.canister_id,
        mode: args.mode,
        source: Source::Blob(args.wasm_module.into()),
        argument: args.arg,
        settings: requested_settings(state, settings)?,
        sender_version: args.sender_canister_version,
    };
    install(state, call, order)
}

/// `install_chunked_code`.
pub fn install_chunked_code(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<InstallChunkedCodeArgs>,
) -> Answer {
    let args = args?;
    let target = args.target_canister;
    let store_id = args.store_canister.unwrap_or(target);
    let caller = call.sender();
    let Some(store) = state.canisters.get(&store_id) else {
        return Err(ChunkStoreError::StoreNotFound {
            store: store_id,
            subnet: state.subnet_id(),
            target,
        }
        .into());
    };
    if store_id != caller && store_id != target && !store.is_controlled_by(&caller) {
        return Err(invalid_controller(store, caller));
    }
    if args.wasm_module_hash.len() != 32 {
        return Err(ChunkStoreError::InvalidModuleHash(args.wasm_module_hash).into());
    }
    let hashes: Vec<Vec<u8>> = args
        .chunk_hashes_list
        .into_iter()
        .map(|chunk| chunk.hash)
        .collect();
    // A list that is too long to be paid for is refused later, after the old code's hook.
    let module = match hashes.len() as u64 * CHUNK_BYTES <= state.limits.install {
        true => assemble(&store.chunks, &hashes, &args.wasm_module_hash),
        false => Ok([].into()),
    };
    let order = Order {
        id: target,
        mode: args.mode,
        source: Source::Chunks(module, hashes.len() as u64),
        argument: args.arg,
        settings: RequestedSettings::default(),
        sender_version: args.sender_canister_version,
    };
    install(state, call, order)
}

fn install(state: &mut State, call: &mut Call<'_>, order: Order) -> Answer {
    let id = order.id;
    state
        .lend(&id, |state, canister| {
            install_into(state, call, canister, order)
        })
        .unwrap_or(Err(ManagementError::CanisterNotFound(id)))
}

fn install_into(
    state: &mut State,
    call: &mut Call<'_>,
    canister: &mut Canister,
    mut order: Order,
) -> Answer {
    let caller = call.sender();
    call.only_controllers(canister)?;
    validate_settings(state, Some(canister), &order.settings, canister.cycles)?;
    let wasm64 = match &order.source {
        Source::Blob(blob) | Source::Chunks(Ok(blob), _) => crate::module::declares_memory64(blob),
        Source::Chunks(Err(_), _) => false,
    };
    let price = state.fees.execution(state.limits.install, wasm64);
    state
        .charge(canister, price, Some(&caller))
        .map_err(ManagementError::InstallCodeNotEnoughCycles)?;
    let origin = call.origin(order.sender_version);
    let mode = match order.mode {
        CanisterInstallMode::Install => InstallMode::Install,
        CanisterInstallMode::Reinstall => InstallMode::Reinstall,
        CanisterInstallMode::Upgrade(_) => InstallMode::Upgrade,
    };
    let before = Before::of(state, canister);
    apply_settings(&mut canister.settings, std::mem::take(&mut order.settings));
    let mut stages = Stages::new(state, call.observers, caller, wasm64);
    let result = stages.run(canister, order);
    let Ended { left, grown, undo } = stages.end(canister.id);
    let unused = state.fees.unused(left, wasm64);
    state.refund(canister, unused);
    if state.has_rate_limits() {
        canister.debits.install += state.limits.install - left;
    }
    match result.and_then(|hash| before.check(state, canister, grown).map(|()| hash)) {
        Ok(module_hash) => {
            undo.keep(canister);
            before.take_memory(state, canister, grown);
            state.known_modules.insert(module_hash);
            canister.history.push(Change {
                time: state.time,
                version: canister.version,
                origin,
                details: ChangeDetails::CodeDeployment { mode, module_hash },
            });
            Ok(empty_reply())
        }
        Err(error) => {
            undo.restore(canister);
            before.restore(canister, unused);
            state.runtime.forget(&canister.id);
            Err(error)
        }
    }
}

/// What of a canister an installation changes beside code and memories.
struct Before {
    version: u64,
    /// After the prepayment.
    cycles: u128,
    consumed: Consumed,
    reserved_cycles: u128,
    certified_data: Vec<u8>,
    global_timer: u64,
    rotation: TaskRotation,
    compute_allocation: u64,
    memory_allocation: u64,
    memory: u64,
    globals: Option<Vec<GlobalValue>>,
}

impl Before {
    fn of(state: &State, canister: &Canister) -> Self {
        Before {
            version: canister.version,
            cycles: canister.cycles,
            consumed: canister.consumed,
            reserved_cycles: canister.reserved_cycles,
            certified_data: canister.certified_data.clone(),
            global_timer: canister.global_timer,
            rotation: canister.rotation,
            compute_allocation: canister.settings.compute_allocation,
            memory_allocation: canister.settings.memory_allocation,
            memory: canister.memory_metrics(state.bookkeeping).total(),
            globals: canister.code.as_ref().map(|code| code.globals.clone()),
        }
    }

    /// Everything is as before, but for what was used of the prepayment.
    fn restore(self, canister: &mut Canister, unused: u128) {
        canister.version = self.version;
        canister.cycles = self.cycles + unused;
        canister.consumed = self.consumed;
        canister.consumed.give_back(Purpose::Instructions, unused);
        canister.reserved_cycles = self.reserved_cycles;
        canister.certified_data = self.certified_data;
        canister.global_timer = self.global_timer;
        canister.rotation = self.rotation;
        canister.settings.compute_allocation = self.compute_allocation;
        canister.settings.memory_allocation = self.memory_allocation;
        if let (Some(code), Some(globals)) = (&mut canister.code, self.globals) {
            code.globals = globals;
        }
    }

    /// The final accounting: memory allocation, Wasm memory limit, freezing threshold, subnet memory (management-canister.md 3.2, step 7).
    fn check(&self, state: &State, canister: &Canister, grown: u64) -> Result<(), ManagementError> {
        state.check_allocation(canister)?;
        let metrics = canister.memory_metrics(state.bookkeeping);
        let (settings, memory) = (&canister.settings, metrics.total());
        let (bytes, limit) = (metrics.wasm_memory, settings.wasm_memory_limit);
        if limit != 0 && bytes > limit {
            let error = ExecutionError::WasmMemoryLimitExceeded { bytes, limit };
            return Err(ManagementError::execution(error, canister.id));
        }
        let growth = memory.saturating_sub(self.memory);
        let threshold = state.freezing_threshold(canister);
        if growth > 0 && canister.cycles < threshold {
            return Err(ResourceError::CyclesForMemoryGrowth {
                bytes: growth,
                missing: threshold - canister.cycles,
            }
            .into());
        }
        let taken = self.taken(state, canister);
        if taken > state.memory_available {
            return Err(ResourceError::SubnetMemory {
                requested: taken,
                available: state.memory_available,
            }
            .into());
        }
        state.reservation(canister, taken.saturating_sub(grown))?;
        Ok(())
    }

    /// Bytes that the subnet loses: what an allocation covers was its canister's before.
    fn taken(&self, state: &State, canister: &Canister) -> u64 {
        let before = self.memory.max(self.memory_allocation);
        state.memory_taken(canister).saturating_sub(before)
    }

    /// Takes the memory from the subnet and sets cycles aside for it, unless the canister's functions have done so.
    fn take_memory(&self, state: &mut State, canister: &mut Canister, grown: u64) {
        let taken = self.taken(state, canister);
        if let Ok(cycles) = state.reservation(canister, taken.saturating_sub(grown)) {
            reserve(canister, cycles);
        }
        state.take_memory(taken);
    }
}
