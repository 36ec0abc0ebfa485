//! What can go wrong with snapshots of canisters: taking, loading, reading, uploading them (errors.md, 3.6). Owns the texts.

use candid::Principal;

use super::Row;
use super::code::ErrorCode;
use super::help::Help;
use super::text::OutOfCycles;

/// A failure of a snapshot method. A snapshot is named as it prints, `{canister}-{number}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// No such snapshot.
    NotFound {
        snapshot: String,
        canister: Principal,
    },
    /// The snapshot is another canister's.
    InvalidOwnership {
        snapshot: String,
        canister: Principal,
    },
    /// The canister has no module.
    EmptyCanister(Principal),
    /// The canister has as many snapshots as it may.
    LimitExceeded { canister: Principal, max: u64 },
    /// The canister cannot pay.
    OutOfCycles(OutOfCycles),
    /// The snapshot was taken, not uploaded.
    Immutable,
    /// The sender does not control the canister that the snapshot was taken of.
    NotController {
        snapshot: String,
        canister: Principal,
        sender: Principal,
    },
    /// Another canister's snapshot, too young to be loaded.
    NotLoadable {
        snapshot: String,
        canister: Principal,
    },
    /// The canister changed too much memory lately; bytes.
    HeapDelta {
        canister: Principal,
        debit: u64,
        limit: u64,
    },
    /// The part to be read or written does not exist; bytes.
    InvalidSlice { offset: u64, size: u64 },
    /// More than 2,000,000 bytes to be read.
    SliceTooLarge { size: u64 },
    /// The metadata cannot be uploaded.
    Metadata(MetadataFault),
    /// The globals that the module exports are not those of the metadata.
    GlobalsMismatch,
    /// The uploaded state of the low-memory hook does not fit the canister; `status` as the replica's debug form prints it.
    HookMismatch { status: String, satisfied: bool },
}

/// What is wrong with uploaded metadata; printed by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataFault {
    WasmModuleEmpty,
    WasmModuleTooLarge,
    WasmMemoryNotPageAligned,
    WasmMemoryTooLarge,
    StableMemoryNotPageAligned,
    StableMemoryTooLarge,
    ExportedGlobalsTooLarge,
    CertifiedDataTooLarge,
}

