//! What an HTTP answer may be, and which URLs are asked at all (interface specification, http_request). Whoever answers, a mock or
//! the user of a network, is held to it; a node of the network reports each as a reject with code 1.

use super::super::decode::beginning;
use super::super::types::http::{HttpResponse, MAX_HEADERS};
use super::{MAX_BYTES, MAX_FIELD_BYTES, MAX_HEADER_BYTES};
use crate::errors::{ErrorCode, UserError};

/// Why a node would not ask for this URL: it is no URL of HTTP, or not ASCII.
pub(super) fn fault_of_url(url: &str) -> Option<UserError> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (head, rest) = url.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let fine = host.is_some_and(|host| !host.is_empty())
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    (!fine).then(|| refused(format!("Failed to parse URL: {url}")))
}

/// Why a node would not deliver this answer as it came; `max_bytes` bounds headers and body together.
pub(super) fn fault_of_answer(
    response: &HttpResponse,
    max_bytes: Option<u64>,
) -> Option<UserError> {
    fault_of_headers(response).or_else(|| {
        let limit = max_bytes.unwrap_or(MAX_BYTES);
        (bytes_of(response) > limit).then(|| too_large(limit))
    })
}

/// The refusal of an answer of more bytes than these.
pub(super) fn too_large(limit: u64) -> UserError {
    refused(format!("Http body exceeds size limit of {limit} bytes."))
}

/// The same without regard to its size as a whole.
pub(super) fn fault_of_headers(response: &HttpResponse) -> Option<UserError> {
    let headers = &response.headers;
    if headers.len() > MAX_HEADERS {
        let count = headers.len();
        return Some(refused(format!(
            "The number of headers of the http response {count} exceeds {MAX_HEADERS}."
        )));
    }
    for header in headers {
        for (part, text) in [("name", &header.name), ("value", &header.value)] {
            let size = text.len() as u64;
            if size > MAX_FIELD_BYTES {
                return Some(refused(format!(
                    "The size of a header {part} of the http response {size} exceeds {MAX_FIELD_BYTES} bytes."
                )));
            }
        }
    }
    let size = header_bytes(response);
    (size > MAX_HEADER_BYTES).then(|| {
        refused(format!(
            "The size of all headers of the http response {size} exceeds {MAX_HEADER_BYTES} bytes."
        ))
    })
}

/// Why a node would not deliver what a transform function made of an answer. It is measured as the answer itself, or by its
/// bytes if it is none.
pub(super) fn fault_of_transformed(reply: &[u8], max_bytes: Option<u64>) -> Option<UserError> {
    let limit = max_bytes.unwrap_or(MAX_BYTES);
    // Shorter than any answer that is too large.
    if reply.len() as u64 <= limit && reply.len() <= MAX_FIELD_BYTES as usize {
        return None;
    }
    let fault = match beginning::<HttpResponse>(reply) {
        Ok(response) => return fault_of_answer(&response, max_bytes),
        Err(_) => reply.len() as u64 > limit,
    };
    fault.then(|| {
        refused(format!(
            "Transformed http response exceeds size limit of {limit} bytes."
        ))
    })
}

/// Bytes of an answer: headers and body.
pub(super) fn bytes_of(response: &HttpResponse) -> u64 {
    header_bytes(response) + response.body.len() as u64
}

fn header_bytes(response: &HttpResponse) -> u64 {
    let bytes = response.headers.iter();
    bytes
        .map(|it| (it.name.len() + it.value.len()) as u64)
        .sum()
}

/// Canisters see the reject code, which is 1, and the text only.
fn refused(text: String) -> UserError {
    UserError::new(ErrorCode::SubnetOversubscribed, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::types::http::HttpHeader;

    fn response(headers: usize, name: usize, value: usize, body: usize) -> HttpResponse {
        let header = HttpHeader {
            name: "n".repeat(name),
            value: "v".repeat(value),
        };
        HttpResponse {
            status: 200,
            headers: vec![header; headers],
            body: vec![0; body],
        }
    }

    fn text(fault: Option<UserError>) -> Option<String> {
        fault.map(|error| {
            assert_eq!(error.code.reject_code().number(), 1);
            error.description
        })
    }

    #[test]
    fn each_limit_of_an_answer_is_named() {
        let fault = |response, max| text(fault_of_answer(&response, max));
        assert_eq!(fault(response(64, 1, 1, 2_000_000 - 128), None), None);
        assert_eq!(fault(response(3, 8192, 8192, 0), None), None);
        assert_eq!(fault(response(1, 1, 1, 18), Some(20)), None);
        for (response, max, told) in [
            (
                response(1, 1, 1, 19),
                Some(20),
                "Http body exceeds size limit of 20 bytes.",
            ),
            (
                response(0, 0, 0, 2_000_001),
                None,
                "Http body exceeds size limit of 2000000 bytes.",
            ),
            (
                response(65, 1, 1, 0),
                None,
                "The number of headers of the http response 65 exceeds 64.",
            ),
            (
                response(1, 8193, 1, 0),
                None,
                "The size of a header name of the http response 8193 exceeds 8192 bytes.",
            ),
            (
                response(1, 1, 8193, 0),
                None,
                "The size of a header value of the http response 8193 exceeds 8192 bytes.",
            ),
            (
                response(4, 8192, 8192, 0),
                None,
                "The size of all headers of the http response 65536 exceeds 49152 bytes.",
            ),
        ] {
            assert_eq!(fault(response, max).as_deref(), Some(told));
        }
    }

    #[test]
    fn what_a_transform_answers_is_measured_as_the_answer_itself() {
        let fault = |reply: Vec<u8>, max| text(fault_of_transformed(&reply, max));
        let encoded = |body| candid::encode_one(response(0, 0, 0, body)).expect("it encodes");
        assert_eq!(fault(encoded(10_000), Some(10_000)), None);
        let of = |limit| Some(format!("Http body exceeds size limit of {limit} bytes."));
        assert_eq!(fault(encoded(10_001), Some(10_000)), of(10_000));
        assert_eq!(fault(encoded(30), Some(20)), of(20));
        assert_eq!(fault(b"DIDL\0\0".to_vec(), Some(6)), None);
        let of = |limit| {
            Some(format!(
                "Transformed http response exceeds size limit of {limit} bytes."
            ))
        };
        assert_eq!(fault(vec![0; 3_000_000], None), of(2_000_000));
        assert_eq!(fault(vec![0; 21], Some(20)), of(20));
    }

    #[test]
    fn only_urls_of_http_in_ascii_are_asked() {
        for url in [
            "http://x/",
            "https://x",
            "HTTPS://x",
            "https://x:8080?a=b#c",
            "https://x/%20|{}",
        ] {
            assert_eq!(fault_of_url(url), None, "{url}");
        }
        for url in [
            "",
            "x",
            "ftp://x/",
            "https://",
            "https:///a",
            "https://\u{e9}/",
            "https://x/a b",
            "https://x/\n",
        ] {
            assert_eq!(
                text(fault_of_url(url)),
                Some(format!("Failed to parse URL: {url}"))
            );
        }
    }
}
