//! Replies for people.
//!
//! Owns the names of fields of the management canister, which the bytes do not carry.

use crate::idl::{self, FieldNames, Interface};

/// Fields of `canister_status`, `fetch_canister_logs` and the creation of a canister.
const FIELDS: [&str; 47] = [
    "status",
    "running",
    "stopping",
    "stopped",
    "ready_for_migration",
    "version",
    "module_hash",
    "controller",
    "settings",
    "controllers",
    "compute_allocation",
    "memory_allocation",
    "freezing_threshold",
    "reserved_cycles_limit",
    "log_visibility",
    "log_memory_limit",
    "public",
    "allowed_viewers",
    "wasm_memory_limit",
    "wasm_memory_threshold",
    "environment_variables",
    "name",
    "value",
    "memory_size",
    "memory_metrics",
    "wasm_memory_size",
    "stable_memory_size",
    "global_memory_size",
    "wasm_binary_size",
    "custom_sections_size",
    "canister_history_size",
    "wasm_chunk_store_size",
    "snapshots_size",
    "cycles",
    "balance",
    "idle_cycles_burned_per_day",
    "reserved_cycles",
    "query_stats",
    "num_calls_total",
    "num_instructions_total",
    "request_payload_bytes_total",
    "response_payload_bytes_total",
    "canister_log_records",
    "idx",
    "timestamp_nanos",
    "content",
    "canister_id",
];

/// A reply as Candid text. If it is none, in hex, or nothing unless some text is needed.
pub(super) fn text(reply: &[u8], interface: Option<&Interface>, needed: bool) -> Option<String> {
    match idl::decode(reply) {
        Ok(args) => Some(idl::print_arguments(&args, &names(interface))),
        Err(_) => needed.then(|| format!("0x{}", hex::encode(reply))),
    }
}

/// The names of fields that replies of a canister, or of the management canister, may have.
pub(super) fn names(interface: Option<&Interface>) -> FieldNames {
    let mut names = interface.map(FieldNames::of_interface).unwrap_or_default();
    FIELDS.iter().for_each(|name| names.add(name));
    names
}
