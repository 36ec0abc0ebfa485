//! What can go wrong with management methods that leave the subnet: http requests, signatures and keys, Bitcoin (errors.md, 5.7;
//! management-canister.md, 1.19 to 1.25). Owns the texts.

use candid::Principal;

use super::Row;
use super::code::ErrorCode;
use super::help::Help;
use super::text::grouped;

/// A failure of a method that needs the world outside the subnet. Keys are named as they print, `ecdsa:Secp256k1:key_1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcallError {
    /// The subnet has no http requests.
    NotEnabled,
    /// Too few cycles came with the request.
    NotEnoughCycles {
        method: String,
        sent: u128,
        required: u128,
    },
    /// Too many http requests are waiting.
    TooManyRequests { max: u64 },
    /// The transform function is not the caller's.
    TransformPrincipal { expected: Principal, got: Principal },
    /// A response of more than 2,000,000 bytes was allowed.
    MaxResponseBytes { got: u64 },
    /// A URL of more than 8192 bytes.
    UrlTooLong { size: u64 },
    /// A header name of more than 8192 bytes.
    HeaderNameTooLong { size: u64 },
    /// A header value of more than 8192 bytes.
    HeaderValueTooLong { size: u64 },
    /// Headers of more than 49152 bytes together. The wording is ours.
    HeadersTooLarge { size: u64 },
    /// Headers and a body of more than 2,000,000 bytes together. The wording is ours.
    RequestTooLarge { size: u64 },
    /// A method that changes something, of which all nodes would send the request. The wording is ours.
    NotReplicated { method: &'static str },
    /// Counts of a flexible request that cannot be on a subnet of so many nodes. The wording is ours.
    Replication {
        min: u32,
        max: u32,
        total: u32,
        nodes: u64,
    },
    /// The key does not exist or must not be used.
    UnknownKey { method: String, key: String },
    /// The subnet does not have the key.
    KeyNotHeld { subnet: Principal, key: String },
    /// There is nothing to be signed.
    EmptyMessage,
    /// The bytes are not a key.
    InvalidTransportKey,
    /// There is no Bitcoin.
    NoBitcoin,
    /// An internal Bitcoin method.
    PermissionDenied,
    /// The subnet in the argument is another one.
    WrongSubnet { target: Principal, own: Principal },
}

