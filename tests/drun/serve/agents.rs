//! The endpoints of agents (pocket-ic-api.md 3.10): certificates that verify, and refusals.

use super::*;
use drun_certification::{Certificate, cbor, hash_tree::Lookup};

/// The value of a key of a map in CBOR.
pub(super) fn field(bytes: &[u8], key: &str) -> Vec<u8> {
    let value = cbor::decode(bytes).expect("CBOR");
    let map = value.as_map().expect("a map");
    let entry = map.iter().find(|(name, _)| name.as_text() == Some(key));
    let value = &entry.unwrap_or_else(|| panic!("no {key} in {value:?}")).1;
    match value.as_text() {
        Some(text) => text.as_bytes().to_vec(),
        None => value.as_bytes().expect("bytes").clone(),
    }
}

pub(super) fn envelope(
    kind: &str,
    canister: Principal,
    method: &str,
    argument: &[u8],
    expiry: u64,
) -> Vec<u8> {
    let content = cbor::map([
        ("request_type", kind.into()),
        ("sender", cbor::bytes(Principal::anonymous().as_slice())),
        ("ingress_expiry", expiry.into()),
        ("canister_id", cbor::bytes(canister.as_slice())),
        ("method_name", method.into()),
        ("arg", cbor::bytes(argument)),
    ]);
    cbor::encode(cbor::map([("content", content)]))
}

#[test]
fn what_agents_read_verifies_under_the_root_key() {
    let server = Server::start();
    let mut client = server.client();
    let (instance, topology) = client.instance(subnets(&["nns", "application"]));
    let path = format!("/instances/{instance}");
    let status = client.get(&format!("{path}/api/v2/status"));
    assert_eq!(status.header("content-type"), Some("application/cbor"));
    let root_key = field(&status.body, "root_key");
    assert_eq!(field(&status.body, "replica_health_status"), b"healthy");
    assert_eq!(topology["subnet_configs"].as_object().unwrap().len(), 2);
    let canister = client.canister(instance, &json!("None"));
    client.reply(instance, &call(canister, "certify", b"data"));
    let query = call(canister, "certificate", b"");
    let certificate = client.ask(&format!("{path}/read/query"), &query);
    let certificate = bytes(&certificate["Ok"]).expect("a certificate");
    let certificate = Certificate::decode(&certificate).expect("a certificate");
    assert_eq!(certificate.verify(&root_key, Some(&canister)), Ok(()));
    let certified: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
    assert_eq!(certificate.tree.lookup(&certified), Lookup::Found(b"data"));

    client.ask(&format!("{path}/auto_progress"), &json!({}));
    let now = client.get(&format!("{path}/read/get_time")).json();
    let expiry = now["nanos_since_epoch"].as_u64().unwrap() + 200_000_000_000;
    let body = envelope("call", canister, "write", b"x", expiry);
    let cbor = [("content-type", "application/cbor")];
    let at = |verb: &str| {
        format!(
            "{path}/api/{}/canister/{canister}/{verb}",
            if verb == "call" { "v4" } else { "v3" }
        )
    };
    let answer = client.send("POST", &at("call"), &cbor, &body);
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(field(&answer.body, "status"), b"replied");
    let certificate = Certificate::decode(&field(&answer.body, "certificate")).unwrap();
    assert_eq!(certificate.verify(&root_key, Some(&canister)), Ok(()));
    let query = envelope("query", canister, "read", b"", expiry);
    let answer = client.send("POST", &at("query"), &cbor, &query);
    assert_eq!(field(&answer.body, "status"), b"replied");
    // At the root it is the newest instance.
    let root = client.get("/api/v2/status");
    assert_eq!(field(&root.body, "root_key"), root_key);
}

