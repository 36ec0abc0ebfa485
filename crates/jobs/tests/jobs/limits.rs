//! Limits: what exactly happens at their edges, and guests that mean harm.

use std::io::Write;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::client::{Server, job};
use crate::guests::{
    Files, direct_guest, guest, guest_with, named, print, prints, rpc_guest, text,
};

const OK: &str = "{\"ok\":true}";

#[test]
fn output_may_reach_its_limit() {
    let server = Server::start(&[]);
    let output = |n: usize| {
        guest(
            "[1]",
            &format!(
                "{} (memory.grow (i32.const 8)) (drop) (memory.fill (i32.const 131072) (i32.const 32) (i32.const 300000)) (call $print (i32.const 1) (i32.const 131072) (i32.const {}))",
                print(1, 3),
                n - 3
            ),
        )
    };
    assert_eq!(server.job(&output(262_144), json!({}))["ok"], true);
    assert_eq!(
        server.job(&output(262_145), json!({}))["code"],
        "output_limit"
    );
    let cut = server.job(&prints(OK), json!({"maxStdoutBytes": 11}));
    assert_eq!(cut["ok"], true);
    assert_eq!(
        server.job(&prints(OK), json!({"maxStdoutBytes": 10}))["code"],
        "output_limit"
    );
    assert_eq!(
        server.job(&prints(OK), json!({"maxStdoutBytes": 0}))["code"],
        "output_limit"
    );
    let stderr = server.job(&guest("aé", &print(2, 3)), json!({"maxStderrBytes": 2}));
    assert_eq!(
        (&stderr["code"], &stderr["stderr"]),
        (&json!("output_limit"), &json!("a"))
    );
}

#[test]
fn memory_may_reach_its_limit() {
    let server = Server::start(&[]);
    let grown = |pages: u32| {
        let body = format!(
            "(if (i32.eq (memory.grow (i32.const {})) (i32.const -1)) (then {}) (else {}))",
            pages - 2,
            print(1, 1),
            "(call $print (i32.const 1) (i32.const 1025) (i32.const 1))"
        );
        server.job(&guest("01", &body), json!({}))["result"].clone()
    };
    assert_eq!((grown(2048), grown(2049)), (json!(1), json!(0)));
    let minimum = |pages: u32| {
        server.job(
            &text(&format!(
                "(module (memory (export \"memory\") {pages}) (func (export \"run\")))"
            )),
            json!({}),
        )
    };
    assert_eq!(minimum(2048)["code"], "empty_stdout");
    let refused = minimum(2560);
    assert_eq!(
        refused["error"],
        "module needs 160 MiB of memory at start, limit 128 MiB"
    );
    assert_eq!(refused["code"], "memory_minimum");
    let lowered = server.job(&named("ok"), json!({"maxMemoryBytes": 65536}));
    assert_eq!(lowered["code"], "memory_minimum");
    let table = text("(module (memory (export \"memory\") 1) (table 1 funcref) (func (export \"run\") (result i32)
        (i32.add (i32.add (table.grow (ref.null func) (i32.const 99999)) (i32.const -1))
                 (i32.add (table.grow (ref.null func) (i32.const 1)) (i32.const 1)))))");
    assert_eq!(server.job(&table, json!({}))["code"], "empty_stdout");
}

#[test]
fn a_growing_guest_takes_no_more_than_its_limit() {
    let server = Server::start(&[]);
    let touch = "(local $at i32) (loop $on (br_if $on (i32.ne (memory.grow (i32.const 256)) (i32.const -1))))
        (loop $touch (i32.store (local.get $at) (i32.const 1)) (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br_if $touch (i32.lt_u (local.get $at) (i32.const 117000000))))";
    let before = server.footprint().0;
    for _ in 0..5 {
        server.job(&guest("", touch), json!({}));
        assert!(server.footprint().0 < before + (192 << 20));
    }
}