impl OutcallError {
    #[rustfmt::skip] // a table
    pub(super) fn row(&self) -> Row {
        use ErrorCode as Code;
        use OutcallError::*;
        match self {
            NotEnabled => (Code::CanisterContractViolation, "This API is not enabled on this subnet".into(), Help::None),
            NotEnoughCycles { method, sent, required } => (Code::CanisterRejectedMessage, format!("{method} request sent with {} cycles, but {} cycles are required.", grouped(*sent), grouped(*required)), Help::None),
            TooManyRequests { max } => (Code::CanisterRejectedMessage, format!("max number ({max}) of http requests in-flight reached."), Help::None),
            TransformPrincipal { expected, got } => (Code::CanisterRejectedMessage, format!("transform principal id expected to be {expected}, got {got}"), Help::None),
            MaxResponseBytes { got } => (Code::CanisterRejectedMessage, format!("max_response_bytes expected to be in the range [0..2000000], got {got}"), Help::None),
            UrlTooLong { size } => (Code::CanisterRejectedMessage, format!("url size {size} exceeds 8192"), Help::None),
            HeaderNameTooLong { size } => (Code::CanisterRejectedMessage, format!("number of bytes to represent some http header name {size} exceeds 8192"), Help::None),
            HeaderValueTooLong { size } => (Code::CanisterRejectedMessage, format!("number of bytes to represent some http header value {size} exceeds 8192"), Help::None),
            HeadersTooLarge { size } => (Code::CanisterRejectedMessage, format!("number of bytes to represent all http headers {size} exceeds 49152"), Help::None),
            RequestTooLarge { size } => (Code::CanisterRejectedMessage, format!("number of bytes to represent all http headers and the body {size} exceeds 2000000"), Help::None),
            NotReplicated { method } => (Code::CanisterRejectedMessage, format!("{method} is only allowed for non-replicated requests"), Help::None),
            Replication { min, max, total, nodes } => (Code::CanisterRejectedMessage, format!("replication expected to be 0 <= min_responses <= max_responses <= total_requests and 1 <= total_requests <= {nodes}, got {min}, {max}, {total}"), Help::None),
            UnknownKey { method, key } => (Code::CanisterRejectedMessage, format!("{method} request failed: unknown or disabled threshold key {key}."), Help::None),
            KeyNotHeld { subnet, key } => (Code::CanisterRejectedMessage, format!("Subnet {subnet} does not hold threshold key {key}."), Help::None),
            EmptyMessage => (Code::CanisterRejectedMessage, "An empty message cannot be signed".into(), Help::None),
            InvalidTransportKey => (Code::CanisterRejectedMessage, "The provided transport public key is invalid.".into(), Help::None),
            NoBitcoin => (Code::CanisterRejectedMessage, "No bitcoin canisters available.".into(), Help::None),
            PermissionDenied => (Code::CanisterRejectedMessage, "Permission denied.".into(), Help::None),
            WrongSubnet { target, own } => (Code::CanisterRejectedMessage, format!("Provided target subnet ID {target} does not match current subnet ID {own}."), Help::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ManagementError, UserError};
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_and_text() {
        use OutcallError::*;
        let (a, b) = (Principal::management_canister(), Principal::anonymous());
        let key = || "ecdsa:Secp256k1:key_1".to_owned();
        let method = || "sign_with_ecdsa".to_owned();
        for (error, printed) in [
            (NotEnabled, "IC0504: This API is not enabled on this subnet"),
            (NotEnoughCycles { method: method(), sent: 1_000, required: 26_153_846_153 }, "IC0406: sign_with_ecdsa request sent with 1_000 cycles, but 26_153_846_153 cycles are required."),
            (TooManyRequests { max: 3000 }, "IC0406: max number (3000) of http requests in-flight reached."),
            (TransformPrincipal { expected: a, got: b }, "IC0406: transform principal id expected to be aaaaa-aa, got 2vxsx-fae"),
            (MaxResponseBytes { got: 2000001 }, "IC0406: max_response_bytes expected to be in the range [0..2000000], got 2000001"),
            (UrlTooLong { size: 8193 }, "IC0406: url size 8193 exceeds 8192"),
            (HeaderNameTooLong { size: 8193 }, "IC0406: number of bytes to represent some http header name 8193 exceeds 8192"),
            (HeaderValueTooLong { size: 8193 }, "IC0406: number of bytes to represent some http header value 8193 exceeds 8192"),
            (HeadersTooLarge { size: 49153 }, "IC0406: number of bytes to represent all http headers 49153 exceeds 49152"),
            (RequestTooLarge { size: 2000001 }, "IC0406: number of bytes to represent all http headers and the body 2000001 exceeds 2000000"),
            (NotReplicated { method: "PUT" }, "IC0406: PUT is only allowed for non-replicated requests"),
            (Replication { min: 2, max: 1, total: 3, nodes: 13 }, "IC0406: replication expected to be 0 <= min_responses <= max_responses <= total_requests and 1 <= total_requests <= 13, got 2, 1, 3"),
            (UnknownKey { method: method(), key: key() }, "IC0406: sign_with_ecdsa request failed: unknown or disabled threshold key ecdsa:Secp256k1:key_1."),
            (KeyNotHeld { subnet: a, key: key() }, "IC0406: Subnet aaaaa-aa does not hold threshold key ecdsa:Secp256k1:key_1."),
            (EmptyMessage, "IC0406: An empty message cannot be signed"),
            (InvalidTransportKey, "IC0406: The provided transport public key is invalid."),
            (NoBitcoin, "IC0406: No bitcoin canisters available."),
            (PermissionDenied, "IC0406: Permission denied."),
            (WrongSubnet { target: b, own: a }, "IC0406: Provided target subnet ID 2vxsx-fae does not match current subnet ID aaaaa-aa."),
        ] {
            assert_eq!(UserError::from(ManagementError::from(error)).to_string(), printed);
        }
    }
}
