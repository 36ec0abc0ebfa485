//! What `http_request` and `flexible_http_request` take and answer. Owns the wire form and the number of headers that decode; all other limits, and
//! the fee, belong to the method.

use super::limited::Limited;
use crate::outcall::Replication;
use candid::types::reference::Func;
use candid::{CandidType, Deserialize, Principal, Reserved};
use serde_bytes::ByteBuf;

/// Most headers that decode, in a request or a response (management-canister.md, section 1.19).
pub const MAX_HEADERS: usize = 64;

/// The kind of a request in replicas before 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum OldHttpMethod {
    #[serde(rename = "get")]
    Get,
    #[serde(rename = "head")]
    Head,
    #[serde(rename = "post")]
    Post,
}

impl From<OldHttpMethod> for HttpMethod {
    fn from(method: OldHttpMethod) -> Self {
        match method {
            OldHttpMethod::Get => HttpMethod::Get,
            OldHttpMethod::Head => HttpMethod::Head,
            OldHttpMethod::Post => HttpMethod::Post,
        }
    }
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum HttpMethod {
    #[serde(rename = "get")]
    Get,
    #[serde(rename = "head")]
    Head,
    #[serde(rename = "post")]
    Post,
    #[serde(rename = "put")]
    Put,
    #[serde(rename = "delete")]
    Delete,
    #[serde(rename = "patch")]
    Patch,
}

impl HttpMethod {
    /// All methods.
    pub const ALL: [HttpMethod; 6] = [
        HttpMethod::Get,
        HttpMethod::Head,
        HttpMethod::Post,
        HttpMethod::Put,
        HttpMethod::Delete,
        HttpMethod::Patch,
    ];

    /// Its name in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Delete => "DELETE",
            HttpMethod::Patch => "PATCH",
        }
    }

    /// Its name, if requests of this kind change something in the world, so that one node only may send them.
    pub fn changes_something(self) -> Option<&'static str> {
        match self {
            HttpMethod::Get | HttpMethod::Head | HttpMethod::Post => None,
            HttpMethod::Put | HttpMethod::Delete | HttpMethod::Patch => Some(self.name()),
        }
    }
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
pub struct HttpRequestArgs<M = HttpMethod> {
    pub url: String,
    /// Bytes; `None` is the largest answer allowed.
    pub max_response_bytes: Option<u64>,
    pub method: M,
    pub headers: Limited<MAX_HEADERS, HttpHeader>,
    pub body: Option<ByteBuf>,
    pub transform: Option<Transform>,
    pub is_replicated: Option<bool>,
    /// 1 or 2, since 2026; anything else means 1.
    pub pricing_version: Option<u32>,
}

impl From<HttpRequestArgs<OldHttpMethod>> for HttpRequestArgs {
    fn from(old: HttpRequestArgs<OldHttpMethod>) -> Self {
        HttpRequestArgs {
            url: old.url,
            max_response_bytes: old.max_response_bytes,
            method: old.method.into(),
            headers: old.headers,
            body: old.body,
            transform: old.transform,
            is_replicated: old.is_replicated,
            pricing_version: None,
        }
    }
}

/// Argument of `flexible_http_request`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct FlexibleHttpRequestArgs {
    pub url: String,
    pub max_response_bytes: Option<u64>,
    pub method: HttpMethod,
    pub headers: Limited<MAX_HEADERS, HttpHeader>,
    pub body: Option<ByteBuf>,
    pub transform: Option<Transform>,
    pub replication: Option<Replication>,
}

/// Answer of `flexible_http_request`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum FlexibleHttpReply {
    #[serde(rename = "ok")]
    Ok(Vec<HttpResponse>),
    #[serde(rename = "err")]
    Err(FlexibleFailure),
}

/// Why a flexible outcall has no answers.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct FlexibleFailure {
    pub global_error: Option<GlobalError>,
    pub node_details: Vec<NodeDetails>,
    pub message: String,
}

/// What went wrong with a flexible outcall as a whole.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum GlobalError {
    #[serde(rename = "timeout")]
    Timeout(Reserved),
    #[serde(rename = "out_of_cycles")]
    OutOfCycles(Reserved),
    #[serde(rename = "responses_too_large")]
    ResponsesTooLarge(Reserved),
    #[serde(rename = "too_many_rejects")]
    TooManyRejects(Reserved),
}

/// What one node has to say.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeDetails {
    pub node_id: Principal,
    pub report: ResourceReport,
    pub error: Option<NodeError>,
}

/// What one node used, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct ResourceReport {
    pub raw_response_bytes: Option<Used>,
    pub http_roundtrip_time_ms: Option<Used>,
    pub transform_instructions: Option<Used>,
    pub transformed_response_bytes: Option<Used>,
    pub cycles: Option<UsedCycles>,
}

/// Of a resource.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum Used {
    #[serde(rename = "used")]
    Used(u64),
    #[serde(rename = "exceeded")]
    Exceeded(Reserved),
}

/// Of cycles.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum UsedCycles {
    #[serde(rename = "used")]
    Used(u128),
    #[serde(rename = "exceeded")]
    Exceeded(Reserved),
}

/// Why a node has no answer.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeError {
    pub code: String,
    pub message: String,
}

/// Answer of `http_request`, and what a transform function takes and answers.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct HttpResponse {
    pub status: u128,
    pub headers: Vec<HttpHeader>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}
