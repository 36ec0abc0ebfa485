//! The machine's course: ticks against published totals, reboots, upgrades and their failures, stuck states.

use super::*;

/// What the machines of these tests print and are told.
#[derive(Default)]
struct Listener {
    printed: String,
    reveals: Vec<Request>,
}

use crate::reveal::Request;

impl Surroundings for Listener {
    fn debug(&mut self, text: &[u8]) {
        self.printed.push_str(&String::from_utf8_lossy(text));
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        self.reveals.push(*request);
        Ok(b"revealed".to_vec())
    }
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn machine(text: &str, version: Version) -> Pvm {
    Pvm::originate(&wasm(text), version)
}

fn no_level() -> Vec<Vec<u8>> {
    crate::inbox::level(Default::default(), None, false, Vec::new())
}

/// A machine that is about to run.
fn loaded(text: &str, version: Version) -> Pvm {
    let mut pvm = machine(text, version);
    pvm.load(0, no_level()).unwrap();
    pvm
}

fn ticks_to(pvm: &mut Pvm, status: &str) -> u64 {
    let mut ticks = 0;
    while pvm.internal_status() != status {
        let stop = pvm
            .step_until(Until::Ticks(1), &mut Listener::default())
            .unwrap();
        ticks += 1;
        assert!(ticks < 1_000_000, "{stop:?} {}", pvm.internal_status());
    }
    ticks
}

/// The kernels of the published regression data: one import, a memory, a function that does nothing.
fn importing(name: &str, params: usize) -> String {
    format!(
        r#"(module
            (import "smart_rollup_core" "{name}" (func (param {}) (result i32)))
            (memory 1)
            (export "mem" (memory 0))
            (export "kernel_run" (func 1))
            (func nop))"#,
        "i32 ".repeat(params)
    )
}

#[test]
fn the_published_ticks_of_linking_one_host_function() {
    let version = Version::R3;
    for (name, params, decode, padding) in [
        ("store_create", 3, 131, 204),
        ("store_exists", 2, 130, 203),
        ("store_delete_value", 2, 136, 209),
        ("reveal", 4, 126, 199),
        ("__internal_store_get_hash", 4, 145, 218),
    ] {
        let text = importing(name, params);
        let mut pvm = loaded(&text, version);
        assert_eq!(
            pvm.kernel().unwrap().unwrap().decode_ticks,
            decode,
            "{name}"
        );
        assert_eq!(ticks_to(&mut pvm, "Padding"), padding, "{name}");
        assert_eq!(pvm.phases().run, 21);

        // In the first version, none of them is there.
        let mut pvm = loaded(&text, Version::V0);
        let stuck = format!(
            "Stuck (No_fallback_kernel (Link_cause Unexpected import: smart_rollup_core.{name}))"
        );
        assert_eq!(ticks_to(&mut pvm, &stuck), decode + 4, "{name}");
        assert_eq!(pvm.status(), Status::WaitingForInput);
    }
}

/// Each item of a segment of expressions is a block, four ticks here, and one more.
#[test]
fn references_as_expressions_have_their_own_ticks() {
    let text = r#"(module (memory (export "m") 1) (table 2 funcref)
        (elem (i32.const 0) funcref (ref.func 0) (ref.null func))
        (func (export "kernel_run")))"#;
    let pvm = machine(text, Version::R2);
    // Sections 34; type 5, function, table and memory 3, exports 7 and 16, segment 5 + 4 + 2 * 5, code 9; elaborated 3.
    let decode = 1 + 34 + (5 + 3 + 7 + 16 + 19 + 9) + 1 + 3 + 1 + 1;
    assert_eq!(pvm.kernel().unwrap().unwrap().decode_ticks, decode);
}

#[test]
fn the_result_of_a_run_can_be_seen_one_tick_before_its_padding() {
    let mut pvm = loaded(&importing("store_create", 3), Version::R3);
    let before = pvm.ticks();
    assert_eq!(before % 11_000_000_000, 0);
    assert_eq!(
        pvm.step_until(Until::Result, &mut Listener::default()),
        Ok(Stop::Ended)
    );
    assert_eq!(pvm.ticks() - before, 203);
    assert_eq!(pvm.internal_status(), "Evaluation succeeded");
    assert_eq!(pvm.memory().map(<[u8]>::len), Some(65_536));
    ticks_to(&mut pvm, "Padding");
    assert_eq!(pvm.memory(), None);
    assert_eq!(
        pvm.step_until(Until::Input, &mut Listener::default()),
        Ok(Stop::Boundary)
    );
    assert_eq!(pvm.ticks() - before, 11_000_000_000);
    assert_eq!(pvm.internal_status(), "Collect");
}

