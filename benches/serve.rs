//! The figures of `drun serve` over one kept-alive connection: medians, in milliseconds, as a table. `cargo bench --bench serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Counts.
const COUNTER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (memory 1)
    (func $read (call $append (i32.const 0) (i32.const 4)) (call $reply))
    (func (export "canister_update write")
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $read))
    (export "canister_query read" (func $read)))"#;

const INSTANCE: &str = r#"{"subnet_config_set":{"system":[],"verified_application":[],"application":[{"state_config":"New","instruction_config":"Production"}]}}"#;

struct Server {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(directory: &std::path::Path) -> (Self, f64) {
        let file = directory.join("port");
        let begun = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_drun"))
            .args(["serve", "--ttl", "0", "--port-file"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let port = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(port) = text.strip_suffix('\n') {
                break port.parse::<u16>().expect("a port");
            }
            std::thread::yield_now();
        };
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        let stream = BufReader::new(stream);
        (Server { child, stream }, took)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> String {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("it takes it");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a line");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole body");
        String::from_utf8(body).expect("text")
    }

    fn update(&mut self, call: &str) -> String {
        let submitted = self.ask("POST", "/instances/0/update/submit_ingress_message", call);
        let id = submitted
            .strip_prefix("{\"Ok\":")
            .and_then(|rest| rest.strip_suffix('}'));
        let id = id.unwrap_or_else(|| panic!("{submitted}"));
        self.ask("POST", "/instances/0/update/await_ingress_message", id)
    }
}

fn row(what: &str, times: usize, mut work: impl FnMut()) {
    let mut took: Vec<f64> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("{what:<28}{:>10.3} ms", took[times / 2]);
}

fn call(to: &[u8], method: &str, payload: &[u8]) -> String {
    let encode = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    format!(
        r#"{{"sender":"BA==","canister_id":"{}","effective_principal":"None","method":"{method}","payload":"{}"}}"#,
        encode(to),
        encode(payload)
    )
}

fn main() {
    use candid::Encode;
    use drun_ic::management::types::install::{CanisterInstallMode, InstallCodeArgs};
    let directory = tempfile::tempdir().expect("a directory");
    let (mut server, took) = Server::start(directory.path());
    println!("{:<28}{took:>10.3} ms", "start to port file");
    row("create an instance", 100, || {
        server.ask("POST", "/instances", INSTANCE);
    });
    let mut next = 1;
    row("delete an instance", 50, || {
        server.ask("DELETE", &format!("/instances/{next}"), "");
        next += 1;
    });
    let created = server.update(&call(
        &[],
        "provisional_create_canister_with_cycles",
        b"DIDL\x01\x6c\0\x01\0",
    ));
    assert!(created.contains("Ok"), "{created}");
    let id = drun_ic::management::ids::canister_id(0xffff_ffff_ffe0_0000);
    let install = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: id,
        wasm_module: wat::parse_str(COUNTER).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    let install = install.expect("it encodes");
    let installed = server.update(&call(&[], "install_code", &install));
    assert!(installed.contains("Ok"), "{installed}");
    row("get_time", 1000, || {
        server.ask("GET", "/instances/0/read/get_time", "");
    });
    row("tick", 1000, || {
        server.ask("POST", "/instances/0/update/tick", "{}");
    });
    let read = call(id.as_slice(), "read", b"");
    row("query", 1000, || {
        server.ask("POST", "/instances/0/read/query", &read);
    });
    let write = call(id.as_slice(), "write", b"");
    row("update (submit and await)", 1000, || {
        server.update(&write);
    });
    row("fork", 50, || {
        server.ask("POST", "/instances/0/fork", "");
    });
}
