//! A server under test and a client that sends exactly what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_jobserver");

/// A running server; killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Mutex<Child>,
    /// Its own modules and temporary files.
    pub directory: tempfile::TempDir,
}

/// An answer of HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    /// A server with these flags.
    pub fn start(flags: &[&str]) -> Self {
        Server::start_in(tempfile::tempdir().unwrap(), flags, Stdio::null())
    }

    pub fn start_in(directory: tempfile::TempDir, flags: &[&str], log: Stdio) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--port", "0", "--log-level", "error"])
            .arg("--wasm-cache-dir")
            .arg(directory.path().join("cache"))
            .args(flags)
            .env_clear()
            .env("TMPDIR", directory.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let address = address
            .unwrap_or_else(|| panic!("{line:?}"))
            .parse()
            .unwrap();
        Server {
            address,
            child: Mutex::new(child),
            directory,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the exit code, or the directory for another server.
    pub fn end(self) -> (Option<i32>, tempfile::TempDir) {
        let code = self.child.lock().unwrap().wait().unwrap().code();
        let mut this = std::mem::ManuallyDrop::new(self);
        let other = tempfile::tempdir().unwrap();
        (code, std::mem::replace(&mut this.directory, other))
    }

    pub fn stop(self) -> tempfile::TempDir {
        self.signal("TERM");
        let (code, directory) = self.end();
        assert_eq!(code, Some(0));
        directory
    }

    /// One request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| *name == "Content-Length" || *name == "Transfer-Encoding")
        {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        // A server that refuses a body before it is there may close its end early.
        let _ = stream.write_all(body);
        read(stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], body)
    }

    /// Runs a job given as JSON.
    pub fn run(&self, body: &Value) -> Answer {
        self.post("/wasm/run", body.to_string().as_bytes())
    }

    /// Runs a module with five seconds and what else is asked for.
    pub fn job(&self, wasm: &[u8], more: Value) -> Value {
        let answer = self.run(&job(wasm, more));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Resident bytes and threads.
    pub fn footprint(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace()
                .nth(1)
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        (field("VmRSS:") * 1024, field("Threads:"))
    }

    /// One value of the metrics.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer loses nothing of it.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, text) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(!text.starts_with('<'), "HTML: {text}");
    Answer {
        status,
        head: head.to_lowercase(),
        text: text.to_owned(),
    }
}

/// The body of a job.
pub fn job(wasm: &[u8], more: Value) -> Value {
    let mut body =
        json!({"jobId": "t", "wasmB64": BASE64.encode(wasm), "timeoutMs": 5000, "input": {}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Waits for something that another process does; fails after half a minute.
pub fn eventually(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