/// A kernel that counts its runs in one byte and asks for another run each time, but no more than so often.
fn rebooting(times: u32) -> String {
    format!(
        r#"(module
            (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
            (import "smart_rollup_core" "store_read" (func $read (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "m") 1)
            (data (i32.const 0) "/runs/kernel/env/reboot")
            (func (export "kernel_run")
                (drop (call $read (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 100) (i32.const 4)))
                (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 1)))
                (drop (call $write (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 100) (i32.const 4)))
                (if (i32.lt_u (i32.load (i32.const 100)) (i32.const {times}))
                    (then (drop (call $write (i32.const 5) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))))"#
    )
}

fn number(pvm: &Pvm, key: &str) -> Option<i32> {
    let value = pvm
        .world
        .durable
        .value(&Path::parse(key.as_bytes()).unwrap())?;
    Some(i32::from_le_bytes(value.to_vec().try_into().unwrap()))
}

fn has(pvm: &Pvm, key: &Path) -> bool {
    pvm.world.durable.node(key).is_some()
}

#[test]
fn a_kernel_runs_again_as_long_as_it_asks() {
    let mut pvm = loaded(&rebooting(3), Version::R2);
    assert_eq!(
        number(&pvm, "/readonly/kernel/env/reboot_counter"),
        Some(1000)
    );
    for left in [999, 998] {
        let stop = pvm.kernel_run(&mut Interpreter, &mut Listener::default());
        assert_eq!((stop, pvm.is_snapshot()), (Ok(Stop::Boundary), true));
        assert_eq!(
            number(&pvm, "/readonly/kernel/env/reboot_counter"),
            Some(left)
        );
        assert!(!pvm.world.inbox.unread().is_empty());
    }
    pvm.kernel_run(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert!(pvm.is_collecting() && pvm.world.inbox.unread().is_empty());
    assert_eq!(number(&pvm, "/runs"), Some(3));
    assert_eq!(
        number(&pvm, "/readonly/kernel/env/reboot_counter"),
        Some(1001)
    );
    assert_eq!(pvm.ticks(), 4 * 11_000_000_000);
}

#[test]
fn a_kernel_that_never_has_enough_runs_1001_times_and_the_next_level_begins_anew() {
    let mut pvm = loaded(&rebooting(1500), Version::R2);
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert_eq!(number(&pvm, "/runs"), Some(1001));
    assert!(has(&pvm, &keys::TOO_MANY_REBOOTS));
    pvm.load(1, no_level()).unwrap();
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert_eq!(number(&pvm, "/runs"), Some(1500));
    assert!(!has(&pvm, &keys::TOO_MANY_REBOOTS));
}

const TRAP_AFTER_WRITE: &str = r#"(module
    (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "m") 1)
    (data (i32.const 0) "/key")
    (func (export "kernel_run")
        (drop (call $write (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4)))
        unreachable))"#;

#[test]
fn a_trap_leaves_its_flag_and_what_was_written_before() {
    let mut pvm = loaded(TRAP_AFTER_WRITE, Version::R2);
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert!(has(&pvm, &keys::STUCK) && has(&pvm, &Path::known("/key")));
    assert!(pvm.is_collecting());
    let mut pvm = loaded(TRAP_AFTER_WRITE, Version::R2);
    pvm.step_until(Until::Result, &mut Listener::default())
        .unwrap();
    assert_eq!(
        pvm.internal_status(),
        "Evaluation failed (unreachable executed)"
    );
}

