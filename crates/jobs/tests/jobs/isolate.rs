//! Jobs in processes of their own: they answer as all others do, can do less, and leave nothing behind.

use std::process::Command;

use serde_json::json;

use crate::cli::stable;
use crate::client::{Server, eventually, job};
use crate::guests::{BALANCE, BLOCK, Files, direct_guest, named, rpc_guest};

const ISOLATED: [&str; 4] = ["--isolate", "process", "--cpu-permits", "2"];

/// The workers of a server.
fn workers(server: &Server) -> Vec<u32> {
    let children = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name: state and parent.
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        (parent == server.pid().to_string() && state != "Z").then_some(pid)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(children).collect()
}

#[test]
fn a_worker_answers_as_the_server_does() {
    let (server, isolated) = (Server::start(&[]), Server::start(&ISOLATED));
    for name in [
        "ok",
        "two",
        "scalar",
        "notjson",
        "empty",
        "stderr",
        "startonly",
        "norun",
        "trap",
        "okthentrap",
        "loop",
        "recurse",
        "exit3",
        "ret",
        "badimport",
        "flood",
        "floods",
        "garbage",
        "grow",
        "growtrap",
        "clock",
    ] {
        let body = json!({"timeoutMs": 300, "input": {"a": [1.50]}, "args": ["x"]});
        let [ours, theirs] =
            [&server, &isolated].map(|server| stable(server.job(&named(name), body.clone())));
        assert_eq!(ours, theirs, "{name}");
    }
    let random = json!({"deterministic": {"seed": 5}, "timeoutMs": 1000});
    let guest = crate::guests::guest(
        "",
        "(drop (call $random (i32.const 64) (i32.const 8))) (call $digits (i64.load (i32.const 64)))",
    );
    let [ours, theirs] =
        [&server, &isolated].map(|server| stable(server.job(&guest, random.clone())));
    assert_eq!(ours, theirs);
}

#[test]
fn a_worker_asks_through_its_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixture.json");
    let fixture = r#"{"chains":{"1":{"blockNumber":"0x10","latencyMs":20,"accounts":{"0x0":{"balance":"0x7"}}}}}"#;
    std::fs::write(&path, fixture).unwrap();
    let mut flags = ISOLATED.to_vec();
    flags.extend([
        "--rpc-fixture",
        path.to_str().unwrap(),
        "--max-rpc-request-bytes",
        "100",
    ]);
    let server = Server::start(&flags);
    let files = Files {
        sleep: 1_000_000,
        ..Files::default()
    };
    let answer = server.job(&rpc_guest(files, [BLOCK, BALANCE]), json!({}));
    let results = [
        &answer["result"][0]["result"],
        &answer["result"][1]["result"],
    ];
    assert_eq!(results, ["0x10", "0x7"], "{answer}");
    assert_eq!(answer["usage"]["rpcCalls"], 2);
    assert!(answer["usage"]["rpcMs"].as_u64() >= Some(40), "{answer}");
    let answer = server.job(&direct_guest(BLOCK, false), json!({}));
    assert_eq!(answer["result"]["result"], "0x10", "{answer}");
    let long = format!("{BLOCK}{}", " ".repeat(100));
    let answer = server.job(&direct_guest(&long, true), json!({}));
    assert_eq!(
        answer["result"]["error"]["data"],
        "Request too large (max 100 bytes)"
    );
    let answer = server.job(&direct_guest(BLOCK, true), json!({"timeoutMs": 5}));
    assert_eq!(answer["error"], "timeout after 5ms", "{answer}");
}

