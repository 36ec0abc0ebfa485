//! What the methods about the subnet take and answer.

use candid::{CandidType, Deserialize, Principal};

/// Argument of `node_metrics_history`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetricsHistoryArgs {
    pub subnet_id: Principal,
    pub start_at_timestamp_nanos: u64,
}

/// How one node did.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetrics {
    pub node_id: Principal,
    pub num_blocks_proposed_total: u64,
    pub num_block_failures_total: u64,
}

/// An element of the answer of `node_metrics_history`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetricsEntry {
    pub timestamp_nanos: u64,
    pub node_metrics: Vec<NodeMetrics>,
}

/// Answer of `subnet_metrics`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SubnetMetricsReply {
    pub block_height: u128,
    pub num_canisters: u128,
    pub canister_state_bytes: u128,
    pub consumed_cycles_total: u128,
    pub update_transactions_total: u128,
    pub million_round_instructions_total: u128,
}

/// Argument of `subnet_info` and `subnet_metrics`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SubnetInfoArgs {
    pub subnet_id: Principal,
}

/// Answer of `subnet_info`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SubnetInfoReply {
    pub replica_version: String,
    pub registry_version: u64,
}
