//! What a test decides about a canister. Owns plain data; who sends it is the subnet.

use std::collections::BTreeMap;

use candid::Principal;

use crate::canister::settings::Visibility;

/// Settings of a canister; what is `None` keeps its default or its value (management-canister.md 2.2).
///
/// Values out of range are refused as by the network. What a replica of an earlier date does not know it ignores, and
/// [`Subnet::notes`](super::Subnet::notes) says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who controls it, at most ten; the anonymous principal unless said.
    pub controllers: Option<Vec<Principal>>,
    /// Cycles that it is created with; without effect later.
    pub cycles: Option<u128>,
    /// In percent, at most 100.
    pub compute_allocation: Option<u64>,
    /// In bytes; 0 is best effort.
    pub memory_allocation: Option<u64>,
    /// In seconds.
    pub freezing_threshold: Option<u64>,
    /// Most cycles that may be set aside for its memory; 5 T unless said.
    pub reserved_cycles_limit: Option<u128>,
    /// Who may read its log; the controllers unless said.
    pub log_visibility: Option<Visibility>,
    /// In bytes, from 4 KiB, which it is unless said, to 2 MiB; 0 keeps no log. Before November 2026 it can only be 4 KiB.
    pub log_memory_limit: Option<u64>,
    /// In bytes, at most 2^48; 0 is no limit.
    pub wasm_memory_limit: Option<u64>,
    /// In bytes: its hook for low memory runs when less than this is left below `wasm_memory_limit`.
    pub wasm_memory_threshold: Option<u64>,
    /// Values by name, at most 20, each name and value of at most 128 bytes. Of October 2025.
    pub environment_variables: Option<BTreeMap<String, String>>,
    /// Cycles that a call of another canister has to bring. Of November 2026.
    pub minimum_incoming_canister_call_cycles: Option<u128>,
    /// Who may list and read its snapshots; the controllers unless said. Of November 2026.
    pub snapshot_visibility: Option<Visibility>,
    /// Who may see its status; the controllers unless said. Of November 2026.
    pub status_visibility: Option<Visibility>,
}
