//! What a gateway believes of a canister: its answers to HTTP requests are checked against what the subnet certifies of it, by the
//! public crate for that (HTTP gateway protocol, "Response verification").

use candid::Principal;
use hyper::{Method, StatusCode};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::verify_request_response_pair;

/// How much older than the instance's clock a certificate may be, in nanoseconds.
const MAX_AGE: u128 = 300_000_000_000;
/// The oldest way to certify that is taken.
const MIN_VERSION: u8 = 1;

/// A request as the canister was asked.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// What the canister has answered.
pub(crate) struct Answered<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// Checks an answer of a canister at a time, in nanoseconds since the Unix epoch, under the network's root key in DER. Returns the headers
/// that are certified, if not all have to be taken as they are.
///
/// # Errors
/// Why the answer is not to be trusted.
pub(crate) fn verify(
    canister: &Principal,
    asked: &Asked<'_>,
    answered: &Answered<'_>,
    time: u64,
    root_key: &[u8],
) -> Result<Option<Vec<(String, String)>>, String> {
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|error| error.to_string())?;
    let status = StatusCode::from_u16(answered.status).map_err(|error| error.to_string())?;
    let request = HttpRequest::builder()
        .with_method(method)
        .with_url(asked.url)
        .with_headers(asked.headers.to_vec())
        .with_body(asked.body)
        .build();
    let response = HttpResponse::builder()
        .with_status_code(status)
        .with_headers(answered.headers.to_vec())
        .with_body(answered.body)
        .build();
    let verified = verify_request_response_pair(
        request,
        response,
        canister.as_slice(),
        time.into(),
        MAX_AGE,
        root_key,
        MIN_VERSION,
    );
    let verified = verified.map_err(|error| error.to_string())?;
    // The first way to certify covers no headers.
    let certified = verified
        .response
        .filter(|_| verified.verification_version > 1);
    Ok(certified.map(|response| response.headers))
}
