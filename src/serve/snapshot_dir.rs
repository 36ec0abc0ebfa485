//! Snapshots of canisters in directories, in the form of the command lines for canisters: a file for what the snapshot is made of, and one
//! for each of its parts. Everything goes through the methods of the management canister, with their checks and fees.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use candid::{CandidType, Decode, Deserialize, Encode, Principal};
use drun_ic::canister::snapshot_id::SnapshotId;
use drun_ic::management::types::snapshots::{
    ReadDataKind, ReadSnapshotDataArgs, ReadSnapshotDataReply, SnapshotArgs, SnapshotMetadataReply,
    UploadDataKind, UploadSnapshotDataArgs, UploadSnapshotMetadataArgs,
    UploadSnapshotMetadataReply,
};
use drun_ic::net::Net;

use super::answer::Refusal;
use super::manage::manage;
use super::wire::{Bytes, Download, Metadata, Upload};

const METADATA: &str = "metadata.json";
const CHUNKS: &str = "wasm_chunk_store";
/// Bytes that are read or written with one call.
const SLICE: u64 = 2_000_000;

/// The parts that are one file each.
const PARTS: [(&str, Part); 3] = [
    ("wasm_module.bin", Part::Module),
    ("wasm_memory.bin", Part::Memory),
    ("stable_memory.bin", Part::Stable),
];

#[derive(Clone, Copy)]
enum Part {
    Module,
    Memory,
    Stable,
}

impl Part {
    fn size(self, metadata: &Metadata) -> u64 {
        match self {
            Part::Module => metadata.wasm_module_size,
            Part::Memory => metadata.wasm_memory_size,
            Part::Stable => metadata.stable_memory_size,
        }
    }

    fn read(self, offset: u64, size: u64) -> ReadDataKind {
        match self {
            Part::Module => ReadDataKind::WasmModule { offset, size },
            Part::Memory => ReadDataKind::WasmMemory { offset, size },
            Part::Stable => ReadDataKind::StableMemory { offset, size },
        }
    }

    fn written(self, offset: u64) -> UploadDataKind {
        match self {
            Part::Module => UploadDataKind::WasmModule { offset },
            Part::Memory => UploadDataKind::WasmMemory { offset },
            Part::Stable => UploadDataKind::StableMemory { offset },
        }
    }
}

fn snapshot(id: &Bytes) -> Result<SnapshotId, Refusal> {
    SnapshotId::from_bytes(&id.0).ok_or_else(|| Refusal::conversion("Bad snapshot id"))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::bad(format!("{}: {error}", path.display()))
}

fn chunk_file(directory: &Path, hash: &[u8]) -> PathBuf {
    directory
        .join(CHUNKS)
        .join(format!("{}.bin", hex::encode(hash)))
}

/// Somebody who works on a canister.
struct Session<'a> {
    net: &'a mut Net,
    sender: Principal,
    canister: Principal,
}

impl Session<'_> {
    fn call<R: CandidType + for<'a> Deserialize<'a>>(
        &mut self,
        method: &str,
        argument: &impl CandidType,
    ) -> Result<R, Refusal> {
        let argument = Encode!(argument).map_err(|error| Refusal::bad(error.to_string()))?;
        let reply = manage(self.net, self.sender, self.canister, method, argument);
        let reply = reply.map_err(Refusal::bad)?;
        Decode!(&reply, R).map_err(|error| Refusal::new(500, error.to_string()))
    }

    fn read(&mut self, snapshot_id: SnapshotId, kind: ReadDataKind) -> Result<Vec<u8>, Refusal> {
        let argument = ReadSnapshotDataArgs {
            canister_id: self.canister,
            snapshot_id,
            kind,
        };
        let reply: ReadSnapshotDataReply = self.call("read_canister_snapshot_data", &argument)?;
        Ok(reply.chunk)
    }

    fn write(
        &mut self,
        snapshot_id: SnapshotId,
        kind: UploadDataKind,
        chunk: Vec<u8>,
    ) -> Result<(), Refusal> {
        let argument = UploadSnapshotDataArgs {
            canister_id: self.canister,
            snapshot_id,
            kind,
            chunk,
        };
        self.call::<Option<()>>("upload_canister_snapshot_data", &argument)?;
        Ok(())
    }
}

