//! What looks at a node's data or at two nodes: replaying, patching, repairing, and the tick from which a liar lies.

use serde_json::{Value, json};

use super::{Place, program, said, start};

fn command(place: &Place, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = program("rollup-node");
    command
        .args(words)
        .arg("--data-dir")
        .arg(place.path("data"));
    said(&mut command)
}

#[test]
fn stored_blocks_are_evaluated_again_and_the_newest_state_can_be_patched() {
    let place = Place::new();
    let node = place.start("counter", &["--commitment-period", "4"]);
    node.inject(&["a", "b"]);
    node.bake(3);
    let hash = node.get("/global/block/2/state_hash");
    let (status, _, err) = command(&place, &["replay", "block", "2"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("Could not acquire lock"), "{err}");
    assert_eq!(node.terminate(), Some(0));

    let (status, out, err) = command(&place, &["replay", "block", "2"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains(hash.as_str().unwrap()), "{out}");
    let (_, out, err) = command(&place, &["replay", "blocks", "from", "1", "to", "head"]);
    assert_eq!(out.lines().count(), 3, "{out}{err}");

    let (_, out, err) = command(&place, &["replay", "block", "finalized"]);
    assert!(out.contains("at level 1: "), "{out}{err}");
    let patch = [
        "patch",
        "durable",
        "storage",
        "at",
        "/counter",
        "with",
        "2a00000000000000",
    ];
    let (_, _, err) = command(&place, &patch);
    assert!(err.contains("You must add --force"), "{err}");
    let forced = [&patch[..], &["--force"]].concat();
    let (status, out, err) = command(&place, &forced);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.starts_with("Patched /counter at level 3"), "{out}");
    let root = [
        "patch", "durable", "storage", "at", "", "with", "00", "--force",
    ];
    assert!(command(&place, &root).2.contains("Invalid key"));
    let (_, _, err) = command(&place, &["replay", "blocks", "from", "3", "to", "1"]);
    assert!(
        err.contains("there are no blocks from level 3 to level 1"),
        "{err}"
    );
    // What was patched does not come out of an evaluation.
    let (status, _, err) = command(&place, &["replay", "block", "3"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("evaluating it again gives"), "{err}");

    let node = place.start("counter", &["--commitment-period", "4"]);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(42u64.to_le_bytes())
    );
    assert_eq!(node.value("2", "/counter"), hex::encode(2u64.to_le_bytes()));
    node.inject(&["c"]);
    node.bake(1);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(43u64.to_le_bytes())
    );
    assert_eq!(node.terminate(), Some(0));
    let (_, _, err) = command(&place, &forced);
    assert!(
        err.contains("cannot be run on a level with a commitment, current level 4 has one"),
        "{err}"
    );
}

#[test]
fn outboxes_and_commitments_are_made_anew() {
    let place = Place::new();
    let more = ["--commitment-period", "3", "--challenge-window", "3"];
    let node = place.start("outbox", &more);
    node.inject(&["x"]);
    node.bake(9);
    let before = (
        node.get("/global/block/1/outbox/1/messages"),
        node.get("/global/block/6"),
        node.get("/global/last_cemented_commitment"),
    );
    assert_eq!(node.terminate(), Some(0));
    let (status, out, err) = command(&place, &["recompute", "outbox", "messages", "from", "1"]);
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "Recomputed the outbox messages of levels 1 to 9\n"),
        "{err}"
    );
    assert!(err.contains("0 outboxes were not"), "{err}");
    let (status, out, err) = command(&place, &["repair", "commitments", "for", "oxford_018"]);
    assert_eq!(status, Some(0), "{err}");
    assert_eq!(out, "Repaired 0 commitments of oxford_018 in 0 blocks\n");
    let (status, _, err) = command(&place, &["repair", "commitments", "for", "nobody"]);
    assert_eq!((status, err.contains("unknown protocol")), (Some(1), true));

    let node = place.start("outbox", &more);
    let after = (
        node.get("/global/block/1/outbox/1/messages"),
        node.get("/global/block/6"),
        node.get("/global/last_cemented_commitment"),
    );
    assert_eq!(before, after);
}

