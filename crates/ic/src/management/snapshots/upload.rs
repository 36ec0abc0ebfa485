//! `upload_canister_snapshot_metadata` and `upload_canister_snapshot_data` (management-canister.md 1.33 and 1.34): a snapshot made
//! from outside, whose memories begin as zeros.

use std::sync::Arc;

use super::super::writer::encoded;
use super::{charge, make_room, next_id, position};
use crate::canister::chunks::{CHUNK_BYTES, hash_of};
use crate::canister::snapshots::Snapshot;
use crate::canister::tasks::LowMemoryHook;
use crate::canister::{Bookkeeping, Canister};
use crate::errors::{ManagementError, MetadataFault, SnapshotError};
use crate::management::State;
use crate::management::call::{Answer, Call};
use crate::management::chunks::check_room;
use crate::management::decode::Given;
use crate::management::growth::Growth;
use crate::management::target::with_canister;
use crate::management::types::snapshots::{
    Global, GlobalTimer, HookStatus, UploadDataKind, UploadSnapshotDataArgs,
    UploadSnapshotMetadataArgs, UploadSnapshotMetadataReply,
};
use crate::module::GlobalValue;
use crate::module::memory::{Image, MAX_STABLE_WASM_PAGES, WASM_PAGE_SIZE};

/// Bytes of the largest module.
const MAX_MODULE: u64 = 100 << 20;
/// Globals of a module.
const MAX_GLOBALS: usize = 1000;
/// Bytes of certified data.
const MAX_CERTIFIED_DATA: usize = 32;

/// `upload_canister_snapshot_metadata`.
pub fn upload_metadata(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<UploadSnapshotMetadataArgs>,
) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        check(&args, state.max_heap64()).map_err(SnapshotError::Metadata)?;
        let total_bytes = total_bytes(&args, state.bookkeeping);
        let room = make_room(state, canister, call, args.replace_snapshot, total_bytes, 0)?;
        let id = next_id(canister);
        let snapshot = Snapshot {
            id,
            taken_at: state.time,
            taken_in_round: state.round,
            uploaded: true,
            module: vec![0; args.wasm_module_size as usize].into(),
            heap: Image::zeroed(args.wasm_memory_size),
            stable: Image::zeroed(args.stable_memory_size),
            globals: args.globals.into_iter().map(GlobalValue::from).collect(),
            chunks: Default::default(),
            certified_data: args.certified_data,
            version: canister.version,
            global_timer: args.global_timer.map(|timer| match timer {
                GlobalTimer::Inactive => 0,
                GlobalTimer::Active(time) => time,
            }),
            hook: args
                .on_low_wasm_memory_hook_status
                .map(|status| match status {
                    HookStatus::ConditionNotSatisfied => LowMemoryHook::NotSatisfied,
                    HookStatus::Ready => LowMemoryHook::Ready,
                    HookStatus::Executed => LowMemoryHook::Executed,
                }),
            total_bytes,
        };
        room.fill(state, canister, snapshot);
        let reply = UploadSnapshotMetadataReply { snapshot_id: id };
        Ok(encoded(&reply))
    })
}

/// `upload_canister_snapshot_data`.
pub fn upload_data(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<UploadSnapshotDataArgs>,
) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        let index = position(state, canister, args.snapshot_id)?;
        if !canister.snapshots[index].uploaded {
            return Err(SnapshotError::Immutable.into());
        }
        charge(state, canister, call, args.chunk.len() as u64)?;
        match args.kind {
            UploadDataKind::WasmChunk => add_chunk(state, canister, index, args.chunk)?,
            kind => write(&mut canister.snapshots[index], kind, &args.chunk)?,
        }
        Ok(encoded(&()))
    })
}

