//! Failures that no message's result tells: of heartbeats, timers and other tasks, and of what runs on when the answer is given
//! or other answers are still awaited. Only kept, for whoever takes them.

use std::collections::HashMap;

use candid::Principal;

use super::label::Label;
use super::observer::{Cause, Observer, Places, Run};
use crate::canister::ContextId;
use crate::canister::contexts::Origin;
use crate::errors::UserError;

/// Contexts with callbacks to come whose names are kept.
const MOST: usize = 1 << 16;

/// How many of the last failures are looked at for the same one.
const RECENT: usize = 64;

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Whose.
    pub canister: Principal,
    /// What failed.
    pub label: Label,
    /// How, in the words in which a caller would be told.
    pub error: UserError,
    /// How often, one soon after the other.
    pub times: u64,
}

/// The failures since they were taken last, in order.
#[derive(Debug, Default)]
pub struct UnseenFailures {
    found: Vec<Unseen>,
    /// What began the contexts whose callbacks are still to come.
    waiting: HashMap<(Principal, ContextId), Label>,
}

impl UnseenFailures {
    /// Heartbeats fail round after round: what is among the last ones is only counted.
    fn add(&mut self, new: Unseen) {
        let mut last = self.found.iter_mut().rev().take(RECENT);
        let same = last.find(|old| {
            (old.canister, &old.label, &old.error) == (new.canister, &new.label, &new.error)
        });
        match same {
            Some(same) => same.times += 1,
            None => self.found.push(new),
        }
    }

    /// Those since the last time.
    pub fn take(&mut self) -> Vec<Unseen> {
        std::mem::take(&mut self.found)
    }
}

impl Observer for UnseenFailures {
    fn concluded(&mut self, run: &Run<'_>) -> Places {
        let Run {
            canister,
            execution,
            cause,
        } = *run;
        let (Cause::Call(context) | Cause::Callback(context)) = cause else {
            return Places::default();
        };
        let id = (canister.id, context);
        let label = match cause {
            Cause::Callback(_) => {
                let method = self.waiting.get(&id).map(|label| label.method.clone());
                Label::callback(method.unwrap_or_default())
            }
            _ => Label::of(&execution.entry, execution.mode),
        };
        let open = canister.calls.get(context);
        let awaited = open.is_some_and(|context| context.outstanding > 0);
        match &execution.result {
            Ok(()) if !execution.calls.is_empty() => {
                // Who forgets to look is not to fill the memory with names.
                if self.waiting.len() >= MOST {
                    self.waiting.clear();
                }
                self.waiting.insert(id, label);
            }
            Ok(()) if awaited => {}
            Ok(()) => drop(self.waiting.remove(&id)),
            Err(error) => {
                let unseen = open.is_none_or(|context| {
                    awaited || context.responded || matches!(context.origin, Origin::SystemTask)
                });
                if unseen {
                    self.add(Unseen {
                        canister: canister.id,
                        label,
                        error: error.clone().into_user_error(canister.id),
                        times: 1,
                    });
                }
            }
        }
        Places::default()
    }
}
