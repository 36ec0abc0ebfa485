//! `drun serve` under full load for some time: clients make, use, fork and delete instances as fast as they can, and look whether every
//! answer is right and the memory stays what it is. `just soak-serve SECONDS`; ends with status 1 if something was not.

mod client;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::{COUNTER, Connection, Server, call, first_id, number};

/// Clients at the same time.
const CLIENTS: u64 = 8;
/// Instances that a client has at the most.
const INSTANCES: usize = 6;

/// An instance, with what its counter has counted.
struct Used {
    id: usize,
    count: u32,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: Option<u64> = arguments.find_map(|argument| argument.parse().ok());
    let Some(seconds) = seconds else {
        // `cargo bench` without more runs all benchmarks; this one wants to be asked for.
        println!("soak: for how many seconds? `cargo bench --bench soak -- 600`");
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(&directory.path().join("port"));
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    let mut settled = 0;
    std::thread::scope(|scope| {
        for seed in 1..=CLIENTS {
            let (client, done, over) = (server.connect(), &done, &over);
            scope.spawn(move || load(client, seed, done, over));
        }
        let step = (seconds / 10).max(1);
        for part in 1..=10 {
            std::thread::sleep(Duration::from_secs(step));
            let memory = server.memory() >> 20;
            println!(
                "{:>5} s {:>12} requests {memory:>8} MiB",
                begun.elapsed().as_secs(),
                done.load(Ordering::Relaxed)
            );
            if part == 2 {
                settled = memory;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    // The list of all that were ever made is long by now.
    let memory = server.memory() >> 20;
    let mut client = server.connect();
    let left = client.ask("GET", "/instances", "");
    assert!(!left.contains("Available"), "instances are left");
    let rate = done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{rate:.0} requests a second, none answered wrongly; {settled} MiB after a fifth of the time, {memory} MiB at the end"
    );
    if memory > settled + 4 {
        eprintln!("the memory has grown");
        std::process::exit(1);
    }
}

/// One client. What it is answered it compares with what it knows.
fn load(mut client: Connection, seed: u64, done: &AtomicU64, over: &AtomicBool) {
    let module = wat::parse_str(COUNTER).expect("valid text");
    let (write, read) = (
        call(&first_id(), "write", b""),
        call(&first_id(), "read", b""),
    );
    let reply = |count: u32| {
        let bytes = data_encoding::BASE64.encode(&count.to_le_bytes());
        format!("{{\"Ok\":\"{bytes}\"}}")
    };
    let mut random = seed;
    let mut all: Vec<Used> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        // Marsaglia's xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let place = (random >> 8) as usize % all.len().max(1);
        match random % 20 {
            _ if all.is_empty() => {
                let id = client.instance();
                client.install(id, &module);
                all.push(Used { id, count: 0 });
            }
            0 if all.len() < INSTANCES => {
                let id = client.instance();
                client.install(id, &module);
                all.push(Used { id, count: 0 });
            }
            1 if all.len() < INSTANCES => {
                let Used { id, count } = all[place];
                let id = number(&client.ask("POST", &format!("/instances/{id}/fork"), ""));
                all.push(Used { id, count });
            }
            2 => {
                let Used { id, .. } = all.swap_remove(place);
                client.ask("DELETE", &format!("/instances/{id}"), "");
                let gone = client.ask("GET", &format!("/instances/{id}/read/get_time"), "");
                assert!(gone.contains("Instance was deleted"), "{gone}");
            }
            3 => {
                let path = format!("/instances/{}/update/tick", all[place].id);
                assert_eq!(client.ask("POST", &path, "{}"), "null");
            }
            4 => {
                let path = format!("/instances/{}/update/nosuch", all[place].id);
                let (status, _) = client.send("POST", &path, "application/json", b"{");
                assert_eq!(status, 404);
            }
            5..=12 => {
                let used = &mut all[place];
                used.count += 1;
                assert_eq!(client.update(used.id, &write), reply(used.count));
            }
            _ => {
                let Used { id, count } = all[place];
                let path = format!("/instances/{id}/read/query");
                assert_eq!(client.ask("POST", &path, &read), reply(count));
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    for Used { id, .. } in all {
        client.ask("DELETE", &format!("/instances/{id}"), "");
    }
}
