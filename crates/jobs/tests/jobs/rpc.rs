//! RPC of guests: by files, by import, through a proxy, from a node, and from a recording.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::client::Server;
use crate::guests::{BALANCE, BLOCK, Files, direct_guest, rpc_guest};

const FIXTURE: &str = r#"{"chains":{"1":{"blockNumber":"0x10","latencyMs":LATENCY,
  "accounts":{"0x0000000000000000000000000000000000000000":{"balance":"0xde0b6b3a7640000"}}}}}"#;

/// A server with a fixture whose answers take a time.
fn fixture(latency: u64, flags: &[&str]) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixture.json");
    std::fs::write(&path, FIXTURE.replace("LATENCY", &latency.to_string())).unwrap();
    let mut all = vec!["--rpc-fixture", path.to_str().unwrap()];
    all.extend(flags);
    Server::start_in(
        tempfile::tempdir().unwrap(),
        &all,
        std::process::Stdio::null(),
    )
}

/// A node that counts its blocks; tells how many requests it had.
fn node(answer: impl Fn(&Value, u64) -> Value + Send + Sync + 'static) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU64::new(0));
    let (counter, answer) = (count.clone(), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (counter, answer) = (counter.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream.unwrap());
                loop {
                    let (mut length, mut line) = (0, String::new());
                    while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        line.clear();
                    }
                    if length == 0 {
                        return;
                    }
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).unwrap();
                    let request: Value = serde_json::from_slice(&body).unwrap();
                    let mut reply = answer(&request, counter.fetch_add(1, Ordering::SeqCst));
                    reply["jsonrpc"] = "2.0".into();
                    reply["id"] = request["id"].clone();
                    let reply = reply.to_string();
                    let head =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
                    stream
                        .get_mut()
                        .write_all((head + &reply).as_bytes())
                        .unwrap();
                }
            });
        }
    });
    (url, count)
}

fn both_answers() -> Value {
    json!([
        {"jsonrpc": "2.0", "id": 1, "result": "0x10"},
        {"jsonrpc": "2.0", "id": 2, "result": "0xde0b6b3a7640000"}
    ])
}

#[test]
fn a_guest_that_polls_without_sleep_is_answered_every_time() {
    let guest = rpc_guest(Files::default(), [BLOCK, BALANCE]);
    // A thousand runs each; as many at once as makes a slow node bearable.
    for (latency, at_once) in [(0, 4), (50, 25), (1000, 250)] {
        let flags = ["--max-concurrency", "250", "--queue-limit", "250"];
        let server = fixture(latency, &flags);
        let hash = server.job(&guest, json!({}))["usage"]["hash"].clone();
        let body = json!({"jobId": 1, "wasmHash": hash, "timeoutMs": 20000});
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    for _ in 0..1000 / at_once {
                        let answer = server.run(&body).json();
                        assert_eq!(answer["result"], both_answers(), "{answer}");
                        assert_eq!(answer["usage"]["rpcCalls"], 2);
                    }
                });
            }
        });
    }
}

#[test]
fn guests_of_every_habit_are_answered() {
    let server = fixture(0, &[]);
    let habits = [
        Files {
            sleep: 10_000_000,
            ..Files::default()
        },
        Files {
            strict: true,
            ..Files::default()
        },
        Files {
            rename: true,
            strict: true,
            ..Files::default()
        },
        Files {
            list: true,
            ..Files::default()
        },
    ];
    for habit in habits {
        let answer = server.job(&rpc_guest(habit, [BLOCK, BALANCE]), json!({}));
        assert_eq!(answer["result"], both_answers(), "{answer}");
    }
    let second = Files {
        skip_first: true,
        ..Files::default()
    };
    let answer = server.job(&rpc_guest(second, [BLOCK, BALANCE]), json!({}));
    assert_eq!(answer["result"], json!([both_answers()[1]]));
    let never = Files {
        never: true,
        ..Files::default()
    };
    let answer = server.job(&rpc_guest(never, [BLOCK, BALANCE]), json!({}));
    assert_eq!(
        (&answer["result"], &answer["usage"]["rpcCalls"]),
        (&json!([]), &json!(0))
    );
}

