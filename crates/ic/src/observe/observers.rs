//! Those who watch one node, in the order in which they were attached.

use std::any::Any;
use std::fmt;

use candid::Principal;
use drun_engine::record::Stack;

use super::observer::{Begun, Cause, Flood, Observer, Preparation, Run};
use crate::answer::{DebugPrint, Usage};
use crate::canister::{CallbackId, Canister};
use crate::execution::Execution;
use crate::ic0::prints::Overflow;

/// All observers of a node. Nothing is worked out for them while there are none.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observers({})", self.0.len())
    }
}

impl Observers {
    /// One more.
    pub fn attach(&mut self, observer: impl Observer) {
        self.0.push(Box::new(observer));
    }

    /// The first of this kind.
    pub fn get<T: Observer>(&self) -> Option<&T> {
        let mut all = self.0.iter().map(|observer| &**observer as &dyn Any);
        all.find_map(|observer| observer.downcast_ref())
    }

    /// The first of this kind.
    pub fn get_mut<T: Observer>(&mut self) -> Option<&mut T> {
        let mut all = self
            .0
            .iter_mut()
            .map(|observer| &mut **observer as &mut dyn Any);
        all.find_map(|observer| observer.downcast_mut())
    }

    /// Where floods of lines go: to all who hear them, unless somebody wants them to wait.
    pub fn overflow(&self) -> Overflow {
        let mut listeners = Vec::new();
        for observer in &self.0 {
            match observer.flood() {
                Flood::Lost => {}
                Flood::Heard(listener) => listeners.push(listener),
                Flood::Waits => return Overflow::Waits,
            }
        }
        Overflow::Goes(listeners.into())
    }

    /// See [`Observer::message_begins`].
    pub fn message_begins(&mut self, words: &dyn Fn() -> String, begun: Begun) {
        self.each(|observer| observer.message_begins(words, begun));
    }

    /// See [`Observer::message_ends`].
    pub fn message_ends(&mut self, usage: &Usage) {
        self.each(|observer| observer.message_ends(usage));
    }

    /// See [`Observer::round_begins`].
    pub fn round_begins(&mut self, round: u64, time: u64) {
        self.each(|observer| observer.round_begins(round, time));
    }

    /// See [`Observer::executed`].
    pub fn executed(
        &mut self,
        canister: &Canister,
        cause: Cause<'_>,
        execution: &Execution,
        cycles: impl Fn() -> u128,
    ) {
        let run = Run {
            canister,
            execution,
            cause,
        };
        self.each(|observer| observer.executed(&run, &cycles));
    }

    /// See [`Observer::concluded`]. The execution's calls get the places that the first observer with any gives them; the
    /// place of the entry point is told.
    pub fn concluded(
        &mut self,
        canister: &Canister,
        cause: Cause<'_>,
        execution: &mut Execution,
    ) -> Stack {
        let mut entry = Stack::EMPTY;
        let mut placed = false;
        for observer in &mut self.0 {
            let places = observer.concluded(&Run {
                canister,
                execution,
                cause,
            });
            if !placed && !places.is_empty() {
                placed = true;
                entry = places.entry();
                for call in &mut execution.calls {
                    call.place = places.of(call.place);
                }
            }
        }
        entry
    }

    /// See [`Observer::call_sent`].
    pub fn call_sent(&mut self, canister: Principal, callback: CallbackId, place: Stack) {
        self.each(|observer| observer.call_sent(canister, callback, place));
    }

    /// See [`Observer::management_begins`].
    pub fn management_begins(&mut self, call: Option<(Principal, CallbackId)>) {
        self.each(|observer| observer.management_begins(call));
    }

    /// See [`Observer::prepared`].
    pub fn prepared(&mut self, canister: Principal, step: Preparation, instructions: u64) {
        self.each(|observer| observer.prepared(canister, step, instructions));
    }

    /// See [`Observer::compiled`].
    pub fn compiled(&mut self, canister: Principal, instructions: u64, cycles: impl Fn() -> u128) {
        self.each(|observer| observer.compiled(canister, instructions, &cycles));
    }

    /// See [`Observer::printed`].
    pub fn printed(&mut self, line: &DebugPrint) {
        self.each(|observer| observer.printed(line));
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Observer)) {
        for observer in &mut self.0 {
            tell(&mut **observer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{KeptPrints, Prints, Statistics};

    #[test]
    fn an_observer_is_found_by_its_kind() {
        let mut observers = Observers::default();
        observers.attach(KeptPrints::default());
        observers.attach(Statistics::default());
        observers.message_ends(&Usage {
            cycles: 7,
            ..Usage::default()
        });
        let fees = observers.get().map(Statistics::fees);
        assert_eq!(fees, Some(7));
        assert!(observers.get_mut::<Prints>().is_none());
    }

    #[test]
    fn a_flood_waits_as_soon_as_somebody_keeps_lines() {
        let mut observers = Observers::default();
        let heard_by = |observers: &Observers| match observers.overflow() {
            Overflow::Waits => None,
            Overflow::Goes(listeners) => Some(listeners.len()),
        };
        assert_eq!(heard_by(&observers), Some(0));
        observers.attach(Prints::to(Box::new(|_| {})));
        assert_eq!(heard_by(&observers), Some(1));
        observers.attach(KeptPrints::default());
        assert_eq!(heard_by(&observers), None);
    }
}
