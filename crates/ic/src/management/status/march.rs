//! The answer of `canister_status` in March 2025, which old drun gives: without some fields of today (management-canister.md,
//! appendix B).

use candid::{CandidType, Principal};
use serde_bytes::ByteBuf;

use crate::management::types::settings::LogVisibility;
use crate::management::types::status::{
    CanisterStatusReply as Today, CanisterStatusType, MemoryMetrics, QueryStats,
};

/// The settings, without environment variables and log limit.
#[derive(Debug, CandidType)]
pub(super) struct DefiniteCanisterSettings {
    controller: Principal,
    controllers: Vec<Principal>,
    compute_allocation: u128,
    memory_allocation: u128,
    freezing_threshold: u128,
    reserved_cycles_limit: u128,
    log_visibility: LogVisibility,
    wasm_memory_limit: u128,
    wasm_memory_threshold: u128,
}

/// The answer, without version and readiness for migration.
#[derive(Debug, CandidType)]
pub(super) struct CanisterStatusReply {
    status: CanisterStatusType,
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

impl From<Today> for CanisterStatusReply {
    fn from(today: Today) -> Self {
        let settings = today.settings;
        CanisterStatusReply {
            status: today.status,
            module_hash: today.module_hash,
            controller: today.controller,
            settings: DefiniteCanisterSettings {
                controller: settings.controller,
                controllers: settings.controllers,
                compute_allocation: settings.compute_allocation,
                memory_allocation: settings.memory_allocation,
                freezing_threshold: settings.freezing_threshold,
                reserved_cycles_limit: settings.reserved_cycles_limit,
                log_visibility: settings.log_visibility,
                wasm_memory_limit: settings.wasm_memory_limit,
                wasm_memory_threshold: settings.wasm_memory_threshold,
            },
            memory_size: today.memory_size,
            memory_metrics: today.memory_metrics,
            cycles: today.cycles,
            balance: today.balance,
            freezing_threshold: today.freezing_threshold,
            idle_cycles_burned_per_day: today.idle_cycles_burned_per_day,
            reserved_cycles: today.reserved_cycles,
            query_stats: today.query_stats,
        }
    }
}
