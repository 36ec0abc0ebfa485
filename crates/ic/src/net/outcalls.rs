//! HTTP requests of canisters, answered by the user of a network in the place of the world outside (pocket-ic-api.md 2.7).

use std::collections::BTreeMap;

use candid::{Encode, Principal};
use sha2::{Digest, Sha256};

use super::Net;
use super::error::NetError;
use crate::errors::{ErrorCode, UserError};
use crate::management::outcalls::PendingOutcall;
use crate::management::types::http::{HttpRequestArgs, HttpResponse};
use crate::node::Node;
use crate::outcall::OutcallKind;

/// Nanoseconds after which nodes give up to agree, as an error tells it.
const CONSENSUS_TIMEOUT: u64 = 300_000_000_000;

/// A request without an answer.
#[derive(Clone, Copy, Debug)]
pub struct PendingHttp<'a> {
    /// The subnet of its canister.
    pub subnet: Principal,
    /// How many nodes that has.
    pub nodes: u64,
    /// Its number on that subnet.
    pub id: u64,
    /// What is asked for.
    pub args: &'a HttpRequestArgs,
    /// Who performs it.
    pub kind: OutcallKind,
    /// It is paid for by what it takes, and not in full before.
    pub pays_as_it_goes: bool,
}

/// What one node says the world outside has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAnswer {
    /// A response.
    Reply(HttpResponse),
    /// None, with a reject code from 1 to 6 and a text.
    Reject(u64, String),
}

impl HttpAnswer {
    fn result(self) -> Result<HttpResponse, UserError> {
        match self {
            HttpAnswer::Reply(response) => Ok(response),
            HttpAnswer::Reject(code, text) => Err(UserError::new(class(code), text)),
        }
    }

    /// The hash of what a node delivers of it: nodes agree on responses as the function that is named leaves them (interface
    /// specification, `http_request`).
    fn hash(&self, node: &mut Node, args: &HttpRequestArgs) -> String {
        let delivered = match self {
            HttpAnswer::Reply(response) => node.delivered(response, args),
            HttpAnswer::Reject(code, text) => Err(UserError::new(class(*code), text.clone())),
        };
        let bytes = delivered.or_else(|error| {
            let code = u64::from(error.code.reject_code().number());
            Encode!(&code, &error.description)
        });
        hex::encode(Sha256::digest(
            bytes.expect("encoding to memory does not fail"),
        ))
    }
}

/// An error of this class: canisters see the class and the text only.
pub fn class(reject_code: u64) -> ErrorCode {
    crate::mock::class(u8::try_from(reject_code).unwrap_or(u8::MAX))
}

impl Net {
    /// The requests without an answer, of all subnets in the order of rounds.
    pub fn pending_http(&self) -> impl Iterator<Item = PendingHttp<'_>> {
        self.order.iter().flat_map(|place| {
            let subnet = &self.subnets[*place];
            let pending = subnet.node.pending_outcalls();
            pending.map(|outcall| PendingHttp {
                subnet: subnet.id,
                nodes: subnet.spec.kind.nodes(),
                id: outcall.id,
                args: outcall.args,
                kind: outcall.kind,
                pays_as_it_goes: outcall.pays_as_it_goes,
            })
        })
    }

    /// Answers a request: with one answer that all nodes have got, or with one of each.
    ///
    /// # Errors
    /// If a reject code is none, the number of answers is wrong, or no such request waits.
    pub fn answer_http(
        &mut self,
        subnet: &Principal,
        id: u64,
        mut answers: Vec<HttpAnswer>,
    ) -> Result<(), NetError> {
        check_codes(&answers)?;
        let (node, (time, args)) = self.waiting(subnet, id, |it| (it.time, it.args.clone()))?;
        let nodes = node.settings().nodes;
        if answers.len() > 1 && answers.len() as u64 != nodes {
            return Err(NetError::OutcallResponses(answers.len(), nodes));
        }
        let result = match answers.len() {
            0 => return Err(NetError::OutcallResponses(0, nodes)),
            1 => answers.remove(0).result(),
            _ => {
                let hash = |answer: &HttpAnswer| answer.hash(node, &args);
                agreed(answers, hash, id, time)
            }
        };
        match node.answer_outcall(id, result) {
            true => Ok(()),
            false => Err(NetError::NoSuchOutcall(*subnet, id)),
        }
    }
}