#[test]
fn the_imports_answer_alike() {
    let server = fixture(0, &[]);
    for into in [false, true] {
        let answer = server.job(&direct_guest(BALANCE, into), json!({}));
        assert_eq!(answer["result"], both_answers()[1], "{answer}");
        assert_eq!(answer["usage"]["rpcCalls"], 1);
    }
}

#[test]
fn limits_of_calls_hold() {
    let server = fixture(0, &["--max-rpc-response-bytes", "200"]);
    let ask = |request: &str, more: Value| {
        server.job(&direct_guest(request, false), more)["result"].clone()
    };
    assert_eq!(
        ask(BLOCK, json!({"maxRpcCalls": 0}))["error"]["code"],
        -32005
    );
    let batch = |n: usize| format!("[{}]", vec![BLOCK; n].join(","));
    assert_eq!(ask(&batch(21), json!({}))["error"]["code"], -32600);
    assert_eq!(ask(&batch(2), json!({}))[1]["result"], "0x10");
    assert_eq!(
        ask(&batch(20), json!({}))["error"]["data"],
        "Response too large (max 200 bytes)"
    );
    let long = |n: usize| format!("{}{}", BLOCK, " ".repeat(n - BLOCK.len()));
    // The guest's data must leave room for its answer at 16384.
    let server = fixture(0, &["--max-rpc-request-bytes", "9000"]);
    let ask =
        |request: &str| server.job(&direct_guest(request, false), json!({}))["result"].clone();
    assert_eq!(ask(&long(9000))["result"], "0x10");
    assert_eq!(
        ask(&long(9001))["error"]["data"],
        "Request too large (max 9000 bytes)"
    );
}

#[test]
fn a_node_is_asked_and_not_corrected() {
    let (url, count) = node(|request, _| match request["method"].as_str().unwrap() {
        "eth_call" => {
            json!({"error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}})
        }
        "eth_getTransactionReceipt" => json!({"result": null}),
        _ => json!({"result": request["params"]}),
    });
    let server = Server::start(&["--rpc-url", &format!("5={url}"), "--default-chain-id", "5"]);
    let ask = |method: &str, params: &str| {
        let request =
            format!(r#"{{"jsonrpc":"2.0","id":"x","method":"{method}","params":{params}}}"#);
        server.job(&direct_guest(&request, false), json!({}))["result"].clone()
    };
    assert_eq!(
        ask("eth_call", "[{}]"),
        json!({"jsonrpc": "2.0", "id": "x", "error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}})
    );
    assert_eq!(
        ask("eth_getTransactionReceipt", "[\"0x1\"]")["result"],
        json!(null)
    );
    assert_eq!(ask("eth_getBalance", "[\"0x0\"]")["result"], json!(["0x0"]));
    assert_eq!(ask("eth_chainId", "[]")["result"], "0x5");
    assert_eq!(count.load(Ordering::SeqCst), 3);
    assert_eq!(ask("eth_sendRawTransaction", "[]")["error"]["code"], -32601);
    let metric =
        server.metric("wasm_rpc_calls_total{method=\"eth_call\",chain=\"5\",outcome=\"error\"}");
    assert_eq!(metric, 1.0);
}

#[test]
fn a_server_is_the_proxy_of_another() {
    let first = fixture(0, &[]);
    let url = format!("http://{}/rpc/proxy", first.address);
    let second = Server::start(&["--rpc-proxy-url", &url]);
    let answer = second.job(&rpc_guest(Files::default(), [BLOCK, BALANCE]), json!({}));
    assert_eq!(answer["result"], both_answers(), "{answer}");
    let elsewhere = BLOCK.replace("\"id\"", "\"chainId\":5,\"id\"");
    let answer = second.job(&direct_guest(&elsewhere, false), json!({}));
    assert_eq!(
        answer["result"]["error"]["data"],
        "No RPC client configured for chain 5. Set RPC_URL_5 env var."
    );
    assert_eq!(
        first.post("/rpc/proxy", b"junk").json()["error"]["code"],
        -32700
    );
}

/// In the words of the original, which say nothing of where the proxy is.
#[test]
fn a_proxy_that_says_no_json_is_told() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in proxy.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
        }
    });
    let server = Server::start(&["--rpc-proxy-url", &url]);
    let answer = server.job(&direct_guest(BLOCK, false), json!({}));
    assert_eq!(
        answer["result"]["error"],
        json!({"code": -32000, "message": "Proxy error", "data": "Invalid JSON from proxy: expected value at line 1 column 1"})
    );
}

#[test]
fn a_request_to_the_proxy_that_takes_too_long_has_an_answer_with_an_id() {
    // A second is left for one call's time, and each of the batch takes it.
    let server = fixture(200, &["--rpc-timeout-ms", "100"]);
    let batch = format!("[{}]", [BLOCK; 20].join(","));
    let answer = server.post("/rpc/proxy", batch.as_bytes());
    assert_eq!(
        (answer.status, answer.json()),
        (
            500,
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "RPC proxy error", "data": "timeout"}})
        )
    );
}

