//! HTTP requests of canisters (pocket-ic-api.md 2.7).

use super::*;
use candid::Func;
use drun_ic::management::types::http::{
    FlexibleHttpReply, FlexibleHttpRequestArgs, GlobalError, HttpHeader, HttpMethod,
    HttpRequestArgs, HttpResponse, Transform, TransformFunction,
};
use drun_ic::management::types::limited::Limited;
use drun_ic::outcall::Replication;

struct Outcall {
    server: Server,
    client: Client,
    instance: usize,
    message: Value,
}

impl Outcall {
    /// A request that has been made and waits.
    fn made() -> Self {
        Outcall::made_with(CANISTER, |_, _| ())
    }

    /// One of a canister with this module, which is told its id.
    fn made_with(module: &str, change: impl FnOnce(&mut HttpRequestArgs, Principal)) -> Self {
        let server = Server::start();
        let mut client = server.client();
        let instance = client.application();
        let canister = client.canister_of(instance, &json!("None"), module);
        let mut request = HttpRequestArgs {
            url: "https://example.com/x".into(),
            max_response_bytes: Some(2000),
            method: HttpMethod::Get,
            headers: Limited(vec![]),
            body: None,
            transform: None,
            is_replicated: None,
            pricing_version: None,
        };
        change(&mut request, canister);
        let argument = Encode!(&request);
        let path = format!("/instances/{instance}/update/submit_ingress_message");
        let message = client.ask(&path, &call(canister, "http", &argument.unwrap()))["Ok"].clone();
        let mut outcall = Outcall {
            server,
            client,
            instance,
            message,
        };
        assert_eq!(outcall.pending(), json!([]));
        outcall.tick();
        assert_eq!(outcall.pending(), json!([]));
        outcall.tick();
        outcall
    }

    fn path(&self, rest: &str) -> String {
        format!("/instances/{}/{rest}", self.instance)
    }

    fn tick(&mut self) {
        self.client.ask(&self.path("update/tick"), &json!({}));
    }

    fn pending(&mut self) -> Value {
        self.client.get(&self.path("read/get_canister_http")).json()
    }

    fn mock(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        let mut mock = json!({
            "subnet_id": self.pending()[0]["subnet_id"],
            "request_id": 0,
            "response": {"CanisterHttpReply": {"status": 200, "headers": [], "body": text(b"hello")}},
            "additional_responses": [],
        });
        change(&mut mock);
        let path = self.path("update/mock_canister_http");
        self.client.post(&path, &mock)
    }

    fn result(&mut self) -> Value {
        let path = self.path("update/await_ingress_message");
        self.client.ask(&path, &self.message)
    }
}

#[test]
fn a_request_is_seen_after_two_rounds_and_answered() {
    let mut outcall = Outcall::made();
    let pending = outcall.pending();
    let only = pending[0].clone();
    assert_eq!(pending.as_array().map(Vec::len), Some(1));
    for (key, value) in [
        ("request_id", json!(0)),
        ("http_method", json!("GET")),
        ("url", json!("https://example.com/x")),
        ("headers", json!([])),
        ("body", json!("")),
        ("max_response_bytes", json!(2000)),
        ("replication", json!("FullyReplicated")),
        ("pricing_version", json!("Legacy")),
    ] {
        assert_eq!(only[key], value, "{key}");
    }
    assert_eq!(outcall.mock(|_| ()).body, b"null");
    assert_eq!(outcall.pending(), json!([]));
    let result = outcall.result();
    let expected = Encode!(&HttpResponse {
        status: 200,
        headers: vec![],
        body: b"hello".to_vec(),
    });
    assert_eq!(bytes(&result["Ok"]), expected.ok());
    assert_eq!(outcall.server.client().get("/status").status, 200);
}

