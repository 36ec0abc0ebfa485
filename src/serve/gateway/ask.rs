//! One request of a browser: the calls that it becomes, and what of their answers is passed on.

use candid::types::value::IDLArgs;
use candid::{CandidType, Encode, Principal};
use drun_ic::answer::MessageResult;
use drun_ic::net::{Call, Effective};
use hyper::header::{HeaderName, HeaderValue};
use serde_bytes::ByteBuf;

use super::names::{Domains, canister, is_raw};
use super::page;
use super::response::{Response, piece};
use super::upstream::Upstream;
use crate::serve::answer::{Answer, Content};
use crate::serve::request::Request;
use crate::serve::verify::{Answered, Asked, verify};

/// Pieces of a streamed answer, at the most.
const MAX_PIECES: usize = 10_000;
/// What a browser is shown in the place of an answer that does not pass.
const UNTRUSTED: &str = "503 - response verification error\nThe response from the canister failed verification and cannot be trusted.";

#[derive(CandidType)]
struct HttpRequest<'a> {
    method: &'a str,
    url: String,
    headers: Vec<(&'a str, &'a str)>,
    body: ByteBuf,
    certificate_version: Option<u16>,
}

/// Answers the request of a browser.
///
/// # Errors
/// An answer too, that says what went wrong.
pub(super) fn ask(
    upstream: &Upstream,
    domains: &Domains,
    request: &Request,
) -> Result<Answer, Answer> {
    let canister = canister(request, domains);
    let canister = canister.ok_or_else(|| page(400, "400 - canister id not resolved"))?;
    let query = request.query.as_deref().filter(|query| !query.is_empty());
    let url = match query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    let argument = HttpRequest {
        method: &request.verb,
        url: url.clone(),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        body: ByteBuf::from(request.body.clone()),
        certificate_version: Some(2),
    };
    let argument = Encode!(&argument).expect("encoding to memory does not fail");
    let call = |method: &str, payload: Vec<u8>| Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::Canister(canister),
        method: method.to_owned(),
        payload,
    };
    let (asked, certified_at) = upstream.query(&call("http_request", argument.clone()))?;
    let mut response = reply(asked)?;
    // What an update call answers is certified by itself.
    let to_be_verified = !response.upgrade && !is_raw(request);
    if response.upgrade {
        response = reply(upstream.update(&call("http_request_update", argument))?)?;
    }
    if let Some(why) = unsendable(&response) {
        return Err(page(503, &format!("error: {why}")));
    }
    let mut pieces = 0;
    while let Some((callback, token)) = response.more.take() {
        pieces += 1;
        let (to, method) = callback;
        let argument = IDLArgs::new(&[token]).to_bytes();
        let argument = argument.map_err(|error| page(503, &error.to_string()))?;
        let next = Call {
            canister: to,
            effective: Effective::Canister(to),
            ..call(&method, argument)
        };
        let (MessageResult::Replied(bytes), _) = upstream.query(&next)? else {
            return Err(page(503, "error: the streaming callback failed"));
        };
        let piece = piece(&bytes);
        let (body, token) =
            piece.ok_or_else(|| page(503, "error: the streaming callback gives no piece"))?;
        response.body.extend(body);
        if pieces == MAX_PIECES && token.is_some() {
            return Err(page(
                503,
                &format!("error: the answer of the canister has more than {MAX_PIECES} pieces"),
            ));
        }
        response.more = token.map(|token| ((to, method), token));
    }
    if to_be_verified {
        let asked = Asked {
            method: &request.verb,
            url: &url,
            headers: &request.headers,
            body: &request.body,
        };
        let answered = Answered {
            status: response.status,
            headers: &response.headers,
            body: &response.body,
        };
        let root_key = upstream.root_key()?;
        match verify(&canister, &asked, &answered, certified_at, &root_key) {
            Ok(Some(certified)) => response.headers = certified,
            Ok(None) => {}
            Err(error) => return Err(page(503, &format!("{UNTRUSTED}\n{error}"))),
        }
    }
    let mut answer = Answer::new(response.status, Content::None, response.body);
    for (name, value) in response.headers {
        let own = ["content-length", "transfer-encoding", "connection"];
        if !own.contains(&name.to_lowercase().as_str()) {
            answer = answer.with_header(&name, value);
        }
    }
    Ok(answer.with_header("x-ic-canister-id", canister.to_text()))
}

/// Why the answer of a canister is none in HTTP, if so. An answer of class 1 ends nothing.
fn unsendable(response: &Response) -> Option<String> {
    if !(200..=599).contains(&response.status) {
        let status = response.status;
        return Some(format!("the canister answers with the status {status}"));
    }
    let is_bad = |(name, value): &&(String, String)| {
        HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err()
    };
    let (name, _) = response.headers.iter().find(is_bad)?;
    Some(format!(
        "the canister answers with a header that is none, {name:?}"
    ))
}

fn reply(result: MessageResult) -> Result<Response, Answer> {
    match result {
        MessageResult::Replied(bytes) => Response::read(&bytes).ok_or_else(|| {
            page(
                503,
                "error: the canister's `http_request` gives no response",
            )
        }),
        MessageResult::Rejected(text) => Err(page(503, &format!("error: {text}"))),
        MessageResult::Failed(error) => Err(page(503, &format!("error: {error}"))),
    }
}
