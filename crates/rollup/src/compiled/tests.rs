//! Code that counts itself against the interpreter, both run by the interpreter.

use super::*;
use crate::compiled::programs::program;
use crate::host::World;
use crate::interpreter::{AFTER_RUN, Context, Ended, Event, Machine};
use std::sync::Arc;

/// Runs a function on the interpreter: its ticks from entry to the end of its body, and its counter, where it has
/// one and the function returned.
fn run(kernel: &Arc<Kernel>, function: u32, counter: Option<usize>) -> Option<(u64, u64)> {
    let mut machine = Machine::new(Arc::clone(kernel), Arc::new([]), 60_000).ok()?;
    let mut world = World::default();
    let mut budget = 3_000_000;
    let mut before = 0;
    loop {
        let mut context = Context {
            world: &mut world,
            debug: &mut |_, _| {},
        };
        match machine.advance(&mut budget, &mut context)? {
            Event::Ready => {
                before = machine.spent();
                machine.begin(function);
            }
            Event::Ended(Ended::Succeeded) => {
                let counted = counter.map_or(0, |n| machine.global(n));
                return Some((machine.spent() - before - AFTER_RUN, counted));
            }
            _ => return None,
        }
    }
}

fn compare(wasm: &[u8]) -> usize {
    let Ok(kernel) = Kernel::decode(wasm.into()) else {
        return 0;
    };
    let Some(counting) = instrument(&kernel, 60_000) else {
        return 0;
    };
    let counting = Kernel::decode(counting.into()).unwrap_or_else(|error| panic!("{error}"));
    let mut compared = 0;
    for function in 0..kernel.function_count() {
        let ty = kernel.signature(function);
        if !ty.params.is_empty() || !ty.results.is_empty() {
            continue;
        }
        let Some((ticks, _)) = run(&kernel, function, None) else {
            continue;
        };
        // The counters cost ticks themselves, and calls grow no deeper.
        let Some((_, counted)) = run(&counting, function, Some(kernel.globals.len())) else {
            continue;
        };
        assert_eq!(counted, ticks, "function {function}");
        compared += 1;
    }
    compared
}

#[test]
fn code_that_counts_itself_agrees_with_the_interpreter_on_random_programs() {
    let compared = (0..600).map(|seed| compare(&program(seed))).sum::<usize>();
    assert!(compared > 500, "only {compared} programs were compared");
}

#[test]
fn every_kind_of_branch_is_counted() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "m") 1) (global $g (mut i32) (i32.const 0)) (table 2 funcref) (elem (i32.const 0) $leaf $sum)
            (type $t (func (param i32 i32) (result i32)))
            (func $leaf (param i32 i32) (result i32) (if (local.get 0) (then (return (i32.const 3)))) (i32.const 4))
            (func $sum (type $t) (local i64 i64) (i32.add (local.get 0) (local.get 1)))
            (func $pick (param i32) (result i32)
                (block (result i32) (block (result i32) (block (result i32)
                    (i32.const 7) (br_table 0 2 1 3 0 (local.get 0)))
                    (drop) (i32.const 8))
                    (i32.const 1) (i32.add)))
            (func $loop (local i32)
                (loop $more
                    (i32.const 5)
                    (if (result i32) (i32.and (local.get 0) (i32.const 1)) (then (i32.const 1)) (else (i32.const 2)))
                    (drop) (drop)
                    (if (i32.eq (local.get 0) (i32.const 3)) (then (nop)))
                    (drop (call $pick (local.get 0)))
                    (drop (call_indirect (type $t) (i32.const 1) (local.get 0) (i32.and (local.get 0) (i32.const 1))))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
                    (memory.copy (i32.const 9) (i32.const 1) (local.get 0))
                    (br_if $more (i32.lt_u (local.get 0) (i32.const 10)))))
            (func (export "kernel_run") (block (call $loop) (br 1)) (unreachable)))"#,
    )
    .unwrap();
    assert_eq!(compare(&wasm), 2);
}
