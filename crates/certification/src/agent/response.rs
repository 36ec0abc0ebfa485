//! What goes back to an agent, and the words of refusals that do not depend on the kind of request.

use ciborium::Value;

use crate::cbor;
use crate::request::{Malformed, Refused, RequestId};

/// Most bytes of a body.
pub const MAX_BODY: usize = 4 << 20;

/// An answer in the terms of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers beside those that every answer has, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer in CBOR.
    pub(super) fn cbor(status: u16, value: Value) -> Self {
        Response {
            status,
            headers: vec![
                ("content-type", "application/cbor".into()),
                ("x-content-type-options", "nosniff".into()),
                ("x-frame-options", "DENY".into()),
            ],
            body: cbor::encode(value),
        }
    }

    /// An answer in words.
    pub(super) fn text(status: u16, text: impl Into<String>) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".into())];
        Response {
            status,
            headers,
            body: text.into().into_bytes(),
        }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn canister_not_found() -> Self {
        Self::not_found(
            "canister_not_found",
            "The specified canister does not exist.",
        )
    }

    pub(super) fn subnet_not_found() -> Self {
        Self::not_found("subnet_not_found", "The specified subnet cannot be found.")
    }

    fn not_found(cause: &str, details: &str) -> Self {
        let mut response = Self::text(400, format!("error: {cause}\ndetails: {details}"));
        response.headers.push(("x-ic-error-cause", cause.into()));
        response
    }

    pub(super) fn too_large(size: usize) -> Self {
        Self::text(
            413,
            format!(
                "error: payload_too_large\ndetails: The body has {size} bytes, but only {MAX_BODY} are allowed."
            ),
        )
    }

    pub(super) fn malformed(error: &Malformed) -> Self {
        Self::text(
            400,
            format!("Could not parse body as a request: {}", error.0),
        )
    }

    /// An expiry out of range is a bad request; a signature that does not hold is forbidden.
    pub(super) fn refused(id: &RequestId, refused: &Refused) -> Self {
        let status = if matches!(refused, Refused::Expired(_)) {
            400
        } else {
            403
        };
        Self::text(
            status,
            format!(
                "Failed to authenticate request 0x{} due to: {refused}",
                hex::encode(id)
            ),
        )
    }
}
