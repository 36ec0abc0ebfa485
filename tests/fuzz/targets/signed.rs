//! Requests of agents with right signatures: the content comes from any bytes, and the target signs it, so that what lies behind the
//! check of signatures is reached. Chains of delegations that do not hold never get in, and who has sent a call may read what became of it.

use std::sync::{Mutex, OnceLock, PoisonError};

use candid::Encode;
use drun::Principal;
use drun::internals::management::types::install::{CanisterInstallMode, InstallCodeArgs};
use drun::serve::Unheard;
use drun_certification::cbor::{self, Value};
use drun_certification::request::hash_of;

use super::http::{CBOR, INSTANCE, JSON, created};
use super::signing::{Terms, change, envelope, key};

/// Where requests go; not to what waits for a round.
const PATHS: [&str; 8] = [
    "v2/canister/ID/query",
    "v3/canister/ID/query",
    "v3/subnet/SUBNET/query",
    "v2/canister/ID/call",
    "v2/canister/aaaaa-aa/call",
    "v2/canister/ID/read_state",
    "v3/canister/ID/read_state",
    "v3/subnet/SUBNET/read_state",
];
const SUBNET: &str = "powfg-t5ets-pwyf5-ibn34-wyuml-2ncon-7wasz-5yzqb-63lgo-b25wc-vqe";
const CANISTER: &str = "lxzze-o7777-77777-aaaaa-cai";

/// How a request is signed: the number of delegations, and what else.
const DELEGATIONS: u8 = 3;
const FOR_THE_CANISTER: u8 = 4;
const FOR_ANOTHER_CANISTER: u8 = 8;
const EXPIRED: u8 = 16;
const BY_A_STRANGER: u8 = 32;
/// The request holds until when it says.
const AS_IT_SAYS: u8 = 64;

/// Messages are remembered, so that an instance becomes slower.
const REQUESTS_PER_INSTANCE: u64 = 200;

const MODULE: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (memory 1)
    (func $read (call $append (i32.const 0) (i32.const 4)) (call $reply))
    (func (export "canister_update write")
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $read))
    (export "canister_query read" (func $read))
    (@custom "icp:private secret" "for controllers"))"#;

/// The server, its instance at present, and how many requests that has had.
struct Asked {
    server: Unheard,
    instance: u64,
    requests: u64,
}

impl Asked {
    fn new() -> Self {
        let mut asked = Asked {
            server: Unheard::default(),
            instance: 0,
            requests: 0,
        };
        asked.make();
        asked
    }

    /// An instance with a canister that the first key controls.
    fn make(&mut self) {
        let (status, body) = self
            .server
            .ask("POST", "/instances", JSON, INSTANCE.as_bytes());
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        self.instance = created(&body).expect("an id");
        let install = Encode!(&InstallCodeArgs {
            mode: CanisterInstallMode::Install,
            canister_id: canister(),
            wasm_module: wat::parse_str(MODULE).expect("valid text"),
            arg: Vec::new(),
            sender_canister_version: None,
        });
        let install = install.expect("it encodes");
        let install = call("call", management(), "install_code", &install);
        for (path, content) in [(4, create()), (3, install)] {
            let status = self.sign(path, 0, content);
            assert_eq!(status, Some(202));
        }
    }

