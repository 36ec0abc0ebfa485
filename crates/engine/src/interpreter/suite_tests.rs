//! WebAssembly's own test suite, which is not part of this repository, on the interpreter.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use wasmtime::Trap;
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use super::machine::Stack;
use super::{Environment, Halt, Machine, Program, View};
use crate::features::FEATURES;
use crate::memory::{Heap, HeapView};
use crate::rewrite::{Plan, Shape, survey};
use crate::testing::One;
use crate::tier::Tier;

/// Functions of the surroundings do nothing.
struct Silent;

impl Environment for Silent {
    fn call(&mut self, _: u32, _: &mut [u64], _: &mut i64, _: &View<'_>) -> Result<(), Halt> {
        Ok(())
    }

    fn out_of_instructions(&mut self, counter: &mut i64, _: &View<'_>) -> Result<(), Halt> {
        *counter = i64::MAX;
        Ok(())
    }

    fn memory_grown(&mut self, _: u64, _: u64) -> Result<(), Halt> {
        Ok(())
    }

    fn refused(&mut self, _: io::Error) -> Halt {
        Halt::Stopped
    }

    fn plan(&self) -> Plan<'_> {
        Plan::new(Shape::default(), &One)
    }
}

struct Instance {
    machine: Machine,
    heap: Option<Heap>,
}

impl Instance {
    /// Nothing for what is not for the interpreter.
    fn new(wasm: &[u8]) -> Option<Self> {
        let mut validator = wasmparser::Validator::new_with_features(FEATURES);
        validator.validate_all(wasm).ok()?;
        let shape = Shape::of(wasm).ok()?;
        let mut plan = Plan::new(shape, &One);
        plan.start = Some("start function of the suite");
        let surveyed = survey(wasm, &plan).ok()??;
        let program = Arc::new(Program::new(wasm.into(), &plan)?);
        let known =
            |(module, name): &(String, String)| module == "spectest" && name.starts_with("print");
        if !program.imports().iter().all(known) {
            return None;
        }
        let heap = plan.shape.memory.map(|memory| {
            let mut heap = Heap::new(4 << 30, 4 << 30).unwrap();
            heap.grow_to(memory.initial_pages * 65536).unwrap();
            for segment in &surveyed.data {
                heap.write(segment.offset, &segment.bytes).unwrap();
            }
            heap.begin().unwrap();
            heap
        });
        let view = heap.as_ref().map(|heap| HeapView::new(heap, 0).unwrap());
        let machine = Machine::new(&program, view);
        let mut instance = Instance { machine, heap };
        if let Some(start) = instance.machine.function("start function of the suite") {
            instance.call(start, &[]).ok()?;
        }
        Some(instance)
    }

    fn call(&mut self, function: u32, arguments: &[u64]) -> Result<Vec<u64>, Halt> {
        if function < self.machine.program().imported() {
            return Ok(Vec::new());
        }
        let mut stack = Stack {
            slots: vec![0xdead_beef_dead_beef; Tier::Interpreter.stack() / 8].into(),
            frames: Vec::new(),
        };
        let results = self.machine.program().type_of(function).results().len();
        let listen = |heap: &mut Heap| heap.listen(false).unwrap();
        let _active = self.heap.as_mut().map(listen);
        let mut counter = i64::MAX;
        self.machine
            .execute(&mut Silent, &mut stack, function, arguments, &mut counter)?;
        Ok(stack.slots[..results].to_vec())
    }

    /// Nothing for what the interpreter leaves to others.
    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Option<Result<Vec<u64>, Halt>> {
        let function = self.machine.function(invoke.name)?;
        let argument = |argument: &WastArg<'_>| match argument {
            WastArg::Core(WastArgCore::I32(value)) => Some(i64::from(*value) as u64),
            WastArg::Core(WastArgCore::I64(value)) => Some(*value as u64),
            WastArg::Core(WastArgCore::F32(value)) => Some(u64::from(value.bits)),
            WastArg::Core(WastArgCore::F64(value)) => Some(value.bits),
            _ => None,
        };
        let arguments: Option<Vec<u64>> = invoke.args.iter().map(argument).collect();
        match self.call(function, &arguments?) {
            Err(Halt::Unable) => None,
            other => Some(other),
        }
    }
}

fn agrees(bits: u64, expected: &WastRet<'_>) -> bool {
    let WastRet::Core(expected) = expected else {
        return false;
    };
    // NaNs are canonical here, with a sign of 0; where any is allowed, that one is.
    match expected {
        WastRetCore::I32(value) => bits as u32 == *value as u32,
        WastRetCore::I64(value) => bits == *value as u64,
        WastRetCore::F32(NanPattern::Value(value)) => bits as u32 == value.bits,
        WastRetCore::F64(NanPattern::Value(value)) => bits == value.bits,
        // Sign operators keep the payload.
        WastRetCore::F32(_) => f32::from_bits(bits as u32).is_nan(),
        WastRetCore::F64(_) => f64::from_bits(bits).is_nan(),
        WastRetCore::Either(all) => all
            .iter()
            .any(|one| matches!(one, WastRetCore::I32(value) if bits as u32 == *value as u32)),
        _ => false,
    }
}