/// Less address space than a memory takes: no module can help that.
#[test]
fn a_failure_of_the_machine_is_not_told_as_the_module_s() {
    let server = Server::start_within("-v 3000000", &[]);
    let answer = server.run(&job(&named("ok"), json!({})));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (500, &json!("internal")),
        "{answer:?}"
    );
    // A guest that went on would come to another result than on another machine.
    let flags = ["--max-memory-bytes", "2147483648"];
    let poor = Server::start_within("-d 600000", &flags);
    let grows = text(
        r#"(module (memory (export "memory") 1) (func (export "run") (result i32)
             (i32.eq (memory.grow (i32.const 16000)) (i32.const -1))))"#,
    );
    let answer = poor.run(&job(&grows, json!({})));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (500, &json!("internal")),
        "{answer:?}"
    );
    // Where there is nothing to map, nothing fails.
    let none = text("(module (func (export \"run\")))");
    assert_eq!(server.job(&none, json!({}))["code"], "empty_stdout");
}

/// A guest may call all of its memory a request; the host keeps no copy of it.
#[test]
fn a_request_that_is_too_long_takes_no_memory() {
    let server = Server::start(&[]);
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        kilobytes.unwrap().parse::<usize>().unwrap() << 10
    };
    server.job(&named("ok"), json!({}));
    let before = peak();
    let all = text(
        r#"(module (import "host" "rpc_call_into" (func $rpc (param i32 i32 i32 i32) (result i32)))
           (import "host" "rpc_call" (func $call (param i32 i32 i32) (result i32)))
           (memory (export "memory") 2048)
           (func (export "alloc") (param i32) (result i32) (i32.const 16))
           (func (export "run") (result i32)
             (memory.fill (i32.const 0) (i32.const 32) (i32.const 0x8000000))
             (drop (call $rpc (i32.const 0) (i32.const 0x8000000) (i32.const 0) (i32.const 0)))
             (i32.eqz (call $call (i32.const 0) (i32.const 0x8000000) (i32.const 0)))))"#,
    );
    let answer = server.job(&all, json!({"timeoutMs": 20000}));
    assert_eq!(answer["code"], "empty_stdout", "{answer}");
    assert_eq!(answer["usage"]["rpcCalls"], 2);
    assert!(peak() < before + (192 << 20), "{before} -> {}", peak());
}

#[test]
fn modules_and_bodies_may_reach_their_limits() {
    let server = Server::start(&["--max-wasm-bytes", "1000", "--max-body-bytes", "100000"]);
    let sized = |n: usize| {
        let mut wasm = named("ret");
        let rest = n - wasm.len() - 3;
        // A custom section fills the rest.
        wasm.extend([0, (rest as u8 & 0x7f) | 0x80, (rest >> 7) as u8, 0]);
        wasm.extend(vec![0; rest - 1]);
        assert_eq!(wasm.len(), n);
        wasm
    };
    assert_eq!(server.job(&sized(1000), json!({}))["code"], "exit");
    let answer = server.run(&job(&sized(1001), json!({})));
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (413, &json!("wasm too large (> 1000 bytes)"))
    );
    let padded = |n: usize| {
        let body = job(&named("ret"), json!({})).to_string();
        body.clone() + &" ".repeat(n - body.len())
    };
    assert_eq!(
        server.post("/wasm/run", padded(100_000).as_bytes()).status,
        200
    );
    let error = json!("request body too large (> 100000 bytes)");
    let answer = server.post("/wasm/run", padded(100_001).as_bytes());
    assert_eq!((answer.status, &answer.json()["error"]), (413, &error));
    // Refused by what is announced: the body is never sent.
    let announced = [
        ("Content-Type", "application/json"),
        ("Content-Length", "100001"),
    ];
    assert_eq!(
        server.send("POST", "/wasm/run", &announced, b"").status,
        413
    );
    // Be it JSON or not.
    let announced = [("Content-Type", "text/plain"), announced[1]];
    assert_eq!(
        server.send("POST", "/wasm/run", &announced, b"").status,
        413
    );
    let mut chunks = Vec::new();
    for _ in 0..11 {
        chunks.extend(format!("{:x}\r\n{}\r\n", 10_000, " ".repeat(10_000)).bytes());
    }
    chunks.extend(b"0\r\n\r\n");
    let chunked = [
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
    ];
    assert_eq!(
        server.send("POST", "/wasm/run", &chunked, &chunks).status,
        413
    );
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 50_000_000]).unwrap();
    let gzip = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    assert_eq!(
        server
            .send("POST", "/wasm/run", &gzip, &bomb.finish().unwrap())
            .status,
        413
    );
}

