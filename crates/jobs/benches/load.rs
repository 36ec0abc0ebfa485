//! Latency and throughput over HTTP, beside a process per job: the same module through `jobserver run`, and through the
//! `wasmtime` command if there is one (`WASMTIME` names it), which also serves an empty component in `serve.wat`.
//! `cargo bench -p drun-jobs` prints a table; nothing is asserted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use drun_jobs::engine::{Engines, Kind};
use drun_jobs::modules::hash_of;
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_jobserver");
const OK: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 8) "{\"ok\":true}\n")
  (func (export "run")
    (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 12))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))) "#;

/// Asks a node one question.
const ASKS: &str = r#"(module
  (import "host" "rpc_call_into" (func $rpc (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}")
  (func (export "run")
    (drop (call $rpc (i32.const 1024) (i32.const 51) (i32.const 4096) (i32.const 1000)))))"#;

struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(directory: &std::path::Path, flags: &[&str]) -> Server {
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--port", "0", "--log-level", "error"])
        .args(["--queue-limit", "1000", "--max-compile-ms", "600000"])
        .arg("--wasm-cache-dir")
        .arg(directory)
        .args(flags)
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
    send(stream, &head(body));
    receive(stream)
}

/// The whole request with a body.
fn head(body: &str) -> String {
    format!(
        "POST /wasm/run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn send(stream: &mut BufReader<TcpStream>, request: &str) {
    let sent = stream.get_mut().write_all(request.as_bytes());
    sent.expect("sent");
}

fn receive(stream: &mut BufReader<TcpStream>) -> String {
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
    // Functions of different bodies: equal ones would be compiled as fast and not be a program.
    let functions = |count: usize, salt: usize| {
        let function = |at: usize| {
            let (a, b) = ((at * 7919 + salt) as u32, (at * 104_729) as u32);
            format!(
                "(func (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const {a})) (i32.xor (local.get 0) (i32.const {b}))))"
            )
        };
        let functions: String = (0..count).map(function).collect();
        wat::parse_str(format!("{OK} {functions})")).expect("a module")
    };
    let (hundred, mega) = (functions(5_300, 0), functions(51_000, 1));
    println!(
        "modules: {} bytes, {} bytes, {} bytes",
        small.len(),
        hundred.len(),
        mega.len()
    );
    let server = start(&directory.path().join("cache"), &[]);
    let mut stream = connect(&server.1);

    let engines = Engines::new(1 << 20, None);
    let (mut bare, mut cold, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for salt in 2..4 {
        let wasm = functions(51_000, salt);
        let started = Instant::now();
        let made = engines.compile(Kind::default(), hash_of(&wasm), &wasm);
        bare.push(started.elapsed());
        assert!(made.is_ok());
        drop(made);
        let request = request(&wasm);
        cold.push(once(&mut stream, &request));
        // On a busy machine two compilations are never alike; what else there is to do is the same each time.
        again.extend((0..50).map(|_| once(&mut stream, &request)));
    }
    row("bare compilation of a 1 MB module", bare);
    row("cold 1 MB module over HTTP", cold);
    row("the same again: all but the compilation", again);

    let by_hash = |stream: &mut BufReader<TcpStream>, wasm: &[u8]| {
        let answer: serde_json::Value =
            serde_json::from_str(&post(stream, &request(wasm))).expect("JSON");
        json!({"jobId": 1, "wasmHash": answer["usage"]["hash"], "timeoutMs": 5000}).to_string()
    };
    for (name, wasm) in [("empty", &small), ("100 kB", &hundred)] {
        let body = by_hash(&mut stream, wasm);
        let times = (0..3000).map(|_| once(&mut stream, &body)).collect();
        row(&format!("warm {name} module by hash, 1 connection"), times);
        let body = request(wasm);
        let times = (0..500).map(|_| once(&mut stream, &body)).collect();
        row(
            &format!("warm {name} module in the request, 1 connection"),
            times,
        );
    }
    let body = by_hash(&mut stream, &small);
    for (threads, connections) in [(1, 16), (2, 32)] {
        let name = "warm empty module";
        throughput(name, &server, &head(&body), threads, connections, 300);
    }
    drop(server);
    let isolated = start(
        &directory.path().join("isolated"),
        &["--isolate", "process"],
    );
    let mut stream = connect(&isolated.1);
    let body = by_hash(&mut stream, &small);
    let times = (0..200).map(|_| once(&mut stream, &body)).collect();
    row("the same, a process per job, 1 connection", times);
    throughput(
        "the same, a process per job",
        &isolated,
        &head(&body),
        2,
        32,
        10,
    );
    drop(isolated);
    waiting(&directory.path().join("waiting"));

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
    let wasmtime = std::env::var("WASMTIME").unwrap_or("wasmtime".into());
    for (name, program, arguments) in [
        ("jobserver run", PROGRAM, &["run"][..]),
        ("wasmtime run", &wasmtime, &["run", "--invoke", "run"]),
    ] {
        let times: Option<Vec<_>> = (0..200).map(|_| process(program, arguments)).collect();
        let Some(times) = times else {
            println!("no command `{program}` here");
            return;
        };
        row(&format!("a process per job: {name}"), times);
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| process(program, arguments));
            }
        });
        let rate = 64.0 / started.elapsed().as_secs_f64();
        println!(
            "{:<52} {rate:>9.0} jobs/s",
            format!("the same, 64 at once: {name}")
        );
    }
    let Some(server) = serve_component(&wasmtime) else {
        println!("`{wasmtime} serve` does not work here");
        return;
    };
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (threads, connections) in [(1, 16), (2, 32)] {
        let name = "wasmtime serve, empty component";
        throughput(name, &server, request, threads, connections, 100);
    }
}

