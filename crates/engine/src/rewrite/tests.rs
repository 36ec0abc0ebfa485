//! Rewritten modules, compiled by both code generators and run: what the host is told and handed. What execution
//! costs is in `metering`.

use wasmtime::{Caller, Config, Engine, Instance, Linker, Module, Store, Strategy, Trap, Val};

use super::*;

/// The weights of the Internet Computer, of which the examples tell.
#[path = "../../../ic/src/module/weights.rs"]
mod weights;

struct Examples;

impl Weights for Examples {
    fn operator(&self, operator: &wasmparser::Operator<'_>, memory64: bool) -> u64 {
        weights::weight(operator, memory64)
    }

    fn function(&self) -> u64 {
        weights::FUNCTION_ENTRY
    }
}

fn prepared(text: &str) -> Result<Rewritten, Defect> {
    prepared_for(text, Metering::Global)
}

fn prepared_for(text: &str, metering: Metering) -> Result<Rewritten, Defect> {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    wasmparser::Validator::new_with_features(crate::FEATURES)
        .validate_all(&module)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let plan = Plan {
        shape: Shape::of(&module)?,
        weights: &Examples,
        compile_base: 72,
        counted: None,
        max_wasm64_pages: 98_304,
        max_table_elements: 1_000_000,
        start: Some(START_EXPORT),
    };
    rewrite(&module, &plan, metering, false)
}

/// What the start function is exported as.
const START_EXPORT: &str = "the start";

fn instrumented(text: &str) -> Rewritten {
    prepared(text).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn engine_error(text: &str) -> String {
    match prepared(text) {
        Err(Defect::Instantiation(text)) => text,
        other => panic!("{other:?}\n{text}"),
    }
}

/// What a host that only meters has seen.
#[derive(Default)]
struct Host {
    /// Instructions that the counter was set to in total.
    granted: i64,
    /// What the counter is set to when it has run out; without it execution ends.
    refill: Option<i64>,
    grown: Vec<(i64, i64)>,
    stable_pages_written: Vec<i64>,
}

/// A running module, as the host would set it up.
struct Running {
    metering: Metering,
    store: Store<Host>,
    instance: Instance,
}

/// Raised where the host ends an execution.
#[derive(Debug)]
struct OutOfInstructions;

impl std::fmt::Display for OutOfInstructions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("out of instructions")
    }
}

impl std::error::Error for OutOfInstructions {}

fn charge(caller: &mut Caller<'_, Host>, amount: i64) -> i64 {
    let counter = caller.get_export(COUNTER_EXPORT).unwrap();
    let counter = counter.into_global().unwrap();
    let left = counter.get(&mut *caller).unwrap_i64() - amount;
    counter.set(&mut *caller, Val::I64(left)).unwrap();
    left
}

/// What the examples need to know of the charges of metering.md 3.2; whatever they do not call is free.
fn call_host(caller: &mut Caller<'_, Host>, name: &str, arguments: &[Val]) -> i64 {
    let argument = |index: usize| match arguments[index] {
        Val::I32(value) => i64::from(value),
        Val::I64(value) => value,
        _ => panic!("no other types occur"),
    };
    match name {
        "performance_counter" => {
            let left = charge(caller, 200);
            return caller.data().granted - left;
        }
        "stable64_grow" => _ = charge(caller, 100),
        "stable64_read" => _ = charge(caller, 20 + argument(2)),
        "stable64_write" => {
            let (offset, len) = (argument(0), argument(2));
            let mut fresh = 0;
            for page in offset / 4096..=(offset + len - 1) / 4096 {
                let written = &mut caller.data_mut().stable_pages_written;
                if !written.contains(&page) {
                    written.push(page);
                    fresh += 1;
                }
            }
            charge(caller, 20 + len + 1000 * fresh);
        }
        "msg_reply" => _ = charge(caller, 500),
        "msg_reply_data_append" => _ = charge(caller, 500 + 50 * argument(1)),
        _ => {}
    }
    0
}

