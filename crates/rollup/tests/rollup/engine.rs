//! Compiled code against the interpreter: the same world, the same prints, the same ticks.

use drun_rollup::compiled::Compiled;
use drun_rollup::host::World;
use drun_rollup::inbox::{Input, level};
use drun_rollup::link::link;
use drun_rollup::module::Kernel;
use drun_rollup::pvm::{ENTRY_POINT, Executor, Interpreter, Surroundings, Unfinished};
use drun_rollup::reveal::Request;
use drun_rollup::version::Version;

#[derive(Default)]
struct Listener(Vec<u8>);

impl Surroundings for Listener {
    fn debug(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        Ok(format!("{request}\n").into_bytes())
    }
}

pub(super) fn run(
    executor: &mut dyn Executor,
    wasm: &[u8],
    messages: &[&[u8]],
) -> (Result<u64, Unfinished>, World, Vec<u8>) {
    let kernel = Kernel::decode(wasm.into()).unwrap();
    let links = link(&kernel, Version::R6).unwrap();
    let mut world = World::default();
    world.outbox.open(0, 100);
    let user = messages
        .iter()
        .map(|message| [&[1], *message].concat())
        .collect();
    for (counter, payload) in (0..).zip(level(Default::default(), None, false, user)) {
        let payload = payload.into();
        world.inbox.push(Input {
            level: 0,
            counter,
            payload,
        });
    }
    let mut listener = Listener::default();
    let entry = kernel.exports[ENTRY_POINT];
    let result = executor.run(
        &kernel,
        &links,
        entry,
        Version::R6,
        &mut world,
        &mut listener,
    );
    (result, world, listener.0)
}

#[test]
fn our_kernels_end_the_same_on_both() {
    let messages: [&[u8]; 4] = [b"mad", b"tab\x0a", &[0; 33], b"hello"];
    let mut compiled = Compiled::default();
    for name in [
        "hello", "echo", "counter", "ledger", "reboot", "trap", "reveal", "outbox",
    ] {
        let wasm = wat::parse_file(super::kernel(name)).unwrap();
        let expected = run(&mut Interpreter, &wasm, &messages);
        assert!(expected.0.is_ok(), "{name}: {:?}", expected.0);
        for _ in 0..2 {
            assert!(run(&mut compiled, &wasm, &messages) == expected, "{name}");
        }
    }
}

#[test]
fn tables_grow_as_far_on_both() {
    for (table, grown) in [("1", [-1i32, 1, 3]), ("1 3", [-1, 1, -1])] {
        let wasm = wat::parse_str(format!(
            r#"(module
                (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
                (memory (export "m") 1) (table {table} funcref)
                (func $grow (param i32)
                    (i32.store (i32.const 0) (table.grow (ref.null func) (local.get 0)))
                    (call $debug (i32.const 0) (i32.const 4)))
                (func (export "kernel_run")
                    (call $grow (i32.const 10_000_000))
                    (call $grow (i32.const 2))
                    (call $grow (i32.const 1))))"#
        ))
        .unwrap();
        let expected = run(&mut Interpreter, &wasm, &[]);
        assert_eq!(expected.2, grown.map(i32::to_le_bytes).concat(), "{table}");
        assert!(
            run(&mut Compiled::default(), &wasm, &[]) == expected,
            "{table}"
        );
    }
}

#[test]
fn compiled_code_leaves_traps_to_the_interpreter() {
    let wasm = wat::parse_file(super::kernel("trap")).unwrap();
    let (result, ..) = run(&mut Compiled::default(), &wasm, &[b"!"]);
    assert!(
        matches!(result, Err(Unfinished::Undecided(_))),
        "{result:?}"
    );
}