/// `wasmtime serve` with an empty component, if there is such a command.
fn serve_component(wasmtime: &str) -> Option<Server> {
    let free = TcpListener::bind("127.0.0.1:0").ok()?;
    let address = free.local_addr().ok()?.to_string();
    drop(free);
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/serve.wat");
    let mut command = Command::new(wasmtime);
    command.args(["serve", "--addr", &address, component]);
    let child = command.stderr(Stdio::null()).spawn().ok()?;
    let server = Server(child, address);
    let ready = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        TcpStream::connect(&server.1).is_ok()
    });
    ready.then_some(server)
}

fn request(wasm: &[u8]) -> String {
    json!({"jobId": 1, "wasmB64": BASE64.encode(wasm), "timeoutMs": 5000, "input": {}}).to_string()
}

fn once(stream: &mut BufReader<TcpStream>, body: &str) -> Duration {
    let started = Instant::now();
    let answer = post(stream, body);
    assert!(answer.contains("\"ok\":true"), "{answer}");
    started.elapsed()
}

/// Prints jobs a second, and the microseconds of processor time for each, here and there. A thread asks on all its connections
/// before it reads the answers, so that it costs little beside the server.
fn throughput(
    name: &str,
    server: &Server,
    request: &str,
    threads: usize,
    connections: usize,
    rounds: usize,
) {
    // The kernel counts in hundredths of a second.
    const TICK: f64 = 10_000.0;
    let (before_ours, before_theirs) = (ticks("self"), ticks(&server.0.id().to_string()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut streams: Vec<_> = (0..connections).map(|_| connect(&server.1)).collect();
                for _ in 0..rounds {
                    for stream in &mut streams {
                        send(stream, request);
                    }
                    for stream in &mut streams {
                        let answer = receive(stream);
                        assert!(
                            answer.is_empty() || answer.contains("\"ok\":true"),
                            "{answer}"
                        );
                    }
                }
            });
        }
    });
    let jobs = (threads * connections * rounds) as f64;
    let rate = jobs / started.elapsed().as_secs_f64();
    let client = (ticks("self") - before_ours) * TICK / jobs;
    let server = (ticks(&server.0.id().to_string()) - before_theirs) * TICK / jobs;
    println!(
        "{:<52} {rate:>9.0} jobs/s; a job takes {server:.0} µs of the server's processors, {client:.0} µs of the client's",
        format!("{name}, {} connections", threads * connections),
    );
}

/// A thousand jobs that wait for a node which never answers, and what they take.
fn waiting(directory: &std::path::Path) {
    const JOBS: usize = 1000;
    let node = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("1=http://{}", node.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let held: Vec<_> = node.incoming().take(JOBS).collect();
        std::thread::sleep(Duration::from_secs(60));
        drop(held);
    });
    let jobs = JOBS.to_string();
    let server = start(
        directory,
        &[
            "--max-concurrency",
            &jobs,
            "--rpc-url",
            &url,
            "--rpc-timeout-ms",
            "25000",
        ],
    );
    let asks = wat::parse_str(ASKS).expect("a module");
    let mut stream = connect(&server.1);
    let uploaded = {
        let body = json!({"jobId": 1, "wasmB64": BASE64.encode(&asks), "timeoutMs": 1}).to_string();
        post(&mut stream, &body)
    };
    let answer: serde_json::Value = serde_json::from_str(&uploaded).expect("JSON");
    let hash = &answer["usage"]["hash"];
    let body = json!({"jobId": 1, "wasmHash": hash, "timeoutMs": 25_000}).to_string();
    let before = resident(&server);
    let streams: Vec<_> = (0..JOBS)
        .map(|_| {
            let mut stream = connect(&server.1);
            send(&mut stream, &head(&body));
            stream
        })
        .collect();
    let running = format!("wasm_jobs_running {JOBS}");
    while !get(&server.1, "/metrics").contains(&running) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(1));
    let after = resident(&server);
    println!(
        "{:<52} {:>9.1} MB resident, {:.1} MB before",
        format!("{JOBS} jobs that wait for a node"),
        after as f64 / 1e6,
        before as f64 / 1e6,
    );
    drop(streams);
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// Bytes that a server has in memory.
fn resident(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.0.id());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Processor time of a process so far.
fn ticks(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let field = |at: usize| {
        let field = fields.get(at).and_then(|text| text.parse::<f64>().ok());
        field.unwrap_or(0.0)
    };
    field(11) + field(12)
}
