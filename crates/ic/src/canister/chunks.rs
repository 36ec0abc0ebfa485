//! The chunk store of a canister: pieces of modules by their hash (management-canister.md 1.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Bytes that a chunk may have, and that every chunk counts as memory.
pub const CHUNK_BYTES: u64 = 1 << 20;
/// Chunks that a store may hold.
pub const MAX_CHUNKS: usize = 100;

/// SHA-256 of a chunk.
pub type ChunkHash = [u8; 32];

/// Chunks by hash. A clone shares the chunks.
#[derive(Clone, Debug, Default)]
pub struct ChunkStore {
    chunks: BTreeMap<ChunkHash, Arc<[u8]>>,
}

impl ChunkStore {
    /// The chunk of this hash.
    pub fn get(&self, hash: &ChunkHash) -> Option<&Arc<[u8]>> {
        self.chunks.get(hash)
    }

    /// Adds a chunk and tells its hash.
    pub fn insert(&mut self, chunk: Vec<u8>) -> ChunkHash {
        let hash = hash_of(&chunk);
        self.chunks.entry(hash).or_insert_with(|| chunk.into());
        hash
    }

    /// Hashes in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = &ChunkHash> {
        self.chunks.keys()
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes of memory that the store counts.
    pub fn bytes(&self) -> u64 {
        CHUNK_BYTES * self.chunks.len() as u64
    }

    /// Drops all chunks.
    pub fn clear(&mut self) {
        self.chunks.clear();
    }
}

/// SHA-256.
pub fn hash_of(bytes: &[u8]) -> ChunkHash {
    Sha256::digest(bytes).into()
}
