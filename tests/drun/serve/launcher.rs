//! The interface of the network launcher of `icp` (pocket-ic-api.md 8.5): the file with the status, subnets, addresses and domains.

use super::*;

const II: &str = "rdmx6-jaaaa-aaaaa-aaadq-cai";

/// A network of the launcher's, which ends with this value.
struct Network {
    child: Child,
    directory: tempfile::TempDir,
    status: Value,
}

impl Network {
    fn start(arguments: &[&str]) -> Self {
        Network::start_in(tempfile::tempdir().expect("a directory"), arguments, "")
    }

    /// In a directory, with options of the environment.
    fn start_in(directory: tempfile::TempDir, arguments: &[&str], options: &str) -> Self {
        let file = directory.path().join("status/status.json");
        let _ = std::fs::remove_file(&file);
        let child = drun()
            .args(["--interface-version", "1.1.0", "--gateway-port", "0"])
            .arg("--status-dir")
            .arg(directory.path().join("status"))
            .arg("--state-dir")
            .arg(directory.path().join("state"))
            .arg("--stderr-file")
            .arg(directory.path().join("stderr"))
            .arg(format!(
                "--stdout-file={}",
                directory.path().join("stdout").display()
            ))
            .args(arguments)
            .env("DRUN_SERVE_OPTIONS", options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let begun = Instant::now();
        let status = loop {
            match std::fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => break text,
                _ => assert!(begun.elapsed() < Duration::from_secs(60), "no status"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Network {
            child,
            directory,
            status: serde_json::from_str(&status).expect("JSON"),
        }
    }

    fn client(&self, port: &str) -> Client {
        Client::new(self.status[port].as_u64().expect("a port") as u16)
    }

    /// The kinds of its subnets.
    fn kinds(&self) -> Vec<String> {
        let topology = self
            .client("config_port")
            .get("/instances/0/read/topology")
            .json();
        let subnets = topology["subnet_configs"]
            .as_object()
            .expect("a map")
            .values();
        let mut kinds: Vec<String> = subnets
            .map(|subnet| subnet["subnet_kind"].as_str().expect("a text").to_owned())
            .collect();
        kinds.sort_unstable();
        kinds
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_tells_where_its_network_is() {
    let network = Network::start(&["--bind", "127.0.0.1", "--domain=127.0.0.1", "--verbose"]);
    let status = &network.status;
    assert_eq!(status["v"], "1");
    assert_eq!(status["root_key"].as_str().map(str::len), Some(266));
    assert_eq!(status["supported_features"], json!(["custom-domains"]));
    let default = status["default_effective_canister_id"].as_str();
    let default = default.and_then(|id| Principal::from_text(id).ok());
    assert!(default.is_some(), "{status}");
    assert_eq!(
        network.kinds(),
        ["Application", "Fiduciary", "NNS", "TestThresholdKeys"]
    );
    let mut config = network.client("config_port");
    assert_eq!(
        config.get("/http_gateway").json()[0]["domains"],
        json!(["127.0.0.1"])
    );
    for canister in ["um5iw-rqaaa-aaaaq-qaaba-cai", "rkp4c-7iaaa-aaaaa-aaaca-cai"] {
        let about = json!({"canister_id": id_text(Principal::from_text(canister).expect("an id"))});
        assert_ne!(
            config.ask("/instances/0/read/get_subnet", &about),
            Value::Null
        );
    }
    let mut gateway = network.client("gateway_port");
    assert_eq!(gateway.get("/api/v2/status").status, 200);
}

#[test]
fn subnets_domains_and_state_are_as_wished() {
    let wish = [
        "--subnet=system",
        "--subnet",
        "verified-application",
        "--subnet=sns",
        "--subnet=bitcoin",
    ];
    let mut network = Network::start(&wish);
    let expected = [
        "Bitcoin",
        "Fiduciary",
        "NNS",
        "SNS",
        "System",
        "TestThresholdKeys",
        "VerifiedApplication",
    ];
    assert_eq!(network.kinds(), expected);
    let mut config = network.client("config_port");
    let canister = config.canister(0, &json!("None"));
    config.reply(0, &call(canister, "print", b""));
    // The file of domains is that beside the status.
    let domains = network.directory.path().join("status/custom-domains.txt");
    std::fs::write(domains, format!("app.test:{canister}\n")).expect("written");
    let asked = network
        .client("gateway_port")
        .send_to("app.test", "GET", "/", &[], b"");
    let said = String::from_utf8_lossy(&asked.body).into_owned();
    assert_eq!(asked.status, 503, "it has no `http_request`: {said}");
    let printed = std::fs::read_to_string(network.directory.path().join("stderr"));
    let printed = printed.expect("it is there");
    assert!(
        printed.ends_with(&format!("[Canister {canister}] seen\n")),
        "{printed}"
    );
    assert!(network.directory.path().join("stdout").exists());
    let id = network.child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill is there").success());
    assert_eq!(network.child.wait().expect("it ends").code(), Some(0));
    // The state is there again, with the subnets that it had, and what is wished for beside them.
    let kept = std::mem::replace(
        &mut network.directory,
        tempfile::tempdir().expect("a directory"),
    );
    let module = kept.path().join("ii.wasm");
    std::fs::write(&module, wat::parse_str(CANISTER).expect("valid text")).expect("written");
    let given = format!("--system-canister {II}={}", module.display());
    let again = Network::start_in(kept, &["--ii"], &given);
    let kinds = again.kinds();
    let others = kinds.iter().filter(|kind| *kind != "II");
    assert_eq!(others.collect::<Vec<_>>(), expected);
    assert_eq!(kinds.len(), expected.len() + 1);
    let about = json!({"canister_id": id_text(canister)});
    let mut config = again.client("config_port");
    let ii = Principal::from_text(II).expect("an id");
    assert_eq!(config.reply(0, &call(ii, "write", b"")), [1, 0, 0, 0]);
    assert_ne!(
        config.ask("/instances/0/read/get_subnet", &about),
        Value::Null
    );
}

#[test]
fn system_canisters_are_those_that_were_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let module = directory.path().join("ii.wasm");
    std::fs::write(&module, wat::parse_str(CANISTER).expect("valid text")).expect("written");
    let run = |options: &str, arguments: &[&str]| {
        let output = drun()
            .args(["--interface-version", "1.1.0", "--status-dir"])
            .arg(directory.path().join("no/such"))
            .args(arguments)
            .env("DRUN_SERVE_OPTIONS", options)
            .output()
            .expect("the program starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said) = run("", &["--ii"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("`--system-canister {II}=FILE`")),
        "{said}"
    );
    let given = format!("--system-canister {II}={}", module.display());
    let (code, said) = run(&given, &["--nns"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("The feature `cycles_minting` of `icp_features` needs"),
        "{said}"
    );
    let (code, said) = run("", &["--bitcoind-addr=127.0.0.1:1"]);
    assert_eq!(
        (code, said.contains("no adapter for that network")),
        (Some(1), true),
        "{said}"
    );
    let (code, said) = run("", &["--new-flag"]);
    assert_eq!(
        (code, said.contains("there is no option --new-flag")),
        (Some(1), true),
        "{said}"
    );
    // With its module there is the canister on its subnet.
    let status = directory.path().join("status");
    let mut child = drun()
        .args(["--interface-version=1.1.0", "--ii", "--status-dir"])
        .arg(&status)
        .env("DRUN_SERVE_OPTIONS", &given)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    let text = loop {
        match std::fs::read_to_string(status.join("status.json")) {
            Ok(text) => break text,
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(60), "no status"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let mut config = Client::new(told["config_port"].as_u64().expect("a port") as u16);
    let ii = Principal::from_text(II).expect("an id");
    let reply = config.reply(0, &call(ii, "write", b""));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(reply, [1, 0, 0, 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_taken_beyond_the_limit_of_memory() {
    use super::agents::envelope;
    // The network itself is made; it alone is more than is allowed.
    let directory = tempfile::tempdir().expect("a directory");
    let network = Network::start_in(directory, &[], "--max-memory 1");
    let mut client = network.client("config_port");
    let id = |text: &str| Principal::from_text(text).expect("an id");
    let (canister, minting) = (
        id("um5iw-rqaaa-aaaaq-qaaba-cai"),
        id("rkp4c-7iaaa-aaaaa-aaaca-cai"),
    );
    let i = "/instances/0";
    let snapshot = json!({
        "sender": {"principal_id": "BA=="}, "canister_id": {"canister_id": id_text(canister)},
        "replace_snapshot": null, "snapshot_dir": "/nonexistent",
    });
    for (path, body) in [
        (
            "/instances".to_owned(),
            json!({"subnet_config_set": subnets(&["application"])}),
        ),
        (format!("{i}/fork"), json!({})),
        (
            format!("{i}/update/submit_ingress_message"),
            call(canister, "write", b""),
        ),
        (
            format!("{i}/update/set_stable_memory"),
            json!({"canister_id": id_text(canister), "blob_id": "AA=="}),
        ),
        (format!("{i}/update/canister_snapshot_upload"), snapshot),
        ("/blobstore".to_owned(), json!({})),
    ] {
        let refused = client.post(&path, &body);
        assert_eq!(refused.status, 400, "{path}");
        let said = refused.message();
        assert!(
            said.contains("no more than 1 MiB are allowed: delete instances"),
            "{path}: {said}"
        );
    }
    let body = envelope("call", canister, "write", b"", 1);
    for version in ["v2", "v3", "v4"] {
        let path = format!("{i}/api/{version}/canister/{canister}/call");
        let refused = client.send("POST", &path, &[], &body);
        assert_eq!(refused.status, 503, "{path}");
        assert!(String::from_utf8_lossy(&refused.body).contains("no more than 1 MiB are allowed"));
    }
    // What needs nothing goes on, and an instance can be deleted.
    client.ask(&format!("{i}/update/tick"), &json!({}));
    client.ask(
        &format!("{i}/read/query"),
        &call(minting, "get_default_subnets", b"DIDL\0\0"),
    );
    assert_eq!(client.send("DELETE", i, &[], b"").status, 200);
}
