//! What most methods begin with: the argument, and the canister that it names. Owns the texts of neither failure.

use candid::Principal;

use super::State;
use super::decode::{self, Argument, DecodeError};
use super::dispatch::Call;
use super::types::lifecycle::CanisterIdRecord;
use crate::canister::Canister;
use crate::errors::ManagementError;

impl From<DecodeError> for ManagementError {
    fn from(error: DecodeError) -> Self {
        ManagementError::Undecodable {
            reason: error.reason().to_owned(),
        }
    }
}

/// The argument of a call.
pub fn argument<T: Argument>(call: &Call<'_>) -> Result<T, ManagementError> {
    Ok(decode::one(call.payload)?)
}

/// The canister that a `canister_id_record` names.
pub fn named(call: &Call<'_>) -> Result<Principal, ManagementError> {
    Ok(argument::<CanisterIdRecord>(call)?.canister_id)
}

/// The canister, to look at.
pub fn existing<'a>(state: &'a State, id: &Principal) -> Result<&'a Canister, ManagementError> {
    match state.canisters.get(id) {
        Some(canister) => Ok(canister),
        None => Err(ManagementError::UnknownCanister(*id)),
    }
}

/// Works on a canister and the rest of the state at the same time; meanwhile the state is without it.
pub fn with_canister<T>(
    state: &mut State,
    id: Principal,
    work: impl FnOnce(&mut State, &mut Canister) -> Result<T, ManagementError>,
) -> Result<T, ManagementError> {
    let Some(mut canister) = state.canisters.remove(&id) else {
        return Err(ManagementError::UnknownCanister(id));
    };
    let result = work(state, &mut canister);
    state.canisters.insert(id, canister);
    result
}
