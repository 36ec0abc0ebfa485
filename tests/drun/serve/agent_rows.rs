//! The endpoints of agents row by row (pocket-ic-api.md 2.2 and 3.10): versions and targets, what may be asked of whom, and what is refused in
//! which words; and the signatures of canisters.

use super::agents::{envelope, field};
use super::*;
use drun_certification::{Certificate, Tree, cbor, hash_tree::Lookup};

const CBOR: [(&str, &str); 1] = [("content-type", "application/cbor")];

/// An instance with one application subnet and a canister, and the way to its endpoints.
struct Agent {
    _server: Server,
    client: Client,
    instance: usize,
    subnet: String,
    canister: Principal,
    root_key: Vec<u8>,
}

impl Agent {
    fn new(config: Value) -> Self {
        let server = Server::start();
        let mut client = server.client();
        let mut wish = json!({"subnet_config_set": subnets(&["application"])});
        for (field, value) in config.as_object().expect("a map") {
            wish[field] = value.clone();
        }
        let made = client.post("/instances", &wish).json()["Created"].clone();
        let subnet = a_subnet_of(&made["topology"]).to_text();
        let canister = client.canister(0, &json!("None"));
        let status = client.get("/instances/0/api/v2/status");
        Agent {
            _server: server,
            client,
            instance: 0,
            subnet,
            canister,
            root_key: field(&status.body, "root_key"),
        }
    }

    fn expiry(&mut self) -> u64 {
        let path = format!("/instances/{}/read/get_time", self.instance);
        let now = self.client.get(&path).json();
        now["nanos_since_epoch"].as_u64().expect("a time") + 200_000_000_000
    }

    fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        let path = format!("/instances/{}/api/{path}", self.instance);
        self.client.send("POST", &path, &CBOR, body)
    }

    /// A body of this kind.
    fn body(&mut self, kind: &str, canister: Principal, method: &str, argument: &[u8]) -> Vec<u8> {
        let expiry = self.expiry();
        envelope(kind, canister, method, argument, expiry)
    }

    /// The body of a wish to read this path.
    fn read(&mut self, path: &[&[u8]]) -> Vec<u8> {
        let mut paths = vec![cbor::bytes(b"")];
        paths[0] = path
            .iter()
            .map(|label| cbor::bytes(label))
            .collect::<Vec<_>>()
            .into();
        let expiry = self.expiry();
        let content = cbor::map([
            ("request_type", "read_state".into()),
            ("sender", cbor::bytes(&[4])),
            ("ingress_expiry", expiry.into()),
            ("paths", paths.into()),
        ]);
        cbor::encode(cbor::map([("content", content)]))
    }

    /// The certificate of an answer, which must verify.
    fn certificate(&self, answer: &Answer) -> Certificate {
        assert_eq!(answer.status, 200, "{}", words(answer));
        assert_eq!(answer.header("content-type"), Some("application/cbor"));
        let certificate = Certificate::decode(&field(&answer.body, "certificate"));
        let certificate = certificate.expect("a certificate");
        assert_eq!(certificate.verify(&self.root_key, None), Ok(()));
        certificate
    }
}

