//! One module for each rule of system-api.md, section 5, and what two faults in one module come to. Imports and
//! exports are in `interface`.

use super::*;
use crate::module::facts::{CustomSection, MethodKind};

fn check(text: &str) -> Result<ModuleFacts, ModuleError> {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    validate(&module, &ValidationLimits::REPLICA)
}

fn facts(text: &str) -> ModuleFacts {
    check(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The text behind "Canister's Wasm module is not valid: ".
fn fault(text: &str) -> String {
    match check(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error
            .to_string()
            .strip_prefix("Canister's Wasm module is not valid: ")
            .expect("a validation error")
            .to_owned(),
    }
}

/// The engine's reason, without the place.
fn engine_fault(text: &str) -> String {
    let fault = fault(text);
    let reason = fault
        .strip_prefix(
            "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with ",
        )
        .unwrap_or_else(|| panic!("not the engine's: {fault}"));
    reason.split(" (at offset 0x").next().unwrap().to_owned()
}

const CUSTOM: &str = "Wasm module has an invalid custom section. ";

mod interface;

#[test]
fn refused_proposals_are_named_in_the_engines_words() {
    for (module, reason) in [
        ("(memory 1) (memory 1)", "multiple memories"),
        (
            "(func (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0))))",
            "relaxed SIMD support is not enabled",
        ),
        ("(func (atomic.fence))", "threads support is not enabled"),
        (
            "(memory 1 1 shared)",
            "threads must be enabled for shared memories",
        ),
        (
            "(func (try_table (nop)))",
            "exceptions support is not enabled",
        ),
        ("(tag)", "exceptions proposal not enabled"),
        (
            "(func try end)",
            "legacy_exceptions feature required for try instruction",
        ),
        (
            "(func (param exnref))",
            "exception refs not supported without the exception handling feature",
        ),
        (
            "(func (drop (ref.i31 (i32.const 1))))",
            "gc support is not enabled",
        ),
        (
            "(type (struct))",
            "struct indexed types not supported without the gc feature",
        ),
        (
            "(type (array i32))",
            "array indexed types not supported without the gc feature",
        ),
        (
            "(rec (type (func)))",
            "rec group usage requires `gc` proposal to be enabled",
        ),
        (
            "(type (sub (func)))",
            "gc proposal must be enabled to use subtypes",
        ),
        (
            "(func (param anyref))",
            "heap types not supported without the gc feature",
        ),
        (
            "(func (param funcref) (drop (ref.as_non_null (local.get 0))))",
            "function references support is not enabled",
        ),
        (
            "(type $t (func)) (func (param (ref null $t)))",
            "function references required for index reference types",
        ),
        (
            "(table 1 funcref (ref.null func))",
            "tables with expression initializers require the function-references proposal",
        ),
        (
            "(type $f (func)) (type (cont $f))",
            "cannot define continuation types when stack switching is disabled",
        ),
        (
            "(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))",
            "memory control support is not enabled",
        ),
        (
            "(func (param i64) (i64.mul_wide_s (local.get 0) (local.get 0)) drop drop)",
            "wide arithmetic support is not enabled",
        ),
        (
            "(memory 1 (pagesize 1))",
            "the custom page sizes proposal must be enabled to customize a memory's page size",
        ),
        (
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
            "constant expression required: non-constant operator: i32.add",
        ),
        (
            "(global i32 (i32.const 1)) (global i32 (global.get 0))",
            "constant expression required: global.get of locally defined global",
        ),
    ] {
        assert_eq!(engine_fault(&format!("(module {module})")), reason);
    }
}

#[test]
fn ordinary_faults_are_told_in_the_engines_words() {
    for (module, reason) in [
        (
            "(memory 65537)",
            "memory size must be at most 0x10000 65536-byte pages",
        ),
        (
            "(func (result i32) (i64.const 0))",
            "type mismatch: expected i32, found i64",
        ),
        (
            "(func (i64.const 0))",
            "type mismatch: values remaining on stack at end of block",
        ),
        (
            "(func (call 99))",
            "unknown function 99: function index out of bounds",
        ),
        ("(func (drop (i32.load (i32.const 0))))", "unknown memory 0"),
        (
            "(func (export \"a\")) (func (export \"a\"))",
            "duplicate export name `a` already defined",
        ),
        (
            "(func $f (drop (ref.func $f)))",
            "undeclared function reference",
        ),
        (
            "(func $f (result i32) (i32.const 0)) (start $f)",
            "invalid start function type",
        ),
    ] {
        assert_eq!(engine_fault(&format!("(module {module})")), reason);
    }
}

#[test]
fn the_engine_tells_the_place() {
    assert_eq!(
        fault("(module (memory 1) (memory 1))"),
        "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with multiple memories (at offset 0xa)"
    );
}

#[test]
fn accepted_proposals_are_accepted() {
    let module = r#"(module
        (memory 1) (data $d "x") (table $t 2 funcref) (elem $e func $f)
        (func $f (param i32) (result i32 i64)
            (drop (f64.copysign (f64.const 1) (f64.const -1)))
            (drop (i32.trunc_sat_f32_s (f32.const 1)))
            (drop (i32.extend8_s (i32.const 1)))
            (drop (ref.is_null (ref.func $f)))
            (drop (ref.is_null (table.get $t (i32.const 0))))
            (drop (table.size $t))
            (drop (i32x4.add (v128.const i64x2 0 0) (v128.const i64x2 0 0)))
            (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
            (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
            (data.drop $d) (elem.drop $e)
            (i32.const 1) (i64.const 2))
        (func (param i32) (result i32 i64) (return_call $f (local.get 0)))
        (func (param i32) (result i32 i64)
            (return_call_indirect (param i32) (result i32 i64) (local.get 0) (i32.const 0))))"#;
    let found = facts(module);
    assert!(found.drops_segments && found.uses_tail_calls);
    assert!(found.uses_simd && found.uses_reference_types);
    assert!(facts("(module (memory i64 1) (table i64 1 funcref))").memory64);
    facts("(module (table 1 externref))");
}

#[test]
fn what_is_not_used_is_not_noted() {
    let found = facts("(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))");
    assert!(!found.drops_segments && !found.uses_tail_calls);
    assert!(!found.uses_simd && !found.uses_reference_types);
    assert!(facts("(module (func (local v128)))").uses_simd);
    assert!(facts("(module (func (param externref)))").uses_reference_types);
}

#[test]
fn globals_are_limited_in_number_and_type() {
    let globals = |count: usize| "(global i32 (i32.const 0))".repeat(count);
    facts(&format!("(module {})", globals(1000)));
    assert_eq!(
        fault(&format!(
            "(module (global funcref (ref.null func)) {})",
            globals(1000)
        )),
        "Wasm module defined 1001 globals which exceeds the maximum number allowed 1000."
    );
    for ty in ["func", "extern"] {
        assert_eq!(
            fault(&format!("(module (global {ty}ref (ref.null {ty})))")),
            format!(
                "Wasm module has an invalid global section. Unsupported global type: Ref({ty}ref)"
            )
        );
    }
    facts("(module (global v128 (v128.const i64x2 0 0)) (global f32 (f32.const 0)))");
}

#[test]
fn globals_are_counted_by_export_and_mutability() {
    assert_eq!(facts("(module)").counted_globals, 1);
    let found = facts(
        r#"(module
            (global $a i32 (i32.const 0))
            (global $b (mut i32) (i32.const 0))
            (global $c (export "c") i32 (i32.const 0))
            (global $d (export "d") (export "d2") (mut i32) (i32.const 0)))"#,
    );
    // b, c, d twice, and the counter.
    assert_eq!(found.counted_globals, 5);
}

#[test]
fn functions_are_limited_in_number() {
    let functions = |count: usize| {
        format!(
            r#"(module (import "ic0" "msg_reply" (func)) {})"#,
            "(func)".repeat(count)
        )
    };
    let found = facts(&functions(50_000));
    assert_eq!(found.function_count, 50_000);
    assert_eq!(found.imported_function_count, 1);
    assert_eq!(
        fault(&functions(50_001)),
        "Wasm module defined 50001 functions which exceeds the maximum number allowed 50000."
    );
}

#[test]
fn the_initial_memory_of_64_bit_modules_is_limited_per_network() {
    let module = |pages: u64| format!("(module (memory i64 {pages}))");
    assert_eq!(
        facts(&module(98_304)).memory,
        Some(MemoryLimits {
            initial_pages: 98_304,
            maximum_pages: None
        })
    );
    assert_eq!(
        fault(&module(98_305)),
        "Wasm module declares an initial Wasm64 heap memory size of 98305 pages which exceeds the maximum allowed size of 98304 pages."
    );
    let old = |pages: u64| {
        validate(
            &wat::parse_str(module(pages)).unwrap(),
            &ValidationLimits::OLD_DRUN,
        )
    };
    assert!(old(262_144).is_ok());
    assert_eq!(
        old(262_145),
        Err(ModuleError::InitialMemory64TooLarge {
            pages: 262_145,
            max: 262_144
        })
    );
}

#[test]
fn a_module_without_memory_is_a_32_bit_one() {
    let found = facts("(module)");
    assert!(!found.memory64);
    assert_eq!(found.memory, None);
    assert_eq!(
        facts("(module (memory 1 7))").memory,
        Some(MemoryLimits {
            initial_pages: 1,
            maximum_pages: Some(7)
        })
    );
}

#[test]
fn functions_are_limited_in_complexity() {
    // Twice 50 for each pair of block and branch, 1 for each end.
    let function = |pairs: usize, rest: usize| {
        format!(
            r#"(module (import "ic0" "msg_reply" (func)) (func) (func {} {}))"#,
            "(block (br 0))".repeat(pairs),
            "(nop)".repeat(rest)
        )
    };
    facts(&function(9_900, 99));
    assert_eq!(
        fault(&function(9_900, 100)),
        "Wasm module contains a function at index 2 with complexity 1000001 which exceeds the maximum complexity allowed 1000000."
    );
}

#[test]
fn instructions_that_change_tables_are_refused() {
    for (instruction, name) in [
        (
            "(drop (table.grow (ref.null func) (i32.const 1)))",
            "table.grow",
        ),
        ("(table.set (i32.const 0) (ref.null func))", "table.set"),
        (
            "(table.fill (i32.const 0) (ref.null func) (i32.const 0))",
            "table.fill",
        ),
        (
            "(table.copy (i32.const 0) (i32.const 0) (i32.const 0))",
            "table.copy",
        ),
        (
            "(table.init $e (i32.const 0) (i32.const 0) (i32.const 0))",
            "table.init",
        ),
    ] {
        assert_eq!(
            fault(&format!(
                r#"(module (import "ic0" "msg_reply" (func)) (table 1 funcref) (elem $e func)
                    (func) (func {instruction}))"#
            )),
            format!(
                "Wasm module contains a function at index 2 with unsupported instruction {name}."
            )
        );
    }
}

#[test]
fn metadata_sections_are_read_with_their_scope() {
    let found = facts(
        r#"(module (@custom "icp:public a b" "x") (@custom "icp:private " "yz") (@custom "icp" "")
            (@custom "other" ""))"#,
    );
    assert_eq!(
        found.custom_sections,
        [
            CustomSection {
                public: true,
                name: "a b".to_owned(),
                content: b"x".to_vec()
            },
            CustomSection {
                public: false,
                name: String::new(),
                content: b"yz".to_vec()
            }
        ]
    );
}

