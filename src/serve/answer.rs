//! What an endpoint answers: a status, a body and what it is. Owns the shapes of errors; every one of them has a `message`.

use drun_ic::net::NetError;
use serde::Serialize;

/// The kind of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    Text,
    Html,
    Bytes,
    /// There is no body.
    None,
}

impl Content {
    /// As a header says it.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Content::Json => Some("application/json"),
            Content::Text => Some("text/plain; charset=utf-8"),
            Content::Html => Some("text/html; charset=utf-8"),
            Content::Bytes => Some("application/octet-stream"),
            Content::None => None,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) body: Vec<u8>,
    /// Headers beside the usual ones.
    pub(crate) headers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn new(status: u16, content: Content, body: impl Into<Vec<u8>>) -> Self {
        Answer {
            status,
            content,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn json(value: &impl Serialize) -> Self {
        Answer::json_with(200, value)
    }

    pub(crate) fn json_with(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("the types of the wire serialize");
        Answer::new(status, Content::Json, body)
    }

    /// `null`: it is done, and there is nothing to say.
    pub(crate) fn null() -> Self {
        Answer::new(200, Content::Json, "null")
    }

    pub(crate) fn empty(status: u16) -> Self {
        Answer::new(status, Content::None, "")
    }

    pub(crate) fn html(body: impl Into<Vec<u8>>) -> Self {
        Answer::new(200, Content::Html, body)
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Why a request is not carried out.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Refusal {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Refusal::new(400, message)
    }

    /// Bytes that are not the name of what they should be.
    pub(crate) fn conversion(what: &str) -> Self {
        Refusal::bad(format!("ConversionError {{ message: {what:?} }}"))
    }
}

impl From<NetError> for Refusal {
    fn from(error: NetError) -> Self {
        let status = match error {
            NetError::NotTheSender => 403,
            NetError::OutOfMemory(_) => 500,
            _ => 400,
        };
        Refusal::new(status, error.to_string())
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        #[derive(Serialize)]
        struct Message<'a> {
            message: &'a str,
        }
        Answer::json_with(
            refusal.status,
            &Message {
                message: &refusal.message,
            },
        )
    }
}

/// The result of an endpoint.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// Either of both as the answer that is sent.
pub(crate) fn settled(outcome: Outcome) -> Answer {
    outcome.unwrap_or_else(Answer::from)
}