#[test]
fn wrong_answers_are_refused() {
    let mut outcall = Outcall::made();
    let reject = json!({"CanisterHttpReject": {"reject_code": 7, "message": ""}});
    let refused = outcall.mock(|mock| mock["response"] = reject);
    assert_eq!(
        (refused.status, &*refused.message()),
        (400, "InvalidRejectCode(7)")
    );
    let one = json!({"CanisterHttpReject": {"reject_code": 2, "message": ""}});
    let refused = outcall.mock(|mock| mock["additional_responses"] = json!([one]));
    assert_eq!(
        refused.message(),
        "InvalidMockCanisterHttpResponses((2, 13))"
    );
    let refused = outcall.mock(|mock| mock["request_id"] = json!(9));
    assert!(
        refused
            .message()
            .starts_with("InvalidCanisterHttpRequestId((")
    );
    let refused = outcall.mock(|mock| mock["subnet_id"] = json!({"subnet_id": "AQ=="}));
    assert!(refused.message().starts_with("SubnetNotFound("));
}

#[test]
fn what_the_nodes_got_may_be_a_reject() {
    let mut outcall = Outcall::made();
    let reject = json!({"CanisterHttpReject": {"reject_code": 2, "message": "no route to host"}});
    assert_eq!(outcall.mock(|mock| mock["response"] = reject).status, 200);
    let result = outcall.result()["Err"].clone();
    assert_eq!(result["reject_message"], "no route to host");
    // It is answered once.
    let again = outcall.mock(|mock| {
        mock["subnet_id"] = json!({"subnet_id": id_text(Principal::from_slice(&[1]))});
    });
    assert!(again.message().starts_with("SubnetNotFound("));
}

#[test]
fn nodes_have_to_agree() {
    let mut outcall = Outcall::made();
    let reply = |n: usize| json!({"CanisterHttpReply": {"status": 200, "headers": [], "body": text(&[n as u8])}});
    let others: Vec<_> = (0..12).map(reply).collect();
    assert_eq!(
        outcall
            .mock(|mock| mock["additional_responses"] = json!(others))
            .status,
        200
    );
    let result = outcall.result();
    let message = result["Err"]["reject_message"].as_str().unwrap();
    assert!(
        message.starts_with("No consensus could be reached. Replicas had different responses. Details: request_id: 0, timeout: "),
        "{message}"
    );
}

#[test]
fn nobody_answers_for_a_minute() {
    let mut outcall = Outcall::made();
    let now = outcall.client.get(&outcall.path("read/get_time")).json();
    let later = now["nanos_since_epoch"].as_u64().unwrap() + 61_000_000_000;
    let path = outcall.path("update/set_time");
    outcall
        .client
        .ask(&path, &json!({"nanos_since_epoch": later}));
    let result = outcall.result();
    assert_eq!(
        result["Err"]["reject_message"],
        "Canister http request timed out"
    );
    assert_eq!(outcall.pending(), json!([]));
}

#[test]
fn what_is_asked_for_is_told() {
    type Wish = fn(&mut HttpRequestArgs);
    let cases: [(Wish, [(&str, Value); 4]); 3] = [
        (
            |wish| {
                wish.method = HttpMethod::Post;
                wish.body = Some(b"body".to_vec().into());
                wish.headers = Limited(vec![HttpHeader {
                    name: "a".into(),
                    value: "b".into(),
                }]);
            },
            [
                ("http_method", json!("POST")),
                ("body", json!(text(b"body"))),
                ("headers", json!([{"name": "a", "value": "b"}])),
                ("replication", json!("FullyReplicated")),
            ],
        ),
        (
            |wish| {
                wish.method = HttpMethod::Put;
                wish.is_replicated = Some(false);
                wish.max_response_bytes = None;
            },
            [
                ("http_method", json!("PUT")),
                ("replication", json!("NonReplicated")),
                ("max_response_bytes", Value::Null),
                ("pricing_version", json!("Legacy")),
            ],
        ),
        (
            |wish| {
                wish.method = HttpMethod::Head;
                wish.pricing_version = Some(2);
            },
            [
                ("http_method", json!("HEAD")),
                ("replication", json!("FullyReplicated")),
                ("pricing_version", json!("PayAsYouGo")),
                ("body", json!("")),
            ],
        ),
    ];
    for (change, expected) in cases {
        let mut outcall = Outcall::made_with(CANISTER, |wish, _| change(wish));
        let pending = outcall.pending();
        for (field, value) in expected {
            assert_eq!(pending[0][field], value, "{field}: {pending}");
        }
        assert_eq!(outcall.mock(|_| ()).status, 200);
        assert!(outcall.result().get("Ok").is_some());
    }
}

