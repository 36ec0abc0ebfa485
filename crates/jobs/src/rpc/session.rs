//! The JSON-RPC of one job: counts its calls, keeps it to one block where it is deterministic, and answers every
//! request, right or wrong, with JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Service;
use super::message::{
    self, Refusal, Reply, Request, RpcError, SERVER_ERROR, error_answer, none, null, raw,
};
use super::methods::{block_position, is_newest};
use crate::job::{Deadline, Job, Stop};
use crate::json;

/// Requests of one batch.
const MAX_BATCH: usize = 20;
/// How deep parameters may be nested.
const MAX_DEPTH: usize = 128;

/// What a job says about its calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Chain of requests that name none.
    pub chain: Option<u64>,
    /// How many calls it may make.
    pub calls: u64,
    /// Whether all answers come from one block.
    pub one_block: bool,
    /// That block; without it, the newest at the first call.
    pub block: Option<u64>,
}

impl Terms {
    /// Those of a job.
    pub fn of(job: &Job) -> Self {
        Terms {
            chain: job.chain,
            calls: job.limits.rpc_calls,
            one_block: job.deterministic.is_some() || job.block.is_some(),
            block: job.block,
        }
    }
}

/// What a job's calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Calls made, those that were refused included.
    pub calls: u64,
    /// Time spent waiting for answers.
    pub time: Duration,
    /// The block that a deterministic job saw.
    pub block: Option<u64>,
}

/// Whoever answers the requests of one job.
pub trait Answers: Send {
    /// Answers a request or a batch of them.
    ///
    /// # Errors
    /// Only if the job must stop; whatever is wrong with a request is an answer.
    fn answer(&mut self, request: &[u8], deadline: &mut Deadline) -> Result<String, Stop>;

    /// Bytes of a request at most. Of one that is longer, one byte more is enough to refuse it.
    fn request_bytes(&self) -> usize;

    /// What it came to so far.
    fn spent(&self) -> Spent;
}

/// The calls of one job.
#[derive(Debug)]
pub struct Session {
    service: Arc<Service>,
    terms: Terms,
    blocks: BTreeMap<Option<u64>, u64>,
    first_block: Option<u64>,
    calls: u64,
    time: Duration,
}

impl Answers for Session {
    fn answer(&mut self, request: &[u8], deadline: &mut Deadline) -> Result<String, Stop> {
        let started = Instant::now();
        let answer = self.answer_any(request, deadline);
        self.time += started.elapsed();
        answer
    }

    fn request_bytes(&self) -> usize {
        self.service.limits.request_bytes
    }

    fn spent(&self) -> Spent {
        Spent {
            calls: self.calls,
            time: self.time,
            block: self.first_block,
        }
    }
}

impl Session {
    /// Nothing called yet.
    pub fn new(service: Arc<Service>, terms: Terms) -> Self {
        Session {
            service,
            terms,
            blocks: BTreeMap::new(),
            first_block: None,
            calls: 0,
            time: Duration::ZERO,
        }
    }

    fn answer_any(&mut self, request: &[u8], deadline: &mut Deadline) -> Result<String, Stop> {
        let limits = self.service.limits;
        if request.len() > limits.request_bytes {
            let data = format!("Request too large (max {} bytes)", limits.request_bytes);
            return Ok(self.refused(RpcError::invalid_request(Some(data))));
        }
        let Ok(value) = serde_json::from_slice::<Box<RawValue>>(request) else {
            return Ok(self.refused(RpcError {
                code: -32700,
                message: "Parse error",
                data: None,
            }));
        };
        if !value.get().starts_with('[') {
            return self.single(&value, deadline);
        }
        let batch: Vec<Box<RawValue>> = serde_json::from_str(value.get()).unwrap_or_default();
        if batch.is_empty() {
            return Ok(self.refused(RpcError::invalid_request(None)));
        }
        if batch.len() > MAX_BATCH {
            let data = format!("Batch too large (max {MAX_BATCH} requests)");
            return Ok(self.refused(RpcError::invalid_request(Some(data))));
        }
        let mut answers = String::from("[");
        for request in &batch {
            if answers.len() > 1 {
                answers.push(',');
            }
            answers += &self.single(request, deadline)?;
        }
        answers.push(']');
        match answers.len() > limits.response_bytes {
            true => Ok(error_answer(Some(&null()), &self.service.too_large())),
            false => Ok(answers),
        }
    }

