//! Why a canister's call of the management canister is refused before any method runs: the rejects that are made in the state of the
//! sender, when its execution ends (errors.md, 5.7; system-api.md, 1.7). Owns the texts, among them the debug forms
//! that the replica puts into them; which methods are looked at, and for what, is the router's business.

use candid::Principal;

use super::UserError;
use super::code::{ErrorCode, RejectCode};
use super::routing::Reject;
use super::text::shorten_reject;

/// A call of the management canister that does not reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementRoutingError {
    /// No such method.
    UnknownMethod { method: String },
    /// The argument of a method that names the sender's version does not decode; the reason is the decoder's.
    Undecodable { reason: String },
    /// The argument of `create_canister` is not Candid.
    CreateCanisterNotCandid,
    /// The argument of `create_canister` does not decode for the reason given.
    CreateCanisterUndecodable { reason: String },
    /// The sender's version is not the one that the argument claims.
    SenderVersion { given: u64, actual: u64 },
    /// It is not known which subnet the call is for.
    Unroutable { method: String, reason: Unroutable },
}

/// Why the subnet of a management call is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unroutable {
    /// The argument does not decode; the reason is the decoder's.
    Undecodable { reason: String },
    /// No subnet has the canister; the method as the replica names it, in CamelCase (`DepositCycles` for several of them).
    SubnetNotFound { canister: Principal, method: String },
    /// The call is addressed to a subnet.
    AlreadyResolved(Principal),
    /// No subnet has the key; keys as `ecdsa:Secp256k1:key_1`.
    UnknownKey { key: String, existing: Vec<String> },
    /// No subnet has the key for signing.
    KeyNotEnabled { key: String, enabled: Vec<String> },
    /// A composite query wants to read logs.
    LogsInCompositeQuery,
}

impl From<ManagementRoutingError> for Reject {
    #[rustfmt::skip] // a table
    fn from(error: ManagementRoutingError) -> Self {
        use ErrorCode as Code;
        use ManagementRoutingError::*;
        match error {
            UnknownMethod { method } => Reject::with_code(&UserError::new(Code::CanisterMethodNotFound, format!("Management canister has no method '{method}'"))),
            Undecodable { reason } => Reject::with_code(&UserError::new(Code::InvalidManagementPayload, format!("Error decoding candid: {reason}"))),
            CreateCanisterNotCandid => Reject::with_code(&UserError::new(Code::InvalidManagementPayload, "Payload deserialization error.")),
            CreateCanisterUndecodable { reason } => Reject::with_code(&UserError::new(Code::InvalidManagementPayload, format!("Payload deserialization error: Custom(Fail to decode argument 0\n\nCaused by:\n    {reason})"))),
            SenderVersion { given, actual } => Reject::with_code(&UserError::new(Code::CanisterContractViolation, format!("Management canister call payload includes sender canister version {given} that does not match the actual sender canister version {actual}."))),
            Unroutable { method, reason } => Reject {
                code: RejectCode::DestinationInvalid,
                message: shorten_reject(format!("Unable to route management canister request {method}: {}", reason.debug())),
            },
        }
    }
}

