//! The endpoints over a network of two subnets, seen as an agent sees them.

use std::collections::BTreeMap;

use ciborium::Value;
use ed25519_dalek::{Verifier, VerifyingKey};
use ic_principal::Principal;

use super::*;
use crate::hash_tree::{HashTree, Lookup, with_domain};
use crate::request::{RequestId, hash_of};
use crate::{Certificate, SubnetKey, cbor};

const NOW: u64 = 1_620_328_630_000_000_000;

fn canister(number: u8) -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, number, 7, 1, 1])
}

fn key(seed: &str) -> SubnetKey {
    SubnetKey::from_seed(seed.as_bytes())
}

/// Canister 1 is on the root subnet, canister 2 on the other one; method `no` is rejected, `elsewhere` goes to the other subnet.
struct Fake {
    rounds: u64,
    answered: bool,
    asked: std::cell::Cell<u64>,
    requests: BTreeMap<RequestId, Request>,
}

impl Network for Fake {
    fn time(&self) -> u64 {
        NOW
    }

    fn subnet_of(&self, id: &Principal) -> Option<Principal> {
        match id.as_slice() {
            [] => Some(key("root").id()),
            _ if *id == canister(1) => Some(key("root").id()),
            _ if *id == canister(2) => Some(key("other").id()),
            _ => None,
        }
    }

    fn version(&self, _: &Principal) -> u64 {
        self.rounds
    }

    fn state(&self, _: &Principal) -> State {
        self.asked.set(self.asked.get() + 1);
        let about = |number| CanisterState {
            id: canister(number),
            controllers: vec![canister(9)],
            module_hash: Some([number; 32]),
            certified_data: b"data".to_vec(),
            created: Some(5),
            installed: None,
        };
        State {
            time: NOW,
            canisters: vec![about(1), about(2)],
            requests: self.requests.values().cloned().collect(),
            metrics: Metrics {
                canisters: 2,
                state_bytes: 3,
                consumed_cycles: (1 << 64) + 4,
                transactions: 5,
            },
        }
    }

    fn sections(&self, _: &Principal, _: &Principal) -> Vec<Section> {
        let section = |name: &str, private| Section {
            name: name.into(),
            private,
            content: b"text"[..].into(),
        };
        vec![section("candid:service", false), section("secret", true)]
    }

    fn is_done(&self, _: &Principal, id: &RequestId) -> bool {
        self.answered && self.requests.contains_key(id)
    }

    fn submit(&mut self, message: Message) -> Result<Principal, NotTaken> {
        let reject = Reject {
            code: 4,
            message: "no".into(),
            error_code: "IC0406".into(),
        };
        let status = match &message.call.method[..] {
            "refused" => return Err(reject.into()),
            "large" => return Err(NotTaken::Bad("too large".into())),
            "no" => Status::Rejected(reject),
            _ => Status::Replied(message.call.argument.into()),
        };
        let subnet = match &message.call.method[..] {
            "elsewhere" => key("other").id(),
            _ => message.subnet,
        };
        let (id, sender, canister) = (message.id, message.sender, message.call.canister);
        self.requests.insert(
            id,
            Request {
                id,
                sender,
                canister,
                status,
            },
        );
        Ok(subnet)
    }

    fn query(&mut self, message: Message) -> Result<Vec<u8>, NotTaken> {
        match &message.call.method[..] {
            "no" => Err(NotTaken::Reject(Reject {
                code: 4,
                message: "no".into(),
                error_code: "IC0406".into(),
            })),
            "large" => Err(NotTaken::Bad("too large".into())),
            _ => Ok(message.call.argument),
        }
    }
}

fn network() -> (Endpoint, Fake) {
    let subnet = |name, number| {
        Subnet::new(
            key(name),
            "application",
            vec![(canister(number), canister(number))],
            4,
        )
    };
    let mut endpoint = Endpoint::new(subnet("root", 1));
    endpoint.add(subnet("other", 2), NOW);
    let fake = Fake {
        rounds: 0,
        answered: true,
        asked: 0.into(),
        requests: BTreeMap::new(),
    };
    (endpoint, fake)
}

