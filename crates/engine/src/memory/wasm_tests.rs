//! Heaps under real Wasm code, with both code generators: writes are followed, traps stay traps, and instances
//! follow each other on one heap.

use super::{Heap, WASM_PAGE_SIZE, configure, refresh_size, with_heap};
use wasmtime::{Config, Engine, Instance, Linker, Memory, Module, Store, Strategy, Trap};

/// What the engines of these tests are made for: 64-bit memories of 6 GiB.
const RESERVED: u64 = 6 << 30;

const STRATEGIES: [Strategy; 2] = [Strategy::Cranelift, Strategy::Winch];

fn engine(strategy: Strategy) -> Engine {
    let mut config = Config::new();
    config.strategy(strategy);
    configure(&mut config, RESERVED);
    Engine::new(&config).unwrap()
}

fn module(engine: &Engine, source: &str) -> Module {
    Module::new(engine, wat::parse_str(source).unwrap()).unwrap()
}

/// A module whose memory has addresses of this type.
fn source(address: &str) -> String {
    format!(
        r#"(module
            (import "host" "write" (func $write))
            (memory (export "memory") {address} 2)
            (data $text "hello")
            (func (export "store") (param {address} i32) (i32.store (local.get 0) (local.get 1)))
            (func (export "load") (param {address}) (result i32) (i32.load (local.get 0)))
            (func (export "far") (param {address}) (result i32) (i32.load offset=16777216 (local.get 0)))
            (func (export "farthest") (param {address}) (result i32)
                (i32.load offset=4294967295 (local.get 0)))
            (func (export "fill") (param {address} i32 {address})
                (memory.fill (local.get 0) (local.get 1) (local.get 2)))
            (func (export "copy") (param {address} {address} {address})
                (memory.copy (local.get 0) (local.get 1) (local.get 2)))
            (func (export "init") (param {address})
                (memory.init $text (local.get 0) (i32.const 0) (i32.const 5)))
            (func (export "grow") (param {address}) (result {address}) (memory.grow (local.get 0)))
            (func (export "host") (call $write))
            (func $deep (export "deep") (param i64) (result i64)
                (i64.add (i64.const 1) (call $deep (local.get 0))))
            (func (export "unreachable") unreachable))"#
    )
}

struct Guest {
    heap: Heap,
    store: Store<()>,
    instance: Instance,
    wide: bool,
}

/// Memory through wasmtime's own interface, as a host function sees it.
fn write_from_host(mut caller: wasmtime::Caller<'_, ()>) {
    let memory = caller
        .get_export("memory")
        .and_then(|export| export.into_memory())
        .unwrap();
    memory.data_mut(&mut caller)[70_000..90_000].fill(7);
}

fn instantiate(
    engine: &Engine,
    heap: &Heap,
    source: &str,
) -> wasmtime::Result<(Store<()>, Instance)> {
    let mut store = Store::new(engine, ());
    let module = module(engine, source);
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "write", write_from_host)?;
    let instance = with_heap(heap, || linker.instantiate(&mut store, &module))?;
    Ok((store, instance))
}

impl Guest {
    fn new(strategy: Strategy, address: &str) -> Self {
        let capacity = if address == "i64" { RESERVED } else { 4 << 30 };
        let heap = Heap::new(capacity, RESERVED).unwrap();
        let (store, instance) = instantiate(&engine(strategy), &heap, &source(address)).unwrap();
        Guest {
            heap,
            store,
            instance,
            wide: address == "i64",
        }
    }

    fn memory(&mut self) -> Memory {
        self.instance.get_memory(&mut self.store, "memory").unwrap()
    }

    /// Calls a function; arguments and result are given as 64-bit numbers whatever their type.
    fn call(&mut self, name: &str, arguments: &[i64]) -> wasmtime::Result<i64> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let ty = function.ty(&self.store);
        let value = |(ty, value): (wasmtime::ValType, &i64)| match ty {
            wasmtime::ValType::I64 => wasmtime::Val::I64(*value),
            _ => wasmtime::Val::I32(*value as i32),
        };
        let arguments: Vec<_> = ty.params().zip(arguments).map(value).collect();
        let mut results = vec![wasmtime::Val::I32(0); ty.results().len()];
        let _active = self.heap.activate();
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results.first().map_or(0, |result| {
            result.i64().unwrap_or_else(|| result.unwrap_i32().into())
        }))
    }

    fn trap(&mut self, name: &str, arguments: &[i64]) -> Trap {
        *self
            .call(name, arguments)
            .unwrap_err()
            .downcast_ref::<Trap>()
            .unwrap()
    }
}

fn for_each_guest(test: impl Fn(Guest)) {
    for strategy in STRATEGIES {
        for address in ["i32", "i64"] {
            test(Guest::new(strategy, address));
        }
    }
}

