//! Whose canisters a gateway asks: those of an instance of this server, or those behind the interface for agents of another one.

use std::sync::Arc;

use drun_certification::hash_tree::Lookup;
use drun_certification::{Certificate, cbor};
use drun_ic::answer::MessageResult;
use drun_ic::management::types::http::{HttpHeader, HttpMethod, HttpResponse};
use drun_ic::net::{Call, HttpAnswer, request_id};
use tokio::runtime::Handle;

use super::page;
use crate::serve::answer::{Answer, Content, Refusal};
use crate::serve::auto_progress::now;
use crate::serve::instance_routes::await_message;
use crate::serve::instances::Instance;
use crate::serve::outbound::Outbound;
use crate::serve::request::{Method, Request};

/// Rounds that an update call of a gateway may take.
const ROUNDS: u64 = 100;
/// Nanoseconds for which a request to another server is good.
const TTL: u64 = 240_000_000_000;
/// Bytes of the largest answer of another server.
const MAX_BYTES: u64 = 16 << 20;

/// Who has the canisters.
pub(super) enum Upstream {
    Instance(Arc<Instance>),
    Replica(Arc<Replica>),
}

/// Another server.
pub(super) struct Replica {
    url: String,
    root_key: Vec<u8>,
    runtime: Handle,
}

impl Upstream {
    /// The root key of the network, in DER.
    pub(super) fn root_key(&self) -> Result<Vec<u8>, Answer> {
        Ok(match self {
            Upstream::Instance(instance) => instance.hold()?.subnets()[0].public_key.clone(),
            Upstream::Replica(replica) => replica.root_key.clone(),
        })
    }

    /// Runs a query; also tells the time of the state it ran on, nanoseconds since the Unix epoch.
    pub(super) fn query(&self, call: &Call) -> Result<(MessageResult, u64), Answer> {
        match self {
            Upstream::Instance(instance) => {
                let mut net = instance.hold()?;
                let Ok((place, _)) = net.canister(&call.canister) else {
                    return Err(not_found());
                };
                let result = net.query(call).map_err(Refusal::from)?;
                Ok((result, net.subnets()[place].node.time()))
            }
            Upstream::Replica(replica) => Ok((replica.query(call)?, now())),
        }
    }

    /// Runs an update call.
    pub(super) fn update(&self, call: &Call) -> Result<MessageResult, Answer> {
        match self {
            Upstream::Instance(instance) => {
                let submitted = instance.hold()?.submit(call).map_err(Refusal::from)?;
                instance.live.ring();
                match submitted {
                    Ok((_, id)) => Ok(await_message(instance, &id, ROUNDS)?),
                    Err(error) => Ok(MessageResult::Failed(error)),
                }
            }
            Upstream::Replica(replica) => replica.update(call),
        }
    }
}

fn not_found() -> Answer {
    page(404, "404 - canister not found")
}

fn upstream_error(why: &str) -> Answer {
    page(503, &format!("error: upstream_error ({why})"))
}

