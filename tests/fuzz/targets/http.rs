//! What a server reads from clients: bodies in JSON, and in CBOR of agents. Whatever they are, there is an answer, and none that says the
//! request has failed through a bug.

use std::sync::{Mutex, OnceLock, PoisonError};

use drun::serve::Unheard;

/// Endpoints: how they are asked, where, and with what. `{}` is an instance. Not those that begin something on the machine: files,
/// connections, threads.
const ENDPOINTS: [(&str, &str, &str); 27] = [
    ("POST", "/instances", JSON),
    ("POST", "/verify_signature", JSON),
    ("POST", "/blobstore", "application/octet-stream"),
    ("POST", "/instances/{}/read/query", JSON),
    ("POST", "/instances/{}/read/get_controllers", JSON),
    ("POST", "/instances/{}/read/get_cycles", JSON),
    ("POST", "/instances/{}/read/get_stable_memory", JSON),
    ("POST", "/instances/{}/read/get_subnet", JSON),
    ("POST", "/instances/{}/read/pub_key", JSON),
    ("POST", "/instances/{}/read/ingress_status", JSON),
    ("POST", "/instances/{}/update/submit_ingress_message", JSON),
    ("POST", "/instances/{}/update/await_ingress_message", JSON),
    ("POST", "/instances/{}/update/set_time", JSON),
    ("POST", "/instances/{}/update/set_certified_time", JSON),
    ("POST", "/instances/{}/update/add_cycles", JSON),
    ("POST", "/instances/{}/update/set_stable_memory", JSON),
    ("POST", "/instances/{}/update/tick", JSON),
    ("POST", "/instances/{}/update/mock_canister_http", JSON),
    (
        "POST",
        "/instances/{}/update/mock_flexible_canister_http",
        JSON,
    ),
    ("POST", "/instances/{}/update/delete_subnet", JSON),
    ("POST", "/instances/{}/update/inject_fault", JSON),
    ("POST", "/instances/{}/api/v2/canister/ID/query", CBOR),
    ("POST", "/instances/{}/api/v2/canister/ID/call", CBOR),
    ("POST", "/instances/{}/api/v4/canister/ID/call", CBOR),
    ("POST", "/instances/{}/api/v2/canister/ID/read_state", CBOR),
    ("GET", "/instances/{}/read/topology", JSON),
    ("GET", "/instances/{}/read/get_canister_http", JSON),
];

pub(super) const JSON: &str = "application/json";
pub(super) const CBOR: &str = "application/cbor";

/// What makes an instance with a subnet for applications.
pub(super) const INSTANCE: &str = r#"{"subnet_config_set":{"system":[],"verified_application":[],"application":[{"state_config":"New","instruction_config":"Production"}]}}"#;

/// The id of its subnet: the key of a subnet comes from the place that it has.
const SUBNET: &str = "pJyfbBeoC3fLYoxemic39gSz3GYB9tZnB12wqwI=";

/// A call that makes a canister; the id is that of the management canister.
const CREATE: &str = r#"{"sender":"BA==","canister_id":"","effective_principal":"None","method":"provisional_create_canister_with_cycles","payload":"RElETAFsAAEA"}"#;

/// The server, and the instance at present.
struct Asked {
    server: Unheard,
    instance: Option<u64>,
}

impl Asked {
    /// The instance; made anew once it is gone or has lost its subnet.
    fn instance(&mut self) -> u64 {
        if let Some(id) = self.instance {
            return id;
        }
        let (status, body) = self
            .server
            .ask("POST", "/instances", JSON, INSTANCE.as_bytes());
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let id = created(&body).expect("an id");
        let submit = format!("/instances/{id}/update/submit_ingress_message");
        let (status, body) = self.server.ask("POST", &submit, JSON, CREATE.as_bytes());
        assert!(
            status == 200 && body.starts_with(b"{\"Ok"),
            "{}",
            String::from_utf8_lossy(&body)
        );
        // The call is carried out in a round.
        let tick = format!("/instances/{id}/update/tick");
        self.server.ask("POST", &tick, JSON, b"{}");
        self.instance = Some(id);
        id
    }
}

