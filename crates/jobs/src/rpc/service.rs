//! Who answers for which chain, and the one way to ask: a fixture, a proxy for everything, or the nodes of a chain.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::message::{Reply, RpcError};
use super::upstream::Trouble;
use super::{Cache, Fixture, Methods, Recorder, Target, Upstream};
use crate::job::{Deadline, Stop};

/// Chains that come first where a request names none.
const USUAL_CHAINS: [u64; 4] = [1, 11_155_111, 84_532, 8_453];
/// What an answer may have around its result.
const ENVELOPE: usize = 4096;
/// The id in answers of those that answer everybody with the same; no request has it.
const NOBODYS_ID: &str = "1";

/// Limits of single calls.
#[derive(Clone, Copy, Debug)]
pub struct ServiceLimits {
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Bytes of an answer.
    pub response_bytes: usize,
    /// Time for an answer.
    pub timeout: Duration,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        ServiceLimits {
            request_bytes: 65_536,
            response_bytes: 1_048_576,
            timeout: Duration::from_millis(5000),
        }
    }
}

/// A call, for metrics. Names that clients chose freely are `other`.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// The chain.
    pub chain: Option<u64>,
    /// `ok`, `error`, `failed` without an answer, or `refused` before anybody was asked.
    pub outcome: &'static str,
    /// How long it took.
    pub time: Duration,
}

