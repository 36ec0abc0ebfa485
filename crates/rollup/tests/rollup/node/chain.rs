//! Checks 8, 9 and 10: levels, reorganisations, migrations, kernels that trap, loop or upgrade, simulation.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Place, start};

#[test]
fn a_level_tells_its_predecessor_and_migrations_change_the_version() {
    let place = Place::new();
    let node = place.start(
        "hello",
        &["--migrate", "2:paris_019", "--protocol", "nairobi_017"],
    );
    node.bake(1);
    assert_eq!(node.get("/global/block/head/ticks"), "22000000000");
    node.bake(1);
    assert_eq!(
        node.value("1", "/readonly/wasm_version"),
        hex::encode("2.0.0-r1")
    );
    assert_eq!(
        node.value("2", "/readonly/wasm_version"),
        hex::encode("2.0.0-r4")
    );
    assert_eq!(node.get("/global/block/head/ticks"), "100000000000000");
    let block = node.get("/global/block/2");
    let before = node.get("/global/block/1");
    assert_eq!(block["predecessor"], before["block_hash"]);
    let info = block["messages"][1].as_str().unwrap();
    assert_eq!(&info[..4], "0003");
    let migration = block["messages"][2].as_str().unwrap();
    assert_eq!(migration, "00040000000970617269735f303139");
    assert_eq!(
        node.post("/sandbox/migrate", json!({"protocol": "quebec_021"}))["known"],
        true
    );
    assert_eq!(node.get("/sandbox/info")["protocol"], "paris_019");
    node.bake(1);
    assert_eq!(
        node.value("head", "/readonly/wasm_version"),
        hex::encode("2.0.0-r5")
    );
    assert_eq!(node.get("/sandbox/info")["protocol"], "quebec_021");
    node.post("/sandbox/reorg", json!({"depth": 1}));
    assert_eq!(node.get("/sandbox/info")["protocol"], "paris_019");
}

#[test]
fn a_reorganisation_takes_blocks_away_and_keeps_their_messages() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    node.inject(&["a"]);
    node.bake(1);
    node.inject(&["b", "c"]);
    node.bake(1);
    let two = node.get("/global/block/2");
    assert_eq!(node.post("/sandbox/reorg", json!({"depth": 1}))["level"], 1);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(1u64.to_le_bytes())
    );
    assert_eq!(
        node.refused("/global/block/2"),
        "Cannot retrieve hash of level 2"
    );
    node.inject(&["d"]);
    node.bake(1);
    let again = node.get("/global/block/2");
    assert_ne!(two["block_hash"], again["block_hash"]);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(4u64.to_le_bytes())
    );
    let (status, _) = node.ask("POST", "/sandbox/reorg", Some(&json!({"depth": 3})));
    assert_eq!(status, 500);
    // What was written anew is what a restart finds.
    let hash = again["state_hash"].clone();
    drop(node);
    let node = place.start("counter", &[]);
    assert_eq!(node.get("/global/block/head")["state_hash"], hash);
    assert_eq!(node.value("1", "/counter"), hex::encode(1u64.to_le_bytes()));
}

/// Messages of blocks that are gone wait as what they were; the block in their place has another hash, whatever is in it.
#[test]
fn a_reorganisation_gives_messages_back_to_the_batcher() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    let inject = |text: &str| {
        let path = "/local/batcher/injection?drop_duplicate=true";
        node.post(path, json!([hex::encode(text)]))[0].clone()
    };
    let status = |id: &Value| {
        let id = id.as_str().unwrap();
        node.get(&format!("/local/batcher/queue/{id}"))["status"].clone()
    };
    node.bake(1);
    let id = inject("a");
    node.post("/sandbox/messages", json!([{ "external": "bb" }]));
    node.bake(1);
    let hash = node.get("/global/block/head/hash");
    assert_eq!(status(&id), "included");
    node.post("/sandbox/reorg", json!({"depth": 1}));
    assert_eq!(status(&id), "pending_batch");
    assert_eq!(inject("a"), id);
    assert_eq!(node.get("/sandbox/info")["mempool"], 2);
    node.bake(1);
    assert_eq!(status(&id), "included");
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(2u64.to_le_bytes())
    );
    // The same level, predecessor and messages.
    let again = node.get("/global/block/head/hash");
    assert_ne!(again, hash);
    // And a process that dies right after finds all of it.
    node.post("/sandbox/reorg", json!({"depth": 1}));
    drop(node);
    let node = place.start("counter", &[]);
    assert_eq!(node.get("/sandbox/info")["mempool"], 2);
    node.bake(1);
    assert_eq!(
        node.value("head", "/counter"),
        hex::encode(2u64.to_le_bytes())
    );
    assert_ne!(node.get("/global/block/head/hash"), again);
}

