//! The server as a service: its line, its caches, its end.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Server, eventually, job};
use crate::guests::{named, prints, text};

/// A module of about so many bytes.
fn large(functions: usize, salt: usize) -> Vec<u8> {
    let body = "(i32.add (i32.const 1) (i32.mul (i32.const 3) (i32.const 123456)))";
    let functions = format!("(func (result i32) {body})").repeat(functions);
    text(&format!(
        "(module (memory (export \"memory\") 1) (global i32 (i32.const {salt})) {functions} (func (export \"run\")))"
    ))
}

#[test]
fn some_run_some_wait_one_is_refused() {
    let server = Server::start(&["--max-concurrency", "2", "--queue-limit", "2"]);
    let sleep = named("sleep1");
    server.job(&named("ok"), json!({}));
    let answers: Vec<(u16, Value, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..5)
            .map(|_| {
                let thread = scope.spawn(|| {
                    let answer = server.run(&job(&sleep, json!({})));
                    (answer.status, answer.json(), answer.head)
                });
                std::thread::sleep(Duration::from_millis(30));
                thread
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let refused: Vec<_> = answers
        .iter()
        .filter(|(status, ..)| *status == 429)
        .collect();
    assert_eq!(refused.len(), 1, "{answers:?}");
    assert_eq!(
        refused[0].1["error"],
        "too many jobs (2 running, 2 waiting)"
    );
    assert!(refused[0].2.contains("retry-after: 1"));
    assert_eq!(
        answers
            .iter()
            .filter(|(_, answer, _)| answer["ok"] == true)
            .count(),
        4
    );
}

#[test]
fn who_waits_too_long_is_told() {
    let server = Server::start(&["--max-concurrency", "1", "--queue-timeout-ms", "50"]);
    server.job(&named("ok"), json!({}));
    std::thread::scope(|scope| {
        scope.spawn(|| server.job(&named("sleep1"), json!({})));
        eventually("the first job runs", || {
            server.metric("wasm_jobs_running") == 1.0
        });
        std::thread::sleep(Duration::from_millis(100));
        let answer = server.run(&job(&named("ok"), json!({})));
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (503, &json!("waited 50ms for a free slot"))
        );
    });
}

#[test]
fn a_module_is_compiled_once() {
    let server = Server::start(&[]);
    // Two megabytes, most of them data: how long a compilation takes is not the question.
    let data = "x".repeat(2_000_000);
    let module = text(&format!(
        "(module (memory (export \"memory\") 40) (data (i32.const 0) \"{data}\") (func (export \"run\")))"
    ));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(server.job(&module, json!({}))["code"], "empty_stdout"));
        }
    });
    assert_eq!(server.metric("wasm_module_cache{result=\"compiled\"}"), 1.0);
    assert_eq!(server.metric("wasm_compile_seconds_count"), 1.0);
    let hash = server.job(&module, json!({}))["usage"]["module"].clone();
    assert_eq!(hash, "memory");
}