/// The module of these tests with the query `tail`, whose reply is a response with the last 13 bytes of its argument as body, and the query
/// `same`, whose reply is always the same.
fn with_transforms() -> String {
    let reply = Encode!(&HttpResponse {
        status: 201,
        headers: vec![],
        body: vec![0; 13],
    });
    let reply = reply.expect("it encodes");
    // The body, and no headers.
    let (head, _) = reply.split_at(reply.len() - 14);
    let escaped: String = head.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let size = head.len();
    let transforms = format!(
        r#"(data (i32.const 300) "{escaped}")
        (func (export "canister_query tail") (local $size i32)
            (local.set $size (call $argument))
            (call $append (i32.const 300) (i32.const {size}))
            (call $append (i32.add (i32.const 987) (local.get $size)) (i32.const 13))
            (call $answer (i32.const 900) (i32.const 1)))
        (func (export "canister_query same")
            (call $append (i32.const 300) (i32.const {size}))
            (call $answer (i32.const 900) (i32.const 14)))"#
    );
    let (module, _) = CANISTER.rsplit_once(')').expect("it ends with one");
    format!("{module}{transforms})")
}

fn transform(wish: &mut HttpRequestArgs, canister: Principal, method: &str) {
    wish.transform = Some(Transform {
        function: TransformFunction(Func {
            principal: canister,
            method: method.into(),
        }),
        context: b"ctx1".to_vec(),
    });
}

#[test]
fn an_answer_goes_through_the_canisters_transform() {
    for (method, body) in [
        // The context, the status in LEB128, the body with its length, no headers.
        ("tail", &b"ctx1\xc8\x01\x05hello\0"[..]),
        ("same", &[0; 13]),
    ] {
        let mut outcall = Outcall::made_with(&with_transforms(), |wish, canister| {
            transform(wish, canister, method);
        });
        assert_eq!(outcall.mock(|_| ()).status, 200);
        assert_eq!(outcall.pending(), json!([]));
        let expected = Encode!(&HttpResponse {
            status: 201,
            headers: vec![],
            body: body.to_vec(),
        });
        assert_eq!(bytes(&outcall.result()["Ok"]), expected.ok(), "{method}");
    }
    let mut outcall = Outcall::made_with(&with_transforms(), |wish, canister| {
        transform(wish, canister, "query_boom");
    });
    assert_eq!(outcall.mock(|_| ()).status, 200);
    let result = outcall.result();
    let said = result["Err"]["reject_message"].as_str().expect("a text");
    assert!(said.contains("'boom'"), "{said}");
}

#[test]
fn nodes_agree_on_what_the_transform_leaves() {
    let reply = |n: usize| json!({"CanisterHttpReply": {"status": 200, "headers": [], "body": text(&[n as u8])}});
    let others: Vec<_> = (0..12).map(reply).collect();
    for (method, agree) in [("same", true), ("tail", false)] {
        let mut outcall = Outcall::made_with(&with_transforms(), |wish, canister| {
            transform(wish, canister, method);
        });
        let answers = json!(others);
        let mocked = outcall.mock(|mock| mock["additional_responses"] = answers);
        assert_eq!(mocked.status, 200);
        let result = outcall.result();
        assert_eq!(result.get("Ok").is_some(), agree, "{method}: {result}");
    }
}