#[test]
fn a_node_with_inputs_ends_after_them_even_when_there_are_none() {
    let place = Place::new();
    let inputs = place.path("inputs.json");
    std::fs::write(&inputs, "[]").unwrap();
    let mut command = place.command(
        "operator",
        &super::super::kernel("counter"),
        &["--inputs", inputs.to_str().unwrap(), "--exit-after-inputs"],
    );
    let (status, _, err) = super::said(&mut command);
    assert_eq!(status, Some(0), "{err}");
    let said: Vec<&str> = err
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(_, text)| text)
        .skip_while(|text| !text.starts_with("Shutting down"))
        .collect();
    assert_eq!(
        said,
        [
            "Shutting down RPC server",
            "Shutting down Injector",
            "Shutting down Batcher",
            "Shutting down Commitment Publisher",
            "Shutting down Refutation Coordinator",
            "Stopping the smart rollup node",
        ]
    );
}

/// The kernel of a key that is moved into itself, a hundred times in each block: far deeper than a stack, were it one call
/// for each level.
#[test]
fn a_kernel_can_make_storage_of_any_depth() {
    let place = Place::new();
    let kernel = place.kernel(
        r#"(module
          (import "smart_rollup_core" "store_move" (func $move (param i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "m") 1)
          (data (i32.const 0) "/a/a")
          (func (export "kernel_run") (local $n i32)
            (drop (call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1)))
            (loop $again
              (drop (call $move (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 4)))
              (br_if $again (i32.lt_u
                (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                (i32.const 50000))))))"#,
    );
    let node = start(&mut place.command("operator", &kernel, &[]));
    node.bake(2);
    let hash = node.get("/global/block/head/state_hash");
    drop(node);
    let node = start(&mut place.command("operator", &kernel, &[]));
    assert_eq!(node.get("/global/block/head/state_hash"), hash);
    node.bake(1);
    assert_eq!(node.level(), 3);
}

#[test]
fn simulation_changes_nothing_and_tells_everything() {
    let place = Place::new();
    let node = place.start("counter", &[]);
    node.inject(&["a"]);
    node.bake(1);
    let before = node.get("/global/block/head/state_hash");
    let request = json!({
        "messages": ["0178", "0179"],
        "insight_requests": [
            { "kind": "durable_storage", "key": ["counter"] },
            { "kind": "durable_storage", "key": ["none"] },
            { "kind": "pvm_state", "key": ["durable", "counter", "@"] },
        ],
    });
    let simulated = node.post("/global/block/head/simulate?debug=true", request.clone());
    assert_eq!(simulated["inbox_level"], 2);
    assert_eq!(simulated["num_ticks"], "22000000000");
    let three = hex::encode(3u64.to_le_bytes());
    assert_eq!(simulated["insights"], json!([three, null, three]));
    assert_eq!(node.get("/global/block/head/state_hash"), before);
    // The same level in earnest has the same state.
    assert_eq!(
        node.post("/global/block/0/simulate", request)["insights"][0],
        hex::encode(2u64.to_le_bytes())
    );
    node.inject(&["x", "y"]);
    node.bake(1);
    assert_eq!(
        node.get("/global/block/head/state_hash"),
        simulated["state_hash"]
    );
    for wrong in [
        json!({"messages": ["xyz"]}),
        json!([]),
        json!(null),
        json!({"messages": [], "log_kernel_debug_file": ""}),
        json!({"messages": [], "log_kernel_debug_file": "."}),
    ] {
        let (status, text) = node.ask("POST", "/global/block/head/simulate", Some(&wrong));
        assert_eq!(status, 400, "{wrong}: {text}");
    }

    let place = Place::new();
    let node = place.start("reveal", &[]);
    let page = b"page of data";
    let hash = format!(
        "00{}",
        hex::encode(drun_rollup::encoding::hash::blake2b(page))
    );
    let request = json!({ "messages": [format!("01{hash}")], "reveal_pages": [hex::encode(page)] });
    let simulated = node.post("/global/block/head/simulate?debug=true", request);
    assert_eq!(simulated["debug"], "page of data");
}

