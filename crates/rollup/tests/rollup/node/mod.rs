//! The program `rollup-node` as clients meet it: started, asked over HTTP, ended by signals. One file per group of the
//! acceptance checks (rollup-node.md, section 13).

mod chain;
mod clients;
mod offline;
mod outbox;
mod refutation;
mod setup;
mod survival;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use drun_rollup::node::http;
use serde_json::{Value, json};

use super::package;

/// An address, of twenty zero bytes.
const ROLLUP: &str = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";

/// A program of the package, in the package's directory.
fn program(name: &str) -> Command {
    let mut command = Command::new(match name {
        "rollup-node" => env!("CARGO_BIN_EXE_rollup-node"),
        _ => env!("CARGO_BIN_EXE_rollup-client"),
    });
    command
        .current_dir(package())
        .env_remove("OCTEZ_WASMER_COMPILER");
    command
}

/// What a program says and its status.
fn said(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A node that is running, and is killed when it goes out of scope.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node's directory; blocks are made on request unless told otherwise.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `run MODE for ROLLUP with operators bootstrap1`, with a kernel.
    fn command(&self, mode: &str, kernel: &Path, more: &[&str]) -> Command {
        let mut command = program("rollup-node");
        command
            .args([
                "run",
                mode,
                "for",
                ROLLUP,
                "with",
                "operators",
                "bootstrap1",
            ])
            .arg("--data-dir")
            .arg(self.path("data"))
            .arg("--base-dir")
            .arg(self.path("wallet"))
            .arg("--boot-sector-file")
            .arg(kernel)
            .args(["--rpc-port", "0", "--quiet-blocks", "--deterministic"]);
        if !more.contains(&"--block-time") {
            command.args(["--block-time", "0"]);
        }
        command.args(more);
        command
    }

    fn start(&self, kernel: &str, more: &[&str]) -> Running {
        start(&mut self.command("operator", &super::kernel(kernel), more))
    }

    /// A kernel of the test's own.
    fn kernel(&self, text: &str) -> PathBuf {
        let path = self.path("kernel.wat");
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Starts a node and waits until it listens.
fn start(command: &mut Command) -> Running {
    let mut child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let address = loop {
        let Some(Ok(line)) = lines.next() else {
            let _ = child.kill();
            panic!("the node ended: {said:?}");
        };
        if let Some((_, address)) = line.split_once("is listening to ") {
            break address.to_owned();
        }
        said.push(line);
    };
    // The rest is read so that the node never waits for a reader.
    std::thread::spawn(move || lines.map_while(Result::ok).count());
    Running {
        child,
        url: format!("http://{address}"),
    }
}

impl Running {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = http::request(method, &format!("{}{path}", self.url), body).unwrap();
        (
            answer.status,
            String::from_utf8_lossy(&answer.body).into_owned(),
        )
    }

    fn get(&self, path: &str) -> Value {
        let (status, text) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let (status, text) = self.ask("POST", path, Some(&body));
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The message of the only error of an answer.
    fn refused(&self, path: &str) -> String {
        let (status, text) = self.ask("GET", path, None);
        assert_eq!(status, 500, "{path}: {text}");
        let errors: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(
            errors[0]["kind"].is_string() && errors[0]["id"].is_string(),
            "{text}"
        );
        errors[0]["msg"].as_str().unwrap_or_default().to_owned()
    }

    fn bake(&self, count: u32) -> Value {
        self.post("/sandbox/bake", json!({ "count": count }))
    }

    fn inject(&self, messages: &[&str]) -> Value {
        let messages: Vec<String> = messages.iter().map(hex::encode).collect();
        self.post("/local/batcher/injection", json!(messages))
    }

    fn level(&self) -> i64 {
        self.get("/global/tezos_level").as_i64().unwrap()
    }

    fn value(&self, block: &str, key: &str) -> Value {
        self.get(&format!(
            "/global/block/{block}/durable/wasm_2_0_0/value?key={key}"
        ))
    }

    /// Ends the node as its owner would; its status.
    fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}