#[test]
fn stores_are_counted_undone_and_kept() {
    for_each_guest(|mut guest| {
        guest.heap.begin().unwrap();
        guest.call("store", &[4094, 0x01020304]).unwrap();
        assert_eq!(guest.heap.changed_pages(), 2);
        guest.heap.rollback();
        guest.heap.begin().unwrap();
        assert_eq!(guest.call("load", &[4094]).unwrap(), 0);
        guest.call("store", &[4094, 0x01020304]).unwrap();
        guest.heap.commit();
        guest.heap.begin().unwrap();
        assert_eq!(guest.call("load", &[4094]).unwrap(), 0x01020304);
        assert_eq!(guest.heap.changed_pages(), 0);
        guest.heap.commit();
    });
}

#[test]
fn bulk_operations_and_host_functions_write_through_the_tracker() {
    for_each_guest(|mut guest| {
        guest.heap.begin().unwrap();
        guest.call("fill", &[5000, 3, 50_000]).unwrap();
        assert_eq!(guest.heap.changed_pages(), 13);
        guest.call("copy", &[100_000, 6000, 10_000]).unwrap();
        assert_eq!(guest.heap.changed_pages(), 16);
        guest.call("init", &[131_067]).unwrap();
        assert_eq!(guest.heap.read(131_067, 5).unwrap(), b"hello");
        guest.call("host", &[]).unwrap();
        assert_eq!(guest.heap.read(69_999, 2).unwrap(), [0, 7]);
        guest.heap.rollback();
        assert!(
            guest
                .heap
                .read(0, 131_072)
                .unwrap()
                .iter()
                .all(|byte| *byte == 0)
        );
    });
}

#[test]
fn traps_stay_traps_and_the_guest_can_go_on() {
    for_each_guest(|mut guest| {
        guest.heap.begin().unwrap();
        guest.call("store", &[0, 1]).unwrap();
        assert_eq!(guest.trap("store", &[131_069, 1]), Trap::MemoryOutOfBounds);
        assert_eq!(guest.trap("store", &[131_072, 1]), Trap::MemoryOutOfBounds);
        assert_eq!(guest.trap("load", &[-1]), Trap::MemoryOutOfBounds);
        assert_eq!(guest.trap("far", &[-5]), Trap::MemoryOutOfBounds);
        assert_eq!(guest.trap("farthest", &[-1]), Trap::MemoryOutOfBounds);
        assert_eq!(guest.trap("far", &[0]), Trap::MemoryOutOfBounds);
        assert_eq!(
            guest.trap("fill", &[131_000, 1, 1000]),
            Trap::MemoryOutOfBounds
        );
        assert_eq!(guest.trap("unreachable", &[]), Trap::UnreachableCodeReached);
        assert_eq!(guest.trap("deep", &[1]), Trap::StackOverflow);
        assert_eq!(guest.heap.changed_pages(), 1);
        guest.heap.rollback();
        guest.heap.begin().unwrap();
        guest.call("store", &[8192, 9]).unwrap();
        assert_eq!(guest.heap.changed_pages(), 1);
        guest.heap.commit();
    });
}

#[test]
fn growth_is_limited_by_the_capacity_and_its_undoing_reaches_the_instance() {
    for_each_guest(|mut guest| {
        let memory = guest.memory();
        guest.heap.begin().unwrap();
        assert_eq!(guest.call("grow", &[3]).unwrap(), 2);
        guest.call("store", &[300_000, 1]).unwrap();
        let full = if guest.wide { 6 * 16384 } else { 65536 };
        assert_eq!(guest.call("grow", &[full - 5 + 1]).unwrap(), -1);
        assert_eq!(guest.call("grow", &[full - 5]).unwrap(), 5);
        let last = full * WASM_PAGE_SIZE as i64 - 4;
        guest.call("store", &[last, 1]).unwrap();
        assert_eq!(guest.heap.changed_pages(), 2);
        assert!(guest.heap.rollback().size_changed);
        refresh_size(&mut guest.store, &memory).unwrap();
        assert_eq!(memory.size(&guest.store), 2);
        guest.heap.begin().unwrap();
        assert_eq!(guest.trap("load", &[300_000]), Trap::MemoryOutOfBounds);
        assert_eq!(
            guest.trap("fill", &[131_072, 1, 1]),
            Trap::MemoryOutOfBounds
        );
        assert_eq!(guest.call("grow", &[3]).unwrap(), 2);
        assert_eq!(guest.call("load", &[300_000]).unwrap(), 0);
        guest.heap.commit();
    });
}

