//! `flexible_http_request` (since-october-2025.md 4.3): several nodes ask, each with an answer of its own. Who answers in their place
//! tells what each has got, or one answer for all of them, which is told as often as the caller asks for at least.

use candid::{Principal, Reserved};

use super::super::writer::encoded;
use super::pay_as_you_go::{Shortage, send};
use super::{Outcalls, check};
use crate::errors::{ManagementError, OutcallError, UserError};
use crate::management::State;
use crate::management::call::{Call, Caller};
use crate::management::decode::{Given, beginning};
use crate::management::types::http::{
    FlexibleFailure, FlexibleHttpReply, FlexibleHttpRequestArgs, GlobalError, HttpRequestArgs,
    HttpResponse, NodeDetails, NodeError, ResourceReport,
};
use crate::outcall::{OutcallKind, Replication};

/// Bytes of all answers of a reply together.
const MAX_REPLY_BYTES: usize = 2_097_152;

/// `flexible_http_request`: checked, charged, and left to wait.
pub fn flexible_http_request(
    state: &mut State,
    outcalls: &mut Outcalls,
    call: &mut Call<'_>,
    args: Given<FlexibleHttpRequestArgs>,
) -> Result<Option<Vec<u8>>, ManagementError> {
    call.only_canisters()?;
    let Caller::Canister(request) = call.caller else {
        unreachable!("users were just refused")
    };
    if !state.config.http_outcalls {
        return Err(OutcallError::NotEnabled.into());
    }
    let args = args?;
    let nodes = state.config.nodes;
    let asked = args.replication;
    let counts = asked.unwrap_or_else(|| Replication::default_of(nodes));
    let args = HttpRequestArgs {
        url: args.url,
        max_response_bytes: args.max_response_bytes,
        method: args.method,
        headers: args.headers,
        body: args.body,
        transform: args.transform,
        is_replicated: None,
        pricing_version: Some(2),
    };
    check(&args, request.sender)?;
    if !counts.is_valid(nodes) {
        return Err(OutcallError::Replication {
            min: counts.min_responses,
            max: counts.max_responses,
            total: counts.total_requests,
            nodes,
        }
        .into());
    }
    let exact = counts.min_responses == counts.max_responses
        && counts.max_responses == counts.total_requests;
    if let Some(method) = args.method.changes_something().filter(|_| !exact) {
        return Err(OutcallError::NotReplicated { method }.into());
    }
    let kind = OutcallKind::Flexible(Some(counts));
    send(state, outcalls, call, request, args, kind)
}

/// The answers that are told, encoded: of what the first node would deliver, and the others, if each has its own. Of more than fit, the
/// smallest; none if there are too few.
pub(super) fn told(
    counts: &Replication,
    first: &Result<Vec<u8>, UserError>,
    more: Option<Vec<Result<Vec<u8>, UserError>>>,
) -> Vec<Vec<u8>> {
    let min = counts.min_responses as usize;
    let mut all: Vec<Vec<u8>> = match (first, more) {
        (Ok(answer), None) => vec![answer.clone(); min],
        (Err(_), None) => Vec::new(),
        (first, Some(more)) => first
            .iter()
            .cloned()
            .chain(more.into_iter().flatten())
            .collect(),
    };
    let max = (counts.max_responses as usize).max(min);
    let bytes = |answers: &[Vec<u8>]| answers.iter().map(Vec::len).sum::<usize>();
    while all.len() > min && bytes(&all[..max.min(all.len())]) > MAX_REPLY_BYTES {
        let largest = (0..all.len()).max_by_key(|place| all[*place].len());
        all.remove(largest.unwrap_or_default());
    }
    all.truncate(max);
    all
}

/// The reply, of the answers that are told; nothing if nobody answered within the time.
pub(super) fn reply(
    counts: &Replication,
    answer: Option<Result<Vec<Vec<u8>>, Shortage>>,
) -> Vec<u8> {
    let reply = match answer {
        // Fire and forget: whatever the first node reports.
        Some(_) if counts.max_responses == 0 => FlexibleHttpReply::Ok(Vec::new()),
        None => failure(
            Some(GlobalError::Timeout(Reserved)),
            Vec::new(),
            "Canister http request timed out",
        ),
        Some(Ok(answers)) if answers.len() < counts.min_responses as usize => {
            rejected(counts, "too few nodes have an answer that can be delivered")
        }
        Some(Ok(answers)) => {
            let bytes: usize = answers.iter().map(Vec::len).sum();
            let decoded = answers
                .iter()
                .map(|answer| beginning::<HttpResponse>(answer));
            match decoded.collect::<Result<Vec<_>, _>>() {
                Ok(_) if bytes > MAX_REPLY_BYTES => failure(
                    Some(GlobalError::ResponsesTooLarge(Reserved)),
                    Vec::new(),
                    "The responses do not fit into a reply",
                ),
                Ok(responses) => FlexibleHttpReply::Ok(responses),
                Err(_) => rejected(counts, "the transform function did not return a response"),
            }
        }
        // Nobody has to answer.
        Some(Err(Shortage::Node(_))) if counts.min_responses == 0 => {
            FlexibleHttpReply::Ok(Vec::new())
        }
        Some(Err(Shortage::Node(error))) => rejected(counts, &error.description),
        Some(Err(Shortage::Delivery(error))) => failure(
            Some(GlobalError::OutOfCycles(Reserved)),
            Vec::new(),
            &error.description,
        ),
    };
    encoded(&reply)
}