#[test]
fn modules_survive_a_restart_and_damage() {
    let server = Server::start(&[]);
    let hash = server.job(&named("ok"), json!({}))["usage"]["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({"jobId": 1, "wasmHash": hash, "timeoutMs": 5000});
    let module = |server: &Server| server.run(&body).json()["usage"]["module"].clone();
    let restart = |directory| Server::start_in(directory, &[], std::process::Stdio::null());
    let directory = server.stop();
    let folder = directory.path().join("cache").join(&hash[..2]);
    let file = |end: &str| {
        let entries = std::fs::read_dir(&folder)
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        entries
            .into_iter()
            .find(|path| path.to_str().unwrap().ends_with(end))
            .unwrap()
    };
    let server = restart(directory);
    assert_eq!(module(&server), "disk");
    let directory = server.stop();
    let code = file(".cwasm");
    let mut bytes = std::fs::read(&code).unwrap();
    bytes[200] ^= 1;
    std::fs::remove_file(&code).unwrap();
    std::fs::write(&code, bytes).unwrap();
    let server = restart(directory);
    assert_eq!(module(&server), "compiled");
    let directory = server.stop();
    let wasm = file(".wasm");
    std::fs::remove_file(&wasm).unwrap();
    std::fs::write(&wasm, b"damaged").unwrap();
    let server = restart(directory);
    assert_eq!(server.run(&body).json()["code"], "module_unknown");
    assert!(!wasm.exists());
}

#[test]
fn the_directory_stays_small() {
    let server = Server::start(&["--module-disk-cache-bytes", "1000000"]);
    let hashes: Vec<Value> = (0..20)
        .map(|salt| server.job(&large(3000, salt), json!({}))["usage"]["hash"].clone())
        .collect();
    assert!(server.metric("wasm_module_cache_bytes{where=\"disk\"}") <= 1_000_000.0);
    let directory = server.stop();
    let server = Server::start_in(directory, &[], std::process::Stdio::null());
    let known = |hash: &Value| {
        server
            .send(
                "HEAD",
                &format!("/wasm/modules/{}", hash.as_str().unwrap()),
                &[],
                b"",
            )
            .status
    };
    assert_eq!(known(&hashes[0]), 404);
    assert_eq!(known(&hashes[19]), 200);
}

#[test]
fn a_directory_of_others_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let output = std::process::Command::new(crate::client::PROGRAM)
        .args([
            "serve",
            "--port",
            "0",
            "--wasm-cache-dir",
            directory.path().to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("cache directory is writable by others")
    );
}

#[test]
fn a_server_ends_after_its_jobs() {
    let server = Server::start(&[]);
    server.job(&named("ok"), json!({}));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.job(&named("sleep1"), json!({})));
        eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
        server.signal("TERM");
        eventually("the server drains", || {
            server.get("/wasm/health").status == 503
        });
        let refused = server.run(&job(&named("ok"), json!({})));
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (503, &json!("shutting down"))
        );
        assert_eq!(running.join().unwrap()["ok"], true);
    });
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_grace_is_not_exceeded() {
    let server = Server::start(&["--shutdown-grace-ms", "100"]);
    server.job(&named("ok"), json!({}));
    std::thread::scope(|scope| {
        let running =
            scope.spawn(|| server.run(&job(&named("sleep60"), json!({"timeoutMs": 30000}))));
        eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
        server.signal("TERM");
        let answer = running.join().unwrap();
        assert_eq!(
            (
                answer.status,
                &answer.json()["code"],
                &answer.json()["error"]
            ),
            (503, &json!("cancelled"), &json!("cancelled: shutting down"))
        );
    });
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = Server::start(&[]);
    server.job(&named("ok"), json!({}));
    let body = job(&named("sleep60"), json!({"timeoutMs": 30000})).to_string();
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
    server.signal("TERM");
    eventually("the server drains", || server.get("/health").status == 503);
    server.signal("INT");
    assert_eq!(server.end().0, Some(130));
}

#[test]
fn a_client_that_leaves_frees_its_place() {
    let server = Server::start(&[]);
    server.job(&named("ok"), json!({}));
    let body = job(&named("sleep60"), json!({"timeoutMs": 30000})).to_string();
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    eventually("the job runs", || server.metric("wasm_jobs_running") == 1.0);
    drop(stream);
    let left = Instant::now();
    eventually("the place is free", || {
        server.metric("wasm_jobs_running") == 0.0
    });
    assert!(left.elapsed() < Duration::from_secs(10));
    let gone = "wasm_jobs_total{code=\"cancelled\"}";
    eventually("it is counted", || server.metric(gone) == 1.0);
}

