//! What clients of five generations say to a server from beginning to end, and what they are answered (pocket-ic-api.md 6.1 to 6.5): the same
//! requests with a canister of our own. 6.6 and 6.7 are in `errors` and `outcalls`.

use super::*;

const C: &str = "///////gAAABAQ==";
const CREATED: &str = r#"{"Ok":"RElETAFsAbPEsfIEaAEAAQr//////+AAAAEB"}"#;
const DONE: &str = r#"{"Ok":"RElETAAA"}"#;

/// A conversation with a server about its first instance.
struct Exchange {
    _server: Server,
    client: Client,
    /// The id of the last message that was submitted, as JSON.
    message: String,
}

impl Exchange {
    /// Begins with an instance.
    fn begin(version: &str, wish: &str) -> Self {
        let server = Server::start_in(&[("DRUN_POCKET_IC_VERSION", version)], &[]);
        let mut exchange = Exchange {
            client: server.client(),
            _server: server,
            message: String::new(),
        };
        let created = r#"{"Created":{"instance_id":0,"topology":{"subnet_configs":{"...":{...},"default_effective_canister_id":{"canister_id":"///////gAAABAQ=="}},"http_gateway_info":null}}"#;
        exchange.post("/instances", wish, 201, created);
        exchange.get(
            "read/get_time",
            r#"{"nanos_since_epoch":1620328630000000001}"#,
        );
        exchange
    }

    fn check(&mut self, what: &str, answer: Answer, status: u16, pattern: &str) -> String {
        let said = String::from_utf8(answer.body).expect("text");
        assert_eq!(answer.status, status, "{what}: {said}");
        assert!(fits(pattern, &said), "{what}: {said}\nis not {pattern}");
        said
    }

    fn get(&mut self, path: &str, pattern: &str) {
        let answer = self.client.get(&format!("/instances/0/{path}"));
        self.check(path, answer, 200, pattern);
    }

    fn post(&mut self, path: &str, body: &str, status: u16, pattern: &str) -> String {
        let headers = [("content-type", "application/json")];
        let answer = self.client.send("POST", path, &headers, body.as_bytes());
        self.check(&format!("{path} {body}"), answer, status, pattern)
    }

    /// A request about the instance that is answered with 200.
    fn ask(&mut self, path: &str, body: &str, pattern: &str) {
        self.post(&format!("/instances/0/{path}"), body, 200, pattern);
    }

    /// Submits a call to a canister, or to the management canister, in the order of the fields that this client has.
    fn submit(&mut self, call: &Said<'_>) {
        let path = "/instances/0/update/submit_ingress_message";
        let taken = r#"{"Ok":{"effective_principal":{"SubnetId":"..."},"message_id":"..."}}"#;
        let submitted = self.post(path, &call.text(), 200, taken);
        let id = submitted
            .strip_prefix("{\"Ok\":")
            .and_then(|id| id.strip_suffix('}'));
        self.message = id.expect("it was looked at").to_owned();
    }

    /// Submits, and awaits the result.
    fn update(&mut self, call: &Said<'_>, pattern: &str) {
        self.submit(call);
        let message = self.message.clone();
        self.ask("update/await_ingress_message", &message, pattern);
    }

    /// Submits, and looks after a tick.
    fn update_by_ticks(&mut self, call: &Said<'_>, caller: &str, pattern: &str) {
        self.submit(call);
        let status = format!(r#"{{"raw_message_id":{}{caller}}}"#, self.message);
        self.ask("read/ingress_status", &status, "null");
        self.ask("update/tick", "{}", "null");
        self.ask("read/ingress_status", &status, pattern);
    }

    fn end(&mut self, path: &str) {
        let answer = self.client.send("DELETE", path, &[], b"");
        self.check(path, answer, 200, "");
        let list = self.client.get("/instances");
        self.check("/instances", list, 200, r#"["Deleted"]"#);
    }
}

/// A call as a client says it.
struct Said<'a> {
    to: &'a str,
    effective: &'a str,
    method: &'a str,
    payload: &'a str,
    /// The effective principal comes last.
    javascript: bool,
}

impl Said<'_> {
    fn text(&self) -> String {
        let (to, method, payload) = (self.to, self.method, self.payload);
        let effective = format!(r#""effective_principal":{}"#, self.effective);
        match self.javascript {
            true => format!(
                r#"{{"sender":"BA==","canister_id":"{to}","method":"{method}","payload":"{payload}",{effective}}}"#
            ),
            false => format!(
                r#"{{"sender":"BA==","canister_id":"{to}",{effective},"method":"{method}","payload":"{payload}"}}"#
            ),
        }
    }
}

/// True if the text is the pattern, with anything in place of each `...`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split("...");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    // What follows the last `...` is the end.
    rest.is_empty() || last.is_some_and(|end| text.ends_with(end))
}

