//! A server under test and a client that sends exactly what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_jobserver");

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Mutex<Child>,
    /// Its own modules and temporary files.
    pub(crate) directory: tempfile::TempDir,
}

/// An answer of HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    /// A server with these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Server::start_in(tempfile::tempdir().unwrap(), flags, Stdio::null())
    }

    pub(crate) fn start_in(directory: tempfile::TempDir, flags: &[&str], log: Stdio) -> Self {
        Server::spawn(Command::new(PROGRAM), directory, flags, log)
    }

    /// A server that the system limits, `-n 64` to so many descriptors.
    pub(crate) fn start_within(limit: &str, flags: &[&str]) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args([
            "-c",
            &format!("ulimit {limit}; exec \"$0\" \"$@\""),
            PROGRAM,
        ]);
        Server::spawn(shell, tempfile::tempdir().unwrap(), flags, Stdio::null())
    }

    fn spawn(
        mut program: Command,
        directory: tempfile::TempDir,
        flags: &[&str],
        log: Stdio,
    ) -> Self {
        let mut child = program
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

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the exit code, or the directory for another server.
    pub(crate) fn end(self) -> (Option<i32>, tempfile::TempDir) {
        let code = self.child.lock().unwrap().wait().unwrap().code();
        let mut this = std::mem::ManuallyDrop::new(self);
        let other = tempfile::tempdir().unwrap();
        (code, std::mem::replace(&mut this.directory, other))
    }

    pub(crate) fn stop(self) -> tempfile::TempDir {
        self.signal("TERM");
        let (code, directory) = self.end();
        assert_eq!(code, Some(0));
        directory
    }

    /// One request on a connection of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let answer = self.try_send(method, path, headers, body);
        answer.unwrap_or_else(|| panic!("no answer"))
    }

    /// The same where the server may be gone: then there is no answer, but never half of one.
    fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).ok()?;
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
        // A server that refuses a request before it is there may close its end early.
        let _ = stream.write_all((head + "\r\n").as_bytes());
        let _ = stream.write_all(body);
        read(stream)
    }

    pub(crate) fn try_post(&self, path: &str, body: &[u8]) -> Option<Answer> {
        self.try_send("POST", path, &[("Content-Type", "application/json")], body)
    }

    /// Waits for its end.
    pub(crate) fn wait(&self) -> Option<i32> {
        self.child.lock().unwrap().wait().unwrap().code()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], body)
    }

    /// Runs a job given as JSON.
    pub(crate) fn run(&self, body: &Value) -> Answer {
        self.post("/wasm/run", body.to_string().as_bytes())
    }

    /// Runs a module with five seconds and what else is asked for.
    pub(crate) fn job(&self, wasm: &[u8], more: Value) -> Value {
        let answer = self.run(&job(wasm, more));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Resident bytes and threads.
    pub(crate) fn footprint(&self) -> (u64, u64) {
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
    pub(crate) fn metric(&self, name: &str) -> f64 {
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

fn read(mut stream: TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer loses nothing of it.
    let _ = stream.read_to_end(&mut bytes);
    if bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, text) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("half an answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(!text.starts_with('<'), "HTML: {text}");
    let head = head.to_lowercase();
    if let Some((_, rest)) = head.split_once("content-length: ")
        && !text.is_empty()
    {
        let length = rest.split("\r\n").next().unwrap();
        assert_eq!(length, text.len().to_string(), "half an answer");
    }
    Some(Answer {
        status,
        head,
        text: text.to_owned(),
    })
}

/// The body of a job.
pub(crate) fn job(wasm: &[u8], more: Value) -> Value {
    let mut body =
        json!({"jobId": "t", "wasmB64": BASE64.encode(wasm), "timeoutMs": 5000, "input": {}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Waits for something that another process does; fails after half a minute.
pub(crate) fn eventually(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
