//! What a canister is told when its call fails: the pair of reject code and message, and the rejects that the system makes without
//! any canister having failed. Owns which kind of failure keeps the `IC0503: ` of its error (errors.md, 2.4) and the
//! texts of errors.md, section 7; when a request is refused is decided where messages are moved.

use candid::Principal;

use super::UserError;
use super::code::RejectCode;
use super::text::{grouped, shorten_reject, shorten_synthetic_reject};

/// What `ic0.msg_reject_code` and `ic0.msg_reject_msg_copy` give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The class of the failure.
    pub code: RejectCode,
    /// The text.
    pub message: String,
}

impl Reject {
    /// The callee called `ic0.msg_reject` in an update or below a composite query. Not for replicated queries, whose text is passed on at any length.
    pub fn explicit(message: impl Into<String>) -> Self {
        Reject {
            code: RejectCode::CanisterReject,
            message: shorten_reject(message.into()),
        }
    }

    /// The callee failed, or could not be called: the message starts with the code of the error.
    pub fn with_code(error: &UserError) -> Self {
        Reject {
            code: error.code.reject_code(),
            message: shorten_reject(error.to_string()),
        }
    }

    /// A method of the management canister failed, or the callee did below a composite query: the message is the description alone.
    pub fn without_code(error: UserError) -> Self {
        Reject {
            code: error.code.reject_code(),
            message: shorten_reject(error.description),
        }
    }
}

/// A reject that no canister had a part in. The principal is the callee's, if not said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemReject {
    /// No subnet has the id.
    NoRoute(Principal),
    /// The subnet has the id, but no such canister.
    CanisterNotFound(Principal),
    /// The callee was stopped when the request arrived.
    CanisterStopped(Principal),
    /// The callee was stopping when the request arrived.
    CanisterStopping(Principal),
    /// Too many requests wait for the callee.
    QueueFull(Principal),
    /// No memory for the message and its guaranteed response; bytes.
    OutOfMemory { requested: u64 },
    /// The request of `sender` to another subnet is larger than 2 MiB.
    RequestTooLarge { sender: Principal, size: u64 },
    /// The request did not leave the sender in time.
    RequestTimedOut,
    /// The answer to a best-effort call did not arrive in time.
    DeadlineExpired,
    /// The answer to a best-effort call was given up for lack of memory.
    ResponseDropped,
    /// The callee ended without an answer.
    NoResponse,
    /// The callee was uninstalled before it answered.
    Uninstalled,
    /// A request to stop a canister waited for more than five minutes.
    StopTimedOut,
    /// The canister to be stopped was started again.
    StopCancelled(Principal),
    /// Nobody answered an http request.
    HttpRequestTimedOut,
    /// The callee wants calls to bring more cycles. The wording is ours.
    TooFewCycles {
        canister: Principal,
        sent: u128,
        required: u128,
    },
}

impl SystemReject {
    #[rustfmt::skip] // a table
    fn row(&self) -> (RejectCode, String) {
        use RejectCode::*;
        use SystemReject::*;
        match self {
            NoRoute(id) => (DestinationInvalid, format!("No route to canister {id}")),
            CanisterNotFound(id) => (DestinationInvalid, format!("Canister {id} not found")),
            CanisterStopped(id) => (CanisterError, format!("Canister {id} is stopped")),
            CanisterStopping(id) => (CanisterError, format!("Canister {id} is stopping")),
            QueueFull(id) => (SysTransient, format!("Canister {id} input queue is full")),
            OutOfMemory { requested } => (CanisterError, format!("Cannot induct request. Out of memory: requested {requested}")),
            RequestTooLarge { sender, size } => (CanisterError, format!("Canister {sender} violated contract: attempted to send a message of size {size} exceeding the limit 2097152")),
            RequestTimedOut => (SysTransient, "Request timed out.".into()),
            DeadlineExpired => (SysUnknown, "Call deadline has expired.".into()),
            ResponseDropped => (SysUnknown, "Response was dropped.".into()),
            NoResponse => (CanisterError, "No response".into()),
            Uninstalled => (CanisterReject, "Canister has been uninstalled.".into()),
            StopTimedOut => (SysTransient, "Stop canister request timed out".into()),
            StopCancelled(id) => (CanisterError, format!("Canister {id}'s stop request cancelled")),
            HttpRequestTimedOut => (SysTransient, "Canister http request timed out".into()),
            TooFewCycles { canister, sent, required } => (CanisterError, format!("Canister {canister} was called with {} cycles, but {} cycles are required.", grouped(*sent), grouped(*required))),
        }
    }
}

