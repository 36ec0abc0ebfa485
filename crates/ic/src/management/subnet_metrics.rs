//! `subnet_metrics` (since-october-2025.md 2.8): what the subnet has done. Owns the counters and when they become visible.

use super::Method;
use super::State;
use super::call::{Answer, Call};
use super::decode::Given;
use super::node_metrics::BlockMakers;
use super::subnet_info::check_subnet;
use super::types::subnet::{SubnetInfoArgs, SubnetMetricsReply};
use super::writer::encoded;

/// Rounds after which the size of the state is looked at anew.
const STATE_BYTES_INTERVAL: u64 = 10;

/// Counters of a subnet.
#[derive(Clone, Debug, Default)]
pub struct SubnetMetrics {
    /// Cycles charged, less those given back.
    pub consumed: u128,
    /// Who made its blocks.
    pub block_makers: BlockMakers,
    updates: u64,
    instructions: u128,
    told: Told,
}

/// What is told: the counters at the end of the round before.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    canisters: u64,
    state_bytes: u64,
    consumed: u128,
    updates: u64,
    instructions: u128,
}

impl SubnetMetrics {
    /// A replicated execution used so many instructions.
    pub fn executed(&mut self, instructions: u64) {
        self.updates += 1;
        self.instructions += u128::from(instructions);
    }
}

impl State {
    /// A round has ended: its counters become visible.
    pub fn tell_metrics(&mut self) {
        // Nobody can ask, and a round does not look at canisters that have nothing to do.
        if !Method::SubnetMetrics.is_known(self.config.protocol.date) {
            return;
        }
        let state_bytes = match self.round.is_multiple_of(STATE_BYTES_INTERVAL) {
            true => self.memory_used_now(),
            false => self.metrics.told.state_bytes,
        };
        let metrics = &mut self.metrics;
        metrics.told = Told {
            canisters: self.canisters.len() as u64,
            state_bytes,
            consumed: metrics.consumed,
            updates: metrics.updates,
            instructions: metrics.instructions,
        };
    }
}

/// `subnet_metrics`, for canisters.
pub fn subnet_metrics(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<SubnetInfoArgs>,
) -> Answer {
    call.only_canisters()?;
    check_subnet(state, args?.subnet_id)?;
    let told = state.metrics.told;
    let reply = SubnetMetricsReply {
        block_height: state.round.into(),
        num_canisters: told.canisters.into(),
        canister_state_bytes: told.state_bytes.into(),
        consumed_cycles_total: told.consumed,
        update_transactions_total: told.updates.into(),
        million_round_instructions_total: told.instructions.div_ceil(1_000_000),
    };
    Ok(encoded(&reply))
}
