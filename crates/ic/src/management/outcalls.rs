//! `http_request`, answered from a table of mocks or by a timeout, and the methods for the world outside that nobody here may use
//! (management-canister.md 1.19, 1.22, 1.23 and 1.36). Knows no network.

mod flexible;
mod limits;
mod pay_as_you_go;

use candid::Principal;

use super::call::{Answer, Call, Caller, Notice};
use super::decode::Given;
use super::types::http::{
    HttpHeader, HttpRequestArgs, HttpResponse, OldHttpMethod, Transform, TransformArgs,
};
use super::writer::encoded;
use super::{State, decode};
use crate::canister::consumed::Purpose;
use crate::canister::queues::Request;
use crate::errors::{ErrorCode, ManagementError, OutcallError, UserError};
use crate::fees::Fees;
use crate::mock::Given as Answers;
use crate::outcall::OutcallKind;
use crate::protocol::{Date, Era};
pub use flexible::flexible_http_request;
pub use pay_as_you_go::{Conclusion, Pay, Shortage};

/// Bytes of the largest response, and of the headers and the body of a request.
const MAX_BYTES: u64 = 2_000_000;
/// Bytes of a URL, of a header's name and of its value.
const MAX_FIELD_BYTES: u64 = 8192;
/// Bytes of all headers.
const MAX_HEADER_BYTES: u64 = 49_152;
/// Requests that may wait for an answer.
const MAX_REQUESTS: usize = 3000;
/// Nanoseconds after which a request without an answer fails.
const TIMEOUT: u64 = 60_000_000_000;

/// Requests that wait for an answer, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Outcalls {
    waiting: Vec<Outcall>,
    /// Cycles that come back on their own, in the round after the answer (since-october-2025.md 4.2).
    credits: Vec<(Principal, u128)>,
    /// Number of the next request.
    next: u64,
    /// The answers of mocks that were given.
    given: Answers,
}

/// A request that waits.
#[derive(Clone, Debug)]
struct Outcall {
    id: u64,
    /// What is asked for.
    args: HttpRequestArgs,
    /// The call, with the cycles that go back.
    request: Request,
    /// In which round it was executed.
    round: u64,
    /// When, nanoseconds.
    time: u64,
    response: Option<Result<HttpResponse, UserError>>,
    /// What other nodes of a flexible one have got, if each was told its own.
    more: Option<Vec<HttpResponse>>,
    /// Too few nodes of a flexible one have an answer, and no other will.
    silent: bool,
    /// How it is paid for, if not in full before.
    pay: Option<Pay>,
}

/// A request that has no answer yet, for who answers in the place of the world outside.
#[derive(Clone, Copy, Debug)]
pub struct PendingOutcall<'a> {
    /// Its number on this subnet, from 0.
    pub id: u64,
    /// What is asked for.
    pub args: &'a HttpRequestArgs,
    /// When the request was made, nanoseconds since the Unix epoch.
    pub time: u64,
    /// Who performs it.
    pub kind: OutcallKind,
    /// It is paid for by what it takes, and not in full before.
    pub pays_as_it_goes: bool,
}

/// A request that has its answer, but for the caller's own function that the response may have to pass through first.
#[derive(Debug)]
pub struct DueAnswer {
    request: Request,
    result: Result<HttpResponse, UserError>,
    /// How it is paid for, if not in full before.
    pub pay: Option<Pay>,
    /// A query of the calling canister whose reply is the answer.
    pub transform: Option<TransformCall>,
    /// Nobody has answered.
    timed_out: bool,
    /// Why the answer as it came is not delivered.
    fault: Option<UserError>,
    /// Bytes that it may have, as the caller wishes.
    max_bytes: Option<u64>,
    /// What other nodes have got, if each was told its own.
    more: Option<Vec<OtherAnswer>>,
}

