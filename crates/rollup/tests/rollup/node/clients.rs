//! Checks 1, 3, 4 and 11: the tutorial, and what real clients depend on.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::super::{debugger, kernel};
use super::{Place, ROLLUP, said, start};

#[test]
fn chapter_five_of_the_tutorial() {
    let place = Place::new();
    let (status, ..) = said(
        debugger()
            .args(["installer", "get-reveal-installer", "--upgrade-to"])
            .arg(kernel("hello"))
            .arg("--output")
            .arg(place.path("installer.hex"))
            .arg("--preimages-dir")
            .arg(place.path("data/wasm_2_0_0")),
    );
    assert_eq!(status, Some(0));
    let log = place.path("logs/hello_kernel.debug");
    let node = start(
        place
            .command("operator", &place.path("installer.hex"), &[])
            .args([
                "--log-kernel-debug",
                "--log-kernel-debug-file",
                log.to_str().unwrap(),
                "--unsafe-disable-wasm-kernel-checks",
                "--endpoint",
                "http://127.0.0.1:18731",
                "--acl-override",
                "allow-all",
                "--history-mode",
                "archive",
            ]),
    );
    node.bake(1);
    let first = "Hello, kernel!\nGot message: Internal(StartOfLevel)\nGot message: Internal(InfoPerLevel)\nGot message: Internal(EndOfLevel)\n";
    assert_eq!(std::fs::read_to_string(&log).unwrap(), first);
    let (status, out, err) = said(
        super::program("rollup-node")
            .args([
                "send",
                "smart",
                "rollup",
                "message",
                r#"[ "test" ]"#,
                "from",
                "bootstrap1",
                "--wait",
            ])
            .args(["--rollup-node-endpoint", &node.url]),
    );
    assert_eq!(status, Some(0), "{err}");
    let hash = out
        .strip_prefix("Operation hash is '")
        .and_then(|rest| rest.split('\'').next());
    let hash = hash.unwrap_or_else(|| panic!("{out}"));
    let operation = node.get(&format!("/local/injector/operation/{hash}/status"));
    assert_eq!(operation["layer1"]["level"], 2);
    let grown = std::fs::read_to_string(&log).unwrap();
    assert!(
        grown.contains("Got message: External([116, 101, 115, 116])\n"),
        "{grown}"
    );
}

