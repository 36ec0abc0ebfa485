//! The methods of the chunk store, and putting modules together from it (management-canister.md 1.5 to 1.8).

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::State;
use super::call::{Answer, Call, empty_reply};
use super::decode::Given;
use super::growth::Growth;
use super::target::{existing, with_canister};
use super::types::chunks::{ChunkHash, UploadChunkArgs};
use super::types::lifecycle::CanisterIdRecord;
use super::writer::encoded;
use crate::canister::chunks::{CHUNK_BYTES, ChunkStore, MAX_CHUNKS, hash_of};
use crate::canister::debits::HEAP_DELTA_PER_ROUND;
use crate::errors::ChunkStoreError;

/// Bytes that are put together at the most: ten times the largest module.
const MAX_ASSEMBLED: u64 = 1 << 30;
/// Instructions that storing a chunk costs, whatever its size; at the rate of 32-bit modules (metering.md 8.5).
const UPLOAD_INSTRUCTIONS: u64 = 200_000_000;

/// `upload_chunk`: charged even if the chunk is there already or cannot be stored.
pub fn upload_chunk(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<UploadChunkArgs>,
) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers_and_self(canister)?;
        let price = state.fees.execution(UPLOAD_INSTRUCTIONS, false);
        state
            .charge(canister, price, Some(&call.sender()))
            .map_err(ChunkStoreError::OutOfCycles)?;
        let mut hash = hash_of(&args.chunk);
        if canister.chunks.get(&hash).is_none() {
            if let Some(debit) = canister.debits.excessive_heap_delta() {
                let limit = HEAP_DELTA_PER_ROUND;
                return Err(ChunkStoreError::HeapDelta { debit, limit }.into());
            }
            check_room(&canister.chunks, &args.chunk)?;
            let growth = Growth::new(state, canister, 0, CHUNK_BYTES);
            growth.check(state, canister)?;
            growth.take(state, canister);
            hash = canister.chunks.insert(args.chunk);
        }
        Ok(encoded(&ChunkHash {
            hash: hash.to_vec(),
        }))
    })
}

/// `clear_chunk_store`.
pub fn clear_chunk_store(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let id = args?.canister_id;
    with_canister(state, id, |_, canister| {
        call.only_controllers_and_self(canister)?;
        canister.chunks.clear();
        Ok(empty_reply())
    })
}

/// `stored_chunks`: hashes in ascending order.
pub fn stored_chunks(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterIdRecord>,
) -> Answer {
    let id = args?.canister_id;
    let canister = existing(state, &id)?;
    call.only_controllers_and_self(canister)?;
    Ok(encoded(&hashes_of(&canister.chunks)))
}

/// The hashes of a store as they are answered.
pub fn hashes_of(chunks: &ChunkStore) -> Vec<ChunkHash> {
    chunks
        .hashes()
        .map(|hash| ChunkHash {
            hash: hash.to_vec(),
        })
        .collect()
}

/// Checks that a chunk that is not in the store can be added.
///
/// # Errors
/// A chunk of more than 1 MiB, or a store of 100 chunks.
pub fn check_room(chunks: &ChunkStore, chunk: &[u8]) -> Result<(), ChunkStoreError> {
    let size = chunk.len() as u64;
    if size > CHUNK_BYTES {
        return Err(ChunkStoreError::ChunkTooLarge { size });
    }
    if chunks.len() >= MAX_CHUNKS {
        let chunks = MAX_CHUNKS as u64;
        return Err(ChunkStoreError::Full {
            bytes: chunks * CHUNK_BYTES,
            chunks,
        });
    }
    Ok(())
}

