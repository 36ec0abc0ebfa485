//! Certificates and delegations: made, encoded, decoded and verified (interface specification, "Certificate" and "Delegation").
//! What the tree says beyond keys and canister ranges is not known here.

use ciborium::Value;
use ic_principal::Principal;

use crate::bls::{self, SecretKey};
use crate::cbor;
use crate::hash_tree::{HashTree, Lookup, with_domain};

/// A tree whose root hash is signed by a subnet.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What is certified.
    pub tree: HashTree,
    /// The subnet's signature of the root hash.
    pub signature: Vec<u8>,
    /// The root subnet's word for the subnet; absent if it is the root subnet that signs.
    pub delegation: Option<Delegation>,
}

/// The root subnet's word for the key and the canisters of a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The subnet.
    pub subnet: Principal,
    /// The encoded certificate.
    pub certificate: Vec<u8>,
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The bytes are no certificate.
    Malformed,
    /// A key is no key of BLS12-381 in DER.
    Key,
    /// A signature is not that of the key.
    Signature,
    /// The delegation's certificate has a delegation itself, or lacks the subnet's key.
    Delegation,
    /// The subnet does not host the canister.
    Range,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Invalid::Malformed => "the certificate is malformed",
            Invalid::Key => "a key of the certificate is malformed",
            Invalid::Signature => "a signature of the certificate does not verify",
            Invalid::Delegation => "the delegation of the certificate does not hold",
            Invalid::Range => "the canister is not in the ranges of the subnet that certifies",
        })
    }
}

/// The signature that makes a root hash certified.
pub fn sign(tree: &[u8; 32], key: &SecretKey) -> Vec<u8> {
    key.sign(&with_domain("ic-state-root", tree)).to_vec()
}

impl Certificate {
    /// The bytes of the certificate.
    pub fn encode(&self) -> Vec<u8> {
        let mut entries = vec![
            ("tree".into(), self.tree.to_value()),
            ("signature".into(), cbor::bytes(&self.signature)),
        ];
        if let Some(delegation) = &self.delegation {
            entries.push((
                "delegation".into(),
                cbor::map([
                    ("subnet_id", cbor::bytes(delegation.subnet.as_slice())),
                    ("certificate", cbor::bytes(&delegation.certificate)),
                ]),
            ));
        }
        cbor::encode(Value::Map(entries))
    }

    /// The certificate that the bytes are; not verified.
    ///
    /// # Errors
    /// [`Invalid::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Invalid> {
        Self::from_bytes(bytes).ok_or(Invalid::Malformed)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let value = cbor::decode(bytes).ok()?;
        let delegation = match cbor::get(&value, "delegation") {
            None => None,
            Some(delegation) => Some(Delegation {
                subnet: Principal::try_from_slice(cbor::get(delegation, "subnet_id")?.as_bytes()?)
                    .ok()?,
                certificate: cbor::get(delegation, "certificate")?.as_bytes()?.clone(),
            }),
        };
        Some(Certificate {
            tree: HashTree::from_value(cbor::get(&value, "tree")?)?,
            signature: cbor::get(&value, "signature")?.as_bytes()?.clone(),
            delegation,
        })
    }

    /// Verifies the signatures up to the root key (DER). With a canister, its subnet must be one that hosts it.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, root_key: &[u8], canister: Option<&Principal>) -> Result<(), Invalid> {
        let key = match &self.delegation {
            None => root_key.to_vec(),
            Some(delegation) => delegation.verify(root_key, canister)?,
        };
        let key = bls::from_der(&key).ok_or(Invalid::Key)?;
        let message = with_domain("ic-state-root", &self.tree.digest());
        bls::verify(&key, &message, &self.signature)
            .then_some(())
            .ok_or(Invalid::Signature)
    }
}

impl Delegation {
    /// The subnet's key, if the delegation holds.
    fn verify(&self, root_key: &[u8], canister: Option<&Principal>) -> Result<Vec<u8>, Invalid> {
        let certificate = Certificate::decode(&self.certificate)?;
        if certificate.delegation.is_some() {
            return Err(Invalid::Delegation);
        }
        certificate.verify(root_key, None)?;
        if canister.is_some_and(|canister| !hosts(&certificate.tree, &self.subnet, canister)) {
            return Err(Invalid::Range);
        }
        match certificate
            .tree
            .lookup(&[b"subnet", self.subnet.as_slice(), b"public_key"])
        {
            Lookup::Found(key) => Ok(key.to_vec()),
            _ => Err(Invalid::Delegation),
        }
    }
}

/// True if the tree says that the subnet hosts the canister, in the newer form of the ranges or the older one.
fn hosts(tree: &HashTree, subnet: &Principal, canister: &Principal) -> bool {
    let in_ranges = |encoded: &[u8]| {
        ranges(encoded).is_some_and(|ranges| {
            ranges
                .iter()
                .any(|(first, last)| (first..=last).contains(&canister))
        })
    };
    let shards = tree.children(&[b"canister_ranges", subnet.as_slice()]);
    let newer = shards
        .iter()
        .any(|(_, shard)| matches!(shard, HashTree::Leaf(ranges) if in_ranges(ranges)));
    newer
        || matches!(
            tree.lookup(&[b"subnet", subnet.as_slice(), b"canister_ranges"]),
            Lookup::Found(ranges) if in_ranges(ranges)
        )
}

fn ranges(encoded: &[u8]) -> Option<Vec<(Principal, Principal)>> {
    let principal = |value: &Value| Principal::try_from_slice(value.as_bytes()?).ok();
    let pair = |value: &Value| match &value.as_array()?[..] {
        [first, last] => Some((principal(first)?, principal(last)?)),
        _ => None,
    };
    cbor::decode(encoded)
        .ok()?
        .as_array()?
        .iter()
        .map(pair)
        .collect()
}