impl Net {
    /// The node whose request waits, and what is asked about that.
    fn waiting<T>(
        &mut self,
        subnet: &Principal,
        id: u64,
        what: impl Fn(PendingOutcall<'_>) -> T,
    ) -> Result<(&mut Node, T), NetError> {
        let place = self.subnet_index(subnet);
        let place = place.ok_or(NetError::SubnetNotFound(*subnet))?;
        let node = &mut self.subnets[place].node;
        let mut all = node.pending_outcalls();
        let found = all.find(|it| it.id == id).map(what);
        drop(all);
        let found = found.ok_or(NetError::NoSuchOutcall(*subnet, id))?;
        Ok((node, found))
    }

    /// Answers a flexible request with what each of some of its nodes has got; the others stay silent.
    ///
    /// # Errors
    /// If a reject code is none, there are more answers than nodes that ask, or no such request waits.
    pub fn answer_flexible_http(
        &mut self,
        subnet: &Principal,
        id: u64,
        answers: Vec<HttpAnswer>,
    ) -> Result<(), NetError> {
        check_codes(&answers)?;
        let (node, kind) = self.waiting(subnet, id, |it| it.kind)?;
        let OutcallKind::Flexible(Some(counts)) = kind else {
            return Err(NetError::NoSuchOutcall(*subnet, id));
        };
        let total = counts.total_requests.into();
        if answers.len() as u64 > total {
            return Err(NetError::OutcallResponses(answers.len(), total));
        }
        let answers = answers.into_iter().map(HttpAnswer::result);
        match node.answer_flexible_outcall(id, answers.collect()) {
            true => Ok(()),
            false => Err(NetError::NoSuchOutcall(*subnet, id)),
        }
    }
}

fn check_codes(answers: &[HttpAnswer]) -> Result<(), NetError> {
    let mut codes = answers.iter().filter_map(|answer| match answer {
        HttpAnswer::Reject(code, _) => Some(*code),
        HttpAnswer::Reply(_) => None,
    });
    match codes.find(|code| !(1..=6).contains(code)) {
        Some(code) => Err(NetError::RejectCode(code)),
        None => Ok(()),
    }
}

/// The answer that all but a third of the nodes have got.
fn agreed(
    answers: Vec<HttpAnswer>,
    mut hash: impl FnMut(&HttpAnswer) -> String,
    id: u64,
    time: u64,
) -> Result<HttpResponse, UserError> {
    let nodes = answers.len();
    let tolerated = (nodes - 1) / 3;
    let mut counts: BTreeMap<String, (usize, HttpAnswer)> = BTreeMap::new();
    for answer in answers {
        counts.entry(hash(&answer)).or_insert((0, answer)).0 += 1;
    }
    let most = counts.values().max_by_key(|(count, _)| *count);
    if let Some((count, answer)) = most
        && *count >= nodes - tolerated
    {
        return answer.clone().result();
    }
    let mut hashes: Vec<_> = counts
        .iter()
        .map(|(hash, (count, _))| (*count, hash))
        .collect();
    // The greatest first (the client's test of the text).
    hashes.sort_by(|a, b| b.cmp(a));
    let hashes: Vec<String> = hashes
        .into_iter()
        .map(|(count, hash)| format!("[{hash}: {count}]"))
        .collect();
    Err(UserError::new(
        class(2),
        format!(
            "No consensus could be reached. Replicas had different responses. Details: request_id: {id}, timeout: {}, hashes: {}",
            time.saturating_add(CONSENSUS_TIMEOUT),
            hashes.join(", ")
        ),
    ))
}
