//! The randomness of a round, which `raw_rand` hands out (management-canister.md, section 7.3). Owns the generator and how the
//! number of a round becomes its seed; which rounds there are is the subnet's to say.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Separates the randomness of management calls from other uses of the same seed.
const PURPOSE: [u8; 5] = [4, 0, 0, 0, 4];

/// The stream of one round, shared by all who ask in it.
pub struct RoundRandomness {
    batch: u64,
    seed: u64,
    /// Made when it is first asked for; hardly any round needs it.
    stream: Option<ChaCha20Rng>,
}

impl RoundRandomness {
    /// The stream of round (batch) number `batch`. A `seed` of 0 gives exactly what PocketIC gives; any other makes the whole run different.
    pub fn new(batch: u64, seed: u64) -> Self {
        RoundRandomness {
            batch,
            seed,
            stream: None,
        }
    }

    fn stream(&mut self) -> &mut ChaCha20Rng {
        self.stream.get_or_insert_with(|| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&self.batch.to_le_bytes());
            bytes[8..16].copy_from_slice(&self.seed.to_le_bytes());
            let key = Sha256::new().chain_update(bytes).chain_update(PURPOSE);
            ChaCha20Rng::from_seed(key.finalize().into())
        })
    }

    /// The next 32 bytes: the answer to one `raw_rand`.
    pub fn next_bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.stream().fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(stream: &mut RoundRandomness) -> String {
        hex::encode(stream.next_bytes())
    }

    /// RFC 8439, appendix A.1, test vectors 1 and 2: the first two blocks under the key of zeros.
    #[test]
    fn the_stream_is_that_of_the_standard() {
        let mut stream = RoundRandomness {
            batch: 0,
            seed: 0,
            stream: Some(ChaCha20Rng::from_seed([0; 32])),
        };
        let blocks: Vec<String> = (0..4).map(|_| hex_of(&mut stream)).collect();
        assert_eq!(
            blocks,
            [
                "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7",
                "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
                "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed",
                "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
            ]
        );
    }

    #[test]
    fn a_round_continues_one_stream() {
        let (mut one, mut same) = (RoundRandomness::new(7, 0), RoundRandomness::new(7, 0));
        let first = one.next_bytes();
        assert_eq!(first, same.next_bytes());
        let second = one.next_bytes();
        assert_eq!(second, same.next_bytes());
        assert_ne!(first, second);
    }

    #[test]
    fn rounds_and_seeds_differ() {
        let first = |batch, seed| RoundRandomness::new(batch, seed).next_bytes();
        assert_ne!(first(7, 0), first(8, 0));
        assert_ne!(first(7, 0), first(7, 1));
        // The seed does not merely shift the rounds.
        assert_ne!(first(7, 1), first(8, 0));
    }
}