fn words(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn the_status_tells_the_root_key_and_health_and_nothing_else() {
    let mut agent = Agent::new(json!({}));
    let status = agent.client.get("/instances/0/api/v2/status");
    let told = cbor::decode(&status.body).expect("CBOR");
    assert_eq!(told.as_map().map(Vec::len), Some(2));
    assert_eq!(status.body[..3], [0xd9, 0xd9, 0xf7], "it describes itself");
    assert_eq!(status.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(status.header("x-frame-options"), Some("DENY"));
}

#[test]
fn a_call_of_the_second_version_is_read_when_it_has_ended() {
    let mut agent = Agent::new(json!({}));
    let canister = agent.canister;
    let body = agent.body("call", canister, "write", b"x");
    let taken = agent.post(&format!("v2/canister/{canister}/call"), &body);
    assert_eq!((taken.status, taken.body.len()), (202, 0));
    let content = cbor::get(&cbor::decode(&body).expect("CBOR"), "content").cloned();
    let expiry = cbor::get(&content.expect("it has one"), "ingress_expiry").and_then(cbor::number);
    let asked = drun_ic::net::Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: drun_ic::net::Effective::None,
        method: "write".into(),
        payload: b"x".to_vec(),
    };
    let id = drun_ic::net::request_id(&asked, expiry.expect("a number"), None);
    let body = agent.read(&[b"request_status", &id]);
    let read = |agent: &mut Agent, version: &str| {
        let answer = agent.post(&format!("{version}/canister/{canister}/read_state"), &body);
        let tree = agent.certificate(&answer).tree;
        let found = |field: &str| match tree.lookup(&[b"request_status", &id, field.as_bytes()]) {
            Lookup::Found(bytes) => Some(bytes.to_vec()),
            _ => None,
        };
        (found("status"), found("reply"))
    };
    // It has not entered a round.
    assert_eq!(read(&mut agent, "v2"), (None, None));
    agent.client.ask("/instances/0/update/tick", &json!({}));
    for version in ["v2", "v3"] {
        let (status, reply) = read(&mut agent, version);
        assert_eq!(status.as_deref(), Some(&b"replied"[..]));
        assert_eq!(reply.as_deref(), Some(&b"\x01\0\0\0x"[..]));
    }
    // The same message again is taken, and not run.
    let again = agent.body("call", canister, "read", b"");
    assert_eq!(
        agent
            .post(&format!("v2/canister/{canister}/call/"), &again)
            .status,
        202
    );
}

#[test]
fn what_is_certified_of_a_subnet_can_be_read_by_subnet_and_canister() {
    let mut agent = Agent::new(json!({}));
    let (canister, subnet) = (agent.canister, agent.subnet.clone());
    let id = Principal::from_text(&subnet).expect("an id");
    let body = agent.read(&[b"subnet", id.as_slice(), b"metrics"]);
    for path in ["v2/subnet", "v3/subnet"].map(|it| format!("{it}/{subnet}/read_state")) {
        let answer = agent.post(&path, &body);
        let certificate = agent.certificate(&answer);
        let metrics = certificate
            .tree
            .lookup(&[b"subnet", id.as_slice(), b"metrics"]);
        let Lookup::Found(metrics) = metrics else {
            panic!("{path}: {metrics:?}");
        };
        let metrics = cbor::decode(metrics).expect("CBOR");
        let numbered = metrics.as_map().expect("a map");
        let number = |n: usize| cbor::number(&numbered[n].1);
        assert_eq!(numbered.len(), 4);
        assert_eq!(number(0), Some(1), "one canister");
        assert!(number(1) > Some(0), "bytes of its state");
        assert!(number(3).is_some(), "updates");
        assert!(certificate.delegation.is_none(), "it is the root");
    }
    let body = agent.read(&[b"canister", canister.as_slice(), b"module_hash"]);
    for version in ["v2", "v3"] {
        let answer = agent.post(&format!("{version}/canister/{canister}/read_state"), &body);
        let tree = agent.certificate(&answer).tree;
        let hash = tree.lookup(&[b"canister", canister.as_slice(), b"module_hash"]);
        assert!(matches!(hash, Lookup::Found(hash) if hash.len() == 32));
    }
}

#[test]
fn queries_are_answered_and_refused_with_signatures() {
    let mut agent = Agent::new(json!({}));
    let canister = agent.canister;
    for version in ["v2", "v3"] {
        let path = format!("{version}/canister/{canister}/query");
        for (method, status, code) in [
            ("read", "replied", None),
            ("nosuch", "rejected", Some("IC0536")),
            ("write", "rejected", Some("IC0536")),
            ("query_boom", "rejected", Some("IC0503")),
        ] {
            let body = agent.body("query", canister, method, b"");
            let answer = agent.post(&path, &body);
            assert_eq!(answer.status, 200, "{}", words(&answer));
            assert_eq!(field(&answer.body, "status"), status.as_bytes(), "{method}");
            let told = cbor::decode(&answer.body).expect("CBOR");
            let signatures = cbor::get(&told, "signatures").and_then(|it| it.as_array());
            let signature = signatures
                .and_then(|all| all.first())
                .expect("one at least");
            let bytes = cbor::get(signature, "signature").and_then(|it| it.as_bytes());
            assert_eq!(bytes.map(Vec::len), Some(64));
            if let Some(code) = code {
                assert_eq!(field(&answer.body, "error_code"), code.as_bytes());
                assert_eq!(
                    cbor::get(&told, "reject_code").and_then(cbor::number),
                    Some(5)
                );
            }
        }
    }
}

#[test]
fn calls_are_refused_at_once_or_answered_with_a_certificate() {
    let mut agent =
        Agent::new(json!({"initial_time": {"AutoProgress": {"artificial_delay_ms": null}}}));
    let (canister, subnet) = (agent.canister, agent.subnet.clone());
    let management = Principal::management_canister();
    let live = agent.client.get("/instances/0/auto_progress");
    assert_eq!(live.json(), json!(true));
    for path in ["v3", "v4"].map(|version| format!("{version}/canister/{canister}/call")) {
        let body = agent.body("call", canister, "write", b"");
        let answer = agent.post(&path, &body);
        assert_eq!(field(&answer.body, "status"), b"replied");
        agent.certificate(&answer);
        let body = agent.body("call", management, "nosuch", b"");
        let answer = agent.post(&path, &body);
        assert_eq!(answer.status, 200, "{}", words(&answer));
        assert_eq!(field(&answer.body, "status"), b"non_replicated_rejection");
        assert_eq!(field(&answer.body, "error_code"), b"IC0536");
    }
    // A call that names a subnet, and one that names nothing: both make canisters.
    let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
        amount: None,
        settings: None,
        specified_id: None,
        sender_canister_version: None,
    });
    let create = "provisional_create_canister_with_cycles";
    let argument = argument.expect("it encodes");
    for path in [
        format!("v4/subnet/{subnet}/call"),
        "v4/canister/aaaaa-aa/call".into(),
    ] {
        let body = agent.body("call", management, create, &argument);
        let answer = agent.post(&path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", words(&answer));
        assert_eq!(field(&answer.body, "status"), b"replied", "{path}");
    }
    let logs = Encode!(&Canister {
        canister_id: canister
    })
    .expect("it encodes");
    let body = agent.body("query", management, "fetch_canister_logs", &logs);
    for path in [
        format!("v3/subnet/{subnet}/query"),
        format!("v3/canister/{canister}/query"),
    ] {
        let answer = agent.post(&path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", words(&answer));
        assert_eq!(field(&answer.body, "status"), b"replied", "{path}");
    }
}

#[derive(candid::CandidType)]
struct Canister {
    canister_id: Principal,
}

#[test]
fn refusals_have_the_words_that_tests_look_for() {
    let mut agent = Agent::new(json!({}));
    let (canister, subnet) = (agent.canister, agent.subnet.clone());
    let call = agent.body("call", canister, "write", b"");
    let query = agent.body("query", canister, "read", b"");
    let time = agent.read(&[b"time"]);
    let late = envelope("call", canister, "write", b"", 1);
    let early = agent.expiry() + 400_000_000_000;
    let early = envelope("call", canister, "write", b"", early);
    let expiry = "Invalid request expiry: Specified ingress_expiry not within expected range";
    let canister_not_found =
        "error: canister_not_found\ndetails: The specified canister does not exist.";
    let subnet_not_found =
        "error: subnet_not_found\ndetails: The specified subnet cannot be found.";
    let large = vec![0; (4 << 20) + 1];
    // What somebody else has sent, under a name that he knows.
    let mut message = super::call(canister, "write", b"");
    message["sender"] = json!(text(&[7; 29]));
    let id = agent
        .client
        .ask("/instances/0/update/submit_ingress_message", &message);
    agent
        .client
        .ask("/instances/0/update/await_ingress_message", &id["Ok"]);
    let id = bytes(&id["Ok"]["message_id"]).expect("an id");
    let foreign = agent.read(&[b"request_status", &id]);
    let state = agent.read(&[b"nonsense"]);
    for (path, body, status, why) in [
        (format!("v2/canister/{canister}/call"), &late, 400, expiry),
        (format!("v4/canister/{canister}/call"), &early, 400, expiry),
        (
            "v2/canister/rwlgt-iiaaa-aaaaa-aaaaa-cai/call".into(),
            &call,
            400,
            canister_not_found,
        ),
        (
            "v3/canister/rwlgt-iiaaa-aaaaa-aaaaa-cai/query".into(),
            &query,
            400,
            canister_not_found,
        ),
        (
            "v3/canister/rwlgt-iiaaa-aaaaa-aaaaa-cai/read_state".into(),
            &time,
            400,
            canister_not_found,
        ),
        (
            "v2/canister/aaaaa-aa/query".into(),
            &query,
            400,
            canister_not_found,
        ),
        (
            "v4/canister/aaaaa-aa/call".into(),
            &call,
            400,
            canister_not_found,
        ),
        (
            "v2/subnet/rwlgt-iiaaa-aaaaa-aaaaa-cai/read_state".into(),
            &time,
            400,
            subnet_not_found,
        ),
        (
            "v3/subnet/rwlgt-iiaaa-aaaaa-aaaaa-cai/read_state".into(),
            &time,
            400,
            subnet_not_found,
        ),
        (
            format!("v3/subnet/{subnet}/query"),
            &query,
            400,
            "does not match",
        ),
        (
            "v3/canister/nonsense/query".into(),
            &query,
            400,
            "Invalid id nonsense in the address",
        ),
        (
            format!("v2/canister/{canister}/call"),
            &query,
            400,
            "The request type of the body is not `call`.",
        ),
        (
            format!("v2/canister/{canister}/query"),
            &call,
            400,
            "The request type of the body is not `query`.",
        ),
        (
            format!("v2/canister/{canister}/read_state"),
            &call,
            400,
            "The request type of the body is not `read_state`.",
        ),
        (
            format!("v2/canister/{canister}/query"),
            &b"nonsense".to_vec(),
            400,
            "",
        ),
        (
            format!("v3/canister/{canister}/query"),
            &large,
            413,
            "maximum body size is 4194304 bytes",
        ),
        (
            format!("v2/canister/{canister}/call"),
            &large,
            413,
            "maximum body size is 4194304 bytes",
        ),
        (
            format!("v3/canister/{canister}/read_state"),
            &foreign,
            403,
            "The user tries to access Request ID not signed by the caller.",
        ),
        (
            format!("v3/canister/{canister}/read_state"),
            &state,
            400,
            "Invalid path requested.",
        ),
    ] {
        let answer = agent.post(&path, body);
        let said = words(&answer);
        assert_eq!(answer.status, status, "{path}: {said}");
        assert!(said.contains(why), "{path}: {said}");
        if let Some(cause) = why.strip_prefix("error: ") {
            let cause = cause.split('\n').next();
            assert_eq!(answer.header("x-ic-error-cause"), cause, "{path}");
            assert_eq!(said, why);
        }
        assert_ne!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
    }
}

#[test]
fn signatures_are_wanted_unless_validation_is_off() {
    let unsigned = |agent: &mut Agent| {
        let (canister, expiry) = (agent.canister, agent.expiry() + 10_000_000_000_000);
        let content = cbor::map([
            ("request_type", "query".into()),
            ("sender", cbor::bytes(&[7; 29])),
            ("ingress_expiry", expiry.into()),
            ("canister_id", cbor::bytes(canister.as_slice())),
            ("method_name", "read".into()),
            ("arg", cbor::bytes(b"")),
        ]);
        let body = cbor::encode(cbor::map([("content", content)]));
        agent.post(&format!("v3/canister/{canister}/query"), &body)
    };
    let refused = unsigned(&mut Agent::new(json!({})));
    assert_eq!(refused.status, 400, "{}", words(&refused));
    let mut trusting = Agent::new(json!({"disable_ingress_validation": true}));
    let taken = unsigned(&mut trusting);
    assert_eq!(taken.status, 200, "{}", words(&taken));
    assert_eq!(field(&taken.body, "status"), b"replied");
}

/// A key of a canister in DER (interface specification, "Canister signatures").
fn key_of(canister: Principal, seed: &[u8]) -> Vec<u8> {
    let id = canister.as_slice();
    let raw = [&[id.len() as u8], id, seed].concat();
    let oid = [
        0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x02,
    ];
    let bits = [&[0x03, raw.len() as u8 + 1, 0][..], &raw].concat();
    let algorithm = [&[0x30, oid.len() as u8][..], &oid].concat();
    [
        &[0x30, (algorithm.len() + bits.len()) as u8][..],
        &algorithm,
        &bits,
    ]
    .concat()
}

#[test]
fn signatures_of_canisters_are_verified() {
    use sha2::{Digest, Sha256};
    let mut agent = Agent::new(json!({}));
    let canister = agent.canister;
    let hash = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
    let signed = Tree::group([(hash(b"message"), Tree::leaf(&b""[..]))]);
    let tree = Tree::group([("sig", Tree::group([(hash(b"seed"), signed)]))]);
    agent
        .client
        .reply(0, &call(canister, "certify", &tree.digest()));
    let query = call(canister, "certificate", b"");
    let certificate = agent.client.ask("/instances/0/read/query", &query);
    let certificate = bytes(&certificate["Ok"]).expect("a certificate");
    let signature = cbor::encode(cbor::map([
        ("certificate", cbor::bytes(&certificate)),
        ("tree", tree.witness(&[vec![]]).to_value()),
    ]));
    let (key, root) = (key_of(canister, b"seed"), agent.root_key.clone());
    let other = key_of(canister, b"another seed");
    for (message, signature, key, root, status) in [
        (&b"message"[..], &signature[..], &key[..], &root[..], 200),
        (b"another message", &signature, &key, &root, 406),
        (b"message", &signature[..20], &key, &root, 406),
        (b"message", &signature, &other, &root, 406),
        (b"message", &signature, b"nonsense", &root, 400),
        (b"message", &signature, &root, &root, 400),
        (b"message", &signature, &key, b"nonsense", 400),
    ] {
        let body = json!({"msg": text(message), "sig": text(signature), "pubkey": text(key), "root_pubkey": text(root)});
        let answer = agent.client.post("/verify_signature", &body);
        let said = answer.json();
        assert_eq!(answer.status, status, "{said}");
        match status {
            200 => assert_eq!(said, json!({"Ok": null})),
            _ => assert!(said["Err"].is_string(), "{said}"),
        }
    }
    let incomplete = agent.client.post("/verify_signature", &json!({"msg": ""}));
    assert_eq!(incomplete.status, 422);
}