#[test]
fn metadata_sections_must_have_scope_and_distinct_names() {
    for (sections, reason) in [
        (
            r#"(@custom "icp:public" "")"#,
            "'icp:' section names must have a space after the public/private scope",
        ),
        (
            r#"(@custom "icp:private" "")"#,
            "'icp:' section names must have a space after the public/private scope",
        ),
        (
            r#"(@custom "icp:publicX" "")"#,
            "Invalid custom section: Custom section 'icp:publicX' has no public/private scope defined.",
        ),
        (
            r#"(@custom "icp:protected y" "")"#,
            "Invalid custom section: Custom section 'icp:protected y' has no public/private scope defined.",
        ),
        (
            r#"(@custom "icp:public a" "") (@custom "icp:private a" "")"#,
            "Invalid custom section: name a already exists",
        ),
    ] {
        assert_eq!(
            fault(&format!("(module {sections})")),
            format!("{CUSTOM}{reason}")
        );
    }
}

#[test]
fn metadata_sections_are_limited_in_number_and_size() {
    let sections = |names: &[String]| {
        let sections: String = names
            .iter()
            .map(|name| format!(r#"(@custom "icp:public {name}" "")"#))
            .collect();
        format!("(module {sections})")
    };
    let mut names: Vec<String> = (0..16).map(|i| i.to_string()).collect();
    facts(&sections(&names));
    names.push("15".to_owned());
    assert_eq!(
        fault(&sections(&names)),
        format!("{CUSTOM}Invalid custom section: name 15 already exists")
    );
    names[16] = "16".to_owned();
    assert_eq!(
        fault(&sections(&names)),
        "Wasm module defined 17 custom sections which exceeds the maximum number allowed 16."
    );
    let sized = |len: usize| format!(r#"(module (@custom "icp:public n" "{}"))"#, "x".repeat(len));
    facts(&sized(1_048_575));
    assert_eq!(
        fault(&sized(1_048_576)),
        format!(
            "{CUSTOM}Invalid custom sections: total size of the custom sections exceeds the maximum allowed: size 1048577 bytes, allowed 1048576 bytes"
        )
    );
}

#[test]
fn of_two_faults_the_one_of_the_earlier_step_is_told() {
    // Each module has the fault of its step and those of all later steps.
    let steps = [
        ("(memory 1) (func (nop) (i32.const 0))", "Wasmtime failed"),
        (
            r#"(import "a" "b" (func))"#,
            "Wasm module has an invalid import",
        ),
        (
            r#"(func (export "canister_foo"))"#,
            "Wasm module has an invalid export",
        ),
        (
            "(global funcref (ref.null func))",
            "Wasm module has an invalid global",
        ),
        (
            "(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))",
            "Wasm module contains a function",
        ),
        (
            r#"(@custom "icp:x" "")"#,
            "Wasm module has an invalid custom",
        ),
    ];
    for (step, (_, expected)) in steps.iter().enumerate() {
        let mut fields: Vec<&str> = steps[step..].iter().map(|(fields, _)| *fields).collect();
        // The text format wants imports before everything else.
        fields.sort_by_key(|field| !field.starts_with("(import"));
        let found = fault(&format!("(module {})", fields.concat()));
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn headers_that_cannot_be_walked_are_found_before_the_engine_looks() {
    for (module, reason) in [
        (&b"\0asm"[..], "unexpected end-of-file (at offset 0x4)"),
        (
            b"\0asm\x02\0\0\0",
            "unknown binary version:        0x2 (at offset 0x4)",
        ),
        (
            b"\0asm\x01\0\0\0\x0a",
            "unexpected end-of-file (at offset 0x9)",
        ),
        (
            b"\0asm\x01\0\0\0\x05\x03\x01\0\x01\x05\x03\x01\0\x01",
            "section out of order (at offset 0xf)",
        ),
    ] {
        assert_eq!(
            validate(module, &ValidationLimits::REPLICA),
            Err(ModuleError::CodeSectionUnreadable(reason.to_owned()))
        );
    }
}

#[test]
fn a_code_section_over_11_mib_is_refused_before_the_engine_looks() {
    // One function, whose body is what is left of the section and no valid code.
    let module = |contents: u32| {
        let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".to_vec();
        wasm_encoder::Encode::encode(&(contents + 1), &mut module);
        module.push(1);
        let length = module.len();
        wasm_encoder::Encode::encode(&(contents - 4), &mut module);
        module.resize(length + contents as usize, 0xff);
        module
    };
    assert_eq!(
        validate(&module(11_534_337), &ValidationLimits::REPLICA),
        Err(ModuleError::CodeSectionTooLarge {
            size: 11_534_337,
            max: 11_534_336
        })
    );
    assert!(matches!(
        validate(&module(11_534_336), &ValidationLimits::REPLICA),
        Err(ModuleError::EngineRejected(_))
    ));
}

#[test]
fn a_damaged_name_section_is_the_parsers_fault() {
    let module = b"\0asm\x01\0\0\0\0\x08\x04name\xff\xff\xff";
    assert_eq!(
        validate(module, &ValidationLimits::REPLICA),
        Err(ModuleError::Unparsable(
            "invalid u7 (at offset 0xf)".to_owned()
        ))
    );
}

#[test]
fn names_of_functions_are_limited_since_2026() {
    let check = |len: usize, limits| {
        let name = "é".repeat(len / 2) + &"e".repeat(len % 2);
        let module =
            format!(r#"(module (import "ic0" "msg_reply" (func)) (func (@name "{name}")))"#);
        validate(&wat::parse_str(module).unwrap(), &limits)
    };
    const MIB: usize = 1 << 20;
    for (len, limits) in [
        (MIB, ValidationLimits::TODAY),
        (MIB + 1, ValidationLimits::REPLICA),
        (MIB + 1, ValidationLimits::OLD_DRUN),
    ] {
        assert!(check(len, limits).is_ok());
    }
    assert_eq!(
        check(MIB + 1, ValidationLimits::TODAY),
        Err(ModuleError::FunctionNameTooLong {
            index: 1,
            shortened: "é".repeat(50) + "...",
            size: 1_048_577,
            max: 1_048_576,
        })
    );
}

#[test]
fn old_motoko_modules_are_recognised() {
    const HELPER: &str = r#"(func (export "canister_update __motoko_async_helper"))"#;
    let old = |rest: &str| facts(&format!("(module {HELPER} {rest})")).old_motoko_reserved_pages;
    assert!(old("(memory 1)"));
    assert!(!old("(memory i64 1)"));
    assert!(!old(r#"(@custom "icp:private motoko:compiler" "0.1")"#));
    assert!(!old(r#"(@custom "icp:public motoko:compiler" "0.1")"#));
    assert!(!facts("(module (memory 1))").old_motoko_reserved_pages);
    assert!(
        !facts(r#"(module (func (export "canister_query __motoko_async_helper")))"#)
            .old_motoko_reserved_pages
    );
}
