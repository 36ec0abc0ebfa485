//! Random bytes of a guest: the operating system's, or those that follow from a seed.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// Where random bytes come from.
pub(super) enum Random {
    /// The operating system.
    Machine,
    /// ChaCha20 with a seed.
    Seeded(Box<ChaCha20Rng>),
}

impl Random {
    /// From a seed, or from the operating system.
    pub(super) fn new(seed: Option<u64>) -> Self {
        match seed {
            None => Random::Machine,
            Some(seed) => Random::Seeded(Box::new(ChaCha20Rng::seed_from_u64(seed))),
        }
    }

    /// Fills a buffer; false if the operating system has no random bytes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> bool {
        match self {
            Random::Machine => getrandom::fill(buffer).is_ok(),
            Random::Seeded(generator) => {
                generator.fill_bytes(buffer);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_in_every_build() {
        let mut bytes = [0; 8];
        assert!(Random::new(Some(7)).fill(&mut bytes));
        assert_eq!(hex::encode(bytes), "19454a27b752f905");
    }
}
