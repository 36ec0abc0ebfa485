//! A server of `drun serve` and one kept-alive connection to it, for the benchmarks of the server. Owns no figures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use candid::Encode;
use drun_ic::management::types::install::{CanisterInstallMode, InstallCodeArgs};

/// Counts; `work` computes for some milliseconds, `fill` writes to each page of a heap of 100 MB.
pub(crate) const COUNTER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (memory 1)
    (func $read (call $append (i32.const 0) (i32.const 4)) (call $reply))
    (func (export "canister_update write")
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $read))
    (func (export "canister_update work") (local $left i32)
        (local.set $left (i32.const 5000000))
        (loop $again
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))
        (call $read))
    (func (export "canister_update fill") (local $at i32)
        (drop (memory.grow (i32.const 1600)))
        (loop $again
            (i32.store8 (local.get $at) (i32.const 1))
            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
            (br_if $again (i32.lt_u (local.get $at) (i32.const 104857600))))
        (call $read))
    (export "canister_query read" (func $read)))"#;

/// A set of so many new application subnets, as the body of a wish for an instance.
pub(crate) fn application(subnets: usize) -> String {
    let spec = r#"{"state_config":"New","instruction_config":"Production"}"#;
    let specs = vec![spec; subnets].join(",");
    format!(
        r#"{{"subnet_config_set":{{"system":[],"verified_application":[],"application":[{specs}]}}}}"#
    )
}

/// A server.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with arguments, which says nothing.
pub(crate) fn drun(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drun"));
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Server {
    /// Starts one that writes its port to this file.
    pub(crate) fn start(file: &Path) -> Self {
        let mut command = drun(&["serve", "--ttl", "0", "--port-file"]);
        let child = command.arg(file).spawn().expect("the program starts");
        let port = loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if let Some(port) = text.strip_suffix('\n') {
                break port.parse::<u16>().expect("a port");
            }
            std::thread::yield_now();
        };
        Server { child, port }
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        Connection(BufReader::new(stream))
    }

    /// Bytes of memory that it has in use, on Linux.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.and_then(|line| line.trim().strip_suffix(" kB"));
        line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
    }
}

/// A connection that is kept.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Status and body of an answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.0.get_mut().write_all(&request).expect("it takes it");
        let (mut length, mut status) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status");
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the whole body");
        (status, body)
    }

    /// The answer to a JSON request as text.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> String {
        let (_, body) = self.send(method, path, "application/json", body.as_bytes());
        String::from_utf8(body).expect("text")
    }

    /// A new instance of one application subnet. Returns its number.
    pub(crate) fn instance(&mut self) -> usize {
        number(&self.ask("POST", "/instances", &application(1)))
    }

    pub(crate) fn update(&mut self, instance: usize, call: &str) -> String {
        let path = format!("/instances/{instance}/update");
        let submitted = self.ask("POST", &format!("{path}/submit_ingress_message"), call);
        let id = submitted
            .strip_prefix("{\"Ok\":")
            .and_then(|rest| rest.strip_suffix('}'));
        let id = id.unwrap_or_else(|| panic!("{submitted}"));
        self.ask("POST", &format!("{path}/await_ingress_message"), id)
    }

    /// Makes the first canister of an instance and installs a module.
    pub(crate) fn install(&mut self, instance: usize, module: &[u8]) {
        let created = self.update(instance, &create());
        assert!(created.contains("Ok"), "{created}");
        let installed = self.update(instance, &install(module));
        assert!(installed.contains("Ok"), "{installed}");
    }
}

/// The number of the instance that was made.
pub(crate) fn number(created: &str) -> usize {
    let rest = created.strip_prefix("{\"Created\":{\"instance_id\":");
    let digits = rest.and_then(|rest| rest.split(',').next());
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("{created}"))
}

/// The id of the first canister of an instance with one application subnet.
pub(crate) fn first_id() -> Vec<u8> {
    let id = drun_ic::management::ids::canister_id(0xffff_ffff_ffe0_0000);
    id.as_slice().to_vec()
}

/// A call as JSON.
pub(crate) fn call(to: &[u8], method: &str, payload: &[u8]) -> String {
    let encode = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    format!(
        r#"{{"sender":"BA==","canister_id":"{}","effective_principal":"None","method":"{method}","payload":"{}"}}"#,
        encode(to),
        encode(payload)
    )
}

fn create() -> String {
    call(
        &[],
        "provisional_create_canister_with_cycles",
        b"DIDL\x01\x6c\0\x01\0",
    )
}

fn install(module: &[u8]) -> String {
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: drun_ic::management::ids::canister_id(0xffff_ffff_ffe0_0000),
        wasm_module: module.to_vec(),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    call(&[], "install_code", &argument.expect("it encodes"))
}
