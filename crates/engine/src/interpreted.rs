//! An instance in the interpreter, and what the interpreter asks of the engine.

use std::io;
use std::sync::Arc;

use crate::entry::{Entry, Fault, NotEntered};
use crate::failure::{Failure, Resource};
use crate::guest::{Cell, Guest};
use crate::host::{Activation, Host};
use crate::imports::{HostFunction, Imports};
use crate::interpreter::{Element, Environment, Halt, Machine, View};
use crate::memory::WASM_PAGE_SIZE;
use crate::module::GlobalValue;
use crate::rewrite::{GlobalValueType, Plan};

/// An instance in the interpreter.
pub(crate) struct Interpreted<H: Host> {
    machine: Machine,
    /// What the instance holds for the host functions.
    pub(crate) cell: Cell<H>,
    /// The instruction counter.
    pub(crate) counter: i64,
    /// The imported ones, by index.
    functions: Vec<Arc<HostFunction<H>>>,
}

impl<H: Host> Interpreted<H> {
    /// Makes an instance on the heap of the cell; nothing if the module is not for the interpreter.
    pub(crate) fn new(cell: Cell<H>, imports: &Imports<H>) -> Option<Self> {
        let program = cell.module.program()?;
        let mut functions = Vec::new();
        for (index, import) in (0..).zip(program.imports()) {
            match imports.functions.get(import) {
                Some(function) if function.fits(program.type_of(index)) => {
                    functions.push(Arc::clone(function));
                }
                // The linker has words for it.
                _ => return None,
            }
        }
        Some(Interpreted {
            machine: Machine::new(program, cell.heap.clone()),
            cell,
            counter: 0,
            functions,
        })
    }

    fn saved(&self, position: usize) -> (usize, GlobalValueType) {
        let saved = &self.cell.module.saved_globals()[position];
        (saved.index as usize, saved.value_type)
    }

    /// The value of a saved global.
    pub(crate) fn global(&self, position: usize) -> GlobalValue {
        let (index, ty) = self.saved(position);
        let bits = self.machine.global(index);
        match ty {
            GlobalValueType::I32 => GlobalValue::I32(bits as i32),
            GlobalValueType::I64 => GlobalValue::I64(bits as i64),
            GlobalValueType::F32 => GlobalValue::F32(bits as u32),
            GlobalValueType::F64 => GlobalValue::F64(bits),
            GlobalValueType::V128 => unreachable!("vectors are not for the interpreter"),
        }
    }

    /// Writes a saved global.
    pub(crate) fn set_global(&mut self, position: usize, value: GlobalValue) {
        let bits = match value {
            GlobalValue::I32(value) => u64::from(value as u32),
            GlobalValue::I64(value) => value as u64,
            GlobalValue::F32(bits) => u64::from(bits),
            GlobalValue::F64(bits) => bits,
            GlobalValue::V128(_) => unreachable!("vectors are not for the interpreter"),
        };
        let (index, _) = self.saved(position);
        self.machine.set_global(index, bits);
    }

    /// Runs a function.
    pub(crate) fn enter(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        let (function, argument) = match entry {
            Entry::Export(name) => {
                let function = self.machine.function(name);
                let function = function.ok_or(Fault::Before(NotEntered::NoFunction))?;
                (function, None)
            }
            Entry::Table { function, argument } => {
                (self.element(function)?, Some(self.address(argument)?))
            }
        };
        let program = self.machine.program();
        let ty = program.type_of(function);
        let parameters = argument.map(|_| program.address_type());
        if ty.params() != parameters.as_slice() || !ty.results().is_empty() {
            return Err(Fault::Before(NotEntered::Signature));
        }
        let mut calls = Calls {
            cell: &mut self.cell,
            functions: &self.functions,
        };
        let run = self
            .machine
            .run(&mut calls, function, argument, &mut self.counter);
        run.map_err(|halt| match halt {
            Halt::Trap(trap, functions) => Fault::Trapped(trap, functions),
            Halt::Stopped => Fault::Ended,
            Halt::Unable => Fault::Unable,
        })
    }

    /// The function at an index of the table (system-api.md 3.4).
    fn element(&self, index: u32) -> Result<u32, Fault> {
        let why = match self.machine.element(index) {
            Some(Element::Function(function)) => return Ok(function),
            Some(Element::Null) => NotEntered::NullElement,
            Some(Element::Missing) => NotEntered::NoElement(index),
            None if self.machine.program().table_is_something_else() => NotEntered::NotATable,
            None => NotEntered::NoTable,
        };
        Err(Fault::Before(why))
    }

    fn address(&self, argument: u64) -> Result<u64, Fault> {
        let fits = self.cell.module.shape().memory64() || u32::try_from(argument).is_ok();
        match fits {
            true => Ok(argument),
            false => Err(Fault::Before(NotEntered::ArgumentTooLarge(argument))),
        }
    }
}

/// What the interpreter asks of the engine.
struct Calls<'a, H: Host> {
    cell: &'a mut Cell<H>,
    functions: &'a [Arc<HostFunction<H>>],
}

impl<H: Host> Environment for Calls<'_, H> {
    fn call(
        &mut self,
        function: u32,
        words: &mut [u64],
        counter: &mut i64,
        view: &View<'_>,
    ) -> Result<(), Halt> {
        let mut guest = Guest::interpreted(self.cell, view, *counter);
        let called = self.functions[function as usize].call(&mut guest, words);
        *counter = guest.counter();
        called.map_err(|_| Halt::Stopped)
    }

    fn out_of_instructions(&mut self, counter: &mut i64, view: &View<'_>) -> Result<(), Halt> {
        let mut guest = Guest::interpreted(self.cell, view, *counter);
        let went_on = guest.go_on();
        *counter = guest.counter();
        went_on.map_err(|_| Halt::Stopped)
    }

    fn memory_grown(&mut self, previous: u64, added: u64) -> Result<(), Halt> {
        const PAGE: u64 = WASM_PAGE_SIZE as u64;
        let activation = &mut self.cell.run().activation;
        activation
            .memory_grown(previous * PAGE, added * PAGE)
            .map_err(|reason| {
                self.cell.stop = Some(reason);
                Halt::Stopped
            })
    }

    fn plan(&self) -> Plan<'_> {
        let module = &self.cell.module;
        module.host.plan(&module.facts)
    }

    fn refused(&mut self, error: io::Error) -> Halt {
        self.cell.failure = Some(Failure::new(Resource::Heap, error));
        Halt::Stopped
    }
}