/// What one of several nodes has got.
#[derive(Debug)]
pub struct OtherAnswer {
    /// The answer as it came, encoded, or why it is not delivered.
    pub raw: Result<Vec<u8>, UserError>,
    /// A query of the calling canister whose reply is the answer.
    pub transform: Option<TransformCall>,
    /// Bytes that it may have, as the caller wishes.
    pub max_bytes: Option<u64>,
}

/// A query to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformCall {
    /// The canister that made the request.
    pub canister: Principal,
    /// Its method.
    pub method: String,
    /// The argument.
    pub argument: Vec<u8>,
}

impl TransformCall {
    /// Of the function that a request names, with a response.
    fn of(transform: &Transform, response: &HttpResponse) -> Self {
        TransformCall {
            canister: transform.function.0.principal,
            method: transform.function.0.method.clone(),
            argument: encoded(&TransformArgs {
                response: response.clone(),
                context: transform.context.clone(),
            }),
        }
    }
}

/// What a transform function made of an answer, if that is not too large.
///
/// # Errors
/// It is (since-october-2025.md 4.1).
pub fn transformed(reply: Vec<u8>, max_bytes: Option<u64>) -> Result<Vec<u8>, UserError> {
    match limits::fault_of_transformed(&reply, max_bytes) {
        Some(fault) => Err(fault),
        None => Ok(reply),
    }
}

impl OtherAnswer {
    /// What a node has got for a request.
    pub fn of(response: &HttpResponse, args: &HttpRequestArgs) -> Self {
        let transform = args.transform.as_ref();
        OtherAnswer {
            max_bytes: args.max_response_bytes,
            transform: transform.map(|transform| TransformCall::of(transform, response)),
            raw: match limits::fault_of_headers(response) {
                Some(fault) => Err(fault),
                None => Ok(encoded(response)),
            },
        }
    }
}

impl DueAnswer {
    /// The answer to the caller, of what came of the response: as it came, or what the transform function made of it with so many
    /// instructions. And the cycles that were granted to the nodes, and those of them that come back.
    pub fn conclude(
        self,
        fees: &Fees,
        instructions: u64,
        mut answer: Result<Vec<u8>, UserError>,
        mut more: Vec<Result<Vec<u8>, UserError>>,
    ) -> (Notice, u128, u128) {
        let Some(pay) = &self.pay else {
            return (Notice::FromManagement(self.request, answer), 0, 0);
        };
        let granted = pay.allowance.saturating_mul(pay.performing.into());
        let counts = match pay.kind {
            OutcallKind::Flexible(counts) => counts,
            OutcallKind::FullyReplicated | OutcallKind::NonReplicated => None,
        };
        if let Err(error) = &self.result {
            // Nobody has anything to report, so nobody has spent anything.
            let rejects = || (!self.timed_out).then(|| Err(Shortage::Node(error.clone())));
            let result = match &counts {
                Some(counts) => Ok(flexible::reply(counts, rejects())),
                None => Err(error.clone()),
            };
            return (
                Notice::FromManagement(self.request, result),
                granted,
                granted,
            );
        }
        let mut raw = self.raw_bytes();
        if (answer.is_err() || raw > pay.limit())
            && let Some(place) = more.iter().position(Result::is_ok)
        {
            // One reject among several nodes: another one's answer stands for what they report.
            answer = more.remove(place);
            raw = raw.min(pay.limit());
        }
        let told = counts.as_ref().map(|counts| {
            let own = self.more.is_some().then_some(more);
            flexible::told(counts, &answer, own)
        });
        let copies = told.as_ref().map_or(1, |told| told.len() as u64);
        let Conclusion { result, credit, .. } =
            pay.conclude(fees, raw, instructions, answer, copies);
        let result = match (&counts, told) {
            (Some(counts), Some(told)) => Ok(flexible::reply(counts, Some(result.map(|_| told)))),
            _ => result.map_err(Shortage::into_error),
        };
        (
            Notice::FromManagement(self.request, result),
            granted,
            credit,
        )
    }

