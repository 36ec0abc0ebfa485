//! Calls that fail because a test wants them to: the next ones to a canister are refused with a reject of the test's choice, and nothing of
//! the canister runs.

use candid::Principal;

use super::Node;
use crate::canister::Canister;
use crate::canister::contexts::Origin;
use crate::canister::queues::{CanisterMessage, Payload, Response};
use crate::errors::{ErrorCode, Reject, UserError};

/// Calls that are to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Calls of this canister.
    pub canister: Principal,
    /// Of this method only.
    pub method: Option<String>,
    /// How: the code of an error of the class that callers are to see.
    pub code: ErrorCode,
    /// The text that they are to see.
    pub message: String,
    /// How many of them.
    pub count: u64,
}

impl Node {
    /// Has the next calls of a canister fail.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The failure of a call, if one is wanted.
    pub(super) fn take_fault(&mut self, canister: &Principal, method: &str) -> Option<UserError> {
        let meant = |fault: &Fault| {
            fault.canister == *canister
                && fault
                    .method
                    .as_deref()
                    .is_none_or(|wanted| wanted == method)
        };
        let place = self.faults.iter().position(meant)?;
        let fault = &mut self.faults[place];
        let error = UserError::new(fault.code, fault.message.clone());
        fault.count = fault.count.saturating_sub(1);
        if fault.count == 0 {
            self.faults.remove(place);
        }
        Some(error)
    }

    /// Answers a call with such a failure. Callers see class and text as they were chosen.
    pub(super) fn fail(
        &mut self,
        canister: &mut Canister,
        origin: &Origin,
        cycles: u128,
        error: UserError,
    ) {
        match origin {
            Origin::Canister {
                sender, callback, ..
            } => canister.outputs.push(CanisterMessage::Response(Response {
                originator: *sender,
                respondent: canister.id,
                callback: *callback,
                refund: cycles,
                payload: Payload::Reject(Reject::without_code(error)),
            })),
            origin => self.answer_origin(canister, origin, cycles, Err(error)),
        }
    }
}
