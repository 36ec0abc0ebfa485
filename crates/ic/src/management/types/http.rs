//! What `http_request` takes and answers. Owns the wire form and the number of headers that decode; all other limits, and
//! the fee, belong to the method.

use super::limited::Limited;
use candid::types::reference::Func;
use candid::{CandidType, Deserialize};
use serde_bytes::ByteBuf;

/// Most headers that decode, in a request or a response (management-canister.md, section 1.19).
pub const MAX_HEADERS: usize = 64;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum HttpMethod {
    #[serde(rename = "get")]
    Get,
    #[serde(rename = "head")]
    Head,
    #[serde(rename = "post")]
    Post,
}

/// A header of a request or a response.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct HttpHeader {
    pub name: String,
    pub value: String,
}

/// `func (record { response; context }) -> (http_response) query`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TransformFunction(pub Func);

impl CandidType for TransformFunction {
    fn _ty() -> candid::types::Type {
        candid::func!((TransformArgs) -> (HttpResponse) query)
    }

    fn idl_serialize<S: candid::types::Serializer>(&self, serializer: S) -> Result<(), S::Error> {
        self.0.idl_serialize(serializer)
    }
}

/// What the function that cleans a response is called with.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct TransformArgs {
    pub response: HttpResponse,
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
}

/// The caller's function that cleans a response, and a value for it.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct Transform {
    pub function: TransformFunction,
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
}

/// Argument of `http_request`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct HttpRequestArgs {
    pub url: String,
    /// Bytes; `None` is the largest answer allowed.
    pub max_response_bytes: Option<u64>,
    pub method: HttpMethod,
    pub headers: Limited<MAX_HEADERS, HttpHeader>,
    pub body: Option<ByteBuf>,
    pub transform: Option<Transform>,
    pub is_replicated: Option<bool>,
}

/// Answer of `http_request`, and what a transform function takes and answers.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct HttpResponse {
    pub status: u128,
    pub headers: Vec<HttpHeader>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}
