//! Check 7, and what is missing for a while: a killed node goes on, two nodes agree, a preimage may come late.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Place, start};

/// Blocks are made all the time while the node is killed a hundred times (or `KILLS` times); nothing that was told is ever
/// lost or changed, and every message that was taken in is in a block once.
#[test]
fn a_node_that_is_killed_continues_at_its_last_block() {
    let place = Place::new();
    let mut known: Vec<Value> = Vec::new();
    let rounds = std::env::var("KILLS").map_or(100, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let node = place.start("counter", &["--block-time", "0.002"]);
        let level = node.level() as usize;
        assert!(level + 1 >= known.len(), "{level} of {}", known.len());
        for (level, hash) in known.iter().enumerate().step_by(7) {
            assert_eq!(
                node.get(&format!("/global/block/{level}/state_hash")),
                *hash
            );
        }
        node.inject(&["x"]);
        std::thread::sleep(Duration::from_millis(20 + 17 * (round % 5u64)));
        for level in known.len()..=node.level() as usize {
            known.push(node.get(&format!("/global/block/{level}/state_hash")));
        }
    }
    assert!(known.len() > 12, "only {} blocks", known.len());
    let node = place.start("counter", &[]);
    while node.get("/sandbox/info")["mempool"] != 0 {
        node.bake(1);
    }
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(rounds.to_le_bytes())
    );
}

#[test]
fn the_same_inputs_give_the_same_hashes() {
    let hashes = || {
        let place = Place::new();
        let node = place.start("ledger", &[]);
        for n in 0..10 {
            node.inject(&["ma\x05", &format!("tab{n}")]);
            node.bake(1);
        }
        node.get("/global/block/10")
    };
    let (one, two) = (hashes(), hashes());
    assert_eq!(one, two);
}

#[test]
fn a_preimage_that_is_missing_may_come_later() {
    let place = Place::new();
    let node = place.start("reveal", &["--commitment-period", "2"]);
    node.bake(3);
    let hash = drun_rollup::encoding::hash::blake2b(b"late");
    let name = format!("00{}", hex::encode(hash));
    let message = hex::decode(&name).unwrap();
    node.post("/local/batcher/injection", json!([hex::encode(&message)]));
    node.post("/sandbox/time", json!({ "block_time": 0.05 }));
    let wait = |what: &str, until: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !until() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait("degraded", &|| node.get("/health")["degraded"] == true);
    let reason = node.get("/sandbox/info")["degraded"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        reason.contains("Could not open file containing preimage of reveal hash"),
        "{reason}"
    );
    let level = node.level();
    // Bytes with another hash are refused.
    std::fs::write(place.path("data/wasm_2_0_0").join(&name), "other").unwrap();
    wait("the other reason", &|| {
        node.get("/sandbox/info")["degraded"]
            .as_str()
            .is_some_and(|text| text.contains("The hash of reveal preimage is"))
    });
    std::fs::write(place.path("data/wasm_2_0_0").join(&name), "late").unwrap();
    wait("healthy", &|| {
        node.get("/health")["healthy"] == true && node.level() > level
    });
    let (_, debug) = node.ask("GET", "/sandbox/debug", None);
    assert!(debug.contains("late"), "{debug}");

    // Without patience, and before the first commitment, the process ends.
    let place = Place::new();
    let mut node = place.start("reveal", &["--block-time", "0.05", "--no-degraded"]);
    node.post("/local/batcher/injection", json!([hex::encode(&message)]));
    assert_eq!(node.child.wait().unwrap().code(), Some(1));
}

/// A block that cannot be made has taken nothing away: what should be in it is known, is not taken twice, and is there after
/// the queue was cleared and the process has died.
#[test]
fn what_is_for_a_block_that_cannot_be_made_still_waits() {
    let place = Place::new();
    let node = place.start("reveal", &[]);
    let name = format!(
        "00{}",
        hex::encode(drun_rollup::encoding::hash::blake2b(b"late"))
    );
    let inject = |node: &super::Running| {
        let path = "/local/batcher/injection?drop_duplicate=true";
        node.post(path, json!([name]))[0].clone()
    };
    let id = inject(&node);
    node.post("/sandbox/messages", json!([{ "external": "bb" }]));
    for _ in 0..2 {
        let (status, text) = node.ask("POST", "/sandbox/bake", None);
        assert_eq!(status, 500, "{text}");
        let shown = node.get(&format!("/local/batcher/queue/{}", id.as_str().unwrap()));
        assert_eq!(shown["status"], "pending_injection");
        assert_eq!(inject(&node), id);
        assert_eq!(node.get("/sandbox/info")["mempool"], 2);
    }
    let (status, _) = node.ask("DELETE", "/admin/batcher/queue", None);
    assert_eq!(status, 200);
    drop(node);
    let node = place.start("reveal", &[]);
    assert_eq!(node.get("/sandbox/info")["mempool"], 2);
    std::fs::write(place.path("data/wasm_2_0_0").join(&name), "late").unwrap();
    node.bake(1);
    assert_eq!(node.get("/global/block/1/num_messages"), "5");
    assert_eq!(node.get("/sandbox/info")["mempool"], 0);
}

