//! Snapshots of a canister's state (management-canister.md 1.27 to 1.34). Owns the data, not the methods.

use std::sync::Arc;

pub use super::snapshot_id::SnapshotId;

use super::chunks::ChunkStore;
use super::tasks::LowMemoryHook;
use crate::module::GlobalValue;
use crate::module::memory::Image;

/// A snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// When it was taken, nanoseconds.
    pub taken_at: u64,
    /// In which round it was taken.
    pub taken_in_round: u64,
    /// It was made by uploading metadata, so that it may be written.
    pub uploaded: bool,
    /// The module as uploaded.
    pub module: Arc<[u8]>,
    /// The heap.
    pub heap: Image,
    /// The stable memory.
    pub stable: Image,
    /// Values of the globals, first the exported ones in order of export, then the other mutable ones.
    pub globals: Vec<GlobalValue>,
    /// The chunk store.
    pub chunks: ChunkStore,
    /// The certified data.
    pub certified_data: Vec<u8>,
    /// The canister's version.
    pub version: u64,
    /// The global timer, if known.
    pub global_timer: Option<u64>,
    /// The low-memory hook, if known.
    pub hook: Option<LowMemoryHook>,
    /// Bytes that it counts as memory.
    pub total_bytes: u64,
}