fn content(kind: &str, sender: Principal, to: Principal, method: &str) -> Value {
    cbor::map([
        ("request_type", kind.into()),
        ("sender", cbor::bytes(sender.as_slice())),
        ("ingress_expiry", (NOW + 1).into()),
        ("canister_id", cbor::bytes(to.as_slice())),
        ("method_name", method.into()),
        ("arg", cbor::bytes(b"hi")),
    ])
}

fn body(content: Value) -> Vec<u8> {
    cbor::encode(cbor::map([("content", content)]))
}

fn call(to: Principal, method: &str) -> Vec<u8> {
    body(content("call", Principal::anonymous(), to, method))
}

fn read(sender: Principal, paths: &[&[&[u8]]]) -> Vec<u8> {
    let path = |path: &&[&[u8]]| {
        Value::from(
            path.iter()
                .map(|label| cbor::bytes(label))
                .collect::<Vec<_>>(),
        )
    };
    body(cbor::map([
        ("request_type", "read_state".into()),
        ("sender", cbor::bytes(sender.as_slice())),
        ("ingress_expiry", (NOW + 1).into()),
        ("paths", paths.iter().map(path).collect::<Vec<_>>().into()),
    ]))
}

/// The tree of the certificate in an answer, verified.
fn tree(response: &Response, canister: &Principal) -> HashTree {
    assert_eq!(
        response.status,
        200,
        "{}",
        String::from_utf8_lossy(&response.body)
    );
    let map = cbor::decode(&response.body).expect("CBOR");
    let certificate = cbor::get(&map, "certificate")
        .and_then(Value::as_bytes)
        .expect("a certificate");
    let certificate = Certificate::decode(certificate).expect("a certificate");
    assert_eq!(
        certificate.verify(key("root").public_key(), Some(canister)),
        Ok(())
    );
    assert!(matches!(
        certificate.tree.lookup(&[b"time"]),
        Lookup::Found(_)
    ));
    certificate.tree
}

fn text(response: &Response) -> (u16, String) {
    (
        response.status,
        String::from_utf8_lossy(&response.body).into_owned(),
    )
}

#[test]
fn the_status_has_the_root_key_and_health() {
    let (endpoint, _) = network();
    let map = cbor::decode(&endpoint.status().body).expect("CBOR");
    assert_eq!(
        cbor::get(&map, "root_key")
            .and_then(Value::as_bytes)
            .map(|key| &key[..]),
        Some(key("root").public_key())
    );
    assert_eq!(
        cbor::get(&map, "replica_health_status").and_then(Value::as_text),
        Some("healthy")
    );
}

#[test]
fn a_call_is_answered_with_a_certificate_once_it_is_done() {
    let (mut endpoint, mut fake) = network();
    for (number, method, status) in [
        (1, "yes", "replied"),
        (2, "yes", "replied"),
        (2, "no", "rejected"),
    ] {
        fake.answered = false;
        fake.rounds += 1;
        let body = call(canister(number), method);
        let target = Target::Canister(canister(number));
        let Step::Waiting(pending) = endpoint.call(&mut fake, Version::V4, target, &body) else {
            panic!("done")
        };
        assert_eq!(endpoint.answer(&fake, &pending), None);
        fake.answered = true;
        let tree = tree(
            &endpoint.answer(&fake, &pending).expect("an answer"),
            &canister(number),
        );
        let id = pending.id();
        let field = |name: &'static str| tree.lookup(&[b"request_status", &id, name.as_bytes()]);
        assert_eq!(field("status"), Lookup::Found(status.as_bytes()));
        match status {
            "replied" => assert_eq!(field("reply"), Lookup::Found(b"hi")),
            _ => {
                assert_eq!(field("reject_code"), Lookup::Found(&[4]));
                assert_eq!(field("error_code"), Lookup::Found(b"IC0406"));
            }
        }
    }
}