/// Writes a snapshot to a directory, which is made if it is not there.
///
/// # Errors
/// What the management canister refuses, and what the file system does.
pub(crate) fn download(net: &mut Net, wish: &Download) -> Result<(), Refusal> {
    let mut session = Session {
        net,
        sender: wish.sender.principal_id.principal("sender principal")?,
        canister: wish.canister_id.principal()?,
    };
    let snapshot_id = snapshot(&wish.snapshot_id)?;
    let about = SnapshotArgs {
        canister_id: session.canister,
        snapshot_id,
    };
    let reply: SnapshotMetadataReply = session.call("read_canister_snapshot_metadata", &about)?;
    let metadata = Metadata::from(reply);
    let directory = named(&wish.snapshot_dir)?;
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).map_err(|error| wrong(path, &error))
    };
    std::fs::create_dir_all(directory).map_err(|error| wrong(directory, &error))?;
    for (name, part) in PARTS {
        let path = directory.join(name);
        let mut file = File::create(&path).map_err(|error| wrong(&path, &error))?;
        let size = part.size(&metadata);
        let mut offset = 0;
        while offset < size {
            let slice = SLICE.min(size - offset);
            let bytes = session.read(snapshot_id, part.read(offset, slice))?;
            let written = file.write_all(&bytes);
            written.map_err(|error| wrong(&path, &error))?;
            offset += slice;
        }
    }
    if !metadata.wasm_chunk_store.is_empty() {
        let chunks = directory.join(CHUNKS);
        std::fs::create_dir_all(&chunks).map_err(|error| wrong(&chunks, &error))?;
    }
    for chunk in &metadata.wasm_chunk_store {
        let hash = chunk.hash.clone();
        let bytes = session.read(snapshot_id, ReadDataKind::WasmChunk { hash })?;
        write(&chunk_file(directory, &chunk.hash), &bytes)?;
    }
    let text = serde_json::to_vec_pretty(&metadata).expect("the types of the wire serialize");
    write(&directory.join(METADATA), &text)
}

/// Reads a snapshot from a directory into a canister. Returns its id.
///
/// # Errors
/// What the management canister refuses, and what the file system does.
pub(crate) fn upload(net: &mut Net, wish: &Upload) -> Result<Vec<u8>, Refusal> {
    let mut session = Session {
        net,
        sender: wish.sender.principal_id.principal("sender principal")?,
        canister: wish.canister_id.principal()?,
    };
    let replaced = wish.replace_snapshot.as_ref();
    let replaced = replaced.map(|replaced| snapshot(&replaced.snapshot_id));
    let directory = named(&wish.snapshot_dir)?;
    let path = directory.join(METADATA);
    let text = std::fs::read(&path).map_err(|error| wrong(&path, &error))?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| wrong(&path, &error))?;
    check_lengths(directory, &metadata)?;
    let argument = UploadSnapshotMetadataArgs {
        canister_id: session.canister,
        replace_snapshot: replaced.transpose()?,
        wasm_module_size: metadata.wasm_module_size,
        globals: metadata.globals(),
        wasm_memory_size: metadata.wasm_memory_size,
        stable_memory_size: metadata.stable_memory_size,
        certified_data: metadata.certified_data.clone(),
        global_timer: metadata.global_timer(),
        on_low_wasm_memory_hook_status: metadata.hook(),
    };
    let reply: UploadSnapshotMetadataReply =
        session.call("upload_canister_snapshot_metadata", &argument)?;
    let snapshot_id = reply.snapshot_id;
    if let Err(refusal) = upload_parts(&mut session, snapshot_id, directory, &metadata) {
        // What is there of it is of no use to anybody; that it cannot be deleted is no better reason than the first one.
        let about = SnapshotArgs {
            canister_id: session.canister,
            snapshot_id,
        };
        let _ = session.call::<Option<()>>("delete_canister_snapshot", &about);
        return Err(refusal);
    }
    Ok(snapshot_id.to_bytes())
}

/// The directory of a snapshot.
fn named(directory: &Path) -> Result<&Path, Refusal> {
    match directory.as_os_str().is_empty() {
        true => Err(Refusal::bad("The path of the snapshot directory is empty.")),
        false => Ok(directory),
    }
}

/// The files of the parts have the lengths that the metadata tell.
fn check_lengths(directory: &Path, metadata: &Metadata) -> Result<(), Refusal> {
    for (name, part) in PARTS {
        let path = directory.join(name);
        let file = std::fs::metadata(&path).map_err(|error| wrong(&path, &error))?;
        let (length, size) = (file.len(), part.size(metadata));
        if length != size {
            let text = format!("it has {length} bytes, and {METADATA} says {size}");
            return Err(wrong(&path, &text));
        }
    }
    Ok(())
}

fn upload_parts(
    session: &mut Session<'_>,
    snapshot_id: SnapshotId,
    directory: &Path,
    metadata: &Metadata,
) -> Result<(), Refusal> {
    for (name, part) in PARTS {
        let path = directory.join(name);
        let mut file = File::open(&path).map_err(|error| wrong(&path, &error))?;
        let mut offset = 0;
        loop {
            let mut bytes = Vec::new();
            let read = Read::by_ref(&mut file).take(SLICE).read_to_end(&mut bytes);
            let read = read.map_err(|error| wrong(&path, &error))? as u64;
            if read == 0 {
                break;
            }
            session.write(snapshot_id, part.written(offset), bytes)?;
            offset += read;
        }
    }
    for chunk in &metadata.wasm_chunk_store {
        let path = chunk_file(directory, &chunk.hash);
        let bytes = std::fs::read(&path).map_err(|error| wrong(&path, &error))?;
        session.write(snapshot_id, UploadDataKind::WasmChunk, bytes)?;
    }
    Ok(())
}
