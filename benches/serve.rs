//! The figures of `drun serve`, beside what they should be: medians in milliseconds over one kept-alive connection, and memory.
//! `cargo bench --bench serve`.

mod client;

use std::time::Instant;

use client::{COUNTER, Connection, Server, application, call, drun, first_id, number};

/// The median of so many runs, in milliseconds.
fn median(times: usize, mut work: impl FnMut()) -> f64 {
    let mut took: Vec<f64> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[times / 2]
}

fn row(what: &str, figure: f64, unit: &str, target: &str) {
    println!("{what:<44}{figure:>10.3} {unit:<3}  {target}");
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    let mut starts = 0;
    let start = median(21, || {
        starts += 1;
        drop(Server::start(&file(&starts.to_string())));
    });
    row("start to port file", start, "ms", "15");
    let server = Server::start(&file("port"));
    let path = file("port");
    let second = median(21, || {
        let mut command = drun(&["serve", "--port-file"]);
        let status = command.arg(&path).status().expect("the program starts");
        assert!(status.success());
    });
    row("second start", second, "ms", "3");
    let version = median(21, || {
        let mut command = drun(&["serve", "--version"]);
        assert!(command.status().expect("the program starts").success());
    });
    row("--version", version, "ms", "3");
    let mut client = server.connect();
    operations(&mut client);
    installing(&mut client);
    memory(&file("memory"));
    forking(&mut client);
    certified(&server);
    throughput(&server);
}

fn operations(client: &mut Connection) {
    for (subnets, target) in [(1, "1"), (10, "3")] {
        let wish = application(subnets);
        let mut made = Vec::new();
        let create = median(50, || {
            made.push(number(&client.ask("POST", "/instances", &wish)));
        });
        let plural = if subnets == 1 { "" } else { "s" };
        let what = format!("create an instance of {subnets} subnet{plural}");
        row(&what, create, "ms", target);
        let delete = median(50, || {
            let id = made.pop().expect("as many as were made");
            client.ask("DELETE", &format!("/instances/{id}"), "");
        });
        row("delete it", delete, "ms", target);
    }
    let id = client.instance();
    client.install(id, &wat::parse_str(COUNTER).expect("valid text"));
    let path = |rest: &str| format!("/instances/{id}/{rest}");
    let time = path("read/get_time");
    let took = median(2000, || drop(client.ask("GET", &time, "")));
    row("get_time", took, "ms", "0.05");
    let tick = path("update/tick");
    let took = median(2000, || drop(client.ask("POST", &tick, "{}")));
    row("tick", took, "ms", "0.1");
    let (read, query) = (call(&first_id(), "read", b""), path("read/query"));
    let took = median(2000, || drop(client.ask("POST", &query, &read)));
    row("query", took, "ms", "0.1");
    let write = call(&first_id(), "write", b"");
    let took = median(2000, || drop(client.update(id, &write)));
    row("update (submit and await)", took, "ms", "0.2");
}

/// A counter in Motoko, 250 kB.
fn motoko() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/motoko/counter.wasm");
    std::fs::read(path).expect("it is in the repository")
}

fn installing(client: &mut Connection) {
    let module = motoko();
    let took = median(21, || {
        let id = client.instance();
        client.install(id, &module);
    });
    row("create and install a Motoko module", took, "ms", "3");
}

fn memory(file: &std::path::Path) {
    let module = motoko();
    for (what, target, install) in [
        ("1000 empty instances", "100", false),
        ("1000 instances with a Motoko counter", "1000", true),
    ] {
        let server = Server::start(&file.with_extension(target));
        let mut client = server.connect();
        for _ in 0..1000 {
            let id = client.instance();
            if install {
                client.install(id, &module);
            }
        }
        row(what, server.memory() as f64 / 1e6, "MB", target);
    }
}

fn forking(client: &mut Connection) {
    let id = client.instance();
    client.install(id, &wat::parse_str(COUNTER).expect("valid text"));
    let filled = client.update(id, &call(&first_id(), "fill", b""));
    assert!(filled.contains("Ok"), "{filled}");
    let path = format!("/instances/{id}/fork");
    let took = median(21, || drop(client.ask("POST", &path, "")));
    row("fork of an instance with a heap of 100 MB", took, "ms", "1");
}

/// A certified call of an agent at an instance that goes on by itself.
fn certified(server: &Server) {
    let mut client = server.connect();
    let id = client.instance();
    client.install(id, &wat::parse_str(COUNTER).expect("valid text"));
    client.ask("POST", &format!("/instances/{id}/auto_progress"), "{}");
    let canister = drun_ic::management::ids::canister_id(0xffff_ffff_ffe0_0000);
    let path = format!("/instances/{id}/api/v4/canister/{canister}/call");
    let mut nonce = 0_u8;
    let took = median(51, || {
        nonce += 1;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let expiry = since.expect("later than 1970").as_nanos() as u64 + 200_000_000_000;
        let body = envelope(canister.as_slice(), expiry, nonce);
        let (status, answer) = client.send("POST", &path, "application/cbor", &body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    });
    row("certified call v4 in live mode", took, "ms", "5");
}

/// An anonymous call of `write` in CBOR.
fn envelope(canister: &[u8], expiry: u64, nonce: u8) -> Vec<u8> {
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(0x60 | u8::try_from(text.len()).expect("short"));
        bytes.extend_from_slice(text.as_bytes());
    };
    let blob = |bytes: &mut Vec<u8>, blob: &[u8]| {
        bytes.push(0x40 | u8::try_from(blob.len()).expect("short"));
        bytes.extend_from_slice(blob);
    };
    let mut bytes = vec![0xd9, 0xd9, 0xf7, 0xa1];
    text(&mut bytes, "content");
    bytes.push(0xa7);
    text(&mut bytes, "request_type");
    text(&mut bytes, "call");
    for (name, value) in [
        ("sender", &[4][..]),
        ("canister_id", canister),
        ("arg", &[]),
        ("nonce", &[nonce]),
    ] {
        text(&mut bytes, name);
        blob(&mut bytes, value);
    }
    text(&mut bytes, "method_name");
    text(&mut bytes, "write");
    text(&mut bytes, "ingress_expiry");
    bytes.push(0x1b);
    bytes.extend_from_slice(&expiry.to_be_bytes());
    bytes
}

/// Messages a second that compute, on one instance and on four at the same time.
fn throughput(server: &Server) {
    let module = wat::parse_str(COUNTER).expect("valid text");
    let rate = |instances: usize| {
        const MESSAGES: usize = 300;
        let mut clients: Vec<(Connection, usize)> = (0..instances)
            .map(|_| {
                let mut client = server.connect();
                let id = client.instance();
                client.install(id, &module);
                (client, id)
            })
            .collect();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for (client, id) in &mut clients {
                scope.spawn(move || {
                    let work = call(&first_id(), "work", b"");
                    for _ in 0..MESSAGES {
                        client.update(*id, &work);
                    }
                });
            }
        });
        (MESSAGES * instances) as f64 / begun.elapsed().as_secs_f64()
    };
    let (one, four) = (rate(1), rate(4));
    row(
        "throughput of four instances against one",
        four / one,
        "x",
        "1.8 on two cores",
    );
}
