//! A call of the management canister as its methods see it: who called, with how many cycles, what is answered and whom else it
//! concerns. Knows no method; stands below the families of methods, and the table of them stands above both.

use candid::Principal;

use crate::answer::MessageResult;
use crate::canister::contexts::Origin;
use crate::canister::history::ChangeOrigin;
use crate::canister::queues::{IngressId, Payload, Request, Response};
use crate::canister::{Canister, StopWaiter};
use crate::errors::{CallError, ManagementError, SystemReject, UserError};

/// Who calls.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A user.
    User {
        /// The message.
        id: IngressId,
        /// Who signed it.
        sender: Principal,
    },
    /// A canister.
    Canister(Box<Request>),
}

/// A call at work.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// Name of the method.
    pub name: &'static str,
    /// Bytes of the argument.
    pub argument_bytes: usize,
    /// Cycles that go back with the answer: all that came, unless the method takes some.
    pub refund: u128,
    /// What is to be told to others.
    pub notices: &'a mut Vec<Notice>,
}

impl Call<'_> {
    /// The principal that calls.
    pub fn sender(&self) -> Principal {
        match self.caller {
            Caller::User { sender, .. } => *sender,
            Caller::Canister(request) => request.sender,
        }
    }

    /// Cycles that came with the call.
    pub fn cycles(&self) -> u128 {
        match self.caller {
            Caller::User { .. } => 0,
            Caller::Canister(request) => request.cycles,
        }
    }

    /// How the caller stands in the history of a canister; `version` is what it said in the argument.
    pub fn origin(&self, version: Option<u64>) -> ChangeOrigin {
        match self.caller {
            Caller::User { sender, .. } => ChangeOrigin::User(*sender),
            Caller::Canister(request) => ChangeOrigin::Canister(request.sender, version),
        }
    }

    /// Refuses users, for methods of canisters that were executed for one all the same.
    pub fn only_canisters(&self) -> Result<(), ManagementError> {
        match self.caller {
            Caller::User { .. } => Err(ManagementError::CannotBeCalledByUser {
                method: self.name.to_owned(),
            }),
            Caller::Canister(_) => Ok(()),
        }
    }

    /// Refuses everybody but controllers.
    pub fn only_controllers(&self, canister: &Canister) -> Result<(), ManagementError> {
        let caller = self.sender();
        if canister.is_controlled_by(&caller) {
            return Ok(());
        }
        Err(invalid_controller(canister, caller))
    }

    /// Refuses everybody but controllers and the canister itself.
    pub fn only_controllers_and_self(&self, canister: &Canister) -> Result<(), ManagementError> {
        if self.sender() == canister.id {
            return Ok(());
        }
        self.only_controllers(canister)
    }
}

/// The refusal of somebody who does not control the canister.
pub fn invalid_controller(canister: &Canister, caller: Principal) -> ManagementError {
    ManagementError::InvalidController {
        canister: canister.id,
        controllers: canister.settings.controllers.to_vec(),
        caller,
    }
}

/// What a method answers: the reply, encoded.
pub type Answer = Result<Vec<u8>, ManagementError>;

/// Something to be told to others than the caller.
#[derive(Debug)]
pub enum Notice {
    /// The answer to a user's message.
    ToUser(IngressId, MessageResult),
    /// The answer of the management canister to an earlier call; all cycles go back.
    FromManagement(Request, Result<Vec<u8>, UserError>),
    /// The answer of a canister that will not give one itself.
    FromCanister(Response),
}

impl Notice {
    /// The answer to who waits for a canister to stop.
    pub fn to_waiter(waiter: StopWaiter, result: Result<Vec<u8>, UserError>) -> Self {
        match waiter {
            StopWaiter::Ingress(id) => Notice::ToUser(id, result.into()),
            StopWaiter::Canister(request) => Notice::FromManagement(request, result),
        }
    }

    /// Tells the caller of an open call that the canister was uninstalled.
    pub fn uninstalled(canister: Principal, origin: Origin, refund: u128) -> Option<Self> {
        match origin {
            Origin::SystemTask => None,
            Origin::Ingress { id, .. } => Some(Notice::ToUser(
                id,
                MessageResult::Failed(CallError::Uninstalled.into()),
            )),
            Origin::Canister {
                sender, callback, ..
            } => Some(Notice::FromCanister(Response {
                originator: sender,
                respondent: canister,
                callback,
                refund,
                payload: Payload::Reject(SystemReject::Uninstalled.into()),
            })),
        }
    }
}

/// The reply of methods that return nothing.
pub fn empty_reply() -> Vec<u8> {
    b"DIDL\0\0".to_vec()
}
