//! What the snapshot methods take and answer (management-canister.md, section 1.27 to 1.34). The form of an id is in
//! `management::snapshot_id`; limits and slices are checked by the methods.

use super::chunks::ChunkHash;
use crate::canister::snapshot_id::SnapshotId;
use candid::{CandidType, Deserialize, Principal, Reserved};

/// Argument of `take_canister_snapshot`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct TakeSnapshotArgs {
    pub canister_id: Principal,
    pub replace_snapshot: Option<SnapshotId>,
    /// The canister is uninstalled in the same step (since-october-2025.md 2.4).
    pub uninstall_code: Option<bool>,
    pub sender_canister_version: Option<u64>,
}

/// The same in replicas before 2026.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct OldTakeSnapshotArgs {
    pub canister_id: Principal,
    pub replace_snapshot: Option<SnapshotId>,
}

impl From<OldTakeSnapshotArgs> for TakeSnapshotArgs {
    fn from(old: OldTakeSnapshotArgs) -> Self {
        TakeSnapshotArgs {
            canister_id: old.canister_id,
            replace_snapshot: old.replace_snapshot,
            uninstall_code: None,
            sender_canister_version: None,
        }
    }
}

/// Answer of `take_canister_snapshot` and an element of `list_canister_snapshots`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// Nanoseconds since 1970.
    pub taken_at_timestamp: u64,
    /// Bytes.
    pub total_size: u64,
}

/// Argument of `load_canister_snapshot`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct LoadSnapshotArgs {
    pub canister_id: Principal,
    pub snapshot_id: SnapshotId,
    pub sender_canister_version: Option<u64>,
}

/// Argument of `delete_canister_snapshot` and `read_canister_snapshot_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SnapshotArgs {
    pub canister_id: Principal,
    pub snapshot_id: SnapshotId,
}

/// How a snapshot came to be.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum SnapshotSource {
    #[serde(rename = "taken_from_canister")]
    TakenFromCanister(Reserved),
    #[serde(rename = "metadata_upload")]
    MetadataUpload(Reserved),
}

/// The value of a global.
#[derive(Clone, Copy, Debug, PartialEq, CandidType, Deserialize)]
pub enum Global {
    #[serde(rename = "i32")]
    I32(i32),
    #[serde(rename = "i64")]
    I64(i64),
    #[serde(rename = "f32")]
    F32(f32),
    #[serde(rename = "f64")]
    F64(f64),
    #[serde(rename = "v128")]
    V128(u128),
}

/// The global timer of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum GlobalTimer {
    #[serde(rename = "inactive")]
    Inactive,
    /// Due at these nanoseconds since 1970.
    #[serde(rename = "active")]
    Active(u64),
}

/// The state of the low-Wasm-memory hook (section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum HookStatus {
    #[serde(rename = "condition_not_satisfied")]
    ConditionNotSatisfied,
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "executed")]
    Executed,
}

/// Answer of `read_canister_snapshot_metadata`. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, CandidType, Deserialize)]
pub struct SnapshotMetadataReply {
    pub source: SnapshotSource,
    pub taken_at_timestamp: u64,
    pub wasm_module_size: u64,
    /// The module's exported globals in export order, then the other mutable ones by index.
    pub globals: Vec<Global>,
    pub wasm_memory_size: u64,
    pub stable_memory_size: u64,
    pub wasm_chunk_store: Vec<ChunkHash>,
    pub canister_version: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    pub global_timer: Option<GlobalTimer>,
    pub on_low_wasm_memory_hook_status: Option<HookStatus>,
}

/// Which part of a snapshot `read_canister_snapshot_data` reads; offsets and sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum ReadDataKind {
    #[serde(rename = "wasm_module")]
    WasmModule { offset: u64, size: u64 },
    #[serde(rename = "wasm_memory")]
    WasmMemory { offset: u64, size: u64 },
    #[serde(rename = "stable_memory")]
    StableMemory { offset: u64, size: u64 },
    #[serde(rename = "wasm_chunk")]
    WasmChunk {
        #[serde(with = "serde_bytes")]
        hash: Vec<u8>,
    },
}

/// Argument of `read_canister_snapshot_data`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct ReadSnapshotDataArgs {
    pub canister_id: Principal,
    pub snapshot_id: SnapshotId,
    pub kind: ReadDataKind,
}