    /// An answer to something that has no id.
    fn refused(&mut self, error: RpcError) -> String {
        let error = self.count().err().unwrap_or(error);
        self.service.observe("", None, "refused", Instant::now());
        error_answer(Some(&null()), &error)
    }

    fn count(&mut self) -> Result<(), RpcError> {
        let limit = self.terms.calls;
        if self.calls >= limit {
            let data = format!("RPC call limit ({limit}) exceeded");
            return Err(RpcError::new(-32005, "Limit exceeded", data));
        }
        self.calls += 1;
        Ok(())
    }

    fn single(&mut self, request: &RawValue, deadline: &mut Deadline) -> Result<String, Stop> {
        let started = Instant::now();
        let parsed = message::parse(request);
        if let Err(error) = self.count() {
            let id = match &parsed {
                Ok(request) => request.id.as_deref(),
                Err(refusal) => refusal.id.as_deref(),
            };
            return Ok(error_answer(id, &error));
        }
        let request = match parsed {
            Ok(request) => request,
            Err(Refusal { id, error }) => {
                self.service.observe("", None, "refused", started);
                return Ok(error_answer(id.as_deref(), &error));
            }
        };
        let chain = request
            .chain
            .or(self.terms.chain)
            .or_else(|| self.service.usual_chain());
        let (answer, outcome) = match self.reply(&request, chain, deadline)? {
            Ok(reply) => {
                let text = reply.text(request.id.as_deref());
                let outcome = match reply {
                    Reply::Result(_) => "ok",
                    Reply::Error(_) => "error",
                };
                (text, outcome)
            }
            Err(error) => {
                let asked = error.code == SERVER_ERROR && self.service.serves(chain);
                let outcome = if asked { "failed" } else { "refused" };
                (error_answer(request.id.as_deref(), &error), outcome)
            }
        };
        self.service
            .observe(&request.method, chain, outcome, started);
        match answer.len() > self.service.limits.response_bytes {
            true => Ok(error_answer(
                request.id.as_deref(),
                &self.service.too_large(),
            )),
            false => Ok(answer),
        }
    }

    fn reply(
        &mut self,
        request: &Request,
        chain: Option<u64>,
        deadline: &mut Deadline,
    ) -> Result<Result<Reply, RpcError>, Stop> {
        let method = request.method.as_str();
        if json::check_depth(request.params.get(), MAX_DEPTH).is_err() {
            let data = "Invalid params: nested too deep";
            return Ok(Err(RpcError::new(-32602, "Invalid params", data)));
        }
        let params = serde_json::from_str::<Vec<Box<RawValue>>>(request.params.get()).ok();
        if let Err(error) = self.service.methods.check(method, params.as_deref()) {
            return Ok(Err(error));
        }
        let local = |value: String| Ok(Ok(Reply::Result(raw(&value))));
        match (method, chain.filter(|chain| self.service.knows(*chain))) {
            ("web3_clientVersion", _) => {
                return local(concat!("drun-jobs/", env!("CARGO_PKG_VERSION")).into());
            }
            ("net_version", Some(chain)) => return local(chain.to_string()),
            ("eth_chainId", Some(chain)) => return local(format!("{chain:#x}")),
            _ => {}
        }
        let mut text = request.params.clone();
        if self.terms.one_block && (method == "eth_blockNumber" || block_position(method).is_some())
        {
            let block = match self.block_of(chain, deadline)? {
                Ok(block) => format!("{block:#x}"),
                Err(reply) => return Ok(reply),
            };
            if method == "eth_blockNumber" {
                return local(block);
            }
            if let Some(mut params) = params
                && pin(&mut params, method, &block)
            {
                text = raw(&params);
            }
        }
        self.service.ask(chain, method, &text, deadline)
    }

