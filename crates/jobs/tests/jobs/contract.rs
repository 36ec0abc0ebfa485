//! Requests and answers: every way in which a request can be wrong, and what is echoed.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::client::{Server, job};
use crate::guests::{named, prints};

fn both() -> [Server; 2] {
    [Server::start(&[]), Server::start(&["--compat"])]
}

#[test]
fn a_bad_request_is_refused_in_the_original_order() {
    let [ours, compat] = both();
    let ok = BASE64.encode(&named("ok"));
    let zeros = "0".repeat(64);
    let rows: &[(Value, u16, u16, &str, &str)] = &[
        (json!({}), 400, 400, "bad_request", "bad request"),
        (json!([]), 400, 400, "bad_request", "bad request"),
        (
            json!({"jobId": "j", "wasmB64": ok, "timeoutMs": "5"}),
            400,
            400,
            "bad_request",
            "bad request",
        ),
        (
            json!({"jobId": "j", "wasmB64": 5, "timeoutMs": 5, "input": 1}),
            400,
            400,
            "bad_request",
            "bad request",
        ),
        (
            json!({"jobId": "j", "wasmB64": "", "timeoutMs": 5, "input": 1}),
            400,
            400,
            "empty_wasm",
            "empty wasm bytes",
        ),
        (
            json!({"jobId": "j", "wasmB64": ok, "wasmHash": "zz", "timeoutMs": 5, "input": 1}),
            400,
            400,
            "hash_format",
            "wasmHash must be 64 hex chars (sha256)",
        ),
        (
            json!({"jobId": "j", "wasmB64": ok, "wasmHash": 5, "timeoutMs": 5, "input": 1}),
            400,
            400,
            "hash_format",
            "wasmHash must be 64 hex chars (sha256)",
        ),
        (
            json!({"jobId": "j", "wasmB64": ok, "wasmHash": zeros, "timeoutMs": 5, "input": 1}),
            400,
            500,
            "hash_mismatch",
            "wasmHash mismatch (expected 000000",
        ),
    ];
    for (body, status, status_compat, code, error) in rows {
        let answer = ours.run(body);
        let (got, text) = (answer.json(), &answer.text);
        assert_eq!(answer.status, *status, "{text}");
        assert_eq!(got["code"], *code, "{text}");
        assert!(got["error"].as_str().unwrap().starts_with(error), "{text}");
        assert_eq!(
            (got["ok"].clone(), got["durationMs"].clone()),
            (json!(false), json!(0))
        );
        assert_eq!(
            got["jobId"],
            *body.get("jobId").unwrap_or(&json!("unknown"))
        );
        let answer = compat.run(body);
        let got = answer.json();
        assert_eq!(answer.status, *status_compat, "{}", answer.text);
        assert!(
            got["error"].as_str().unwrap().starts_with(error),
            "{}",
            answer.text
        );
        let mut members: Vec<_> = got
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        members.sort_unstable();
        assert_eq!(members, ["durationMs", "error", "jobId", "ok"]);
    }
    let missing = ours.run(&json!({})).json();
    assert_eq!(
        missing["details"],
        json!([
            "jobId is missing",
            "wasmB64 or wasmHash is missing",
            "timeoutMs is missing"
        ])
    );
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    for server in both() {
        let answer = server.post("/wasm/run", b"{bad");
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json()["error"],
            "request body is not JSON: key must be a string at line 1 column 2"
        );
        let cut = server.post("/wasm/run", b"{\"wasmB64\": \"AAAA");
        assert!(
            cut.text.contains("was the base64 text wrapped?"),
            "{}",
            cut.text
        );
        for (headers, body) in [
            (&[("Content-Type", "text/plain")][..], &b"{}"[..]),
            (&[][..], b""),
            (&[("Content-Type", "application/json")][..], b""),
        ] {
            let answer = server.send("POST", "/wasm/run", headers, body);
            assert_eq!(
                (answer.status, &answer.json()["error"]),
                (400, &json!("bad request"))
            );
        }
    }
}

#[test]
fn base64_is_strict_here_and_lenient_there() {
    let [ours, compat] = both();
    let spoiled = format!("!{}", BASE64.encode(&named("ok")));
    let body = json!({"jobId": "j", "wasmB64": spoiled, "timeoutMs": 5000, "input": {}});
    let answer = ours.run(&body);
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (400, &json!("wasmB64 is not base64 (character 1)"))
    );
    assert_eq!(compat.run(&body).json()["ok"], true);
    let empty = json!({"jobId": "j", "wasmB64": "!!!!", "timeoutMs": 5000, "input": {}});
    assert_eq!(compat.run(&empty).json()["error"], "empty wasm bytes");
}