impl From<SystemReject> for Reject {
    fn from(reject: SystemReject) -> Self {
        let (code, message) = reject.row();
        Reject {
            code,
            message: shorten_synthetic_reject(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CallError, ErrorCode, ExecutionError};
    use super::*;

    fn id(text: &str) -> Principal {
        Principal::from_text(text).unwrap()
    }

    #[test]
    #[rustfmt::skip]
    fn every_reject_of_the_system_has_its_code_and_text() {
        use SystemReject::*;
        let callee = id("rrkah-fqaaa-aaaaa-aaaaq-cai");
        for (reject, code, message) in [
            (NoRoute(id("bfozs-kwa73-7nadi")), 3, "No route to canister bfozs-kwa73-7nadi"),
            (CanisterNotFound(callee), 3, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai not found"),
            (CanisterStopped(callee), 5, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai is stopped"),
            (CanisterStopping(callee), 5, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai is stopping"),
            (QueueFull(callee), 2, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai input queue is full"),
            (OutOfMemory { requested: 2097200 }, 5, "Cannot induct request. Out of memory: requested 2097200"),
            (RequestTooLarge { sender: callee, size: 2097153 }, 5, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai violated contract: attempted to send a message of size 2097153 exceeding the limit 2097152"),
            (RequestTimedOut, 2, "Request timed out."),
            (DeadlineExpired, 6, "Call deadline has expired."),
            (ResponseDropped, 6, "Response was dropped."),
            (NoResponse, 5, "No response"),
            (Uninstalled, 4, "Canister has been uninstalled."),
            (StopTimedOut, 2, "Stop canister request timed out"),
            (StopCancelled(callee), 5, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai's stop request cancelled"),
            (HttpRequestTimedOut, 2, "Canister http request timed out"),
            (TooFewCycles { canister: callee, sent: 999, required: 1_000 }, 5, "Canister rrkah-fqaaa-aaaaa-aaaaq-cai was called with 999 cycles, but 1_000 cycles are required."),
        ] {
            let reject = Reject::from(reject);
            assert_eq!((reject.code.number(), reject.message.as_str()), (code, message));
        }
    }

    #[test]
    fn a_failed_callee_is_named_with_its_code() {
        let message = "assertion failed at error-codes.mo:11.33-11.50".to_owned();
        let trap = ExecutionError::CalledTrap {
            message,
            backtrace: None,
        };
        let reject = Reject::with_code(&trap.into_user_error(id("rwlgt-iiaaa-aaaaa-aaaaa-cai")));
        assert_eq!(reject.code, RejectCode::CanisterError);
        assert_eq!(
            reject.message,
            "IC0503: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Canister called `ic0.trap` with message: 'assertion failed at error-codes.mo:11.33-11.50'.\n\
             Consider gracefully handling failures from this canister or altering the canister to handle exceptions. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#trapped-explicitly"
        );
        let refused = Reject::with_code(&CallError::CompositeQuery.into());
        assert_eq!(
            refused.message,
            "IC0527: Composite query cannot be called in replicated mode"
        );
    }

    #[test]
    fn a_failed_management_method_is_not() {
        let message = "canister_pre_upgrade attempted with outstanding message callbacks (try stopping the canister before upgrade)".to_owned();
        let trap = ExecutionError::CalledTrap {
            message,
            backtrace: None,
        };
        let reject = Reject::without_code(trap.into_user_error(id("lxzze-o7777-77777-aaaaa-cai")));
        assert_eq!(
            reject.message,
            "Error from Canister lxzze-o7777-77777-aaaaa-cai: Canister called `ic0.trap` with message: 'canister_pre_upgrade attempted with outstanding message callbacks (try stopping the canister before upgrade)'.\n\
             Consider gracefully handling failures from this canister or altering the canister to handle exceptions. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#trapped-explicitly"
        );
    }

    #[test]
    fn the_code_counts_when_a_message_is_shortened() {
        // 8185 bytes of description and 8 of prefix are one too many.
        let error = UserError::new(
            ErrorCode::CanisterCalledTrap,
            "a".repeat(6136) + &"b".repeat(2049),
        );
        let message = Reject::with_code(&error).message;
        assert_eq!(
            message,
            format!("IC0503: {}...{}", "a".repeat(6136), "b".repeat(2045))
        );
        let kept = Reject::without_code(error.clone()).message;
        assert_eq!(kept, error.description);
    }

    #[test]
    fn an_explicit_reject_is_the_callees_text() {
        let reject = Reject::explicit("no");
        assert_eq!(
            (reject.code, reject.message.as_str()),
            (RejectCode::CanisterReject, "no")
        );
        assert_eq!(Reject::explicit("x".repeat(8193)).message.len(), 8192);
    }
}