#[test]
fn the_next_instance_finds_the_heap_of_the_one_before_it_and_its_size() {
    let mut guest = Guest::new(Strategy::Winch, "i32");
    guest.heap.begin().unwrap();
    guest.call("grow", &[1]).unwrap();
    guest.call("store", &[140_000, 77]).unwrap();
    guest.heap.commit();
    let (store, instance) =
        instantiate(&engine(Strategy::Cranelift), &guest.heap, &source("i32")).unwrap();
    (guest.store, guest.instance) = (store, instance);
    let memory = guest.memory();
    assert_eq!(memory.size(&guest.store), 3);
    guest.heap.begin().unwrap();
    assert_eq!(guest.call("load", &[140_000]).unwrap(), 77);
    guest.call("store", &[140_000, 78]).unwrap();
    assert_eq!(guest.heap.changed_pages(), 1);
    guest.heap.rollback();
    assert_eq!(guest.heap.read(140_000, 1).unwrap(), [77]);
}

#[test]
fn an_unparked_growth_reaches_the_instance() {
    let mut guest = Guest::new(Strategy::Cranelift, "i32");
    let memory = guest.memory();
    guest.heap.begin().unwrap();
    guest.call("grow", &[1]).unwrap();
    guest.call("store", &[140_000, 5]).unwrap();
    let parked = guest.heap.park();
    refresh_size(&mut guest.store, &memory).unwrap();
    guest.heap.begin().unwrap();
    assert_eq!(guest.trap("load", &[140_000]), Trap::MemoryOutOfBounds);
    guest.heap.rollback();
    guest.heap.unpark(&parked).unwrap();
    refresh_size(&mut guest.store, &memory).unwrap();
    guest.heap.begin().unwrap();
    assert_eq!(guest.call("load", &[140_000]).unwrap(), 5);
    guest.heap.commit();
}

#[test]
fn an_instance_without_an_offered_heap_is_an_error_and_offers_end() {
    let engine = engine(Strategy::Winch);
    let module = module(&engine, "(module (memory 1))");
    let mut store = Store::new(&engine, ());
    assert!(Instance::new(&mut store, &module, &[]).is_err());
    let heap = Heap::new(WASM_PAGE_SIZE as u64, RESERVED).unwrap();
    with_heap(&heap, || ());
    assert!(Instance::new(&mut store, &module, &[]).is_err());
    with_heap(&heap, || Instance::new(&mut store, &module, &[])).unwrap();
    assert_eq!(heap.size_bytes(), 65536);
}

#[test]
fn a_heap_too_small_for_the_declared_minimum_is_an_error() {
    let engine = engine(Strategy::Cranelift);
    let module = module(&engine, "(module (memory 2))");
    let heap = Heap::new(WASM_PAGE_SIZE as u64, RESERVED).unwrap();
    let mut store = Store::new(&engine, ());
    assert!(with_heap(&heap, || Instance::new(&mut store, &module, &[])).is_err());
}

#[test]
fn a_heap_with_less_address_space_than_the_code_takes_for_granted_is_refused() {
    let engine = engine(Strategy::Cranelift);
    let module = module(&engine, "(module (memory 1))");
    let heap = Heap::new(4 << 30, 4 << 30).unwrap();
    let mut store = Store::new(&engine, ());
    assert!(with_heap(&heap, || Instance::new(&mut store, &module, &[])).is_err());
}

#[test]
fn wasmtimes_own_objects_do_not_take_the_heap() {
    let engine = engine(Strategy::Cranelift);
    let source = r#"(module (memory (export "memory") 1) (global (mut externref) (ref.null extern))
        (func (export "keep") (param externref) (global.set 0 (local.get 0))))"#;
    let module = module(&engine, source);
    let mut store = Store::new(&engine, ());
    let mut heap = Heap::new(4 << 30, RESERVED).unwrap();
    let instance = with_heap(&heap, || Instance::new(&mut store, &module, &[])).unwrap();
    let object = wasmtime::ExternRef::new(&mut store, 5u32).unwrap();
    let keep = instance.get_func(&mut store, "keep").unwrap();
    keep.call(&mut store, &[object.into()], &mut []).unwrap();
    heap.write(0, b"mine").unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(&memory.data(&store)[..4], b"mine");
}

#[test]
fn threads_run_their_own_guests() {
    std::thread::scope(|scope| {
        for strategy in STRATEGIES {
            scope.spawn(move || {
                let mut guest = Guest::new(strategy, "i32");
                for round in 1..300i64 {
                    guest.heap.begin().unwrap();
                    for page in 0..31 {
                        guest
                            .call("store", &[page * 4096 + round % 4000, round])
                            .unwrap();
                    }
                    guest.trap("load", &[-1]);
                    assert_eq!(guest.heap.changed_pages(), 31);
                    if round % 3 == 0 {
                        let _ = guest.heap.rollback();
                    } else {
                        guest.heap.commit()
                    }
                }
            });
        }
    });
}