/// One line for each job, whoever still waits for it, and whatever its client calls it.
#[test]
fn every_job_has_one_line_in_the_log() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let flags = ["--log-level", "info", "--max-concurrency", "1"];
    let server = Server::start_in(tempfile::tempdir().unwrap(), &flags, log.into());
    let forged = "{\n\"level\":\"error\"\n}";
    let body = |wasm: &[u8]| job(wasm, json!({"timeoutMs": 60000})).to_string();
    let named_by = |id: &str, wasm: &[u8]| body(wasm).replace("\"t\"", id);
    server.post("/run", named_by(forged, &named("ok")).as_bytes());
    let missing = server.post("/run", named_by(forged, &named("badimport")).as_bytes());
    assert_eq!(
        missing.json()["warnings"],
        json!(["timeoutMs 60000 lowered to 30000"])
    );
    server.post("/run", named_by(forged, b"").as_bytes());
    let leave = |id: &str, wasm: &[u8]| {
        let body = named_by(id, wasm);
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(stream, "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream
    };
    let running = leave("\"runs\"", &named("sleep60"));
    eventually("a job runs", || server.metric("wasm_jobs_running") == 1.0);
    let waiting = leave("\"waits\"", &named("sleep60"));
    eventually("a job waits", || server.metric("wasm_jobs_waiting") == 1.0);
    let gone = |count: f64| {
        let counted = "wasm_jobs_total{code=\"cancelled\"}";
        eventually("it is counted", || server.metric(counted) == count);
    };
    drop(waiting);
    gone(1.0);
    drop(running);
    gone(2.0);
    server.stop();
    let log = std::fs::read_to_string(&path).unwrap();
    let lines = log.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().expect(&log);
    let told = |line: &Value| {
        let hashed = line["hash"].as_str().is_some_and(|hash| hash.len() == 64);
        (
            line["msg"].clone(),
            line["jobId"].clone(),
            line["code"].clone(),
            hashed,
        )
    };
    let forged = json!({"level": "error"});
    let jobs = lines
        .iter()
        .filter(|line| !line["jobId"].is_null())
        .map(told);
    assert_eq!(
        jobs.collect::<Vec<_>>(),
        [
            (json!("job"), forged.clone(), json!("ok"), true),
            (json!("job"), forged.clone(), json!("import_missing"), true),
            (json!("refused"), forged, json!("empty_wasm"), false),
            (json!("job"), json!("waits"), json!("cancelled"), true),
            (json!("job"), json!("runs"), json!("cancelled"), true),
        ]
    );
}

#[test]
fn all_settings_in_force_are_shown() {
    let files = tempfile::tempdir().unwrap();
    let [fixture, record] = ["fixture", "record"].map(|name| files.path().join(name));
    std::fs::write(&fixture, r#"{"chains":{"5":{}}}"#).unwrap();
    let [fixture, record] = [&fixture, &record].map(|path| path.to_str().unwrap());
    let server = Server::start(&[
        "--rpc-fixture",
        fixture,
        "--rpc-record",
        record,
        "--api-only",
        "true",
    ]);
    let limits = server.get("/limits").json();
    assert_eq!(limits["logLevel"], "error");
    assert_eq!(limits["rpcFixtureChains"], json!([5]));
    assert_eq!(limits["rpcRecord"], record);
    let cache = server.directory.path().join("cache");
    assert_eq!(limits["wasmCacheDir"], cache.to_str().unwrap());
}

#[test]
fn tokens_guard_all_but_health() {
    let server = Server::start(&["--api-token", "T", "--metrics-token", "M"]);
    assert_eq!(server.get("/wasm/health").status, 200);
    for (path, token) in [("/limits", "T"), ("/metrics", "M")] {
        assert_eq!(server.get(path).status, 401);
        let with = |value: &str| {
            let headers = [("Authorization", value)];
            server.send("GET", path, &headers, b"").status
        };
        assert_eq!(with("Bearer wrong"), 401);
        assert_eq!(with(&format!("Basic {token}")), 401);
        assert_eq!(with(&format!("Bearer {token}")), 200);
        assert_eq!(with(&format!("bearer {token}")), 200);
    }
    let answer = server.run(&job(&prints("1"), json!({})));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (401, &json!("unauthorized"))
    );
}

#[test]
fn an_address_in_use_is_told() {
    let server = Server::start(&[]);
    let port = server.address.port().to_string();
    let output = std::process::Command::new(crate::client::PROGRAM)
        .args(["serve", "--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!(
            "cannot listen on 127.0.0.1:{port}: address in use"
        )),
        "{text}"
    );
}
