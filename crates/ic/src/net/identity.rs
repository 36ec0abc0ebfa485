//! What a network asks whoever drives it for: the names and keys of its subnets, and who certifies what their canisters say. Knows no
//! cryptography.

use std::fmt;
use std::sync::Arc;

use candid::Principal;
use sha2::{Digest, Sha256};

use crate::certify::{Certify, OwnRoot};

/// A subnet's name and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its principal.
    pub subnet_id: Principal,
    /// The public key in DER.
    pub public_key: Vec<u8>,
}

/// Gives subnets their keys. Equal arguments have equal results.
pub trait Authority: fmt::Debug + Send + Sync {
    /// Name and key of the subnet with this seed.
    fn identity(&self, seed: &[u8; 32]) -> Identity;

    /// Who certifies for the subnet of a seed and an id, whose canisters have ids in these ranges, under the key of the root subnet
    /// with its seed; the time (nanoseconds since the Unix epoch) is that of the root's word for it.
    fn certifier(
        &self,
        root: &[u8; 32],
        seed: &[u8; 32],
        id: Principal,
        ranges: Vec<(Principal, Principal)>,
        time: u64,
    ) -> Arc<dyn Certify>;
}

/// Names without keys, for networks whose certificates nobody looks at.
#[derive(Clone, Copy, Debug)]
pub struct NoKeys;

impl Authority for NoKeys {
    fn identity(&self, seed: &[u8; 32]) -> Identity {
        let mut id = Sha256::digest(seed)[..28].to_vec();
        id.push(2);
        Identity {
            subnet_id: Principal::from_slice(&id),
            public_key: Vec::new(),
        }
    }

    fn certifier(
        &self,
        _: &[u8; 32],
        _: &[u8; 32],
        _: Principal,
        _: Vec<(Principal, Principal)>,
        _: u64,
    ) -> Arc<dyn Certify> {
        Arc::new(OwnRoot)
    }
}
