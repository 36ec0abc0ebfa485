//! `canister_metrics` (since-october-2025.md 2.6): what the cycles of a canister went into, for its controllers and the
//! administrators of the subnet.

use candid::Principal;

use super::call::{Answer, Call};
use super::decode::Given;
use super::method::Access;
use super::target::existing;
use super::types::lifecycle::CanisterIdRecord;
use super::types::metrics::{CanisterMetricsReply, CyclesConsumed};
use super::writer::encoded;
use super::{State, decode};
use crate::canister::Canister;
use crate::canister::consumed::Purpose;
use crate::errors::{QueryError, UserError};

/// `canister_metrics` as a replicated call.
pub fn canister_metrics(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let canister = existing(state, &args?.canister_id)?;
    state.check_access(Access::ControllerOrAdmin, canister, call.sender())?;
    Ok(encode(canister))
}

/// `canister_metrics` as a query.
///
/// # Errors
/// IC0408, IC0301, IC0512 or IC0541.
pub fn query(state: &State, sender: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    let id = decode::one::<CanisterIdRecord>(payload)?.canister_id;
    let Some(canister) = state.canisters.get(&id) else {
        return Err(QueryError::CanisterNotFound(id).into());
    };
    state.check_access(Access::ControllerOrAdmin, canister, *sender)?;
    Ok(encode(canister))
}

fn encode(canister: &Canister) -> Vec<u8> {
    let of = |purpose| canister.consumed.of(purpose);
    let cycles_consumed = CyclesConsumed {
        memory: of(Purpose::Memory),
        compute_allocation: of(Purpose::ComputeAllocation),
        ingress_induction: of(Purpose::Ingress),
        instructions: of(Purpose::Instructions),
        request_and_response_transmission: of(Purpose::Transmission),
        uninstall: of(Purpose::Uninstall),
        canister_creation: of(Purpose::Creation),
        http_outcalls: of(Purpose::HttpOutcalls),
        burned_cycles: of(Purpose::Burned),
    };
    encoded(&CanisterMetricsReply { cycles_consumed })
}
