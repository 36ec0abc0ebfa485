//! What installing costs: operators of the metered module, stages with one budget, known modules, rate limits.

use serde_json::Value;

use super::{DRUN, POCKET_IC, POCKET_IC_APPLICATION, script};
use crate::support::place::Place;

/// The number of operators that `drun inspect` tells.
fn operators(module: &str) -> Value {
    let ran = Place::new()
        .file("m.wat", format!("(module {module})"))
        .run(&["inspect", "--json", "m.wat"]);
    let object: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        object["install"]["instructions"],
        20_000_000 + 6000 * object["install"]["operators"].as_u64().unwrap()
    );
    object["install"]["operators"].clone()
}

/// 72; each function: its operators, ten and ten for each loop, four for each straight segment that costs something.
#[test]
fn operators_of_the_metered_module() {
    for (module, expected) in [
        // loop, const, br_if, end, end; one loop; behind br_if and `end` nothing that costs.
        ("(func (loop (br_if 0 (i32.const 0))))", 72 + 5 + 20),
        // Three blocks, const, br_table, three ends, four nops, end; behind the three ends 1, 2 and 1.
        (
            "(func block block block (br_table 0 1 2 (i32.const 0)) end nop end nop nop end nop)",
            72 + 13 + 10 + 3 * 4,
        ),
        // const, if, nop, else, nop, end, end; both arms.
        (
            "(func i32.const 1 if nop else nop end)",
            72 + 7 + 10 + 2 * 4,
        ),
        // An empty function; call, return, nop, end, of which the dead nop is a segment.
        ("(func $f) (func call $f return nop)", 72 + 11 + 4 + 10 + 4),
        // A tail call ends a segment; what is behind it costs nothing.
        ("(func $f) (func return_call $f)", 72 + 11 + 2 + 10),
        ("(func (drop (v128.const i64x2 0 0)))", 72 + 3 + 10),
        // const, memory.grow, drop, end; three for the growth; two globals.
        (
            "(memory 1) (global i32 (i32.const 0)) (global (mut i32) (i32.const 0))
             (func (drop (memory.grow (i32.const 1))))",
            72 + 4 + 10 + 3 + 4,
        ),
        // Functions that stand in for the imported ones.
        (
            r#"(import "ic0" "msg_reply" (func)) (import "ic0" "stable64_write" (func (param i64 i64 i64)))
               (import "ic0" "stable_read" (func (param i32 i32 i32)))"#,
            72 + 107 + 106,
        ),
        // const, const, const, fill, end, and three for its length; in a 64-bit module one.
        (
            "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
            72 + 5 + 10 + 3,
        ),
        (
            "(memory i64 1) (func (memory.fill (i64.const 0) (i32.const 0) (i64.const 0)))",
            72 + 5 + 10 + 1,
        ),
    ] {
        assert_eq!(operators(module), expected, "{module}");
    }
}

fn instructions(module: &str, lines: &str, arguments: &[&str]) -> Vec<u64> {
    let outcomes = script(module, &format!("create\n{lines}"), arguments);
    let counts = outcomes[1..]
        .iter()
        .map(|outcome| outcome["instructions"].as_u64().unwrap());
    counts.collect()
}

/// 72, a start function of nop, nop, end and an init of nop, end: 13 and 12; one global 2. They use 3 and 2 themselves, the
/// init a page.
#[test]
fn start_and_init_are_added_to_compiling() {
    let module = r#"(module (memory 1) (global i32 (i32.const 0)) (start $s) (func $s nop nop)
        (func (export "canister_init") (i32.store (i32.const 0) (i32.const 1))))"#;
    // init: const, const, store, end.
    let compile = 6000 * (72 + 13 + 14 + 2);
    assert_eq!(
        instructions(module, "install ID m.wat 0x\n", DRUN),
        [compile + 3 + 4 + 1000]
    );
}

/// An upgrade runs the hook of the old code, nop: 2, and of the new one, nop nop: 3; functions of 2 and 3 operators.
#[test]
fn hooks_are_added_to_compiling() {
    let module = r#"(module (func (export "canister_pre_upgrade") nop)
        (func (export "canister_post_upgrade") nop nop))"#;
    let compile = 6000 * (72 + 12 + 13);
    let lines = "install ID m.wat 0x\nupgrade ID m.wat 0x\n";
    assert_eq!(
        instructions(module, lines, DRUN),
        [compile, compile + 2 + 3]
    );
}

/// A module that was installed since the last checkpoint costs a hundredth. The original makes one with every message.
#[test]
fn a_known_module_costs_a_hundredth() {
    let lines = "install ID m.wat 0x\nreinstall ID m.wat 0x\nupgrade ID m.wat 0x\n";
    assert_eq!(
        instructions("(module)", lines, POCKET_IC),
        [432_000, 4_320, 4_320]
    );
    assert_eq!(
        instructions("(module)", lines, DRUN),
        [432_000, 432_000, 432_000]
    );
}

/// Only a successful installation makes it known: 72 and two functions of unreachable and end, whose init uses 1 + 1.
#[test]
fn a_module_whose_init_traps_is_not_known() {
    let module = r#"(module (func (export "canister_init") unreachable))"#;
    let lines = "install ID m.wat 0x\ninstall ID m.wat 0x\n";
    assert_eq!(
        instructions(module, lines, POCKET_IC),
        [6000 * 84 + 2, 6000 * 84 + 2]
    );
}

/// What is no module costs 6,000 a byte.
#[test]
fn a_file_that_is_no_module_is_paid_by_the_byte() {
    let place = Place::new().file("m.wasm", "hello").file(
        "s.drun",
        format!("create\ninstall {} m.wasm 0x\n", super::ID),
    );
    let ran = place.run(&["--format", "json", "s.drun"]);
    let outcome: Value = serde_json::from_str(ran.out.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (&outcome["error_code"], &outcome["instructions"]),
        (&"IC0505".into(), &30_000.into())
    );
}

/// 400,000 bytes that are no module use 2,400,000,000 instructions, of which a round pays off 2,000,000,000: the next
/// installation is refused, which takes a round; then the debit is gone.
#[test]
fn application_subnets_limit_the_rate_of_installations() {
    for (arguments, expected) in [
        (
            POCKET_IC_APPLICATION,
            [Some("IC0505"), Some("IC0209"), None],
        ),
        (POCKET_IC, [Some("IC0505"), None, None]),
        (super::DRUN_APPLICATION, [Some("IC0505"), None, None]),
    ] {
        let id = match arguments == POCKET_IC_APPLICATION {
            true => super::APPLICATION_ID,
            false => super::ID,
        };
        let lines =
            ["bad.wasm", "m.wat", "m.wat"].map(|file| format!("reinstall {id} {file} 0x\n"));
        let place = Place::new()
            .file("bad.wasm", "x".repeat(400_000))
            .file("m.wat", "(module)")
            .file("s.drun", format!("create\n{}", lines.concat()));
        let mut all = arguments.to_vec();
        all.extend(["--format", "json", "s.drun"]);
        let ran = place.run(&all);
        let codes: Vec<Option<String>> = ran
            .out
            .lines()
            .skip(1)
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["error_code"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect();
        assert_eq!(
            codes,
            expected.map(|code| code.map(str::to_owned)),
            "{arguments:?}"
        );
    }
}
