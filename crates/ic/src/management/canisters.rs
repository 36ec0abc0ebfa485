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
    /// Of those the ones that may have something to do in this iteration of a round: a canister that waits for answers is not
    /// looked at in each.
    stirred: Ids,
    /// Idle ones whose queues have turned since the last checkpoint.
    turned: Ids,
    /// What each held when it was last looked at.
    held: BTreeMap<Principal, Held>,
    /// All of them together.
    held_by_all: Held,
}

/// What a canister holds of the subnet's memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// What it uses.
    pub used: u64,
    /// The same, or what is allocated to it if that is more.
    pub taken: u64,
}

impl Held {
    /// Puts another number in the place of one.
    fn exchange(&mut self, before: Held, now: Held) {
        self.used = self.used - before.used + now.used;
        self.taken = self.taken - before.taken + now.taken;
    }
}

/// Some of them, by ascending id. Mostly a handful that changes with every message, so it keeps its place in memory.
#[derive(Clone, Debug, Default)]
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
        self.stirred.insert(id);
        Some(canister)
    }

    /// Gives back a canister that was taken away.
    pub fn give_back(&mut self, canister: Box<Canister>) {
        self.map.insert(canister.id, canister);
    }

    /// Adds a canister.
    pub fn insert(&mut self, id: Principal, canister: Box<Canister>) {
        self.busy.insert(&id);
        self.stirred.insert(&id);
        self.map.insert(id, canister);
    }

    /// Takes a canister away.
    pub fn remove(&mut self, id: &Principal) -> Option<Box<Canister>> {
        self.busy.insert(id);
        self.stirred.insert(id);
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

    /// The iterations of a round begin: whoever may have something to do is looked at.
    pub fn stir(&mut self) {
        self.stirred.0.clone_from(&self.busy.0);
    }

    /// An iteration begins: leaves those alone that have nothing to execute and nothing to send until they are changed, unless
    /// something of them was begun.
    pub fn settle(&mut self, is_begun: impl Fn(&Principal) -> bool) {
        let map = &self.map;
        self.stirred.0.retain(|id| {
            let canister = map.get(id);
            canister.is_some_and(|it| it.has_work() || !it.outputs.is_empty() || is_begun(id))
        });
    }

    /// Those that may have something to do in this iteration, by ascending id.
    pub fn stirred(&self) -> impl Iterator<Item = &Canister> {
        let known = self.stirred.0.iter().filter_map(|id| self.map.get(id));
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

    /// Looks at those that may have something to do at the beginning of a round: what each holds of the subnet's memory by now, and
    /// whether it has anything to do at all. Returns what all canisters hold.
    pub fn look_around(&mut self, held_by: impl Fn(&Canister) -> Held) -> Held {
        let Canisters {
            map,
            busy,
            turned,
            held,
            held_by_all,
            ..
        } = self;
        busy.0.retain(|id| {
            let Some(canister) = map.get(id) else {
                held_by_all.exchange(held.remove(id).unwrap_or_default(), Held::default());
                turned.remove(id);
                return false;
            };
            let now = held_by(canister);
            held_by_all.exchange(held.insert(*id, now).unwrap_or_default(), now);
            let idle = canister.is_idle();
            if idle {
                turned.insert(id);
            }
            !idle
        });
        *held_by_all
    }

    /// What all canisters hold now.
    pub fn held(&self, held_by: impl Fn(&Canister) -> Held) -> Held {
        let mut all = self.held_by_all;
        for id in &self.busy.0 {
            let before = self.held.get(id).copied().unwrap_or_default();
            let now = self.map.get(id).map(|canister| held_by(canister));
            all.exchange(before, now.unwrap_or_default());
        }
        all
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

    fn bytes(number: u64) -> Held {
        Held {
            used: number,
            taken: number,
        }
    }

    fn ingress() -> Ingress {
        Ingress {
            id: 0,
            sender: id(0),
            info: None,
            method: String::new(),
            payload: Vec::new(),
            decoded: None,
            expiry: None,
        }
    }

    fn busy(all: &Canisters) -> Vec<Principal> {
        all.busy().map(|canister| canister.id).collect()
    }

    #[test]
    fn only_who_was_changed_or_has_something_to_do_is_looked_at() {
        let mut all = canisters(1..10);
        assert_eq!(busy(&all).len(), 9);
        assert_eq!(all.look_around(|_| bytes(100)), bytes(900));
        assert_eq!(busy(&all), []);
        all.get_mut(&id(7)).unwrap().inputs.push_ingress(ingress());
        all.get_mut(&id(3)).unwrap();
        assert_eq!(busy(&all), [id(3), id(7)]);
        assert_eq!(all.look_around(|_| bytes(101)), bytes(902));
        assert_eq!(busy(&all), [id(7)]);
    }

    #[test]
    fn who_has_nothing_to_do_in_an_iteration_is_left_alone_until_it_is_changed() {
        let mut all = canisters(1..4);
        let stirred = |all: &Canisters| all.stirred().map(|it| it.id).collect::<Vec<_>>();
        all.stir();
        assert_eq!(stirred(&all), [id(1), id(2), id(3)]);
        all.get_mut(&id(2)).unwrap().inputs.push_ingress(ingress());
        all.settle(|_| false);
        assert_eq!(stirred(&all), [id(2)]);
        all.get_mut(&id(3)).unwrap();
        assert_eq!(stirred(&all), [id(2), id(3)]);
        all.get_mut(&id(2)).unwrap().inputs.pop();
        all.settle(|begun| *begun == id(3));
        assert_eq!(stirred(&all), [id(3)]);
        all.stir();
        assert_eq!(stirred(&all), [id(1), id(2), id(3)]);
    }

    #[test]
    fn who_is_gone_takes_no_memory() {
        let mut all = canisters(1..4);
        all.look_around(|_| bytes(100));
        let lent = all.remove(&id(1)).unwrap();
        all.remove(&id(2));
        all.insert(id(1), lent);
        assert_eq!(all.held(|_| bytes(101)), bytes(201));
        assert_eq!(all.look_around(|_| bytes(100)), bytes(200));
    }
}
