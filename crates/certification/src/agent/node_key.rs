//! Keys with which the nodes of a subnet sign answers of queries (Ed25519).

use ed25519_dalek::{Signer, SigningKey};
use ic_principal::Principal;
use sha2::{Digest as _, Sha256};

/// What stands before the 32 bytes of a key in DER (RFC 8410).
const DER_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The key of a node.
#[derive(Clone, Debug)]
pub struct NodeKey {
    secret: SigningKey,
    der: Vec<u8>,
    id: Principal,
}

impl NodeKey {
    /// The key of the node with this number in a subnet.
    pub fn of(subnet: &Principal, number: u64) -> Self {
        let seed = Sha256::new()
            .chain_update("drun node key")
            .chain_update(subnet.as_slice())
            .chain_update(number.to_be_bytes());
        let secret = SigningKey::from_bytes(&seed.finalize().into());
        let der = [&DER_PREFIX[..], secret.verifying_key().as_bytes()].concat();
        let id = Principal::self_authenticating(&der);
        NodeKey { secret, der, id }
    }

    /// The id of the node.
    pub fn id(&self) -> Principal {
        self.id
    }

    /// The public key in DER, 44 bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.der
    }

    /// The signature of a message, 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.secret.sign(message).to_bytes().to_vec()
    }
}
