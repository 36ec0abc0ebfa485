//! HTTP requests of canisters and their answers (pocket-ic-api.md 2.7).

use drun_ic::management::types::http::{HttpHeader, HttpMethod, HttpResponse};
use drun_ic::net::{HttpAnswer, Net, PendingHttp};
use drun_ic::outcall::{OutcallKind, Replication as Counts};
use serde::{Deserialize, Serialize};

use super::{Bytes, SubnetId};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    name: String,
    value: String,
}

/// A request without an answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PendingWire {
    subnet_id: SubnetId,
    request_id: u64,
    http_method: String,
    url: String,
    headers: Vec<Header>,
    body: Bytes,
    max_response_bytes: Option<u64>,
    replication: Replication,
    pricing_version: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
enum Replication {
    FullyReplicated,
    NonReplicated,
    Flexible {
        total_requests: u32,
        min_responses: u32,
        max_responses: u32,
    },
}

impl Replication {
    fn of(outcall: &PendingHttp<'_>) -> Self {
        match outcall.kind {
            OutcallKind::FullyReplicated => Replication::FullyReplicated,
            OutcallKind::NonReplicated => Replication::NonReplicated,
            OutcallKind::Flexible(counts) => {
                let counts = counts.unwrap_or_else(|| Counts::default_of(outcall.nodes));
                Replication::Flexible {
                    total_requests: counts.total_requests,
                    min_responses: counts.min_responses,
                    max_responses: counts.max_responses,
                }
            }
        }
    }
}

/// All requests without an answer.
pub(crate) fn pending(net: &Net) -> Vec<PendingWire> {
    net.pending_http()
        .map(|outcall| PendingWire {
            subnet_id: SubnetId::of(outcall.subnet),
            request_id: outcall.id,
            http_method: method(outcall.args.method),
            url: outcall.args.url.clone(),
            headers: outcall
                .args
                .headers
                .0
                .iter()
                .map(|header| Header {
                    name: header.name.clone(),
                    value: header.value.clone(),
                })
                .collect(),
            body: Bytes(
                outcall
                    .args
                    .body
                    .as_ref()
                    .map(|body| body.to_vec())
                    .unwrap_or_default(),
            ),
            max_response_bytes: outcall.args.max_response_bytes,
            replication: Replication::of(&outcall),
            pricing_version: match outcall.pays_as_it_goes {
                true => "PayAsYouGo",
                false => "Legacy",
            },
        })
        .collect()
}

fn method(method: HttpMethod) -> String {
    format!("{method:?}").to_uppercase()
}

/// An answer in the place of the world outside.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mock {
    pub(crate) subnet_id: SubnetId,
    pub(crate) request_id: u64,
    response: ResponseWire,
    additional_responses: Option<Vec<ResponseWire>>,
}

/// Answers of a flexible request, one of each node that has one.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FlexibleMock {
    pub(crate) subnet_id: SubnetId,
    pub(crate) request_id: u64,
    responses: Vec<ResponseWire>,
}

impl FlexibleMock {
    /// What nodes have got.
    pub(crate) fn answers(self) -> Vec<HttpAnswer> {
        self.responses
            .into_iter()
            .map(ResponseWire::answer)
            .collect()
    }
}

#[derive(Clone, Debug, Deserialize)]
enum ResponseWire {
    CanisterHttpReply {
        status: u16,
        headers: Vec<Header>,
        body: Bytes,
    },
    CanisterHttpReject {
        reject_code: u64,
        message: String,
    },
}

impl Mock {
    /// What the nodes have got, the first one's first.
    pub(crate) fn answers(self) -> Vec<HttpAnswer> {
        let all = std::iter::once(self.response);
        let all = all.chain(self.additional_responses.into_iter().flatten());
        all.map(ResponseWire::answer).collect()
    }
}

impl ResponseWire {
    fn answer(self) -> HttpAnswer {
        match self {
            ResponseWire::CanisterHttpReply {
                status,
                headers,
                body,
            } => HttpAnswer::Reply(HttpResponse {
                status: status.into(),
                headers: headers
                    .into_iter()
                    .map(|Header { name, value }| HttpHeader { name, value })
                    .collect(),
                body: body.0,
            }),
            ResponseWire::CanisterHttpReject {
                reject_code,
                message,
            } => HttpAnswer::Reject(reject_code, message),
        }
    }
}
