//! A second host on the seam, of three imports, in every kind of code: traps, stops, the end of the instructions, and
//! executions that begin again.

use std::collections::BTreeMap;
use std::sync::Arc;

use drun_engine::memory::Heap;
use drun_engine::rewrite::{Defect, Plan, Shape, Weights};
use drun_engine::{
    Activation, Address, Choice, End, Engine, Entry, Exhausted, FEATURES, GlobalValue, Guest, Host,
    Imports, Instance, Linking, Module, NotEntered, Order, Program, Run, Settings, Tier, TrapKind,
};

/// Loads and stores cost two, everything else one.
struct Prices;

impl Weights for Prices {
    fn operator(&self, operator: &wasmparser::Operator<'_>, _: bool) -> u64 {
        use wasmparser::Operator::{I32Load, I32Store};
        match operator {
            I32Load { .. } | I32Store { .. } => 2,
            _ => 1,
        }
    }
}

/// Why the host ended an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Exhausted(Exhausted),
    NoSuchKey(u32),
    OutOfBounds,
    TooLarge(u64),
}

/// What one execution has said and stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Effects {
    said: Vec<String>,
    stored: BTreeMap<u32, u32>,
    grown: u64,
}

/// How often it began again is nothing that may be seen in the effects.
#[derive(Default)]
struct Toy {
    effects: Effects,
    rewound: u32,
}

impl Activation for Toy {
    type Stop = Stop;
    type Mark = Effects;

    fn mark(&mut self) -> Effects {
        self.effects.clone()
    }

    fn rewind(&mut self, mark: &Effects) {
        self.effects = mark.clone();
        self.rewound += 1;
    }

    fn memory_grown(&mut self, previous: u64, added: u64) -> Result<(), Stop> {
        self.effects.grown += added;
        match previous + added {
            bytes if bytes > 4 << 16 => Err(Stop::TooLarge(bytes)),
            _ => Ok(()),
        }
    }

    fn exhausted(&mut self, why: Exhausted) -> Stop {
        Stop::Exhausted(why)
    }
}

#[derive(Clone)]
struct Env;

impl Host for Env {
    type Facts = Shape;
    type Refusal = String;
    type Activation = Toy;

    fn identity(&self) -> String {
        "toy 1".to_owned()
    }

    fn examine(&self, module: &[u8]) -> Result<Shape, String> {
        let valid = wasmparser::Validator::new_with_features(FEATURES).validate_all(module);
        valid.map_err(|error| error.to_string())?;
        Shape::of(module).map_err(|defect| self.refuse(defect))
    }

    fn plan<'a>(&'a self, shape: &'a Shape) -> Plan<'a> {
        Plan::new(shape.clone(), &Prices)
    }

    fn refuse(&self, defect: Defect) -> String {
        format!("{defect:?}")
    }
}

impl Linking for Env {
    fn link<A: Address>(imports: &mut Imports<Self>) {
        imports.function(
            "env",
            "log",
            |guest: &mut Guest<'_, Self>, from: A, len: A| {
                guest.charge("log", len.to_u64())?;
                let Some(text) = guest.read(from.to_u64(), len.to_u64()) else {
                    return guest.stop(Stop::OutOfBounds);
                };
                let text = String::from_utf8_lossy(text).into_owned();
                guest.activation().effects.said.push(text);
                Ok(())
            },
        );
        imports.function(
            "env",
            "get",
            |guest: &mut Guest<'_, Self>, key: u32, to: A| {
                let Some(value) = guest.activation().effects.stored.get(&key).copied() else {
                    return guest.stop(Stop::NoSuchKey(key));
                };
                match guest.write(to.to_u64(), &value.to_le_bytes()) {
                    true => Ok(()),
                    false => guest.stop(Stop::OutOfBounds),
                }
            },
        );
        imports.function(
            "env",
            "put",
            |guest: &mut Guest<'_, Self>, key: u32, value: u32| {
                guest.charge_dynamic("put", 10)?;
                guest.activation().effects.stored.insert(key, value);
                Ok(guest.executed())
            },
        );
    }
}

