//! Limits that people set: instructions of hooks, time of a script, memory of all canisters. None speaks with the voice of the
//! Internet Computer, but for the limits of instructions, which it has itself.

use crate::support::place::{ID, Place};

/// Loops in `canister_init` for ever, or does little there.
fn module(init: &str) -> String {
    format!(
        r#"(module
          (import "ic0" "msg_reply" (func $reply))
          (import "ic0" "stable64_grow" (func $stable64_grow (param i64) (result i64)))
          (memory 1)
          (func (export "canister_init") {init})
          (func (export "canister_update loop") (loop (br 0)))
          (func (export "canister_update grow") (drop (memory.grow (i32.const 160))) (call $reply))
          (func (export "canister_update sgrow") (drop (call $stable64_grow (i64.const 160))) (call $reply)))"#
    )
}

const LOOP: &str = "(loop (br 0))";

fn place(init: &str, messages: &str) -> Place {
    let script = format!("create\ninstall {ID} m.wat 0x\n{messages}");
    Place::new().file("m.wat", module(init)).file("s", script)
}

#[test]
fn the_limit_of_instructions_bounds_the_functions_of_an_installation() {
    let place = place(LOOP, "");
    let limit = |options: &[&str]| {
        let mut all = options.to_vec();
        all.push("s");
        let ran = place.run(&all);
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        let line = ran.out.lines().nth(1).expect("the installation").to_owned();
        assert!(line.starts_with("ingress(1) Failed: IC0522: "), "{line}");
        let (_, rest) = line.split_once("limit of ").expect("it names the limit");
        let (number, _) = rest.split_once(' ').expect("a number");
        number.replace('_', "")
    };
    assert_eq!(limit(&["--instruction-limit", "1000000"]), "1000000");
    let both = [
        "--instruction-limit",
        "1000000",
        "--install-instruction-limit",
        "2000000",
    ];
    assert_eq!(limit(&both), "2000000");
    // Messages have the limit of their own.
    assert_eq!(
        limit(&["--install-instruction-limit", "3000000"]),
        "3000000"
    );
}

#[test]
fn a_script_that_takes_too_long_is_ended_and_the_line_is_told() {
    let place = place(LOOP, "");
    let ran = place.run(&["--timeout", "300ms", "s"]);
    assert_eq!(ran.status, Some(3));
    assert_eq!(
        ran.err,
        "error: s:2: the script took longer than 300ms (--timeout)\n"
    );
    assert!(ran.out.starts_with("ingress(0) Completed: Reply: 0x"));
    place
        .run(&["--timeout", "soon", "s"])
        .refused_with("error: invalid value 'soon' for '--timeout <DURATION>'");
}

#[test]
fn canisters_hold_no_more_memory_than_they_are_allowed() {
    for message in ["grow", "sgrow"] {
        let place = place("", &format!("ingress {ID} {message} 0x\n").repeat(2));
        // One page at first, 160 more with each message: 64 KiB and twice 10 MiB.
        let ran = place.run(&["--max-memory", "21MiB", "s"]);
        assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)));
        let ran = place.run(&["--max-memory", "20MiB", "s"]);
        assert_eq!(ran.status, Some(3));
        assert_eq!(
            ran.err,
            "error: canisters want more memory than they are allowed: they want 21037056 bytes, and 20971520 are allowed\n"
        );
        assert!(
            ran.out.ends_with("ingress(2) Completed: Empty\n"),
            "{}",
            ran.out
        );
        // What a module begins with counts, too.
        let ran = place.run(&["--max-memory", "65535", "s"]);
        assert_eq!(ran.status, Some(3));
    }
}
