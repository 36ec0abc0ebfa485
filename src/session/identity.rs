//! Principals of people who exist only in a script.
//!
//! Owns how they follow from the seed of the run and their name: the self-authenticating form (interface specification,
//! "Principals": SHA-224 of a DER-encoded public key, then the byte 2) of an Ed25519 key whose bytes are a hash of both.
//! Nobody has the private key, so nobody else is this principal.

use candid::Principal;
use sha2::{Digest, Sha256};

/// An Ed25519 public key in DER, without its 32 bytes (RFC 8410).
const DER_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The principal of a name.
pub(super) fn derived(seed: u64, name: &str) -> Principal {
    let mut hash = Sha256::new();
    hash.update(b"drun identity\0");
    hash.update(seed.to_be_bytes());
    hash.update(name.as_bytes());
    let mut key = DER_PREFIX.to_vec();
    key.extend_from_slice(&hash.finalize());
    Principal::self_authenticating(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_follow_from_seed_and_name() {
        let alice = derived(0, "alice");
        assert_eq!(alice, derived(0, "alice"));
        assert_ne!(alice, derived(1, "alice"));
        assert_ne!(alice, derived(0, "bob"));
        assert_eq!((alice.as_slice().len(), alice.as_slice()[28]), (29, 2));
    }
}