/// However little the guest may print.
#[test]
fn a_worker_may_ask_at_the_length_that_is_allowed() {
    let mut flags = ISOLATED.to_vec();
    flags.extend(["--max-rpc-request-bytes", "2000000"]);
    let server = Server::start(&flags);
    let ask = |len: usize| {
        let guest = crate::guests::text(&format!(
            r#"(module (import "host" "rpc_call_into" (func $rpc (param i32 i32 i32 i32) (result i32)))
               (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
               (memory (export "memory") 40)
               (func (export "run")
                 (memory.fill (i32.const 1024) (i32.const 32) (i32.const {len}))
                 (i32.store (i32.const 0) (i32.const 100))
                 (i32.store (i32.const 4) (call $rpc (i32.const 1024) (i32.const {len}) (i32.const 100) (i32.const 900)))
                 (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
        ));
        let little = json!({"maxStdoutBytes": 1000, "maxStderrBytes": 0});
        server.job(&guest, little)["result"]["error"]["code"].clone()
    };
    // Spaces are no JSON; one more is too many.
    assert_eq!(
        (ask(2_000_000), ask(2_000_001)),
        (json!(-32700), json!(-32600))
    );
}

/// What a guest reads costs none of its time, however long it is.
#[test]
fn a_job_begins_when_its_worker_is_ready() {
    let server = Server::start(&ISOLATED);
    let read = crate::guests::guest(
        "",
        "(local $sum i64) (i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 65536))
         (loop $on
           (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
           (local.set $sum (i64.add (local.get $sum) (i64.load32_u (i32.const 16))))
           (br_if $on (i32.load (i32.const 16))))
         (call $digits (local.get $sum))",
    );
    let input = "x".repeat(8_000_000);
    let body = json!({"input": input, "timeoutMs": 60});
    // A machine that is busy elsewhere may take that time once, but not every time.
    let answers = || server.job(&read, body.clone());
    let ended = (0..20)
        .map(|_| answers())
        .find(|answer| answer["ok"] == true);
    assert_eq!(ended.expect("in time")["result"], 8_000_003);
}

#[test]
fn workers_have_their_turns_on_a_processor() {
    let flags = [
        "--isolate",
        "process",
        "--cpu-permits",
        "1",
        "--max-concurrency",
        "4",
    ];
    let server = Server::start(&flags);
    server.job(&named("ok"), json!({}));
    let body = job(&named("loop"), json!({"timeoutMs": 30000})).to_string();
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    std::io::Write::write_all(
        &mut stream,
        format!("POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
    )
    .unwrap();
    eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
    let answer = server.job(&named("ok"), json!({}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(server.metric("wasm_jobs_running"), 1.0);
}

#[test]
fn a_worker_can_open_and_start_nothing() {
    let server = Server::start(&ISOLATED);
    let body = job(&named("sleep1"), json!({}));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run(&body).json());
        let confined = || {
            workers(&server).into_iter().any(|pid| {
                let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"));
                let limits = limits.unwrap_or_default();
                let zero = |name: &str| {
                    let line = limits.lines().find(|line| line.starts_with(name));
                    line.is_some_and(|line| {
                        line[name.len()..].split_whitespace().next() == Some("0")
                    })
                };
                let variables = std::fs::read(format!("/proc/{pid}/environ"));
                ["Max open files", "Max processes", "Max file size"]
                    .iter()
                    .all(|name| zero(name))
                    && variables.is_ok_and(|variables| variables.is_empty())
            })
        };
        eventually("a worker is confined", confined);
        assert_eq!(running.join().unwrap()["ok"], true);
    });
}

#[test]
fn a_worker_that_dies_costs_one_job() {
    let server = Server::start(&ISOLATED);
    server.job(&named("ok"), json!({}));
    let body = job(&named("sleep60"), json!({"timeoutMs": 30000}));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run(&body));
        eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
        std::thread::sleep(std::time::Duration::from_millis(100));
        let killed = workers(&server);
        for worker in &killed {
            let status = Command::new("kill")
                .args(["-9", &worker.to_string()])
                .status();
            assert!(status.unwrap().success());
        }
        eventually("they are dead", || {
            let alive = workers(&server);
            !killed.iter().any(|worker| alive.contains(worker))
        });
        let answer = running.join().unwrap();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (500, &json!("internal")),
            "{answer:?}"
        );
        // How it died is for the log.
        assert!(answer.text.contains("\"internal error "), "{answer:?}");
    });
    // Those that were ready are gone too, which is noticed before they are needed.
    for _ in 0..4 {
        assert_eq!(server.job(&named("ok"), json!({}))["ok"], true);
    }
}

#[test]
fn nothing_is_left_of_workers() {
    let server = Server::start(&ISOLATED);
    for name in ["ok", "trap", "exit3", "flood"] {
        server.job(&named(name), json!({}));
    }
    let address = server.address;
    let body = job(&named("sleep60"), json!({"timeoutMs": 30000})).to_string();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(
        &mut stream,
        format!("POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
    )
    .unwrap();
    eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
    drop(stream);
    eventually("only those that wait for a job are left", || {
        server.metric("wasm_jobs_running") == 0.0 && workers(&server).len() == 2
    });
    let waiting = workers(&server);
    server.stop();
    let alive = |pid: &u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    eventually("all have ended", || !waiting.iter().any(alive));
}

#[test]
fn without_files_there_are_no_workers() {
    let output = Command::new(crate::client::PROGRAM)
        .args([
            "serve",
            "--port",
            "0",
            "--isolate",
            "process",
            "--module-disk-cache-bytes",
            "0",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("ISOLATE: process needs a WASM_CACHE_DIR"),
        "{text}"
    );
}
