//! Two nodes with the same messages: wrong commitments are refuted down to the tick, who lies loses, and who leaves waits for
//! its bond (rollup-node.md, sections 3 and 11).

use serde_json::{Value, json};

use super::super::kernel;
use super::{Place, Running, said, start};

const CONSTANTS: [&str; 6] = [
    "--commitment-period",
    "5",
    "--challenge-window",
    "5",
    "--protocol",
    "paris_020",
];

/// Writes the beginning of what it reveals for each message to `/got`.
const REVEALS: &str = r#"(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal" (func $reveal (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "/got")
  (func (export "kernel_run") (local $n i32)
    (block $done (loop $next
      (local.set $n (call $read_input (i32.const 0) (i32.const 8) (i32.const 4096)))
      (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
      (if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 1)) (then
        (drop (call $reveal (i32.const 9) (i32.sub (local.get $n) (i32.const 1)) (i32.const 8192) (i32.const 4096)))
        (drop (call $write (i32.const 32768) (i32.const 4) (i32.const 0) (i32.const 8192) (i32.const 32)))))
      (br $next)))))"#;

fn run(place: &Place, mode: &str, kernel: &std::path::Path, more: &[&str]) -> Running {
    start(&mut place.command(mode, kernel, &[&CONSTANTS[..], more].concat()))
}

/// Blocks with messages, the same for every node.
fn feed(node: &Running, messages: &[&str]) {
    let externals: Vec<Value> = messages
        .iter()
        .map(|digits| json!({ "external": digits }))
        .collect();
    node.post("/sandbox/messages", json!(externals));
}

fn history(node: &Running) {
    feed(node, &["61", "62"]);
    node.bake(7);
    feed(node, &["63"]);
    node.bake(5);
}

fn cemented(node: &Running) -> Value {
    node.get("/global/last_cemented_commitment")["level"].clone()
}

#[test]
fn an_accuser_refutes_a_wrong_commitment_move_by_move() {
    let (honest, liar) = (Place::new(), Place::new());
    let counter = kernel("counter");
    let wrong = run(
        &liar,
        "operator",
        &counter,
        &["--replay", "--loser-mode", "8 3 50000000000400"],
    );
    history(&wrong);
    wrong.bake(6);
    let more = ["--loser-peer", &wrong.url, "--no-auto-operator"];
    let right = run(&honest, "accuser", &counter, &more);
    history(&right);
    let told = || right.get("/sandbox/refutations");
    assert_eq!(
        (&told()["agreed_level"], &told()["games"]),
        (&json!(5), &json!([]))
    );

    right.bake(1);
    let game = || told()["games"][0].clone();
    assert_eq!(
        (&game()["inbox_level"], &game()["level"], &game()["outcome"]),
        (&json!(10), &json!(8), &json!("ongoing"))
    );
    let metrics = right.ask("GET", "/metrics", None).1;
    assert!(
        metrics.contains("octez_sc_rollup_node_number_of_conflicts 1\n"),
        "{metrics}"
    );
    // One move in a block, and what is disputed is not cemented meanwhile.
    right.bake(1);
    assert_eq!(game()["moves"].as_array().unwrap().len(), 1);
    right.post("/sandbox/cement", json!({}));
    assert_eq!(cemented(&right), 5);

    right.bake(10);
    assert_eq!(
        (&game()["outcome"], &game()["tick"]),
        (&json!("won"), &json!("50000000000403"))
    );
    let moves = game()["moves"].clone();
    let last = moves.as_array().unwrap().last().unwrap();
    assert_eq!(moves[0]["to_tick"], "100000000000000");
    let (from, to) = (&last["from_tick"], &last["to_tick"]);
    let tick = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    assert!(
        tick(from) < 50_000_000_000_403 && tick(to) - tick(from) <= 32,
        "{moves}"
    );
    // The commitment that was defended is cemented; more an accuser does not publish by itself.
    right.bake(20);
    assert_eq!(cemented(&right), 10);
    let block = right.get("/global/block/15");
    let path = format!(
        "/local/commitments/{}",
        block["commitment_hash"].as_str().unwrap()
    );
    assert_eq!(right.get(&path).get("published_at_level"), None);
}