impl Running {
    /// `None` if the code generator cannot compile this module.
    fn start(text: &str, strategy: Strategy, metering: Metering) -> Option<Running> {
        let module =
            prepared_for(text, metering).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        let mut config = Config::new();
        config.strategy(strategy).macos_use_mach_ports(false);
        let engine = Engine::new(&config).unwrap();
        let compiled = match Module::new(&engine, &module.wasm) {
            Ok(compiled) => compiled,
            Err(error) => {
                assert!(
                    matches!(strategy, Strategy::Winch)
                        && (module.shape.needs_optimizing || text.contains("v128")),
                    "{error:?}\n{text}"
                );
                return None;
            }
        };
        let mut linker: Linker<Host> = Linker::new(&engine);
        for import in compiled.imports().filter(|import| import.module() == "ic0") {
            let name = import.name().to_owned();
            let ty = import.ty().unwrap_func().clone();
            let is_i64 = matches!(ty.results().next(), Some(wasmtime::ValType::I64));
            let call = move |mut caller: Caller<'_, Host>, arguments: &[Val], out: &mut [Val]| {
                let (given, arguments) = arguments.split_last().unwrap();
                let (given_back, out) = out.split_last_mut().unwrap();
                let counter = caller.get_export(COUNTER_EXPORT).unwrap();
                let counter = counter.into_global().unwrap();
                counter.set(&mut caller, *given).unwrap();
                let value = call_host(&mut caller, &name, arguments);
                *given_back = counter.get(&mut caller);
                if let Some(result) = out.first_mut() {
                    *result = if is_i64 {
                        Val::I64(value)
                    } else {
                        Val::I32(value as i32)
                    };
                }
                Ok(())
            };
            linker.func_new("ic0", import.name(), ty, call).unwrap();
        }
        linker
            .func_wrap(
                HOST_MODULE,
                OUT_OF_INSTRUCTIONS,
                |mut caller: Caller<'_, Host>| -> wasmtime::Result<()> {
                    let refill = caller.data().refill.ok_or(OutOfInstructions)?;
                    caller.data_mut().granted += refill;
                    charge(&mut caller, -refill);
                    Ok(())
                },
            )
            .unwrap();
        linker
            .func_wrap(
                HOST_MODULE,
                MEMORY_GROWN,
                |mut caller: Caller<'_, Host>, previous: i64, delta: i64| {
                    caller.data_mut().grown.push((previous, delta));
                },
            )
            .unwrap();
        let mut store = Store::new(&engine, Host::default());
        let instance = linker.instantiate(&mut store, &compiled).unwrap();
        if let Some(memory) = instance.get_memory(&mut store, MEMORY_EXPORT) {
            for segment in &module.data {
                let offset = usize::try_from(segment.offset).unwrap();
                memory.write(&mut store, offset, &segment.bytes).unwrap();
            }
        }
        Some(Running {
            metering,
            store,
            instance,
        })
    }

    fn counter(&mut self) -> i64 {
        let counter = self.instance.get_global(&mut self.store, COUNTER_EXPORT);
        counter.unwrap().get(&mut self.store).unwrap_i64()
    }

    /// Runs an export with a limit; its results as integers.
    fn call(&mut self, export: &str, limit: i64) -> Result<Vec<i64>, wasmtime::Error> {
        let counter = self.instance.get_global(&mut self.store, COUNTER_EXPORT);
        counter
            .unwrap()
            .set(&mut self.store, Val::I64(limit))
            .unwrap();
        self.store.data_mut().granted = limit;
        let function = self.instance.get_func(&mut self.store, export).unwrap();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &[], &mut results)?;
        Ok(results
            .iter()
            .map(|value| match value {
                Val::I32(value) => i64::from(*value),
                Val::I64(value) => *value,
                other => panic!("{other:?}"),
            })
            .collect())
    }

    fn used(&mut self) -> i64 {
        self.store.data().granted - self.counter()
    }
}

/// Sets the module up with every kind of metering and every code generator that can compile it; at least Cranelift can.
fn with_each(text: &str, mut check: impl FnMut(&mut Running)) {
    for strategy in [Strategy::Cranelift, Strategy::Winch] {
        for metering in [Metering::Global, Metering::Eager, Metering::Lazy] {
            if let Some(mut running) = Running::start(text, strategy, metering) {
                check(&mut running);
            }
        }
    }
}

/// An instruction limit that nothing here reaches.
const PLENTY: i64 = 1_000_000;

mod metering;

#[test]
fn successful_growth_is_reported_to_the_host() {
    for (index, max) in [("i32", 10_u64), ("i64", 10)] {
        let text = format!(
            r#"(module (memory {index} 1 {max}) (func (export "t") (result {index} {index} {index})
                (memory.grow ({index}.const 2)) (memory.grow ({index}.const 0))
                (memory.grow ({index}.const 8))))"#
        );
        with_each(&text, |running| {
            assert_eq!(running.call("t", PLENTY).unwrap(), [1, 3, -1]);
            assert_eq!(running.store.data().grown, [(1, 2), (3, 0)]);
            assert_eq!(running.used(), 1 + 3 * 301);
        });
    }
}

