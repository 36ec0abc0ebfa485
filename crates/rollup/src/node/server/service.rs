//! What requests are answered from, a request that has come in whole, and the words for one that cannot be understood.

use std::borrow::Cow;
use std::sync::{Arc, mpsc};

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;

use super::answer::Refusal;
use super::query;
use crate::node::Node;
use crate::node::chain::Order;

/// What requests are answered from.
pub struct Service {
    /// The node.
    pub node: Arc<Node>,
    /// The way to the maker of blocks.
    pub orders: mpsc::Sender<Order>,
    /// When it began.
    pub started: std::time::Instant,
}

/// A request with its body.
pub(super) struct Asked {
    /// The method.
    pub method: Method,
    /// The steps of the path.
    pub path: Vec<String>,
    /// What stands behind the question mark.
    pub query: query::Query,
    /// The body.
    pub body: Bytes,
}

/// An argument in a path that cannot be read.
pub(super) fn unacceptable(value: &str, kind: &str) -> Refusal {
    Refusal::Request(format!(
        "Failed to parsed an argument in path. After \"\", the value \"{value}\" is not acceptable for type \"{kind}\""
    ))
}

/// The body as JSON.
pub(super) fn body(asked: &Asked) -> Result<Value, Refusal> {
    serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::Request(format!("Failed to parse the request body: {error}")))
}

/// The body as a list of messages in hexadecimal digits.
///
/// # Errors
/// If it is something else.
pub(super) fn digits(asked: &Asked) -> Result<Vec<Vec<u8>>, Refusal> {
    let wrong =
        |what: String| Refusal::Request(format!("Failed to parse the request body: {what}"));
    let messages: Vec<Cow<'_, str>> = serde_json::from_slice(&asked.body)
        .map_err(|error| wrong(format!("expected a list of hexadecimal strings: {error}")))?;
    let messages = messages.iter().map(|message| hex::decode(&**message));
    messages
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("a message is not hexadecimal: {error}")))
}
