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

/// Argument of `subnet_info`.
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
