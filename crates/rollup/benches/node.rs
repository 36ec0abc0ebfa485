//! The figures that the node promises: blocks of an idle kernel, injected messages, reads over HTTP, the size of an
//! archive and the start from it. `cargo bench -p drun-rollup --bench node`; a number of blocks as argument makes the archive larger.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const ROLLUP: &str = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";

/// Blocks of one request: the answer tells about each.
const PORTION: u32 = 10_000;

struct Node {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(data: &Path, kernel: &Path) -> Node {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rollup-node"))
        .args([
            "run",
            "operator",
            "for",
            ROLLUP,
            "with",
            "operators",
            "bootstrap1",
        ])
        .args([
            "--rpc-port",
            "0",
            "--block-time",
            "0",
            "--quiet-blocks",
            "--deterministic",
        ])
        .arg("--data-dir")
        .arg(data)
        .arg("--boot-sector-file")
        .arg(kernel)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the node starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("is listening to ")?.1.to_owned()))
        .expect("the node listens");
    std::thread::spawn(move || lines.map_while(Result::ok).count());
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    Node {
        child,
        stream: BufReader::new(stream),
    }
}

impl Node {
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("a request");
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("an answer");
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("a body");
        answer
    }
}

fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let sizes = entries.map(|entry| {
        let metadata = entry.metadata().expect("an entry");
        if metadata.is_dir() {
            size(&entry.path())
        } else {
            metadata.len()
        }
    });
    sizes.sum()
}

fn main() {
    let blocks: u32 = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(5_000);
    let directory = tempfile::tempdir().expect("a directory");
    let idle = directory.path().join("idle.wat");
    let text = r#"(module (memory (export "m") 1) (func (export "kernel_run")))"#;
    std::fs::write(&idle, text).expect("a file");
    let data = directory.path().join("data");

    let begun = Instant::now();
    let mut node = start(&data, &idle);
    println!(
        "start to first connection: {:?} (promised 300 ms)",
        begun.elapsed()
    );
    node.ask("POST", "/sandbox/bake", r#"{"count":100}"#);
    let begun = Instant::now();
    for left in (1..=blocks).rev().step_by(PORTION as usize) {
        let count = left.min(PORTION);
        node.ask("POST", "/sandbox/bake", &format!("{{\"count\":{count}}}"));
    }
    let rate = f64::from(blocks) / begun.elapsed().as_secs_f64();
    println!("idle kernel: {rate:.0} blocks a second (promised 2000)");
    println!(
        "archive: {} bytes a level (promised 2000)",
        size(&data) / u64::from(blocks)
    );

    let mut times: Vec<_> = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            node.ask(
                "GET",
                "/global/block/head/durable/wasm_2_0_0/value?key=/readonly/wasm_version",
                "",
            );
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "read over HTTP: median {:?}, p99 {:?} (promised 100 us)",
        times[1000], times[1980]
    );

    let messages: Vec<String> = (0..10_000).map(|n| format!("\"{n:08}\"")).collect();
    let body = format!("[{}]", messages.join(","));
    let begun = Instant::now();
    for _ in 0..5 {
        node.ask("POST", "/local/batcher/injection", &body);
    }
    let rate = 50_000.0 / begun.elapsed().as_secs_f64();
    println!("injection: {rate:.0} messages a second (promised 100000)");
    drop(node);

    let begun = Instant::now();
    let _node = start(&data, &idle);
    println!(
        "start from {blocks} levels after a kill: {:?} (promised 1 s)",
        begun.elapsed()
    );
}
