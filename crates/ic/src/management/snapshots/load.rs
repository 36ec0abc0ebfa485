//! `load_canister_snapshot` (management-canister.md 1.28): module, memories, globals, chunks and certified data become those of the
//! snapshot; no code runs. Everything else about the canister stays.

use candid::Principal;

use super::{SNAPSHOT_INSTRUCTIONS, charge, not_found};
use crate::canister::Canister;
use crate::canister::code::Code;
use crate::canister::history::{Change, ChangeDetails};
use crate::canister::snapshots::{Snapshot, SnapshotId};
use crate::canister::tasks::LowMemoryHook;
use crate::errors::{ExecutionError, ManagementError, SnapshotError};
use crate::management::State;
use crate::management::call::{Answer, Call, empty_reply};
use crate::management::decode::Given;
use crate::management::growth::Growth;
use crate::management::target::with_canister;
use crate::management::types::snapshots::LoadSnapshotArgs;
use crate::module::GlobalValue;
use crate::module::memory::StableMemory;

/// `load_canister_snapshot`.
pub fn load(state: &mut State, call: &mut Call<'_>, args: Given<LoadSnapshotArgs>) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        let id = args.snapshot_id;
        let snapshot = loadable(state, canister, id, call.sender())?;
        if state.config.protocol.loads_are_installs && canister.debits.install > 0 {
            return Err(ManagementError::InstallCodeRateLimited(canister.id));
        }
        let size = snapshot.total_bytes;
        let freed = replaced_bytes(state, canister);
        let growth = Growth::new(state, canister, freed, size);
        growth.check(state, canister)?;
        charge(state, canister, call, SNAPSHOT_INSTRUCTIONS + size)?;
        let code = code_of(state, canister, id, call)?;
        growth.check_reservation(state, canister)?;
        let snapshot = find(state, canister, id)?;
        let stable = StableMemory::from_image(&snapshot.stable).map_err(|error| {
            // The machine is out of memory, which the texts of the Internet Computer do not know.
            let error = ExecutionError::instantiation(error.to_string());
            ManagementError::execution(error, canister.id)
        })?;
        let details = ChangeDetails::LoadSnapshot {
            canister_version: snapshot.version,
            snapshot_id: id,
            taken_at: snapshot.taken_at,
            uploaded: snapshot.uploaded,
            from_canister: (id.canister != canister.id).then_some(id.canister),
        };
        let (chunks, certified_data) = (snapshot.chunks.clone(), snapshot.certified_data.clone());
        let uploaded = snapshot.uploaded;
        let (timer, hook) = (snapshot.global_timer, snapshot.hook);
        let before = Before {
            code: canister.code.replace(code),
            stable: std::mem::replace(&mut canister.stable, Box::new(stable)),
        };
        if let Some(hook) = hook.filter(|_| uploaded)
            && let Err(error) = set_hook(state, canister, hook)
        {
            before.restore(canister);
            return Err(error.into());
        }
        if let Some(timer) = timer.filter(|_| uploaded) {
            canister.global_timer = timer;
        }
        canister.chunks = chunks;
        canister.certified_data = certified_data;
        growth.take(state, canister);
        canister.version += 1;
        canister.history.push(Change {
            time: state.time,
            version: canister.version,
            origin: call.origin(args.sender_canister_version),
            details,
        });
        state.runtime.forget(&canister.id);
        Ok(empty_reply())
    })
}

/// What a snapshot puts its own in place of.
struct Before {
    code: Option<Code>,
    stable: Box<StableMemory>,
}

impl Before {
    fn restore(self, canister: &mut Canister) {
        canister.code = self.code;
        canister.stable = self.stable;
    }
}

/// The snapshot, which may be another canister's.
fn find<'a>(
    state: &'a State,
    canister: &'a Canister,
    id: SnapshotId,
) -> Result<&'a Snapshot, SnapshotError> {
    let owner = match id.canister == canister.id {
        true => Some(canister),
        false => state.canisters.get(&id.canister).map(|owner| &**owner),
    };
    owner
        .and_then(|owner| owner.snapshots.iter().find(|snapshot| snapshot.id == id))
        .ok_or_else(|| not_found(id, canister))
}

/// The snapshot, if the caller may load it on this canister now.
fn loadable<'a>(
    state: &'a State,
    canister: &'a Canister,
    id: SnapshotId,
    caller: Principal,
) -> Result<&'a Snapshot, SnapshotError> {
    let snapshot = find(state, canister, id)?;
    if id.canister == canister.id {
        return Ok(snapshot);
    }
    let name = id.to_string();
    if !state.config.protocol.snapshots_of_others {
        return Err(SnapshotError::InvalidOwnership {
            snapshot: name,
            canister: canister.id,
        });
    }
    let owner = state.canisters.get(&id.canister);
    if !owner.is_some_and(|owner| owner.is_controlled_by(&caller)) {
        return Err(SnapshotError::NotController {
            snapshot: name,
            canister: canister.id,
            sender: caller,
        });
    }
    let interval = state.limits.checkpoint_interval;
    let empty = snapshot.heap.size_bytes() == 0 && snapshot.stable.size_bytes() == 0;
    if !empty && !checkpoint_between(snapshot.taken_in_round, state.round, interval) {
        return Err(SnapshotError::NotLoadable {
            snapshot: name,
            canister: canister.id,
        });
    }
    Ok(snapshot)
}

