//! BLAKE2b with 32 bytes: the one hash of rollups.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};

/// 32 bytes of BLAKE2b.
pub type Hash = [u8; 32];

/// BLAKE2b-256 without a key.
pub fn blake2b(bytes: &[u8]) -> Hash {
    Blake2b::<U32>::digest(bytes).into()
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