#[test]
fn who_defends_a_lie_loses_and_ends() {
    let (honest, liar) = (Place::new(), Place::new());
    let counter = kernel("counter");
    let right = run(&honest, "operator", &counter, &["--replay"]);
    history(&right);
    right.bake(6);
    let more = ["--loser-peer", &right.url, "--loser-mode", "8 3 7"];
    let mut wrong = run(&liar, "operator", &counter, &more);
    history(&wrong);
    wrong.bake(20);
    assert_eq!(wrong.child.wait().unwrap().code(), Some(1));

    // What nobody disputes is no game.
    let place = Place::new();
    let same = run(
        &place,
        "maintenance",
        &counter,
        &["--loser-peer", &right.url],
    );
    history(&same);
    same.bake(6);
    let told = same.get("/sandbox/refutations");
    assert_eq!(
        (&told["agreed_level"], &told["games"]),
        (&json!(15), &json!([]))
    );
    drop(right);
    same.bake(5);
    let told = same.get("/sandbox/refutations");
    assert!(told["waiting_for"].is_string(), "{told}");

    let place = Place::new();
    let mut observer = place.command("observer", &counter, &["--loser-peer", "http://x"]);
    let (status, _, err) = said(&mut observer);
    assert_eq!(status, Some(1));
    assert!(err.contains("the mode observer does not refute"), "{err}");
}

#[test]
fn lies_about_the_data_availability_layer_are_refuted() {
    for (lie, request) in [
        (
            "reveal_dal_page published_level:1 slot_index:4 page_index:0",
            "0200000001040000",
        ),
        ("reveal_dal_parameters 16 8 126944 3967", "03"),
    ] {
        let (honest, liar) = (Place::new(), Place::new());
        let wat = honest.kernel(REVEALS);
        let history = |node: &Running| {
            node.post("/local/dal/slot/indices", json!([4]));
            node.post("/local/dal/batcher/injection", json!([hex::encode("page")]));
            node.bake(2);
            feed(node, &[request]);
            node.bake(15);
        };
        let more = ["--simulate-dal", "--replay", "--loser-mode", lie];
        let wrong = run(&liar, "operator", &wat, &more);
        history(&wrong);
        let more = ["--simulate-dal", "--loser-peer", &wrong.url];
        let right = run(&honest, "accuser", &wat, &more);
        history(&right);
        right.bake(10);
        let told = right.get("/sandbox/refutations");
        assert_eq!(
            (&told["games"][0]["outcome"], &told["games"][0]["level"]),
            (&json!("won"), &json!(3)),
            "{told}"
        );
        assert_ne!(right.value("3", "/got"), wrong.value("3", "/got"));
    }
    let place = Place::new();
    let (status, _, err) = said(&mut place.command(
        "operator",
        &kernel("counter"),
        &["--loser-mode", "reveal_dal_page"],
    ));
    assert_eq!(status, Some(1));
    assert!(err.contains("needs --simulate-dal"), "{err}");
}

#[test]
fn a_bailout_publishes_nothing_and_leaves_with_its_bond() {
    let place = Place::new();
    let counter = kernel("counter");
    let node = run(&place, "operator", &counter, &[]);
    node.bake(11);
    assert_eq!(cemented(&node), 0);
    assert_eq!(node.terminate(), Some(0));

    let mut node = run(&place, "bailout", &counter, &[]);
    node.bake(2);
    assert_eq!(cemented(&node), 0);
    let made = node.bake(10);
    assert_eq!(made.as_array().unwrap().last().unwrap()["level"], 14);
    assert_eq!(node.child.wait().unwrap().code(), Some(0));

    // The commitment of level 10 was due in block 13 and is published by who comes next.
    let node = run(&place, "operator", &counter, &[]);
    assert_eq!(cemented(&node), 5);
    node.bake(1);
    let block = node.get("/global/block/10");
    let path = format!(
        "/local/commitments/{}",
        block["commitment_hash"].as_str().unwrap()
    );
    assert_eq!(node.get(&path)["published_at_level"], 15);
}