#[test]
fn the_oldest_call_is_only_accepted_and_a_late_one_too() {
    let (mut endpoint, mut fake) = network();
    let target = Target::Canister(canister(1));
    let Step::Done(response) =
        endpoint.call(&mut fake, Version::V2, target, &call(canister(1), "yes"))
    else {
        panic!()
    };
    assert_eq!(text(&response), (202, String::new()));
    let Step::Waiting(pending) =
        endpoint.call(&mut fake, Version::V3, target, &call(canister(1), "yes"))
    else {
        panic!()
    };
    assert_eq!(pending.timed_out().status, 202);
}

#[test]
fn a_refusal_of_the_ingress_filter_is_no_certificate() {
    let (mut endpoint, mut fake) = network();
    let target = Target::Canister(canister(1));
    let Step::Done(response) = endpoint.call(
        &mut fake,
        Version::V4,
        target,
        &call(canister(1), "refused"),
    ) else {
        panic!()
    };
    let map = cbor::decode(&response.body).expect("CBOR");
    let field = |name| cbor::get(&map, name).cloned();
    assert_eq!(response.status, 200);
    assert_eq!(field("status"), Some("non_replicated_rejection".into()));
    assert_eq!(field("reject_code"), Some(4.into()));
    assert_eq!(field("error_code"), Some("IC0406".into()));
}

#[test]
fn the_subnet_that_has_taken_a_call_answers_it() {
    let (mut endpoint, mut fake) = network();
    let body = call(canister(1), "elsewhere");
    let target = Target::Canister(canister(1));
    let Step::Waiting(pending) = endpoint.call(&mut fake, Version::V4, target, &body) else {
        panic!()
    };
    assert_eq!(pending.subnet(), key("other").id());
    let answer = endpoint.answer(&fake, &pending).expect("an answer");
    let tree = tree(&answer, &canister(2));
    let status = tree.lookup(&[b"request_status", &pending.id(), b"status"]);
    assert_eq!(status, Lookup::Found(b"replied"));
}

#[test]
fn what_the_network_cannot_take_is_a_bad_request() {
    let (mut endpoint, mut fake) = network();
    let target = Target::Canister(canister(1));
    let body = call(canister(1), "large");
    let Step::Done(refused) = endpoint.call(&mut fake, Version::V4, target, &body) else {
        panic!()
    };
    assert_eq!(text(&refused), (400, "too large".into()));
    let content = content("query", Principal::anonymous(), canister(1), "large");
    let refused = endpoint.query(&mut fake, target, &super::tests::body(content));
    assert_eq!(text(&refused), (400, "too large".into()));
}

#[test]
fn a_node_signs_what_a_query_answers() {
    let (mut endpoint, mut fake) = network();
    let target = Target::Canister(canister(2));
    let state = endpoint.read_state(
        &fake,
        target,
        &read(Principal::anonymous(), &[&[b"subnet"]]),
    );
    let tree = tree(&state, &canister(2));
    for method in ["yes", "no"] {
        let content = content("query", Principal::anonymous(), canister(2), method);
        let id = hash_of(&content).expect("a hash");
        let response = endpoint.query(&mut fake, target, &body(content));
        let mut answer = cbor::decode(&response.body).expect("CBOR");
        let signatures = cbor::take(&mut answer, "signatures").expect("signatures");
        let signature = &signatures.as_array().expect("a list")[0];
        let bytes = |name| {
            cbor::get(signature, name)
                .and_then(Value::as_bytes)
                .expect("bytes")
        };
        let signed = answer.as_map_mut().expect("a map");
        signed.push(("timestamp".into(), NOW.into()));
        signed.push(("request_id".into(), cbor::bytes(&id)));
        let message = with_domain("ic-response", &hash_of(&answer).expect("a hash"));
        let subnet = key("other").id();
        let path = [
            b"subnet",
            subnet.as_slice(),
            b"node",
            &bytes("identity")[..],
            b"public_key",
        ];
        let Lookup::Found(der) = tree.lookup(&path) else {
            panic!("no node key")
        };
        let node =
            VerifyingKey::from_bytes(der[12..].try_into().expect("32 bytes")).expect("a key");
        let signature = ed25519_dalek::Signature::from_slice(bytes("signature")).expect("64 bytes");
        assert!(node.verify(&message, &signature).is_ok(), "{method}");
    }
}

