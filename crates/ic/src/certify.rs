//! Who certifies what canisters say: the certificate that a query can read, and the root key that it verifies under. Whoever drives
//! the node plugs in a [`Certify`]; with [`OwnRoot`] the subnet is a root subnet of its own, whose key is the same in every run.
//! Nothing is certified before a canister looks at it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use candid::Principal;
use drun_certification::SubnetKey;
use drun_certification::data::DataCertifier;

/// Certifies for a subnet. Equal arguments have equal results.
pub trait Certify: fmt::Debug + Send + Sync {
    /// The root key, DER encoded.
    fn root_key(&self) -> &[u8];

    /// The encoded certificate that the canister has this certified data at this time (nanoseconds since the Unix epoch).
    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8>;
}

/// The key; made when a canister first looks at it.
static KEY: LazyLock<SubnetKey> = LazyLock::new(|| SubnetKey::from_seed(b"script"));

/// Every id is one of the subnet's: it is the only one.
static CERTIFIER: LazyLock<DataCertifier> = LazyLock::new(|| {
    let all = (
        Principal::from_slice(&[0; 10]),
        Principal::from_slice(&[0xff; 10]),
    );
    DataCertifier::new(KEY.clone(), &[all], None)
});

/// The subnet certifies under its own key. Canisters that verify what another one certified find it where they find the root
/// key on the network, in `ic0.root_key_copy`.
#[derive(Clone, Copy, Debug)]
pub struct OwnRoot;

impl Certify for OwnRoot {
    fn root_key(&self) -> &[u8] {
        KEY.public_key()
    }

    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8> {
        CERTIFIER.certify(canister, certified_data, time)
    }
}

/// A certificate that is made when it is first looked at.
#[derive(Clone)]
pub struct Certificate(Arc<LazyLock<Vec<u8>, Making>>);

type Making = Box<dyn FnOnce() -> Vec<u8> + Send>;

impl Certificate {
    /// The certificate that the canister has this certified data at this time.
    pub fn new(
        by: Arc<dyn Certify>,
        canister: Principal,
        certified_data: Vec<u8>,
        time: u64,
    ) -> Self {
        let making: Making = Box::new(move || by.certify(&canister, &certified_data, time));
        Certificate(Arc::new(LazyLock::new(making)))
    }

    /// The encoded certificate.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certified_verifies_under_the_root_key() {
        let canister = Principal::from_slice(&[1; 10]);
        let bytes = OwnRoot.certify(&canister, b"data", 1);
        let certificate = drun_certification::Certificate::decode(&bytes).expect("a certificate");
        assert_eq!(
            certificate.verify(OwnRoot.root_key(), Some(&canister)),
            Ok(())
        );
    }
}