type Observer = dyn Fn(&Call<'_>) + Send + Sync;

/// Everything that answers guests; shared by all jobs.
#[derive(Clone, Default)]
pub struct Service {
    /// What is let through.
    pub methods: Methods,
    /// Sizes and times.
    pub limits: ServiceLimits,
    /// Chain of requests that name none.
    pub default_chain: Option<u64>,
    /// Answers from a file; goes before everything else.
    pub fixture: Option<Arc<Fixture>>,
    /// Addresses of nodes by chain.
    pub nodes: BTreeMap<u64, Vec<Target>>,
    /// Goes before the nodes.
    pub proxy: Vec<Target>,
    /// The client for both.
    pub upstream: Option<Upstream>,
    /// What they answered and will not answer otherwise.
    pub cache: Option<Arc<Cache>>,
    /// Keeps what they answered.
    pub recorder: Option<Arc<Recorder>>,
    /// Told of every call.
    pub observer: Option<Arc<Observer>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("nodes", &self.nodes)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// The chains that have nodes or a fixture, the usual ones first.
    pub fn chains(&self) -> Vec<u64> {
        let fixed = self.fixture.iter().flat_map(|fixture| fixture.chains());
        let mut chains: Vec<u64> = fixed.chain(self.nodes.keys().copied()).collect();
        let rank = |chain: &u64| {
            let usual = USUAL_CHAINS.iter().position(|usual| usual == chain);
            (usual.unwrap_or(USUAL_CHAINS.len()), *chain)
        };
        chains.sort_by_key(rank);
        chains.dedup();
        chains
    }

    /// The chain of a request that names none. With a proxy and nothing else it is the proxy's affair.
    pub fn usual_chain(&self) -> Option<u64> {
        let first = self
            .default_chain
            .or_else(|| self.chains().first().copied());
        match self.proxy.is_empty() {
            true => first.or(Some(USUAL_CHAINS[0])),
            false => first,
        }
    }

    /// Whether the chain's number can be told without asking anybody.
    pub fn knows(&self, chain: u64) -> bool {
        self.has_fixture(chain) || (self.proxy.is_empty() && self.nodes.contains_key(&chain))
    }

    /// Whether there is anybody to ask about a chain.
    pub(super) fn serves(&self, chain: Option<u64>) -> bool {
        let known = |chain| self.has_fixture(chain) || self.nodes.contains_key(&chain);
        !self.proxy.is_empty() || chain.is_some_and(known)
    }

    fn has_fixture(&self, chain: u64) -> bool {
        let latency = self
            .fixture
            .as_ref()
            .and_then(|fixture| fixture.latency(chain));
        latency.is_some()
    }

    /// Asks whoever answers for a chain, within the time of a call and of the job.
    ///
    /// # Errors
    /// The outer error stops the job, the inner one is told to the guest.
    pub fn ask(
        &self,
        chain: Option<u64>,
        method: &str,
        params: &RawValue,
        deadline: &mut Deadline,
    ) -> Result<Result<Reply, RpcError>, Stop> {
        if let (Some(fixture), Some(chain)) = (&self.fixture, chain)
            && let Some(latency) = fixture.latency(chain)
        {
            if latency > Duration::ZERO {
                deadline.wait(latency.min(self.limits.timeout), || None::<()>)?;
            }
            if latency > self.limits.timeout {
                return Ok(Err(self.late(false)));
            }
            let params: Value = serde_json::from_str(params.get()).unwrap_or(Value::Null);
            return Ok(fixture.answer(chain, method, &params));
        }
        let through_proxy = !self.proxy.is_empty();
        let targets = match chain {
            _ if through_proxy => Some(&self.proxy),
            Some(chain) => self.nodes.get(&chain),
            None => None,
        };
        let (Some(targets), Some(upstream)) = (targets, &self.upstream) else {
            let chain = chain.unwrap_or(USUAL_CHAINS[0]);
            return Ok(Err(RpcError::server(format!(
                "No RPC client configured for chain {chain}. Set RPC_URL_{chain} env var."
            ))));
        };
        let kept = self.cache.as_ref();
        if let Some(reply) = kept.and_then(|cache| cache.get(chain, method, params)) {
            return Ok(Ok(reply));
        }
        // Written by hand, so that the parameters keep their text.
        let chain_member = match chain.filter(|_| through_proxy) {
            Some(chain) => format!(r#","chainId":{chain}"#),
            None => String::new(),
        };
        let (method_text, params_text) = (Value::from(method), params.get());
        let id = upstream.next_id();
        let body = Bytes::from(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":{method_text},"params":{params_text}{chain_member}}}"#
        ));
        let limit = self.limits.response_bytes.saturating_add(ENVELOPE);
        let answer = Arc::new(Mutex::new(None));
        let task = {
            let (upstream, targets) = (upstream.clone(), targets.clone());
            let (answer, control) = (answer.clone(), deadline.control().clone());
            // The box is made where the task runs: the stack of a thread that waits is memory too.
            upstream.runtime().clone().spawn(async move {
                let got = Box::pin(upstream.post(&targets, body, limit)).await;
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(got);
                control.notify();
            })
        };
        let take = || answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let got = deadline.wait(self.limits.timeout, take);
        task.abort();
        let reply = match got? {
            None => Err(self.late(through_proxy)),
            Some(Err(Trouble::TooLarge)) => Err(self.too_large()),
            Some(Err(Trouble::Transport(what))) => Err(RpcError::proxy(what)),
            Some(Ok(body)) => parse_reply(&body, id).map_err(|bad| {
                if matches!(bad, BadReply::OtherId) {
                    // Who answers something else now would go on with that.
                    upstream.hang_up(targets);
                }
                let from = match through_proxy {
                    true => "proxy".to_owned(),
                    false => targets[0].to_string(),
                };
                RpcError::proxy(bad.text(&from))
            }),
        };
        if let Ok(reply) = &reply {
            if let Some(recorder) = &self.recorder {
                recorder.add(chain.unwrap_or(USUAL_CHAINS[0]), method, params, reply);
            }
            if let Some(cache) = &self.cache {
                cache.add(chain, method, params, reply);
            }
        }
        Ok(reply)
    }

    /// The error for an answer with too many bytes.
    pub fn too_large(&self) -> RpcError {
        let limit = self.limits.response_bytes;
        RpcError::server(format!("Response too large (max {limit} bytes)"))
    }

    fn late(&self, through_proxy: bool) -> RpcError {
        let limit = self.limits.timeout.as_millis();
        match through_proxy {
            true => RpcError::proxy(format!("RPC proxy timeout after {limit}ms")),
            false => RpcError::server(format!("RPC call timeout after {limit}ms")),
        }
    }

    /// Tells of a call.
    pub fn observe(&self, method: &str, chain: Option<u64>, outcome: &'static str, since: Instant) {
        if let Some(observer) = &self.observer {
            let known = self.methods.names().any(|name| name == method);
            let configured = |chain: &u64| self.chains().contains(chain);
            observer(&Call {
                method: if known { method } else { "other" },
                chain: chain.filter(configured),
                outcome,
                time: since.elapsed(),
            });
        }
    }
}

/// What is wrong with an answer.
#[derive(Debug, PartialEq)]
enum BadReply {
    /// It belongs to another request.
    OtherId,
    /// It is none.
    Form(String),
}

impl BadReply {
    /// For the guest.
    fn text(&self, from: &str) -> String {
        match self {
            BadReply::OtherId => format!("{from}: an answer to another request"),
            BadReply::Form(what) => format!("Invalid JSON from {from}: {what}"),
        }
    }
}

/// The reply to the request with a number.
fn parse_reply(body: &[u8], id: u64) -> Result<Reply, BadReply> {
    let mut members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(body).map_err(|error| BadReply::Form(error.to_string()))?;
    // Some name no request, above all where they could not read it.
    let named = members.get("id").filter(|named| named.get() != "null");
    if named.is_some_and(|named| named.get() != id.to_string() && named.get() != NOBODYS_ID) {
        return Err(BadReply::OtherId);
    }
    let error = members
        .remove("error")
        .filter(|error| error.get() != "null");
    match (error, members.remove("result")) {
        (Some(error), _) => Ok(Reply::Error(error)),
        (None, Some(result)) => Ok(Reply::Result(result)),
        (None, None) => Err(BadReply::Form("neither result nor error".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_chains_come_first() {
        let mut service = Service::default();
        assert_eq!(service.usual_chain(), Some(1));
        for chain in [5, 8_453, 11_155_111, 3] {
            service.nodes.insert(chain, Vec::new());
        }
        assert_eq!(service.chains(), [11_155_111, 8_453, 3, 5]);
        assert_eq!(service.usual_chain(), Some(11_155_111));
        service.default_chain = Some(5);
        assert_eq!(service.usual_chain(), Some(5));
    }

    #[test]
    fn replies_are_not_changed() {
        let reply = parse_reply(br#"{"id":9,"error":{"code":3,"data":"0x08","x":1.0}}"#, 9);
        assert!(
            matches!(reply, Ok(Reply::Error(error)) if error.get() == r#"{"code":3,"data":"0x08","x":1.0}"#)
        );
        let reply = parse_reply(br#"{"error":null,"result":null}"#, 9);
        assert!(matches!(reply, Ok(Reply::Result(result)) if result.get() == "null"));
        let target = Target::parse("http://node.example/KEY").unwrap();
        let error = parse_reply(b"<html>", 9).unwrap_err();
        let error = error.text(&target.to_string());
        assert!(
            error.starts_with("Invalid JSON from http://node.example/…: expected value"),
            "{error}"
        );
    }

    #[test]
    fn an_answer_to_another_request_is_none() {
        for (id, good) in [
            ("9", true),
            ("null", true),
            ("1", true),
            ("8", false),
            ("\"9\"", false),
        ] {
            let reply = parse_reply(format!(r#"{{"id":{id},"result":1}}"#).as_bytes(), 9);
            assert_eq!(reply.is_ok(), good, "{id}");
        }
    }
}
