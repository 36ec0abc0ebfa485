//! What is refused of an outcall, and how one is answered.

use super::*;
use crate::config::NodeSettings;
use crate::management::types::http::{FlexibleHttpReply, HttpMethod, Transform, TransformFunction};
use crate::management::types::limited::Limited;
use crate::outcall::Replication;
use crate::protocol::{Protocol, SubnetType};
use candid::types::reference::Func;
use serde_bytes::ByteBuf;

fn args(change: impl FnOnce(&mut HttpRequestArgs)) -> HttpRequestArgs {
    let mut args = HttpRequestArgs {
        url: "http://x/".into(),
        max_response_bytes: None,
        method: HttpMethod::Get,
        headers: Limited(vec![]),
        body: None,
        transform: None,
        is_replicated: None,
        pricing_version: None,
    };
    change(&mut args);
    args
}

fn headers(count: usize, name: usize, value: usize) -> Limited<64, HttpHeader> {
    let header = HttpHeader {
        name: "n".repeat(name),
        value: "v".repeat(value),
    };
    Limited(vec![header; count])
}

fn transform(principal: Principal) -> Option<Transform> {
    let method = "clean".to_owned();
    Some(Transform {
        function: TransformFunction(Func { principal, method }),
        context: vec![1, 2],
    })
}

#[test]
fn limits_are_checked_in_their_order() {
    use OutcallError::*;
    let caller = Principal::anonymous();
    let fault = |change: &dyn Fn(&mut HttpRequestArgs)| check(&args(change), caller);
    assert_eq!(fault(&|_| ()), Ok(()));
    assert_eq!(fault(&|args| args.transform = transform(caller)), Ok(()));
    let other = Principal::management_canister();
    assert_eq!(
        fault(&|args| {
            args.transform = transform(other);
            args.max_response_bytes = Some(u64::MAX);
        }),
        Err(TransformPrincipal {
            expected: caller,
            got: other
        })
    );
    assert_eq!(
        fault(&|args| args.max_response_bytes = Some(2_000_000)),
        Ok(())
    );
    assert_eq!(
        fault(&|args| {
            args.max_response_bytes = Some(2_000_001);
            args.url = "x".repeat(9000);
        }),
        Err(MaxResponseBytes { got: 2_000_001 })
    );
    assert_eq!(fault(&|args| args.url = "x".repeat(8192)), Ok(()));
    assert_eq!(
        fault(&|args| args.url = "x".repeat(8193)),
        Err(UrlTooLong { size: 8193 })
    );
    assert_eq!(
        fault(&|args| args.headers = headers(1, 8193, 8193)),
        Err(HeaderNameTooLong { size: 8193 })
    );
    assert_eq!(
        fault(&|args| args.headers = headers(1, 1, 8193)),
        Err(HeaderValueTooLong { size: 8193 })
    );
    assert_eq!(fault(&|args| args.headers = headers(3, 8192, 8192)), Ok(()));
    assert_eq!(
        fault(&|args| args.headers = headers(4, 8192, 8192)),
        Err(HeadersTooLarge { size: 65_536 })
    );
    assert_eq!(
        fault(&|args| {
            args.headers = headers(1, 1, 0);
            args.body = Some(ByteBuf::from(vec![0; 2_000_000]));
        }),
        Err(RequestTooLarge { size: 2_000_001 })
    );
}

#[test]
fn the_fee_counts_all_parts_of_a_request() {
    let caller = Principal::anonymous();
    assert_eq!(request_bytes(&args(|_| ())), 9);
    let all = args(|args| {
        args.headers = headers(2, 3, 4);
        args.body = Some(ByteBuf::from(vec![0; 100]));
        args.transform = transform(caller);
    });
    assert_eq!(request_bytes(&all), 9 + 14 + 100 + 5 + 2);
}

