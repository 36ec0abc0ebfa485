//! A blocking HTTP client for command lines and preimages: one request, one answer, no TLS.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Asks once. Not to be called from asynchronous code.
///
/// # Errors
/// If the address is no good, or no answer comes.
pub fn request(method: &str, url: &str, body: Option<Vec<u8>>) -> Result<Answer, String> {
    exchange(method, url, body, None)
}

/// What becomes of the lines of a stream: false ends it.
type Lines<'a> = &'a mut dyn FnMut(&str) -> Result<bool, String>;

/// The same for GET, but the lines of a good answer without an end that is known are given to `line` as they come, for as
/// long as it wants more; the body is then empty.
///
/// # Errors
/// If the address is no good, no answer comes, or `line` fails.
pub fn follow(url: &str, line: Lines<'_>) -> Result<Answer, String> {
    exchange("GET", url, None, Some(line))
}

fn exchange(
    method: &str,
    url: &str,
    body: Option<Vec<u8>>,
    lines: Option<Lines<'_>>,
) -> Result<Answer, String> {
    if !url.starts_with("http://") {
        return Err(format!(
            "{url}: Endpoint should be of the form http[s]://address:port (https is not supported)"
        ));
    }
    let lost = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let mut request = Request::builder().method(method).uri(url);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let request = request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| lost(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| lost(&error))?;
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let late = |_| format!("{url}: no answer");
        let response = tokio::time::timeout(PATIENCE, client.request(request));
        let response = response.await.map_err(late)?.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            lost(&cause.unwrap_or_else(|| error.to_string()))
        })?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        if let Some(line) = lines
            && status == 200
            && body.size_hint().exact().is_none()
        {
            let mut rest = Vec::new();
            while let Some(frame) = body.frame().await {
                let data = frame.map_err(|error| lost(&error))?.into_data();
                rest.extend(data.unwrap_or_default());
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let whole: Vec<u8> = rest.drain(..=end).collect();
                    if !line(String::from_utf8_lossy(&whole[..end]).as_ref())? {
                        return Ok(Answer {
                            status,
                            body: Bytes::new(),
                        });
                    }
                }
            }
            if !rest.is_empty() {
                line(String::from_utf8_lossy(&rest).as_ref())?;
            }
            return Ok(Answer {
                status,
                body: Bytes::new(),
            });
        }
        let body = tokio::time::timeout(PATIENCE, body.collect());
        let body = body.await.map_err(late)?.map_err(|error| lost(&error))?;
        Ok(Answer {
            status,
            body: body.to_bytes(),
        })
    })
}

/// The body of a good answer to GET.
///
/// # Errors
/// If there is none, or with another status than 200.
pub fn get(url: &str) -> Result<Bytes, String> {
    let answer = request("GET", url, None)?;
    if answer.status == 200 {
        Ok(answer.body)
    } else {
        Err(format!("{url}: HTTP status {}", answer.status))
    }
}
