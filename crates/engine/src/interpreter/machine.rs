//! An instance in the interpreter: globals, heap and what was dropped; what it asks of its surroundings; and how a run
//! of it ends.

use std::io;
use std::sync::Arc;

use wasmparser::ExternalKind;
use wasmtime::Trap;

use super::op::{Code, Instr};
use super::outline::NULL;
use super::program::Program;
use crate::memory::HeapView;
use crate::rewrite::{ADDED_IMPORTS, MEMORY_EXPORT, Plan};

/// Functions of which a trap tells at the most, as in machine code.
const TRACED: usize = 100;

/// What the interpreter asks of whoever runs it. Each function that fails knows why and has kept the reason.
pub(crate) trait Environment {
    /// Calls an imported function: arguments are in `words`, and so is a result.
    fn call(
        &mut self,
        function: u32,
        words: &mut [u64],
        counter: &mut i64,
        view: &View<'_>,
    ) -> Result<(), Halt>;

    /// The counter is below zero.
    fn out_of_instructions(&mut self, counter: &mut i64, view: &View<'_>) -> Result<(), Halt>;

    /// The heap has grown from so many pages by so many, possibly none.
    fn memory_grown(&mut self, previous: u64, added: u64) -> Result<(), Halt>;

    /// The machine refuses to let the heap grow.
    fn refused(&mut self, error: io::Error) -> Halt;

    /// How the module is metered; asked for when a function has to be translated.
    fn plan(&self) -> Plan<'_>;
}

/// Why a run ended before its function returned.
pub(crate) enum Halt {
    /// It trapped, in these functions, innermost first: their indices in the module as it would be rewritten.
    Trap(Trap, Vec<u32>),
    /// The environment ended it.
    Stopped,
    /// There is a function that the interpreter does not know how to run.
    Unable,
}

impl Halt {
    pub(super) fn trap(trap: Trap, view: &View<'_>) -> Self {
        Halt::Trap(trap, view.functions())
    }
}

/// What a host function may see of the module that called it.
pub(crate) struct View<'a> {
    program: &'a Program,
    frames: &'a [Frame],
    function: Option<u32>,
    stand_in: Option<u32>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        program: &'a Program,
        frames: &'a [Frame],
        function: Option<u32>,
        stand_in: Option<u32>,
    ) -> Self {
        View {
            program,
            frames,
            function,
            stand_in,
        }
    }

    /// Whether something that is no memory has the name of the memory.
    pub(crate) fn memory_is_something_else(&self) -> bool {
        let export = self.program.export(MEMORY_EXPORT);
        export.is_some_and(|(kind, _)| kind != ExternalKind::Memory)
    }

    /// The functions that are running, innermost first: their indices in the rewritten module, where another one stands in
    /// for an imported function that is called through the table.
    pub(crate) fn functions(&self) -> Vec<u32> {
        let stand_in = self
            .stand_in
            .map(|function| self.program.stand_in(function));
        let running = self.frames.iter().rev().map(|frame| frame.function);
        let running = self.function.into_iter().chain(running);
        let running = running.map(|function| function + ADDED_IMPORTS);
        stand_in.into_iter().chain(running).take(TRACED).collect()
    }
}

/// An instance.
pub(crate) struct Machine {
    pub(super) program: Arc<Program>,
    pub(super) heap: Option<HeapView>,
    pub(super) globals: Vec<u64>,
    /// Data segments that were dropped.
    pub(super) dropped: Vec<bool>,
}

/// A function that has called another.
pub(super) struct Frame {
    pub function: u32,
    /// The call.
    pub pc: *const Instr,
    /// The first slot.
    pub slots: *mut u64,
    /// Bytes of the stack that it takes.
    pub cost: usize,
}

/// Bytes that a frame takes at the least, on top of its slots: more than any code generator does.
const FRAME: usize = 256;

/// Bytes of the stack that a frame takes.
pub(super) fn cost_of(code: &Code) -> usize {
    code.slots * size_of::<u64>() + FRAME
}

/// Where frames are.
pub(super) struct Stack {
    pub slots: Box<[u64]>,
    pub frames: Vec<Frame>,
}

/// What of the table can be called.
pub(crate) enum Element {
    /// A function.
    Function(u32),
    /// Nothing.
    Null,
    /// The table is shorter.
    Missing,
}

impl Machine {
    /// A fresh instance on a heap.
    pub(crate) fn new(program: &Arc<Program>, heap: Option<HeapView>) -> Self {
        Machine {
            program: Arc::clone(program),
            heap,
            globals: program.globals.clone(),
            dropped: vec![false; program.segments()],
        }
    }

    /// The module.
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The bits of a global.
    pub(crate) fn global(&self, index: usize) -> u64 {
        self.globals[index]
    }

    /// Writes a global.
    pub(crate) fn set_global(&mut self, index: usize, bits: u64) {
        self.globals[index] = bits;
    }

    /// The function of an export, if it is one.
    pub(crate) fn function(&self, export: &str) -> Option<u32> {
        match self.program.export(export)? {
            (ExternalKind::Func | ExternalKind::FuncExact, index) => Some(index),
            _ => None,
        }
    }

    /// An element of the table; nothing if there is no table.
    pub(crate) fn element(&self, index: u32) -> Option<Element> {
        let table = self.program.table.as_ref()?;
        Some(match table.get(index as usize) {
            None => Element::Missing,
            Some(&NULL) => Element::Null,
            Some(function) => Element::Function(*function),
        })
    }
}
