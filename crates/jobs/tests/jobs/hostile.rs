//! Clients and nodes that mean harm, and guests that do, many of them at once: what they cost, and that honest ones are
//! answered meanwhile. `JOBS_ROUNDS` makes the long ones longer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Server, eventually, job};
use crate::guests::{BLOCK, direct_guest, guest, guest_with, named, print, text};

/// How often something is done where one time would prove little.
fn rounds(usual: usize) -> usize {
    let asked = std::env::var("JOBS_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn idle_connections_keep_nobody_out() {
    // 48 connections at most.
    let server = Server::start_within("-n 64", &[]);
    server.job(&named("ok"), json!({}));
    let idle: Vec<_> = (0..120)
        .map(|at| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            // Some say nothing, some say half of what they could.
            let part: &[u8] = [&b""[..], b"PRI", b"POST /run HTTP/1.1\r\nHost:"][at % 3];
            stream.write_all(part).unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    assert_eq!(server.job(&named("ok"), json!({}))["ok"], true);
    assert!(started.elapsed() < Duration::from_secs(30));
    drop(idle);
}

#[test]
fn slow_bodies_keep_nobody_out() {
    let server = Server::start(&[]);
    let head = "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16000000\r\n\r\n{";
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    let input = "x".repeat(1_000_000);
    assert_eq!(
        server.job(&named("ok"), json!({"input": input}))["ok"],
        true
    );
    assert!(started.elapsed() < Duration::from_secs(9));
    drop(slow);
}

#[test]
fn a_long_head_is_refused() {
    let server = Server::start(&[]);
    let long = "x".repeat(200_000);
    let answer = server.send("GET", "/health", &[("X-Long", &long)], b"");
    assert_eq!(answer.status, 431);
    let path = format!("/{}", "x".repeat(100_000));
    assert!(matches!(
        server.send("GET", &path, &[], b"").status,
        414 | 431
    ));
    let path = format!(
        "/{}%2e%2e/..//wasm/modules/../../etc/passwd",
        "../".repeat(50)
    );
    assert_eq!(server.get(&path).status, 404);
    for name in ["../../etc/passwd", "..", "%2e%2e", &"A".repeat(65)] {
        let status = server.get(&format!("/wasm/modules/{name}")).status;
        assert!(matches!(status, 400 | 404), "{name}: {status}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_node_that_does_not_stop_is_left() {
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("1=http://{}", node.local_addr().unwrap());
    std::thread::spawn(move || {
        for (at, stream) in node.incoming().flatten().enumerate() {
            std::thread::spawn(move || flood(stream, at));
        }
    });
    let server = Server::start(&["--rpc-url", &url, "--rpc-timeout-ms", "300"]);
    server.job(&named("ok"), json!({}));
    let (before, _) = server.footprint();
    for _ in 0..8 {
        let answer = server.job(&direct_guest(BLOCK, false), json!({}));
        assert!(answer["result"]["error"]["code"].is_i64(), "{answer}");
    }
    let (after, _) = server.footprint();
    assert!(after < before + (32 << 20), "{before} -> {after}");
}

/// A hundred megabytes, or heads that never end, or a byte now and then.
fn flood(mut stream: TcpStream, kind: usize) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request);
    let (head, part, pause) = match kind % 4 {
        0 => (
            "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n",
            vec![b'1'; 65_536],
            0,
        ),
        1 => (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\n1\r\n".to_vec(),
            0,
        ),
        2 => ("HTTP/1.1 200 OK\r\n", b"X-More: x\r\n".to_vec(), 0),
        _ => (
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            b"1".to_vec(),
            50,
        ),
    };
    let _ = stream.write_all(head.as_bytes());
    while stream.write_all(&part).is_ok() {
        std::thread::sleep(Duration::from_millis(pause));
    }
}

/// Guests that would harm a server without limits.
fn hostile() -> Vec<Vec<u8>> {
    let names = [
        "loop", "flood", "floods", "growtrap", "recurse", "sleep60", "clock", "garbage",
    ];
    let mut guests: Vec<_> = names.map(named).into();
    let four_digits = "(i32.store (i32.const 300) (i32.add (i32.const 0x30303030) (i32.and (local.get $n) (i32.const 0x0f0f0f0f))))
        (local.set $n (i32.add (local.get $n) (i32.const 0x01030507)))";
    guests.extend([
        // In a start function.
        text("(module (func $on (loop $on (br $on))) (start $on) (memory (export \"memory\") 1) (func (export \"run\")))"),
        text("(module (func $on unreachable) (start $on) (memory (export \"memory\") 1) (func (export \"run\")))"),
        // A file more and a file more, for ever.
        guest("", &format!("(local $n i32) (loop $on {four_digits}
            (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 300) (i32.const 4) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 12)))
            (br $on))")),
        // Directories in directories: the path grows by one name each time.
        guest("", "(local $len i32) (local.set $len (i32.const 1)) (i32.store8 (i32.const 4096) (i32.const 97))
            (loop $on (drop (call $mkdir (i32.const 3) (i32.const 4096) (local.get $len)))
              (i32.store16 (i32.add (i32.const 4096) (local.get $len)) (i32.const 0x612f))
              (local.set $len (i32.add (local.get $len) (i32.const 2)))
              (br_if $on (i32.lt_u (local.get $len) (i32.const 120000)))) unreachable"),
        // Tables.
        text("(module (table 0 funcref) (memory (export \"memory\") 1) (func (export \"run\")
            (loop $on (br_if $on (i32.ne (table.grow (ref.null func) (i32.const 9999)) (i32.const -1)))) unreachable))"),
        // Host calls over all of the memory, for ever.
        guest("", "(loop $on (drop (call $random (i32.const 0) (i32.const 131072))) (br $on))"),
        guest_with("_initialize", "", "(func (export \"run\"))", "(loop $on (br $on))"),
        // Prints much more than it may, bit by bit.
        guest("x", &format!("(loop $on {} {} (br $on))", print(1, 1), print(2, 1))),
    ]);
    guests
}

