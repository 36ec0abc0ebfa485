//! Why a message of a user is refused before it can run: the texts of the ingress filter, which a node asks before it takes a message, and of
//! induction, which asks again when the message enters a round (errors.md, 5.1 and 5.2). Owns the texts, not who runs which
//! check. A refusal by `canister_inspect_message` is an execution error.

use candid::Principal;

use super::code::ErrorCode;
use super::text::OutOfCycles;
use super::{Help, Row, UserError};

/// The refusal of an ingress message. `method` is a method of the management canister.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngressError {
    /// Both: the canister, or the one that would have to pay, does not exist.
    CanisterNotFound(Principal),
    /// Both: nobody can pay for the message.
    OutOfCycles(OutOfCycles),
    /// Both: the canister is stopped.
    Stopped(Principal),
    /// Both: the canister is being stopped.
    Stopping(Principal),

    /// Filter: no such method.
    UnknownMethod { method: String },
    /// Filter: a method that users may not call.
    NotForIngress { method: String },
    /// Filter: the argument does not decode; the reason is the decoder's.
    Undecodable { method: String, reason: String },
    /// Filter: a method that only canisters may call.
    OnlyCanisters { method: String },
    /// Filter: the sender does not control the canister in the argument.
    OnlyControllers { canister: Principal, method: String },
    /// Filter: the sender is not on the list of those who may call the method.
    CallerNotAllowed { caller: Principal, method: String },
    /// Filter: the method is a composite query.
    CompositeQuery,
    /// Filter: the canister is empty.
    NoModule,

    /// Induction: too many messages have a state to be remembered.
    HistoryFull { capacity: u64 },
    /// Induction: no such method.
    InductUnknownMethod { method: String },
    /// Induction: a method that users may not call.
    InductNotForIngress { method: String },
    /// Induction: the argument does not decode.
    InductUndecodable,

    /// The message waited too long; its id in hexadecimal digits.
    Expired { message_id: String },
}

impl From<IngressError> for UserError {
    #[rustfmt::skip] // a table
    fn from(error: IngressError) -> Self {
        use ErrorCode as Code;
        use IngressError::*;
        let row: Row = match error {
            CanisterNotFound(id) => (Code::CanisterNotFound, format!("Canister {id} not found"), Help::None),
            OutOfCycles(error) => (Code::CanisterOutOfCycles, error.to_string(), Help::None),
            Stopped(id) => (Code::CanisterStopped, format!("Canister {id} is stopped"), Help::None),
            Stopping(id) => (Code::CanisterStopping, format!("Canister {id} is stopping"), Help::None),

            UnknownMethod { method } => (Code::CanisterMethodNotFound, format!("ic00 interface does not expose method {method}"), Help::None),
            NotForIngress { method } => (Code::CanisterRejectedMessage, format!("ic00 method {method} can not be called via ingress messages"), Help::None),
            Undecodable { method, reason } => (Code::InvalidManagementPayload, format!("Failed to parse payload for ic00 method {method}: IC0408: Error decoding candid: {reason}"), Help::None),
            OnlyCanisters { method } => (Code::CanisterRejectedMessage, format!("Only canisters can call ic00 method {method}"), Help::None),
            OnlyControllers { canister, method } => (Code::CanisterInvalidController, format!("Only controllers of canister {canister} can call ic00 method {method}"), Help::None),
            CallerNotAllowed { caller, method } => (Code::CanisterRejectedMessage, format!("Caller {caller} is not allowed to call ic00 method {method}"), Help::None),
            CompositeQuery => (Code::CompositeQueryCalledInReplicatedMode, "Composite query cannot be called in replicated mode".into(), Help::None),
            NoModule => (Code::CanisterWasmModuleNotFound, "Requested canister has no wasm module".into(), Help::None),

            HistoryFull { capacity } => (Code::IngressHistoryFull, format!("Maximum ingress history capacity {capacity} reached"), Help::None),
            InductUnknownMethod { method } => (Code::CanisterMethodNotFound, format!("Cannot enqueue management message because {method} method is unknown."), Help::None),
            InductNotForIngress { method } => (Code::CanisterRejectedMessage, format!("Cannot enqueue management message because {method} method is not allowed to be called via ingress messages."), Help::None),
            InductUndecodable => (Code::InvalidManagementPayload, "Cannot enqueue management message because its Candid payload is invalid.".into(), Help::None),

            Expired { message_id } => (Code::IngressMessageTimeout, format!("Ingress message {message_id} timed out waiting to start executing."), Help::None),
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
        use IngressError::*;
        let id = Principal::from_text("rrkah-fqaaa-aaaaa-aaaaq-cai").unwrap();
        let broke = super::OutOfCycles { canister: id, threshold: 5, requested: 0, available: 0, reveal: false };
        let method = || "install_code".to_owned();
        for (error, printed) in [
            (CanisterNotFound(id), "IC0301: Canister rrkah-fqaaa-aaaaa-aaaaq-cai not found"),
            (OutOfCycles(broke), "IC0207: Canister rrkah-fqaaa-aaaaa-aaaaq-cai is out of cycles"),
            (Stopped(id), "IC0508: Canister rrkah-fqaaa-aaaaa-aaaaq-cai is stopped"),
            (Stopping(id), "IC0509: Canister rrkah-fqaaa-aaaaa-aaaaq-cai is stopping"),
            (UnknownMethod { method: "nope".into() }, "IC0536: ic00 interface does not expose method nope"),
            (NotForIngress { method: "raw_rand".into() }, "IC0406: ic00 method raw_rand can not be called via ingress messages"),
            (Undecodable { method: method(), reason: "Cannot parse header 010203: binary parser error: io error".into() }, "IC0408: Failed to parse payload for ic00 method install_code: IC0408: Error decoding candid: Cannot parse header 010203: binary parser error: io error"),
            (OnlyCanisters { method: "canister_info".into() }, "IC0406: Only canisters can call ic00 method canister_info"),
            (OnlyControllers { canister: id, method: method() }, "IC0512: Only controllers of canister rrkah-fqaaa-aaaaa-aaaaq-cai can call ic00 method install_code"),
            (CallerNotAllowed { caller: Principal::anonymous(), method: "provisional_top_up_canister".into() }, "IC0406: Caller 2vxsx-fae is not allowed to call ic00 method provisional_top_up_canister"),
            (CompositeQuery, "IC0527: Composite query cannot be called in replicated mode"),
            (NoModule, "IC0537: Requested canister has no wasm module"),
            (HistoryFull { capacity: 1000 }, "IC0204: Maximum ingress history capacity 1000 reached"),
            (InductUnknownMethod { method: "nope".into() }, "IC0536: Cannot enqueue management message because nope method is unknown."),
            (InductNotForIngress { method: "raw_rand".into() }, "IC0406: Cannot enqueue management message because raw_rand method is not allowed to be called via ingress messages."),
            (InductUndecodable, "IC0408: Cannot enqueue management message because its Candid payload is invalid."),
            (Expired { message_id: "00ff".into() }, "IC0202: Ingress message 00ff timed out waiting to start executing."),
        ] {
            assert_eq!(UserError::from(error).to_string(), printed);
        }
    }
}