#[test]
fn the_state_is_built_once_in_a_round() {
    let (mut endpoint, mut fake) = network();
    let target = Target::Canister(canister(1));
    for _ in 0..3 {
        endpoint.read_state(&fake, target, &read(Principal::anonymous(), &[]));
    }
    assert_eq!(fake.asked.get(), 1);
    fake.rounds += 1;
    endpoint.read_state(&fake, target, &read(Principal::anonymous(), &[]));
    assert_eq!(fake.asked.get(), 2);
}

#[test]
fn what_is_public_of_a_canister_can_be_read() {
    let (mut endpoint, fake) = network();
    let id = canister(2);
    let subnet = key("other").id();
    let id = id.as_slice();
    let paths: [&[&[u8]]; 6] = [
        &[b"canister", id, b"module_hash"],
        &[b"canister", id, b"controllers"],
        &[b"canister", id, b"metadata", b"candid:service"],
        &[b"canister", id, b"metadata", b"none"],
        &[b"canister", id, b"canister_creation_timestamp"],
        &[b"subnet", subnet.as_slice(), b"metrics"],
    ];
    let response = endpoint.read_state(
        &fake,
        Target::Canister(canister(2)),
        &read(Principal::anonymous(), &paths),
    );
    let tree = tree(&response, &canister(2));
    assert_eq!(tree.lookup(paths[0]), Lookup::Found(&[2; 32]));
    let mut controllers = vec![0xd9, 0xd9, 0xf7, 0x81, 0x4a];
    controllers.extend(canister(9).as_slice());
    assert_eq!(tree.lookup(paths[1]), Lookup::Found(&controllers));
    assert_eq!(tree.lookup(paths[2]), Lookup::Found(b"text"));
    assert_eq!(tree.lookup(paths[3]), Lookup::Absent);
    assert_eq!(tree.lookup(paths[4]), Lookup::Found(&[5]));
    let metrics = hex::decode("d9d9f7a40002010302a2000101040305").expect("hexadecimal");
    assert_eq!(tree.lookup(paths[5]), Lookup::Found(&metrics));
    assert_eq!(
        tree.lookup(&[b"canister", id, b"certified_data"]),
        Lookup::Unknown
    );
    let shard = tree.children(&[b"canister_ranges", subnet.as_slice()]);
    assert_eq!(shard.len(), 1);
}

#[test]
fn what_is_not_public_is_refused() {
    let (mut endpoint, mut fake) = network();
    let body = body(content("call", Principal::anonymous(), canister(1), "yes"));
    let target = Target::Canister(canister(1));
    let Step::Waiting(pending) = endpoint.call(&mut fake, Version::V4, target, &body) else {
        panic!()
    };
    endpoint.validate = false;
    let (one, two) = (canister(1), canister(2));
    let id = pending.id();
    let secret: &[&[u8]] = &[b"canister", one.as_slice(), b"metadata", b"secret"];
    let status: &[&[u8]] = &[b"request_status", &id];
    for (user, path, refused) in [
        (canister(9), secret, None),
        (canister(8), secret, Some((403, "controllers"))),
        (Principal::anonymous(), status, None),
        (
            canister(8),
            status,
            Some((
                403,
                "The user tries to access Request ID not signed by the caller.",
            )),
        ),
        (
            canister(8),
            &[b"canister", one.as_slice(), b"certified_data"],
            Some((400, "Invalid path")),
        ),
        (
            canister(8),
            &[b"canister", two.as_slice(), b"module_hash"],
            Some((400, "does not match")),
        ),
        (
            canister(8),
            &[b"request_status", b"short"],
            Some((400, "32 bytes")),
        ),
        (canister(8), &[], Some((400, "Invalid path"))),
        (canister(8), &[b"secrets"], Some((400, "Invalid path"))),
    ] {
        let response = endpoint.read_state(&fake, target, &read(user, &[path]));
        let (code, text) = text(&response);
        match refused {
            None => assert_eq!(code, 200, "{text}"),
            Some((expected, part)) => {
                assert!(code == expected && text.contains(part), "{code} {text}")
            }
        }
    }
    let on_subnet = Target::Subnet(key("root").id());
    let response = endpoint.read_state(&fake, on_subnet, &read(Principal::anonymous(), &[status]));
    assert_eq!(response.status, 400);
    let response = endpoint.read_state(
        &fake,
        on_subnet,
        &read(Principal::anonymous(), &[&[b"time"]]),
    );
    assert_eq!(response.status, 200);
}