#[test]
fn without_input_a_job_reads_an_empty_object() {
    let [ours, compat] = both();
    let mut body = job(&named("ok"), json!({}));
    body.as_object_mut().unwrap().remove("input");
    assert_eq!(ours.run(&body).json()["ok"], true);
    let answer = compat.run(&body);
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (
            500,
            &json!("Cannot read properties of undefined (reading 'substring')")
        )
    );
    // What is wrong with the module comes before that.
    for (member, value, error) in [
        ("wasmB64", "", "empty wasm bytes"),
        ("wasmHash", "zz", "wasmHash must be 64 hex chars (sha256)"),
    ] {
        let mut body = body.clone();
        body[member] = value.into();
        let answer = compat.run(&body);
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!(error))
        );
    }
}

#[test]
fn a_job_id_is_echoed_as_it_came() {
    let server = Server::start(&[]);
    let ok = named("ok");
    for id in [
        json!(5),
        json!({"a": 1}),
        json!("x".repeat(1024)),
        json!(true),
        json!([]),
    ] {
        assert_eq!(server.job(&ok, json!({"jobId": id}))["jobId"], id);
    }
    for id in [
        json!(0),
        json!(""),
        json!(null),
        json!(false),
        json!(-0.0),
        json!("x".repeat(1025)),
    ] {
        let answer = server.run(&job(&ok, json!({"jobId": id})));
        assert_eq!(
            (answer.status, &answer.json()["jobId"]),
            (400, &json!("unknown")),
            "{id}"
        );
    }
}

#[test]
fn success_says_what_was_used() {
    let server = Server::start(&[]);
    let answer = server.job(&named("ok"), json!({"timeoutMs": 60000, "extra": 1}));
    assert_eq!(answer["result"], json!({"ok": true, "result": {"a": 1}}));
    assert_eq!(answer["guestOk"], true);
    assert_eq!(answer["stderr"], "");
    assert_eq!(answer["usage"]["peakMemoryBytes"], 131_072);
    assert_eq!(answer["usage"]["stdoutBytes"], 29);
    assert_eq!(answer["usage"]["module"], "compiled");
    assert_eq!(
        answer["limits"],
        json!({"timeoutMs": 30000, "memoryBytes": 134_217_728, "stdoutBytes": 262_144, "stderrBytes": 262_144, "rpcCalls": 100})
    );
    assert_eq!(
        answer["warnings"],
        json!([
            "timeoutMs 60000 lowered to 30000",
            "unknown member extra ignored"
        ])
    );
    let hash = answer["usage"]["hash"].clone();
    let again = server
        .run(&json!({"jobId": "j", "wasmHash": hash, "timeoutMs": 1000}))
        .json();
    assert_eq!(again["usage"]["module"], "memory");
    let failed = server.job(
        &prints("{\"ok\":false,\"error\":\"balance too low\"}"),
        json!({}),
    );
    assert_eq!(
        (&failed["ok"], &failed["guestOk"]),
        (&json!(true), &json!(false))
    );
}

/// A body of nothing but unknown members, however many.
#[test]
fn unknown_members_do_not_make_long_answers() {
    let server = Server::start(&[]);
    let mut body = job(&named("ok"), json!({}));
    for at in 0..1000 {
        body[format!("{}{at:04}", "x".repeat(200))] = json!(at);
    }
    let answer = server.run(&body).json();
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 21);
    let first = format!("unknown member {} ignored", "x".repeat(100));
    assert_eq!(warnings[0], first);
    assert_eq!(warnings[20], "980 more unknown members ignored");
}

