//! Requests of agents that are signed (pocket-ic-api.md 3.10): whose they are, and which delegations hold. How signatures and chains are
//! verified is tested in crates/certification; here a client sends them.

use super::agents::field;
use super::*;
use crate::support::signing::{Terms, envelope, key};
use drun_certification::agent::NodeKey;
use drun_certification::cbor::{self, Value as Cbor};
use drun_certification::{Certificate, hash_tree::Lookup, request::hash_of};

/// Replies with its caller.
const TELLS: &str = r#"(module
    (import "ic0" "msg_caller_size" (func $size (result i32)))
    (import "ic0" "msg_caller_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reply" (func $reply))
    (memory 1)
    (func $tell
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (call $append (i32.const 0) (call $size))
        (call $reply))
    (export "canister_update update" (func $tell))
    (export "canister_query query" (func $tell)))"#;

const PATH: &str = "/instances/0/api";

/// A live instance with that canister.
struct Live {
    _server: Server,
    client: Client,
    canister: Principal,
    now: u64,
}

impl Live {
    fn new() -> Self {
        let server = Server::start();
        let mut client = server.client();
        let instance = client.application();
        let canister = client.canister_of(instance, &json!("None"), TELLS);
        client.ask("/instances/0/auto_progress", &json!({}));
        let now = client.get("/instances/0/read/get_time").json();
        Live {
            _server: server,
            client,
            canister,
            now: now["nanos_since_epoch"].as_u64().expect("a time"),
        }
    }

    /// A call or a query of somebody.
    fn content(&self, kind: &str, method: &str, sender: &NodeKey) -> Cbor {
        cbor::map([
            ("request_type", kind.into()),
            ("sender", cbor::bytes(sender.id().as_slice())),
            ("ingress_expiry", (self.now + 200_000_000_000).into()),
            ("canister_id", cbor::bytes(self.canister.as_slice())),
            ("method_name", method.into()),
            ("arg", cbor::bytes(b"")),
        ])
    }

    fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        let canister = self.canister;
        let (version, verb) = path.split_once('/').expect("two parts");
        let path = format!("{PATH}/{version}/canister/{canister}/{verb}");
        let headers = [("content-type", "application/cbor")];
        self.client.send("POST", &path, &headers, body)
    }

    /// Terms that hold.
    fn terms(&self, targets: Option<Vec<Principal>>) -> Terms {
        Terms {
            expiration: self.now + 1_000_000_000_000,
            targets,
        }
    }
}

#[test]
fn canisters_see_whose_key_the_first_one_is() {
    let mut live = Live::new();
    let canister = live.canister;
    for (number, keys) in [vec![1], vec![2, 3], vec![4, 5, 6, 7]]
        .into_iter()
        .enumerate()
    {
        let keys: Vec<_> = keys.into_iter().map(key).collect();
        let (sender, signer) = (&keys[0], &keys[keys.len() - 1]);
        let terms = live.terms((number == 2).then(|| vec![Principal::anonymous(), canister]));
        let query = live.content("query", "query", sender);
        let query = envelope(query, &keys, signer, &terms).expect("it has an id");
        for path in ["v2/query", "v3/query"] {
            let answer = live.post(path, &query);
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{path} {said}");
            let told = cbor::decode(&answer.body).expect("CBOR");
            let reply = cbor::get(&told, "reply").and_then(|reply| cbor::get(reply, "arg"));
            let reply = reply.and_then(|reply| reply.as_bytes().cloned());
            assert_eq!(reply.as_deref(), Some(sender.id().as_slice()), "{path}");
        }
        let call = live.content("call", "update", sender);
        let id = hash_of(&call).expect("it has one");
        let call = envelope(call, &keys, signer, &terms).expect("it has an id");
        let answer = live.post("v4/call", &call);
        assert_eq!(field(&answer.body, "status"), b"replied");
        let certificate = Certificate::decode(&field(&answer.body, "certificate"));
        let tree = certificate.expect("a certificate").tree;
        let reply = tree.lookup(&[b"request_status", &id, b"reply"]);
        assert_eq!(reply, Lookup::Found(sender.id().as_slice()));
    }
}

#[test]
fn what_does_not_hold_is_refused() {
    let mut live = Live::new();
    let [owner, session, stranger] = [1, 2, 3].map(key);
    let holds = live.terms(None);
    let late = Terms {
        expiration: live.now - 1_000_000_000_000,
        targets: None,
    };
    let elsewhere = live.terms(Some(vec![Principal::anonymous()]));
    let chain = [owner.clone(), session.clone()];
    let alone = [owner.clone()];
    for (keys, signer, terms, why) in [
        (&alone[..], &stranger, &holds, "Invalid signature"),
        (&chain, &stranger, &holds, "Invalid signature"),
        (&chain, &owner, &holds, "Invalid signature"),
        (&chain, &session, &late, "Invalid delegation"),
        (&chain, &session, &elsewhere, "Invalid delegation"),
    ] {
        for (path, kind) in [
            ("v2/query", "query"),
            ("v3/query", "query"),
            ("v2/call", "call"),
            ("v4/call", "call"),
        ] {
            let method = if kind == "call" { "update" } else { "query" };
            let content = live.content(kind, method, &owner);
            let body = envelope(content, keys, signer, terms).expect("it has an id");
            let refused = live.post(path, &body);
            let said = String::from_utf8_lossy(&refused.body).into_owned();
            assert_eq!(refused.status, 403, "{path}: {said}");
            assert!(said.contains(why), "{path}: {said}");
        }
    }
    // Somebody else's key under his own name.
    let content = live.content("query", "query", &stranger);
    let body = envelope(content, &alone, &owner, &holds).expect("it has an id");
    let refused = live.post("v3/query", &body);
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(
        refused.status == 403 && said.contains("is not that of the sender"),
        "{said}"
    );
}