    /// Takes what other nodes have got.
    pub fn take_more(&mut self) -> Vec<OtherAnswer> {
        self.more.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    /// Why the answer as it came is not delivered.
    pub fn fault(&self) -> Option<UserError> {
        self.fault.clone()
    }

    /// Bytes that the answer may have, as the caller wishes.
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// The answer as it came, encoded, or why there is none.
    pub fn raw(&self) -> Result<Vec<u8>, UserError> {
        self.result.as_ref().map(encoded).map_err(UserError::clone)
    }

    /// Bytes of the answer as it came: headers and body.
    pub fn raw_bytes(&self) -> u64 {
        self.result.as_ref().map_or(0, limits::bytes_of)
    }

    /// Who made the request.
    pub fn caller(&self) -> Principal {
        self.request.sender
    }
}

impl Outcalls {
    /// Takes the requests that have their answer by now: those that a mock answers in the round after they were executed, all others
    /// when 60 seconds have passed.
    pub fn due(&mut self, round: u64, now: u64) -> Vec<DueAnswer> {
        let (due, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|outcall| outcall.is_due(round, now));
        self.waiting = waiting;
        let due: Vec<Outcall> = due;
        due.into_iter().map(Outcall::answer).collect()
    }

    /// Lets a request wait for its answer; so many cycles go back with that.
    fn wait(
        &mut self,
        state: &State,
        request: &Request,
        cycles: u128,
        args: HttpRequestArgs,
        pay: Option<Pay>,
    ) {
        let fault = limits::fault_of_url(&args.url).filter(|_| state.config.url_check);
        let response = match fault {
            Some(fault) => Some(Err(fault)),
            None => self.given.next(&state.config.http_mocks, &args),
        };
        self.waiting.push(Outcall {
            id: self.next,
            request: Request {
                cycles,
                ..request.clone()
            },
            round: state.round,
            time: state.time,
            response,
            more: None,
            silent: false,
            args,
            pay,
        });
        self.next += 1;
    }

    /// The requests without an answer, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = PendingOutcall<'_>> {
        let unanswered = self.waiting.iter().filter(|it| it.is_unanswered());
        unanswered.map(|outcall| PendingOutcall {
            id: outcall.id,
            args: &outcall.args,
            time: outcall.time,
            kind: outcall.kind(),
            pays_as_it_goes: outcall.pay.is_some(),
        })
    }

    /// Answers a request; false if there is none of this number that waits.
    pub fn answer(&mut self, id: u64, response: Result<HttpResponse, UserError>) -> bool {
        let mut unanswered = self.waiting.iter_mut().filter(|it| it.is_unanswered());
        let Some(outcall) = unanswered.find(|outcall| outcall.id == id) else {
            return false;
        };
        outcall.response = Some(response);
        true
    }

    /// Answers a flexible request: with what each of some nodes has got, while the others stay silent for ever. With too few replies
    /// it waits until its time is over. False if no flexible request of this number waits.
    pub fn answer_flexible(
        &mut self,
        id: u64,
        answers: Vec<Result<HttpResponse, UserError>>,
    ) -> bool {
        let mut unanswered = self.waiting.iter_mut().filter(|it| it.is_unanswered());
        let Some(outcall) = unanswered.find(|outcall| outcall.id == id) else {
            return false;
        };
        let OutcallKind::Flexible(Some(counts)) = outcall.kind() else {
            return false;
        };
        let (mut replies, mut rejects) = (Vec::new(), Vec::new());
        for answer in answers {
            match answer {
                Ok(reply) => replies.push(reply),
                Err(error) => rejects.push(error),
            }
        }
        let (min, total) = (
            counts.min_responses as usize,
            counts.total_requests as usize,
        );
        if !replies.is_empty() && replies.len() >= min {
            outcall.more = Some(replies.split_off(1));
            outcall.response = replies.pop().map(Ok);
        } else if min == 0 || rejects.len() > total - min {
            outcall.response = Some(Err(rejects.pop().unwrap_or_else(timed_out)));
        } else {
            outcall.silent = true;
        }
        true
    }