/// The number of the instance that an answer says was made.
pub(super) fn created(body: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(body);
    let rest = text.split_once(r#""instance_id":"#)?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// A request: an endpoint, and the body.
pub fn http(bytes: &[u8]) {
    static ASKED: OnceLock<Mutex<Asked>> = OnceLock::new();
    let [which, body @ ..] = bytes else { return };
    let asked = ASKED.get_or_init(|| {
        Mutex::new(Asked {
            server: Unheard::default(),
            instance: None,
        })
    });
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    let (verb, path, content_type) = ENDPOINTS[usize::from(*which) % ENDPOINTS.len()];
    let path = path
        .replace("{}", &asked.instance().to_string())
        .replace("ID", "lxzze-o7777-77777-aaaaa-cai");
    let (status, answer) = asked.server.ask(verb, &path, content_type, body);
    let text = String::from_utf8_lossy(&answer);
    assert!((200..600).contains(&status), "{status} {text}");
    assert!(!text.contains("report it as a bug"), "{path}: {text}");
    if path == "/instances"
        && let Some(id) = created(&answer)
    {
        asked
            .server
            .ask("DELETE", &format!("/instances/{id}"), JSON, b"");
    }
    if path.ends_with("delete_subnet") && status == 200 {
        asked.instance = None;
    }
}

/// A right body for every endpoint.
pub fn seeds() -> Vec<Vec<u8>> {
    let call = r#"{"sender":"BA==","canister_id":"///////gAAABAQ==","effective_principal":{"CanisterId":"///////gAAABAQ=="},"method":"read","payload":"RElETAAA","sender_info":null}"#;
    let id = r#"{"canister_id":"///////gAAABAQ=="}"#;
    let message = r#"{"effective_principal":"None","message_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#;
    let status =
        format!(r#"{{"raw_message_id":{message},"raw_caller":{{"principal_id":"BA=="}}}}"#);
    let subnet = r#"{"subnet_id":"SUBNET"}"#;
    let mock = r#"{"subnet_id":{"subnet_id":"SUBNET"},"request_id":0,"response":{"CanisterHttpReply":{"status":200,"headers":[{"name":"a","value":"b"}],"body":"AA=="}},"additional_responses":[]}"#;
    let flexible = r#"{"subnet_id":{"subnet_id":"SUBNET"},"request_id":0,"responses":[{"CanisterHttpReject":{"reject_code":1,"message":"no"}}]}"#;
    let verify = r#"{"msg":"AQ==","sig":"Ag==","pubkey":"Aw==","root_pubkey":"BA=="}"#;
    let tick = r#"{"blockmakers":{"blockmakers_per_subnet":[{"subnet":{"subnet_id":"SUBNET"},"blockmaker":{"node_id":"BA=="},"failed_blockmakers":[]}]}}"#;
    let time = r#"{"nanos_since_epoch":1720000000000000000}"#;
    let cycles = r#"{"canister_id":"///////gAAABAQ==","amount":1000}"#;
    let stable = r#"{"canister_id":"///////gAAABAQ==","blob_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","compression":"Gzip"}"#;
    // Requests of an agent: self-described CBOR with `content`.
    let agent = [
        "d9d9f7a167636f6e74656e74a66c726571756573745f747970656571756572796673656e64657241046e696e67726573735f6578706972791b167c9093b3f054006b63616e69737465725f69644affffffffffe0000001016b6d6574686f645f6e616d65647265616463617267464449444c0000",
        "d9d9f7a167636f6e74656e74a66c726571756573745f747970656463616c6c6673656e64657241046e696e67726573735f6578706972791b167c9093b3f054006b63616e69737465725f69644affffffffffe0000001016b6d6574686f645f6e616d65647265616463617267464449444c0000",
        "d9d9f7a167636f6e74656e74a46c726571756573745f747970656a726561645f73746174656673656e64657241046e696e67726573735f6578706972791b167c9093b3f0540065706174687381814474696d65",
    ];
    let [query, update, read_state] = agent.map(|digits| hex::decode(digits).expect("digits"));
    let bodies: [&[u8]; 27] = [
        INSTANCE.as_bytes(),
        verify.as_bytes(),
        b"blob",
        call.as_bytes(),
        id.as_bytes(),
        id.as_bytes(),
        id.as_bytes(),
        id.as_bytes(),
        subnet.as_bytes(),
        status.as_bytes(),
        call.as_bytes(),
        message.as_bytes(),
        time.as_bytes(),
        time.as_bytes(),
        cycles.as_bytes(),
        stable.as_bytes(),
        tick.as_bytes(),
        mock.as_bytes(),
        flexible.as_bytes(),
        subnet.as_bytes(),
        br#"{"canister_id":"///////gAAABAQ==","method":"a","reject_code":2,"message":"m","count":1}"#,
        &query,
        &update,
        &update,
        &read_state,
        b"",
        b"",
    ];
    (0..)
        .zip(bodies)
        .map(|(number, body): (u8, &[u8])| {
            let text = String::from_utf8_lossy(body).replace("SUBNET", SUBNET);
            // CBOR is no text.
            let body = if body.is_ascii() {
                text.as_bytes()
            } else {
                body
            };
            [&[number], body].concat()
        })
        .collect()
}