/// All kinds of code that an engine can be made for.
fn kinds() -> [Settings; 7] {
    let of = |choice| Settings {
        choice,
        backtraces: true,
        ..Settings::default()
    };
    let profiled = Settings {
        profile: true,
        ..of(Choice::Auto)
    };
    [
        of(Choice::Auto),
        of(Choice::Hasty),
        of(Choice::Interpreter),
        of(Choice::Fast),
        of(Choice::Optimizing),
        of(Choice::Exact),
        profiled,
    ]
}

struct Guests {
    engine: Engine<Env>,
    module: Arc<Module<Env>>,
    heap: Option<Heap>,
    globals: Vec<GlobalValue>,
    instance: Instance<Env>,
}

const PLENTY: u64 = 1_000_000;

impl Guests {
    fn new(settings: Settings, text: &str) -> Self {
        let engine = Engine::new(settings);
        let file = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
        let module = engine.load(&Env, &file.into()).unwrap().unwrap();
        let heap = engine.fresh_heap(&module).unwrap();
        let globals = engine
            .initial_globals(&module, heap.as_ref())
            .unwrap()
            .unwrap();
        Guests {
            engine,
            module,
            heap,
            globals,
            instance: Instance::default(),
        }
    }

    /// Runs something and keeps what it did if it returned.
    fn run(&mut self, entry: Entry<'_>, limit: u64, slice: u64) -> Run<Env> {
        let mut program = Program {
            module: &self.module,
            heap: self.heap.as_mut(),
            globals: &mut self.globals,
            generation: 1,
        };
        let order = Order {
            entry,
            limit,
            slice,
        };
        let activation = Box::default();
        let run = self
            .engine
            .run(&mut self.instance, &mut program, activation, order);
        match run.end {
            Ok(End::Returned) => self.instance.commit(&mut program),
            _ => self.instance.roll_back(&mut program),
        }
        run
    }

    fn call(&mut self, export: &str) -> Run<Env> {
        self.run(Entry::Export(export), PLENTY, PLENTY)
    }
}

/// How an execution ended, to be compared.
fn told(run: &Run<Env>) -> String {
    match run.end.as_ref().unwrap() {
        End::Returned => "returned".to_owned(),
        End::Stopped(reason) => format!("stopped {reason:?}"),
        End::Trapped { kind, frames } => {
            let frames: Vec<_> = frames.iter().map(|frame| frame.original).collect();
            format!("trapped {kind:?} {frames:?}")
        }
        End::NotEntered(why) => format!("not entered {why:?}"),
        End::Refused(refusal) => format!("refused {refusal}"),
    }
}

const TEXT: &str = r#"(module
    (import "env" "log" (func $log (param $ $)))
    (import "env" "get" (func $get (param i32 $)))
    (import "env" "put" (func $put (param i32 i32) (result i64)))
    (memory $ 1)
    (table 2 funcref) (elem (i32.const 0) $element)
    (data ($.const 16) "hello")
    (global $count (mut i32) (i32.const 0))
    (func $element (param $) (call $log (local.get 0) ($.const 5)))
    (func (export "talk") (call $log ($.const 16) ($.const 5)))
    (func (export "count")
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store ($.const 0) (i32.add (i32.load ($.const 0)) (i32.const 2)))
        (drop (call $put (i32.const 1) (global.get $count)))
        (drop (call $put (i32.const 2) (i32.load ($.const 0)))))
    (func (export "round trip")
        (drop (call $put (i32.const 7) (i32.const 258)))
        (call $get (i32.const 7) ($.const 32))
        (drop (call $put (i32.const 8) (i32.load8_u ($.const 33)))))
    (func (export "how far") (drop (call $put (i32.const 0) (i32.wrap_i64 (call $put (i32.const 0) (i32.const 0))))))
    (func (export "missing") (call $get (i32.const 9) ($.const 0)))
    (func (export "outside") (call $log ($.const 65535) ($.const 2)))
    (func $load (drop (i32.load ($.const 65533))))
    (func (export "bad load")
        (global.set $count (i32.const 99)) (i32.store ($.const 0) (i32.const 99))
        (call $log ($.const 16) ($.const 5)) (call $load))
    (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.load ($.const 1000)))))
    (func (export "unreachable") unreachable)
    (func $deep (export "deep") (call $deep))
    (func (export "endless") (loop $again (call $log ($.const 16) ($.const 5)) (br $again)))
    (func (export "grow") (drop (memory.grow ($.const 2))) (drop (memory.grow ($.const 0))))
    (func (export "grow more") (drop (memory.grow ($.const 9))))
    (func (export "work") (local i32)
        (local.set 0 (i32.const 1000))
        (loop $again
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if $again (local.get 0)))
        (call $log ($.const 16) ($.const 5))))"#;