impl SnapshotError {
    #[rustfmt::skip] // a table
    pub(super) fn row(&self) -> Row {
        use ErrorCode as Code;
        use Help::{Bare, Documented};
        use SnapshotError::*;
        match self {
            NotFound { snapshot, canister } => (
                Code::CanisterSnapshotNotFound, format!("Could not find the snapshot ID {snapshot} for canister {canister}."),
                Documented("Use the `list_canister_snapshot` API to see which snapshots are present.", "canister-snapshot-not-found"),
            ),
            InvalidOwnership { snapshot, canister } => (
                Code::CanisterRejectedMessage, format!("The snapshot {snapshot} does not belong to canister {canister}."),
                Documented("Use the `list_canister_snapshot` API to see which snapshots are present.", "canister-snapshot-invalid-ownership"),
            ),
            EmptyCanister(canister) => (Code::CanisterRejectedMessage, format!("Failed to create snapshot for empty canister {canister}:"), Help::None),
            LimitExceeded { canister, max } => (
                Code::CanisterRejectedMessage, format!("Canister {canister} has reached the maximum number of snapshots allowed: {max}."),
                Bare("Consider deleting an unnecessary snapshot of the specified canister before creating a new one.", "canister-snapshot-limit-exceeded"),
            ),
            OutOfCycles(error) => (
                Code::CanisterOutOfCycles, format!("Canister snapshotting failed with: `{error}`"),
                Bare("Try sending more cycles with the request.", "canister-snapshot-not-enough-cycles"),
            ),
            Immutable => (Code::CanisterSnapshotImmutable, "Only canister snapshots created by metadata upload can be mutated.".into(), Help::None),
            NotController { snapshot, canister, sender } => (
                Code::CanisterRejectedMessage, format!("Only a controller of the canister that snapshot {snapshot} belongs to can load it on canister {canister}. Sender: {sender}."),
                Bare("Make sure you are a controller of the canister that the snapshot belongs to.", "canister-snapshot-not-controller"),
            ),
            NotLoadable { snapshot, canister } => (Code::CanisterRejectedMessage, format!("Snapshot {snapshot} is not currently loadable on the specified canister {canister}. Try again later. The call should succeed if you wait sufficiently long (usually ten minutes)."), Help::None),
            HeapDelta { canister, debit, limit } => (
                Code::CanisterHeapDeltaRateLimited, format!("Canister {canister} is heap delta rate limited: current delta debit is {debit}, but limit is {limit}."),
                Documented("Try waiting a few seconds before retrying the operation.", "canister-heap-delta-rate-limited"),
            ),
            InvalidSlice { offset, size } => (Code::InvalidManagementPayload, format!("Invalid subslice into wasm module / main memory / stable memory: offset: {offset}, size: {size}"), Help::None),
            SliceTooLarge { size } => (Code::InvalidManagementPayload, format!("Requested slice too large: {size} > 2000000"), Help::None),
            Metadata(fault) => (Code::InvalidManagementPayload, format!("Snapshot Metadata contains invalid data: {fault:?}"), Help::None),
            GlobalsMismatch => (Code::InvalidManagementPayload, "Wasm exported globals of canister module and snapshot metadata do not match.".into(), Help::None),
            HookMismatch { status, satisfied } => (Code::InvalidManagementPayload, format!("Hook status ({status}) of uploaded snapshot is inconsistent with the canister's state (hook condition satisfied: {satisfied})."), Help::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ManagementError, UserError};
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_text_and_help() {
        use SnapshotError::*;
        let canister = Principal::from_text("lxzze-o7777-77777-aaaaa-cai").unwrap();
        let snapshot = || "rwlgt-iiaaa-aaaaa-aaaaa-cai-0".to_owned();
        let broke = super::OutOfCycles { canister, threshold: 0, requested: 7, available: 0, reveal: false };
        for (error, printed) in [
            (NotFound { snapshot: snapshot(), canister }, "IC0305: Could not find the snapshot ID rwlgt-iiaaa-aaaaa-aaaaa-cai-0 for canister lxzze-o7777-77777-aaaaa-cai.\nUse the `list_canister_snapshot` API to see which snapshots are present. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#canister-snapshot-not-found"),
            (InvalidOwnership { snapshot: snapshot(), canister }, "IC0406: The snapshot rwlgt-iiaaa-aaaaa-aaaaa-cai-0 does not belong to canister lxzze-o7777-77777-aaaaa-cai.\nUse the `list_canister_snapshot` API to see which snapshots are present. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#canister-snapshot-invalid-ownership"),
            (EmptyCanister(canister), "IC0406: Failed to create snapshot for empty canister lxzze-o7777-77777-aaaaa-cai:"),
            (LimitExceeded { canister, max: 10 }, "IC0406: Canister lxzze-o7777-77777-aaaaa-cai has reached the maximum number of snapshots allowed: 10.\nConsider deleting an unnecessary snapshot of the specified canister before creating a new one. See documentation: canister-snapshot-limit-exceeded"),
            (OutOfCycles(broke), "IC0207: Canister snapshotting failed with: `Canister lxzze-o7777-77777-aaaaa-cai is out of cycles`\nTry sending more cycles with the request. See documentation: canister-snapshot-not-enough-cycles"),
            (Immutable, "IC0409: Only canister snapshots created by metadata upload can be mutated."),
            (NotController { snapshot: snapshot(), canister, sender: Principal::anonymous() }, "IC0406: Only a controller of the canister that snapshot rwlgt-iiaaa-aaaaa-aaaaa-cai-0 belongs to can load it on canister lxzze-o7777-77777-aaaaa-cai. Sender: 2vxsx-fae.\nMake sure you are a controller of the canister that the snapshot belongs to. See documentation: canister-snapshot-not-controller"),
            (NotLoadable { snapshot: snapshot(), canister }, "IC0406: Snapshot rwlgt-iiaaa-aaaaa-aaaaa-cai-0 is not currently loadable on the specified canister lxzze-o7777-77777-aaaaa-cai. Try again later. The call should succeed if you wait sufficiently long (usually ten minutes)."),
            (HeapDelta { canister, debit: 11, limit: 10 }, "IC0210: Canister lxzze-o7777-77777-aaaaa-cai is heap delta rate limited: current delta debit is 11, but limit is 10.\nTry waiting a few seconds before retrying the operation. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#canister-heap-delta-rate-limited"),
            (InvalidSlice { offset: 500000, size: 1 }, "IC0408: Invalid subslice into wasm module / main memory / stable memory: offset: 500000, size: 1"),
            (SliceTooLarge { size: 2000001 }, "IC0408: Requested slice too large: 2000001 > 2000000"),
            (Metadata(MetadataFault::WasmMemoryNotPageAligned), "IC0408: Snapshot Metadata contains invalid data: WasmMemoryNotPageAligned"),
            (GlobalsMismatch, "IC0408: Wasm exported globals of canister module and snapshot metadata do not match."),
            (HookMismatch { status: "Ready".into(), satisfied: false }, "IC0408: Hook status (Ready) of uploaded snapshot is inconsistent with the canister's state (hook condition satisfied: false)."),
        ] {
            assert_eq!(UserError::from(ManagementError::from(error)).to_string(), printed);
        }
    }
}