/// True if a checkpoint was made after the round `taken` or at its end, and before the round `now`. Rounds count from 1.
fn checkpoint_between(taken: u64, now: u64, interval: u64) -> bool {
    now.saturating_sub(1) / interval > taken.saturating_sub(1) / interval
}

/// Bytes of the canister that the snapshot takes the place of. Certified data does not count as memory there.
fn replaced_bytes(state: &State, canister: &Canister) -> u64 {
    let metrics = canister.memory_metrics(state.bookkeeping);
    metrics.wasm_memory
        + metrics.stable_memory
        + metrics.globals
        + metrics.wasm_binary
        + metrics.chunk_store
}

/// Compiles the module of the snapshot, charges for that, and gives it the snapshot's heap and globals.
fn code_of(
    state: &mut State,
    canister: &mut Canister,
    id: SnapshotId,
    call: &Call<'_>,
) -> Result<Code, ManagementError> {
    let target = canister.id;
    let failed = |error| ManagementError::execution(error, target);
    let blob = find(state, canister, id)?.module.clone();
    let module = state.load_module(&blob).map_err(failed)?;
    let instructions =
        state.compile_instructions(&module) + state.config.protocol.install_instructions;
    let (limit, wasm64) = (state.limits.install, module.facts.memory64);
    let prepaid = match state.config.protocol.loads_are_installs {
        true => limit.max(instructions),
        false => instructions,
    };
    let price = state.fees.execution(prepaid, wasm64);
    state
        .charge(canister, price, Some(&call.sender()))
        .map_err(SnapshotError::OutOfCycles)?;
    let unused = state.fees.unused(prepaid - instructions, wasm64);
    state.refund(canister, unused);
    if state.config.protocol.loads_are_installs && state.has_rate_limits() {
        canister.debits.install += instructions;
    }
    let snapshot = find(state, canister, id)?;
    let (globals, uploaded) = (snapshot.globals.clone(), snapshot.uploaded);
    let memory = module.facts.memory.as_ref();
    let heap = memory.map(|_| state.runtime.heap_from_image(&module, &snapshot.heap));
    if uploaded {
        let declared = state
            .runtime
            .initial_globals(&module, heap.as_ref())
            .map_err(failed)?;
        if !same_types(&declared, &globals) {
            return Err(SnapshotError::GlobalsMismatch.into());
        }
    }
    Ok(state.new_code(module, heap, globals))
}

fn same_types(a: &[GlobalValue], b: &[GlobalValue]) -> bool {
    let kind = std::mem::discriminant::<GlobalValue>;
    a.iter().map(kind).eq(b.iter().map(kind))
}

/// Takes over the uploaded state of the low-memory hook, if it fits the canister with its new memory.
fn set_hook(
    state: &State,
    canister: &mut Canister,
    uploaded: LowMemoryHook,
) -> Result<(), SnapshotError> {
    let present = canister.hook;
    canister.hook = LowMemoryHook::NotSatisfied;
    state.update_hook(canister);
    let satisfied = canister.hook != LowMemoryHook::NotSatisfied;
    if satisfied == (uploaded != LowMemoryHook::NotSatisfied) {
        canister.hook = uploaded;
        return Ok(());
    }
    canister.hook = present;
    let status = match uploaded {
        LowMemoryHook::NotSatisfied => "ConditionNotSatisfied",
        LowMemoryHook::Ready => "Ready",
        LowMemoryHook::Executed => "Executed",
    };
    Err(SnapshotError::HookMismatch {
        status: status.to_owned(),
        satisfied,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// management-canister.md 1.28: taken in round 7, loadable from round 201 on.
    #[test]
    fn a_foreign_snapshot_waits_for_a_checkpoint() {
        assert!(!checkpoint_between(7, 7, 200));
        assert!(!checkpoint_between(7, 200, 200));
        assert!(checkpoint_between(7, 201, 200));
        assert!(!checkpoint_between(201, 400, 200));
        assert!(checkpoint_between(201, 401, 200));
        assert!(!checkpoint_between(7, 201, 500));
    }

    #[test]
    fn globals_match_by_number_and_types() {
        use GlobalValue::{I32, I64};
        assert!(same_types(&[I32(1), I64(2)], &[I32(3), I64(4)]));
        assert!(!same_types(&[I32(1)], &[I64(1)]));
        assert!(!same_types(&[I32(1)], &[]));
    }
}