    /// True if no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.credits.is_empty()
    }

    /// So many cycles come back to a canister in the next round.
    pub fn credit(&mut self, canister: Principal, cycles: u128) {
        if cycles > 0 {
            self.credits.push((canister, cycles));
        }
    }

    /// Takes the cycles that come back now.
    pub fn take_credits(&mut self) -> Vec<(Principal, u128)> {
        std::mem::take(&mut self.credits)
    }
}

impl Outcall {
    fn is_unanswered(&self) -> bool {
        self.response.is_none() && !self.silent
    }

    fn kind(&self) -> OutcallKind {
        match (&self.pay, self.args.is_replicated) {
            (Some(pay), _) => pay.kind,
            (None, Some(false)) => OutcallKind::NonReplicated,
            (None, _) => OutcallKind::FullyReplicated,
        }
    }

    fn is_due(&self, round: u64, now: u64) -> bool {
        match self.response {
            Some(_) => round > self.round,
            None => now.saturating_sub(self.time) >= TIMEOUT,
        }
    }

    fn answer(self) -> DueAnswer {
        let max_bytes = self.args.max_response_bytes;
        let fault = match (&self.response, &self.pay) {
            (Some(Ok(response)), None) => limits::fault_of_answer(response, max_bytes),
            (Some(Ok(response)), Some(_)) => limits::fault_of_headers(response),
            _ => None,
        };
        let through = self.args.transform.as_ref();
        let limit = self.pay.as_ref().map_or(u64::MAX, Pay::limit);
        let more = self.more.map(|more| {
            let others = more.iter().map(|response| {
                let other = OtherAnswer::of(response, &self.args);
                match limits::bytes_of(response) > limit {
                    true => OtherAnswer {
                        raw: Err(limits::too_large(limit)),
                        ..other
                    },
                    false => other,
                }
            });
            others.collect()
        });
        let transform = match &self.response {
            Some(Ok(response)) => through.map(|through| TransformCall::of(through, response)),
            _ => None,
        };
        DueAnswer {
            request: self.request,
            timed_out: self.response.is_none(),
            result: self.response.unwrap_or_else(|| Err(timed_out())),
            pay: self.pay,
            transform,
            fault,
            max_bytes,
            more,
        }
    }
}

/// Canisters see the reject code and the text only, so that any error of its class will do.
fn timed_out() -> UserError {
    UserError::new(
        ErrorCode::IngressMessageTimeout,
        "Canister http request timed out",
    )
}

/// `http_request`: checked, charged, and left to wait.
pub fn http_request(
    state: &mut State,
    outcalls: &mut Outcalls,
    call: &mut Call<'_>,
    args: Given<HttpRequestArgs>,
) -> Result<Option<Vec<u8>>, ManagementError> {
    call.only_canisters()?;
    let Caller::Canister(request) = call.caller else {
        unreachable!("users were just refused")
    };
    if !state.config.http_outcalls {
        return Err(OutcallError::NotEnabled.into());
    }
    let args = match state.config.protocol.outcalls_pay_as_they_go {
        true => args?,
        false => {
            note_later_fields(state, &args);
            decode::one::<HttpRequestArgs<OldHttpMethod>>(&request.payload)?.into()
        }
    };
    check(&args, request.sender)?;
    if let Some(method) = args.method.changes_something()
        && args.is_replicated != Some(false)
    {
        return Err(OutcallError::NotReplicated { method }.into());
    }
    if args.pricing_version == Some(2) {
        let kind = match args.is_replicated {
            Some(false) => OutcallKind::NonReplicated,
            _ => OutcallKind::FullyReplicated,
        };
        return pay_as_you_go::send(state, outcalls, call, request, args, kind);
    }
    let required = state.fees.http_request(
        request_bytes(&args),
        args.max_response_bytes.unwrap_or(MAX_BYTES),
    );
    let Some(left) = request.cycles.checked_sub(required) else {
        return Err(OutcallError::NotEnoughCycles {
            method: call.name.to_owned(),
            sent: request.cycles,
            required,
        }
        .into());
    };
    if outcalls.waiting.len() >= MAX_REQUESTS {
        let max = MAX_REQUESTS as u64;
        return Err(OutcallError::TooManyRequests { max }.into());
    }
    state.charged(required);
    if let Some(caller) = state.canisters.get_mut(&request.sender) {
        caller.consumed.add(Purpose::HttpOutcalls, required);
    }
    outcalls.wait(state, request, left, args, None);
    Ok(None)
}