#[test]
fn nesting_may_reach_its_limit() {
    let server = Server::start(&[]);
    let wasm = BASE64.encode(&named("ok"));
    let nested = |n: usize| {
        let input = "[".repeat(n) + &"]".repeat(n);
        server.post(
            "/wasm/run",
            format!("{{\"jobId\":1,\"timeoutMs\":1000,\"wasmB64\":\"{wasm}\",\"input\":{input}}}")
                .as_bytes(),
        )
    };
    assert_eq!(nested(128).status, 200);
    let answer = nested(129);
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!("bad_json_body"))
    );
    assert!(answer.text.contains("recursion limit"));
    assert_eq!(nested(100_000).status, 400);
    let line = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let deep = server.run(&job(&prints(&line(512)), json!({})));
    assert!(deep.text.contains("\"ok\":true"), "{}", deep.text);
    assert_eq!(
        server.job(&prints(&line(513)), json!({}))["code"],
        "bad_json"
    );
}

/// Every guest that would go on for ever ends when its time is over, and nothing is left of it.
#[test]
fn whatever_a_guest_does_its_time_ends() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("1=http://{}", silent.local_addr().unwrap());
    let server = Server::start(&["--rpc-url", &url]);
    let guests = [
        named("loop"),
        named("sleep60"),
        named("clock"),
        rpc_guest(
            Files::default(),
            [crate::guests::BLOCK, crate::guests::BALANCE],
        ),
        direct_guest(crate::guests::BLOCK, false),
        guest_with(
            "_initialize",
            "",
            "(func (export \"run\"))",
            "(loop $on (br $on))",
        ),
        text(
            "(module (func $on (loop $on (br $on))) (start $on) (memory (export \"memory\") 1) (func (export \"run\")))",
        ),
        guest(
            "",
            "(loop $on (drop (call $random (i32.const 0) (i32.const 131072))) (br $on))",
        ),
    ];
    for guest in &guests {
        let answer = server.job(guest, json!({"timeoutMs": 1}));
        assert_eq!(answer["code"], "timeout", "{answer}");
        assert_eq!(answer["error"], "timeout after 1ms");
    }
    let (memory, threads) = server.footprint();
    for round in 0..100 {
        server.job(&guests[round % guests.len()], json!({"timeoutMs": 5}));
    }
    let (memory_after, threads_after) = server.footprint();
    assert!(threads_after <= threads + 2, "{threads} -> {threads_after}");
    assert!(
        memory_after < memory + (10 << 20),
        "{memory} -> {memory_after}"
    );
}

/// Machine code looks at the time in loops and at the beginning of functions. Here is neither, and each call takes long.
#[test]
fn a_long_row_of_host_calls_ends_too() {
    let server = Server::start(&[]);
    let row = "(drop (call $size (i32.const 4) (i64.const 8388608))) (drop (call $size (i32.const 4) (i64.const 0)))"
        .repeat(5000);
    let source = format!(
        r#"(module (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $size (param i32 i64) (result i32)))
           (memory (export "memory") 1) (data (i32.const 0) "f")
           (func (export "run")
             (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8)))
             {row}))"#
    );
    let answer = server.job(&text(&source), json!({"timeoutMs": 5}));
    assert_eq!(answer["code"], "timeout", "{answer}");
}

#[test]
fn a_large_input_need_not_be_read() {
    let server = Server::start(&[]);
    let one_byte = guest(
        "1",
        &format!(
            "(i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.const 1))
        (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))) {}",
            print(1, 1)
        ),
    );
    for size in [1_000_000, 10_000_000] {
        let input = Value::from("x".repeat(size));
        for (wasm, code) in [
            (named("ok"), json!(null)),
            (named("loop"), json!("timeout")),
            (named("trap"), json!("trap")),
            (one_byte.clone(), json!(null)),
        ] {
            let answer = server.job(&wasm, json!({"input": input, "timeoutMs": 50}));
            assert_eq!(answer["code"], code);
        }
    }
}

