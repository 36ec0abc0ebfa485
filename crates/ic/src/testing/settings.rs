//! What a test decides about a canister. Owns plain data; who sends it is the subnet.

use candid::Principal;

/// Settings of a canister; what is `None` keeps its default or its value (management-canister.md 2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who controls it; the anonymous principal unless said.
    pub controllers: Option<Vec<Principal>>,
    /// Cycles that it is created with; without effect later.
    pub cycles: Option<u128>,
    /// In percent.
    pub compute_allocation: Option<u64>,
    /// In bytes.
    pub memory_allocation: Option<u64>,
    /// In seconds.
    pub freezing_threshold: Option<u64>,
    /// In bytes; 0 is no limit.
    pub wasm_memory_limit: Option<u64>,
}
