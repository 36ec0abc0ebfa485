//! Signatures of canisters: a certificate that the canister's certified data is the root of a tree that holds the signature
//! (interface specification, "Canister signatures").

use ic_principal::Principal;
use sha2::{Digest as _, Sha256};

use super::{PublicKey, content};
use crate::cbor;
use crate::hash_tree::{HashTree, Lookup};
use crate::{Certificate, bls};

/// The key of a canister that signs: which canister, and which of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The canister.
    pub canister: Principal,
    seed: Vec<u8>,
}

impl Key {
    /// Reads a key: one byte for the length of the id, the id, the seed.
    ///
    /// # Errors
    /// In words, if there is no id.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let wrong = || "the key names no canister".to_owned();
        let (length, rest) = bytes.split_first().ok_or_else(wrong)?;
        let (id, seed) = rest
            .split_at_checked(usize::from(*length))
            .ok_or_else(wrong)?;
        let canister = Principal::try_from_slice(id).map_err(|_| wrong())?;
        Ok(Key {
            canister,
            seed: seed.to_vec(),
        })
    }

    pub(super) fn verify(
        &self,
        message: &[u8],
        signature: &[u8],
        root_key: &[u8],
    ) -> Result<(), String> {
        let map = cbor::decode(signature)?;
        let certificate = Certificate::decode(content::bytes(&map, "certificate")?)
            .map_err(|error| error.to_string())?;
        certificate
            .verify(root_key, Some(&self.canister))
            .map_err(|error| error.to_string())?;
        let tree =
            HashTree::from_value(content::field(&map, "tree")?).ok_or("`tree` is no hash tree")?;
        let path = [b"canister", self.canister.as_slice(), b"certified_data"];
        if certificate.tree.lookup(&path) != Lookup::Found(&tree.digest()) {
            return Err("the canister does not certify the tree".into());
        }
        let path = [
            &b"sig"[..],
            &Sha256::digest(&self.seed),
            &Sha256::digest(message),
        ];
        match tree.lookup(&path) {
            Lookup::Found([]) => Ok(()),
            _ => Err("the tree does not hold the signature".into()),
        }
    }
}

/// How a verification ends badly: the keys are none, or the signature is not theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// A key does not parse; in words.
    Key(String),
    /// The signature does not hold; in words.
    Signature(String),
}

/// Verifies a canister's signature with keys in DER, as the server's `verify_signature` does.
///
/// # Errors
/// What does not parse or does not hold.
pub fn verify(
    message: &[u8],
    signature: &[u8],
    public_key: &[u8],
    root_key: &[u8],
) -> Result<(), Unverified> {
    let key = match PublicKey::from_der(public_key).map_err(Unverified::Key)? {
        PublicKey::Canister(key) => key,
        _ => return Err(Unverified::Key("the key is not that of a canister".into())),
    };
    if bls::from_der(root_key).is_none() {
        return Err(Unverified::Key(
            "the root key is no key of BLS12-381".into(),
        ));
    }
    key.verify(message, signature, root_key)
        .map_err(Unverified::Signature)
}
