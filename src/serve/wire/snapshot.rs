//! Snapshots in directories: what is asked for, and the file that says what a snapshot is made of, as the command lines for canisters
//! write it (pocket-ic-api.md 2.2).

use std::path::PathBuf;

use candid::Reserved;
use drun_ic::management::types::chunks::ChunkHash;
use drun_ic::management::types::snapshots::{
    Global, GlobalTimer, HookStatus, SnapshotMetadataReply, SnapshotSource,
};
use serde::{Deserialize, Serialize};

use super::{Bytes, CanisterId, PrincipalId};

/// A snapshot to be written to a directory.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Download {
    pub(crate) sender: PrincipalId,
    pub(crate) canister_id: CanisterId,
    pub(crate) snapshot_id: Bytes,
    pub(crate) snapshot_dir: PathBuf,
}

/// A snapshot to be read from a directory.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Upload {
    pub(crate) sender: PrincipalId,
    pub(crate) canister_id: CanisterId,
    pub(crate) replace_snapshot: Option<SnapshotIdWire>,
    pub(crate) snapshot_dir: PathBuf,
}

/// `{"snapshot_id"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotIdWire {
    pub(crate) snapshot_id: Bytes,
}

/// What a snapshot is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    source: Source,
    taken_at_timestamp: u64,
    pub(crate) wasm_module_size: u64,
    globals: Vec<GlobalWire>,
    pub(crate) wasm_memory_size: u64,
    pub(crate) stable_memory_size: u64,
    pub(crate) wasm_chunk_store: Vec<Chunk>,
    canister_version: u64,
    pub(crate) certified_data: Vec<u8>,
    global_timer: Option<Timer>,
    on_low_wasm_memory_hook_status: Option<Hook>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    TakenFromCanister(()),
    MetadataUpload(()),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GlobalWire {
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
    /// What JSON has no number for, infinite or not a number, by its bits.
    F32Bits(u32),
    /// Likewise.
    F64Bits(u64),
    V128(u128),
}

/// A chunk of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) hash: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timer {
    Inactive,
    Active(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Hook {
    ConditionNotSatisfied,
    Ready,
    Executed,
}

impl From<SnapshotMetadataReply> for Metadata {
    fn from(reply: SnapshotMetadataReply) -> Self {
        let global = |global| match global {
            Global::I32(value) => GlobalWire::I32(value),
            Global::I64(value) => GlobalWire::I64(value),
            Global::F32(value) if !value.is_finite() => GlobalWire::F32Bits(value.to_bits()),
            Global::F64(value) if !value.is_finite() => GlobalWire::F64Bits(value.to_bits()),
            Global::F32(value) => GlobalWire::F32(value),
            Global::F64(value) => GlobalWire::F64(value),
            Global::V128(value) => GlobalWire::V128(value),
        };
        let chunk = |chunk: ChunkHash| Chunk { hash: chunk.hash };
        Metadata {
            source: match reply.source {
                SnapshotSource::TakenFromCanister(Reserved) => Source::TakenFromCanister(()),
                SnapshotSource::MetadataUpload(Reserved) => Source::MetadataUpload(()),
            },
            taken_at_timestamp: reply.taken_at_timestamp,
            wasm_module_size: reply.wasm_module_size,
            globals: reply.globals.into_iter().map(global).collect(),
            wasm_memory_size: reply.wasm_memory_size,
            stable_memory_size: reply.stable_memory_size,
            wasm_chunk_store: reply.wasm_chunk_store.into_iter().map(chunk).collect(),
            canister_version: reply.canister_version,
            certified_data: reply.certified_data,
            global_timer: reply.global_timer.map(|timer| match timer {
                GlobalTimer::Inactive => Timer::Inactive,
                GlobalTimer::Active(time) => Timer::Active(time),
            }),
            on_low_wasm_memory_hook_status: reply.on_low_wasm_memory_hook_status.map(|hook| {
                match hook {
                    HookStatus::ConditionNotSatisfied => Hook::ConditionNotSatisfied,
                    HookStatus::Ready => Hook::Ready,
                    HookStatus::Executed => Hook::Executed,
                }
            }),
        }
    }
}

impl Metadata {
    /// The globals, as they are uploaded.
    pub(crate) fn globals(&self) -> Vec<Global> {
        let global = |global: &GlobalWire| match *global {
            GlobalWire::I32(value) => Global::I32(value),
            GlobalWire::I64(value) => Global::I64(value),
            GlobalWire::F32(value) => Global::F32(value),
            GlobalWire::F64(value) => Global::F64(value),
            GlobalWire::F32Bits(bits) => Global::F32(f32::from_bits(bits)),
            GlobalWire::F64Bits(bits) => Global::F64(f64::from_bits(bits)),
            GlobalWire::V128(value) => Global::V128(value),
        };
        self.globals.iter().map(global).collect()
    }

    /// The global timer, as it is uploaded.
    pub(crate) fn global_timer(&self) -> Option<GlobalTimer> {
        self.global_timer.map(|timer| match timer {
            Timer::Inactive => GlobalTimer::Inactive,
            Timer::Active(time) => GlobalTimer::Active(time),
        })
    }

    /// The state of the hook, as it is uploaded.
    pub(crate) fn hook(&self) -> Option<HookStatus> {
        self.on_low_wasm_memory_hook_status.map(|hook| match hook {
            Hook::ConditionNotSatisfied => HookStatus::ConditionNotSatisfied,
            Hook::Ready => HookStatus::Ready,
            Hook::Executed => HookStatus::Executed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globals_for_which_json_has_no_number_come_back_with_all_their_bits() {
        let globals = vec![
            Global::F32(f32::NEG_INFINITY),
            Global::F32(0.1),
            Global::F64(f64::from_bits(0x7ff8_0000_0000_0001)),
            Global::F64(-0.1),
            Global::V128(u128::MAX),
        ];
        let metadata = Metadata::from(SnapshotMetadataReply {
            source: SnapshotSource::TakenFromCanister(Reserved),
            taken_at_timestamp: 1,
            wasm_module_size: 2,
            globals: globals.clone(),
            wasm_memory_size: 3,
            stable_memory_size: 4,
            wasm_chunk_store: Vec::new(),
            canister_version: 5,
            certified_data: Vec::new(),
            global_timer: None,
            on_low_wasm_memory_hook_status: None,
        });
        let text = serde_json::to_string(&metadata).unwrap();
        assert!(
            text.contains(r#"{"f32":0.1},{"f64_bits":9221120237041090561}"#),
            "{text}"
        );
        let read: Metadata = serde_json::from_str(&text).unwrap();
        let bits = |global: &Global| match *global {
            Global::I32(value) => u128::from(value.cast_unsigned()),
            Global::I64(value) => u128::from(value.cast_unsigned()),
            Global::F32(value) => value.to_bits().into(),
            Global::F64(value) => value.to_bits().into(),
            Global::V128(value) => value,
        };
        let bits = |all: &[Global]| all.iter().map(bits).collect::<Vec<_>>();
        assert_eq!(bits(&read.globals()), bits(&globals));
    }
}
