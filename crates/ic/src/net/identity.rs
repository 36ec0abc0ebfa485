//! The principal and the public key of a subnet, derived from its seed.

use candid::Principal;
use sha2::{Digest, Sha224, Sha512};

/// What stands before the 96 bytes of a BLS12-381 public key in DER.
const DER_PREFIX: &str =
    "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";

/// A subnet's name and key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The self-authenticating principal of the key.
    pub subnet_id: Principal,
    /// The public key in DER.
    pub public_key: Vec<u8>,
}

impl Identity {
    /// The identity that belongs to a seed.
    pub fn of(seed: &[u8; 32]) -> Self {
        let mut public_key = hex::decode(DER_PREFIX).expect("a hexadecimal constant");
        public_key.extend_from_slice(&Sha512::digest(seed));
        public_key.extend_from_slice(seed);
        let mut id = Sha224::digest(&public_key).to_vec();
        id.push(2);
        Identity {
            subnet_id: Principal::from_slice(&id),
            public_key,
        }
    }
}
