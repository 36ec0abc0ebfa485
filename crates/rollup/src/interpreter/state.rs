//! The interpreter's state: plain data, its stack, and what a function begins and ends with. How it goes on is said in
//! `step`.

use std::sync::Arc;

use super::memory::{MAX_PAGES, MAX_TABLE, PAGE, zeroes};
use super::{Profile, Trap};
use crate::encoding::hash::blake2b;
use crate::host::calls::Pending;
use crate::link::Link;
use crate::module::{Code, Constant, Kernel};

/// The end of a start or of `kernel_run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It returned.
    Succeeded,
    /// It trapped, which the machine survives.
    Trapped(Trap),
    /// Something the machine does not survive.
    Failed(String),
}

/// Why the interpreter stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The module has started; `kernel_run` can begin.
    Ready,
    /// The end.
    Ended(Ended),
    /// The kernel waits for data.
    Reveal(Pending),
}

/// What happens when all owed ticks are paid.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// The segment of a table with this number is copied.
    Elements(usize),
    /// The segment of memory with this number is copied.
    Data(usize),
    /// The module is ready.
    Ready,
    /// The instruction at hand.
    Op,
    /// The end.
    End(Ended),
    /// Nothing until the owner says so.
    Wait,
}

/// A caller.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) code: Arc<Code>,
    pub(super) pc: usize,
    pub(super) base: usize,
    /// The ticks of returning to it.
    pub(super) pop: u32,
}

/// A module instance that is being run.
#[derive(Clone)]
pub struct Machine {
    pub(super) kernel: Arc<Kernel>,
    pub(super) links: Arc<[Link]>,
    pub(super) depth: usize,
    pub(super) memory: Vec<u8>,
    pub(super) globals: Vec<u128>,
    /// References: 0 for none, else the function's number plus one.
    pub(super) tables: Vec<Vec<u64>>,
    pub(super) dropped_elements: Vec<bool>,
    pub(super) dropped_data: Vec<bool>,
    /// Operands and locals. Only a vector fills its place; all else is zero-extended.
    pub(super) stack: Vec<u128>,
    pub(super) frames: Vec<Frame>,
    pub(super) code: Arc<Code>,
    pub(super) pc: usize,
    /// Where the locals of the current function begin on the stack.
    pub(super) base: usize,
    pub(super) starting: bool,
    pub(super) next: Next,
    pub(super) owed: u64,
    pub(super) spent: u64,
    pub(super) profile: Option<Box<Profile>>,
}

impl Machine {
    /// A module before its first segment.
    pub(super) fn empty(
        kernel: Arc<Kernel>,
        links: Arc<[Link]>,
        depth: usize,
    ) -> Result<Self, String> {
        let pages = kernel.memory.initial;
        let mut machine = Self {
            owed: kernel.init_ticks,
            memory: zeroes(pages.min(MAX_PAGES) as usize * PAGE)?,
            globals: Vec::new(),
            tables: Vec::new(),
            dropped_elements: vec![false; kernel.elements.len()],
            dropped_data: vec![false; kernel.data.len()],
            stack: Vec::new(),
            frames: Vec::new(),
            code: Arc::default(),
            pc: 0,
            base: 0,
            starting: true,
            next: Next::Elements(0),
            spent: 0,
            profile: None,
            kernel,
            links,
            depth,
        };
        for table in &machine.kernel.tables {
            if table.initial > MAX_TABLE {
                return Err("table too large".into());
            }
            machine.tables.push(vec![0; table.initial as usize]);
        }
        for n in 0..machine.kernel.globals.len() {
            let value = machine.constant(machine.kernel.globals[n].init);
            machine.globals.push(value);
        }
        Ok(machine)
    }

    /// Records calls from now on.
    pub fn record(&mut self) {
        self.profile = Some(Box::default());
    }

    /// The calls recorded so far.
    pub fn profile(&mut self) -> Option<Box<Profile>> {
        if let Some(profile) = &mut self.profile {
            profile.close(self.spent);
        }
        self.profile.take()
    }

    /// The kernel's memory.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Appends the bytes that make this state another one than any other.
    pub(crate) fn digest(&self, out: &mut Vec<u8>) {
        out.extend(blake2b(&self.memory));
        for value in self.globals.iter().chain(&self.stack) {
            out.extend(value.to_be_bytes());
        }
        for table in &self.tables {
            out.extend((table.len() as u64).to_be_bytes());
            out.extend(table.iter().flat_map(|reference| reference.to_be_bytes()));
        }
        out.extend(
            self.dropped_elements
                .iter()
                .map(|dropped| u8::from(*dropped)),
        );
        out.extend(self.dropped_data.iter().map(|dropped| u8::from(*dropped)));
        let places = self.frames.iter().map(|frame| (frame.pc, frame.base));
        for (pc, base) in places.chain([(self.pc, self.base)]) {
            out.extend((pc as u64).to_be_bytes());
            out.extend((base as u64).to_be_bytes());
        }
        out.extend(self.owed.to_be_bytes());
        out.extend(self.spent.to_be_bytes());
    }

    /// The value of a global variable.
    pub fn global(&self, n: usize) -> u64 {
        self.globals[n] as u64
    }

    /// The ticks spent since the start began.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// The functions being called, the outermost first, is as many.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn end(&mut self, ended: Ended, ticks: u64) {
        if let Some(profile) = &mut self.profile {
            profile.close(self.spent);
        }
        self.next = Next::End(ended);
        self.owed = ticks;
    }

    pub(super) fn is_host(&self, function: u32) -> bool {
        (function as usize) < self.links.len()
    }

    /// Enters a function that nobody calls; the ticks up to its first instruction's effect.
    pub(super) fn outermost(&mut self, function: u32) -> u64 {
        self.stack.clear();
        self.frames.clear();
        self.code = Arc::clone(self.kernel.code(function));
        self.pc = 0;
        self.base = 0;
        self.stack.resize(self.code.locals as usize, 0);
        self.next = Next::Op;
        if let Some(profile) = &mut self.profile {
            profile.enter(&self.kernel.name(function), self.spent);
        }
        self.code.entry_ticks() + u64::from(self.code.ticks[0])
    }

    /// An operand as it lies there.
    pub(super) fn take(&mut self) -> u128 {
        self.stack.pop().unwrap_or_default()
    }

    /// An operand that is no vector.
    pub(super) fn pop(&mut self) -> u64 {
        self.take() as u64
    }

    pub(super) fn push(&mut self, value: u64) {
        self.stack.push(u128::from(value));
    }

    /// Three operands as places and a number: destination, source, count.
    pub(super) fn pop3(&mut self) -> (usize, usize, usize) {
        let n = self.pop() as u32 as usize;
        let source = self.pop();
        (self.pop() as u32 as usize, source as usize, n)
    }

    pub(super) fn constant(&self, constant: Constant) -> u128 {
        match constant {
            Constant::Value(value) => u128::from(value),
            Constant::Vector(value) => value,
            Constant::Global(n) => self.globals.get(n as usize).copied().unwrap_or_default(),
            Constant::Function(n) => u128::from(n) + 1,
            Constant::Null => 0,
        }
    }
}

/// What a call to the host during the start fails with.
pub(super) const NO_HOST: &str = "host functions must not access memory during initialisation";
