//! Code that counts itself against the interpreter, both run by the interpreter.

use super::*;
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
fn code_that_counts_itself_agrees_with_the_interpreter_on_random_modules() {
    let mut state = 88_172_645_463_325_252u64;
    let mut compared = 0;
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..4096)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        let config = wasm_smith::Config {
            allow_floats: false,
            bulk_memory_enabled: true,
            disallow_traps: true,
            export_everything: true,
            exceptions_enabled: false,
            gc_enabled: false,
            max_imports: 0,
            max_memories: 1,
            max_memory32_bytes: 1 << 20,
            memory64_enabled: false,
            min_memories: 1,
            min_funcs: 3,
            reference_types_enabled: true,
            relaxed_simd_enabled: false,
            simd_enabled: false,
            tail_call_enabled: false,
            threads_enabled: false,
            wide_arithmetic_enabled: false,
            ..wasm_smith::Config::default()
        };
        let mut source = arbitrary::Unstructured::new(&bytes);
        let Ok(mut module) = wasm_smith::Module::new(config, &mut source) else {
            continue;
        };
        if module.ensure_termination(1000).is_err() {
            continue;
        }
        compared += compare(&module.to_bytes());
    }
    assert!(compared > 50, "only {compared} functions were compared");
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
