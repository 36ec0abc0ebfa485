//! Answers: JSON with a line ending, streams, and the error forms of the real node (rollup-node.md, section 9.1).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;

/// What goes back to a client.
pub(super) type Reply = Response<BoxBody<Bytes, Infallible>>;

/// Why there is no good answer.
#[derive(Debug)]
pub enum Refusal {
    /// 400: the request cannot be understood; a line of text.
    Request(String),
    /// 403.
    Forbidden(String),
    /// 404: no such service, or nothing there.
    NotFound,
    /// 405, with the methods that there are.
    Method(String),
    /// 406: the client takes no JSON.
    NotAcceptable,
    /// 415: the body is something else than JSON.
    MediaType,
    /// 500: a list with one error.
    Failure {
        /// `permanent` or `temporary`.
        kind: &'static str,
        /// The id of the error.
        id: &'static str,
        /// What went wrong.
        text: String,
    },
}

impl Refusal {
    /// A failure without an id of its own.
    pub fn failure(text: impl Into<String>) -> Self {
        Self::Failure {
            kind: "temporary",
            id: "failure",
            text: text.into(),
        }
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self::failure(text)
    }
}

fn full(status: StatusCode, media: &'static str, body: Vec<u8>) -> Reply {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status;
    if !media.is_empty() {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(media));
    }
    response
}

/// A good answer.
pub(super) fn json(value: &impl std::fmt::Display) -> Reply {
    full(
        StatusCode::OK,
        "application/json",
        format!("{value}\n").into_bytes(),
    )
}

/// A good answer of another kind.
pub(super) fn plain(media: &'static str, body: Vec<u8>) -> Reply {
    full(StatusCode::OK, media, body)
}

/// An answer that has only a status.
pub(super) fn empty(status: StatusCode) -> Reply {
    full(status, "", Vec::new())
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let text = |status, text: String| full(status, "text/plain", text.into_bytes());
        match refusal {
            Refusal::Request(what) => text(StatusCode::BAD_REQUEST, what),
            Refusal::Forbidden(what) => text(StatusCode::FORBIDDEN, what),
            Refusal::NotFound => empty(StatusCode::NOT_FOUND),
            Refusal::NotAcceptable => empty(StatusCode::NOT_ACCEPTABLE),
            Refusal::MediaType => empty(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Refusal::Method(allowed) => {
                let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
                if let Ok(allowed) = hyper::header::HeaderValue::from_str(&allowed) {
                    reply.headers_mut().insert(ALLOW, allowed);
                }
                reply
            }
            Refusal::Failure { kind, id, text } => {
                let error = json!([{ "kind": kind, "id": id, "msg": text }]);
                full(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "application/json",
                    format!("{error}\n").into_bytes(),
                )
            }
        }
    }
}

/// A body that comes piece by piece, for as long as somebody reads it.
struct Stream(mpsc::Receiver<Bytes>);

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A stream; what is sent through the other end goes to the client.
pub(super) fn stream(media: &'static str) -> (mpsc::Sender<Bytes>, Reply) {
    let (sender, receiver) = mpsc::channel(16);
    let mut response = Response::new(Stream(receiver).boxed());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(media));
    (sender, response)
}