#[test]
fn refusals_have_the_words_that_clients_look_for() {
    let (mut endpoint, mut fake) = network();
    let nobody = Target::Canister(canister(5));
    let missing = endpoint.query(&mut fake, nobody, &[]);
    assert_eq!(
        text(&missing),
        (
            400,
            "error: canister_not_found\ndetails: The specified canister does not exist.".into()
        )
    );
    assert!(
        missing
            .headers
            .contains(&("x-ic-error-cause", "canister_not_found".into()))
    );
    let missing = endpoint.read_state(&fake, Target::Subnet(canister(5)), &[]);
    assert_eq!(
        text(&missing),
        (
            400,
            "error: subnet_not_found\ndetails: The specified subnet cannot be found.".into()
        )
    );
    let target = Target::Canister(canister(1));
    let mut late = content("call", Principal::anonymous(), canister(1), "yes");
    cbor::take(&mut late, "ingress_expiry");
    late.as_map_mut()
        .expect("a map")
        .push(("ingress_expiry".into(), 0.into()));
    let Step::Done(late) = endpoint.call(&mut fake, Version::V4, target, &body(late)) else {
        panic!()
    };
    let (code, words) = text(&late);
    assert_eq!(code, 400);
    assert!(
        words
            .contains("Invalid request expiry: Specified ingress_expiry not within expected range"),
        "{words}"
    );
    let unsigned = body(content("call", canister(9), canister(1), "yes"));
    let Step::Done(unsigned) = endpoint.call(&mut fake, Version::V4, target, &unsigned) else {
        panic!()
    };
    assert_eq!(unsigned.status, 403);
    let Step::Done(other) =
        endpoint.call(&mut fake, Version::V4, target, &call(canister(2), "yes"))
    else {
        panic!()
    };
    assert!(
        text(&other)
            .1
            .contains("does not match effective canister id"),
        "{:?}",
        text(&other)
    );
    let Step::Done(wrong) = endpoint.call(&mut fake, Version::V4, target, &read(canister(1), &[]))
    else {
        panic!()
    };
    assert_eq!(wrong.status, 403);
    assert_eq!(endpoint.query(&mut fake, target, b"\0").status, 400);
    assert_eq!(
        endpoint
            .query(&mut fake, target, &vec![0; MAX_BODY + 1])
            .status,
        413
    );
    assert_eq!(
        Target::canister("nonsense").map_err(|response| response.status),
        Err(400)
    );
}

#[test]
fn the_management_canister_is_an_address_only_for_creation() {
    let (mut endpoint, mut fake) = network();
    let management = Principal::management_canister();
    let target = Target::Canister(management);
    let create = call(management, "provisional_create_canister_with_cycles");
    assert!(matches!(
        endpoint.call(&mut fake, Version::V4, target, &create),
        Step::Waiting(_)
    ));
    let other = call(management, "canister_status");
    let Step::Done(refused) = endpoint.call(&mut fake, Version::V4, target, &other) else {
        panic!()
    };
    assert!(text(&refused).1.contains("canister_not_found"));
}
