//! Why a call that was already accepted is answered without, or after, the callee running: the errors between the queue and the execution.
//! The same for a user and, behind `IC0508: `, for a calling canister, except the last two, which only users see in this form
//! (errors.md, 2.5, 2.6 and 3.4).

use candid::Principal;

use super::code::ErrorCode;
use super::help::Help;
use super::text::OutOfCycles;
use super::{Row, UserError};

/// The failure of a replicated call outside the callee's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The callee cannot pay for the execution.
    OutOfCycles(OutOfCycles),
    /// The callee was stopped while the call waited.
    Stopped(Principal),
    /// The callee is being stopped.
    Stopping(Principal),
    /// The method is a composite query.
    CompositeQuery,
    /// A call of a user ended without an answer; canisters get [`super::SystemReject::NoResponse`].
    DidNotReply(Principal),
    /// The canister was uninstalled before it answered a user; canisters get [`super::SystemReject::Uninstalled`].
    Uninstalled,
}

impl From<CallError> for UserError {
    #[rustfmt::skip] // a table
    fn from(error: CallError) -> Self {
        use CallError::*;
        use ErrorCode as Code;
        let row: Row = match error {
            OutOfCycles(error) => (Code::CanisterOutOfCycles, error.to_string(), Help::None),
            Stopped(id) => (Code::CanisterStopped, format!("Canister {id} is not running"), Help::None),
            Stopping(id) => (Code::CanisterStopping, format!("Canister {id} is not running"), Help::None),
            CompositeQuery => (Code::CompositeQueryCalledInReplicatedMode, "Composite query cannot be called in replicated mode".into(), Help::None),
            DidNotReply(id) => (Code::CanisterDidNotReply, format!("Canister {id} did not reply to the call"), Help::None),
            Uninstalled => (Code::CanisterRejectedMessage, "Canister has been uninstalled.".into(), Help::None),
        };
        UserError::from_row(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_and_text() {
        let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap();
        let broke = OutOfCycles { canister: id, threshold: 0, requested: 1_234_567, available: 0, reveal: true };
        for (error, printed) in [
            (CallError::OutOfCycles(broke), "IC0207: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is out of cycles: please top up the canister with at least 1_234_567 additional cycles"),
            (CallError::Stopped(id), "IC0508: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is not running"),
            (CallError::Stopping(id), "IC0509: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is not running"),
            (CallError::CompositeQuery, "IC0527: Composite query cannot be called in replicated mode"),
            (CallError::DidNotReply(id), "IC0506: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai did not reply to the call"),
            (CallError::Uninstalled, "IC0406: Canister has been uninstalled."),
        ] {
            assert_eq!(UserError::from(error).to_string(), printed);
        }
    }
}
