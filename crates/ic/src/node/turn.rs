//! The turn of one canister within an iteration: what it executes, and in which order (scheduling.md 1.6).

use candid::Principal;

use super::Node;
use super::budget::Budget;
use super::pending::Pending;
use crate::canister::Canister;
use crate::canister::queues::{CanisterMessage, Input};
use crate::canister::tasks::LowMemoryHook;

impl Node {
    /// True if the canister has something to execute.
    pub(super) fn may_run(&self, canister: &Canister) -> bool {
        (canister.has_work() || self.paused.contains_key(&canister.id))
            && !self.rested.contains(&canister.id)
            && !self.is_installing(&canister.id)
    }

    /// Runs what the canister has to run; true if anything was.
    pub(super) fn run_turn(&mut self, id: Principal, position: usize, budget: &mut Budget) -> bool {
        self.lend(&id, |node, canister| {
            node.run_turn_of(canister, position, budget)
        })
        .unwrap_or(false)
    }

    fn run_turn_of(
        &mut self,
        canister: &mut Canister,
        position: usize,
        budget: &mut Budget,
    ) -> bool {
        let id = canister.id;
        let callbacks_before = canister.calls.callback_count();
        let mut consumed = false;
        let mut used = 0;
        if self.paused.contains_key(&id) {
            while budget.allows(position)
                && let Some(mut pending) = self.paused.remove(&id)
            {
                consumed = true;
                if pending.aborted {
                    pending = self.begin_anew(canister, *pending);
                }
                used += self.next_slice(canister, pending, position, budget);
            }
            if !self.paused.contains_key(&id) {
                self.rested.insert(id);
            }
        } else {
            while budget.allows(position) {
                let Some(pending) = self.next_item(canister) else {
                    break;
                };
                consumed = true;
                match pending {
                    Item::Unpaid if self.state.config.protocol.unpaid_is_free => {}
                    Item::Done | Item::Unpaid => budget.execution(position, 0),
                    Item::Ran(pending) => {
                        let slices = pending.slices().len();
                        used += self.next_slice(canister, pending, position, budget);
                        if slices > 1 {
                            break;
                        }
                    }
                }
            }
        }
        if used > 0 {
            budget.turn(position);
        }
        self.state.callbacks =
            self.state.callbacks + canister.calls.callback_count() - callbacks_before;
        consumed
    }

    /// Lets a slice have its round; applies the effects after the last one. Returns the instructions of the slice.
    fn next_slice(
        &mut self,
        canister: &mut Canister,
        mut pending: Box<Pending>,
        position: usize,
        budget: &mut Budget,
    ) -> u64 {
        let slices = pending.slices();
        let (slice, last) = (pending.done, slices.len() - 1);
        let instructions = slices[slice];
        budget.execution(position, instructions);
        for line in pending.prints(slice, last) {
            self.observers.printed(line);
        }
        pending.done += 1;
        if slice == last {
            self.conclude(canister, pending);
        } else {
            self.paused.insert(canister.id, pending);
        }
        instructions
    }

    /// Takes and runs the next task or message.
    fn next_item(&mut self, canister: &mut Canister) -> Option<Item> {
        if canister.hook == LowMemoryHook::Ready && self.can_pay_for_task(canister) {
            canister.hook = LowMemoryHook::Executed;
            return Some(self.run_low_memory_hook(canister));
        }
        if let Some(task) = canister.tasks.pop_front() {
            return Some(self.run_task(canister, task));
        }
        Some(match canister.inputs.pop()? {
            Input::Ingress(ingress) => self.execute_ingress(canister, ingress),
            Input::Canister(CanisterMessage::Request(request)) => {
                self.execute_request(canister, request)
            }
            Input::Canister(CanisterMessage::Response(response)) => {
                self.execute_response(canister, response)
            }
        })
    }
}

/// What became of a task or message.
pub(super) enum Item {
    /// It is dealt with; no code ran.
    Done,
    /// The same, for lack of cycles.
    Unpaid,
    /// Code ran; the effects are to be applied.
    Ran(Box<Pending>),
}