/// A kernel that replaces itself by the bytes that follow.
fn upgrading(to: &[u8]) -> String {
    let bytes: String = to.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
            (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
            (import "smart_rollup_core" "store_delete" (func $delete (param i32 i32) (result i32)))
            (memory (export "m") 1)
            (data (i32.const 0) "/kernel/boot.wasm/kernel/env/reboot")
            (data (i32.const 100) "{bytes}")
            (func (export "kernel_run")
                (drop (call $delete (i32.const 0) (i32.const 17)))
                (drop (call $write (i32.const 0) (i32.const 17) (i32.const 0) (i32.const 100) (i32.const {})))
                (drop (call $write (i32.const 17) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))"#,
        to.len()
    )
}

#[test]
fn an_upgrade_takes_effect_with_the_next_run() {
    let printing = wasm(
        r#"(module
            (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
            (memory (export "m") 1) (data (i32.const 0) "new")
            (func (export "kernel_run") (call $debug (i32.const 0) (i32.const 3))))"#,
    );
    let mut pvm = loaded(&upgrading(&printing), Version::R2);
    let mut listener = Listener::default();
    pvm.run_level(&mut Interpreter, &mut listener).unwrap();
    assert_eq!(listener.printed, "new");
    assert_eq!(
        pvm.world.durable.value(&keys::FALLBACK).unwrap().to_vec(),
        printing
    );
}

#[test]
fn a_kernel_that_cannot_run_gives_way_to_the_last_one_that_could() {
    for bad in [&b"nonsense"[..], &wasm(&importing("nonsense", 1))] {
        let mut pvm = loaded(&upgrading(bad), Version::R2);
        let mut listener = Listener::default();
        pvm.kernel_run(&mut Interpreter, &mut listener).unwrap();
        pvm.kernel_run(&mut Interpreter, &mut listener).unwrap();
        assert!(has(&pvm, &keys::UPGRADE_ERROR));
        assert!(pvm.is_collecting(), "the bad kernel's run is lost");
        assert_eq!(
            pvm.world.durable.value(&keys::KERNEL),
            pvm.world.durable.value(&keys::FALLBACK)
        );
    }
}

#[test]
fn without_a_kernel_to_fall_back_to_the_machine_is_stuck_for_ever() {
    for (kernel, cause) in [
        (
            b"nonsense".to_vec(),
            "Decode_cause { raw_exception: 0x0: decoding error: ",
        ),
        (
            wasm(r#"(module (import "env" "f" (func)) (memory (export "m") 1))"#),
            "Link_cause Unexpected module import: env",
        ),
        (
            wasm(r#"(module (memory (export "m") 1) (data (i32.const 65536) "x"))"#),
            "Init_cause { raw_exception: out of bounds memory access; explanation: None }",
        ),
        (
            wasm(
                r#"(module (import "smart_rollup_core" "store_has" (func)) (memory (export "m") 1))"#,
            ),
            "Init_cause { raw_exception: incompatible import type for smart_rollup_core.store_has",
        ),
    ] {
        let mut pvm = Pvm::originate(&kernel, Version::R2);
        pvm.load(0, no_level()).unwrap();
        assert_eq!(
            pvm.run_level(&mut Interpreter, &mut Listener::default()),
            Ok(Stop::Stuck)
        );
        let status = pvm.internal_status();
        assert!(
            status.starts_with(&format!("Stuck (No_fallback_kernel ({cause}")),
            "{status}"
        );
        assert_eq!(pvm.load(1, no_level()), Err(NotCollecting));
    }
    let mut pvm = loaded(r#"(module (memory (export "m") 1))"#, Version::R2);
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert_eq!(
        pvm.internal_status(),
        "Stuck (Invalid_state (Invalid_module: no `kernel_run` function exported))"
    );
}

#[test]
fn a_step_while_messages_are_wanted_is_illegal() {
    let mut pvm = machine(&rebooting(1), Version::R2);
    pvm.step_until(Until::Ticks(1), &mut Listener::default())
        .unwrap();
    assert_eq!(
        pvm.internal_status(),
        "Stuck (Invalid_state (Collect is a input tick))"
    );
    assert_eq!(pvm.status(), Status::WaitingForInput);
}

#[test]
fn calls_nest_to_the_depth_of_the_version() {
    let nesting = |depth: u32| {
        format!(
            r#"(module (memory (export "m") 1)
                (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
                (func (export "kernel_run") (call $f (i32.const {depth}))))"#
        )
    };
    // kernel_run is the first, the call with 0 the last.
    for (version, most) in [(Version::V0, 299), (Version::R1, 59_999)] {
        for (depth, status) in [
            (most - 2, "Evaluation succeeded"),
            (
                most - 1,
                "Stuck (Eval_error { raw_exception: call stack exhausted; explanation: None })",
            ),
        ] {
            let mut pvm = loaded(&nesting(depth), version);
            pvm.step_until(Until::Result, &mut Listener::default())
                .unwrap();
            assert_eq!(pvm.internal_status(), status, "{version} {depth}");
        }
    }
    let mut pvm = loaded(&nesting(300), Version::V0);
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    assert_eq!(
        pvm.internal_status(),
        "Stuck (Eval_error { raw_exception: call stack exhausted; explanation: None })"
    );
}

/// The locals of 60,000 calls could be more than any machine has memory for.
#[test]
fn calls_nest_as_deep_as_there_is_room_for_their_locals() {
    let text = format!(
        r#"(module (memory (export "m") 1) (func $f (local {}) (call $f)) (func (export "kernel_run") (call $f)))"#,
        "i64 ".repeat(45_000)
    );
    let mut pvm = loaded(&text, Version::R2);
    let before = pvm.ticks();
    pvm.step_until(Until::Result, &mut Listener::default())
        .unwrap();
    assert_eq!(
        pvm.internal_status(),
        "Stuck (Eval_error { raw_exception: call stack exhausted; explanation: None })"
    );
    // 8 and two for every local at each call; there were fewer than 400 calls.
    assert!(pvm.ticks() - before < 400 * (8 + 2 * 45_000 + 6) + 200_000);
}

#[test]
fn a_kernel_that_never_ends_is_stuck_when_the_period_is_over() {
    let mut pvm = loaded(
        r#"(module (memory (export "m") 1) (func (export "kernel_run") (loop (br 0))))"#,
        Version::R2,
    );
    // As if most of the period had passed: the rest is 30,000 ticks.
    let before = pvm.ticks();
    pvm.period = 11_000_000_000 - 30_000;
    pvm.run_level(&mut NoResult, &mut Listener::default())
        .unwrap();
    assert_eq!(pvm.internal_status(), "Stuck (Too_many_ticks)");
    assert_eq!(pvm.ticks() - before, 30_000);
}

/// An executor that leaves everything to the interpreter.
struct NoResult;

impl Executor for NoResult {
    fn run(
        &mut self,
        _: &Arc<Kernel>,
        _: &Arc<[link::Link]>,
        _: u32,
        _: Version,
        _: &mut World,
        _: &mut dyn Surroundings,
    ) -> Result<u64, Unfinished> {
        Err(Unfinished::Undecided("never".into()))
    }
}

#[test]
fn a_reveal_waits_tick_by_tick_and_is_answered_at_once_otherwise() {
    let text = r#"(module
        (import "smart_rollup_core" "reveal_metadata" (func $reveal (param i32 i32) (result i32)))
        (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
        (memory (export "m") 1)
        (func (export "kernel_run") (call $debug (i32.const 8) (call $reveal (i32.const 8) (i32.const 100)))))"#;
    let mut pvm = loaded(text, Version::R2);
    let mut listener = Listener::default();
    while pvm.step_until(Until::Ticks(1), &mut listener).unwrap() != Stop::Reveal {}
    assert_eq!(pvm.status(), Status::WaitingForReveal(Request::Metadata));
    assert_eq!(
        pvm.step_until(Until::Ticks(5), &mut listener),
        Ok(Stop::Reveal)
    );
    assert!(pvm.answer(b"by hand") && !pvm.answer(b"again"));
    pvm.step_until(Until::Input, &mut listener).unwrap();
    assert_eq!(
        (listener.printed.as_str(), listener.reveals.len()),
        ("by hand", 0)
    );

    let mut pvm = loaded(text, Version::R2);
    pvm.run_level(&mut Interpreter, &mut listener).unwrap();
    assert_eq!(
        (listener.printed.as_str(), &listener.reveals[..]),
        ("by handrevealed", &[Request::Metadata][..])
    );
}

#[test]
fn both_ways_of_running_leave_the_same_world_and_the_same_ticks() {
    for text in [
        rebooting(5),
        importing("store_create", 3),
        TRAP_AFTER_WRITE.to_owned(),
    ] {
        let mut at_once = loaded(&text, Version::R2);
        let mut by_ticks = at_once.clone();
        at_once
            .run_level(&mut Interpreter, &mut Listener::default())
            .unwrap();
        while !by_ticks.is_collecting() {
            by_ticks
                .step_until(Until::Ticks(7), &mut Listener::default())
                .unwrap();
            if by_ticks.internal_status() == "Padding" {
                by_ticks
                    .step_until(Until::KernelRun, &mut Listener::default())
                    .unwrap();
            }
        }
        assert!(at_once.world == by_ticks.world);
        assert_eq!(at_once.ticks(), by_ticks.ticks());
    }
}

#[test]
fn a_migration_changes_the_version_at_once() {
    let mut pvm = machine(&rebooting(1), Version::V0);
    let level = |name| crate::inbox::level(Default::default(), Some(name), false, Vec::new());
    pvm.load(0, level("nairobi_017")).unwrap();
    assert_eq!(pvm.version(), Version::R1);
    assert_eq!(
        pvm.world.durable.value(&keys::VERSION).unwrap().to_vec(),
        b"2.0.0-r1"
    );
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    let before = pvm.ticks();
    pvm.load(1, level("paris_019")).unwrap();
    assert_eq!(pvm.ticks() - before, 50_000_000_000_000);
    pvm.run_level(&mut Interpreter, &mut Listener::default())
        .unwrap();
    pvm.load(2, level("unknown_999")).unwrap();
    assert_eq!(pvm.version(), Version::R4);
}

/// Kernels published elsewhere, in a directory that the environment names: `echo.wasm` of the manual.
#[test]
fn the_published_ticks_of_the_echo_kernel() {
    let Some(directory) = std::env::var_os("PUBLISHED_KERNELS") else {
        return;
    };
    let bytes = std::fs::read(std::path::Path::new(&directory).join("echo.wasm")).unwrap();
    let mut pvm = Pvm::originate(&bytes, Version::R2);
    pvm.load(0, no_level()).unwrap();
    assert_eq!(pvm.kernel().unwrap().unwrap().decode_ticks, 522);
    assert_eq!(ticks_to(&mut pvm, "Padding"), 3174);
}
