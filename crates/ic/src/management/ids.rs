//! Canister ids: which numbers a subnet hands out and which it hosts (management-canister.md 2.1).

use std::collections::BTreeSet;

use candid::Principal;

use crate::compat::Compat;
use crate::config::SubnetType;

/// Numbers that a subnet hands out.
const RANGE: u64 = 1 << 20;
/// First number of the first subnet that a PocketIC server makes.
const FIRST_ALLOCATION: u64 = 0xffff_ffff_ffe0_0000;
/// First number of the second one.
const SECOND_ALLOCATION: u64 = 0xffff_ffff_ffd0_0000;
/// Number of the first canister of the runner on an application subnet.
const FIRST_APPLICATION_CANISTER: u64 = 0x1e0_1d15;

/// The canister id of a number.
pub fn canister_id(number: u64) -> Principal {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&[1, 1]);
    Principal::from_slice(&bytes)
}

/// The number of a canister id.
pub fn canister_number(id: &Principal) -> Option<u64> {
    match id.as_slice() {
        [number @ .., 1, 1] => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => None,
    }
}

/// The allocation of ids.
#[derive(Clone, Debug)]
pub struct Ids {
    first: u64,
    next: u64,
    /// Ranges hosted beside the allocation range: first and last number.
    hosted: Vec<(u64, u64)>,
    /// Number of the next canister that a `create` line asks for by number, where it does.
    next_specified: Option<u64>,
    /// A number of the allocation range may be asked for.
    specify_own: bool,
    /// Ranges of other subnets of the environment.
    foreign: Vec<(u64, u64)>,
    /// Ids that a script asked for by name, of whatever form.
    adopted: BTreeSet<Principal>,
}

impl Ids {
    /// The ids of either program.
    pub fn new(compat: Compat, subnet_type: SubnetType) -> Self {
        match (compat, subnet_type) {
            (Compat::Drun, _) => Ids {
                first: 0,
                next: 0,
                hosted: Vec::new(),
                next_specified: None,
                specify_own: true,
                foreign: Vec::new(),
                adopted: BTreeSet::new(),
            },
            (Compat::PocketIc, SubnetType::System) => Ids {
                first: FIRST_ALLOCATION,
                next: FIRST_ALLOCATION,
                hosted: vec![(0, 6), (8, RANGE - 1)],
                next_specified: Some(0),
                specify_own: false,
                foreign: vec![(SECOND_ALLOCATION, SECOND_ALLOCATION + RANGE - 1)],
                adopted: BTreeSet::new(),
            },
            (Compat::PocketIc, SubnetType::Application) => Ids {
                first: SECOND_ALLOCATION,
                next: SECOND_ALLOCATION,
                hosted: vec![(0x1e0_0000, 0x1ef_ffff)],
                next_specified: Some(FIRST_APPLICATION_CANISTER),
                specify_own: false,
                foreign: vec![(FIRST_ALLOCATION, FIRST_ALLOCATION + RANGE - 1)],
                adopted: BTreeSet::new(),
            },
        }
    }

    /// The next id of the allocation range; nothing when it is exhausted.
    pub fn allocate(&mut self) -> Option<Principal> {
        if self.next - self.first >= RANGE {
            return None;
        }
        let id = canister_id(self.next);
        self.next += 1;
        Some(id)
    }

    /// The id that the next `create` line asks for, where the runner asks for one.
    pub fn next_specified(&mut self) -> Option<Principal> {
        let number = self.next_specified?;
        self.next_specified = Some(number + 1);
        Some(canister_id(number))
    }

    /// From now on this subnet hosts this id, too: a script names it in an `install` line.
    pub fn adopt(&mut self, id: Principal) {
        self.adopted.insert(id);
    }

    /// True for an id of the range that ids are allocated from.
    pub fn is_in_allocation_range(&self, id: &Principal) -> bool {
        canister_number(id)
            .is_some_and(|number| number >= self.first && number - self.first < RANGE)
    }

    /// True for an id that may not be chosen because it might be allocated.
    pub fn is_reserved(&self, id: &Principal) -> bool {
        !self.specify_own && self.is_in_allocation_range(id) && !self.adopted.contains(id)
    }

    /// True for an id that this subnet hosts, whether or not the canister exists.
    pub fn is_hosted(&self, id: &Principal) -> bool {
        let in_range = canister_number(id).is_some_and(|number| {
            self.is_in_allocation_range(id)
                || self
                    .hosted
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&number))
        });
        in_range || self.adopted.contains(id)
    }

    /// True for an id of any subnet of the environment.
    pub fn is_routable(&self, id: &Principal) -> bool {
        self.is_hosted(id)
            || canister_number(id).is_some_and(|number| {
                self.foreign
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&number))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_correspond() {
        let id = canister_id(1);
        assert_eq!(id.to_text(), "rrkah-fqaaa-aaaaa-aaaaq-cai");
        assert_eq!(canister_number(&id), Some(1));
        assert_eq!(canister_number(&Principal::anonymous()), None);
    }

    /// management-canister.md 2.1, the table of drivers.
    #[test]
    fn each_program_hands_out_its_own_sequence() {
        let first =
            |compat, subnet_type| Ids::new(compat, subnet_type).allocate().unwrap().to_text();
        use SubnetType::*;
        assert_eq!(
            first(Compat::Drun, Application),
            "rwlgt-iiaaa-aaaaa-aaaaa-cai"
        );
        assert_eq!(
            first(Compat::PocketIc, System),
            "lxzze-o7777-77777-aaaaa-cai"
        );
        assert_eq!(
            first(Compat::PocketIc, Application),
            "7tjcv-pp777-77776-qaaaa-cai"
        );
        let mut ids = Ids::new(Compat::PocketIc, Application);
        assert_eq!(
            ids.next_specified().unwrap().to_text(),
            "22ajg-aqaaa-aaaap-adukq-cai"
        );
    }

    #[test]
    fn an_exhausted_range_hands_out_nothing() {
        let mut ids = Ids::new(Compat::Drun, SubnetType::System);
        ids.next = RANGE - 1;
        assert_eq!(
            ids.allocate().unwrap().to_text(),
            "n5n4y-3aaaa-aaaaa-p777q-cai"
        );
        assert!(ids.allocate().is_none());
    }
}
