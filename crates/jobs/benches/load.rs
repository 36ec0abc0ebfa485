//! Latency and throughput over HTTP, beside a process per job: the same module through `jobserver run`, and through the
//! `wasmtime` command if there is one. `cargo bench -p drun-jobs` prints a table; nothing is asserted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_jobserver");
const OK: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 8) "{\"ok\":true}\n")
  (func (export "run")
    (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 12))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))) "#;

struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(directory: &std::path::Path) -> Server {
    let mut child = Command::new(PROGRAM)
        .args([
            "serve",
            "--port",
            "0",
            "--log-level",
            "error",
            "--queue-limit",
            "1000",
            "--wasm-cache-dir",
        ])
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("a first line");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    Server(child, address.expect("an address").to_owned())
}

/// One request on a connection that stays open.
fn post(stream: &mut BufReader<TcpStream>, body: &str) -> String {
    let head = format!(
        "POST /wasm/run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .get_mut()
        .write_all((head + body).as_bytes())
        .expect("sent");
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line).expect("a head") > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).expect("a body");
    String::from_utf8(answer).expect("text")
}

fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("an option");
    BufReader::new(stream)
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{name:<52} p50 {:>9.3?}  p99 {:>9.3?}", at(50), at(99));
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let small = wat::parse_str(format!("{OK})")).expect("a module");
    let padding =
        "(func (result i32) (i32.add (i32.const 1) (i32.mul (i32.const 3) (i32.const 123456))))";
    let functions = |count: usize| {
        wat::parse_str(format!("{OK} {})", padding.repeat(count))).expect("a module")
    };
    let (hundred, mega) = (functions(7_500), functions(75_000));
    println!(
        "modules: {} bytes, {} bytes, {} bytes",
        small.len(),
        hundred.len(),
        mega.len()
    );
    let request = |wasm: &[u8]| {
        json!({"jobId": 1, "wasmB64": BASE64.encode(wasm), "timeoutMs": 5000, "input": {}})
            .to_string()
    };
    let server = start(&directory.path().join("cache"));
    let mut stream = connect(&server.1);
    let once = |stream: &mut BufReader<TcpStream>, body: &str| {
        let started = Instant::now();
        let answer = post(stream, body);
        assert!(answer.contains("\"ok\":true"), "{answer}");
        started.elapsed()
    };
    row(
        "cold 1 MB module (compiled in it)",
        vec![once(&mut stream, &request(&mega))],
    );
    let by_hash = |stream: &mut BufReader<TcpStream>, wasm: &[u8]| {
        let answer: serde_json::Value =
            serde_json::from_str(&post(stream, &request(wasm))).expect("JSON");
        json!({"jobId": 1, "wasmHash": answer["usage"]["hash"], "timeoutMs": 5000}).to_string()
    };
    for (name, wasm) in [("empty", &small), ("100 kB", &hundred)] {
        let body = by_hash(&mut stream, wasm);
        let times = (0..2000).map(|_| once(&mut stream, &body)).collect();
        row(&format!("warm {name} module by hash, 1 connection"), times);
        let body = request(wasm);
        let times = (0..500).map(|_| once(&mut stream, &body)).collect();
        row(
            &format!("warm {name} module in the request, 1 connection"),
            times,
        );
    }
    let body = by_hash(&mut stream, &small);
    let (clients, rounds) = (64, 300);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut stream = connect(&server.1);
                for _ in 0..rounds {
                    once(&mut stream, &body);
                }
            });
        }
    });
    let rate = f64::from(clients * rounds) / started.elapsed().as_secs_f64();
    println!(
        "{:<52} {rate:>9.0} jobs/s",
        format!("warm empty module, {clients} connections")
    );

    let file = directory.path().join("small.wasm");
    std::fs::write(&file, &small).expect("written");
    let process = |program: &str, arguments: &[&str]| {
        let started = Instant::now();
        let output = Command::new(program)
            .args(arguments)
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then(|| started.elapsed())
    };
    let ours: Option<Vec<_>> = (0..50).map(|_| process(PROGRAM, &["run"])).collect();
    row("a process per job: jobserver run", ours.expect("it runs"));
    match (0..50)
        .map(|_| process("wasmtime", &["run", "--invoke", "run"]))
        .collect::<Option<Vec<_>>>()
    {
        Some(times) => row("a process per job: wasmtime run", times),
        None => println!("no command `wasmtime` here"),
    }
}