/// Answer of `read_canister_snapshot_data`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct ReadSnapshotDataReply {
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

/// Argument of `upload_canister_snapshot_metadata`. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, CandidType, Deserialize)]
pub struct UploadSnapshotMetadataArgs {
    pub canister_id: Principal,
    pub replace_snapshot: Option<SnapshotId>,
    pub wasm_module_size: u64,
    pub globals: Vec<Global>,
    pub wasm_memory_size: u64,
    pub stable_memory_size: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    pub global_timer: Option<GlobalTimer>,
    pub on_low_wasm_memory_hook_status: Option<HookStatus>,
}

/// Answer of `upload_canister_snapshot_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UploadSnapshotMetadataReply {
    pub snapshot_id: SnapshotId,
}

/// Which part of a snapshot `upload_canister_snapshot_data` writes; offsets in bytes.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum UploadDataKind {
    #[serde(rename = "wasm_module")]
    WasmModule { offset: u64 },
    #[serde(rename = "wasm_memory")]
    WasmMemory { offset: u64 },
    #[serde(rename = "stable_memory")]
    StableMemory { offset: u64 },
    #[serde(rename = "wasm_chunk")]
    WasmChunk,
}

/// Argument of `upload_canister_snapshot_data`. Unlike other methods that have nothing to say, it answers one `null`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UploadSnapshotDataArgs {
    pub canister_id: Principal,
    pub snapshot_id: SnapshotId,
    pub kind: UploadDataKind,
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::super::golden::round_trip;
    use super::*;

    #[test]
    fn a_taken_snapshot_is_answered_in_the_recorded_bytes() {
        let reply: Snapshot = round_trip(
            "4449444c026c03dbb70101dc84e196077882bff3a50d786d7b0100120000000000000000ffffffffffd0000001012800100000000000052cbb2a57907c16",
        );
        assert_eq!(reply.id.to_string(), "7tjcv-pp777-77776-qaaaa-cai-0");
        assert_eq!(reply.total_size, 0x10_0028);
    }

    #[test]
    fn a_list_of_snapshots_is_answered_in_the_recorded_bytes() {
        let reply: Vec<Snapshot> = round_trip(
            "4449444c036d016c03dbb70102dc84e196077882bff3a50d786d7b010002120000000000000000ffffffffffe000000101450915000000000005729d5851907c16120000000000000001ffffffffffe000000101450907000000000005c2733553907c16",
        );
        assert_eq!(reply[1].id.to_string(), "lxzze-o7777-77777-aaaaa-cai-1");
    }

    #[test]
    fn metadata_are_answered_in_the_recorded_bytes() {
        let reply: SnapshotMetadataReply = round_trip(
            "4449444c0b6c0bb08be4a10101c0c3dff50278dbe1c6910303c2b9a19c0304a9c9dbae030580f6c7e30407999fb5eb0478bbfeb3af0678f4d0c9ca060982bff3a50d78a4cadab30d786d026b0585a5b60273a4aab60272c8b2bf0275e7b7bf0274818f92f1047d6b0291a0c58d0370a4f794e508706d7b6e066b02c68399b20178ebaec0d1067f6e086b03a2efe5f1037f8fc9effa0b7fe3c0eab50e7f6d0a6c01cedfa0a80404010001032200000000000000050000000000000001046365727401010100010900000000000000000300000000000005c2733553907c160000040000000000",
        );
        assert_eq!(reply.globals.len(), 1);
        assert_eq!(reply.certified_data, b"cert");
    }

    #[test]
    fn data_are_answered_in_the_recorded_bytes() {
        let reply: ReadSnapshotDataReply =
            round_trip("4449444c026c01ed8c8bae04016d7b0100080061736d01000000");
        assert_eq!(reply.chunk, b"\0asm\x01\0\0\0");
    }

    #[test]
    fn uploads_are_answered_in_the_recorded_bytes() {
        let reply: UploadSnapshotMetadataReply =
            round_trip("4449444c026c01b6b897890f016d7b0100120000000000000000ffffffffffe000010101");
        assert_eq!(
            reply.snapshot_id.to_string(),
            "lqy7q-dh777-77777-aaaaq-cai-0"
        );
        let null: () = round_trip("4449444c00017f");
        assert_eq!(null, ());
    }
}