#[test]
fn the_memory_grows_to_the_limit_of_the_network_and_no_further() {
    for (index, declared, limit) in [
        ("i32", "", 65_536_u64),
        ("i32", "7", 7),
        ("i64", "", 98_304),
        ("i64", "200000", 98_304),
        ("i64", "7", 7),
    ] {
        let module = instrumented(&format!("(module (memory {index} 1 {declared}))"));
        let sections = Sections::read(&module.wasm).unwrap();
        let memory = sections.memories.unwrap().into_iter().next().unwrap();
        assert_eq!(memory.unwrap().maximum, Some(limit));
    }
}

#[test]
fn functions_are_found_under_their_new_indices() {
    let text = r#"(module (import "ic0" "msg_reply" (func $reply)) (import "ic0" "time" (func $time (result i64)))
        (memory 1) (table 3 funcref) (elem (i32.const 0) $one) (elem (i32.const 1) funcref (ref.func $two))
        (func $one (result i64) (i64.const 1))
        (func $two (result i64) (call $time))
        (func (export "t") (result i64 i64 i64 i32)
            (call $one) (call_indirect (result i64) (i32.const 0)) (call_indirect (result i64) (i32.const 1))
            (ref.is_null (ref.func $two)))
        (func (export "grow") (drop (memory.grow (i32.const 1)))))"#;
    with_each(text, |running| {
        assert_eq!(running.call("t", PLENTY).unwrap(), [1, 1, 0, 0]);
    });
    let module = instrumented(text);
    let original = |index| module.original_index(index);
    assert_eq!([original(0), original(1)], [Some(0), Some(1)]);
    assert_eq!([original(2), original(3)], [None, None]);
    assert_eq!([original(4), original(7)], [Some(2), Some(5)]);
    // The helper for growth.
    assert_eq!([original(8), original(9)], [None, None]);
}

#[test]
fn the_start_function_is_exported_and_does_not_run_by_itself() {
    let text = r#"(module (global $g (export "g") (mut i32) (i32.const 0))
        (func $s (global.set $g (i32.const 5))) (start $s)
        (func (export "t") (result i32) (global.get $g)))"#;
    with_each(text, |running| {
        assert_eq!(running.call("t", PLENTY).unwrap(), [0]);
        running.call(START_EXPORT, PLENTY).unwrap();
        assert_eq!(running.used(), 4);
        assert_eq!(running.call("t", PLENTY).unwrap(), [5]);
    });
}

#[test]
fn active_segments_are_handed_to_the_host_and_leave_empty_ones() {
    let text = r#"(module (memory 1)
        (data (i32.const 65533) "abc") (data "xyz") (data (i32.const 65536) "")
        (func (export "t") (result i32)
            (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 3)) (i32.load8_u (i32.const 2)))
        (func (export "dropped") (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))))"#;
    assert_eq!(
        instrumented(text).data,
        [
            DataSegment {
                offset: 65533,
                bytes: b"abc".to_vec()
            },
            DataSegment {
                offset: 65536,
                bytes: Vec::new()
            },
        ]
    );
    with_each(text, |running| {
        assert_eq!(running.call("t", PLENTY).unwrap(), [i64::from(b'z')]);
        let error = running.call("dropped", PLENTY).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
    });
}