#[test]
fn what_was_recorded_can_be_replayed() {
    let (url, count) = node(|_, at| json!({"result": format!("{at:#x}")}));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.json");
    let path = path.to_str().unwrap();
    let server = Server::start(&["--rpc-url", &format!("1={url}"), "--rpc-record", path]);
    let guest = rpc_guest(Files::default(), [BLOCK, BALANCE]);
    let live = server.job(&guest, json!({}))["result"].clone();
    server.stop();
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let server = Server::start(&["--rpc-fixture", path]);
    assert_eq!(server.job(&guest, json!({}))["result"], live);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

/// A recording answers jobs that are bound to its newest block as those that are not, and holds whatever a node said.
#[test]
fn a_recording_answers_deterministic_jobs_too() {
    let (url, _) = node(|request, _| match request["method"].as_str().unwrap() {
        "eth_blockNumber" => json!({"result": "0x20"}),
        "eth_getBalance" => json!({"result": "0x7"}),
        _ => json!({"error": "project id required"}),
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.json");
    let path = path.to_str().unwrap();
    let server = Server::start(&["--rpc-url", &format!("1={url}"), "--rpc-record", path]);
    let code = BALANCE.replace("getBalance", "getCode");
    let guests = [
        rpc_guest(Files::default(), [BLOCK, BALANCE]),
        direct_guest(&code, false),
    ];
    let live = guests
        .each_ref()
        .map(|guest| server.job(guest, json!({}))["result"].clone());
    assert_eq!(live[1]["error"], "project id required");
    server.stop();
    let server = Server::start(&["--rpc-fixture", path]);
    for more in [
        json!({}),
        json!({"deterministic": true}),
        json!({"blockNumber": 32}),
    ] {
        let replayed = guests.each_ref();
        let replayed = replayed.map(|guest| server.job(guest, more.clone())["result"].clone());
        assert_eq!(replayed, live, "{more}");
    }
}

#[test]
fn keys_in_addresses_are_told_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("1=https://user:pw@{free}/KEY");
    let server = Server::start_in(
        tempfile::tempdir().unwrap(),
        &["--rpc-url", &url, "--log-level", "debug"],
        log.into(),
    );
    let answer = server.job(&direct_guest(BLOCK, false), json!({}));
    assert_eq!(answer["result"]["error"]["message"], "Proxy error");
    let mut texts = vec![
        answer.to_string(),
        server.get("/limits").text,
        server.get("/metrics").text,
    ];
    texts.push(std::fs::read_to_string(&path).unwrap());
    for text in texts {
        assert!(!text.contains("pw") && !text.contains("KEY"), "{text}");
    }
}

/// Random bytes, both clocks, the bits of a NaN and an answer of a moving chain.
#[test]
fn a_deterministic_job_has_one_result() {
    let (url, _) = node(|request, at| match request["method"] == "eth_blockNumber" {
        true => json!({"result": format!("{at:#x}")}),
        // What a node of a fixed block says depends on nothing but the question.
        false => json!({"result": request["params"]}),
    });
    let server = Server::start(&["--rpc-url", &format!("1={url}")]);
    let request = BALANCE;
    let data = request
        .bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .collect::<String>();
    let source = format!(
        r#"(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "host" "rpc_call_into" (func $rpc (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 1024) "{data}") (data (i32.const 900) "[,]")
      (func $print (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $len))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
      (func $digits (param $value i64) (local $at i32)
        (local.set $at (i32.const 63))
        (loop $next
          (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
          (br_if $next (i64.ne (local.get $value) (i64.const 0))))
        (call $print (i32.add (local.get $at) (i32.const 1)) (i32.sub (i32.const 63) (local.get $at)))
        (call $print (i32.const 901) (i32.const 1)))
      (func (export "run")
        (call $print (i32.const 900) (i32.const 1))
        (drop (call $random (i32.const 100) (i32.const 8)))
        (call $digits (i64.load (i32.const 100)))
        (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 100)))
        (call $digits (i64.load (i32.const 100)))
        (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 100)))
        (call $digits (i64.load (i32.const 100)))
        (call $digits (i64.reinterpret_f64 (f64.div (f64.load (i32.const 800)) (f64.load (i32.const 800)))))
        (call $print (i32.const 4096) (call $rpc (i32.const 1024) (i32.const {}) (i32.const 4096) (i32.const 1000)))
        (call $print (i32.const 902) (i32.const 1))))"#,
        request.len()
    );
    let guest = crate::guests::text(&source);
    let run = |server: &Server, more: Value| server.job(&guest, more);
    let fixed = json!({"deterministic": true, "blockNumber": 7});
    let first = run(&server, fixed.clone());
    assert_eq!(first["usage"]["block"], "0x7", "{first}");
    for _ in 0..49 {
        assert_eq!(run(&server, fixed.clone())["result"], first["result"]);
    }
    let another = Server::start(&[
        "--rpc-url",
        &format!("1={url}"),
        "--wasm-deterministic",
        "1",
    ]);
    assert_eq!(
        run(&another, json!({"blockNumber": 7}))["result"],
        first["result"]
    );
    assert_ne!(
        run(&server, json!({}))["result"],
        run(&server, json!({}))["result"]
    );
    let seeded = json!({"deterministic": {"seed": 1, "timeMs": 5}, "blockNumber": 7});
    assert_eq!(run(&server, seeded)["result"][1], 5_000_000);
}