#[test]
fn two_nodes_are_compared_down_to_the_tick() {
    let nodes = |points: &str| {
        let (honest, liar) = (Place::new(), Place::new());
        let more = ["--replay", "--commitment-period", "5"];
        let right = honest.start("counter", &more);
        let lies = [&more[..], &["--loser-mode", points]].concat();
        let wrong = liar.start("counter", &lies);
        for node in [&right, &wrong] {
            node.inject(&["a", "b"]);
            node.bake(7);
            node.inject(&["c"]);
            node.bake(5);
        }
        (right, wrong, honest, liar)
    };
    let compare = |one: &str, two: &str| said(program("rollup-node").args(["compare", one, two]));

    let (right, wrong, ..) = nodes("8 3 11000000400");
    let (status, out, err) = compare(&right.url, &wrong.url);
    assert_eq!(status, Some(1), "{out}");
    assert!(
        out.contains("The commitments of level 10 are the first that differ")
            && out.contains("The states of level 8 are the first that differ")
            && out.contains("Move 7:"),
        "{out}"
    );
    let told = format!(
        "the nodes differ from tick 11000000403 of level 8 on; {} is right",
        right.url
    );
    assert!(err.contains(&told), "{err}");
    let (_, _, err) = compare(&wrong.url, &right.url);
    assert!(err.contains(&told), "{err}");
    let (status, out, _) = compare(&right.url, &right.url);
    assert_eq!((status, out.contains("No state differs")), (Some(0), true));
    drop((right, wrong));

    // A message that was replaced is found at its tick.
    let (right, wrong, ..) = nodes("1 0 0");
    let (_, _, err) = compare(&right.url, &wrong.url);
    assert!(
        err.contains("the nodes differ from tick 1 of level 1 on"),
        "{err}"
    );
    drop((right, wrong));

    let place = Place::new();
    let (status, _, err) = said(&mut place.command(
        "operator",
        &super::super::kernel("counter"),
        &["--loser-mode", "1 2"],
    ));
    assert_eq!(status, Some(1));
    assert!(err.contains("Invalid syntax for failure points"), "{err}");
    let node = place.start("counter", &[]);
    node.bake(1);
    assert_eq!(
        node.refused("/sandbox/dissection/1?ticks=1"),
        "start the node with --replay to have its states between two blocks"
    );
}

#[test]
fn what_waits_for_a_block_survives_the_process() {
    let place = Place::new();
    let more = ["--batches-per-block", "1"];
    let node = place.start("counter", &more);
    let first = node.inject(&["a"]);
    node.bake(1);
    let long = "x".repeat(3000);
    let messages: Vec<&str> = vec![&long; 25];
    let ids = node.inject(&messages);
    node.post("/sandbox/messages", json!([{ "external": "00" }]));
    let status = |node: &super::Running, id: &Value| {
        let path = format!("/local/batcher/queue/{}", id.as_str().unwrap());
        node.get(&path)["status"].clone()
    };
    assert_eq!(status(&node, &ids[0]), "pending_injection");
    assert_eq!(status(&node, &ids[24]), "pending_batch");
    let waiting = |node: &super::Running| node.get("/sandbox/info")["mempool"].clone();
    assert_eq!(waiting(&node), 26);
    // A message is in one block only, however often the process dies.
    drop(node);
    let node = place.start("counter", &more);
    assert_eq!(waiting(&node), 26);
    assert_eq!(status(&node, &ids[0]), "pending_injection");
    assert_eq!(status(&node, &first[0]), "unknown");
    node.bake(1);
    assert_eq!(
        node.get("/global/block/head/num_messages"),
        (3 + 1 + 10).to_string()
    );
    drop(node);
    let node = place.start("counter", &more);
    assert_eq!(waiting(&node), 15);
    assert_ne!(node.inject(&["a"])[0], first[0]);
    node.bake(2);
    assert_eq!(waiting(&node), 0);
    drop(node);
    let node = place.start("counter", &more);
    node.bake(1);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(28u64.to_le_bytes())
    );
}

