//! The rules for what a module imports and exports (system-api.md 5.5, 5.6).

use super::*;
use crate::module::ic0_table::{Ic0Function, Slot, ic0_functions};

const IMPORTS: &str = "Wasm module has an invalid import section. ";
const EXPORTS: &str = "Wasm module has an invalid export section. ";
const SIGNATURE: &str = "Wasm module has an invalid function signature. ";

#[test]
fn imports_must_be_functions_of_ic0() {
    for (module, reason) in [
        (
            r#"(import "env" "foo" (func))"#,
            "Module imports function 'foo' from 'env' that is not exported by the runtime.",
        ),
        (
            r#"(import "ic0" "mint_cycles" (func (param i64) (result i64)))"#,
            "Module imports function 'mint_cycles' from 'ic0' that is not exported by the runtime.",
        ),
        (
            r#"(import "IC0" "msg_reply" (func (param i32)))"#,
            "Module imports function \"msg_reply\" from \"IC0\", expected to be imported from one of [\"ic0\"] instead.",
        ),
        (
            r#"(import "x" "table" (table 1 funcref))"#,
            "Only tables imported from env.table are allowed.",
        ),
        (
            r#"(import "x" "memory" (memory 1))"#,
            "Only memory imported from env.memory is allowed.",
        ),
        (
            r#"(import "env" "memory" (global i32))"#,
            "Importing globals is not allowed.",
        ),
        // The first fault of any kind is told.
        (
            r#"(import "ic0" "msg_reply" (func)) (import "a" "b" (func)) (import "a" "b" (global i32))"#,
            "Module imports function 'b' from 'a' that is not exported by the runtime.",
        ),
    ] {
        assert_eq!(
            fault(&format!("(module {module})")),
            format!("{IMPORTS}{reason}")
        );
    }
}