    /// The block to which this job is bound on a chain; the inner error is what the guest is told instead.
    fn block_of(
        &mut self,
        chain: Option<u64>,
        deadline: &mut Deadline,
    ) -> Result<Result<u64, Result<Reply, RpcError>>, Stop> {
        if let Some(block) = self
            .terms
            .block
            .or_else(|| self.blocks.get(&chain).copied())
        {
            self.first_block.get_or_insert(block);
            return Ok(Ok(block));
        }
        let reply = self
            .service
            .ask(chain, "eth_blockNumber", &none(), deadline)?;
        let number = match &reply {
            Ok(Reply::Result(number)) => serde_json::from_str::<String>(number.get())
                .ok()
                .and_then(|text| super::hex::quantity(&text)),
            _ => return Ok(Err(reply)),
        };
        let Some(number) = number else {
            return Ok(Err(Err(RpcError::proxy("eth_blockNumber is not a number"))));
        };
        self.blocks.insert(chain, number);
        self.first_block.get_or_insert(number);
        Ok(Ok(number))
    }
}

/// Replaces the newest block by a fixed one.
fn pin(list: &mut Vec<Box<RawValue>>, method: &str, block: &str) -> bool {
    let Some(position) = block_position(method) else {
        return false;
    };
    if list.len() == position {
        list.push(raw(block));
        return true;
    }
    let Some(value) = list.get_mut(position) else {
        return false;
    };
    let newest = match serde_json::from_str::<Option<String>>(value.get()) {
        Ok(None) => true,
        Ok(Some(tag)) => is_newest(&tag),
        Err(_) => false,
    };
    if newest {
        *value = raw(block);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::super::{Fixture, ServiceLimits};
    use super::*;

    fn session(terms: Terms) -> (Session, Deadline) {
        let fixture = Fixture::parse(
            r#"{"chains":{"1":{"blockNumber":"0x10","accounts":{"0x0":{"balance":"0x2a"}},
               "responses":[{"method":"eth_getBalance","params":["0x1","0x5"],"result":"0x7"},
                            {"method":"eth_getCode","params":["0x1"],"result":"0x001122334455667788"}]}}}"#,
        );
        let service = Service {
            fixture: Some(Arc::new(fixture.unwrap())),
            limits: ServiceLimits {
                request_bytes: 200,
                response_bytes: 100,
                ..ServiceLimits::default()
            },
            ..Service::default()
        };
        let deadline = Deadline::new(Duration::from_secs(60), Arc::default(), None);
        (Session::new(Arc::new(service), terms), deadline)
    }

    fn ask(terms: Terms, request: &str) -> String {
        let (mut session, mut deadline) = session(terms);
        session.answer(request.as_bytes(), &mut deadline).unwrap()
    }

    fn many() -> Terms {
        Terms {
            calls: 100,
            ..Terms::default()
        }
    }

    fn request(method: &str, params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":2,"method":"{method}","params":{params}}}"#)
    }

    #[test]
    fn the_answer_has_exactly_version_id_and_result() {
        assert_eq!(
            ask(many(), &request("eth_getBalance", r#"["0x0","latest"]"#)),
            r#"{"jsonrpc":"2.0","id":2,"result":"0x2a"}"#
        );
        assert_eq!(
            ask(many(), &request("net_version", "[]")),
            r#"{"jsonrpc":"2.0","id":2,"result":"1"}"#
        );
        assert_eq!(
            ask(many(), &request("eth_chainId", "[]")),
            r#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#
        );
    }

    #[test]
    fn errors_have_the_codes_of_the_original() {
        for (request, answer) in [
            (
                "not json".into(),
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#,
            ),
            (
                "null".into(),
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}"#,
            ),
            (
                "[]".into(),
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}"#,
            ),
            (
                " ".repeat(201),
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"Request too large (max 200 bytes)"}}"#,
            ),
            (
                request("eth_getLogs", "[]"),
                r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found","data":"Method eth_getLogs not found or not supported"}}"#,
            ),
            (
                request("eth_getCode", r#"["0x1"]"#).replace("}", r#","x":"0123456789"}"#),
                r#"{"jsonrpc":"2.0","id":2,"result":"0x001122334455667788"}"#,
            ),
            (
                request("eth_chainId", "[]").replace("\"id\"", "\"chainId\":5,\"id\""),
                r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"Server error","data":"No RPC client configured for chain 5. Set RPC_URL_5 env var."}}"#,
            ),
        ] {
            // The small limit of this test cuts long errors too.
            let got = ask(many(), &request);
            assert!(
                got == answer || got.contains("Response too large (max 100 bytes)"),
                "{got}"
            );
        }
    }

    #[test]
    fn a_batch_is_answered_in_order_and_each_counts() {
        let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"net_version"},7]"#;
        let (mut session, mut deadline) = session(many());
        let answer = session.answer(batch.as_bytes(), &mut deadline).unwrap();
        assert!(answer.contains("Response too large"), "{answer}");
        assert_eq!(session.calls, 2);
        let batch = format!("[{}]", ["1"; 21].join(","));
        assert!(
            session
                .answer(batch.as_bytes(), &mut deadline)
                .unwrap()
                .contains("Batch too large (max 20 requests)")
        );
    }

    #[test]
    fn a_call_too_many_is_refused() {
        let (mut session, mut deadline) = session(Terms {
            calls: 1,
            ..Terms::default()
        });
        let request = request("net_version", "[]");
        assert!(
            session
                .answer(request.as_bytes(), &mut deadline)
                .unwrap()
                .contains("result")
        );
        let refused = session.answer(request.as_bytes(), &mut deadline).unwrap();
        assert_eq!(
            refused,
            r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32005,"message":"Limit exceeded","data":"RPC call limit (1) exceeded"}}"#
        );
        assert_eq!(session.calls, 1);
    }

    /// What a fixture says about the newest block it says to jobs that are bound to that block.
    #[test]
    fn a_fixture_knows_the_newest_block_by_its_number() {
        let terms = Terms {
            one_block: true,
            ..many()
        };
        for terms in [many(), terms] {
            let answer = ask(terms, &request("eth_getCode", r#"["0x1"]"#));
            assert!(answer.contains("0x001122334455667788"), "{answer}");
        }
    }

    #[test]
    fn what_came_of_a_call_is_counted() {
        let outcomes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = outcomes.clone();
        let fixture = r#"{"chains":{"1":{"failEvery":2}}}"#;
        let service = Service {
            fixture: Some(Arc::new(Fixture::parse(fixture).unwrap())),
            observer: Some(Arc::new(move |call| {
                seen.lock().unwrap().push(call.outcome);
            })),
            ..Service::default()
        };
        let mut session = Session::new(Arc::new(service), many());
        let mut deadline = Deadline::new(Duration::from_secs(60), Arc::default(), None);
        let elsewhere = request("eth_blockNumber", "[]").replace("\"id\"", "\"chainId\":5,\"id\"");
        for request in [
            request("eth_blockNumber", "[]"),
            request("eth_blockNumber", "[]"),
            request("eth_sign", "[]"),
            elsewhere,
        ] {
            session.answer(request.as_bytes(), &mut deadline).unwrap();
        }
        let outcomes = outcomes.lock().unwrap();
        assert_eq!(*outcomes, ["ok", "failed", "refused", "refused"]);
    }

    #[test]
    fn a_deterministic_job_sees_one_block() {
        let newest = Terms {
            one_block: true,
            ..many()
        };
        let fifth = Terms {
            block: Some(5),
            ..newest
        };
        for params in [r#"["0x1"]"#, r#"["0x1","safe"]"#] {
            let request = request("eth_getBalance", params);
            assert!(ask(fifth, &request).contains("0x7"), "{params}");
            assert!(ask(newest, &request).contains("\"0x0\""), "{params}");
            assert!(ask(many(), &request).contains("\"0x0\""), "{params}");
        }
        assert!(ask(fifth, &request("eth_blockNumber", "[]")).contains("\"0x5\""));
        assert!(ask(newest, &request("eth_blockNumber", "[]")).contains("\"0x10\""));
    }
}
