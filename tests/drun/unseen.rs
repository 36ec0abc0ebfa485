//! Failures that no result tells: in JSON, at the end of a run, in the exit status.

use serde_json::Value;

use crate::support::place::{ID, Place};

/// Traps when a timer fires, when a call is answered after its own answer was given, and when it is asked to.
const MODULE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (import "ic0" "canister_self_size" (func $size (result i32)))
  (import "ic0" "canister_self_copy" (func $copy (param i32 i32 i32)))
  (memory 1)
  (data (i32.const 100) "nothing")
  (table funcref (elem $late))
  (func $late (param i32) (call $trap (i32.const 100) (i32.const 7)))
  (func (export "canister_global_timer") unreachable)
  (func (export "canister_update set") (drop (call $timer (i64.const 1))) (call $reply))
  (func (export "canister_update early")
    (call $copy (i32.const 0) (i32.const 0) (call $size))
    (call $new (i32.const 0) (call $size) (i32.const 100) (i32.const 7)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (drop (call $perform))
    (call $reply))
  (func (export "canister_update nothing") (call $reply))
  (func (export "canister_update bad") unreachable))"#;

fn place(messages: &str) -> Place {
    let script = format!("create\ninstall {ID} m.wat 0x\n{messages}").replace("ID", ID);
    Place::new().file("m.wat", MODULE).file("s", script)
}

#[test]
fn timers_and_what_runs_on_after_an_answer_are_told_to_machines() {
    let ran = place(
        "ingress ID set 0x\ningress ID nothing 0x\ningress ID early 0x\ningress ID nothing 0x\n",
    )
    .run(&["--format", "json", "--extra-batches", "2", "s"]);
    let objects: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all: Vec<&Value> = objects
        .iter()
        .filter_map(|object| object["unseen"].as_array())
        .flatten()
        .collect();
    assert_eq!(all.len(), 2, "{}", ran.out);
    assert_eq!(
        (&all[0]["kind"], &all[0]["method"], &all[0]["error_code"]),
        (
            &"hook".into(),
            &"canister_global_timer".into(),
            &"IC0502".into()
        )
    );
    assert_eq!(
        (&all[1]["kind"], &all[1]["method"], &all[1]["line"]),
        (&"callback".into(), &"early".into(), &5.into())
    );
    assert!(all[1]["message"].as_str().unwrap().contains("'nothing'"));
    assert!(objects.iter().all(|object| object["status"] == "replied"));
    assert_eq!(ran.err, "");
}

#[test]
fn they_count_as_errors_if_asked_and_stand_below_the_table() {
    let silent = place("ingress ID set 0x\ningress ID nothing 0x\n");
    for (option, status) in [("--fail-on-error", 0), ("--fail-on-error=all", 1)] {
        let ran = silent.run(&[option, "--extra-batches", "2", "s"]);
        assert_eq!(ran.status, Some(status), "{option}: {}", ran.err);
    }
    let ran = silent.run(&["--stats", "--extra-batches", "2", "s"]);
    let told = "1 failure that no result tells:\n  line 3: canister_global_timer: IC0502: Error from Canister";
    assert!(ran.err.contains(told), "{}", ran.err);
    // Of what a result tells nothing is said twice.
    let seen = place("ingress ID bad 0x\n").run(&["--stats", "--fail-on-error=all", "s"]);
    assert_eq!(seen.status, Some(1));
    assert!(!seen.err.contains("no result tells"), "{}", seen.err);
    let ran = silent.run(&["--extra-batches", "2", "s"]);
    assert_eq!(ran.err, "");
}

#[test]
fn what_fails_again_and_again_is_counted() {
    const BEATS: &str = r#"(module (func (export "canister_heartbeat") unreachable))"#;
    let script = format!("create\ninstall {ID} m.wat 0x\ncreate\n");
    let place = Place::new().file("m.wat", BEATS).file("s", script);
    let ran = place.run(&["--format", "json", "--extra-batches", "6", "s"]);
    let last: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let unseen = last["unseen"].as_array().unwrap();
    assert_eq!(unseen.len(), 1, "{}", ran.out);
    assert_eq!(unseen[0]["method"], "canister_heartbeat");
    assert!(unseen[0]["times"].as_u64() >= Some(6), "{}", ran.out);
}