impl Replica {
    /// The server at this address, once it has told its root key.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn find(url: &str, runtime: Handle) -> Result<Self, String> {
        let mut replica = Replica {
            url: url.trim_end_matches('/').to_owned(),
            root_key: Vec::new(),
            runtime,
        };
        let status = replica.send(HttpMethod::Get, "/api/v2/status", Vec::new())?;
        let told = cbor::decode(&status.body)
            .map_err(|error| format!("{url} tells no status: {error}"))?;
        let root_key = cbor::get(&told, "root_key").and_then(|key| key.as_bytes());
        replica.root_key = root_key
            .ok_or_else(|| format!("{url} tells no root key"))?
            .clone();
        Ok(replica)
    }

    fn send(&self, method: HttpMethod, path: &str, body: Vec<u8>) -> Result<HttpResponse, String> {
        let outbound = Outbound {
            method,
            url: format!("{}{path}", self.url),
            headers: vec![HttpHeader {
                name: "content-type".into(),
                value: "application/cbor".into(),
            }],
            body,
            max_bytes: MAX_BYTES,
        };
        let (tell, told) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            // Who does not wait any more needs no answer.
            let _ = tell.send(outbound.send().await);
        });
        match told.recv() {
            Ok(HttpAnswer::Reply(response)) => Ok(response),
            Ok(HttpAnswer::Reject(_, text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Passes a request on as it is.
    pub(super) fn pass(&self, request: &Request) -> Answer {
        let method = match request.method {
            Method::Get => HttpMethod::Get,
            _ => HttpMethod::Post,
        };
        match self.send(method, &request.path, request.body.clone()) {
            Ok(response) => {
                let status = u16::try_from(response.status).unwrap_or(502);
                let answer = Answer::new(status, Content::None, response.body);
                let mut headers = response.headers.into_iter();
                match headers.find(|header| header.name == "content-type") {
                    Some(kind) => answer.with_header("content-type", kind.value),
                    None => answer,
                }
            }
            Err(why) => upstream_error(&why),
        }
    }

    /// The envelope of an anonymous request.
    fn envelope(kind: &str, call: &Call, expiry: u64) -> Vec<u8> {
        let content = cbor::map([
            ("request_type", kind.into()),
            ("sender", cbor::bytes(call.sender.as_slice())),
            ("ingress_expiry", expiry.into()),
            ("canister_id", cbor::bytes(call.canister.as_slice())),
            ("method_name", call.method.as_str().into()),
            ("arg", cbor::bytes(&call.payload)),
        ]);
        cbor::encode(cbor::map([("content", content)]))
    }

    /// What the server answers to a request about a canister.
    fn ask(&self, version: &str, verb: &str, call: &Call, expiry: u64) -> Result<Vec<u8>, Answer> {
        let path = format!("/api/{version}/canister/{}/{verb}", call.canister);
        let body = Replica::envelope(verb, call, expiry);
        let response = self.send(HttpMethod::Post, &path, body);
        let response = response.map_err(|why| upstream_error(&why))?;
        if response.status == 200 {
            return Ok(response.body);
        }
        let text = String::from_utf8_lossy(&response.body).into_owned();
        Err(match text.contains("canister_not_found") {
            true => not_found(),
            false => upstream_error(&format!("status {}: {text}", response.status)),
        })
    }

    fn query(&self, call: &Call) -> Result<MessageResult, Answer> {
        let answer = self.ask("v2", "query", call, now() + TTL)?;
        let broken = || upstream_error("the answer of a query is none");
        let answer = cbor::decode(&answer).map_err(|_| broken())?;
        let reply = cbor::get(&answer, "reply").and_then(|reply| cbor::get(reply, "arg"));
        if let Some(bytes) = reply.and_then(|bytes| bytes.as_bytes()) {
            return Ok(MessageResult::Replied(bytes.clone()));
        }
        let text = cbor::get(&answer, "reject_message").and_then(|text| text.as_text());
        Ok(MessageResult::Rejected(text.ok_or_else(broken)?.to_owned()))
    }

    fn update(&self, call: &Call) -> Result<MessageResult, Answer> {
        let expiry = now() + TTL;
        let answer = self.ask("v3", "call", call, expiry)?;
        let broken = |why: &str| upstream_error(&format!("the answer of a call is none: {why}"));
        let answer = cbor::decode(&answer).map_err(|why| broken(&why))?;
        let text = cbor::get(&answer, "reject_message").and_then(|text| text.as_text());
        if let Some(text) = text {
            return Ok(MessageResult::Rejected(text.to_owned()));
        }
        let certificate = cbor::get(&answer, "certificate").and_then(|it| it.as_bytes());
        let certificate = certificate.ok_or_else(|| broken("it has no certificate"))?;
        let certificate =
            Certificate::decode(certificate).map_err(|why| broken(&why.to_string()))?;
        let verified = certificate.verify(&self.root_key, Some(&call.canister));
        verified.map_err(|why| broken(&why.to_string()))?;
        let id = request_id(call, expiry, None);
        let found =
            |field: &str| match certificate
                .tree
                .lookup(&[b"request_status", &id, field.as_bytes()])
            {
                Lookup::Found(bytes) => Some(bytes.to_vec()),
                _ => None,
            };
        match (found("reply"), found("reject_message")) {
            (Some(reply), _) => Ok(MessageResult::Replied(reply)),
            (None, Some(text)) => Ok(MessageResult::Rejected(
                String::from_utf8_lossy(&text).into_owned(),
            )),
            (None, None) => Err(broken("it is not about the call")),
        }
    }
}