#[test]
fn blocks_that_time_has_missed_are_made_when_asked_for() {
    let place = Place::new();
    let minutes = |minutes: i64| {
        let time = drun_rollup::node::time::now() - 60 * minutes;
        drun_rollup::node::time::rfc3339(time)
    };
    let begun = minutes(10);
    let more = ["--block-time", "20", "--start-timestamp", &begun];
    let node = place.start("counter", &more);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(node.level(), 0);
    drop(node);
    let node = place.start("counter", &[&more[..], &["--catch-up"]].concat());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while node.level() < 30 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!((30..=31).contains(&node.level()), "{}", node.level());
}

/// Such a block may wait for a preimage like any other.
#[test]
fn a_missed_block_that_cannot_be_made_yet_is_tried_again() {
    let place = Place::new();
    let more = ["--block-time", "20", "--commitment-period", "2"];
    let begun = drun_rollup::node::time::now() - 600;
    let begun = drun_rollup::node::time::rfc3339(begun);
    let more = [&more[..], &["--start-timestamp", &begun]].concat();
    let node = place.start("reveal", &more);
    node.bake(3);
    let hash = drun_rollup::encoding::hash::blake2b(b"late");
    let name = format!("00{}", hex::encode(hash));
    node.post("/local/batcher/injection", json!([name]));
    drop(node);
    let node = place.start("reveal", &[&more[..], &["--catch-up"]].concat());
    let wait = |what: &str, until: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !until() {
            assert!(std::time::Instant::now() < deadline, "{what}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    wait("degraded", &|| node.get("/health")["degraded"] == true);
    assert_eq!(node.level(), 3);
    std::fs::write(place.path("data/wasm_2_0_0").join(&name), "late").unwrap();
    wait("healthy", &|| {
        node.get("/health")["healthy"] == true && node.level() > 3
    });
}

#[test]
fn an_operation_can_be_asked_for_and_what_is_no_json_is_refused() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    let ids = node.inject(&["a"]);
    node.bake(1);
    let message = node.get(&format!(
        "/local/batcher/queue/{}",
        ids[0].as_str().unwrap()
    ));
    let operation = message["layer1"]["operation_hash"].as_str().unwrap();
    let status = node.get(&format!("/local/injector/operation/{operation}/status"));
    assert_eq!(status["status"], "included");
    assert_eq!(status["layer1"], message["layer1"]);
    let (status, _) = node.ask("GET", "/local/injector/operation/x/status", None);
    assert_eq!(status, 400);
    let unknown = drun_rollup::encoding::base58::OPERATION.encode(&[7; 32]);
    let path = format!("/local/injector/operation/{unknown}/status");
    assert_eq!(node.get(&path), json!({ "status": "unknown" }));

    let asked = |header: &str, body: &str| {
        use std::io::{Read, Write};
        let address = node.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /local/batcher/injection HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(asked("accept: text/html", "[]"), "406");
    assert_eq!(asked("content-type: text/plain", "[]"), "415");
    assert_eq!(asked("content-type: application/json", "[]"), "200");
    drop(node);
    let mut command = place.command("operator", &super::super::kernel("counter"), &[]);
    let metrics = start(&mut command);
    let (_, text) = metrics.ask("GET", "/metrics", None);
    assert!(
        text.contains("kernel_run_seconds_bucket{le=\"+Inf\"}"),
        "{text}"
    );
}

#[test]
fn messages_become_pages_that_kernels_reveal() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    assert_eq!(
        node.refused("/local/dal/injected/operations/statuses"),
        "This rollup node does not have DAL injector."
    );
    drop(node);
    let node = place.start("counter", &["--simulate-dal"]);
    node.post("/local/dal/slot/indices", json!([4]));
    let ids = node.post(
        "/local/dal/batcher/injection",
        json!([hex::encode("page"), "00"]),
    );
    node.bake(1);
    let page = std::fs::read(place.path("data/dal_pages/1-4-0")).unwrap();
    assert_eq!((&page[..5], page.len()), (&b"page\0"[..], 3967));
    let statuses = node.get("/local/dal/injected/operations/statuses");
    assert_eq!(statuses[0]["id"], ids[0]);
    assert_eq!(statuses[0]["status"]["published_level"], 1);
    assert_eq!(statuses[1]["status"]["status"], "pending");
    let path = format!("/local/dal/injection/{}/forget", ids[0].as_str().unwrap());
    node.post(&path, json!(null));
    assert_eq!(
        node.get("/local/dal/injected/operations/statuses")
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