#[test]
fn a_bad_fixture_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bad.json");
    std::fs::write(
        &path,
        r#"{"chains":{"1":{"accounts":{"0x1":{"balance":"12"}}}}}"#,
    )
    .unwrap();
    let output = std::process::Command::new(crate::client::PROGRAM)
        .args([
            "serve",
            "--port",
            "0",
            "--rpc-fixture",
            path.to_str().unwrap(),
            "--wasm-cache-dir",
        ])
        .arg(directory.path().join("cache"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("bad.json: chains.1.accounts[0x1].balance: not hex"),
        "{text}"
    );
}

#[test]
fn answers_about_a_named_block_are_kept_where_there_is_room() {
    let (url, count) = node(|_, at| json!({"result": format!("{at:#x}")}));
    let server = Server::start(&["--rpc-url", &format!("1={url}"), "--rpc-cache-entries", "9"]);
    let ask = |block: &str| {
        let guest = direct_guest(&BALANCE.replace("latest", block), false);
        server.job(&guest, json!({}))["result"]["result"].clone()
    };
    assert_eq!((ask("0x10"), ask("0x10")), (json!("0x0"), json!("0x0")));
    assert_eq!((ask("latest"), ask("latest")), (json!("0x1"), json!("0x2")));
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

/// An object that a node or a fixture gives comes to the guest as it is.
#[test]
fn members_of_answers_keep_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixture.json");
    let block = r#"{ "number": "0x10", "hash": "0xab",
        "bloom": 1.50 }"#;
    let fixture = format!(r#"{{"chains":{{"1":{{"blockNumber":"0x10","blocks":[{block}]}}}}}}"#);
    std::fs::write(&path, fixture).unwrap();
    let server = Server::start(&["--rpc-fixture", path.to_str().unwrap()]);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest"]}"#;
    let body = crate::client::job(&direct_guest(request, false), json!({}));
    let answer = server.run(&body).text;
    let block = r#""result":{"number":"0x10","hash":"0xab","bloom":1.50}"#;
    assert!(answer.contains(block), "{answer}");
}