/// The argument of `provisional_create_canister_with_cycles`.
fn create(amount: u64) -> String {
    let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
        amount: Some(amount.into()),
        settings: None,
        specified_id: None,
        sender_canister_version: None,
    });
    text(&argument.expect("it encodes"))
}

/// The argument of `install_code` for the canister of these tests.
fn install() -> String {
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: Principal::from_slice(&bytes(&json!(C)).expect("an id")),
        wasm_module: wat::parse_str(CANISTER).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    text(&argument.expect("it encodes"))
}

const CREATE: &str = "provisional_create_canister_with_cycles";
/// `record { canister_id }` of the first canister.
const ABOUT: &str = "RElETAFsAbPEsfIEaAEAAQr//////+AAAAEB";

/// The Rust crates from the first request of a test to the last; they differ in what an instance is made of, and in the amount.
fn rust(version: &str, wish: &str, amount: &str, cycles: u64) {
    let install = install();
    let mut exchange = Exchange::begin(version, wish);
    let own = format!(r#"{{"CanisterId":"{C}"}}"#);
    let said = |to, method, payload| Said {
        to,
        effective: &own,
        method,
        payload,
        javascript: false,
    };
    let about = format!(r#"{{"canister_id":"{C}"}}"#);
    let nowhere = Said {
        effective: "\"None\"",
        ..said("", CREATE, amount)
    };
    exchange.update(&nowhere, CREATED);
    let more = format!(r#"{{"canister_id":"{C}","amount":2000000000000}}"#);
    let balance = format!(r#"{{"cycles":{cycles}}}"#);
    exchange.ask("update/add_cycles", &more, &balance);
    exchange.update(&said("", "install_code", &install), DONE);
    exchange.update(
        &said(C, "write", "RElETAABfw=="),
        r#"{"Ok":"AQAAAERJREwAAX8="}"#,
    );
    let read = said(C, "read", "RElETAABfw==").text();
    exchange.ask("read/query", &read, r#"{"Ok":"AQAAAA=="}"#);
    exchange.get(
        "read/get_time",
        r#"{"nanos_since_epoch":1620328630000000004}"#,
    );
    let later = r#"{"nanos_since_epoch":1620328635000000004}"#;
    exchange.ask("update/set_time", later, "null");
    exchange.ask("update/tick", r#"{"blockmakers":null}"#, "null");
    exchange.get("read/get_time", later);
    exchange.ask(
        "read/get_controllers",
        &about,
        r#"[{"principal_id":"BA=="}]"#,
    );
    exchange.ask("read/get_subnet", &about, r#"{"subnet_id":"..."}"#);
    exchange.update(&said("", "canister_status", ABOUT), r#"{"Ok":"RElETA..."}"#);
    exchange.update(
        &said(C, "nosuch", "RElETAABfw=="),
        r#"{"Err":{"reject_code":"CanisterError","reject_message":"Error from Canister lxzze-o7777-77777-aaaaa-cai: Canister has no update method 'nosuch'..\nCheck that ...","error_code":"CanisterMethodNotFound","certified":true}}"#,
    );
    exchange.update(&said("", "stop_canister", ABOUT), DONE);
    exchange.get("read/topology", r#"{"subnet_configs":{...},"default_effective_canister_id":{"canister_id":"///////gAAABAQ=="}}"#);
    exchange.end("/instances/0/");
}

#[test]
fn the_rust_crate_10_is_answered() {
    let wish = r#"{"subnet_config_set":{"nns":null,"sns":null,"ii":null,"fiduciary":null,"bitcoin":null,"system":[],
        "application":[{"state_config":"New","instruction_config":"Production"}],"verified_application":[]},
        "http_gateway_config":null,"state_dir":null,
        "icp_config":{"beta_features":null,"canister_backtrace":null,"function_name_length_limits":null,"canister_execution_rate_limiting":null},
        "log_level":null,"bitcoind_addr":null,
        "icp_features":{"registry":null,"cycles_minting":null,"icp_token":null,"cycles_token":null,"nns_governance":null,"sns":null,"ii":null,"nns_ui":null},
        "incomplete_state":null,"initial_time":null}"#;
    // As recorded: with an amount of 0.
    let amount = "RElETApsBOP59dkIAcrl7bwMCNijjKgNA8qZmLQNCW4CbAjAz/JxA+jwm3MD1+CbkAIEgK2YigQD7dnIyQcG+OKHzAwD3uu1qQ4DqIKsxg8Dbn1uBW1obgdrA9fgm5ACf6mBzrcGf8qpiaoIBW5obngBAAAAAQAA";
    rust("10.0.0", wish, amount, 2_000_000_000_000);
}

#[test]
fn the_rust_crate_16_is_answered() {
    let wish = r#"{"subnet_config_set":{"nns":null,"sns":null,"ii":null,"fiduciary":null,"bitcoin":null,"test_threshold_keys":null,"system":[],
        "application":[{"state_config":"New","instruction_config":"Production","subnet_admins":null,"cost_schedule":"Normal"}],
        "cloud_engine":[],"verified_application":[]},
        "http_gateway_config":null,"state_dir":null,
        "icp_config":{"beta_features":null,"function_name_length_limits":null,"canister_execution_rate_limiting":null},
        "log_level":null,"bitcoind_addr":null,"dogecoind_addr":null,
        "icp_features":{"registry":null,"nns_ui":null,"bitcoin":null,"dogecoin":null,"canister_migration":null},
        "incomplete_state":null,"initial_time":null,"mainnet_nns_subnet_id":null,"disable_ingress_validation":null}"#;
    let amount = create(100_000_000_000_000);
    rust("16.1.0", wish, &amount, 102_000_000_000_000);
}

/// The calls of a client that names no effective principal.
fn plain<'a>(to: &'a str, method: &'a str, payload: &'a str) -> Said<'a> {
    Said {
        to,
        effective: "\"None\"",
        method,
        payload,
        javascript: true,
    }
}

const TRAPPED: &str = r#"{"Err":{"reject_code":"CanisterError","reject_message":"Error from Canister lxzze-o7777-77777-aaaaa-cai: Canister called `ic0.trap` with message: 'boom'.\nConsider ...","error_code":"CanisterCalledTrap","certified":true}}"#;

#[test]
fn the_javascript_client_is_answered() {
    let wish = r#"{"subnet_config_set":{"system":[],"application":[{"dts_flag":"Enabled","instruction_config":"Production","cost_schedule":"Normal","state_config":"New"}],
        "cloud_engine":[],"verified_application":[]}}"#;
    let mut exchange = Exchange::begin("14.0.0", wish);
    let about = format!(r#"{{"canister_id":"{C}"}}"#);
    exchange.update(
        &plain("", CREATE, &create(1_000_000_000_000_000_000)),
        CREATED,
    );
    exchange.update(&plain("", "install_code", &install()), DONE);
    exchange.update(&plain(C, "write", "AQI="), r#"{"Ok":"AQAAAAEC"}"#);
    exchange.ask(
        "read/query",
        &plain(C, "read", "").text(),
        r#"{"Ok":"AQAAAA=="}"#,
    );
    exchange.update(&plain(C, "boom", ""), TRAPPED);
    exchange.get(
        "read/get_time",
        r#"{"nanos_since_epoch":1620328630000000005}"#,
    );
    let later = r#"{"nanos_since_epoch":1620328635000000005}"#;
    exchange.ask("update/set_time", later, "null");
    for _ in 0..2 {
        exchange.ask("update/tick", "{}", "null");
    }
    exchange.get(
        "read/get_time",
        r#"{"nanos_since_epoch":1620328635000000006}"#,
    );
    exchange.ask("read/get_cycles", &about, r#"{"cycles":9999999...}"#);
    exchange.get("_/topology", r#"{"subnet_configs":{...}}"#);
    let stored = exchange.client.send("POST", "/blobstore", &[], &[1, 2, 3]);
    let name = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
    exchange.check("/blobstore", stored, 200, name);
    let blob = format!(
        r#"{{"canister_id":"{C}","blob_id":"A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc+4E="}}"#
    );
    exchange.ask("update/set_stable_memory", &blob, "null");
    exchange.ask(
        "read/get_stable_memory",
        &about,
        r#"{"blob":"AQIDAAAA...=="}"#,
    );
    exchange.get("read/get_canister_http", "[]");
    exchange.get("auto_progress", "false");
    exchange.ask("auto_progress", r#"{"artificial_delay_ms":0}"#, "null");
    let gateway = r#"{"forward_to":{"PocketIcInstance":0}}"#;
    let made = r#"{"Created":{"instance_id":0,"port":...}}"#;
    exchange.post("/http_gateway", gateway, 201, made);
    exchange.ask("stop_progress", "{}", "null");
    let topology = exchange.client.get("/instances/0/_/topology").json();
    let subnet = a_subnet_of(&topology);
    let subnet = format!(r#"{{"subnet_id":"{}"}}"#, id_text(subnet));
    exchange.ask("read/pub_key", &subnet, "[48,129,130,48,29,6,13,...]");
    exchange.end("/instances/0");
}

#[test]
fn the_client_of_mops_is_answered() {
    let wish = r#"{"subnet_config_set":{"system":[],"application":[{"dts_flag":"Enabled","instruction_config":"Production","state_config":"New"}],
        "verified_application":[]},"nonmainnet_features":false}"#;
    let mut exchange = Exchange::begin("9.0.3", wish);
    let create = create(1_000_000_000_000_000_000);
    exchange.update_by_ticks(&plain("", CREATE, &create), "", CREATED);
    exchange.update_by_ticks(&plain("", "install_code", &install()), "", DONE);
    exchange.update_by_ticks(&plain(C, "write", "AQI="), "", r#"{"Ok":"AQAAAAEC"}"#);
    exchange.update_by_ticks(&plain(C, "boom", ""), "", TRAPPED);
    // Its numbers are floats.
    exchange.get(
        "read/get_time",
        r#"{"nanos_since_epoch":1620328630000000005}"#,
    );
    let later = r#"{"nanos_since_epoch":1620328635000000000}"#;
    exchange.ask("update/set_time", later, "null");
    exchange.end("/instances/0");
}

#[test]
fn the_python_client_is_answered() {
    let wish = r#"{"subnet_config_set": {"application": [{"state_config": "New", "instruction_config": "Production"}], "bitcoin": null, "fiduciary": null, "ii": null,
        "nns": null, "sns": null, "system": [], "verified_application": [], "cloud_engine": []}, "state_dir": null, "log_level": null, "bitcoind_addr": null}"#;
    let mut exchange = Exchange::begin("16.1.0", wish);
    let caller = r#","raw_caller":null"#;
    let said = |to, method, payload| Said {
        javascript: false,
        ..plain(to, method, payload)
    };
    let create = create(1_000_000_000_000_000_000);
    exchange.update_by_ticks(&said("", CREATE, &create), caller, CREATED);
    let own = format!(r#"{{"CanisterId":"{C}"}}"#);
    let install = install();
    let install = Said {
        effective: &own,
        ..said("", "install_code", &install)
    };
    exchange.update_by_ticks(&install, caller, DONE);
    exchange.update_by_ticks(&said(C, "write", "AQI="), caller, r#"{"Ok":"AQAAAAEC"}"#);
    let later = r#"{"nanos_since_epoch":1620328635000000005}"#;
    exchange.ask("update/set_time", later, "null");
    exchange.post(
        "/instances/0/update/set_time",
        r#"{"nanos_since_epoch":5}"#,
        400,
        r#"{"message":"SettingTimeIntoPast((1620328635000000005, 5))"}"#,
    );
    exchange.end("/instances/0");
}

#[test]
fn patterns_fit_what_they_say() {
    assert!(fits("", "") && fits("a", "a") && fits("a...c", "abc") && fits("a...", "a"));
    assert!(fits("a...b...b", "aXbXb") && fits("...", ""));
    assert!(!fits("a", "ab") && !fits("a...c", "abcd") && !fits("a...c", "bc"));
}