fn trap_of(message: &str) -> Option<Trap> {
    Some(match message {
        "unreachable" => Trap::UnreachableCodeReached,
        "out of bounds memory access" => Trap::MemoryOutOfBounds,
        "integer divide by zero" => Trap::IntegerDivisionByZero,
        "integer overflow" => Trap::IntegerOverflow,
        "invalid conversion to integer" => Trap::BadConversionToInteger,
        "indirect call type mismatch" => Trap::BadSignature,
        "undefined element" => Trap::TableOutOfBounds,
        "call stack exhausted" => Trap::StackOverflow,
        _ if message.starts_with("uninitialized element") => Trap::IndirectCallToNull,
        _ => return None,
    })
}

/// How many assertions held, and how many were for others.
#[derive(Default)]
struct Tally {
    held: u64,
    left: u64,
}

fn run_file(path: &Path, tally: &mut Tally) -> Option<()> {
    let text = std::fs::read_to_string(path).ok()?;
    let buffer = ParseBuffer::new(&text).ok()?;
    let wast: Wast<'_> = parser::parse(&buffer).ok()?;
    let mut instances: Vec<Option<Instance>> = Vec::new();
    let mut names = BTreeMap::new();
    for directive in wast.directives {
        let place = |span: wast::token::Span| {
            let (line, _) = span.linecol_in(&text);
            format!("{}:{}", path.display(), line + 1)
        };
        let mut find = |invoke: &WastInvoke<'_>| {
            let last = instances.len().checked_sub(1);
            let index = match invoke.module {
                Some(name) => names.get(name.name()).copied(),
                None => last,
            };
            let instance = instances.get_mut(index?)?;
            let result = instance.as_mut()?.invoke(invoke);
            if result.is_none() {
                // What others do with it is not known here.
                *instance = None;
            }
            result
        };
        match directive {
            WastDirective::Module(mut module) => {
                if let Some(name) = match &module {
                    QuoteWat::Wat(wast::Wat::Module(module)) => module.id,
                    _ => None,
                } {
                    names.insert(name.name().to_owned(), instances.len());
                }
                let wasm = module.encode();
                instances.push(wasm.ok().and_then(|wasm| Instance::new(&wasm)));
            }
            // From here on modules may share memories, tables and globals.
            WastDirective::Register { .. } => return Some(()),
            WastDirective::Invoke(invoke) => drop(find(&invoke)),
            WastDirective::AssertReturn {
                span,
                exec: WastExecute::Invoke(invoke),
                results,
            } => match find(&invoke) {
                None => tally.left += 1,
                Some(Ok(values)) => {
                    let right = values.len() == results.len()
                        && values.iter().zip(&results).all(|(v, r)| agrees(*v, r));
                    assert!(right, "{}: {values:x?}, not {results:?}", place(span));
                    tally.held += 1;
                }
                Some(Err(Halt::Trap(trap, _))) => panic!("{}: {trap}", place(span)),
                Some(Err(_)) => panic!("{}: ended", place(span)),
            },
            WastDirective::AssertTrap {
                span,
                exec: WastExecute::Invoke(call),
                message,
            }
            | WastDirective::AssertExhaustion {
                span,
                call,
                message,
            } => match (find(&call), trap_of(message)) {
                (None, _) => tally.left += 1,
                (Some(Err(Halt::Trap(trap, _))), Some(expected)) => {
                    assert_eq!(trap, expected, "{}", place(span));
                    tally.held += 1;
                }
                (Some(_), expected) => panic!("{}: no {expected:?} ({message})", place(span)),
            },
            _ => {}
        }
    }
    Some(())
}

#[test]
#[ignore = "wants the directory of WebAssembly's test suite in WASM_TESTSUITE"]
fn the_test_suite_of_webassembly_holds() {
    let directory = std::env::var_os("WASM_TESTSUITE").expect("WASM_TESTSUITE names a directory");
    let mut tally = Tally::default();
    let (mut files, mut unread) = (0, Vec::new());
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wast") {
            files += 1;
            if run_file(&path, &mut tally).is_none() {
                unread.push(path);
            }
        }
    }
    let Tally { held, left } = tally;
    println!(
        "{files} files, {held} assertions held, {left} were left to others; not read: {unread:?}"
    );
    assert!(held > 10_000, "that is not the whole suite");
}