/// The module that the chunks of these hashes make, in their order and with repetitions. A list may make terabytes out of one chunk,
/// so that size and hash come first and nothing is put together that is wrong.
///
/// # Errors
/// The first hash that has not 32 bytes or is not in the store; more than 1 GiB; a module of another hash than the given one.
pub fn assemble(
    chunks: &ChunkStore,
    hashes: &[Vec<u8>],
    module_hash: &[u8],
) -> Result<Arc<[u8]>, ChunkStoreError> {
    let mut parts = Vec::with_capacity(hashes.len());
    for hash in hashes {
        let key = hash[..]
            .try_into()
            .map_err(|_| ChunkStoreError::HashLength)?;
        let chunk = chunks
            .get(&key)
            .ok_or_else(|| ChunkStoreError::ChunkNotFound(hash.clone()))?;
        parts.push(&chunk[..]);
    }
    let size = parts.iter().map(|chunk| chunk.len() as u64).sum();
    if size > MAX_ASSEMBLED {
        let max = MAX_ASSEMBLED;
        return Err(ChunkStoreError::ModuleTooLarge { size, max });
    }
    let mut assembled = Sha256::new();
    parts.iter().for_each(|chunk| assembled.update(chunk));
    let assembled = assembled.finalize();
    if assembled[..] != *module_hash {
        return Err(ChunkStoreError::ModuleHashMismatch {
            assembled: assembled.to_vec(),
            given: module_hash.to_vec(),
        });
    }
    Ok(parts.concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_in_the_order_of_the_list() {
        let mut store = ChunkStore::default();
        let (a, b) = (
            store.insert(vec![1]).to_vec(),
            store.insert(vec![2, 3]).to_vec(),
        );
        let module = assemble(&store, &[b.clone(), a, b], &hash_of(&[2, 3, 1, 2, 3]));
        assert_eq!(module.as_deref(), Ok(&[2, 3, 1, 2, 3][..]));
    }

    #[test]
    fn a_list_makes_a_gigabyte_at_the_most() {
        let mut store = ChunkStore::default();
        let chunk = store.insert(vec![0; CHUNK_BYTES as usize]).to_vec();
        let (size, max) = (MAX_ASSEMBLED + CHUNK_BYTES, MAX_ASSEMBLED);
        let list = vec![chunk; (size / CHUNK_BYTES) as usize];
        assert_eq!(
            assemble(&store, &list, &[0; 32]),
            Err(ChunkStoreError::ModuleTooLarge { size, max })
        );
    }

    #[test]
    fn every_fault_of_a_list_is_told() {
        let mut store = ChunkStore::default();
        let stored = store.insert(vec![1]).to_vec();
        let fault = |hashes: &[Vec<u8>]| assemble(&store, hashes, &[7]).expect_err("a fault");
        assert_eq!(fault(&[vec![1; 31]]), ChunkStoreError::HashLength);
        assert_eq!(
            fault(&[stored.clone(), vec![1; 32]]),
            ChunkStoreError::ChunkNotFound(vec![1; 32])
        );
        assert_eq!(
            fault(&[]),
            ChunkStoreError::ModuleHashMismatch {
                assembled: hash_of(&[]).to_vec(),
                given: vec![7]
            }
        );
        assert_eq!(
            fault(std::slice::from_ref(&stored)),
            ChunkStoreError::ModuleHashMismatch {
                assembled: stored,
                given: vec![7]
            }
        );
    }

    #[test]
    fn a_store_takes_a_hundred_chunks_of_a_mebibyte() {
        let mut store = ChunkStore::default();
        assert_eq!(check_room(&store, &vec![0; 1 << 20]), Ok(()));
        assert_eq!(
            check_room(&store, &vec![0; (1 << 20) + 1]),
            Err(ChunkStoreError::ChunkTooLarge { size: 1_048_577 })
        );
        for number in 0..99 {
            store.insert(vec![number]);
        }
        assert_eq!(check_room(&store, b"new"), Ok(()));
        store.insert(vec![99]);
        assert_eq!(
            check_room(&store, b"new"),
            Err(ChunkStoreError::Full {
                bytes: 104_857_600,
                chunks: 100
            })
        );
    }
}