impl Unroutable {
    #[rustfmt::skip] // a table
    fn debug(&self) -> String {
        use ErrorCode as Code;
        use Unroutable::*;
        match self {
            Undecodable { reason } => format!("UserError({:?})", UserError::new(Code::InvalidManagementPayload, format!("Error decoding candid: {reason}"))),
            SubnetNotFound { canister, method } => format!("SubnetNotFound(CanisterId({canister}), {method})"),
            AlreadyResolved(subnet) => format!("AlreadyResolved({subnet})"),
            UnknownKey { key, existing } => format!("ChainKeyError({:?})", format!("Requested unknown threshold key: {key}, existing keys: [{}]", existing.join(", "))),
            KeyNotEnabled { key, enabled } => format!("ChainKeyError({:?})", format!("Requested unknown or disabled threshold key: {key}, existing enabled keys: [{}]", enabled.join(", "))),
            LogsInCompositeQuery => format!("UserError({:?})", UserError::new(Code::CanisterRejectedMessage, "fetch_canister_logs API cannot be called from a composite query")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_and_text() {
        use super::Unroutable as Reason;
        use ManagementRoutingError::*;
        let unroutable = |method: &str, reason| Unroutable { method: method.into(), reason };
        let id = Principal::from_text("pq3yg-nqaaa-aaab3-xo53q-cai").unwrap();
        let header = || "Cannot parse header 010203: binary parser error: io error".to_owned();
        for (error, code, message) in [
            (UnknownMethod { method: "nope".into() }, 5, "IC0536: Management canister has no method 'nope'"),
            (Undecodable { reason: header() }, 4, "IC0408: Error decoding candid: Cannot parse header 010203: binary parser error: io error"),
            (CreateCanisterNotCandid, 4, "IC0408: Payload deserialization error."),
            (CreateCanisterUndecodable { reason: "Deserialize error: The number of elements exceeds maximum allowed 10".into() }, 4, "IC0408: Payload deserialization error: Custom(Fail to decode argument 0\n\nCaused by:\n    Deserialize error: The number of elements exceeds maximum allowed 10)"),
            (SenderVersion { given: 7, actual: 3 }, 5, "IC0504: Management canister call payload includes sender canister version 7 that does not match the actual sender canister version 3."),
            (unroutable("canister_status", Reason::Undecodable { reason: header() }), 3, r#"Unable to route management canister request canister_status: UserError(UserError { code: InvalidManagementPayload, description: "Error decoding candid: Cannot parse header 010203: binary parser error: io error" })"#),
            (unroutable("clear_chunk_store", Reason::SubnetNotFound { canister: id, method: "ClearChunkStore".into() }), 3, "Unable to route management canister request clear_chunk_store: SubnetNotFound(CanisterId(pq3yg-nqaaa-aaab3-xo53q-cai), ClearChunkStore)"),
            (unroutable("raw_rand", Reason::AlreadyResolved(id)), 3, "Unable to route management canister request raw_rand: AlreadyResolved(pq3yg-nqaaa-aaab3-xo53q-cai)"),
            (unroutable("ecdsa_public_key", Reason::UnknownKey { key: "ecdsa:Secp256k1:key_1".into(), existing: vec![] }), 3, r#"Unable to route management canister request ecdsa_public_key: ChainKeyError("Requested unknown threshold key: ecdsa:Secp256k1:key_1, existing keys: []")"#),
            (unroutable("sign_with_schnorr", Reason::KeyNotEnabled { key: "schnorr:Ed25519:k".into(), enabled: vec!["a".into(), "b".into()] }), 3, r#"Unable to route management canister request sign_with_schnorr: ChainKeyError("Requested unknown or disabled threshold key: schnorr:Ed25519:k, existing enabled keys: [a, b]")"#),
            (unroutable("fetch_canister_logs", Reason::LogsInCompositeQuery), 3, r#"Unable to route management canister request fetch_canister_logs: UserError(UserError { code: CanisterRejectedMessage, description: "fetch_canister_logs API cannot be called from a composite query" })"#),
        ] {
            let reject = Reject::from(error);
            assert_eq!((reject.code.number(), reject.message.as_str()), (code, message));
        }
    }

    #[test]
    fn line_feeds_of_a_type_are_escaped_in_the_debug_form() {
        let reason = Unroutable::Undecodable {
            reason: "from table0 to record {\n  a : nat;\n}: x".into(),
        };
        let error = ManagementRoutingError::Unroutable {
            method: "upload_chunk".into(),
            reason,
        };
        let message = Reject::from(error).message;
        assert!(message.ends_with(r#"description: "Error decoding candid: from table0 to record {\n  a : nat;\n}: x" })"#), "{message}");
    }
}
