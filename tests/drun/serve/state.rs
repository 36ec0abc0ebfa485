//! State directories (pocket-ic-api.md 3.9, in a form of our own).

use super::*;

/// An instance in this directory.
fn kept(client: &mut Client, directory: &Path, set: Value) -> Answer {
    let wish = json!({"subnet_config_set": set, "state_dir": directory});
    client.post("/instances", &wish)
}

#[test]
fn an_instance_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    let made = kept(
        &mut client,
        directory.path(),
        subnets(&["nns", "application"]),
    );
    assert_eq!(made.status, 201, "{}", made.message());
    let canister = client.canister(0, &json!("None"));
    client.reply(0, &call(canister, "write", b""));
    client.reply(0, &call(canister, "grow", b""));
    let time = client.get("/instances/0/read/get_time").json();
    let topology = client.get("/instances/0/read/topology").json();
    client.send("DELETE", "/instances/0", &[], b"");
    let nanoseconds = |time: &Value| time["nanos_since_epoch"].as_u64().expect("a time");
    let before = json!({
        "subnet_config_set": subnets(&[]), "state_dir": directory.path(), "initial_time": {"Timestamp": time},
    });
    let before = client.post("/instances", &before);
    assert_eq!(before.status, 400);
    let (earliest, asked) = (nanoseconds(&time) + 2, nanoseconds(&time));
    assert_eq!(
        before.message(),
        format!(
            "The initial timestamp (unix timestamp in nanoseconds) must be no earlier than {earliest} (provided {asked})."
        )
    );
    // The subnets are those that were kept.
    let made = kept(&mut client, directory.path(), subnets(&[]));
    assert_eq!(made.status, 201, "{}", made.message());
    assert_eq!(client.get("/instances/1/read/topology").json(), topology);
    let later = client.get("/instances/1/read/get_time").json();
    assert_eq!(nanoseconds(&later), nanoseconds(&time) + 2);
    assert_eq!(client.reply(1, &call(canister, "write", b"")), [2, 0, 0, 0]);
    let about = json!({"canister_id": id_text(canister)});
    let memory = client.ask("/instances/1/read/get_stable_memory", &about);
    assert_eq!(
        bytes(&memory["blob"]).map(|memory| memory.len()),
        Some(65_536)
    );
    assert_eq!(client.create(1, &json!("None")).as_slice()[7], 1);
}

#[test]
fn a_server_that_is_killed_leaves_the_last_state_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = Server::start();
    let mut client = server.client();
    kept(&mut client, directory.path(), subnets(&["application"]));
    let canister = client.canister(0, &json!("None"));
    client.reply(0, &call(canister, "write", b""));
    let file = directory.path().join("drun-state");
    let begun = Instant::now();
    let mut size = 0;
    // It is written within seconds; the module is in it when it has grown.
    while size < 5_000 {
        size = std::fs::metadata(&file).map_or(0, |it| it.len());
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is written"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(2_500));
    server.child.kill().expect("it runs");
    server.child.wait().expect("it ends");
    let server = Server::start();
    let mut client = server.client();
    let made = kept(&mut client, directory.path(), subnets(&[]));
    assert_eq!(made.status, 201, "{}", made.message());
    let count = client.reply(0, &call(canister, "write", b""));
    assert_eq!(count, [2, 0, 0, 0]);
}

#[test]
fn writing_the_state_moves_no_instance() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    kept(&mut client, directory.path(), subnets(&["application"]));
    let canister = client.canister(0, &json!("None"));
    let submit = "/instances/0/update/submit_ingress_message";
    let submitted = client.ask(submit, &call(canister, "write", b""));
    let time = client.get("/instances/0/read/get_time").json();
    let file = directory.path().join("drun-state");
    let begun = Instant::now();
    // The state with the message comes after one of before or in its place.
    while std::fs::metadata(&file).map_or(0, |it| it.len()) < 5_000 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is written"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(client.get("/instances/0/read/get_time").json(), time);
    let status = json!({"raw_message_id": submitted["Ok"], "raw_caller": null});
    let answer = client
        .post("/instances/0/read/ingress_status", &status)
        .json();
    assert_eq!(answer, Value::Null, "no round has run");
    let awaited = client.ask(
        "/instances/0/update/await_ingress_message",
        &submitted["Ok"],
    );
    assert_eq!(bytes(&awaited["Ok"]), Some(vec![1, 0, 0, 0]));
    // What is kept is the state in which the message has ended.
    drop(client);
    let again = Server::start();
    let copy = tempfile::tempdir().expect("a directory");
    std::fs::copy(&file, copy.path().join("drun-state")).expect("a copy");
    let mut client = again.client();
    kept(&mut client, copy.path(), subnets(&[]));
    assert_eq!(client.reply(0, &call(canister, "write", b"")), [2, 0, 0, 0]);
}