/// Tells of what a replica of this date does not know of a request.
fn note_later_fields(state: &State, args: &Given<HttpRequestArgs>) {
    let (date, era) = (state.config.protocol.date, Era::since(Date::November2026));
    let Ok(args) = args else {
        return;
    };
    if let Some(method) = args.method.changes_something() {
        let what = format_args!("the method {method} of http_request");
        state.notes.another_date(date, what, era);
    }
    if args.pricing_version.is_some() {
        let what = format_args!("pricing_version of http_request");
        state.notes.another_date(date, what, era);
    }
}

/// The limits that are looked at before the fee.
fn check(args: &HttpRequestArgs, caller: Principal) -> Result<(), OutcallError> {
    let too_long = |text: &str| Some(text.len() as u64).filter(|size| *size > MAX_FIELD_BYTES);
    if let Some(transform) = &args.transform
        && transform.function.0.principal != caller
    {
        return Err(OutcallError::TransformPrincipal {
            expected: caller,
            got: transform.function.0.principal,
        });
    }
    if let Some(got) = args.max_response_bytes.filter(|bytes| *bytes > MAX_BYTES) {
        return Err(OutcallError::MaxResponseBytes { got });
    }
    if let Some(size) = too_long(&args.url) {
        return Err(OutcallError::UrlTooLong { size });
    }
    for header in &args.headers.0 {
        if let Some(size) = too_long(&header.name) {
            return Err(OutcallError::HeaderNameTooLong { size });
        }
        if let Some(size) = too_long(&header.value) {
            return Err(OutcallError::HeaderValueTooLong { size });
        }
    }
    let headers = header_bytes(args);
    if headers > MAX_HEADER_BYTES {
        return Err(OutcallError::HeadersTooLarge { size: headers });
    }
    let size = headers + body_bytes(args);
    if size > MAX_BYTES {
        return Err(OutcallError::RequestTooLarge { size });
    }
    Ok(())
}

fn header_bytes(args: &HttpRequestArgs) -> u64 {
    let bytes = |header: &HttpHeader| (header.name.len() + header.value.len()) as u64;
    args.headers.0.iter().map(bytes).sum()
}

fn body_bytes(args: &HttpRequestArgs) -> u64 {
    args.body.as_ref().map_or(0, |body| body.len() as u64)
}

/// Bytes of a request that the fee counts.
fn request_bytes(args: &HttpRequestArgs) -> u64 {
    let transform = args.transform.as_ref().map_or(0, |transform| {
        (transform.function.0.method.len() + transform.context.len()) as u64
    });
    args.url.len() as u64 + header_bytes(args) + body_bytes(args) + transform
}

/// The methods of Bitcoin: they come here only when the subnet itself is called, since they belong to the Bitcoin canister.
pub fn bitcoin(call: &Call<'_>) -> Answer {
    call.only_canisters()?;
    Err(OutcallError::NoBitcoin.into())
}

/// The methods that only the Bitcoin canister may call.
pub fn bitcoin_internal(call: &Call<'_>) -> Answer {
    call.only_canisters()?;
    Err(OutcallError::PermissionDenied.into())
}

/// The methods by which the NNS makes subnets.
pub fn only_for_nns(call: &Call<'_>, args: Given<()>) -> Answer {
    call.only_canisters()?;
    args?;
    Err(ManagementError::OnlyForNns {
        method: call.name.to_owned(),
        caller: call.sender(),
    })
}

#[cfg(test)]
mod tests;
