//! Questions about the subnet: `subnet_info` and `node_metrics_history` (management-canister.md 1.24 and 1.25).

use candid::{CandidType, Principal};

use super::State;
use super::call::{Answer, Call};
use super::decode::Given;
use super::types::subnet::{NodeMetricsHistoryArgs, SubnetInfoArgs, SubnetInfoReply};
use super::writer::encoded;
use crate::errors::{ManagementError, OutcallError};
use crate::protocol::Replies;

/// What both programs call their version.
const REPLICA_VERSION: &str = "0.9.0";
/// Of a fresh PocketIC instance.
const REGISTRY_VERSION: u64 = 2;

/// The answer of `subnet_info` in March 2025.
#[derive(Debug, CandidType)]
struct SubnetInfoOfDrun {
    replica_version: String,
}

/// `subnet_info`.
pub fn subnet_info(state: &mut State, call: &mut Call<'_>, args: Given<SubnetInfoArgs>) -> Answer {
    call.only_canisters()?;
    let args = args?;
    check_subnet(state, args.subnet_id)?;
    let replica_version = REPLICA_VERSION.to_owned();
    Ok(if state.config.protocol.replies == Replies::March2025 {
        encoded(&SubnetInfoOfDrun { replica_version })
    } else {
        encoded(&SubnetInfoReply {
            replica_version,
            registry_version: REGISTRY_VERSION,
        })
    })
}

/// `node_metrics_history`.
pub fn node_metrics_history(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<NodeMetricsHistoryArgs>,
) -> Answer {
    call.only_canisters()?;
    let args = args?;
    check_subnet(state, args.subnet_id)?;
    let makers = &state.metrics.block_makers;
    let told = makers.since(args.start_at_timestamp_nanos);
    Ok(encoded(&told))
}

pub(super) fn check_subnet(state: &State, target: Principal) -> Result<(), ManagementError> {
    let own = state.subnet_id();
    match target == own {
        true => Ok(()),
        false => Err(OutcallError::WrongSubnet { target, own }.into()),
    }
}