#[test]
fn memories_and_tables_of_other_names_are_left_to_the_linker() {
    facts(
        r#"(module (import "env" "memory" (memory 1)) (import "env" "table" (table 1 funcref)))"#,
    );
    facts(r#"(module (import "a" "b" (memory 1)) (import "c" "d" (table 1 funcref)))"#);
}

#[test]
fn imports_must_have_their_types_parameters_first() {
    for (import, reason) in [
        (
            r#"(import "ic0" "msg_reply" (func (param i32) (result i64)))"#,
            "Expected input params [] for 'msg_reply', got [I32].",
        ),
        (
            r#"(import "ic0" "msg_reply_data_append" (func (param i64 i64)))"#,
            "Expected input params [I32, I32] for 'msg_reply_data_append', got [I64, I64].",
        ),
        (
            r#"(import "ic0" "time" (func (result f32 f64)))"#,
            "Expected return type [I64] for 'time', got [F32, F64].",
        ),
        (
            r#"(import "ic0" "msg_reply" (func (param v128 funcref externref)))"#,
            "Expected input params [] for 'msg_reply', got [V128, FuncRefNull, ExternRefNull].",
        ),
    ] {
        assert_eq!(
            fault(&format!("(module {import})")),
            format!("{SIGNATURE}{reason}")
        );
    }
}

/// A module that imports a function with exactly the type of the table, written out.
fn importing(function: &Ic0Function, memory64: bool) -> String {
    let list = |slots: &[Slot]| -> String {
        slots
            .iter()
            .map(|slot| format!(" {}", slot.value_type(memory64)))
            .collect()
    };
    format!(
        r#"(module (import "ic0" "{}" (func (param{}) (result{}))) (memory {} 1))"#,
        function.name,
        list(function.parameters),
        list(function.results),
        if memory64 { "i64" } else { "i32" }
    )
}

#[test]
fn every_function_of_ic0_can_be_imported_by_the_modules_that_have_it() {
    for function in ic0_functions() {
        let of_today = |text: String| {
            let module = wat::parse_str(&text).expect("valid text");
            validate(&module, &ValidationLimits::TODAY)
        };
        let narrow = of_today(importing(function, false)).expect("it is admitted");
        assert_eq!(narrow.imports, [function.name]);
        let wide = of_today(importing(function, true));
        assert_eq!(wide.is_err(), function.only_32_bit, "{}", function.name);
    }
    let mut only_32_bit: Vec<&str> = ic0_functions()
        .iter()
        .filter(|function| function.only_32_bit)
        .map(|function| function.name)
        .collect();
    only_32_bit.sort_unstable();
    assert_eq!(
        only_32_bit,
        [
            "call_cycles_add",
            "canister_cycle_balance",
            "msg_cycles_accept",
            "msg_cycles_available",
            "msg_cycles_refunded",
            "stable_grow",
            "stable_read",
            "stable_size",
            "stable_write",
        ]
    );
}

#[test]
fn stable64_has_the_same_types_in_both_kinds_of_module() {
    let import = r#"(import "ic0" "stable64_write" (func (param i64 i64 i64)))"#;
    facts(&format!("(module {import} (memory 1))"));
    facts(&format!("(module {import} (memory i64 1))"));
}

#[test]
fn reserved_exports_are_refused() {
    for name in [
        "canister counter_instructions",
        "canister_start",
        "canister counter_dirty_pages",
        "canister counter_accessed_pages",
        "stable_memory",
        "stable_bytemap_memory",
    ] {
        let expected = format!("{EXPORTS}Exporting reserved symbol {name} not allowed.");
        assert_eq!(
            fault(&format!(r#"(module (func (export "{name}")))"#)),
            expected
        );
        assert_eq!(
            fault(&format!(r#"(module (memory (export "{name}") 1))"#)),
            expected
        );
    }
    for name in [
        "canister_foo",
        "canister_update",
        "canister_updatex",
        "canister_init2",
    ] {
        assert_eq!(
            fault(&format!(r#"(module (func (export "{name}")))"#)),
            format!("{EXPORTS}Exporting reserved function '{name}' with \"canister_\" prefix")
        );
        facts(&format!(
            r#"(module (global (export "{name}") i32 (i32.const 0)))"#
        ));
    }
}

#[test]
fn entry_points_take_and_return_nothing() {
    for name in [
        "canister_init",
        "canister_pre_upgrade",
        "canister_post_upgrade",
        "canister_inspect_message",
        "canister_heartbeat",
        "canister_global_timer",
        "canister_on_low_wasm_memory",
        "canister_update a",
        "canister_query ",
        "canister_composite_query a b",
    ] {
        assert_eq!(
            fault(&format!(
                r#"(module (func (export "{name}") (param i32) (result i32) (i32.const 1)))"#
            )),
            format!("{SIGNATURE}Expected input params [] for '{name}', got [I32].")
        );
        assert_eq!(
            fault(&format!(
                r#"(module (func (export "{name}") (result i32) (i32.const 1)))"#
            )),
            format!("{SIGNATURE}Expected return type [] for '{name}', got [I32].")
        );
    }
}

#[test]
fn methods_and_entry_points_are_noted() {
    let found = facts(
        r#"(module (func $f)
            (export "canister_update a" (func $f)) (export "canister_query b c" (func $f))
            (export "canister_composite_query " (func $f)) (export "other" (func $f))
            (export "canister_init" (func $f)) (export "canister_heartbeat" (func $f))
            (global (export "canister_global_timer") i32 (i32.const 0))
            (memory (export "canister_pre_upgrade") 1)
            (table (export "canister_update t") 1 funcref)
            (start $f))"#,
    );
    assert_eq!(
        found.methods.into_iter().collect::<Vec<_>>(),
        [
            (String::new(), MethodKind::CompositeQuery),
            ("a".to_owned(), MethodKind::Update),
            ("b c".to_owned(), MethodKind::Query),
        ]
    );
    assert!(found.has_init && found.has_heartbeat && found.has_start && found.has_global_timer);
    assert!(!found.has_pre_upgrade && !found.has_post_upgrade);
    assert!(!found.has_inspect_message && !found.has_on_low_wasm_memory);
    assert_eq!(
        found.not_functions.into_iter().collect::<Vec<_>>(),
        ["canister_global_timer"]
    );
}

#[test]
fn a_method_has_one_kind() {
    assert_eq!(
        fault(r#"(module (func (export "canister_query a") (export "canister_update a")))"#),
        "Duplicate function 'a' exported multiple times with different call types: update, query, or composite_query."
    );
}

fn methods(count: usize, name_len: usize) -> String {
    let exports: String = (0..count)
        .map(|i| format!(r#"(export "canister_update {i:0name_len$}" (func 0))"#))
        .collect();
    format!("(module (func) {exports})")
}

#[test]
fn methods_are_limited_in_number_and_length() {
    const METHODS: &str = "exported functions called `canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`";
    facts(&methods(1000, 20));
    assert_eq!(
        fault(&methods(1001, 20)),
        format!("The number of {METHODS} is 1001 which exceeds 1000.")
    );
    facts(&methods(1, 20_000));
    assert_eq!(
        fault(&methods(1, 20_001)),
        format!(
            "The sum of `<name>` lengths in {METHODS} is 20001 which exceeds the allowed limit of 20000."
        )
    );
}
