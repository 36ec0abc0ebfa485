//! All canisters of a node. Owns which of them a round has to look at: whoever was handed out to be changed is looked at until
//! a round begins and finds it idle, so that ten thousand idle canisters cost a round nothing.

use std::collections::BTreeMap;
use std::ops::Deref;

use candid::Principal;

use crate::canister::Canister;

/// Canisters by ascending id. Reading goes to the map itself.
#[derive(Debug, Default)]
pub struct Canisters {
    map: BTreeMap<Principal, Box<Canister>>,
    /// Canisters that may have something to do.
    busy: Ids,
    /// Idle ones whose queues have turned since the last checkpoint.
    turned: Ids,
    /// Bytes that each took when it was last looked at.
    taken: BTreeMap<Principal, u64>,
    /// All of them.
    taken_by_all: u64,
}

/// Some of them, by ascending id. Mostly a handful that changes with every message, so it keeps its place in memory.
#[derive(Debug, Default)]
struct Ids(Vec<Principal>);

impl Ids {
    fn insert(&mut self, id: &Principal) {
        if let Err(place) = self.0.binary_search(id) {
            self.0.insert(place, *id);
        }
    }

    fn remove(&mut self, id: &Principal) {
        if let Ok(place) = self.0.binary_search(id) {
            self.0.remove(place);
        }
    }
}

impl Deref for Canisters {
    type Target = BTreeMap<Principal, Box<Canister>>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl Canisters {
    /// A canister to be changed.
    pub fn get_mut(&mut self, id: &Principal) -> Option<&mut Box<Canister>> {
        let canister = self.map.get_mut(id)?;
        self.busy.insert(id);
        Some(canister)
    }

    /// Gives back a canister that was taken away.
    pub fn give_back(&mut self, canister: Box<Canister>) {
        self.map.insert(canister.id, canister);
    }

    /// Adds a canister.
    pub fn insert(&mut self, id: Principal, canister: Box<Canister>) {
        self.busy.insert(&id);
        self.map.insert(id, canister);
    }

    /// Takes a canister away.
    pub fn remove(&mut self, id: &Principal) -> Option<Box<Canister>> {
        self.busy.insert(id);
        self.map.remove(id)
    }

    /// All of them, for what leaves them as they are.
    pub fn at_rest(&mut self) -> impl Iterator<Item = &mut Canister> {
        self.map.values_mut().map(|canister| &mut **canister)
    }

    /// Takes all canisters away.
    pub fn take_all(&mut self) -> BTreeMap<Principal, Box<Canister>> {
        std::mem::take(self).map
    }

    /// Those that may have something to do, by ascending id.
    pub fn busy(&self) -> impl Iterator<Item = &Canister> {
        let known = self.busy.0.iter().filter_map(|id| self.map.get(id));
        known.map(|canister| &**canister)
    }

    /// Changes those that may have something to do, by ascending id.
    pub fn for_each_busy(&mut self, mut change: impl FnMut(&mut Canister)) {
        for id in &self.busy.0 {
            if let Some(canister) = self.map.get_mut(id) {
                change(canister);
            }
        }
    }

    /// Looks at those that may have something to do at the beginning of a round: what each takes of the subnet's memory by now, in
    /// bytes, and whether it has anything to do at all. Returns what all canisters take.
    pub fn look_around(&mut self, taken_by: impl Fn(&Canister) -> u64) -> u64 {
        let Canisters {
            map,
            busy,
            turned,
            taken,
            taken_by_all,
        } = self;
        busy.0.retain(|id| {
            let Some(canister) = map.get(id) else {
                *taken_by_all -= taken.remove(id).unwrap_or(0);
                turned.remove(id);
                return false;
            };
            let bytes = taken_by(canister);
            *taken_by_all += bytes;
            *taken_by_all -= taken.insert(*id, bytes).unwrap_or(0);
            let idle = canister.is_idle();
            if idle {
                turned.insert(id);
            }
            !idle
        });
        *taken_by_all
    }

    /// Begins the rotation of the queues afresh where nothing waits, as a checkpoint does (scheduling.md 1.13).
    pub fn reset_rotations(&mut self) {
        for id in self.busy.0.iter().chain(&self.turned.0) {
            if let Some(canister) = self.map.get_mut(id)
                && canister.inputs.is_empty()
                && canister.outputs.is_empty()
            {
                canister.inputs.reset_rotation();
            }
        }
        self.turned.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canister::queues::Ingress;
    use crate::canister::settings::{Controllers, Settings};

    fn id(number: u8) -> Principal {
        Principal::from_slice(&[number])
    }

    fn canisters(numbers: std::ops::Range<u8>) -> Canisters {
        let mut all = Canisters::default();
        for number in numbers {
            let settings = Settings::new(Controllers::from_iter([id(0)]));
            let canister = Canister::new(id(number), settings, 0, 0);
            all.insert(id(number), Box::new(canister));
        }
        all
    }

    fn busy(all: &Canisters) -> Vec<Principal> {
        all.busy().map(|canister| canister.id).collect()
    }

    #[test]
    fn only_who_was_changed_or_has_something_to_do_is_looked_at() {
        let mut all = canisters(1..10);
        assert_eq!(busy(&all).len(), 9);
        assert_eq!(all.look_around(|_| 100), 900);
        assert_eq!(busy(&all), []);
        let message = Ingress {
            id: 0,
            sender: id(0),
            info: None,
            method: String::new(),
            payload: Vec::new(),
            decoded: None,
        };
        all.get_mut(&id(7)).unwrap().inputs.push_ingress(message);
        all.get_mut(&id(3)).unwrap();
        assert_eq!(busy(&all), [id(3), id(7)]);
        assert_eq!(all.look_around(|_| 101), 902);
        assert_eq!(busy(&all), [id(7)]);
    }

    #[test]
    fn who_is_gone_takes_no_memory() {
        let mut all = canisters(1..4);
        all.look_around(|_| 100);
        let lent = all.remove(&id(1)).unwrap();
        all.remove(&id(2));
        all.insert(id(1), lent);
        assert_eq!(all.look_around(|_| 100), 200);
    }
}
