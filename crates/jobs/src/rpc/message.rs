//! The text of JSON-RPC 2.0 requests and answers. Ids, parameters, results and errors keep the text they came with.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::Object;

/// A request whose form is right.
#[derive(Debug)]
pub(super) struct Request {
    /// As it was written; `None` if there is none.
    pub id: Option<Box<RawValue>>,
    /// Never empty.
    pub method: String,
    /// `[]` if there are none.
    pub params: Box<RawValue>,
    /// The chain it names.
    pub chain: Option<u64>,
}

/// Code of what went wrong behind the checks of a request.
pub(super) const SERVER_ERROR: i64 = -32000;

/// An error with the id of its request.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As in [`Request::id`].
    pub id: Option<Box<RawValue>>,
    /// What the guest is told.
    pub error: RpcError,
}

/// The error member of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// JSON-RPC error code.
    pub code: i64,
    /// JSON-RPC error message.
    pub message: &'static str,
    /// Particulars.
    pub data: Option<String>,
}

impl RpcError {
    /// An error with particulars.
    pub fn new(code: i64, message: &'static str, data: impl Into<String>) -> Self {
        RpcError {
            code,
            message,
            data: Some(data.into()),
        }
    }

    /// The request is not one.
    pub fn invalid_request(data: Option<String>) -> Self {
        RpcError {
            code: -32600,
            message: "Invalid Request",
            data,
        }
    }

    /// Something here does not work.
    pub fn server(data: impl Into<String>) -> Self {
        RpcError::new(SERVER_ERROR, "Server error", data)
    }

    /// Something at the other end does not work.
    pub fn proxy(data: impl Into<String>) -> Self {
        RpcError::new(SERVER_ERROR, "Proxy error", data)
    }

    /// Its text as a JSON object.
    pub fn text(&self) -> String {
        let object = Object::new()
            .with("code", self.code)
            .with("message", self.message);
        match &self.data {
            Some(data) => object.with("data", data).text(),
            None => object.text(),
        }
    }
}

/// What a node answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The member `result`.
    Result(Box<RawValue>),
    /// The member `error`.
    Error(Box<RawValue>),
}

impl Reply {
    /// The text of an answer with this id.
    pub fn text(&self, id: Option<&RawValue>) -> String {
        let name = match self {
            Reply::Result(_) => "result",
            Reply::Error(_) => "error",
        };
        answer(id, name, self.value().get())
    }

    /// The member, whichever it is.
    pub fn value(&self) -> &RawValue {
        match self {
            Reply::Result(value) | Reply::Error(value) => value,
        }
    }
}

/// The text of an answer that is an error.
pub fn error_answer(id: Option<&RawValue>, error: &RpcError) -> String {
    answer(id, "error", &error.text())
}

fn answer(id: Option<&RawValue>, name: &str, value: &str) -> String {
    match id {
        Some(id) => format!(r#"{{"jsonrpc":"2.0","id":{},"{name}":{value}}}"#, id.get()),
        None => format!(r#"{{"jsonrpc":"2.0","{name}":{value}}}"#),
    }
}

/// JSON that is `null`, the id of an answer to something without one.
pub(super) fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// The parameters of a request that has none.
pub(super) fn none() -> Box<RawValue> {
    raw(&[(); 0])
}

/// A value as text.
pub(super) fn raw(value: &(impl serde::Serialize + ?Sized)) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| null())
}

/// One request.
///
/// # Errors
/// If it is no object or has no version or method, or members of other types.
pub(super) fn parse(text: &RawValue) -> Result<Request, Refusal> {
    let members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text.get()).map_err(|_| Refusal {
            id: Some(null()),
            error: RpcError::invalid_request(None),
        })?;
    let id = members.get("id").cloned();
    // An id is a string, a number or null; anything else is not repeated.
    let scalar = |id: &RawValue| !id.get().starts_with(['{', '[', 't', 'f']);
    let refuse = |error| Refusal {
        id: Some(id.clone().filter(|id| scalar(id)).unwrap_or_else(null)),
        error,
    };
    let string = |name: &str| {
        let value = members.get(name)?;
        serde_json::from_str::<String>(value.get()).ok()
    };
    if id.as_deref().is_some_and(|id| !scalar(id)) || string("jsonrpc").as_deref() != Some("2.0") {
        return Err(refuse(RpcError::invalid_request(None)));
    }
    let Some(method) = string("method").filter(|method| !method.is_empty()) else {
        return Err(refuse(RpcError::invalid_request(None)));
    };
    let params = match members.get("params") {
        None => none(),
        Some(params) if params.get().starts_with(['[', '{']) => params.clone(),
        Some(_) => return Err(refuse(RpcError::invalid_request(None))),
    };
    let chain = match members.get("chainId") {
        None => None,
        Some(chain) => Some(parse_chain(chain).ok_or_else(|| {
            refuse(RpcError::new(
                -32602,
                "Invalid params",
                "Invalid params: chainId must be a number or a hexadecimal string",
            ))
        })?),
    };
    Ok(Request {
        id,
        method,
        params,
        chain,
    })
}

fn parse_chain(text: &RawValue) -> Option<u64> {
    if let Ok(number) = serde_json::from_str::<u64>(text.get()) {
        return Some(number);
    }
    super::hex::quantity(&serde_json::from_str::<String>(text.get()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request, Refusal> {
        parse(&serde_json::from_str::<Box<RawValue>>(text).unwrap())
    }

    #[test]
    fn a_request_keeps_its_text() {
        let request =
            parsed(r#"{"jsonrpc":"2.0","id":1.50,"method":"m","params":[1e3],"chainId":"0x5"}"#)
                .unwrap();
        assert_eq!(request.id.unwrap().get(), "1.50");
        assert_eq!(request.params.get(), "[1e3]");
        assert_eq!(request.chain, Some(5));
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_id() {
        for (text, id) in [
            ("null", "null"),
            ("7", "null"),
            (r#"{"jsonrpc":"1.0","id":3,"method":"m"}"#, "3"),
            (r#"{"jsonrpc":"2.0","id":"x"}"#, "\"x\""),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#, "null"),
            (r#"{"jsonrpc":"2.0","id":3,"method":""}"#, "3"),
            (r#"{"jsonrpc":"2.0","id":3,"method":"m","params":3}"#, "3"),
        ] {
            let refusal = parsed(text).unwrap_err();
            assert_eq!(refusal.id.unwrap().get(), id, "{text}");
            assert_eq!(refusal.error.code, -32600, "{text}");
        }
    }

    #[test]
    fn an_answer_without_id_has_none() {
        let reply = Reply::Result(raw("0x1"));
        assert_eq!(reply.text(None), r#"{"jsonrpc":"2.0","result":"0x1"}"#);
        assert_eq!(
            reply.text(Some(&null())),
            r#"{"jsonrpc":"2.0","id":null,"result":"0x1"}"#
        );
    }
}
