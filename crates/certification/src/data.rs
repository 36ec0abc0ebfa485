//! The certificates that canisters read in queries (`ic0.data_certificate_copy`). Owns no state: who asks says what the canister's
//! certified data are and when. The tree holds that one canister beside the subnet's own entries; all but data and time is pruned.

use ic_principal::Principal;

use crate::Tree;
use crate::certificate::{Certificate, Delegation};
use crate::subnet::{self, Range, SubnetKey};

/// Certifies the data of canisters of one subnet.
#[derive(Clone, Debug)]
pub struct DataCertifier {
    key: SubnetKey,
    ranges: Tree,
    subnets: Tree,
    delegation: Option<Delegation>,
}

impl DataCertifier {
    /// For the canisters of a subnet; without a delegation it is the root subnet.
    pub fn new(key: SubnetKey, ranges: &[Range], delegation: Option<Delegation>) -> Self {
        let id = key.id();
        let about = subnet::subnet_tree(key.public_key(), ranges, []);
        DataCertifier {
            ranges: Tree::group([(id.as_slice(), subnet::shards(ranges))]),
            subnets: Tree::group([(id.as_slice(), about)]),
            key,
            delegation,
        }
    }

    /// The encoded certificate that the canister has this certified data at this time (nanoseconds since the Unix epoch).
    pub fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8> {
        // The others are what every canister with a module has there; they are pruned.
        let about = Tree::group([
            ("certified_data", Tree::leaf(certified_data)),
            ("controllers", Tree::empty()),
            ("metadata", Tree::empty()),
            ("module_hash", Tree::empty()),
        ]);
        let tree = Tree::group([
            ("canister", Tree::group([(canister.as_slice(), about)])),
            ("canister_ranges", self.ranges.clone()),
            ("request_status", Tree::empty()),
            ("subnet", self.subnets.clone()),
            ("time", subnet::number(time)),
        ]);
        let data = [
            "canister".into(),
            canister.as_slice().to_vec(),
            "certified_data".into(),
        ];
        Certificate {
            tree: tree.witness(&[data.into(), vec!["time".into()]]),
            signature: self.key.certify(&tree),
            delegation: self.delegation.clone(),
        }
        .encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Invalid;
    use crate::hash_tree::Lookup;

    fn id(number: u8) -> Principal {
        Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, number, 1, 1])
    }

    #[test]
    fn the_certificate_of_data_verifies_with_and_without_delegation() {
        let root = SubnetKey::from_seed(b"root");
        let ranges = [(id(1), id(9))];
        let own = DataCertifier::new(root.clone(), &ranges, None);
        let key = SubnetKey::from_seed(b"subnet");
        let delegation = root.delegate(&key, &ranges, 5);
        let other = DataCertifier::new(key, &ranges, Some(delegation));
        for certifier in [own, other] {
            let bytes = certifier.certify(&id(3), b"data", 300);
            let certificate = Certificate::decode(&bytes).expect("a certificate");
            assert_eq!(certificate.verify(root.public_key(), Some(&id(3))), Ok(()));
            let id = id(3);
            let path: [&[u8]; 3] = [b"canister", id.as_slice(), b"certified_data"];
            assert_eq!(certificate.tree.lookup(&path), Lookup::Found(b"data"));
            assert_eq!(
                certificate.tree.lookup(&[b"time"]),
                Lookup::Found(&[0xac, 2])
            );
            assert_eq!(certificate.tree.lookup(&[b"subnet"]), Lookup::Unknown);
            let path: [&[u8]; 3] = [b"canister", id.as_slice(), b"module_hash"];
            assert_eq!(certificate.tree.lookup(&path), Lookup::Unknown);
        }
    }

    #[test]
    fn a_forged_certificate_is_not_believed() {
        let root = SubnetKey::from_seed(b"root");
        let key = SubnetKey::from_seed(b"subnet");
        let ranges = [(id(1), id(9))];
        let certifier =
            DataCertifier::new(key.clone(), &ranges, Some(root.delegate(&key, &ranges, 5)));
        let bytes = certifier.certify(&id(3), b"data", 300);
        let valid = Certificate::decode(&bytes).expect("a certificate");
        assert_eq!(
            valid.verify(root.public_key(), Some(&id(10))),
            Err(Invalid::Range)
        );
        assert_eq!(
            valid.verify(key.public_key(), None),
            Err(Invalid::Signature)
        );
        assert_eq!(valid.verify(b"key", None), Err(Invalid::Key));
        let direct = Certificate {
            delegation: None,
            ..valid.clone()
        };
        assert_eq!(
            direct.verify(root.public_key(), None),
            Err(Invalid::Signature)
        );
        let other = Tree::group([("time", subnet::number(1))]).witness(&[vec![]]);
        let changed = Certificate {
            tree: other,
            ..valid
        };
        assert_eq!(
            changed.verify(root.public_key(), None),
            Err(Invalid::Signature)
        );
        assert_eq!(
            Certificate::decode(&bytes[1..]).err(),
            Some(Invalid::Malformed)
        );
    }
}
