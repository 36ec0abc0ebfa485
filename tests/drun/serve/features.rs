//! What an instance is made with or grows by: system canisters of the user's, snapshots in directories, subnets that go, requests that
//! really go out, answers that a gateway does not believe, a limit of memory, and the rules of older servers.

use super::*;
use candid::CandidType;
use drun_ic::management::types::http::{HttpMethod, HttpRequestArgs, HttpResponse};
use drun_ic::management::types::limited::Limited;
use serde_bytes::ByteBuf;

const II: &str = "rdmx6-jaaaa-aaaaa-aaadq-cai";

/// Replies to `http_request` and a few others with these bytes.
fn replies(reply: &[u8]) -> String {
    let data: String = reply.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
            (import "ic0" "msg_reply" (func $reply))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (memory 1)
            (data (i32.const 0) "{data}")
            (func $answer (call $append (i32.const 0) (i32.const {})) (call $reply))
            (export "canister_query http_request" (func $answer)))"#,
        reply.len()
    )
}

#[test]
fn features_are_installed_from_the_modules_of_the_user() {
    let directory = tempfile::tempdir().expect("a directory");
    let (module, argument) = (
        directory.path().join("ii.wasm"),
        directory.path().join("ii.arg"),
    );
    std::fs::write(&module, wat::parse_str(CANISTER).expect("valid text")).expect("written");
    std::fs::write(&argument, b"DIDL\0\0").expect("written");
    let given = format!("{II}={}", module.display());
    let with = format!("{II}={}", argument.display());
    let server = Server::start_with(&["--system-canister", &given, "--system-argument", &with]);
    let mut client = server.client();
    let wish = |feature: &str| {
        let features = json!({feature: "DefaultConfig", "sns": null});
        json!({"subnet_config_set": subnets(&["application"]), "icp_features": features})
    };
    let made = client.post("/instances", &wish("ii"));
    assert_eq!(made.status, 201, "{}", made.message());
    let topology = made.json()["Created"]["topology"].clone();
    let kinds = topology["subnet_configs"]
        .as_object()
        .expect("a map")
        .values();
    let mut kinds: Vec<&str> = kinds.filter_map(|it| it["subnet_kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["Application", "II"],
        "the subnet of the feature is there too"
    );
    let ii = Principal::from_text(II).expect("an id");
    assert_eq!(client.reply(0, &call(ii, "write", b"")), [1, 0, 0, 0]);
    let about = json!({"canister_id": id_text(ii)});
    let root = Principal::from_text("r7inp-6aaaa-aaaaa-aaabq-cai").expect("an id");
    assert_eq!(
        client.ask("/instances/0/read/get_controllers", &about),
        json!([{"principal_id": id_text(root)}])
    );
    let missing = client.post("/instances", &wish("icp_token"));
    assert_eq!(missing.status, 400);
    let said = missing.message();
    assert!(
        said.contains("`--system-canister ryjl3-tyaaa-aaaaa-aaaba-cai=FILE`"),
        "{said}"
    );
    let unknown = client.post("/instances", &wish("nosuch"));
    assert!(unknown.message().contains("There is no feature `nosuch`"));
}

#[test]
fn options_of_the_environment_hold_for_servers_that_clients_start() {
    let server = Server::start_in(&[("DRUN_SERVE_OPTIONS", "--max-instances 1")], &[]);
    let mut client = server.client();
    client.application();
    let wish = json!({"subnet_config_set": subnets(&["application"])});
    assert!(
        client
            .post("/instances", &wish)
            .message()
            .contains("no more than 1 are allowed")
    );
    for wrong in ["--version", "--max-instances many", "--system-canister x"] {
        let mut command = drun();
        let status = command
            .arg("serve")
            .env("DRUN_SERVE_OPTIONS", wrong)
            .stderr(Stdio::null())
            .status();
        assert_eq!(status.expect("it starts").code(), Some(2), "{wrong}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_instance_is_made_beyond_the_limit_of_memory() {
    let server = Server::start_with(&["--max-memory", "1"]);
    let wish = json!({"subnet_config_set": subnets(&["application"])});
    let refused = server.client().post("/instances", &wish);
    assert_eq!(refused.status, 400);
    let said = refused.message();
    assert!(
        said.contains("no more than 1 MiB are allowed: delete instances"),
        "{said}"
    );
}

#[test]
fn snapshots_go_to_directories_and_back() {
    let (_server, mut client, instance, canister) = with_a_canister();
    client.reply(instance, &call(canister, "write", b""));
    client.reply(instance, &call(canister, "grow", b""));
    let about = Encode!(&Canister {
        canister_id: canister
    })
    .expect("it encodes");
    let taken = client.reply(instance, &management("take_canister_snapshot", &about));
    let id = candid::decode_one::<Snapshot>(&taken)
        .expect("a snapshot")
        .id;
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path().join("new");
    let update = format!("/instances/{instance}/update");
    let down = json!({
        "sender": {"principal_id": "BA=="}, "canister_id": {"canister_id": id_text(canister)},
        "snapshot_id": text(&id), "snapshot_dir": at,
    });
    assert_eq!(
        client.ask(&format!("{update}/canister_snapshot_download"), &down),
        Value::Null
    );
    let read = |name: &str| std::fs::read(at.join(name)).expect(name);
    assert_eq!(
        read("wasm_module.bin"),
        wat::parse_str(CANISTER).expect("valid text")
    );
    assert_eq!(read("stable_memory.bin").len(), 65_536);
    assert_eq!(read("wasm_memory.bin")[..4], [1, 0, 0, 0]);
    let metadata: Value = serde_json::from_slice(&read("metadata.json")).expect("JSON");
    assert_eq!(metadata["source"], json!({"taken_from_canister": null}));
    client.reply(instance, &call(canister, "write", b""));
    let up = json!({
        "sender": {"principal_id": "BA=="}, "canister_id": {"canister_id": id_text(canister)},
        "replace_snapshot": {"snapshot_id": text(&id)}, "snapshot_dir": at,
    });
    let uploaded = client.ask(&format!("{update}/canister_snapshot_upload"), &up);
    let uploaded = bytes(&uploaded["snapshot_id"]).expect("an id");
    assert_ne!(uploaded, id);
    let load = Encode!(&Load {
        canister_id: canister,
        snapshot_id: ByteBuf::from(uploaded)
    });
    client.reply(
        instance,
        &management("load_canister_snapshot", &load.expect("it encodes")),
    );
    assert_eq!(
        client.reply(instance, &call(canister, "write", b"")),
        [2, 0, 0, 0]
    );
    // What was replaced is gone, and who is no controller gets nothing.
    let gone = client.post(&format!("{update}/canister_snapshot_download"), &down);
    assert_eq!(gone.status, 400);
    let mut stranger = up.clone();
    stranger["sender"]["principal_id"] = json!(text(&[7; 29]));
    assert_eq!(
        client
            .post(&format!("{update}/canister_snapshot_upload"), &stranger)
            .status,
        400
    );
    let mut nowhere = up;
    nowhere["snapshot_dir"] = json!("/nonexistent");
    let nowhere = client.post(&format!("{update}/canister_snapshot_upload"), &nowhere);
    assert!(nowhere.message().contains("/nonexistent/metadata.json"));
}

#[test]
fn a_snapshot_that_is_not_whole_leaves_nothing_behind() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let about = Encode!(&Canister {
        canister_id: canister
    })
    .expect("it encodes");
    let taken = client.reply(instance, &management("take_canister_snapshot", &about));
    let id = candid::decode_one::<Snapshot>(&taken)
        .expect("a snapshot")
        .id;
    let directory = tempfile::tempdir().expect("a directory");
    let update = format!("/instances/{instance}/update");
    let canister_id = json!({"canister_id": id_text(canister)});
    let down = |at: &str| {
        json!({
            "sender": {"principal_id": "BA=="}, "canister_id": canister_id,
            "snapshot_id": text(&id), "snapshot_dir": at,
        })
    };
    let at = directory.path().to_str().expect("text");
    client.ask(&format!("{update}/canister_snapshot_download"), &down(at));
    let mut refused = |at: &str, why: &str| {
        let up = json!({
            "sender": {"principal_id": "BA=="}, "canister_id": canister_id,
            "replace_snapshot": null, "snapshot_dir": at,
        });
        let refused = client.post(&format!("{update}/canister_snapshot_upload"), &up);
        assert_eq!(refused.status, 400, "{why}");
        assert!(refused.message().contains(why), "{}", refused.message());
        let list = client.reply(instance, &management("list_canister_snapshots", &about));
        let list: Vec<Snapshot> = candid::decode_one(&list).expect("a list");
        assert_eq!(list.len(), 1, "{why}");
    };
    refused("", "The path of the snapshot directory is empty.");
    // A chunk that the metadata name is not there: that shows when a part has been uploaded.
    let metadata = directory.path().join("metadata.json");
    let whole = std::fs::read(&metadata).expect("it was written");
    let mut without: Value = serde_json::from_slice(&whole).expect("JSON");
    without["wasm_chunk_store"] = json!([{"hash": vec![7; 32]}]);
    std::fs::write(&metadata, without.to_string()).expect("written");
    refused(at, "wasm_chunk_store/0707");
    std::fs::write(&metadata, whole).expect("written");
    // A file that is shorter than it should be, and one that is longer.
    let memory = directory.path().join("wasm_memory.bin");
    for length in [7, 20 << 20] {
        std::fs::write(&memory, vec![7; length]).expect("written");
        refused(at, &format!("wasm_memory.bin: it has {length} bytes"));
    }
    let empty = client.post(&format!("{update}/canister_snapshot_download"), &down(""));
    assert_eq!(
        empty.message(),
        "The path of the snapshot directory is empty."
    );
}

#[derive(CandidType)]
struct Canister {
    canister_id: Principal,
}

#[derive(CandidType)]
struct Load {
    canister_id: Principal,
    snapshot_id: ByteBuf,
}

#[derive(CandidType, candid::Deserialize)]
struct Snapshot {
    #[serde(with = "serde_bytes")]
    id: Vec<u8>,
}

#[test]
fn a_subnet_is_deleted_with_what_was_on_it() {
    let server = Server::start();
    let mut client = server.client();
    let (instance, topology) = client.instance(subnets(&["nns", "application", "application"]));
    let of_kind = |kind: &str| {
        let all = topology["subnet_configs"].as_object().expect("a map");
        let of_kind = all.iter().filter(|(_, it)| it["subnet_kind"] == kind);
        of_kind.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    let [near, far] = &of_kind("Application")[..] else {
        panic!("two were wished for");
    };
    let caller = client.canister(instance, &on_subnet(near));
    let callee = client.canister(instance, &on_subnet(far));
    let ids = |id: &str| json!({"subnet_id": id_text(Principal::from_text(id).expect("an id"))});
    let path = format!("/instances/{instance}/update/delete_subnet");
    // A call is under way when the subnet goes.
    let argument = [callee.as_slice(), b"hello"].concat();
    let submit = format!("/instances/{instance}/update/submit_ingress_message");
    let message = client.ask(&submit, &call(caller, "call", &argument))["Ok"].clone();
    client.ask(&format!("/instances/{instance}/update/tick"), &json!({}));
    assert_eq!(client.ask(&path, &ids(far)), Value::Null);
    let waited = format!("/instances/{instance}/update/await_ingress_message");
    let result = client.ask(&waited, &message);
    assert!(result["Err"].is_object(), "the call is refused: {result}");
    let about = json!({"canister_id": id_text(callee)});
    let read = format!("/instances/{instance}/read");
    assert_eq!(
        client.ask(&format!("{read}/get_subnet"), &about),
        Value::Null
    );
    assert_eq!(
        client.reply(instance, &call(caller, "write", b"")),
        [1, 0, 0, 0]
    );
    for (id, why) in [
        (far, "SubnetNotFound("),
        (&of_kind("NNS")[0], "it is a named subnet."),
    ] {
        let refused = client.post(&path, &ids(id));
        assert_eq!(refused.status, 400);
        assert!(refused.message().contains(why), "{}", refused.message());
    }
    // Its ids are nobody else's, in forks and on the subnets that come.
    let fork = client.post(&format!("/instances/{instance}/fork"), &json!({}));
    let fork = fork.json()["Created"]["instance_id"]
        .as_u64()
        .expect("a number") as usize;
    assert_eq!(
        client.reply(fork, &call(caller, "write", b"")),
        [2, 0, 0, 0]
    );
}

#[test]
fn the_root_may_go_but_not_the_last_subnet() {
    let server = Server::start();
    let mut client = server.client();
    let directory = tempfile::tempdir().expect("a directory");
    let spec = json!({"state_config": "New", "instruction_config": "Production"});
    let set = json!({"system": [], "application": [spec, spec], "verified_application": []});
    let wish = json!({"subnet_config_set": set, "state_dir": directory.path()});
    let made = client.post("/instances", &wish);
    assert_eq!(made.status, 201, "{}", made.message());
    let status = client.get("/instances/0/api/v2/status").body;
    let there = |client: &mut Client, instance: usize| {
        let topology = client.get(&format!("/instances/{instance}/read/topology"));
        let topology = topology.json();
        let all = topology["subnet_configs"].as_object().expect("a map");
        all.keys().cloned().collect::<Vec<_>>()
    };
    // The first subnet is the root, and where canisters are made by default.
    let about = json!({"canister_id": id_text(client.create(0, &json!("None")))});
    let first = client.ask("/instances/0/read/get_subnet", &about);
    let path = "/instances/0/update/delete_subnet";
    assert_eq!(client.ask(path, &first), Value::Null);
    let left = there(&mut client, 0);
    assert_eq!(left.len(), 1);
    let root = bytes(&first["subnet_id"]).expect("an id");
    let root = Principal::from_slice(&root);
    let read = format!("/instances/0/api/v2/subnet/{root}/read_state");
    let nowhere = client.send("POST", &read, &[], b"");
    let cause = nowhere.header("x-ic-error-cause");
    assert_eq!(cause, Some("subnet_not_found"), "it is gone for agents too");
    let gone = client.ask("/instances/0/read/get_subnet", &about);
    assert_eq!(gone, Value::Null);
    let canister = client.canister(0, &json!("None"));
    assert_eq!(client.reply(0, &call(canister, "write", b"")), [1, 0, 0, 0]);
    // What is left is certified under the key that agents know.
    assert_eq!(client.get("/instances/0/api/v2/status").body, status);
    let last = Principal::from_text(&left[0]).expect("an id");
    let last = client.post(path, &json!({"subnet_id": id_text(last)}));
    assert!(last.message().contains("there is no other."));
    // It stays so when the state is gone on with.
    client.send("DELETE", "/instances/0", &[], b"");
    let wish = json!({"subnet_config_set": subnets(&[]), "state_dir": directory.path()});
    let again = client.post("/instances", &wish);
    assert_eq!(again.status, 201, "{}", again.message());
    assert_eq!(there(&mut client, 1), left);
    assert_eq!(client.reply(1, &call(canister, "write", b"")), [2, 0, 0, 0]);
}

/// A server that answers each request with these bytes, and tells what it was asked.
fn world(answer: &'static str) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).expect("a request");
            asked.truncate(read);
            stream.write_all(answer.as_bytes()).expect("it listens");
            if tell
                .send(String::from_utf8_lossy(&asked).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    (port, told)
}

/// What a canister of an instance that goes on by itself gets for a request.
fn sent_out(client: &mut Client, url: String, max: Option<u64>) -> Value {
    let instance = client.application();
    let canister = client.canister(instance, &json!("None"));
    client.ask(&format!("/instances/{instance}/auto_progress"), &json!({}));
    let argument = Encode!(&HttpRequestArgs {
        url,
        max_response_bytes: max,
        method: HttpMethod::Post,
        headers: Limited(vec![]),
        body: Some(ByteBuf::from(b"to whom it may concern")),
        transform: None,
        is_replicated: None,
        pricing_version: None,
    });
    client.update(
        instance,
        &call(canister, "http", &argument.expect("it encodes")),
    )
}

#[test]
fn requests_of_a_live_instance_go_out() {
    let (port, told) = world("HTTP/1.1 203 Fine\r\nX-Kind: test\r\ncontent-length: 5\r\n\r\nhello");
    let server = Server::start();
    let mut client = server.client();
    let result = sent_out(
        &mut client,
        format!("http://127.0.0.1:{port}/a?b=c"),
        Some(2000),
    );
    let reply = bytes(&result["Ok"]).unwrap_or_else(|| panic!("{result}"));
    let response: HttpResponse = candid::decode_one(&reply).expect("a response");
    assert_eq!((response.status, &response.body[..]), (203, &b"hello"[..]));
    let headers = response.headers.iter();
    let kind = headers.filter(|header| header.name == "x-kind");
    assert_eq!(
        kind.map(|it| it.value.as_str()).collect::<Vec<_>>(),
        ["test"]
    );
    let asked = told.recv().expect("it was asked");
    assert!(asked.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains(&format!("host: 127.0.0.1:{port}\r\n")),
        "{asked}"
    );
    assert!(asked.ends_with("\r\n\r\nto whom it may concern"), "{asked}");
}

#[test]
fn what_does_not_come_back_is_a_reject() {
    let (port, _told) = world("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let closed = nobody.local_addr().expect("it is bound").port();
    drop(nobody);
    let server = Server::start();
    let mut client = server.client();
    for (url, max) in [
        (format!("http://127.0.0.1:{port}/"), Some(2)),
        (format!("http://127.0.0.1:{closed}/"), None),
        // A certificate is wanted where none is.
        (format!("https://127.0.0.1:{port}/"), None),
        ("ftp://127.0.0.1/".to_owned(), None),
    ] {
        let result = sent_out(&mut client, url.clone(), max);
        assert!(result["Err"].is_object(), "{url}: {result}");
    }
}

#[test]
fn a_gateway_believes_what_is_certified_or_asked_for_raw() {
    #[derive(CandidType)]
    struct Response {
        status_code: u16,
        headers: Vec<(String, String)>,
        body: ByteBuf,
    }
    let reply = Encode!(&Response {
        status_code: 200,
        headers: vec![("x-kind".into(), "test".into())],
        body: ByteBuf::from(b"an asset"),
    });
    let server = Server::start();
    let mut client = server.client();
    let set = subnets(&["application"]);
    let wish = json!({"subnet_config_set": set, "http_gateway_config": {}});
    let made = client.post("/instances", &wish).json()["Created"].clone();
    let port = made["http_gateway_info"]["port"].as_u64().expect("a port");
    let module = replies(&reply.expect("it encodes"));
    let canister = client.canister_of(0, &json!("None"), &module);
    let ask = |method: &str, host: &str, body: &[u8]| {
        let mut gateway = Client::new(port as u16);
        let host = format!("{canister}{host}.localhost");
        gateway.send_to(&host, method, "/asset", &[], body)
    };
    let raw = ask("GET", ".raw", b"");
    assert_eq!((raw.status, &raw.body[..]), (200, &b"an asset"[..]));
    assert_eq!(raw.header("x-kind"), Some("test"));
    let refused = ask("GET", "", b"");
    assert_eq!(refused.status, 503);
    let said = String::from_utf8(refused.body).expect("text");
    assert!(
        said.contains("failed verification and cannot be trusted"),
        "{said}"
    );
    let large = ask("POST", ".raw", &vec![42; 5 << 20]);
    assert_eq!(
        (large.status, &large.body[..]),
        (503, &b"503 - upstream error"[..])
    );
}

#[test]
fn what_is_too_large_for_agents_is_said_in_their_words() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let path = format!("/instances/{instance}/api/v2/canister/rwlgt-iiaaa-aaaaa-aaaaa-cai/call");
    let answer = client.send("POST", &path, &[], &vec![42; 5 << 20]);
    assert_eq!(answer.status, 413);
    assert_eq!(
        String::from_utf8_lossy(&answer.body),
        "error: payload_too_large\ndetails: Payload is too large: maximum body size is 4194304 bytes."
    );
    // The connection goes on.
    assert_eq!(client.get("/status").status, 200);
}

#[test]
fn a_message_costs_what_it_did_on_the_server_that_is_wanted() {
    let cost = |version: &str| {
        let server = Server::start_in(&[("DRUN_POCKET_IC_VERSION", version)], &[]);
        let mut client = server.client();
        let instance = client.application();
        let canister = client.canister(instance, &json!("None"));
        let about = json!({"canister_id": id_text(canister)});
        let path = format!("/instances/{instance}/read/get_cycles");
        let balance = |client: &mut Client| {
            let told = client.ask(&path, &about);
            told["cycles"].as_u64().expect("a number")
        };
        let before = balance(&mut client);
        client.reply(instance, &call(canister, "write", b""));
        before - balance(&mut client)
    };
    let (old, new) = (cost("13.0.0"), cost("16.1.0"));
    // 160,000 instructions for the first write to a page of 64 KiB in the place of 1,000 for one of 4 KiB that has changed.
    assert!(new - old > 150_000, "{old} {new}");
}

#[test]
fn ten_thousand_instances_leave_no_memory_behind() {
    let server = Server::start();
    let mut client = server.client();
    let mut rounds = |count: usize| {
        for _ in 0..count {
            let id = client.application();
            let deleted = client.send("DELETE", &format!("/instances/{id}"), &[], b"");
            assert_eq!(deleted.status, 200);
        }
    };
    rounds(1000);
    let before = server.memory();
    rounds(9000);
    let after = server.memory();
    // What an allocator likes to keep.
    assert!(after < before + (1 << 20), "{before} {after}");
}
