//! Starting, stopping, deleting, emptying canisters (management-canister.md 4).

use candid::Principal;

use super::State;
use super::call::{Answer, Call, Caller, Notice, empty_reply};
use super::decode::Given;
use super::method::Access;
use super::types::lifecycle::{CanisterIdRecord, RenameCanisterArgs, UninstallCodeArgs};
use crate::canister::consumed::Purpose;
use crate::canister::history::{Change, ChangeDetails, ChangeOrigin};
use crate::canister::log::DEFAULT_LOG_LIMIT;
use crate::canister::{Canister, Status, StopWaiter};
use crate::errors::{ErrorCode, ManagementError, UserError};

/// Number of the canister that may uninstall every other: the governance canister of the main network.
const GOVERNANCE: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);

/// `stop_canister`: nothing is answered until the canister has stopped.
pub fn stop_canister(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Result<Option<Vec<u8>>, ManagementError> {
    let id = args?.canister_id;
    let time = state.time;
    check(state, call, id, ManagementError::CanisterNotFound)?;
    let canister = state
        .canisters
        .get_mut(&id)
        .ok_or(ManagementError::CanisterNotFound(id))?;
    canister.version += 1;
    let waiter = match call.caller {
        Caller::User { id, .. } => StopWaiter::Ingress(*id),
        Caller::Canister(request) => StopWaiter::Canister(request.as_ref().clone()),
    };
    match &mut canister.status {
        Status::Stopped => return Ok(Some(empty_reply())),
        Status::Stopping(waiters) => waiters.push((waiter, time)),
        Status::Running => canister.status = Status::Stopping(vec![(waiter, time)]),
    }
    Ok(None)
}

/// `start_canister`: who waits for the canister to stop waits in vain.
pub fn start_canister(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let id = args?.canister_id;
    check(state, call, id, ManagementError::UnknownCanister)?;
    let canister = state
        .canisters
        .get_mut(&id)
        .ok_or(ManagementError::UnknownCanister(id))?;
    canister.version += 1;
    if let Status::Stopping(waiters) = std::mem::take(&mut canister.status) {
        for (waiter, _) in waiters {
            let text = match waiter {
                StopWaiter::Ingress(_) => format!("Canister {id}'s stop request was cancelled."),
                StopWaiter::Canister(_) => format!("Canister {id}'s stop request cancelled"),
            };
            let error = UserError::new(ErrorCode::CanisterStoppingCancelled, text);
            call.notices.push(Notice::to_waiter(waiter, Err(error)));
        }
    }
    Ok(empty_reply())
}

/// `delete_canister`: for stopped canisters without messages.
pub fn delete_canister(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let id = args?.canister_id;
    if call.sender() == id {
        return Err(ManagementError::DeleteSelf(id));
    }
    let canister = state
        .canisters
        .get(&id)
        .ok_or(ManagementError::CanisterNotFound(id))?;
    state.check_access(Access::ControllerOrAdmin, canister, call.sender())?;
    if !matches!(canister.status, Status::Stopped) {
        return Err(ManagementError::DeleteNotStopped(id));
    }
    if !canister.inputs.is_empty() || !canister.outputs.is_empty() {
        return Err(ManagementError::DeleteQueueNotEmpty(id));
    }
    state.canisters.remove(&id);
    state.runtime.forget(&id);
    Ok(empty_reply())
}

/// `uninstall_code`: the canister is empty afterwards and its callers are told so.
pub fn uninstall_code(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<UninstallCodeArgs>,
) -> Answer {
    let args = args?;
    let id = args.canister_id;
    if call.sender() != GOVERNANCE || !state.canisters.contains_key(&id) {
        check(state, call, id, ManagementError::CanisterNotFound)?;
    }
    let origin = call.origin(args.sender_canister_version);
    let notices = &mut *call.notices;
    state.lend(&id, |state, canister| {
        uninstall(state, canister, origin, notices)
    });
    Ok(empty_reply())
}

/// Empties a canister, as its history tells.
pub(super) fn uninstall(
    state: &mut State,
    canister: &mut Canister,
    origin: ChangeOrigin,
    notices: &mut Vec<Notice>,
) {
    empty(canister, notices);
    canister.history.push(Change {
        time: state.time,
        version: canister.version,
        origin,
        details: ChangeDetails::CodeUninstall,
    });
    state.runtime.forget(&canister.id);
}

/// Looks whether there is the canister and the caller may control it or administers the subnet.
fn check(
    state: &State,
    call: &Call<'_>,
    id: Principal,
    missing: fn(Principal) -> ManagementError,
) -> Result<(), ManagementError> {
    let canister = state.canisters.get(&id).ok_or_else(|| missing(id))?;
    state.check_access(Access::ControllerOrAdmin, canister, call.sender())
}

/// Drops code and state and rejects all open calls.
fn empty(canister: &mut Canister, notices: &mut Vec<Notice>) {
    canister.code = None;
    canister.stable.clear();
    canister.certified_data.clear();
    canister.log.clear();
    canister.chunks.clear();
    canister.global_timer = 0;
    canister.rotation = Default::default();
    canister.tasks.clear();
    canister.hook = Default::default();
    canister.version += 1;
    let id = canister.id;
    let owed = canister.calls.delete_all();
    notices.extend(
        owed.into_iter()
            .filter_map(|(origin, refund)| Notice::uninstalled(id, origin, refund)),
    );
}

/// What becomes of a canister that cannot pay for its storage (management-canister.md 4.5).
pub fn out_of_cycles(state: &mut State, id: &Principal, notices: &mut Vec<Notice>) {
    let Some(canister) = state.canisters.get_mut(id) else {
        return;
    };
    empty(canister, notices);
    canister.settings.compute_allocation = 0;
    canister.settings.memory_allocation = 0;
    canister.log.set_limit(DEFAULT_LOG_LIMIT);
    canister.consumed.add(
        Purpose::Uninstall,
        canister.cycles + canister.reserved_cycles,
    );
    canister.cycles = 0;
    canister.reserved_cycles = 0;
    // Those lost before count on: a canister that has nothing is emptied again when the next charge is due.
    canister.lost_snapshot_bytes += canister
        .snapshots
        .iter()
        .map(|snapshot| snapshot.total_bytes)
        .sum::<u64>();
    canister.snapshots.clear();
    canister.history.forget();
    state.runtime.forget(id);
}

/// `rename_canister`: for the migration canister of the main network only, so always refused.
pub fn rename_canister(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<RenameCanisterArgs>,
) -> Answer {
    call.only_canisters()?;
    let args = args?;
    if !state.config.is_nns {
        return Err(ManagementError::OnlyForNns {
            method: call.name.to_owned(),
            caller: call.sender(),
        });
    }
    let canister = state
        .canisters
        .get(&args.canister_id)
        .ok_or(ManagementError::UnknownCanister(args.canister_id))?;
    call.only_controllers(canister)?;
    Err(ManagementError::CallerNotAuthorized)
}
