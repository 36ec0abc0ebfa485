//! Calls of the management canister that wait for execution: a canister's input queues, but for the subnet
//! (scheduling.md 1.4). Calls that have to be postponed keep their place.

use std::collections::VecDeque;

use crate::canister::queues::{CanisterMessage, Class, Ingress, Input, InputQueues, Request};
use crate::management::{Argument, Method, open};
use crate::protocol::Date;

/// A call of the management canister.
#[derive(Clone, Debug)]
pub(super) enum ManagementCall {
    /// By a canister.
    Canister(Request),
    /// By a user, with the canister that it is about.
    Ingress(Ingress),
}

impl ManagementCall {
    /// Name of the method.
    pub(super) fn method(&self) -> &str {
        match self {
            ManagementCall::Canister(request) => &request.method,
            ManagementCall::Ingress(ingress) => &ingress.method,
        }
    }

    /// The argument.
    pub(super) fn payload(&self) -> &[u8] {
        match self {
            ManagementCall::Canister(request) => &request.payload,
            ManagementCall::Ingress(ingress) => &ingress.payload,
        }
    }

    /// The argument, decoded if it is not yet.
    pub(super) fn open(&mut self, method: Method, date: Date) -> Argument {
        let (decoded, payload) = match self {
            ManagementCall::Canister(request) => (&mut request.decoded, &request.payload),
            ManagementCall::Ingress(ingress) => (&mut ingress.decoded, &ingress.payload),
        };
        open(decoded, method, payload, date)
    }

    /// The argument, for the method to take: the call keeps none.
    pub(super) fn take_argument(&mut self, method: Method, date: Date) -> Argument {
        let argument = self.open(method, date);
        match self {
            ManagementCall::Canister(request) => request.decoded = None,
            ManagementCall::Ingress(ingress) => ingress.decoded = None,
        }
        argument
    }
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct ManagementQueue {
    postponed: VecDeque<ManagementCall>,
    queues: InputQueues,
}

impl ManagementQueue {
    /// Adds a canister's call.
    pub(super) fn push(&mut self, request: Request, class: Class) {
        self.queues.push(CanisterMessage::Request(request), class);
    }

    /// Adds a user's call.
    pub(super) fn push_ingress(&mut self, ingress: Ingress) {
        self.queues.push_ingress(ingress);
    }

    /// Takes all calls in their order, those postponed before first.
    pub(super) fn take(&mut self) -> VecDeque<ManagementCall> {
        let mut calls = std::mem::take(&mut self.postponed);
        while let Some(input) = self.queues.pop() {
            match input {
                Input::Ingress(ingress) => calls.push_back(ManagementCall::Ingress(ingress)),
                Input::Canister(CanisterMessage::Request(request)) => {
                    calls.push_back(ManagementCall::Canister(request));
                }
                Input::Canister(CanisterMessage::Response(_)) => {
                    debug_assert!(false, "the management canister makes no calls");
                }
            }
        }
        calls
    }

    /// Gives a call back for a later drain.
    pub(super) fn postpone(&mut self, call: ManagementCall) {
        self.postponed.push_back(call);
    }

    /// Drops the best-effort calls whose deadline has passed; the cycles attached to them are lost (scheduling.md 1.2).
    pub(super) fn drop_expired(&mut self, now_seconds: u64) {
        self.postponed.retain(|call| match call {
            ManagementCall::Canister(request) => request
                .deadline
                .is_none_or(|deadline| deadline >= now_seconds),
            ManagementCall::Ingress(_) => true,
        });
        self.queues.drop_expired(now_seconds);
    }

    /// Takes out the calls of users that have waited too long.
    pub(super) fn take_expired_ingress(&mut self, now: u64) -> Vec<Ingress> {
        let mut expired = self.queues.take_expired_ingress(now);
        let mut waiting = VecDeque::new();
        for call in std::mem::take(&mut self.postponed) {
            match call {
                ManagementCall::Ingress(ingress) if ingress.is_expired(now) => {
                    expired.push(ingress)
                }
                call => waiting.push_back(call),
            }
        }
        self.postponed = waiting;
        expired
    }

    /// True if nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.postponed.is_empty() && self.queues.is_empty()
    }
}