/// The load of hostile guests does not reach honest ones, and nothing is left of them.
#[test]
fn honest_jobs_are_answered_among_hostile_ones() {
    const WORKERS: usize = 8;
    let rounds = rounds(4 * 16);
    let server = Server::start(&["--queue-limit", "10000", "--queue-timeout-ms", "60000"]);
    let by_hash = |wasm: &[u8], more: Value| {
        let hash = server.job(wasm, json!({"timeoutMs": 10}))["usage"]["hash"].clone();
        let mut body = json!({"jobId": 1, "wasmHash": hash, "timeoutMs": 10});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        // What cannot be compiled has no hash that anybody knows.
        match body["wasmHash"].is_null() {
            true => job(wasm, json!({"timeoutMs": 10})),
            false => body,
        }
    };
    let hostile: Vec<Value> = hostile()
        .iter()
        .map(|wasm| by_hash(wasm, json!({})))
        .collect();
    let large = "x".repeat(10_000_000);
    let unread = job(&named("trap"), json!({"input": large, "timeoutMs": 10}));
    let honest = by_hash(&named("ok"), json!({"timeoutMs": 10_000}));
    server.run(&unread);
    // Little to send and much to unpack, and much that is no module.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 100_000_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    let gzip = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    let stuffed =
        json!({"jobId": 1, "timeoutMs": 10, "wasmB64": "A".repeat(15_000_000)}).to_string();
    let run = |workers: usize, rounds: usize| {
        std::thread::scope(|scope| {
            for worker in 0..workers {
                let (server, hostile, honest, unread) = (&server, &hostile, &honest, &unread);
                let (bomb, stuffed) = (&bomb, &stuffed);
                scope.spawn(move || {
                    for round in 0..rounds {
                        if round % 64 == 0 && matches!(worker, 1 | 2) {
                            let refused = match worker {
                                1 => server.send("POST", "/run", &gzip, bomb),
                                _ => server.post("/run", stuffed.as_bytes()),
                            };
                            assert_eq!(refused.status, 413, "{}", refused.text);
                        }
                        let answer = match worker == 0 && round % 64 == 0 {
                            true => server.run(unread),
                            false => server.run(&hostile[(worker + round) % hostile.len()]),
                        };
                        assert_eq!(answer.json()["ok"], false, "{}", answer.text);
                        assert_eq!(answer.status, 200, "{}", answer.text);
                    }
                });
                scope.spawn(move || {
                    for _ in 0..rounds {
                        let answer = server.run(honest);
                        assert_eq!(answer.json()["ok"], true, "{}", answer.text);
                    }
                });
            }
        });
    };
    run(WORKERS, 8);
    let before = server.footprint();
    run(WORKERS, rounds.div_ceil(WORKERS));
    let after = server.footprint();
    println!("resident bytes and threads: {before:?}, {rounds} rounds later {after:?}");
    // What the allocator keeps; it does not grow with the rounds.
    assert!(after.0 < before.0 + (32 << 20), "{before:?} -> {after:?}");
    assert!(after.1 <= before.1 + 8, "{before:?} -> {after:?}");
    // Threads without work end after some seconds.
    eventually("threads end", || server.footprint().1 + 4 <= before.1);
}

/// Whoever is answered is answered in full, whenever the signal comes.
#[test]
fn a_server_under_load_ends_in_good_order() {
    for round in 0..rounds(5).min(1000) {
        let server = Server::start(&[]);
        let body = job(&named("ok"), json!({})).to_string();
        server.post("/run", body.as_bytes());
        let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        match server.try_post("/run", body.as_bytes()) {
                            None => return,
                            Some(answer) => {
                                let told = answer.json();
                                let good = answer.status == 200 && told["ok"] == true;
                                assert!(good || told["code"] == "draining", "{answer:?}");
                                answered.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    }
                });
            }
            eventually("there is load", || answered.load(Ordering::SeqCst) > 16);
            std::thread::sleep(Duration::from_millis(round as u64 % 7));
            server.signal("TERM");
            assert_eq!(server.wait(), Some(0));
            over.store(true, Ordering::SeqCst);
        });
    }
}
