//! What `canister_metrics` and `list_canisters` answer (since-october-2025.md 2.6, 2.7).

use candid::{CandidType, Deserialize, Principal};

/// What cycles went into, since the canister was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct CyclesConsumed {
    pub memory: u128,
    pub compute_allocation: u128,
    pub ingress_induction: u128,
    pub instructions: u128,
    pub request_and_response_transmission: u128,
    pub uninstall: u128,
    pub canister_creation: u128,
    pub http_outcalls: u128,
    pub burned_cycles: u128,
}

/// Answer of `canister_metrics`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterMetricsReply {
    pub cycles_consumed: CyclesConsumed,
}

/// Canisters with consecutive ids, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterIdRange {
    pub start: Principal,
    pub end: Principal,
}

/// Answer of `list_canisters`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct ListCanistersReply {
    pub canisters: Vec<CanisterIdRange>,
}