#[test]
fn a_trap_is_the_kernels_affair_and_blocks_go_on() {
    let place = Place::new();
    let node = place.start("trap", &[]);
    node.inject(&["!"]);
    node.bake(1);
    assert_eq!(node.value("head", "/readonly/kernel/env/stuck"), "");
    node.bake(1);
    assert_eq!(
        node.value("head", "/readonly/kernel/env/stuck"),
        Value::Null
    );
    assert_eq!(node.get("/health")["healthy"], true);
}

#[test]
fn a_kernel_that_cannot_run_is_refused_unless_told_otherwise() {
    let place = Place::new();
    let kernel = place.kernel(r#"(module (memory (export "m") 1))"#);
    let mut command = place.command(
        "operator",
        &kernel,
        &["--unsafe-disable-wasm-kernel-checks"],
    );
    let node = start(&mut command);
    node.bake(2);
    assert_eq!(node.level(), 2);
    let stuck = node.get("/sandbox/info")["stuck"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        stuck.contains("no `kernel_run` function exported"),
        "{stuck}"
    );
    drop(node);
    let place = Place::new();
    let kernel = place
        .kernel(r#"(module (import "smart_rollup_core" "none" (func)) (memory (export "m") 1))"#);
    let (status, _, err) = super::said(&mut place.command("operator", &kernel, &[]));
    assert_eq!(status, Some(1));
    assert!(
        err.contains("Unexpected import: smart_rollup_core.none"),
        "{err}"
    );
}

#[test]
fn a_slow_kernel_does_not_keep_readers_waiting_and_an_endless_one_can_be_ended() {
    let place = Place::new();
    let kernel = place
        .kernel(r#"(module (memory (export "m") 1) (func (export "kernel_run") (loop (br 0))))"#);
    let node = start(&mut place.command(
        "operator",
        &kernel,
        &["--block-time", "0.05", "--protocol", "u025_025"],
    ));
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_eq!(node.level(), 0);
    assert_eq!(node.value("head", "/none"), Value::Null);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn messages_of_contracts_and_of_a_file_arrive() {
    let place = Place::new();
    let inputs = place.path("inputs.json");
    std::fs::write(
        &inputs,
        r#"[[{"external":"aa"}],[],[{"payload":"Pair 1 2"}]]"#,
    )
    .unwrap();
    let node = start(&mut place.command(
        "operator",
        &super::super::kernel("counter"),
        &["--inputs", inputs.to_str().unwrap()],
    ));
    let deadline = Instant::now() + Duration::from_secs(30);
    while node.level() < 3 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(node.get("/global/block/1")["messages"][2], "01aa");
    assert_eq!(node.get("/global/block/2/num_messages"), "3");
    let transfer = node.get("/global/block/3")["messages"][2]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(transfer.starts_with("00000707"), "{transfer}");
    let (status, out, err) = super::said(
        super::program("rollup-node")
            .args([
                "transfer",
                "Unit",
                "from",
                "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT",
                "--wait",
            ])
            .args(["--rollup-node-endpoint", &node.url]),
    );
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("Included in level 4"), "{out}");
    assert!(
        node.get("/global/block/4")["messages"][2]
            .as_str()
            .unwrap()
            .starts_with("0000030b")
    );
    let debug = node.ask("GET", "/sandbox/debug?from=0", None);
    assert_eq!(debug.0, 200);
    // No inbox holds more than 4,096 bytes in one message, and no clock goes on after the last second.
    for (path, body) in [
        ("messages", json!([{ "serialized": "00".repeat(4097) }])),
        ("migrate", json!({ "protocol": "x".repeat(4091) })),
        ("bake", json!({ "timestamp": i64::MAX })),
    ] {
        let (status, text) = node.ask("POST", &format!("/sandbox/{path}"), Some(&body));
        assert_eq!(status, 400, "{path}: {text}");
    }
    let longest = json!([{ "serialized": "00".repeat(4096) }]);
    assert_eq!(node.post("/sandbox/messages", longest)["added"], 1);
}