/// A module with 32-bit or 64-bit addresses.
fn text(address: &str) -> String {
    TEXT.replace("$.", &format!("{address}."))
        .replace("(param $)", &format!("(param {address})"))
        .replace("(param $ $)", &format!("(param {address} {address})"))
        .replace("(param i32 $)", &format!("(param i32 {address})"))
        .replace("(memory $ 1)", &format!("(memory {address} 1)"))
}

fn with_each(mut check: impl FnMut(&mut Guests, &Settings)) {
    for address in ["i32", "i64"] {
        for settings in kinds() {
            let mut guests = Guests::new(settings.clone(), &text(address));
            check(&mut guests, &settings);
        }
    }
}

#[test]
fn host_functions_read_and_write_memory_and_keep_effects() {
    with_each(|guests, settings| {
        let run = guests.call("talk");
        assert_eq!(told(&run), "returned", "{settings:?}");
        assert_eq!(run.activation.effects.said, ["hello"]);
        // Entering, two constants, the call, `end`, and the bytes that are logged.
        assert_eq!(run.meter.used(), 1 + 4 + 5);
        let run = guests.call("round trip");
        assert_eq!(told(&run), "returned");
        assert_eq!(run.activation.effects.stored, [(7, 258), (8, 1)].into());
        let run = guests.call("how far");
        // Entering, the eight operators of the body, which are paid for at once, and the charge of the first `put`.
        assert_eq!(run.activation.effects.stored, [(0, 1 + 8 + 10)].into());
    });
}

#[test]
fn heap_and_globals_stay_after_a_commit_and_not_after_a_trap() {
    with_each(|guests, settings| {
        for expected in 1..=2 {
            let run = guests.call("count");
            let stored = [(1, expected), (2, 2 * expected)].into();
            assert_eq!(run.activation.effects.stored, stored, "{settings:?}");
            // Function 11 of the module calls function 10, which loads.
            assert_eq!(
                told(&guests.call("bad load")),
                "trapped MemoryOutOfBounds [Some(10), Some(11)]"
            );
        }
    });
}

#[test]
fn every_kind_of_code_tells_the_same_of_every_end() {
    let mut first: Option<Vec<(String, u64, Effects)>> = None;
    for settings in kinds() {
        let mut guests = Guests::new(settings.clone(), &text("i32"));
        let names = [
            "talk",
            "missing",
            "outside",
            "bad load",
            "divide",
            "unreachable",
            "grow",
            "grow more",
            "work",
            "count",
        ];
        let mut found = Vec::new();
        for name in names {
            let run = guests.call(name);
            found.push((told(&run), run.meter.used(), run.activation.effects.clone()));
        }
        let run = guests.run(Entry::Export("endless"), 10_000, 10_000);
        found.push((told(&run), run.meter.used(), run.activation.effects.clone()));
        let run = guests.run(Entry::Export("endless"), 10_000, 1000);
        assert!(run.meter.finished_slices().len() > 5, "{settings:?}");
        found.push((told(&run), run.meter.used(), run.activation.effects.clone()));
        match &first {
            None => first = Some(found),
            Some(first) => assert_eq!(first, &found, "{settings:?}"),
        }
    }
    let ends: Vec<String> = first.unwrap().into_iter().map(|(end, ..)| end).collect();
    assert_eq!(ends[1], "stopped NoSuchKey(9)");
    assert_eq!(ends[2], "stopped OutOfBounds");
    assert_eq!(ends[4], "trapped IntegerDivisionByZero [Some(12)]");
    assert_eq!(ends[5], "trapped Unreachable [Some(13)]");
    assert_eq!(ends[6], "returned");
    assert_eq!(ends[7], "stopped TooLarge(786432)");
    assert_eq!(ends[10], "stopped Exhausted(Limit)");
    assert_eq!(ends[11], "stopped Exhausted(Limit)");
}