fn outcall(response: Option<HttpResponse>) -> Outcall {
    Outcall {
        request: Request {
            sender: Principal::anonymous(),
            receiver: Principal::management_canister(),
            callback: Default::default(),
            cycles: 5,
            method: "http_request".into(),
            payload: vec![],
            decoded: None,
            deadline: None,
        },
        round: 10,
        time: 1000,
        response: response.map(Ok),
        more: None,
        silent: false,
        id: 0,
        args: args(|args| args.transform = transform(Principal::anonymous())),
        pay: None,
    }
}

#[test]
fn nobody_answers_for_sixty_seconds() {
    let mut outcalls = Outcalls {
        waiting: vec![outcall(None)],
        ..Outcalls::default()
    };
    assert!(outcalls.due(99, 1000 + TIMEOUT - 1).is_empty());
    let due = outcalls.due(99, 1000 + TIMEOUT).pop().expect("it is due");
    assert!(outcalls.is_empty());
    assert_eq!(due.transform, None);
    let settings = NodeSettings::new(Protocol::OCTOBER_2025, SubnetType::System);
    let (fees, answer) = (Fees::new(&settings), due.raw());
    let Notice::FromManagement(request, Err(error)) = due.conclude(&fees, 0, answer, Vec::new()).0
    else {
        panic!("a timeout is an error")
    };
    assert_eq!(request.cycles, 5);
    assert_eq!(error.description, "Canister http request timed out");
    assert_eq!(error.code.reject_code() as u32, 2);
}

#[test]
fn a_mock_answers_in_the_next_round_through_the_transform() {
    let response = HttpResponse {
        status: 200,
        headers: vec![],
        body: b"hello".to_vec(),
    };
    let mut outcalls = Outcalls {
        waiting: vec![outcall(Some(response.clone()))],
        ..Outcalls::default()
    };
    assert!(outcalls.due(10, 1000).is_empty());
    let due = outcalls.due(11, 1001).pop().expect("it is due");
    let query = due.transform.clone().expect("a transform is named");
    assert_eq!(
        (query.canister, &*query.method),
        (Principal::anonymous(), "clean")
    );
    let context = vec![1, 2];
    let expected = TransformArgs { response, context };
    let sent: TransformArgs = candid::decode_one(&query.argument).expect("it is Candid");
    assert_eq!(sent, expected);
}

/// since-october-2025.md 4.3: a response over a node's limit is that node's reject, and the others may be enough.
#[test]
fn one_node_of_a_flexible_request_may_have_no_answer() {
    let fees = Fees::new(&NodeSettings::new(
        Protocol::NOVEMBER_2026,
        SubnetType::Application,
    ));
    let of_bytes = |bytes| HttpResponse {
        status: 200,
        headers: vec![],
        body: vec![0; bytes],
    };
    let counts = Replication {
        min_responses: 1,
        max_responses: 3,
        total_requests: 3,
    };
    let told = |first: usize, second: usize| {
        let outcall = Outcall {
            args: args(|_| ()),
            more: Some(vec![of_bytes(second)]),
            pay: Some(Pay {
                kind: OutcallKind::Flexible(Some(counts)),
                performing: 3,
                allowance: 1_000_000,
                max_bytes: 100,
                free: false,
            }),
            ..outcall(Some(of_bytes(first)))
        };
        let mut due = outcall.answer();
        let (first, others) = (due.raw(), due.take_more().into_iter());
        let others = others.map(|other| other.raw).collect();
        let Notice::FromManagement(_, Ok(reply)) = due.conclude(&fees, 0, first, others).0 else {
            panic!("both kinds of answers are replies")
        };
        match candid::decode_one(&reply).expect("it is Candid") {
            FlexibleHttpReply::Ok(all) => all.iter().map(|it| it.body.len()).collect(),
            FlexibleHttpReply::Err(_) => Vec::new(),
        }
    };
    assert_eq!(told(5, 6), [5, 6]);
    assert_eq!(told(101, 6), [6]);
    assert_eq!(told(5, 101), [5]);
    assert_eq!(told(101, 101), [0; 0], "too many rejects");
}
