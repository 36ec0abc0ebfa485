//! What most methods begin with: the canister that their argument names.

use candid::Principal;

use super::State;
use crate::canister::Canister;
use crate::errors::ManagementError;

/// The canister, to look at.
pub(super) fn existing<'a>(
    state: &'a State,
    id: &Principal,
) -> Result<&'a Canister, ManagementError> {
    match state.canisters.get(id) {
        Some(canister) => Ok(canister),
        None => Err(ManagementError::UnknownCanister(*id)),
    }
}

/// Works on a canister and the rest of the state at the same time; meanwhile the state is without it.
pub(super) fn with_canister<T>(
    state: &mut State,
    id: Principal,
    work: impl FnOnce(&mut State, &mut Canister) -> Result<T, ManagementError>,
) -> Result<T, ManagementError> {
    state
        .lend(&id, work)
        .unwrap_or(Err(ManagementError::UnknownCanister(id)))
}