    fn json(&self, verb: &str, rest: &str, body: &str) -> String {
        let path = format!("/instances/{}{rest}", self.instance);
        let (_, answer) = self.server.ask(verb, &path, JSON, body.as_bytes());
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The time of the instance, nanoseconds since the Unix epoch.
    fn time(&self) -> u64 {
        let told = self.json("GET", "/read/get_time", "");
        let digits = told.trim_matches(|c: char| !c.is_ascii_digit());
        digits.parse().expect("a number")
    }

    /// Signs a content and sends it; the status of the answer, if the content has an id.
    fn sign(&mut self, path: usize, how: u8, mut content: Value) -> Option<u16> {
        let now = self.time();
        let keys: Vec<_> = (0..=how & DELEGATIONS).map(|n| key(n.into())).collect();
        let stranger = key(99);
        let (first, last) = (&keys[0], &keys[keys.len() - 1]);
        let signer = match how & BY_A_STRANGER {
            0 => last,
            _ => &stranger,
        };
        let terms = Terms {
            expiration: match how & EXPIRED {
                0 => now + 1_000_000_000_000,
                _ => now - 1_000_000_000_000,
            },
            targets: match how & (FOR_THE_CANISTER | FOR_ANOTHER_CANISTER) {
                0 => None,
                FOR_THE_CANISTER => Some(vec![canister()]),
                _ => Some(vec![Principal::anonymous()]),
            },
        };
        if how & AS_IT_SAYS == 0 {
            change(
                &mut content,
                "ingress_expiry",
                (now + 200_000_000_000).into(),
            );
        }
        change(&mut content, "sender", cbor::bytes(first.id().as_slice()));
        let id = hash_of(&content)?;
        let body = envelope(content, &keys, signer, &terms)?;
        let status = self.ask(PATHS[path], &body);
        let holds = how & BY_A_STRANGER == 0 && (how & EXPIRED == 0 || keys.len() == 1);
        assert!(holds || status >= 400, "{how:b}: {status}");
        if PATHS[path].ends_with("/call") && status == 202 {
            self.json("POST", "/update/tick", "{}");
            let read = read_state(&[&[b"request_status", &id]]);
            let path = PATHS
                .iter()
                .position(|path| path.ends_with("ID/read_state"));
            let told = self.sign(path?, how & !AS_IT_SAYS, read);
            assert_eq!(told, Some(200), "what became of the call");
        }
        Some(status)
    }

    fn ask(&mut self, path: &str, body: &[u8]) -> u16 {
        let path = path.replace("ID", CANISTER).replace("SUBNET", SUBNET);
        let path = format!("/instances/{}/api/{path}", self.instance);
        let (status, answer) = self.server.ask("POST", &path, CBOR, body);
        let text = String::from_utf8_lossy(&answer);
        assert!((200..600).contains(&status), "{status} {text}");
        assert!(!text.contains("report it as a bug"), "{path}: {text}");
        status
    }
}

fn canister() -> Principal {
    Principal::from_text(CANISTER).expect("an id")
}

fn management() -> Principal {
    Principal::management_canister()
}

/// A call or a query; sender and expiry come later.
fn call(kind: &str, canister: Principal, method: &str, argument: &[u8]) -> Value {
    cbor::map([
        ("request_type", kind.into()),
        ("sender", cbor::bytes(b"")),
        ("ingress_expiry", 0.into()),
        ("canister_id", cbor::bytes(canister.as_slice())),
        ("method_name", method.into()),
        ("arg", cbor::bytes(argument)),
        ("nonce", cbor::bytes(b"once")),
    ])
}

fn create() -> Value {
    let method = "provisional_create_canister_with_cycles";
    call("call", management(), method, b"DIDL\x01\x6c\0\x01\0")
}

fn read_state(paths: &[&[&[u8]]]) -> Value {
    let path = |path: &&[&[u8]]| {
        let labels = path.iter().map(|label| cbor::bytes(label));
        labels.collect::<Vec<_>>().into()
    };
    let paths: Vec<Value> = paths.iter().map(path).collect();
    cbor::map([
        ("request_type", "read_state".into()),
        ("sender", cbor::bytes(b"")),
        ("ingress_expiry", 0.into()),
        ("paths", paths.into()),
    ])
}

/// Labels of paths and names of methods, which no fuzzer makes by itself.
fn words() -> [Vec<u8>; 24] {
    [
        "time",
        "canister",
        "subnet",
        "request_status",
        "canister_ranges",
        "metadata",
        "secret",
        "controllers",
        "module_hash",
        "certified_data",
        "public_key",
        "node",
        "metrics",
        "read",
        "write",
        "canister_status",
        "fetch_canister_logs",
        "update_settings",
        "stop_canister",
        "provisional_create_canister_with_cycles",
        "raw_rand",
        CANISTER,
        SUBNET,
        "",
    ]
    .map(|word| match Principal::from_text(word) {
        Ok(id) => id.as_slice().to_vec(),
        Err(_) => word.as_bytes().to_vec(),
    })
}

/// A content of right shape, out of bytes that are none: parts with their lengths, of which those of a single byte stand for a word.
fn shaped(path: usize, mut bytes: &[u8]) -> Value {
    let words = words();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    while let [length, rest @ ..] = bytes {
        let (part, rest) = rest.split_at(usize::from(*length % 32).min(rest.len()));
        parts.push(match part {
            [word] => words[usize::from(*word) % words.len()].clone(),
            part => part.to_vec(),
        });
        bytes = rest;
    }
    if PATHS[path].ends_with("read_state") {
        let paths: Vec<Vec<&[u8]>> = parts
            .chunks(3)
            .map(|path| path.iter().map(Vec::as_slice).collect())
            .collect();
        let paths: Vec<&[&[u8]]> = paths.iter().map(Vec::as_slice).collect();
        return read_state(&paths);
    }
    let kind = PATHS[path].rsplit('/').next().unwrap_or("");
    let mut parts = parts.into_iter();
    let to = match parts.next() {
        Some(part) if part.len() % 2 == 1 => canister(),
        _ => management(),
    };
    let method = parts.next().unwrap_or_default();
    let method = String::from_utf8_lossy(&method).into_owned();
    call(kind, to, &method, &parts.collect::<Vec<_>>().concat())
}

/// The status of the answer to a request: an endpoint, how it is signed, and a content; nothing for what has no id.
pub fn status(bytes: &[u8]) -> Option<u16> {
    static ASKED: OnceLock<Mutex<Asked>> = OnceLock::new();
    let [path, how, content @ ..] = bytes else {
        return None;
    };
    let path = usize::from(*path) % PATHS.len();
    let content = cbor::decode(content).unwrap_or_else(|_| shaped(path, content));
    let asked = ASKED.get_or_init(|| Mutex::new(Asked::new()));
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    asked.requests += 1;
    if asked.requests.is_multiple_of(REQUESTS_PER_INSTANCE) {
        asked.json("DELETE", "", "");
        asked.make();
    }
    asked.sign(path, *how, content)
}

/// A request, to be signed.
pub fn signed(bytes: &[u8]) {
    status(bytes);
}

/// Requests that are taken.
pub fn seeds() -> Vec<Vec<u8>> {
    let id = canister();
    let about = Encode!(&About { canister_id: id }).expect("it encodes");
    let subnet = Principal::from_text(SUBNET).expect("an id");
    let logs = call("query", management(), "fetch_canister_logs", &about);
    let own: &[&[u8]] = &[b"canister", id.as_slice(), b"metadata", b"secret"];
    let public: &[&[u8]] = &[b"canister", id.as_slice(), b"module_hash"];
    let keys: &[&[u8]] = &[b"subnet", subnet.as_slice(), b"public_key"];
    let metrics: &[&[u8]] = &[b"subnet", subnet.as_slice(), b"metrics"];
    let seeds = [
        (0, 0, call("query", id, "read", b"DIDL\0\0")),
        (1, 1 | FOR_THE_CANISTER, call("query", id, "read", b"")),
        (2, 1, logs),
        (3, 2, call("call", id, "write", b"DIDL\0\0")),
        (3, 3 | FOR_THE_CANISTER, call("call", id, "write", b"")),
        (3, 0, call("call", management(), "canister_status", &about)),
        (4, 1, create()),
        (5, 1, read_state(&[&[b"time"], own])),
        (6, 0, read_state(&[public, &[b"request_status", &[7; 32]]])),
        (7, 0, read_state(&[keys, metrics])),
    ];
    let seed = |(path, how, content)| [&[path, how][..], &cbor::encode(content)].concat();
    seeds.map(seed).to_vec()
}

#[derive(candid::CandidType)]
struct About {
    canister_id: Principal,
}