#[test]
fn the_working_directory_is_a_small_one_in_memory() {
    let server = Server::start(&[]);
    let files = || walk(server.directory.path());
    // Prints the error numbers of: a path out, an absolute one, a link; then fills files until one is refused.
    let odd = "../../etc/passwd";
    let data = format!("{odd}/etc/passwd,[]");
    let open = |at: usize, len: usize, how: u32| {
        format!(
            "(call $path_open (i32.const 3) (i32.const 0) (i32.const {at}) (i32.const {len}) (i32.const {how}) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 12))"
        )
    };
    let put = |at: usize| format!("(call $print (i32.const 1) (i32.const {at}) (i32.const 1))");
    let number = |code: String| format!("(call $digits (i64.extend_i32_u {code}))");
    let body = format!(
        "(local $n i32) {} {} {} {} {} {} {}
         (loop $more
           (i32.store (i32.const 300) (i32.add (i32.const 0x30303030) (i32.or (i32.shl (i32.div_u (local.get $n) (i32.const 10)) (i32.const 8)) (i32.rem_u (local.get $n) (i32.const 10)))))
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $more (i32.eqz {})))
         (call $digits (i64.extend_i32_u (local.get $n))) {}
         (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 65536))
         (local.set $n (i32.const 0))
         (loop $fill
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $fill (i32.eqz (call $fd_write (i32.const 4) (i32.const 0) (i32.const 1) (i32.const 8)))))
         (call $digits (i64.extend_i32_u (local.get $n))) {}",
        put(1024 + 28),
        number(open(1024, 16, 1)), put(1024 + 27),
        number(open(1040, 11, 0)), put(1024 + 27),
        number("(call $symlink (i32.const 1024) (i32.const 1) (i32.const 3) (i32.const 1025) (i32.const 1))".into()), put(1024 + 27),
        open(300, 4, 1), put(1024 + 27), put(1024 + 29),
    );
    let before = files();
    let answer = server.job(&guest(&data, &body), json!({}));
    // 64 files are made, the 65th is refused; 128 blocks of 64 KiB fit.
    assert_eq!(answer["result"], json!([76, 76, 58, 65, 129]), "{answer}");
    let new: Vec<_> = files()
        .into_iter()
        .filter(|file| !before.contains(file) && !file.contains("cache"))
        .collect();
    assert!(new.is_empty(), "{new:?}");
}

