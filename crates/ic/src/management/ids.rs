//! Canister ids: which numbers a subnet hands out and which it hosts (management-canister.md 2.1).

use std::collections::BTreeSet;

use candid::Principal;

use crate::config::IdRanges;

/// Numbers that a subnet hands out.
pub const RANGE: u64 = 1 << 20;
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
    ranges: IdRanges,
    next: u64,
    /// Ids that a script asked for by name, of whatever form.
    adopted: BTreeSet<Principal>,
}

impl Ids {
    /// The ids of a subnet with these ranges.
    pub fn new(ranges: IdRanges) -> Self {
        Ids {
            next: ranges.first,
            ranges,
            adopted: BTreeSet::new(),
        }
    }

    /// The next id of the allocation range; nothing when it is exhausted.
    pub fn allocate(&mut self) -> Option<Principal> {
        if self.next - self.ranges.first >= RANGE {
            return None;
        }
        let id = canister_id(self.next);
        self.next += 1;
        Some(id)
    }

    /// How many ids were handed out.
    pub fn handed_out(&self) -> u64 {
        self.next - self.ranges.first
    }

    /// So many ids count as handed out.
    pub fn hand_out(&mut self, count: u64) {
        self.next = self.ranges.first + count.min(RANGE);
    }

    /// From now on this subnet hosts this id, too: its driver was told to use it.
    pub fn adopt(&mut self, id: Principal) {
        self.adopted.insert(id);
    }

    /// True for an id of the range that ids are allocated from.
    pub fn is_in_allocation_range(&self, id: &Principal) -> bool {
        canister_number(id)
            .is_some_and(|number| number >= self.ranges.first && number - self.ranges.first < RANGE)
    }

    /// True for an id that may not be chosen because it might be allocated.
    pub fn is_reserved(&self, id: &Principal) -> bool {
        !self.ranges.own_may_be_chosen
            && self.is_in_allocation_range(id)
            && !self.adopted.contains(id)
    }

    /// True for an id that this subnet hosts, whether or not the canister exists.
    pub fn is_hosted(&self, id: &Principal) -> bool {
        let in_range = canister_number(id).is_some_and(|number| {
            self.is_in_allocation_range(id)
                || self
                    .ranges
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
                self.ranges
                    .elsewhere
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

    #[test]
    fn an_exhausted_range_hands_out_nothing() {
        let mut ids = Ids::new(IdRanges::default());
        ids.next = RANGE - 1;
        assert_eq!(
            ids.allocate().unwrap().to_text(),
            "n5n4y-3aaaa-aaaaa-p777q-cai"
        );
        assert!(ids.allocate().is_none());
    }
}
