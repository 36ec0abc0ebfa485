//! A blocking HTTP client for command lines and preimages: one request, one answer, no TLS.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
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
        let exchange = async {
            let response = client.request(request).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                lost(&cause.unwrap_or_else(|| error.to_string()))
            })?;
            let status = response.status().as_u16();
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(|error| lost(&error))?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| format!("{url}: no answer"))?
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
