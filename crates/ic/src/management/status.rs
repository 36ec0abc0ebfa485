//! `canister_status`, for canisters and users, and as a query (management-canister.md 6). Query statistics are always zero, as they
//! are for the first 600 rounds and more of the programs that we reproduce.

mod march;
mod november;

use candid::types::Type;
use candid::{CandidType, Principal};
use serde_bytes::ByteBuf;

use super::call::{Answer, Call};
use super::decode::Given;
use super::method::Access;
use super::target::existing;
use super::types::lifecycle::CanisterIdRecord;
use super::types::settings::{DefiniteCanisterSettings, EnvironmentVariable};
use super::types::status::{
    CanisterStatusReply, CanisterStatusType, MemoryMetrics, QueryStats, legacy_balance,
};
use super::writer::encoded;
use super::{State, decode, legacy_controller};
use crate::canister::log::DEFAULT_LOG_LIMIT;
use crate::canister::settings::Settings;
use crate::canister::{self, Canister, Status};
use crate::errors::{QueryError, UserError};
use crate::protocol::Replies;

/// `canister_status` as a replicated call.
pub fn canister_status(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let id = args?.canister_id;
    let canister = existing(state, &id)?;
    state.check_access(Access::Status, canister, call.sender())?;
    Ok(encode(state, canister))
}

/// `canister_status` as a query of a user.
///
/// # Errors
/// IC0408, IC0301 (without the full stop of the replicated call), IC0512.
pub fn query(state: &State, sender: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    let id = decode::one::<CanisterIdRecord>(payload)?.canister_id;
    let Some(canister) = state.canisters.get(&id) else {
        return Err(QueryError::CanisterNotFound(id).into());
    };
    state.check_access(Access::Status, canister, *sender)?;
    Ok(encode(state, canister))
}

/// The types of the answer by date.
pub(super) fn replies() -> [Type; 3] {
    [
        march::CanisterStatusReply::ty(),
        CanisterStatusReply::ty(),
        november::CanisterStatusReply::ty(),
    ]
}

fn encode(state: &State, canister: &Canister) -> Vec<u8> {
    let reply = status_of(state, canister);
    match state.config.protocol.replies {
        Replies::March2025 => encoded(&march::CanisterStatusReply::from(reply)),
        Replies::October2025 => encoded(&reply),
        Replies::November2026 => {
            encoded(&november::CanisterStatusReply::of(reply, canister, state))
        }
    }
}

/// Everything that the method tells about a canister.
fn status_of(state: &State, canister: &Canister) -> CanisterStatusReply {
    let metrics = metrics(&canister.memory_metrics(state.bookkeeping));
    let settings = definite(&canister.settings);
    CanisterStatusReply {
        status: match canister.status {
            Status::Running => CanisterStatusType::Running,
            Status::Stopping(_) => CanisterStatusType::Stopping,
            Status::Stopped => CanisterStatusType::Stopped,
        },
        ready_for_migration: is_ready_for_migration(canister),
        version: canister.version,
        module_hash: canister
            .code
            .as_ref()
            .map(|code| ByteBuf::from(code.module.hash)),
        controller: settings.controller,
        memory_size: metrics.total(),
        memory_metrics: metrics,
        cycles: canister.cycles,
        balance: legacy_balance(canister.cycles),
        freezing_threshold: settings.freezing_threshold,
        settings,
        idle_cycles_burned_per_day: idle_cycles_per_day(state, canister),
        reserved_cycles: canister.reserved_cycles,
        query_stats: QueryStats::default(),
    }
}

fn is_ready_for_migration(canister: &Canister) -> bool {
    matches!(canister.status, Status::Stopped)
        && canister.inputs.is_empty()
        && canister.outputs.is_empty()
        && canister.calls.is_empty()
}

/// What the canister burns in a day without doing anything: storage, messages, compute (section 6.3).
fn idle_cycles_per_day(state: &State, canister: &Canister) -> u128 {
    let bytes = state.memory_taken(canister);
    let message_bytes = state.message_bytes(canister);
    let percent = canister.settings.compute_allocation;
    state
        .fees
        .idle_per_day(bytes, message_bytes, percent)
        .iter()
        .sum()
}

fn metrics(metrics: &canister::MemoryMetrics) -> MemoryMetrics {
    MemoryMetrics {
        wasm_memory_size: metrics.wasm_memory.into(),
        stable_memory_size: metrics.stable_memory.into(),
        global_memory_size: metrics.globals.into(),
        wasm_binary_size: metrics.wasm_binary.into(),
        custom_sections_size: metrics.custom_sections.into(),
        canister_history_size: metrics.history.into(),
        wasm_chunk_store_size: metrics.chunk_store.into(),
        snapshots_size: metrics.snapshots.into(),
    }
}

fn definite(settings: &Settings) -> DefiniteCanisterSettings {
    let controllers = settings.controllers.to_vec();
    DefiniteCanisterSettings {
        controller: legacy_controller(&controllers),
        controllers,
        compute_allocation: settings.compute_allocation.into(),
        memory_allocation: settings.memory_allocation.into(),
        freezing_threshold: settings.freezing_threshold.into(),
        reserved_cycles_limit: settings.reserved_cycles_limit,
        log_visibility: settings.log_visibility.clone().into(),
        log_memory_limit: DEFAULT_LOG_LIMIT.into(),
        wasm_memory_limit: settings.wasm_memory_limit.into(),
        wasm_memory_threshold: settings.wasm_memory_threshold.into(),
        environment_variables: settings
            .environment_variables
            .iter()
            .map(|(name, value)| EnvironmentVariable {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canister::settings::Controllers;

    /// The row of defaults in management-canister.md 2.2.
    #[test]
    fn a_new_canister_shows_the_default_settings() {
        let user = Principal::anonymous();
        let shown = definite(&Settings::new(Controllers::from_iter([user])));
        assert_eq!(shown.controller, user);
        assert_eq!(shown.controllers, [user]);
        assert_eq!(shown.freezing_threshold, 2_592_000);
        assert_eq!(shown.reserved_cycles_limit, 5_000_000_000_000);
        assert_eq!(shown.wasm_memory_limit, 3_221_225_472);
        assert_eq!(shown.log_memory_limit, 4096);
        assert_eq!((shown.compute_allocation, shown.memory_allocation), (0, 0));
        assert!(shown.environment_variables.is_empty());
    }

    #[test]
    fn only_a_stopped_canister_is_ready_for_migration() {
        let settings = Settings::new(Controllers::default());
        let mut canister = Canister::new(Principal::anonymous(), settings, 0, 0);
        assert!(!is_ready_for_migration(&canister));
        canister.status = Status::Stopping(Vec::new());
        assert!(!is_ready_for_migration(&canister));
        canister.status = Status::Stopped;
        assert!(is_ready_for_migration(&canister));
    }
}
