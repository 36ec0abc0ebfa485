//! What growing memory, heap or stable, is checked against and takes from canister and subnet.

use super::exec::Exec;
use super::mode::{FREEZING_CHECK, WASM_MEMORY_LIMIT};
use crate::errors::ExecutionError;

/// The checks of system-api.md 3.1 in their order.
pub(super) fn check_heap_growth(
    exec: &mut Exec,
    previous: u64,
    delta: u64,
) -> Result<(), ExecutionError> {
    let rules = exec.canister.memory;
    let heap = previous + delta;
    if exec.mode.is_in(WASM_MEMORY_LIMIT)
        && rules.wasm_memory_limit != 0
        && heap > rules.wasm_memory_limit
    {
        return Err(ExecutionError::WasmMemoryLimitExceeded {
            bytes: heap,
            limit: rules.wasm_memory_limit,
        });
    }
    check_freezing(exec, delta)?;
    if !take_memory(exec, delta) {
        return Err(ExecutionError::OutOfMemory);
    }
    reserve(exec, delta)?;
    exec.heap_bytes = heap;
    Ok(())
}

/// Refuses growth that the canister could not pay for until it would be frozen.
pub(super) fn check_freezing(exec: &Exec, delta: u64) -> Result<(), ExecutionError> {
    if !exec.mode.is_in(FREEZING_CHECK) || exec.subnet.fees.free() {
        return Ok(());
    }
    let rules = &exec.canister.memory;
    let used = exec.heap_bytes + exec.stable.size_bytes() + delta;
    let threshold = rules.freezing_threshold(&exec.subnet.fees, used, rules.message_bytes);
    let available = exec.canister.balance;
    if available >= threshold {
        return Ok(());
    }
    Err(insufficient_cycles(exec, delta, threshold))
}

fn insufficient_cycles(exec: &Exec, bytes: u64, threshold: u128) -> ExecutionError {
    let caller = exec.message.caller;
    ExecutionError::InsufficientCyclesInMemoryGrow {
        bytes,
        available: exec.canister.balance,
        threshold,
        reveal: caller.is_some_and(|caller| exec.canister.controllers.contains(&caller)),
    }
}

/// Sets cycles aside for new memory where the subnet is filling up. What an allocation covers was paid for with it.
pub(super) fn reserve(exec: &mut Exec, delta: u64) -> Result<(), ExecutionError> {
    let rules = exec.canister.memory;
    if !exec.mode.replicated() || rules.allocation != 0 && rules.allocation_is_a_limit {
        return Ok(());
    }
    let used = rules.other_bytes + exec.heap_bytes + exec.stable.size_bytes();
    let delta = delta.saturating_sub(rules.allocation.saturating_sub(used));
    let amount = exec.subnet.fees.reservation(delta, rules.fullness);
    let (requested, limit) = (rules.reserved_cycles + amount, rules.reserved_cycles_limit);
    if amount > 0 && requested > limit {
        return Err(ExecutionError::ReservedCyclesLimitExceededInMemoryGrow {
            bytes: delta,
            requested,
            limit,
        });
    }
    match exec.canister.balance.checked_sub(amount) {
        Some(left) => exec.canister.balance = left,
        None => return Err(insufficient_cycles(exec, delta, amount)),
    }
    exec.canister.memory.reserved_cycles = requested;
    exec.canister.memory.fullness.used += delta;
    Ok(())
}

/// Takes memory from the canister's allocation, or from the subnet if it has none, and from what the user allows; false if there is
/// not so much.
pub(super) fn take_memory(exec: &mut Exec, delta: u64) -> bool {
    let used = exec.canister.memory.other_bytes + exec.heap_bytes + exec.stable.size_bytes();
    let rules = &mut exec.canister.memory;
    let mut subnet_available = rules.subnet_available;
    if rules.allocation != 0 && rules.allocation_is_a_limit {
        if used + delta > rules.allocation {
            return false;
        }
    } else {
        // What an allocation holds was taken with it.
        let covered = rules.allocation.saturating_sub(used);
        match subnet_available.checked_sub(delta.saturating_sub(covered)) {
            Some(left) => subnet_available = left,
            None => return false,
        }
    }
    if let Some(left) = &mut rules.machine_left {
        match left.checked_sub(delta) {
            Some(rest) => *left = rest,
            None => {
                rules.machine_refused = delta;
                return false;
            }
        }
    }
    rules.subnet_available = subnet_available;
    true
}