#[test]
fn preimages_are_fetched_from_a_service_and_kept() {
    let name = format!(
        "00{}",
        hex::encode(drun_rollup::encoding::hash::blake2b(b"served"))
    );
    // A service that has one answer for everything.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nserved",
            );
        }
    });
    let place = Place::new();
    let url = format!("http://{address}");
    let mut command = place.command(
        "operator",
        &super::super::kernel("reveal"),
        &["--pre-images-endpoint", &url],
    );
    let node = start(&mut command);
    node.post("/local/batcher/injection", json!([name]));
    node.bake(1);
    let (_, debug) = node.ask("GET", "/sandbox/debug", None);
    assert_eq!(debug, "served");
    assert_eq!(
        std::fs::read(place.path("data/wasm_2_0_0").join(&name)).unwrap(),
        b"served"
    );
}

#[test]
fn a_snapshot_begins_another_node_at_the_same_state() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    node.inject(&["a", "b"]);
    node.bake(5);
    let hash = node.get("/global/block/3/state_hash");
    assert_eq!(node.terminate(), Some(0));
    let file = place.path("snapshot");
    let snapshot = |words: &[&str], data: &str| {
        let mut command = super::program("rollup-node");
        command
            .arg("snapshot")
            .args(words)
            .arg("--data-dir")
            .arg(place.path(data));
        super::said(&mut command)
    };
    let file = file.to_str().unwrap();
    let (status, out, err) = snapshot(&["export", file], "data");
    assert_eq!(
        (status, out),
        (Some(0), format!("Snapshot exported to {file}\n")),
        "{err}"
    );
    let (_, out, _) = snapshot(&["info", file], "data");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "Valid smart rollup node snapshot.",
            "Format:          compressed",
            "History mode:    archive"
        ]
    );
    assert_eq!(lines[4], "Head level:      3");
    assert!(
        snapshot(&["import", file], "data")
            .2
            .contains("is already populated")
    );
    let (status, out, err) = snapshot(&["import", file], "other");
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "Snapshot successfully imported\n"),
        "{err}"
    );
    // A snapshot that is damaged, wherever that is, changes nothing of what is there.
    let whole = std::fs::read(file).unwrap();
    let plain = place.path("plain");
    let plain = plain.to_str().unwrap();
    snapshot(&["export", plain, "--uncompressed"], "other");
    let bytes = std::fs::read(plain).unwrap();
    let state = || std::fs::read(place.path("other/storage/sandbox.redb")).unwrap();
    let before = state();
    let mut bad = vec![
        whole[..whole.len() / 2].to_vec(),
        bytes[..bytes.len() / 2].to_vec(),
    ];
    for at in (5_000..bytes.len() - 5_000).step_by(bytes.len() / 9) {
        let mut damaged = bytes.clone();
        damaged[at..at + 400]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x55);
        bad.push(damaged);
    }
    for (n, bytes) in bad.iter().enumerate() {
        std::fs::write(plain, bytes).unwrap();
        let (status, out, err) = snapshot(&["import", plain, "--force"], "other");
        assert!(!place.path("other/import.new").exists());
        if status == Some(0) {
            // The bytes were of no use to anybody.
            assert!(n > 1 && out.contains("imported"), "{n}");
            continue;
        }
        assert_eq!(status, Some(1), "{n}: {err}");
        assert!(!err.contains("panicked"), "{n}: {err}");
    }
    std::fs::write(plain, &bad[1]).unwrap();
    assert_eq!(snapshot(&["import", plain], "empty").0, Some(1));
    assert!(!place.path("empty/storage").exists());
    let (status, _, err) = snapshot(&["import", file, "--force"], "other");
    assert_eq!(status, Some(0), "{err}");
    assert_eq!(state().len(), before.len());

    std::fs::rename(place.path("data"), place.path("old")).unwrap();
    std::fs::rename(place.path("other"), place.path("data")).unwrap();
    let node = place.start("counter", &[]);
    assert_eq!(node.get("/global/block/head/state_hash"), hash);
    assert_eq!(node.bake(1)[0]["level"], 4);
    std::fs::write(file, "nonsense").unwrap();
    assert!(
        snapshot(&["info", file], "data")
            .2
            .contains("is not a snapshot of a rollup node")
    );
}
