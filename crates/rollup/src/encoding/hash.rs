//! BLAKE2b with 32 bytes: the one hash of rollups.

use blake2b_simd::{Params, State};

/// 32 bytes of BLAKE2b.
pub type Hash = [u8; 32];

/// BLAKE2b-256 without a key.
pub fn blake2b(bytes: &[u8]) -> Hash {
    let digest = Params::new().hash_length(32).hash(bytes);
    let mut hash = Hash::default();
    hash.copy_from_slice(digest.as_bytes());
    hash
}

/// The same over bytes that come piece by piece.
pub struct Hasher(State);

impl Hasher {
    /// Before the first byte.
    #[allow(
        clippy::new_without_default,
        reason = "a hash of nothing is no default"
    )]
    pub fn new() -> Self {
        Self(Params::new().hash_length(32).to_state())
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes.
    pub fn finish(&self) -> Hash {
        let mut hash = Hash::default();
        hash.copy_from_slice(self.0.finalize().as_bytes());
        hash
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        assert_eq!(
            hex::encode(super::blake2b(b"")),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
        );
    }
}
