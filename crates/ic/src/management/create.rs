//! Creating canisters (management-canister.md 1.1, 1.2 and 2).

use std::collections::BTreeMap;

use candid::Principal;

use super::State;
use super::call::{Answer, Call};
use super::decode::Given;
use super::environment::environment_variables_hash;
use super::requested_settings::RequestedSettings;
use super::reservation::reserve;
use super::settings::{apply_settings, requested_settings, validate_settings};
use super::types::lifecycle::{CanisterIdRecord, CreateCanisterArgs, ProvisionalCreateArgs};
use super::types::settings::AskedSettings;
use super::writer::encoded;
use crate::canister::Canister;
use crate::canister::consumed::Purpose;
use crate::canister::history::{Change, ChangeDetails};
use crate::canister::settings::{Controllers, Settings};
use crate::errors::ManagementError;

/// Cycles of a canister created out of nothing, if none are asked for.
pub(super) const DEFAULT_CYCLES: u128 = 100_000_000_000_000;

/// `create_canister`: the fee comes out of the attached cycles, the rest is the balance.
pub fn create_canister(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CreateCanisterArgs<AskedSettings>>,
) -> Answer {
    if !state.is_admin(&call.sender()) {
        call.only_canisters()?;
    }
    let args = args?;
    let requested = requested_settings(state, args.settings.unwrap_or_default())?;
    let (fee, sent) = (state.fees.creation(), call.cycles());
    let Some(cycles) = sent.checked_sub(fee) else {
        return Err(ManagementError::CreateCanisterNotEnoughCycles { fee, sent });
    };
    validate_settings(state, None, &requested, cycles)?;
    let id = allocate(state)?;
    call.refund = 0;
    state.charged(fee);
    Ok(create(
        state,
        call,
        id,
        requested,
        cycles,
        fee,
        args.sender_canister_version,
    ))
}

/// `provisional_create_canister_with_cycles`: out of nothing, with any id of the subnet.
pub fn provisional_create(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<ProvisionalCreateArgs<AskedSettings>>,
) -> Answer {
    let args = args?;
    let requested = requested_settings(state, args.settings.unwrap_or_default())?;
    let cycles = match &args.amount {
        None => DEFAULT_CYCLES,
        Some(amount) => u128::try_from(&amount.0).unwrap_or(DEFAULT_CYCLES),
    };
    if let Some(id) = args.specified_id {
        if state.ids.is_reserved(&id) {
            return Err(ManagementError::InvalidSpecifiedId(id));
        }
        if state.canisters.contains_key(&id) {
            return Err(ManagementError::CanisterAlreadyExists(id));
        }
        if !state.ids.is_hosted(&id) {
            return Err(ManagementError::NotHostedBySubnet {
                canister: id,
                subnet: state.subnet_id(),
            });
        }
    }
    validate_settings(state, None, &requested, cycles)?;
    let id = match args.specified_id {
        Some(id) => id,
        None => allocate(state)?,
    };
    Ok(create(
        state,
        call,
        id,
        requested,
        cycles,
        0,
        args.sender_canister_version,
    ))
}

/// The next id; one that somebody chose before is used up all the same.
fn allocate(state: &mut State) -> Result<Principal, ManagementError> {
    let id = state
        .ids
        .allocate()
        .ok_or(ManagementError::OutOfCanisterIds)?;
    match state.canisters.contains_key(&id) {
        true => Err(ManagementError::CanisterIdAlreadyExists(id)),
        false => Ok(id),
    }
}

fn create(
    state: &mut State,
    call: &Call<'_>,
    id: Principal,
    requested: RequestedSettings,
    cycles: u128,
    fee: u128,
    sender_version: Option<u64>,
) -> Vec<u8> {
    let variables = requested
        .environment_variables
        .clone()
        .filter(|_| state.config.protocol.environment_variables);
    let mut settings = Settings::new(Controllers::from_iter([call.sender()]));
    let log_limit = requested.log_memory_limit;
    apply_settings(&mut settings, requested);
    let mut canister = Canister::new(id, settings, cycles, state.time);
    if let Some(limit) = log_limit {
        canister.log.set_limit(limit);
    }
    canister.consumed.add(Purpose::Creation, fee);
    let allocated = canister.settings.memory_allocation;
    reserve(
        &mut canister,
        state.fees.reservation(allocated, state.fullness()),
    );
    canister.history.push(Change {
        time: state.time,
        version: 0,
        origin: call.origin(sender_version),
        details: ChangeDetails::Creation {
            controllers: canister.settings.controllers.to_vec(),
            environment_variables_hash: variables
                .map(|variables: BTreeMap<_, _>| environment_variables_hash(&variables).to_vec()),
        },
    });
    state.take_memory(state.memory_taken(&canister));
    state.canisters.insert(id, Box::new(canister));
    state.created = Some(id);
    canister_id_reply(id)
}

/// The reply that tells a canister's id.
pub fn canister_id_reply(id: Principal) -> Vec<u8> {
    encoded(&CanisterIdRecord { canister_id: id })
}
