//! `take_canister_snapshot` (management-canister.md 1.27): in any status, but of a canister with a module only, which is looked at last.

use super::super::writer::encoded;
use super::{make_room, next_id, summary};
use crate::canister::Canister;
use crate::canister::snapshots::Snapshot;
use crate::errors::SnapshotError;
use crate::management::State;
use crate::management::call::{Answer, Call};
use crate::management::decode::Given;
use crate::management::lifecycle::uninstall;
use crate::management::target::with_canister;
use crate::management::types::snapshots::TakeSnapshotArgs;
use crate::module::memory::Image;
use crate::protocol::{Date, Era};

/// `take_canister_snapshot`.
pub fn take(state: &mut State, call: &mut Call<'_>, args: Given<TakeSnapshotArgs>) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        let total_bytes = total_bytes(state, canister);
        let asked = args.uninstall_code == Some(true);
        let uninstalls = asked && state.config.protocol.snapshots_uninstall;
        if asked && !uninstalls {
            state.notes.another_date(
                state.config.protocol.date,
                format_args!("uninstall_code of take_canister_snapshot"),
                Era::since(Date::November2026),
            );
        }
        // Memory and cycles are those after both steps.
        let freed = match uninstalls {
            true => freed_by_uninstalling(state, canister),
            false => 0,
        };
        let room = make_room(
            state,
            canister,
            call,
            args.replace_snapshot,
            total_bytes,
            freed,
        )?;
        let Some(code) = &canister.code else {
            return Err(SnapshotError::EmptyCanister(canister.id).into());
        };
        let snapshot = Snapshot {
            id: next_id(canister),
            taken_at: state.time,
            taken_in_round: state.round,
            uploaded: false,
            module: code.module.blob.clone(),
            heap: code
                .heap
                .as_ref()
                .map_or_else(|| Image::zeroed(0), |heap| heap.image()),
            stable: canister.stable.image(),
            globals: code.globals.clone(),
            chunks: canister.chunks.clone(),
            certified_data: canister.certified_data.clone(),
            version: canister.version,
            global_timer: Some(canister.global_timer),
            hook: Some(canister.hook),
            total_bytes,
        };
        let reply = summary(&snapshot);
        room.fill(state, canister, snapshot);
        if uninstalls {
            let origin = call.origin(args.sender_canister_version);
            uninstall(state, canister, origin, call.notices);
        }
        Ok(encoded(&reply))
    })
}

/// Bytes that an uninstalled canister does not count any more.
fn freed_by_uninstalling(state: &State, canister: &Canister) -> u64 {
    let metrics = canister.memory_metrics(state.bookkeeping);
    metrics.wasm_memory
        + metrics.stable_memory
        + metrics.globals
        + metrics.wasm_binary
        + metrics.custom_sections
        + metrics.chunk_store
}

/// Bytes that a snapshot of the canister counts.
fn total_bytes(state: &State, canister: &Canister) -> u64 {
    let metrics = canister.memory_metrics(state.bookkeeping);
    metrics.wasm_memory
        + metrics.stable_memory
        + metrics.globals
        + metrics.wasm_binary
        + metrics.chunk_store
        + canister.certified_data.len() as u64
}