#[test]
fn the_subnet_on_which_a_canister_is_made_answers_its_maker() {
    let server = Server::start();
    let mut client = server.client();
    let (instance, _) = client.instance(subnets(&["nns", "application"]));
    let path = format!("/instances/{instance}");
    client.ask(&format!("{path}/auto_progress"), &json!({}));
    let root_key = client.get(&format!("{path}/api/v2/status")).body;
    let root_key = field(&root_key, "root_key");
    // On a subnet that is there, and on one that is made for it.
    for id in ["rrkah-fqaaa-aaaaa-aaaaq-cai", "22ajg-aqaaa-aaaap-adukq-cai"] {
        let id = Principal::from_text(id).expect("an id");
        let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
            amount: None,
            settings: None,
            specified_id: Some(id),
            sender_canister_version: None,
        });
        let now = client.get(&format!("{path}/read/get_time")).json();
        let expiry = now["nanos_since_epoch"].as_u64().expect("a time") + 200_000_000_000;
        let body = envelope(
            "call",
            Principal::management_canister(),
            "provisional_create_canister_with_cycles",
            &argument.expect("it encodes"),
            expiry,
        );
        let call = format!("{path}/api/v4/canister/aaaaa-aa/call");
        let answer = client.send("POST", &call, &[], &body);
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{said}");
        let certificate = Certificate::decode(&field(&answer.body, "certificate"));
        let certificate = certificate.expect("a certificate");
        assert_eq!(certificate.verify(&root_key, Some(&id)), Ok(()));
        let labels = certificate.tree.lookup(&[b"request_status"]);
        assert!(!matches!(labels, Lookup::Absent), "{id}: {labels:?}");
        let content = cbor::decode(&body).expect("CBOR");
        let content = cbor::get(&content, "content").expect("it was put there");
        let request = drun_certification::request::hash_of(content).expect("a hash");
        let status = certificate
            .tree
            .lookup(&[b"request_status", &request, b"status"]);
        assert_eq!(status, Lookup::Found(b"replied"), "{id}");
    }
}

#[test]
fn a_message_that_is_too_large_for_a_canister_is_a_bad_request() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let path = format!("/instances/{instance}");
    let now = client.get(&format!("{path}/read/get_time")).json();
    let expiry = now["nanos_since_epoch"].as_u64().expect("a time") + 200_000_000_000;
    let body = envelope("call", canister, "write", &vec![7; 3 << 20], expiry);
    for version in ["v2", "v3", "v4"] {
        let call = format!("{path}/api/{version}/canister/{canister}/call");
        let answer = client.send("POST", &call, &[], &body);
        assert_eq!(answer.status, 400);
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(said.starts_with("Request 0x"), "{said}");
        assert!(said.contains(" is too large. Message byte size "), "{said}");
    }
}

/// It waits for ten seconds for what never comes, as no round is run: twice at the same time.
#[test]
fn a_call_that_does_not_end_in_time_is_taken_all_the_same() {
    let (server, mut client, instance, canister) = with_a_canister();
    let path = format!("/instances/{instance}");
    let now = client.get(&format!("{path}/read/get_time")).json();
    let expiry = now["nanos_since_epoch"].as_u64().expect("a time") + 200_000_000_000;
    let waiting = ["v3", "v4"].map(|version| {
        let port = server.port;
        let path = format!("{path}/api/{version}/canister/{canister}/call");
        let body = envelope("call", canister, "write", version.as_bytes(), expiry);
        std::thread::spawn(move || {
            let headers = [("content-type", "application/cbor")];
            let begun = Instant::now();
            let answer = Client::new(port).send("POST", &path, &headers, &body);
            (answer, begun.elapsed())
        })
    });
    for thread in waiting {
        let (answer, took) = thread.join().expect("it is answered");
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 202, "{said}");
        assert!(said.starts_with("Request 0x"), "{said}");
        assert!(took >= Duration::from_secs(10), "{took:?}");
    }
    // Both were taken, and run once there is a round.
    client.ask(&format!("{path}/update/tick"), &json!({}));
    let count = client.ask(&format!("{path}/read/query"), &call(canister, "read", b""));
    assert_eq!(bytes(&count["Ok"]), Some(vec![2, 0, 0, 0]));
}
