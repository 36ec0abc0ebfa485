//! Who certifies in a script: the subnet is a root subnet of its own, whose key is the same in every run. Canisters that verify what
//! another one certified find the root key where they find it on the network, in `ic0.root_key_copy`.

use std::sync::LazyLock;

use candid::Principal;
use drun_certification::SubnetKey;
use drun_certification::data::DataCertifier;
use drun_ic::Certify;

/// The key of the subnet of all scripts; made when a canister first looks at it.
static KEY: LazyLock<SubnetKey> = LazyLock::new(|| SubnetKey::from_seed(b"script"));

/// Every id is one of the subnet's: it is the only one.
static CERTIFIER: LazyLock<DataCertifier> = LazyLock::new(|| {
    let all = (
        Principal::from_slice(&[0; 10]),
        Principal::from_slice(&[0xff; 10]),
    );
    DataCertifier::new(KEY.clone(), &[all], None)
});

/// The subnet certifies under its own key.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnRoot;

impl Certify for OwnRoot {
    fn root_key(&self) -> &[u8] {
        KEY.public_key()
    }

    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8> {
        CERTIFIER.certify(canister, certified_data, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drun_certification::Certificate;

    #[test]
    fn what_a_script_certifies_verifies_under_its_root_key() {
        let canister = Principal::from_slice(&[1; 10]);
        let bytes = OwnRoot.certify(&canister, b"data", 1);
        let certificate = Certificate::decode(&bytes).expect("a certificate");
        assert_eq!(
            certificate.verify(OwnRoot.root_key(), Some(&canister)),
            Ok(())
        );
    }
}