fn check(args: &UploadSnapshotMetadataArgs, max_heap: u64) -> Result<(), MetadataFault> {
    use MetadataFault::*;
    let page = WASM_PAGE_SIZE as u64;
    let faults = [
        (args.wasm_module_size == 0, WasmModuleEmpty),
        (args.wasm_module_size > MAX_MODULE, WasmModuleTooLarge),
        (
            !args.wasm_memory_size.is_multiple_of(page),
            WasmMemoryNotPageAligned,
        ),
        (args.wasm_memory_size > max_heap, WasmMemoryTooLarge),
        (
            !args.stable_memory_size.is_multiple_of(page),
            StableMemoryNotPageAligned,
        ),
        (
            args.stable_memory_size > MAX_STABLE_WASM_PAGES * page,
            StableMemoryTooLarge,
        ),
        (args.globals.len() > MAX_GLOBALS, ExportedGlobalsTooLarge),
        (
            args.certified_data.len() > MAX_CERTIFIED_DATA,
            CertifiedDataTooLarge,
        ),
    ];
    match faults.into_iter().find(|(there, _)| *there) {
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}

fn total_bytes(args: &UploadSnapshotMetadataArgs, bookkeeping: Bookkeeping) -> u64 {
    args.wasm_memory_size
        + args.stable_memory_size
        + args.wasm_module_size
        + bookkeeping.global * args.globals.len() as u64
        + args.certified_data.len() as u64
}

impl From<Global> for GlobalValue {
    fn from(value: Global) -> Self {
        match value {
            Global::I32(value) => GlobalValue::I32(value),
            Global::I64(value) => GlobalValue::I64(value),
            Global::F32(value) => GlobalValue::F32(value.to_bits()),
            Global::F64(value) => GlobalValue::F64(value.to_bits()),
            Global::V128(value) => GlobalValue::V128(value),
        }
    }
}

/// Writes into the module or a memory.
fn write(snapshot: &mut Snapshot, kind: UploadDataKind, bytes: &[u8]) -> Result<(), SnapshotError> {
    let (offset, written) = match kind {
        UploadDataKind::WasmModule { offset } => {
            (offset, write_module(&mut snapshot.module, offset, bytes))
        }
        UploadDataKind::WasmMemory { offset } => (offset, snapshot.heap.write(offset, bytes)),
        UploadDataKind::StableMemory { offset } => (offset, snapshot.stable.write(offset, bytes)),
        UploadDataKind::WasmChunk => return Ok(()),
    };
    match written {
        true => Ok(()),
        false => Err(SnapshotError::InvalidSlice {
            offset,
            size: bytes.len() as u64,
        }),
    }
}

fn write_module(module: &mut Arc<[u8]>, offset: u64, bytes: &[u8]) -> bool {
    let fits = offset
        .checked_add(bytes.len() as u64)
        .is_some_and(|end| end <= module.len() as u64);
    if fits {
        let start = offset as usize;
        Arc::make_mut(module)[start..start + bytes.len()].copy_from_slice(bytes);
    }
    fits
}

/// Adds a chunk to the snapshot, which grows by that.
fn add_chunk(
    state: &mut State,
    canister: &mut Canister,
    index: usize,
    chunk: Vec<u8>,
) -> Result<(), ManagementError> {
    let chunks = &canister.snapshots[index].chunks;
    if chunks.get(&hash_of(&chunk)).is_some() {
        return Ok(());
    }
    check_room(chunks, &chunk)?;
    let growth = Growth::new(state, canister, 0, CHUNK_BYTES);
    growth.check(state, canister)?;
    growth.take(state, canister);
    let snapshot = &mut canister.snapshots[index];
    snapshot.chunks.insert(chunk);
    snapshot.total_bytes += CHUNK_BYTES;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;

    fn args(change: impl FnOnce(&mut UploadSnapshotMetadataArgs)) -> UploadSnapshotMetadataArgs {
        let mut args = UploadSnapshotMetadataArgs {
            canister_id: Principal::anonymous(),
            replace_snapshot: None,
            wasm_module_size: 8,
            globals: vec![],
            wasm_memory_size: 65536,
            stable_memory_size: 65536,
            certified_data: vec![1, 2],
            global_timer: None,
            on_low_wasm_memory_hook_status: None,
        };
        change(&mut args);
        args
    }

    #[test]
    fn every_fault_of_metadata_is_told() {
        use MetadataFault::*;
        const MAX_HEAP: u64 = 6 << 30;
        let fault = |change: fn(&mut UploadSnapshotMetadataArgs)| check(&args(change), MAX_HEAP);
        assert_eq!(fault(|_| ()), Ok(()));
        assert_eq!(fault(|a| a.wasm_module_size = 0), Err(WasmModuleEmpty));
        assert_eq!(fault(|a| a.wasm_module_size = 100 << 20), Ok(()));
        assert_eq!(
            fault(|a| a.wasm_module_size = (100 << 20) + 1),
            Err(WasmModuleTooLarge)
        );
        assert_eq!(
            fault(|a| a.wasm_memory_size = 5),
            Err(WasmMemoryNotPageAligned)
        );
        assert_eq!(fault(|a| a.wasm_memory_size = MAX_HEAP), Ok(()));
        assert_eq!(
            fault(|a| a.wasm_memory_size = MAX_HEAP + 65536),
            Err(WasmMemoryTooLarge)
        );
        assert_eq!(
            fault(|a| a.stable_memory_size = 5),
            Err(StableMemoryNotPageAligned)
        );
        assert_eq!(fault(|a| a.stable_memory_size = 500 << 30), Ok(()));
        assert_eq!(
            fault(|a| a.stable_memory_size = (500 << 30) + 65536),
            Err(StableMemoryTooLarge)
        );
        assert_eq!(fault(|a| a.globals = vec![Global::I32(0); 1000]), Ok(()));
        assert_eq!(
            fault(|a| a.globals = vec![Global::I32(0); 1001]),
            Err(ExportedGlobalsTooLarge)
        );
        assert_eq!(fault(|a| a.certified_data = vec![0; 32]), Ok(()));
        assert_eq!(
            fault(|a| a.certified_data = vec![0; 33]),
            Err(CertifiedDataTooLarge)
        );
    }

    /// A page of each memory, the module and the certified data; a global counts 32 bytes (management-canister.md 1.27).
    #[test]
    fn the_size_is_that_of_all_parts() {
        let bookkeeping = crate::protocol::Protocol::OCTOBER_2025.bookkeeping;
        assert_eq!(total_bytes(&args(|_| ()), bookkeeping), 131_072 + 8 + 2);
        let one_global = args(|args| args.globals = vec![Global::I64(0)]);
        assert_eq!(total_bytes(&one_global, bookkeeping), 131_072 + 8 + 2 + 32);
    }

    #[test]
    fn a_module_is_written_within_its_size() {
        let mut module: Arc<[u8]> = [0; 4].into();
        let other = module.clone();
        assert!(write_module(&mut module, 1, &[1, 2, 3]));
        assert_eq!(*module, [0, 1, 2, 3]);
        assert_eq!(*other, [0; 4]);
        assert!(!write_module(&mut module, 2, &[1, 2, 3]));
        assert!(!write_module(&mut module, u64::MAX, &[1]));
        assert_eq!(*module, [0, 1, 2, 3]);
    }
}
