//! Failures that no message's result tells: of heartbeats, timers and other tasks, and of what runs on when the answer is given
//! or other answers are still awaited. Only kept, for whoever takes them.

use std::collections::HashMap;

use candid::Principal;

use super::label::Label;
use super::observer::{Cause, Observer, Places, Run};
use crate::canister::ContextId;
use crate::canister::contexts::Origin;
use crate::errors::UserError;

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Whose.
    pub canister: Principal,
    /// What failed.
    pub label: Label,
    /// How, in the words in which a caller would be told.
    pub error: UserError,
}

/// The failures since they were taken last, in order.
#[derive(Debug, Default)]
pub struct UnseenFailures {
    found: Vec<Unseen>,
    /// What began the contexts whose callbacks are still to come.
    waiting: HashMap<(Principal, ContextId), Label>,
}

impl UnseenFailures {
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
        match &execution.result {
            Ok(()) => {
                if matches!(cause, Cause::Call(_)) && !execution.calls.is_empty() {
                    self.waiting.insert(id, label);
                }
            }
            Err(error) => {
                let unseen = canister.calls.get(context).is_none_or(|context| {
                    context.responded
                        || context.outstanding > 0
                        || matches!(context.origin, Origin::SystemTask)
                });
                if unseen {
                    self.found.push(Unseen {
                        canister: canister.id,
                        label,
                        error: error.clone().into_user_error(canister.id),
                    });
                }
            }
        }
        Places::default()
    }
}