/// As many rejects as are too many.
fn rejected(counts: &Replication, message: &str) -> FlexibleHttpReply {
    let rejects = counts.total_requests - counts.min_responses + 1;
    let details = (0..rejects.min(counts.total_requests)).map(|node| NodeDetails {
        // Nodes of a subnet that has only one: any principals will do.
        node_id: Principal::self_authenticating(node.to_be_bytes()),
        report: ResourceReport::default(),
        error: Some(NodeError {
            code: "reject".to_owned(),
            message: message.to_owned(),
        }),
    });
    failure(
        Some(GlobalError::TooManyRejects(Reserved)),
        details.collect(),
        message,
    )
}

fn failure(
    global_error: Option<GlobalError>,
    node_details: Vec<NodeDetails>,
    message: &str,
) -> FlexibleHttpReply {
    FlexibleHttpReply::Err(FlexibleFailure {
        global_error,
        node_details,
        message: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ErrorCode;

    fn counts(min_responses: u32, max_responses: u32, total_requests: u32) -> Replication {
        Replication {
            min_responses,
            max_responses,
            total_requests,
        }
    }

    fn decoded(
        counts: Replication,
        answer: Option<Result<Vec<u8>, Shortage>>,
    ) -> FlexibleHttpReply {
        let answers = answer.map(|answer| answer.map(|answer| told(&counts, &Ok(answer), None)));
        candid::decode_one(&reply(&counts, answers)).expect("it is Candid")
    }

    fn response() -> HttpResponse {
        HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: b"hello".to_vec(),
        }
    }

    #[test]
    fn as_many_answers_are_told_as_are_asked_for_at_least() {
        let answer = candid::encode_one(response()).expect("it encodes");
        let told = |counts| decoded(counts, Some(Ok(answer.clone())));
        assert_eq!(
            told(counts(2, 3, 4)),
            FlexibleHttpReply::Ok(vec![response(), response()])
        );
        assert_eq!(told(counts(0, 0, 1)), FlexibleHttpReply::Ok(vec![]));
    }

    #[test]
    fn failures_tell_what_they_are_of() {
        let error = UserError::new(ErrorCode::CanisterRejectedMessage, "no");
        let of = |answer| match decoded(counts(2, 3, 4), answer) {
            FlexibleHttpReply::Err(failure) => (failure.global_error, failure.node_details.len()),
            FlexibleHttpReply::Ok(_) => panic!("no answer"),
        };
        assert_eq!(of(None), (Some(GlobalError::Timeout(Reserved)), 0));
        assert_eq!(
            of(Some(Err(Shortage::Node(error.clone())))),
            (Some(GlobalError::TooManyRejects(Reserved)), 3)
        );
        assert_eq!(
            of(Some(Err(Shortage::Delivery(error)))),
            (Some(GlobalError::OutOfCycles(Reserved)), 0)
        );
        let large = candid::encode_one(HttpResponse {
            body: vec![0; 1_100_000],
            ..response()
        });
        assert_eq!(
            of(Some(Ok(large.expect("it encodes")))),
            (Some(GlobalError::ResponsesTooLarge(Reserved)), 0)
        );
    }

    #[test]
    fn nodes_with_answers_of_their_own_are_all_told_as_far_as_they_fit() {
        let answer = |size: usize| {
            let response = HttpResponse {
                body: vec![7; size],
                ..response()
            };
            candid::encode_one(response).expect("it encodes")
        };
        let error = UserError::new(ErrorCode::CanisterRejectedMessage, "no");
        let sizes = |counts, first: Result<usize, ()>, more: &[Result<usize, ()>]| {
            let encoded = |size: &Result<usize, ()>| match size {
                Ok(size) => Ok(answer(*size)),
                Err(()) => Err(error.clone()),
            };
            let more = more.iter().map(encoded).collect();
            let told = told(&counts, &encoded(&first), Some(more));
            match candid::decode_one(&reply(&counts, Some(Ok(told)))).expect("it is Candid") {
                FlexibleHttpReply::Ok(all) => all.iter().map(|it| it.body.len()).collect(),
                FlexibleHttpReply::Err(failure) => {
                    assert!(failure.global_error.is_some());
                    vec![usize::MAX]
                }
            }
        };
        assert_eq!(
            sizes(counts(2, 3, 4), Ok(1), &[Ok(2), Ok(3), Ok(4)]),
            [1, 2, 3]
        );
        assert_eq!(sizes(counts(1, 3, 4), Err(()), &[Ok(2), Err(())]), [2]);
        assert_eq!(
            sizes(counts(2, 3, 4), Ok(1), &[Err(())]),
            [usize::MAX],
            "too few"
        );
        let large = 1_500_000;
        assert_eq!(
            sizes(counts(1, 3, 3), Ok(large), &[Ok(5), Ok(large)]),
            [large, 5]
        );
        // Which of them fit does not depend on who came first.
        for order in [[large, large, 5], [large, 5, large], [5, large, large]] {
            let [first, second, third] = order;
            let told = sizes(counts(2, 2, 3), Ok(first), &[Ok(second), Ok(third)]);
            assert_eq!(told.iter().sum::<usize>(), large + 5, "{order:?}");
        }
        assert_eq!(
            sizes(counts(2, 2, 2), Ok(large), &[Ok(large)]),
            [usize::MAX],
            "too large"
        );
    }
}
