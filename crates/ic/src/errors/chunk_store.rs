//! What can go wrong with chunks of modules: uploading them, and installing a module from them (errors.md, 3.6; management-canister.md, 1.5 and
//! 1.6). Owns the texts.

use candid::Principal;

use super::Row;
use super::code::ErrorCode;
use super::help::Help;
use super::text::{OutOfCycles, byte_list, hex_list};

/// A failure of the chunk store or of a chunked installation. Hashes are given as they came, of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkStoreError {
    /// A hash of a chunk does not have 32 bytes.
    HashLength,
    /// The store has no such chunk.
    ChunkNotFound(Vec<u8>),
    /// The chunks together do not have the given hash.
    ModuleHashMismatch { assembled: Vec<u8>, given: Vec<u8> },
    /// The chunks together are more than can be a module; bytes.
    ModuleTooLarge { size: u64, max: u64 },
    /// A chunk of more than 1 MiB.
    ChunkTooLarge { size: u64 },
    /// The store is full; its capacity in bytes and in chunks.
    Full { bytes: u64, chunks: u64 },
    /// The canister cannot pay for an upload.
    OutOfCycles(OutOfCycles),
    /// The canister changed too much memory lately; bytes.
    HeapDelta { debit: u64, limit: u64 },
    /// A hash to read a chunk of a snapshot by does not have 32 bytes.
    InvalidSnapshotHash(Vec<u8>),
    /// The snapshot has no such chunk.
    SnapshotChunkNotFound(Vec<u8>),
    /// The hash of the module to install does not have 32 bytes.
    InvalidModuleHash(Vec<u8>),
    /// The canister that should hold the chunks does not exist.
    StoreNotFound {
        store: Principal,
        subnet: Principal,
        target: Principal,
    },
}

impl ChunkStoreError {
    #[rustfmt::skip] // a table
    pub(super) fn row(&self) -> Row {
        use ChunkStoreError::*;
        let message = match self {
            HashLength => "Chunk hash is invalid. The length is not 32".into(),
            ChunkNotFound(hash) => format!("Chunk hash {} was not found", byte_list(hash)),
            ModuleHashMismatch { assembled, given } => format!("Wasm module hash {} does not match given hash WasmHash({})", byte_list(assembled), byte_list(given)),
            ModuleTooLarge { size, max } => format!("Wasm module size {size} exceeds the maximum size of {max}"),
            ChunkTooLarge { size } => format!("Wasm chunk size {size} exceeds the maximum chunk size of 1048576"),
            Full { bytes, chunks } => format!("Wasm chunk store has already reached maximum capacity of {bytes} bytes or the maximum number of entries, {chunks}"),
            OutOfCycles(error) => format!("Error charging for 'upload_chunk': {error}"),
            HeapDelta { debit, limit } => format!("Canister is heap delta rate limited. Current delta debit: {debit}, limit: {limit}"),
            InvalidSnapshotHash(hash) => format!("Bytes {} are not a valid WasmChunkHash.", hex_list(hash)),
            SnapshotChunkNotFound(hash) => format!("WasmChunkHash {} not found.", hex_list(hash)),
            InvalidModuleHash(hash) => return (ErrorCode::CanisterContractViolation, format!("Invalid wasm hash {}", byte_list(hash)), Help::None),
            StoreNotFound { store, subnet, target } => return (ErrorCode::CanisterNotFound, format!("InstallChunkedCode Error: Store canister {store} was not found on subnet {subnet} of target canister {target}"), Help::None),
        };
        (
            ErrorCode::CanisterContractViolation,
            format!("Error from Wasm chunk store: {message}."),
            Help::Documented("Use the `stored_chunks` API to check which hashes are present or top up the canister if it is low on cycles.", "wasm-chunk-store-error"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ManagementError, UserError};
    use super::*;

    fn printed(error: ChunkStoreError) -> String {
        UserError::from(ManagementError::from(error)).to_string()
    }

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_text_and_help() {
        use ChunkStoreError::*;
        let id = Principal::from_text("rrkah-fqaaa-aaaaa-aaaaq-cai").unwrap();
        let broke = super::OutOfCycles { canister: id, threshold: 1_000, requested: 5, available: 0, reveal: true };
        for (error, message) in [
            (HashLength, "Chunk hash is invalid. The length is not 32"),
            (ChunkNotFound(vec![147, 0, 9]), "Chunk hash [147, 0, 9] was not found"),
            (ModuleHashMismatch { assembled: vec![1, 2], given: vec![3, 4] }, "Wasm module hash [1, 2] does not match given hash WasmHash([3, 4])"),
            (ModuleTooLarge { size: 1073741825, max: 1073741824 }, "Wasm module size 1073741825 exceeds the maximum size of 1073741824"),
            (ChunkTooLarge { size: 1048577 }, "Wasm chunk size 1048577 exceeds the maximum chunk size of 1048576"),
            (Full { bytes: 104857600, chunks: 100 }, "Wasm chunk store has already reached maximum capacity of 104857600 bytes or the maximum number of entries, 100"),
            (OutOfCycles(broke), "Error charging for 'upload_chunk': Canister rrkah-fqaaa-aaaaa-aaaaq-cai is out of cycles: please top up the canister with at least 1_005 additional cycles"),
            (HeapDelta { debit: 11, limit: 10 }, "Canister is heap delta rate limited. Current delta debit: 11, limit: 10"),
            (InvalidSnapshotHash(b"nope".to_vec()), "Bytes [6e, 6f, 70, 65] are not a valid WasmChunkHash."),
            (SnapshotChunkNotFound(vec![0x22, 0x24]), "WasmChunkHash [22, 24] not found."),
        ] {
            assert_eq!(printed(error), format!("IC0504: Error from Wasm chunk store: {message}.\nUse the `stored_chunks` API to check which hashes are present or top up the canister if it is low on cycles. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#wasm-chunk-store-error"));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_concerns_the_installation_is_not_framed() {
        let (store, subnet) = (Principal::anonymous(), Principal::management_canister());
        assert_eq!(printed(ChunkStoreError::InvalidModuleHash(b"abc".to_vec())), "IC0504: Invalid wasm hash [97, 98, 99]");
        assert_eq!(
            printed(ChunkStoreError::StoreNotFound { store, subnet, target: store }),
            "IC0301: InstallChunkedCode Error: Store canister 2vxsx-fae was not found on subnet aaaaa-aa of target canister 2vxsx-fae"
        );
    }
}
