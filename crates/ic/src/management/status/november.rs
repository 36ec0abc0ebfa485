//! The answer of `canister_status` in November 2026: that of October 2025 with what came since (since-october-2025.md 2.1, 2.2).
//! Newer clients do not read answers that lack a field, older ones skip what they do not know.

use candid::{CandidType, Principal};
use serde_bytes::ByteBuf;

use crate::canister::Canister;
use crate::management::State;
use crate::management::types::settings::{EnvironmentVariable, Visibility};
use crate::management::types::status::{
    CanisterStatusReply as October, CanisterStatusType, QueryStats,
};

/// The settings, with who may see what and what a call has to bring.
#[derive(Debug, CandidType)]
pub(super) struct DefiniteCanisterSettings {
    controller: Principal,
    controllers: Vec<Principal>,
    compute_allocation: u128,
    memory_allocation: u128,
    freezing_threshold: u128,
    reserved_cycles_limit: u128,
    minimum_incoming_canister_call_cycles: u128,
    log_visibility: Visibility,
    log_memory_limit: u128,
    snapshot_visibility: Visibility,
    status_visibility: Visibility,
    wasm_memory_limit: u128,
    wasm_memory_threshold: u128,
    environment_variables: Vec<EnvironmentVariable>,
}

/// The parts of the memory, with the store of the log.
#[derive(Debug, CandidType)]
pub(super) struct MemoryMetrics {
    wasm_memory_size: u128,
    stable_memory_size: u128,
    global_memory_size: u128,
    wasm_binary_size: u128,
    custom_sections_size: u128,
    canister_history_size: u128,
    wasm_chunk_store_size: u128,
    snapshots_size: u128,
    log_memory_store_size: u128,
}

/// The answer.
#[derive(Debug, CandidType)]
pub(super) struct CanisterStatusReply {
    status: CanisterStatusType,
    ready_for_migration: bool,
    version: u64,
    module_hash: Option<ByteBuf>,
    controller: Principal,
    settings: DefiniteCanisterSettings,
    memory_size: u128,
    memory_metrics: MemoryMetrics,
    cycles: u128,
    balance: Vec<(ByteBuf, u128)>,
    freezing_threshold: u128,
    idle_cycles_burned_per_day: u128,
    reserved_cycles: u128,
    query_stats: QueryStats,
}

impl CanisterStatusReply {
    /// Adds to what was told in October.
    pub(super) fn of(october: October, canister: &Canister, state: &State) -> Self {
        let (settings, own) = (october.settings, &canister.settings);
        let metrics = october.memory_metrics;
        let log_store = canister.memory_metrics(state.bookkeeping).log_store.into();
        CanisterStatusReply {
            status: october.status,
            ready_for_migration: october.ready_for_migration,
            version: october.version,
            module_hash: october.module_hash,
            controller: october.controller,
            settings: DefiniteCanisterSettings {
                controller: settings.controller,
                controllers: settings.controllers,
                compute_allocation: settings.compute_allocation,
                memory_allocation: settings.memory_allocation,
                freezing_threshold: settings.freezing_threshold,
                reserved_cycles_limit: settings.reserved_cycles_limit,
                minimum_incoming_canister_call_cycles: own.minimum_incoming_cycles,
                log_visibility: settings.log_visibility,
                log_memory_limit: canister.log.limit().into(),
                snapshot_visibility: own.snapshot_visibility.clone().into(),
                status_visibility: own.status_visibility.clone().into(),
                wasm_memory_limit: settings.wasm_memory_limit,
                wasm_memory_threshold: settings.wasm_memory_threshold,
                environment_variables: settings.environment_variables,
            },
            memory_size: october.memory_size + log_store,
            memory_metrics: MemoryMetrics {
                wasm_memory_size: metrics.wasm_memory_size,
                stable_memory_size: metrics.stable_memory_size,
                global_memory_size: metrics.global_memory_size,
                wasm_binary_size: metrics.wasm_binary_size,
                custom_sections_size: metrics.custom_sections_size,
                canister_history_size: metrics.canister_history_size,
                wasm_chunk_store_size: metrics.wasm_chunk_store_size,
                snapshots_size: metrics.snapshots_size,
                log_memory_store_size: log_store,
            },
            cycles: october.cycles,
            balance: october.balance,
            freezing_threshold: october.freezing_threshold,
            idle_cycles_burned_per_day: october.idle_cycles_burned_per_day,
            reserved_cycles: october.reserved_cycles,
            query_stats: october.query_stats,
        }
    }
}