#[test]
fn what_is_no_state_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    std::fs::write(directory.path().join("drun-state"), b"nonsense").expect("a file");
    let refused = kept(&mut client, directory.path(), subnets(&["application"]));
    assert_eq!(refused.status, 400);
    assert!(
        refused.message().contains("is in another form"),
        "{}",
        refused.message()
    );
    let truncated = b"drun state 5\n\xff\xff";
    std::fs::write(directory.path().join("drun-state"), truncated).expect("a file");
    let refused = kept(&mut client, directory.path(), subnets(&["application"]));
    assert_eq!(refused.status, 400);
    assert!(
        refused.message().starts_with("The state in ")
            && !refused.message().contains("another form"),
        "{}",
        refused.message()
    );
    let other = tempfile::tempdir().expect("a directory");
    std::fs::write(other.path().join("registry.proto"), b"").expect("a file");
    let refused = kept(&mut client, other.path(), subnets(&["application"]));
    assert!(
        refused
            .message()
            .contains("in the format of another server")
    );
}

#[test]
fn a_creation_that_fails_leaves_no_state_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    let taken = json!({
        "subnet_config_set": subnets(&["application"]), "state_dir": directory.path(),
        "http_gateway_config": {"port": server.port},
    });
    let failed = client.post("/instances", &taken);
    assert_eq!(failed.status, 400);
    assert!(failed.message().contains("Failed to bind to address"));
    let made = kept(&mut client, directory.path(), subnets(&["system"]));
    assert_eq!(made.status, 201, "{}", made.message());
    let topology = made.json()["Created"]["topology"].clone();
    let mut configs = topology["subnet_configs"]
        .as_object()
        .expect("a map")
        .values();
    assert_eq!(
        configs.next().map(|it| &it["subnet_kind"]),
        Some(&json!("System"))
    );
}

#[test]
fn a_path_that_is_empty_is_no_directory() {
    let server = Server::start();
    let mut client = server.client();
    let refused = kept(&mut client, Path::new(""), subnets(&["application"]));
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.message(),
        "The path of the state directory is empty."
    );
}

#[test]
fn who_goes_on_with_a_state_gets_the_features_that_are_wished_for() {
    const II: &str = "rdmx6-jaaaa-aaaaa-aaadq-cai";
    let directory = tempfile::tempdir().expect("a directory");
    let module = directory.path().join("ii.wasm");
    std::fs::write(&module, wat::parse_str(CANISTER).expect("valid text")).expect("written");
    let given = format!("{II}={}", module.display());
    let server = Server::start_with(&["--system-canister", &given]);
    let mut client = server.client();
    let state = directory.path().join("state");
    let ii = Principal::from_text(II).expect("an id");
    let first = kept(&mut client, &state, subnets(&["application"]));
    assert_eq!(first.status, 201, "{}", first.message());
    // It is installed when it is first asked for, and stays what it is the next time.
    for (instance, count) in [(1, 1), (2, 2)] {
        client.send("DELETE", &format!("/instances/{}", instance - 1), &[], b"");
        let wish = json!({
            "subnet_config_set": subnets(&[]), "state_dir": state,
            "icp_features": {"ii": "DefaultConfig"},
        });
        let made = client.post("/instances", &wish);
        assert_eq!(made.status, 201, "{}", made.message());
        let reply = client.reply(instance, &call(ii, "write", b""));
        assert_eq!(reply, [count, 0, 0, 0]);
    }
    client.send("DELETE", "/instances/2", &[], b"");
    let wish = json!({
        "subnet_config_set": subnets(&[]), "state_dir": state,
        "icp_features": {"nosuch": "DefaultConfig"},
    });
    let unknown = client.post("/instances", &wish);
    assert_eq!(unknown.status, 400);
    assert!(unknown.message().contains("There is no feature `nosuch`"));
}

#[test]
fn who_goes_on_with_a_state_may_do_without_limits_of_rates() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    let made = kept(&mut client, directory.path(), subnets(&["application"]));
    assert_eq!(made.status, 201, "{}", made.message());
    let canister = client.canister(0, &json!("None"));
    client.send("DELETE", "/instances/0", &[], b"");
    let wish = json!({
        "subnet_config_set": subnets(&[]), "state_dir": directory.path(),
        "icp_config": {"canister_execution_rate_limiting": "Disabled"},
    });
    let again = client.post("/instances", &wish);
    assert_eq!(again.status, 201, "{}", again.message());
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Reinstall,
        canister_id: canister,
        wasm_module: wat::parse_str(CANISTER).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    let install = management("install_code", &argument.expect("it encodes"));
    // Twice in the same round.
    let submit = "/instances/1/update/submit_ingress_message";
    let submitted = [(); 2].map(|()| client.ask(submit, &install)["Ok"].clone());
    for id in submitted {
        let result = client.ask("/instances/1/update/await_ingress_message", &id);
        assert!(result.get("Ok").is_some(), "{result}");
    }
}