#[test]
fn digits_and_order_pass_unchanged() {
    let server = Server::start(&[]);
    let echo = crate::guests::guest(
        "",
        "(i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 4096))
        (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
        (call $print (i32.const 1) (i32.const 2048) (i32.load (i32.const 16)))",
    );
    let wasm = BASE64.encode(&echo);
    let body = format!(
        "{{\"jobId\":\"j\",\"timeoutMs\":1000,\"wasmB64\":\"{wasm}\",\"input\": {{ \"z\": 12345678901234567890, \"a\": [ 1.50, \"x y\" ] }} }}"
    );
    let answer = server.post("/wasm/run", body.as_bytes());
    assert!(
        answer
            .text
            .contains(r#""result":{"z":12345678901234567890,"a":[1.50,"x y"]}"#),
        "{}",
        answer.text
    );
}

#[test]
fn routes_answer_json_only() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/wasm/health").json(), json!({"ok": true}));
    assert_eq!(
        server.get("/health").json(),
        json!({"ok": true, "service": "wasm-sandbox"})
    );
    let wrong = server.get("/wasm/run");
    assert_eq!(
        (wrong.status, &wrong.json()),
        (
            405,
            &json!({"ok": false, "error": "method not allowed", "code": "method_not_allowed"})
        )
    );
    assert!(wrong.head.contains("allow: post"));
    let nowhere = server.get("/nope");
    assert_eq!(
        (nowhere.status, &nowhere.json()),
        (
            404,
            &json!({"ok": false, "error": "not found", "code": "not_found", "path": "/nope"})
        )
    );
    assert_eq!(
        server
            .post("/run", job(&named("ok"), json!({})).to_string().as_bytes())
            .status,
        200
    );
    assert_eq!(server.get("/limits").json()["maxTimeoutMs"], 30000);
    assert_eq!(server.get("/version").json()["compat"], false);
    assert_eq!(server.get("/openapi.json").json()["openapi"], "3.1.0");
    assert!(
        server
            .get("/metrics")
            .text
            .contains("wasm_jobs_total{code=\"ok\"} 1")
    );
    assert_eq!(server.send("HEAD", "/wasm/health", &[], b"").text, "");
}

#[test]
fn modules_are_sent_once() {
    let server = Server::start(&[]);
    let wasm = named("ok");
    let uploaded = server.send("POST", "/wasm/modules", &[], &wasm);
    assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    let hash = uploaded.json()["hash"].as_str().unwrap().to_owned();
    assert_eq!(uploaded.json()["entry"], "run");
    let path = format!("/wasm/modules/{hash}");
    assert_eq!(server.send("PUT", &path, &[], &wasm).status, 200);
    assert_eq!(server.send("HEAD", &path, &[], b"").status, 200);
    assert_eq!(server.get(&path).json()["bytes"], wasm.len());
    let wrong = server.send(
        "PUT",
        &format!("/wasm/modules/{}", "0".repeat(64)),
        &[],
        &wasm,
    );
    assert_eq!(
        (wrong.status, &wrong.json()["code"]),
        (400, &json!("hash_mismatch"))
    );
    for (name, code) in [
        ("garbage", "module_invalid"),
        ("badimport", "import_missing"),
        ("norun", "entry_missing"),
    ] {
        let answer = server.send("POST", "/wasm/modules", &[], &named(name));
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!(code)));
    }
    // A module without the usual entries is for jobs that name one.
    let other = server.job(&named("norun"), json!({"entry": "main"}));
    let other = format!("/wasm/modules/{}", other["usage"]["hash"].as_str().unwrap());
    assert_eq!(server.send("HEAD", &other, &[], b"").status, 200);
    let described = server.get(&other);
    assert_eq!(
        (described.status, &described.json()["entry"]),
        (200, &json!(null))
    );
    for _ in 0..2 {
        assert_eq!(server.send("DELETE", &path, &[], b"").status, 204);
    }
    let unknown = server.run(&json!({"jobId": "j", "wasmHash": hash, "timeoutMs": 1000}));
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.json()["error"],
        format!("unknown module {hash}: send wasmB64 once or PUT /wasm/modules/{hash}")
    );
}

#[test]
fn gzip_bodies_are_read() {
    use std::io::Write;
    let server = Server::start(&[]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(job(&named("ok"), json!({})).to_string().as_bytes())
        .unwrap();
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "GZip"),
    ];
    assert_eq!(
        server
            .send("POST", "/wasm/run", &headers, &gzip.finish().unwrap())
            .json()["ok"],
        true
    );
}

/// A client that sends all of its body before it looks for an answer finds one, and knows that the connection ends.
#[test]
fn an_answer_before_the_body_is_there_is_seen() {
    use std::io::{Read, Write};
    let flags = ["--api-token", "T", "--max-body-bytes", "100000"];
    let server = Server::start(&flags);
    let body = vec![b'x'; 20_000_000];
    for (token, status) in [("T", 413), ("wrong", 401)] {
        for chunked in [false, true] {
            let (length, before, after) = match chunked {
                true => ("Transfer-Encoding: chunked", "1312d00\r\n", "\r\n0\r\n\r\n"),
                false => ("Content-Length: 20000000", "", ""),
            };
            let head = format!(
                "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: bearer {token}\r\n{length}\r\n\r\n{before}"
            );
            let mut stream = std::net::TcpStream::connect(server.address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            stream.write_all(after.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{answer}"
            );
            assert!(
                answer.to_lowercase().contains("connection: close"),
                "{answer}"
            );
        }
    }
}

#[test]
fn a_body_that_was_read_keeps_its_connection() {
    use std::io::{Read, Write};
    let server = Server::start(&[]);
    let head = "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let requests = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{head}Content-Length: 2\r\n\r\n{{}}{head}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 400").count(), 3, "{answers}");
}

/// The first bytes tell which, however few come at once.
#[test]
fn both_versions_of_http_are_spoken() {
    use std::io::{Read, Write};
    let server = Server::start(&[]);
    let say = |first: &[u8], rest: &[u8]| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream.write_all(first).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        stream.write_all(rest).unwrap();
        stream
    };
    let request = "POST /run HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for split in [1, 5, 20] {
        let (first, rest) = request.split_at(split);
        let mut answer = String::new();
        let mut stream = say(first.as_bytes(), rest.as_bytes());
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for split in [1, 2, 3, 10] {
        let (first, rest) = PREFACE.split_at(split);
        let mut stream = say(first, &[rest, &SETTINGS].concat());
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame[3], SETTINGS[3], "{frame:?}");
    }
}