#[test]
fn segments_outside_the_memory_are_refused_the_first_one_named() {
    for (segments, len, offset) in [
        (r#"(memory 1) (data (i32.const 65536) "a")"#, 1, 65_536),
        (r#"(memory 1) (data (i32.const 65537) "")"#, 0, 65_537),
        (r#"(memory 1) (data (i32.const -1) "a")"#, 1, u64::MAX),
        (r#"(memory i64 1) (data (i64.const -1) "abc")"#, 3, u64::MAX),
        (
            r#"(memory 1) (data (i32.const 0) "") (data (i32.const 65534) "abc") (data (i32.const 70000) "d")"#,
            3,
            65_534,
        ),
    ] {
        assert_eq!(
            prepared(&format!("(module {segments})")).unwrap_err(),
            Defect::DataOutsideMemory { offset, len }
        );
    }
}

#[test]
fn memory_and_table_are_exported_under_their_fixed_names() {
    for exports in ["", r#"(export "m" (memory 0)) (export "x" (table 0))"#] {
        let text = format!("(module (memory 1) (table 1 funcref) {exports})");
        with_each(&text, |running| {
            let mut names: Vec<_> = running
                .instance
                .exports(&mut running.store)
                .map(|export| export.name().to_owned())
                .collect();
            names.sort();
            assert_eq!(names, [COUNTER_EXPORT, MEMORY_EXPORT, TABLE_EXPORT]);
        });
    }
    // Without a memory its name is free.
    instrumented(r#"(module (func (export "memory")) (func (export "table")))"#);
}

#[test]
fn a_second_export_of_such_a_name_is_the_engines_error() {
    for (module, name) in [
        (r#"(memory (export "a") (export "b") 1)"#, "memory"),
        (r#"(memory 1) (func (export "memory"))"#, "memory"),
        (
            r#"(table 1 funcref) (memory (export "table") 1) (func (export "memory"))"#,
            "memory",
        ),
        (
            r#"(table 1 funcref) (global (export "table") i32 (i32.const 0))"#,
            "table",
        ),
    ] {
        let error = engine_error(&format!("(module {module})"));
        let expected = format!(
            "failed to parse WebAssembly module\n\nCaused by:\n    duplicate export name `{name}` already defined (at offset 0x"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn what_only_instantiation_would_notice_is_told_in_the_engines_words() {
    for (module, reason) in [
        (
            r#"(import "env" "memory" (memory 1)) (table 1 funcref) (table 1 funcref)"#,
            "unknown import: `env::memory` has not been defined",
        ),
        (
            r#"(import "a" "b" (table 1 funcref))"#,
            "unknown import: `a::b` has not been defined",
        ),
        (
            "(table 1 funcref) (table 2000000 funcref)",
            "resource limit exceeded: table count too high at 2",
        ),
        (
            "(table 1000001 funcref) (elem (i32.const -1) $f) (func $f)",
            "table minimum size of 1000001 elements exceeds table limits",
        ),
        (
            "(table 1 funcref) (elem (i32.const 1) $f) (func $f)",
            "wasm trap: undefined element: out of bounds table access",
        ),
        (
            "(table 1 funcref) (elem (i32.const -1) $f) (func $f)",
            "wasm trap: undefined element: out of bounds table access",
        ),
    ] {
        assert_eq!(engine_error(&format!("(module {module})")), reason);
    }
    instrumented("(module (table 1000000 funcref) (elem (i32.const 999999) $f) (func $f))");
}

#[test]
fn the_host_can_reach_all_mutable_globals() {
    let module = instrumented(
        r#"(module
            (global (mut i64) (i64.const 1))
            (global i32 (i32.const 2))
            (global (export "c") (export "drun global 3") f64 (f64.const 3))
            (global (mut f32) (f32.const 4)))"#,
    );
    let global = |export: &str, index, value_type, mutable, user_exported| SavedGlobal {
        export: export.to_owned(),
        index,
        value_type,
        mutable,
        user_exported,
    };
    use exports::GlobalValueType::*;
    assert_eq!(
        module.saved_globals,
        [
            global("c", 2, F64, false, true),
            global("drun global 3", 2, F64, false, true),
            global("drun global 0", 0, I64, true, false),
            global("drun global 3'", 3, F32, true, false),
        ]
    );
}

#[test]
fn custom_sections_are_left_out() {
    let module = instrumented(r#"(module (@custom "icp:public a" "b") (func $named))"#);
    assert!(Sections::read(&module.wasm).unwrap().custom.is_empty());
}

#[test]
fn compiling_is_charged_by_the_operators_of_the_result() {
    let operators = |module: &str| instrumented(&format!("(module {module})")).compile_operators;
    assert_eq!(operators(""), 72);
    // The example of metering.md: own functions of 3, 7 and 7 operators.
    assert_eq!(
        operators(
            r#"(import "ic0" "canister_cycle_balance128" (func $b (param i32)))
               (import "ic0" "msg_reply_data_append" (func $a (param i32 i32)))
               (import "ic0" "msg_reply" (func $r)) (memory 1)
               (func (call $b (i32.const 0)))
               (func (call $b (i32.const 528)) (call $a (i32.const 512) (i32.const 32)) (call $r))
               (func nop nop nop nop nop nop)"#
        ),
        72 + 13 + 17 + 17
    );
    for (function, expected) in [
        ("", 1 + 10),
        // Two loops, and a segment of cost 1 behind each of their ends.
        ("loop end nop loop end nop", 7 + 3 * 10 + 2 * 4),
        // The then-arm costs nothing; what follows `end` does.
        ("i32.const 1 if else nop end nop", 7 + 10 + 2 * 4),
        // Dead segments count if they cost something.
        ("unreachable nop unreachable nop", 5 + 10 + 2 * 4),
        ("(drop (memory.grow (i32.const 1)))", 4 + 10 + 3),
        (
            "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))",
            5 + 10 + 3,
        ),
    ] {
        assert_eq!(
            operators(&format!("(memory 1) (func {function})")),
            72 + expected,
            "{function}"
        );
    }
    assert_eq!(
        operators(
            r#"(memory i64 1) (data "") (global i32 (i32.const 0)) (func
                (memory.copy (i64.const 0) (i64.const 0) (i64.const 0))
                (memory.init 0 (i64.const 0) (i32.const 0) (i32.const 0)))"#
        ),
        72 + (9 + 10 + 1 + 3) + 2
    );
}
