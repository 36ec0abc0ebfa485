//! What the interpreter promises beside the right results, which all kinds of code are compared for elsewhere.

use std::sync::Arc;

use super::Program;
use crate::rewrite::{Metering, Plan, Shape, rewrite, survey};
use crate::testing::One;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// metering.md 5.2: what compiling is charged by does not depend on whether anything is compiled.
#[test]
fn a_module_that_is_not_rewritten_counts_the_same_for_compilation() {
    let module = wasm(
        r#"(module (memory 1) (global (mut i32) (i32.const 0)) (data $d "abc")
            (func (param i32) (result i32)
                (loop (br_if 0 (i32.eqz (local.get 0))) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
                (if (result i32) (local.get 0) (then (memory.grow (i32.const 1))) (else (i32.const 7))))
            (func (export "canister_update go") (block (br 0) nop) (drop (call 0 (i32.const 1)))))"#,
    );
    let plan = Plan::new(Shape::of(&module).unwrap(), &One);
    let surveyed = survey(&module, &plan).unwrap().unwrap();
    for metering in [Metering::Global, Metering::Lazy, Metering::Eager] {
        let rewritten = rewrite(&module, &plan, metering, false).unwrap();
        assert_eq!(surveyed.compile_operators, rewritten.compile_operators);
        assert_eq!(surveyed.saved_globals, rewritten.saved_globals);
        assert_eq!(surveyed.data, rewritten.data);
    }
}

#[test]
fn what_it_does_not_know_is_left_to_others() {
    let able = |text: &str| {
        let module = wasm(text);
        let plan = Plan::new(Shape::of(&module).unwrap(), &One);
        let program = Program::new(module.into(), &plan).map(Arc::new);
        // What stands in a function is found when it is called.
        program.is_some_and(|program| {
            program
                .code(0, || Plan::new(Shape::default(), &One))
                .is_some()
        })
    };
    assert!(able(
        "(module (func (param f64) (result f64) (f64.sqrt (local.get 0))))"
    ));
    assert!(!able("(module (func (local v128)))"));
    assert!(!able("(module (func (drop (i8x16.splat (i32.const 1)))))"));
    assert!(!able(
        "(module (global v128 (v128.const i64x2 0 0)) (func))"
    ));
    assert!(!able("(module (func $f (return_call $f)))"));
    assert!(!able("(module (func (drop (ref.null func))))"));
}

/// Neither the height of the stack nor the types of a module are gone through again and again.
#[test]
fn high_stacks_and_long_tables_of_branches_are_translated_or_left_at_once() {
    let high = format!(
        "(module (func (result i32) (local i32) {} {} {} i32.const 0))",
        "local.get 0 ".repeat(20_000),
        "i32.const 1 local.set 0 ".repeat(20_000),
        "drop ".repeat(20_000),
    );
    let branches = format!(
        "(module (type $many (func (result {results})))
          (func (block (type $many) (block (type $many) i32.const 9 {pushes} i32.const 7 br_table {targets}) {drops} {pushes}) {drops}))",
        results = "i32 ".repeat(1000),
        pushes = "i32.const 1 ".repeat(1000),
        targets = "1 ".repeat(20_000),
        drops = "drop ".repeat(1000),
    );
    for (text, translated) in [(high, true), (branches, false)] {
        let module = wasm(&text);
        let plan = Plan::new(Shape::of(&module).unwrap(), &One);
        let program = Program::new(module.into(), &plan).unwrap();
        assert_eq!(
            program
                .code(0, || Plan::new(Shape::default(), &One))
                .is_some(),
            translated
        );
    }
}
