//! The keys of subnets, derived from their seeds. Deriving one takes a millisecond, so each is kept for the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use candid::Principal;
use drun_certification::SubnetKey;
use drun_certification::data::DataCertifier;
use drun_ic::certify::Certify;
use drun_ic::net::{Authority, Identity};

/// Keys derived from seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys;

static KNOWN: Mutex<Option<HashMap<[u8; 32], SubnetKey>>> = Mutex::new(None);

/// The key of the subnet with this seed.
pub(crate) fn key(seed: &[u8; 32]) -> SubnetKey {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    known
        .entry(*seed)
        .or_insert_with(|| SubnetKey::from_seed(seed))
        .clone()
}

impl Authority for Keys {
    fn identity(&self, seed: &[u8; 32]) -> Identity {
        let key = key(seed);
        Identity {
            subnet_id: key.id(),
            public_key: key.public_key().to_vec(),
        }
    }

    fn certifier(
        &self,
        root: &[u8; 32],
        seed: &[u8; 32],
        id: Principal,
        ranges: Vec<(Principal, Principal)>,
        time: u64,
    ) -> Arc<dyn Certify> {
        Arc::new(Certifier {
            root: key(root),
            key: key(seed).with_id(id),
            ranges,
            time,
            made: OnceLock::new(),
        })
    }
}

/// Certifies the data of a subnet's canisters. The root's word for the subnet is got when it is first needed.
#[derive(Debug)]
struct Certifier {
    root: SubnetKey,
    key: SubnetKey,
    ranges: Vec<(Principal, Principal)>,
    time: u64,
    made: OnceLock<DataCertifier>,
}

impl Certify for Certifier {
    fn root_key(&self) -> &[u8] {
        self.root.public_key()
    }

    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8> {
        let certifier = self.made.get_or_init(|| {
            let is_root = self.root.public_key() == self.key.public_key();
            let delegation =
                (!is_root).then(|| self.root.delegate(&self.key, &self.ranges, self.time));
            DataCertifier::new(self.key.clone(), &self.ranges, delegation)
        });
        certifier.certify(canister, certified_data, time)
    }
}
