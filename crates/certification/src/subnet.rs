//! Subnets as certificates speak of them: the key of one, its id, the ranges of its canisters, and their place in the state tree
//! (interface specification, "State tree": `subnet` and `canister_ranges`).

use ic_principal::Principal;

use crate::bls::{self, SecretKey};
use crate::certificate::{self, Certificate, Delegation};
use crate::{Tree, cbor, leb128};

/// Canisters from the first to the last id, both included.
pub type Range = (Principal, Principal);

/// The key with which a subnet certifies, and the subnet's id.
#[derive(Clone, Debug)]
pub struct SubnetKey {
    secret: SecretKey,
    der: Vec<u8>,
    id: Principal,
}

impl SubnetKey {
    /// The key that follows from a seed. The id is that of the key.
    pub fn from_seed(seed: &[u8]) -> Self {
        let secret = SecretKey::from_seed(&[b"drun subnet key", seed].concat());
        let der = bls::to_der(&secret.public_key());
        let id = Principal::self_authenticating(&der);
        SubnetKey { secret, der, id }
    }

    /// The same key for a subnet with another id, as subnets of the main network have. Agents accept it under a delegation only: the
    /// root subnet's id has to be that of its key.
    pub fn with_id(self, id: Principal) -> Self {
        SubnetKey { id, ..self }
    }

    /// The id of the subnet.
    pub fn id(&self) -> Principal {
        self.id
    }

    /// The public key in DER, 133 bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.der
    }

    /// The signature of a tree's root hash.
    pub fn certify(&self, tree: &Tree) -> Vec<u8> {
        certificate::sign(&tree.digest(), &self.secret)
    }

    /// The word of this subnet, as the root, for another one at a time (nanoseconds since the Unix epoch).
    pub fn delegate(&self, subnet: &SubnetKey, ranges: &[Range], time: u64) -> Delegation {
        let about = subnet_tree(subnet.public_key(), ranges, []);
        let id = subnet.id.as_slice();
        let tree = Tree::group([
            ("canister_ranges", Tree::group([(id, shards(ranges))])),
            ("subnet", Tree::group([(id, about)])),
            ("time", number(time)),
        ]);
        let certificate = Certificate {
            tree: tree.witness(&[vec![]]),
            signature: self.certify(&tree),
            delegation: None,
        };
        Delegation {
            subnet: subnet.id,
            certificate: certificate.encode(),
        }
    }
}

/// What stands under `subnet/<id>`: key, ranges in the older form, and what is given beside.
pub fn subnet_tree(
    public_key: &[u8],
    ranges: &[Range],
    more: impl IntoIterator<Item = (&'static str, Tree)>,
) -> Tree {
    let known = [
        ("public_key", Tree::leaf(public_key)),
        ("canister_ranges", Tree::leaf(encode_ranges(ranges))),
    ];
    Tree::group(known.into_iter().chain(more))
}

/// What stands under `canister_ranges/<id>`: all ranges in one shard, whose label is the first canister.
pub fn shards(ranges: &[Range]) -> Tree {
    let shard = ranges.iter().map(|(first, _)| first).min();
    Tree::group(shard.map(|first| (first.as_slice(), Tree::leaf(encode_ranges(ranges)))))
}

fn encode_ranges(ranges: &[Range]) -> Vec<u8> {
    let mut ranges = ranges.to_vec();
    ranges.sort_unstable();
    let principal = |id: &Principal| cbor::bytes(id.as_slice());
    let pair = |(first, last): &Range| vec![principal(first), principal(last)].into();
    cbor::encode(
        ranges
            .iter()
            .map(pair)
            .collect::<Vec<ciborium::Value>>()
            .into(),
    )
}

/// A number as the tree holds it; times are in nanoseconds.
pub fn number(number: u64) -> Tree {
    Tree::leaf(leb128::encode(number))
}