/// A proxy for the management canister: calls the method `flexible_http_request` with its argument.
fn flexible(client: &mut Client, instance: usize) -> Value {
    let canister = client.proxy(instance, &json!("None"), "flexible_http_request");
    let argument = Encode!(&FlexibleHttpRequestArgs {
        url: "https://example.com/x".into(),
        max_response_bytes: Some(2000),
        method: HttpMethod::Get,
        headers: Limited(vec![]),
        body: None,
        transform: None,
        replication: Some(Replication {
            min_responses: 2,
            max_responses: 3,
            total_requests: 4,
        }),
    });
    let path = format!("/instances/{instance}/update");
    let submit = format!("{path}/submit_ingress_message");
    let message = call(canister, "http", &argument.expect("it encodes"));
    let message = client.ask(&submit, &message)["Ok"].clone();
    for _ in 0..2 {
        client.ask(&format!("{path}/tick"), &json!({}));
    }
    message
}

#[test]
fn nodes_of_a_flexible_request_answer_for_themselves() {
    let server = Server::start();
    let mut client = server.client();
    let reply = |body: &[u8]| json!({"CanisterHttpReply": {"status": 200, "headers": [], "body": text(body)}});
    let reject = json!({"CanisterHttpReject": {"reject_code": 2, "message": "no"}});
    let cases = [
        (
            vec![reply(b"a"), reject.clone(), reply(b"b")],
            Ok(vec![b"a".to_vec(), b"b".to_vec()]),
        ),
        (
            vec![reply(b"a"), reply(b"b"), reply(b"c"), reply(b"d")],
            Ok(vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]),
        ),
        (
            vec![reject.clone(), reject.clone(), reject],
            Err(GlobalError::TooManyRejects(candid::Reserved)),
        ),
        (
            vec![reply(b"a")],
            Err(GlobalError::Timeout(candid::Reserved)),
        ),
    ];
    for (responses, expected) in cases {
        let instance = client.application();
        let message = flexible(&mut client, instance);
        let pending = format!("/instances/{instance}/read/get_canister_http");
        let asked = client.get(&pending).json()[0].clone();
        let counts = json!({"total_requests": 4, "min_responses": 2, "max_responses": 3});
        assert_eq!(asked["replication"], json!({"Flexible": counts}), "{asked}");
        assert_eq!(asked["pricing_version"], "PayAsYouGo");
        let path = format!("/instances/{instance}/update");
        let mock = |responses: &[Value]| json!({"subnet_id": asked["subnet_id"], "request_id": 0, "responses": responses});
        let flexible = format!("{path}/mock_flexible_canister_http");
        let too_many = client.post(&flexible, &mock(&vec![reply(b"a"); 5]));
        assert_eq!(
            too_many.message(),
            "InvalidMockCanisterHttpResponses((5, 4))"
        );
        assert_eq!(client.ask(&flexible, &mock(&responses)), Value::Null);
        assert_eq!(client.get(&pending).json(), json!([]));
        let again = client.post(&flexible, &mock(&responses));
        assert!(
            again
                .message()
                .starts_with("InvalidCanisterHttpRequestId((")
        );
        let now = client
            .get(&format!("/instances/{instance}/read/get_time"))
            .json();
        let later = now["nanos_since_epoch"].as_u64().expect("a time") + 61_000_000_000;
        client.ask(
            &format!("{path}/set_time"),
            &json!({"nanos_since_epoch": later}),
        );
        let result = client.ask(&format!("{path}/await_ingress_message"), &message);
        let bytes = bytes(&result["Ok"]).unwrap_or_else(|| panic!("no reply: {result}"));
        let told = match candid::decode_one(&bytes).expect("it is Candid") {
            FlexibleHttpReply::Ok(all) => Ok(all.into_iter().map(|it| it.body).collect()),
            FlexibleHttpReply::Err(failure) => Err(failure.global_error.expect("it is told")),
        };
        assert_eq!(told, expected);
    }
}
