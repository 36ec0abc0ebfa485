//! `drun serve` as its clients see it: over HTTP, with requests in the words of the wire (pocket-ic-api.md). Each test has a server of
//! its own, which starts in milliseconds.

mod agent_rows;
mod agents;
mod calls;
mod config;
mod endpoints;
mod errors;
mod exchanges;
mod extras;
mod features;
mod gateways;
mod instances;
mod launcher;
mod life;
mod limits;
mod live;
mod node_metrics;
mod outcalls;
mod rules;
mod signed;
mod state;
mod time;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use candid::{Encode, Principal};
use data_encoding::BASE64;
use drun_ic::management::types::install::{CanisterInstallMode, InstallCodeArgs};
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;
use drun_ic::management::types::settings::CanisterSettings;
use serde_json::{Value, json};

/// A counter that traps, prints, calls and makes HTTP requests if it is told to.
const CANISTER: &str = include_str!("canister.wat");

fn drun() -> Command {
    Command::new(env!("CARGO_BIN_EXE_drun"))
}

/// A server, which ends with this value.
struct Server {
    child: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Server {
    fn start() -> Self {
        Server::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        Server::start_in(&[], arguments)
    }

    /// With variables of the environment.
    fn start_in(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("server.port");
        let child = drun()
            .arg("serve")
            .arg("--port-file")
            .arg(&file)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Server {
            port: port_of(&file),
            child,
            directory,
        }
    }

    fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Bytes of memory that it has in use; 0 where the system does not tell.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.and_then(|line| line.trim().strip_suffix(" kB"));
        line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
    }

    fn port_file(&self) -> std::path::PathBuf {
        self.directory.path().join("server.port")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in a file that a server is about to write.
fn port_of(file: &Path) -> u16 {
    let begun = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(file)
            && let Some(port) = text.strip_suffix('\n')
        {
            return port.parse().expect("a port");
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no port file");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn message(&self) -> String {
        let value = self.json();
        let message = value.get("message").or(value["Error"].get("message"));
        let text = message.and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no message: {value}"))
            .to_owned()
    }
}

/// One connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        Client {
            stream: BufReader::new(stream),
        }
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_to("x", method, path, headers, body)
    }

    fn send_to(
        &mut self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n", body.len());
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.stream
            .get_mut()
            .write_all(&bytes)
            .expect("it takes it");
        self.receive()
    }

    fn receive(&mut self) -> Answer {
        let mut line = || {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a line");
            line.trim_end().to_owned()
        };
        let status = line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = Vec::new();
        loop {
            let header = line();
            let Some((name, value)) = header.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer {
            status: status.expect("a status"),
            headers,
            body: Vec::new(),
        };
        let length = answer.header("content-length");
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        answer.body = vec![0; length];
        self.stream
            .read_exact(&mut answer.body)
            .expect("the whole body");
        answer
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send("POST", path, &headers, body.to_string().as_bytes())
    }

    /// The answer to a request that must succeed.
    fn ask(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.message());
        answer.json()
    }

    /// An instance with these subnets.
    fn instance(&mut self, set: Value) -> (usize, Value) {
        let answer = self.post("/instances", &json!({"subnet_config_set": set}));
        assert_eq!(answer.status, 201, "{}", answer.message());
        let created = answer.json()["Created"].clone();
        let id = created["instance_id"].as_u64().expect("a number");
        (id as usize, created["topology"].clone())
    }

    /// An instance with one application subnet.
    fn application(&mut self) -> usize {
        self.instance(subnets(&["application"])).0
    }

    /// Submits a call and awaits its result.
    fn update(&mut self, instance: usize, call: &Value) -> Value {
        let path = format!("/instances/{instance}/update");
        let submitted = self.ask(&format!("{path}/submit_ingress_message"), call);
        match submitted.get("Ok") {
            Some(id) => self.ask(&format!("{path}/await_ingress_message"), id),
            None => submitted,
        }
    }

    /// The reply to a call that must have one.
    fn reply(&mut self, instance: usize, call: &Value) -> Vec<u8> {
        let result = self.update(instance, call);
        bytes(&result["Ok"]).unwrap_or_else(|| panic!("no reply: {result}"))
    }

    /// A canister without code, at a place.
    fn create(&mut self, instance: usize, effective: &Value) -> Principal {
        let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
            amount: Some(10_u64.pow(15).into()),
            settings: None,
            specified_id: None,
            sender_canister_version: None,
        });
        let call = json!({
            "sender": "BA==", "canister_id": "", "effective_principal": effective,
            "method": "provisional_create_canister_with_cycles", "payload": text(&argument.unwrap()),
        });
        let reply = self.reply(instance, &call);
        let (_, id) = reply.split_at(reply.len() - 10);
        Principal::from_slice(id)
    }

    /// A canister with the module of these tests.
    fn canister(&mut self, instance: usize, effective: &Value) -> Principal {
        self.canister_of(instance, effective, CANISTER)
    }

    /// A canister whose method `http` calls a method of the management canister.
    fn proxy(&mut self, instance: usize, effective: &Value, method: &str) -> Principal {
        let module = CANISTER.replace("http_request", method);
        let length = |bytes: usize| format!("(i32.const 140) (i32.const {bytes})");
        let proxy = module.replace(&length(12), &length(method.len()));
        assert_ne!(proxy, module);
        self.canister_of(instance, effective, &proxy)
    }

    /// A canister with this module.
    fn canister_of(&mut self, instance: usize, effective: &Value, module: &str) -> Principal {
        let id = self.create(instance, effective);
        let argument = Encode!(&InstallCodeArgs {
            mode: CanisterInstallMode::Install,
            canister_id: id,
            wasm_module: wat::parse_str(module).expect("valid text"),
            arg: Vec::new(),
            sender_canister_version: None,
        });
        let call = management("install_code", &argument.unwrap());
        assert_eq!(self.reply(instance, &call), b"DIDL\0\0");
        id
    }
}

/// A server, a connection to it, and an instance with one application subnet and a canister.
fn with_a_canister() -> (Server, Client, usize, Principal) {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.canister(instance, &json!("None"));
    (server, client, instance, canister)
}

/// A set with one new subnet of each kind.
fn subnets(kinds: &[&str]) -> Value {
    let spec = json!({"state_config": "New", "instruction_config": "Production"});
    let mut set = json!({"system": [], "application": [], "verified_application": []});
    for kind in kinds {
        match &mut set[*kind] {
            Value::Array(list) => list.push(spec.clone()),
            other if *kind == "cloud_engine" => *other = json!([spec]),
            other => *other = spec.clone(),
        }
    }
    set
}

/// The only subnet of a topology, or one of several.
fn a_subnet_of(topology: &Value) -> Principal {
    let configs = topology["subnet_configs"].as_object().expect("a map");
    let id = configs.keys().next().expect("a subnet");
    Principal::from_text(id).expect("an id")
}

fn text(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    BASE64.decode(value.as_str()?.as_bytes()).ok()
}

fn id_text(id: Principal) -> String {
    text(id.as_slice())
}

fn call(to: Principal, method: &str, payload: &[u8]) -> Value {
    json!({
        "sender": "BA==", "canister_id": id_text(to), "effective_principal": "None",
        "method": method, "payload": text(payload),
    })
}

fn management(method: &str, payload: &[u8]) -> Value {
    call(Principal::management_canister(), method, payload)
}

/// A wish for a place by the id of a subnet as text.
fn on_subnet(id: &str) -> Value {
    json!({"SubnetId": id_text(Principal::from_text(id).expect("an id"))})
}
