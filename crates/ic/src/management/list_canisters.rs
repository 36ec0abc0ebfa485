//! `list_canisters` (since-october-2025.md 2.7): the canisters of the subnet, for its administrators.

use candid::Principal;

use super::State;
use super::call::{Answer, Call};
use super::decode::{self, Given};
use super::types::metrics::{CanisterIdRange, ListCanistersReply};
use super::writer::encoded;
use crate::errors::{ManagementError, UserError};

/// `list_canisters` as a call of a canister.
pub fn list_canisters(state: &mut State, call: &mut Call<'_>, args: Given<()>) -> Answer {
    args?;
    list(state, &call.sender())
}

/// `list_canisters` as a query.
///
/// # Errors
/// IC0408, IC0410.
pub fn query(state: &State, sender: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    decode::nothing(payload)?;
    Ok(list(state, sender)?)
}

fn list(state: &State, caller: &Principal) -> Answer {
    if !state.is_admin(caller) {
        let method = "list_canisters".to_owned();
        return Err(ManagementError::OnlyAdmins { method });
    }
    let canisters = ranges(state.canisters.keys().copied());
    Ok(encoded(&ListCanistersReply { canisters }))
}

/// Merges consecutive ids, which come in ascending order.
fn ranges(ids: impl Iterator<Item = Principal>) -> Vec<CanisterIdRange> {
    let mut ranges: Vec<CanisterIdRange> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some(range) if successor(&range.end) == Some(id) => range.end = id,
            _ => ranges.push(CanisterIdRange { start: id, end: id }),
        }
    }
    ranges
}

/// The id of the next number, for ids that hold a number.
fn successor(id: &Principal) -> Option<Principal> {
    let (number, kind) = id.as_slice().split_at_checked(8)?;
    let number = u64::from_be_bytes(number.try_into().ok()?).checked_add(1)?;
    Some(Principal::from_slice(
        &[&number.to_be_bytes()[..], kind].concat(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::ids::canister_id;

    #[test]
    fn consecutive_ids_are_one_range() {
        let ids = [1, 2, 3, 5, 255, 256].map(canister_id);
        let range = |start, end| CanisterIdRange {
            start: canister_id(start),
            end: canister_id(end),
        };
        assert_eq!(
            ranges(ids.into_iter()),
            [range(1, 3), range(5, 5), range(255, 256)]
        );
        assert_eq!(ranges(std::iter::empty()), []);
    }
}