fn walk(path: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        found.push(entry.path().display().to_string());
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

#[test]
fn broken_modules_break_nothing() {
    // A hundred thousand functions take long on a busy machine, and what comes after them waits.
    let server = Server::start(&["--max-compile-ms", "600000"]);
    let good = named("okthentrap");
    let truncated = (0..200).map(|step| good[..good.len() * step / 200].to_vec());
    let many = format!(
        "(module (memory (export \"memory\") 1) {} (func (export \"run\")))",
        "(func)".repeat(100_000)
    );
    let others = [b"\0asm\x0d\0\x01\0".to_vec(), b"text".to_vec(), text(&many)];
    for wasm in truncated.chain(others) {
        let answer = server.run(&job(&wasm, json!({})));
        assert!(matches!(answer.status, 200 | 400), "{}", answer.text);
        assert_eq!(answer.json()["ok"], false);
    }
    let component = server.job(b"\0asm\x0d\0\x01\0", json!({}));
    assert_eq!(
        component["error"],
        "this is a component; a core module (wasm32-wasip1) is needed"
    );
    assert_eq!(server.job(&good, json!({}))["code"], "trap");
}

#[test]
fn odd_modules_have_their_codes() {
    let server = Server::start(&[]);
    let code = |source: &str| server.job(&text(source), json!({"timeoutMs": 100}))["code"].clone();
    assert_eq!(
        code(
            "(module (memory (export \"memory\") 1) (func (export \"_initialize\") unreachable) (func (export \"run\")))"
        ),
        "trap"
    );
    assert_eq!(
        code("(module (memory (export \"run\") 1))"),
        "entry_signature"
    );
    assert_eq!(
        code("(module (memory (export \"memory\") 1) (memory 1) (func (export \"run\")))"),
        "empty_stdout"
    );
    assert_eq!(
        code(
            "(module (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (func (export \"run\")))"
        ),
        "module_invalid"
    );
    assert_eq!(
        code("(module (import \"env\" \"memory\" (memory 1)) (func (export \"run\")))"),
        "import_missing"
    );
    assert_eq!(
        code("(module (import \"wasi_unstable\" \"fd_write\" (func)) (func (export \"run\")))"),
        "import_missing"
    );
    assert_eq!(
        code(
            "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)) (func (export \"run\")))"
        ),
        "import_missing"
    );
    let shared = server.job(
        &text("(module (memory (export \"memory\") 1 1 shared) (func (export \"run\")))"),
        json!({}),
    );
    assert_eq!(shared["code"], "module_invalid");
}

#[test]
fn fuel_is_counted_where_it_is_asked_for() {
    let server = Server::start(&["--max-fuel", "1000000"]);
    let answer = server.job(&named("loop"), json!({"maxFuel": 5000}));
    assert_eq!(
        (&answer["code"], &answer["error"]),
        (&json!("fuel"), &json!("fuel exhausted (5000 units)"))
    );
    let used = |server: &Server| server.job(&named("ok"), json!({}))["usage"]["fuel"].clone();
    assert!(used(&server).as_u64().unwrap() > 0);
    assert_eq!(used(&server), used(&server));
}

#[test]
fn deterministic_failures_tell_nothing_of_the_moment() {
    let server = Server::start(&[]);
    let run = |more: Value| server.job(&named("trap"), more)["trap"]["backtrace"].clone();
    let told = run(json!({}))[0].as_str().unwrap().to_owned();
    let (function, _) = told.split_once(" +0x").unwrap();
    assert_eq!(run(json!({"deterministic": true})), json!([function]));
}

/// A module chooses the names of its functions, and a short request by hash may ask for its backtrace.
#[test]
fn long_names_do_not_make_long_answers() {
    let server = Server::start(&[]);
    let name = "x".repeat(200_000);
    let deep = text(&format!(
        "(module (func ${name} (param i32) (if (i32.eqz (local.get 0)) (then unreachable))
           (call ${name} (i32.sub (local.get 0) (i32.const 1))))
         (func (export \"run\") (call ${name} (i32.const 30))))"
    ));
    let answer = server.run(&job(&deep, json!({}))).json();
    let trap = &answer["trap"];
    assert_eq!(trap["function"], name[..500]);
    assert_eq!(trap["backtrace"].as_array().unwrap().len(), 20);
    assert!(answer.to_string().len() < 20_000);
    let other = text(&format!(
        "(module (func (export \"{}\")))",
        "y".repeat(90_000)
    ));
    let error = format!(
        "no export \"run\" or \"_start\" (exports: {})",
        "y".repeat(100)
    );
    assert_eq!(server.job(&other, json!({}))["error"], error);
}

#[test]
fn limits_may_be_as_large_as_numbers_are() {
    let most = u64::MAX.to_string();
    let server = Server::start(&["--max-rpc-response-bytes", &most, "--max-body-bytes", &most]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = job(&named("ok"), json!({})).to_string();
    gzip.write_all(body.as_bytes()).unwrap();
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    let answer = server.send("POST", "/run", &headers, &gzip.finish().unwrap());
    assert_eq!(answer.json()["ok"], true, "{}", answer.text);
    let answer = server.job(&direct_guest(crate::guests::BLOCK, false), json!({}));
    assert_eq!(answer["result"]["error"]["code"], -32000, "{answer}");
}

#[test]
fn a_stack_may_be_large() {
    let server = Server::start(&["--max-stack-bytes", "8388608"]);
    // Deeper than the usual stack is.
    let deep = guest_with(
        "run",
        OK,
        "(func $deep (param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
           (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))",
        &format!("(drop (call $deep (i32.const 80000))) {}", print(1, OK.len())),
    );
    assert_eq!(server.job(&deep, json!({}))["ok"], true);
    let usual = Server::start(&[]);
    assert_eq!(usual.job(&deep, json!({}))["code"], "stack_overflow");
}

#[test]
fn what_is_lowered_is_told() {
    let server = Server::start(&["--max-fuel", "1000000"]);
    let asked = json!({"maxFuel": 2_000_000, "maxRpcCalls": 1000});
    let answer = server.job(&named("ok"), asked);
    assert_eq!(answer["limits"]["fuel"], 1_000_000);
    let warnings = json!(["maxRpcCalls lowered to 100", "maxFuel lowered to 1000000"]);
    assert_eq!(answer["warnings"], warnings);
    let answer = server.run(&job(&named("ok"), json!({"chainId": "0x+5"})));
    assert_eq!(
        answer.json()["details"],
        json!(["chainId must be a whole number or a hexadecimal string"])
    );
}