#[test]
fn an_execution_that_begins_again_has_its_effects_once() {
    // The optimizing code does not know the counter where a load traps, and cannot go on behind a slice.
    let settings = Settings {
        choice: Choice::Optimizing,
        ..Settings::default()
    };
    let mut guests = Guests::new(settings.clone(), &text("i32"));
    let run = guests.call("bad load");
    assert_eq!(run.activation.rewound, 1);
    assert_eq!(run.activation.effects.said, ["hello"]);
    let mut guests = Guests::new(settings, &text("i32"));
    let run = guests.run(Entry::Export("work"), PLENTY, 1000);
    assert_eq!(told(&run), "returned");
    assert_eq!(run.activation.rewound, 1);
    assert_eq!(run.activation.effects.said, ["hello"]);
    assert!(guests.module.is_compiled(Tier::Exact));
}

#[test]
fn the_stack_overflows_in_every_kind_of_code() {
    with_each(|guests, settings| {
        let run = guests.run(Entry::Export("deep"), 1_000_000_000, 1_000_000_000);
        let End::Trapped { kind, .. } = run.end.as_ref().unwrap() else {
            panic!("{}", told(&run));
        };
        assert_eq!(*kind, TrapKind::StackOverflow, "{settings:?}");
    });
}

#[test]
fn functions_of_the_table_are_called_with_an_address() {
    with_each(|guests, _| {
        let element = |function, argument| Entry::Table { function, argument };
        let run = guests.run(element(0, 17), PLENTY, PLENTY);
        assert_eq!(run.activation.effects.said, ["ello\0"]);
        for (function, why) in [(1, NotEntered::NullElement), (2, NotEntered::NoElement(2))] {
            let run = guests.run(element(function, 0), PLENTY, PLENTY);
            assert_eq!(told(&run), format!("not entered {why:?}"));
        }
        let run = guests.run(Entry::Export("nothing"), PLENTY, PLENTY);
        assert_eq!(told(&run), "not entered NoFunction");
    });
}

#[test]
fn a_recording_tells_where_the_instructions_went() {
    let profiled = kinds().into_iter().next_back().unwrap();
    let mut guests = Guests::new(profiled, &text("i32"));
    let run = guests.call("talk");
    let (used, mut recording) = (run.meter.used(), run.recording.unwrap());
    recording.end(used, used, used);
    let tree = recording.tree();
    let spent: Vec<_> = tree
        .stacks()
        .map(|(stack, .., weight)| (format!("{:?}", tree.frames(stack)), weight))
        .collect();
    let expected = [
        ("[Function(4)]".to_owned(), 5),
        (r#"[Function(4), Host("log")]"#.to_owned(), 5),
    ];
    assert_eq!(spent, expected);
}

#[test]
fn a_module_that_cannot_be_instantiated_is_refused_by_its_host() {
    for settings in kinds() {
        let engine = Engine::new(settings);
        for text in [
            r#"(module (import "env" "unknown" (func)))"#,
            r#"(module (import "env" "log" (func)))"#,
            r#"(module (memory 1) (data (i32.const 65536) "a"))"#,
        ] {
            let file = wat::parse_str(text).unwrap();
            let globals = engine
                .load(&Env, &file.into())
                .unwrap()
                .and_then(|module| engine.initial_globals(&module, None).unwrap());
            assert!(globals.is_err(), "{text}");
        }
    }
}

#[test]
fn threads_share_an_engine_and_what_it_has_compiled() {
    let engine = Arc::new(Engine::<Env>::new(Settings::default()));
    let file: Arc<[u8]> = wat::parse_str(text("i32")).unwrap().into();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (engine, file) = (Arc::clone(&engine), Arc::clone(&file));
            std::thread::spawn(move || engine.load(&Env, &file).unwrap().unwrap())
        })
        .collect();
    let modules: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(
        modules
            .iter()
            .all(|module| Arc::ptr_eq(module, &modules[0]))
    );
}

/// An instance goes on where it was, on another thread.
#[test]
fn guests_move_between_threads() {
    let mut guests = Guests::new(Settings::default(), &text("i32"));
    guests.call("count");
    let stored = std::thread::spawn(move || guests.call("count").activation.effects.stored);
    assert_eq!(stored.join().unwrap(), [(1, 2), (2, 4)].into());
}
