//! Arguments and answers of the chunk store's methods. `clear_chunk_store` and `stored_chunks` take a
//! [`super::lifecycle::CanisterIdRecord`]; installing from the store is in `install`.

use candid::{CandidType, Deserialize, Principal};

/// The SHA-256 of a chunk; answered by `upload_chunk`, listed by `stored_chunks`. May have any length in an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, CandidType, Deserialize)]
pub struct ChunkHash {
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
}

/// Argument of `upload_chunk`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UploadChunkArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::super::golden::round_trip;
    use super::*;

    #[test]
    fn an_uploaded_chunk_is_answered_in_the_recorded_bytes() {
        let reply: ChunkHash = round_trip(
            "4449444c026c01cedfa0a804016d7b0100203de469b6d40526df81acccce58c49ace9b097e53de826f966170ad1727cadadc",
        );
        assert_eq!(reply.hash.len(), 32);
    }

    #[test]
    fn lists_of_chunks_are_answered_in_the_recorded_bytes() {
        let none: Vec<ChunkHash> = round_trip("4449444c036d016c01cedfa0a804026d7b010000");
        assert!(none.is_empty());
        let one: Vec<ChunkHash> = round_trip(
            "4449444c036d016c01cedfa0a804026d7b01000120343677762813eaeb65704cc8d9e96f7a444ba0cca92ff861af7f68648b3e6ef1",
        );
        assert_eq!(one.len(), 1);
    }
}