/// What the Rust clients of jstz and of its copies ask for, and how they read it.
#[test]
fn a_client_like_that_of_jstz_is_content() {
    let place = Place::new();
    let node = place.start("ledger", &[]);
    let (_, address) = node.ask("GET", "/global/smart_rollup_address", None);
    assert_eq!(address.replace(['\n', '"'], ""), ROLLUP);
    let ids = node.inject(&["ma\x05", "mb\x07"]);
    assert!(
        ids[0].as_str().unwrap().starts_with("scmsg1")
            || ids[0].as_str().unwrap().starts_with("scmsg")
    );
    assert_eq!(node.bake(1)[0]["num_messages"], 5);
    assert_eq!(node.get("/global/block/head/state_current_level"), 1);
    assert_eq!(node.value("head", "/none"), Value::Null);
    let keys = node.get("/global/block/head/durable/wasm_2_0_0/subkeys?key=/ledger");
    assert_eq!(keys, json!(["a", "b"]));
    assert!(
        node.value("1", "/ledger/a")
            .as_str()
            .unwrap()
            .starts_with("05")
    );
    assert_eq!(node.value("0", "/ledger/a"), Value::Null);
    assert_eq!(
        node.refused("/global/block/head/durable/wasm_2_0_0/value?key=/a//b"),
        "Invalid key /a//b"
    );
    let block = node.get("/global/block/1");
    let messages: Vec<&str> = block["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_str().unwrap())
        .collect();
    assert_eq!(
        (messages[0], messages[2], messages[4]),
        ("0001", "016d6105", "0002")
    );
    // Front ends ask for a block by its hash.
    let hash = block["block_hash"].as_str().unwrap();
    assert_eq!(node.get(&format!("/global/block/{hash}/level")), 1);
}

#[test]
fn blocks_can_be_followed_line_by_line() {
    let place = Place::new();
    let node = place.start("hello", &[]);
    let address = node.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /global/monitor_blocks HTTP/1.1\r\nhost: {address}\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let mut next = || {
        let line = lines.find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(next()["level"], 0);
    node.bake(5);
    for level in 1..=5 {
        let block = next();
        assert_eq!(block["level"], level);
        assert!(block.get("messages").is_none() && block["block_hash"].is_string());
    }
}

#[test]
fn the_public_sequence_of_injections() {
    let place = Place::new();
    let node = place.start("echo", &["--protocol", "u025_025"]);
    let mut ids = Vec::new();
    for i in 1..=15 {
        let messages: Vec<String> = (1..=5).map(|j| format!("{i}-{j}")).collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        ids.extend(node.inject(&messages).as_array().unwrap().clone());
        node.bake(1);
    }
    assert_eq!(
        ids[0],
        "scmsg2rwuPwGBrYsQHFuusVq5DAZFfJ4iGcAJ6Ttvyobd6b1V1oSpUk"
    );
    assert_eq!(
        ids[1],
        "scmsg3WtaZfwmQQzbHobfzcZw3JFy7eYAAJs9RZsGGrnzwEAnzPP5We"
    );
    assert_eq!(
        ids[5],
        "scmsg2Q8u9Ufd95zmF2DmjyhgaHyDNud45t5MXWh4BTdnnVabCT7hFc"
    );
    assert_eq!(node.get("/global/block/head/num_messages"), "8");
    assert_eq!(
        node.value("head", "/readonly/wasm_version"),
        "322e302e302d7236"
    );
    let length =
        node.get("/global/block/head/durable/wasm_2_0_0/length?key=/readonly/wasm_version");
    assert_eq!(length, "8");
    let keys = node.get("/global/block/head/durable/wasm_2_0_0/subkeys?key=/readonly/kernel");
    assert_eq!(keys, json!(["boot.wasm", "env"]));
    assert_eq!(
        node.get("/global/block/head/status"),
        "Waiting for input message"
    );
    // One collection and one run.
    assert_eq!(node.get("/global/block/head/ticks"), "100000000000000");
    assert_eq!(node.get("/global/block/finalized/level"), 13);
    let status = node.get(&format!(
        "/local/batcher/queue/{}",
        ids[0].as_str().unwrap()
    ));
    assert_eq!(
        (&status["status"], &status["layer1"]["level"]),
        (&json!("included"), &json!(1))
    );
    assert_eq!(status["content"], hex::encode("1-1"));
}

#[test]
fn ten_thousand_messages_in_one_call_arrive_in_order() {
    let place = Place::new();
    let node = place.start("counter", &["--batches-per-block", "0"]);
    let messages: Vec<String> = (0..10_000u32)
        .map(|n| hex::encode(n.to_be_bytes()))
        .collect();
    let ids = node.post("/local/batcher/injection", json!(messages));
    let id = ids[9_999].as_str().unwrap().to_owned();
    let status = |word: &str| {
        let status = node.get(&format!("/local/batcher/queue/{id}"));
        assert_eq!(status["status"], word, "{status}");
        status
    };
    status("pending_batch");
    node.bake(1);
    status("included");
    let block = node.get("/global/block/1");
    let found: Vec<String> = block["messages"].as_array().unwrap()[2..10_002]
        .iter()
        .map(|message| message.as_str().unwrap()[2..].to_owned())
        .collect();
    assert!(found == messages);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(10_000u64.to_le_bytes())
    );
    node.bake(25);
    let committed = status("committed");
    assert_eq!(
        (
            &committed["first_published_at_level"],
            &committed["finalized"]
        ),
        (&json!(23), &json!(true))
    );
    assert_eq!(committed["cemented"], false);
    node.bake(38);
    assert_eq!(status("committed")["cemented"], true);
}

#[test]
fn batches_wait_in_their_order_and_can_be_dropped() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    let long = |byte: &str| json!(vec![byte.repeat(4000); 20]);
    node.post("/local/batcher/injection", long("00"));
    node.post("/local/batcher/injection?order=7", long("77"));
    let of_head = || -> Vec<String> {
        let block = node.get("/global/block/head");
        let messages = block["messages"].as_array().unwrap().iter();
        let messages = messages.map(|message| message.as_str().unwrap()[..4].to_owned());
        messages
            .filter(|message| message.starts_with("01"))
            .collect()
    };
    // One key, one batch in a block; a batch has room for eight messages.
    node.bake(1);
    assert_eq!(of_head(), ["0177"; 8]);
    let queues = node.get("/admin/injector/queues");
    assert_eq!(
        (&queues["injectors"][0]["queue_size"], &queues["total"]),
        (&json!(4), &json!(4))
    );
    node.bake(1);
    assert_eq!(of_head(), ["0177"; 8]);
    let (status, text) = node.ask("DELETE", "/admin/injector/queues", None);
    assert_eq!(status, 200, "{text}");
    assert_eq!(node.get("/admin/injector/queues/total")["total"], 0);
    let (status, out, err) = said(
        super::program("rollup-node")
            .args(["bake", "12", "--rollup-node-endpoint"])
            .arg(&node.url),
    );
    assert_eq!((status, out.lines().count()), (Some(0), 12), "{err}");
    assert_eq!(node.get("/global/block/3/num_messages"), "3");
}

/// Nobody reads what a program says: it ends as if somebody did.
#[test]
fn a_reader_that_is_gone_is_no_error() {
    use std::process::Stdio;
    for (name, args) in [
        ("rollup-node", &["list", "metrics"][..]),
        ("rollup-node", &["show", "supported", "protocols"]),
        ("rollup-node", &["generate", "openapi"]),
        ("rollup-client", &["encode", "outbox", "message", "[]"]),
        ("kernel-debugger", &["test", "--list", "tests/cases"]),
        ("kernel-debugger", &["test", "tests/cases/hello-empty"]),
    ] {
        let mut command = match name {
            "kernel-debugger" => super::super::debugger(),
            name => super::program(name),
        };
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{args:?}");
    }
}

/// `rpc get` shows what comes without end as it comes.
#[test]
fn a_stream_is_shown_block_by_block() {
    use std::io::{BufRead, BufReader};
    let place = Place::new();
    let node = place.start("hello", &[]);
    let mut child = super::program("rollup-client")
        .args([
            "--endpoint",
            &node.url,
            "rpc",
            "get",
            "/global/monitor_blocks",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for level in 0..2 {
        let wanted = format!("  \"level\": {level},");
        assert!(
            lines
                .by_ref()
                .map_while(Result::ok)
                .any(|line| line == wanted)
        );
        node.bake(1);
    }
    // Nobody reads any more: it ends by itself.
    drop(lines);
    node.bake(1);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
