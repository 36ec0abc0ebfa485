//! `read_canister_snapshot_metadata` and `read_canister_snapshot_data` (management-canister.md 1.31 and 1.32).

use super::super::writer::encoded;
use super::{charge, position};
use crate::canister::snapshots::Snapshot;
use crate::canister::tasks::LowMemoryHook;
use crate::errors::{ChunkStoreError, ManagementError, SnapshotError};
use crate::management::State;
use crate::management::call::{Answer, Call};
use crate::management::chunks::hashes_of;
use crate::management::decode::Given;
use crate::management::method::Access;
use crate::management::target::{existing, with_canister};
use crate::management::types::snapshots::{
    Global, GlobalTimer, HookStatus, ReadDataKind, ReadSnapshotDataArgs, ReadSnapshotDataReply,
    SnapshotArgs, SnapshotMetadataReply, SnapshotSource,
};
use crate::module::GlobalValue;
use crate::module::memory::Image;

/// Bytes that can be read at once.
const MAX_SLICE: u64 = 2_000_000;
/// Instructions that reading costs, beside the bytes.
const READ_INSTRUCTIONS: u64 = 5_000_000;

/// `read_canister_snapshot_metadata`, free of charge.
pub fn read_metadata(state: &mut State, call: &mut Call<'_>, args: Given<SnapshotArgs>) -> Answer {
    let args = args?;
    let canister = existing(state, &args.canister_id)?;
    state.check_access(Access::Snapshots, canister, call.sender())?;
    let index = position(state, canister, args.snapshot_id)?;
    let reply = metadata(&canister.snapshots[index]);
    Ok(encoded(&reply))
}

/// `read_canister_snapshot_data`.
pub fn read_data(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<ReadSnapshotDataArgs>,
) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        state.check_access(Access::Snapshots, canister, call.sender())?;
        let index = position(state, canister, args.snapshot_id)?;
        let chunk = slice(&canister.snapshots[index], args.kind)?;
        charge(
            state,
            canister,
            call,
            READ_INSTRUCTIONS + chunk.len() as u64,
        )?;
        let reply = ReadSnapshotDataReply { chunk };
        Ok(encoded(&reply))
    })
}

fn metadata(snapshot: &Snapshot) -> SnapshotMetadataReply {
    SnapshotMetadataReply {
        source: SnapshotSource::of(snapshot.uploaded),
        taken_at_timestamp: snapshot.taken_at,
        wasm_module_size: snapshot.module.len() as u64,
        globals: snapshot.globals.iter().copied().map(Global::from).collect(),
        wasm_memory_size: snapshot.heap.size_bytes(),
        stable_memory_size: snapshot.stable.size_bytes(),
        wasm_chunk_store: hashes_of(&snapshot.chunks),
        canister_version: snapshot.version,
        certified_data: snapshot.certified_data.clone(),
        global_timer: snapshot.global_timer.map(|time| match time {
            0 => GlobalTimer::Inactive,
            time => GlobalTimer::Active(time),
        }),
        on_low_wasm_memory_hook_status: snapshot.hook.map(|hook| match hook {
            LowMemoryHook::NotSatisfied => HookStatus::ConditionNotSatisfied,
            LowMemoryHook::Ready => HookStatus::Ready,
            LowMemoryHook::Executed => HookStatus::Executed,
        }),
    }
}

impl From<GlobalValue> for Global {
    fn from(value: GlobalValue) -> Self {
        match value {
            GlobalValue::I32(value) => Global::I32(value),
            GlobalValue::I64(value) => Global::I64(value),
            GlobalValue::F32(bits) => Global::F32(f32::from_bits(bits)),
            GlobalValue::F64(bits) => Global::F64(f64::from_bits(bits)),
            GlobalValue::V128(value) => Global::V128(value),
        }
    }
}

/// The part of the snapshot that is asked for.
fn slice(snapshot: &Snapshot, kind: ReadDataKind) -> Result<Vec<u8>, ManagementError> {
    match kind {
        ReadDataKind::WasmModule { offset, size } => {
            let module = &snapshot.module;
            slice_of(offset, size, |target| {
                let start = usize::try_from(offset).ok();
                let source = start.and_then(|start| module.get(start..)?.get(..target.len()));
                source
                    .map(|source| target.copy_from_slice(source))
                    .is_some()
            })
        }
        ReadDataKind::WasmMemory { offset, size } => slice_of_image(&snapshot.heap, offset, size),
        ReadDataKind::StableMemory { offset, size } => {
            slice_of_image(&snapshot.stable, offset, size)
        }
        ReadDataKind::WasmChunk { hash } => {
            let Ok(key) = hash[..].try_into() else {
                return Err(ChunkStoreError::InvalidSnapshotHash(hash).into());
            };
            match snapshot.chunks.get(&key) {
                Some(chunk) => Ok(chunk.to_vec()),
                None => Err(ChunkStoreError::SnapshotChunkNotFound(hash).into()),
            }
        }
    }
}

fn slice_of_image(image: &Image, offset: u64, size: u64) -> Result<Vec<u8>, ManagementError> {
    slice_of(offset, size, |target| image.read(offset, target))
}

/// Has `size` bytes read by a function that says whether they exist.
fn slice_of(
    offset: u64,
    size: u64,
    read: impl FnOnce(&mut [u8]) -> bool,
) -> Result<Vec<u8>, ManagementError> {
    if size > MAX_SLICE {
        return Err(SnapshotError::SliceTooLarge { size }.into());
    }
    let mut bytes = vec![0; size as usize];
    match read(&mut bytes) {
        true => Ok(bytes),
        false => Err(SnapshotError::InvalidSlice { offset, size }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(offset: u64, size: u64) -> Result<Vec<u8>, ManagementError> {
        let mut image = Image::zeroed(3_000_000);
        assert!(image.write(2_999_999, &[7]));
        slice_of_image(&image, offset, size)
    }

    #[test]
    fn slices_end_with_the_memory() {
        assert_eq!(read(2_999_998, 2), Ok(vec![0, 7]));
        assert_eq!(read(3_000_000, 0), Ok(vec![]));
        assert_eq!(
            read(2_999_999, 2),
            Err(SnapshotError::InvalidSlice {
                offset: 2_999_999,
                size: 2
            }
            .into())
        );
    }

    #[test]
    fn slices_have_at_most_two_million_bytes() {
        assert_eq!(read(0, 2_000_000).map(|bytes| bytes.len()), Ok(2_000_000));
        assert_eq!(
            read(u64::MAX, 2_000_001),
            Err(SnapshotError::SliceTooLarge { size: 2_000_001 }.into())
        );
    }
}
