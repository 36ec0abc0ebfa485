//! The interpreter's state and how it goes on, tick by tick (kernel-debugger.md, section 5.4).
//!
//! The effect of an instruction happens at the last tick of its fixed price; what it costs beyond (bytes that moved, a
//! frame taken away) is owed before the next one. Host functions are called through `host::calls`; data to reveal is
//! handed in by the owner.

use std::sync::Arc;

use super::numeric::numeric;
use super::{Profile, Trap};
use crate::host::World;
use crate::host::calls::{self, Outcome, Pending};
use crate::link::Link;
use crate::module::ticks::{self, ORDINARY, PER_COPY, PER_ITEM};
use crate::module::{Code, Constant, Kernel, Op, Placement};

/// The size of a page of memory.
const PAGE: usize = 65_536;
/// The most pages a memory can have.
const MAX_PAGES: u64 = 65_536;
/// The ticks between the end of `kernel_run`'s body and its result: its frame, and the machine's last step.
pub const AFTER_RUN: u64 = 2 + 3;
/// Elements that a table can grow to: our own bound, so that a kernel cannot take all memory.
const MAX_TABLE: u64 = 10_000_000;

/// What a running kernel acts on.
pub struct Context<'a> {
    /// The rollup.
    pub world: &'a mut World,
    /// Receives what `write_debug` prints.
    pub debug: &'a mut dyn FnMut(&[u8]),
}

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
enum Next {
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
struct Frame {
    code: Arc<Code>,
    pc: usize,
    base: usize,
    /// The ticks of returning to it.
    pop: u32,
}

/// What an instruction leads to.
enum Flow {
    /// The next one, after this many ticks more.
    Next(u64),
    /// The outermost function has returned, after this many ticks more.
    Done(u64),
    Trap(Trap),
    Fail(String),
    Reveal(Pending),
}

/// A module instance that is being run.
#[derive(Clone)]
pub struct Machine {
    kernel: Arc<Kernel>,
    links: Arc<[Link]>,
    depth: usize,
    memory: Vec<u8>,
    globals: Vec<u64>,
    /// References: 0 for none, else the function's number plus one.
    tables: Vec<Vec<u64>>,
    dropped_elements: Vec<bool>,
    dropped_data: Vec<bool>,
    stack: Vec<u64>,
    frames: Vec<Frame>,
    code: Arc<Code>,
    pc: usize,
    /// Where the locals of the current function begin on the stack.
    base: usize,
    starting: bool,
    next: Next,
    owed: u64,
    spent: u64,
    profile: Option<Box<Profile>>,
}

impl Machine {
    /// A module that is about to start: its first ticks are those of the start.
    pub fn new(kernel: Arc<Kernel>, links: Arc<[Link]>, depth: usize) -> Result<Self, String> {
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
        machine.next_segment();
        Ok(machine)
    }

    /// Begins `kernel_run`.
    pub fn begin(&mut self, function: u32) {
        self.starting = false;
        self.owed = self.outermost(function);
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

    /// The value of a global variable.
    pub fn global(&self, n: usize) -> u64 {
        self.globals[n]
    }

    /// The ticks spent since the start began.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// The functions being called, the outermost first, is as many.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Spends ticks from a budget, to its end or to an event.
    pub fn advance(&mut self, budget: &mut u64, context: &mut Context<'_>) -> Option<Event> {
        loop {
            if self.owed > *budget {
                self.owed -= *budget;
                self.spent += *budget;
                *budget = 0;
                return None;
            }
            *budget -= self.owed;
            self.spent += self.owed;
            self.owed = 0;
            match &self.next {
                Next::Op => match self.execute(context) {
                    Flow::Next(more) => self.owed = more + u64::from(self.code.ticks[self.pc]),
                    Flow::Reveal(pending) => {
                        self.next = Next::Wait;
                        return Some(Event::Reveal(pending));
                    }
                    Flow::Done(more) if self.starting => self.ready(2 + more),
                    Flow::Done(more) => self.end(Ended::Succeeded, more + AFTER_RUN),
                    Flow::Trap(trap) => self.end(Ended::Trapped(trap), 3 + 1),
                    Flow::Fail(text) => self.end(Ended::Failed(text), 3 + 1),
                },
                Next::Elements(n) => self.copy_elements(*n),
                Next::Data(n) => self.copy_data(*n),
                Next::Ready => {
                    self.next = Next::Wait;
                    return Some(Event::Ready);
                }
                Next::End(ended) => {
                    let ended = ended.clone();
                    self.next = Next::Wait;
                    return Some(Event::Ended(ended));
                }
                Next::Wait => return None,
            }
        }
    }

    /// Hands over the data that the kernel waits for.
    pub fn deliver(&mut self, pending: &Pending, data: &[u8]) {
        let (result, ticks) = calls::deliver(pending, data, &mut self.memory);
        self.stack.push(u64::from(result as u32));
        self.next = Next::Op;
        self.owed = 6 + ticks + u64::from(self.code.ticks[self.pc]);
    }

    fn end(&mut self, ended: Ended, ticks: u64) {
        if let Some(profile) = &mut self.profile {
            profile.close(self.spent);
        }
        self.next = Next::End(ended);
        self.owed = ticks;
    }

    fn ready(&mut self, ticks: u64) {
        self.next = Next::Ready;
        self.owed = ticks + 4 + 1;
    }

    fn constant(&self, constant: Constant) -> u64 {
        match constant {
            Constant::Value(value) => value,
            Constant::Global(n) => self.globals.get(n as usize).copied().unwrap_or_default(),
            Constant::Function(n) => u64::from(n) + 1,
            Constant::Null | Constant::Vector(_) => 0,
        }
    }

    /// Finds the next thing of the start: a segment, the start function, its end; and adds its ticks.
    fn next_segment(&mut self) {
        let kernel = Arc::clone(&self.kernel);
        let (mut element, mut data) = match self.next {
            Next::Elements(n) => (n, 0),
            Next::Data(n) => (kernel.elements.len(), n),
            _ => return,
        };
        while let Some(segment) = kernel.elements.get(element) {
            match segment.placement {
                Placement::Active(..) => {
                    self.next = Next::Elements(element);
                    self.owed += ticks::segment(segment.items.len());
                    return;
                }
                Placement::Declared => {
                    self.dropped_elements[element] = true;
                    self.owed += ORDINARY;
                }
                Placement::Passive => {}
            }
            element += 1;
        }
        while let Some(segment) = kernel.data.get(data) {
            if let Placement::Active(..) = segment.placement {
                self.next = Next::Data(data);
                self.owed += ticks::segment(segment.bytes.len());
                return;
            }
            data += 1;
        }
        match kernel.start {
            Some(function) if self.is_host(function) => self.end(Ended::Failed(NO_HOST.into()), 1),
            Some(function) => {
                let ticks = self.outermost(function);
                self.owed += ORDINARY + ticks;
            }
            None => {
                let ticks = self.owed;
                self.ready(ticks);
            }
        }
    }

    fn copy_elements(&mut self, n: usize) {
        let kernel = Arc::clone(&self.kernel);
        let segment = &kernel.elements[n];
        if let Placement::Active(table, offset) = segment.placement {
            let offset = self.constant(offset) as u32 as usize;
            let values: Vec<u64> = segment
                .items
                .iter()
                .map(|item| self.constant(*item))
                .collect();
            match self.tables[table as usize].get_mut(offset..offset + values.len()) {
                Some(place) => place.copy_from_slice(&values),
                None => return self.end(Ended::Trapped(Trap::TableOutOfBounds), 1),
            }
        }
        self.dropped_elements[n] = true;
        self.next = Next::Elements(n + 1);
        self.next_segment();
    }

    fn copy_data(&mut self, n: usize) {
        let kernel = Arc::clone(&self.kernel);
        let segment = &kernel.data[n];
        if let Placement::Active(_, offset) = segment.placement {
            let offset = self.constant(offset) as u32 as usize;
            let bytes = &kernel.bytes[segment.bytes.clone()];
            match self.memory.get_mut(offset..offset + bytes.len()) {
                Some(place) => place.copy_from_slice(bytes),
                None => return self.end(Ended::Trapped(Trap::MemoryOutOfBounds), 1),
            }
        }
        self.dropped_data[n] = true;
        self.next = Next::Data(n + 1);
        self.next_segment();
    }

    fn is_host(&self, function: u32) -> bool {
        (function as usize) < self.links.len()
    }

    /// Enters a function that nobody calls; the ticks up to its first instruction's effect.
    fn outermost(&mut self, function: u32) -> u64 {
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

    /// Calls a function of the module, or of the host.
    fn call(&mut self, function: u32, indirect: bool, context: &mut Context<'_>) -> Flow {
        if self.is_host(function) {
            self.pc += 1;
            return self.call_host(self.links[function as usize], context);
        }
        if self.frames.len() + 2 >= self.depth {
            return Flow::Fail("call stack exhausted".into());
        }
        let code = Arc::clone(self.kernel.code(function));
        let pop = self.code.pops[self.pc];
        let base = self.stack.len() - code.params as usize;
        self.stack
            .resize(self.stack.len() + code.locals as usize, 0);
        let ticks = code.entry_ticks();
        let caller = std::mem::replace(&mut self.code, code);
        self.frames.push(Frame {
            code: caller,
            pc: self.pc + 1,
            base: self.base,
            pop,
        });
        self.base = base;
        self.pc = 0;
        if let Some(profile) = &mut self.profile {
            match self.kernel.names.get(&function) {
                Some(name) => profile.enter(name, self.spent),
                None if indirect => profile.enter(&format!("function_ref[{function}]"), self.spent),
                None => profile.enter(&format!("function[{function}]"), self.spent),
            }
        }
        Flow::Next(ticks)
    }

    fn call_host(&mut self, link: Link, context: &mut Context<'_>) -> Flow {
        if self.starting {
            return Flow::Fail(NO_HOST.into());
        }
        let args = self
            .stack
            .split_off(self.stack.len() - link.function.params().len());
        match calls::call(
            link.function,
            &args,
            &mut self.memory,
            context.world,
            context.debug,
        ) {
            Outcome::Reveal(pending) => Flow::Reveal(pending),
            Outcome::Done { result, ticks } => {
                let phantom = if link.phantom { Some(0) } else { None };
                if let Some(result) = result.or(phantom) {
                    let wide = link.function.result() == Some(crate::host::abi::Type::I64);
                    self.stack.push(if wide {
                        result as u64
                    } else {
                        u64::from(result as u32)
                    });
                }
                Flow::Next(if link.function.is_reveal() { 6 } else { 5 } + ticks)
            }
        }
    }

    /// Returns from the current function.
    fn leave(&mut self) -> Flow {
        let results = self.code.results as usize;
        let from = self.stack.len() - results;
        self.stack.drain(self.base..from);
        let Some(frame) = self.frames.pop() else {
            return Flow::Done(0);
        };
        if let Some(profile) = &mut self.profile {
            profile.leave(self.spent);
        }
        (self.code, self.pc, self.base) = (frame.code, frame.pc, frame.base);
        Flow::Next(u64::from(frame.pop))
    }

    fn branch(&mut self, index: u32) -> Flow {
        let target = self.code.targets[index as usize];
        let ticks = u64::from(target.ticks);
        if target.leaves {
            return match self.leave() {
                Flow::Next(more) => Flow::Next(more + ticks),
                Flow::Done(more) => Flow::Done(more + ticks),
                other => other,
            };
        }
        let operands = self.base + (self.code.params + self.code.locals) as usize;
        let keep = self.stack.len() - target.arity as usize;
        self.stack.drain(operands + target.height as usize..keep);
        self.pc = target.pc as usize;
        Flow::Next(ticks)
    }

    fn pop(&mut self) -> u64 {
        self.stack.pop().unwrap_or_default()
    }

    /// Three operands as places and a number: destination, source, count.
    fn pop3(&mut self) -> (usize, usize, usize) {
        let n = self.pop() as u32 as usize;
        let source = self.pop();
        (self.pop() as u32 as usize, source as usize, n)
    }

    #[inline]
    fn execute(&mut self, context: &mut Context<'_>) -> Flow {
        let op = self.code.ops[self.pc];
        match op {
            Op::Nop => {}
            Op::LocalGet(n) => self.stack.push(self.stack[self.base + n as usize]),
            Op::LocalSet(n) => {
                let value = self.pop();
                self.stack[self.base + n as usize] = value;
            }
            Op::LocalTee(n) => {
                let value = self.stack[self.stack.len() - 1];
                self.stack[self.base + n as usize] = value;
            }
            Op::Const(value) => self.stack.push(value),
            Op::Numeric(byte) => {
                if let Err(trap) = numeric(byte, &mut self.stack) {
                    return Flow::Trap(trap);
                }
            }
            Op::Load(byte, offset) => {
                let address = self.pop() as u32;
                match load(byte, &self.memory, address, offset) {
                    Some(value) => self.stack.push(value),
                    None => return Flow::Trap(Trap::MemoryOutOfBounds),
                }
            }
            Op::Store(byte, offset) => {
                let value = self.pop();
                let address = self.pop() as u32;
                if store(byte, &mut self.memory, address, offset, value).is_none() {
                    return Flow::Trap(Trap::MemoryOutOfBounds);
                }
            }
            Op::Jump(pc) => {
                self.pc = pc as usize;
                return Flow::Next(0);
            }
            Op::JumpIfZero(pc) => {
                if self.pop() as u32 == 0 {
                    self.pc = pc as usize;
                    return Flow::Next(0);
                }
            }
            Op::Br(target) => return self.branch(target),
            Op::BrIf(target) => {
                if self.pop() as u32 != 0 {
                    return self.branch(target);
                }
            }
            Op::BrTable(first, count) => {
                let index = (self.pop() as u32).min(count - 1);
                return self.branch(first + index);
            }
            Op::Return => return self.leave(),
            Op::Call(function) => return self.call(function, false, context),
            Op::CallIndirect { signature, table } => {
                let index = self.pop() as u32;
                match self.tables[table as usize].get(index as usize) {
                    None => return Flow::Fail(format!("undefined element {index}")),
                    Some(0) => return Flow::Fail(format!("uninitialized element {index}")),
                    Some(reference) => {
                        let function = (*reference - 1) as u32;
                        let wanted = &self.kernel.types[signature as usize];
                        if self.kernel.signature(function) != wanted {
                            return Flow::Trap(Trap::CallTypeMismatch);
                        }
                        return self.call(function, true, context);
                    }
                }
            }
            Op::Drop => {
                self.pop();
            }
            Op::Select => {
                let condition = self.pop() as u32;
                let other = self.pop();
                if condition == 0 {
                    self.pop();
                    self.stack.push(other);
                }
            }
            Op::GlobalGet(n) => self.stack.push(self.globals[n as usize]),
            Op::GlobalSet(n) => self.globals[n as usize] = self.pop(),
            Op::MemorySize => self.stack.push((self.memory.len() / PAGE) as u64),
            Op::MemoryGrow => {
                let pages = self.pop() as u32;
                let result = self.grow(u64::from(pages));
                self.stack.push(u64::from(result));
            }
            Op::RefNull => self.stack.push(0),
            Op::RefIsNull => {
                let reference = self.pop();
                self.stack.push(u64::from(reference == 0));
            }
            Op::Unreachable => return Flow::Trap(Trap::Unreachable),
            Op::Vector => {
                return Flow::Fail(
                    "vector instructions cannot be stepped through: use `step kernel_run`".into(),
                );
            }
            other => match self.bulk(other) {
                Ok(ticks) => {
                    self.pc += 1;
                    return Flow::Next(ticks);
                }
                Err(trap) => return Flow::Trap(trap),
            },
        }
        self.pc += 1;
        Flow::Next(0)
    }

    /// Instructions on tables and on ranges of memory; their ticks beyond the fixed price.
    fn bulk(&mut self, op: Op) -> Result<u64, Trap> {
        let memory = Trap::MemoryOutOfBounds;
        let table = Trap::TableOutOfBounds;
        match op {
            Op::MemoryFill => {
                let (to, byte, n) = self.pop3();
                self.memory
                    .get_mut(to..to + n)
                    .ok_or(memory)?
                    .fill(byte as u8);
                Ok(n as u64 * PER_ITEM)
            }
            Op::MemoryCopy => {
                let (to, from, n) = self.pop3();
                if to + n > self.memory.len() || from + n > self.memory.len() {
                    return Err(memory);
                }
                self.memory.copy_within(from..from + n, to);
                Ok(n as u64 * PER_COPY)
            }
            Op::MemoryInit(segment) => {
                let (to, from, n) = self.pop3();
                let kernel = Arc::clone(&self.kernel);
                let dropped = self.dropped_data[segment as usize];
                let bytes = if dropped {
                    0..0
                } else {
                    kernel.data[segment as usize].bytes.clone()
                };
                let bytes = kernel.bytes[bytes].get(from..from + n).ok_or(memory)?;
                self.memory
                    .get_mut(to..to + n)
                    .ok_or(memory)?
                    .copy_from_slice(bytes);
                Ok(n as u64 * PER_ITEM)
            }
            Op::DataDrop(segment) => {
                self.dropped_data[segment as usize] = true;
                Ok(0)
            }
            Op::ElemDrop(segment) => {
                self.dropped_elements[segment as usize] = true;
                Ok(0)
            }
            Op::TableGet(n) => {
                let index = self.pop() as u32 as usize;
                let value = *self.tables[n as usize].get(index).ok_or(table)?;
                self.stack.push(value);
                Ok(0)
            }
            Op::TableSet(n) => {
                let value = self.pop();
                let index = self.pop() as u32 as usize;
                *self.tables[n as usize].get_mut(index).ok_or(table)? = value;
                Ok(0)
            }
            Op::TableSize(n) => {
                self.stack.push(self.tables[n as usize].len() as u64);
                Ok(0)
            }
            Op::TableGrow(n) => {
                let by = u64::from(self.pop() as u32);
                let value = self.pop();
                let table = &mut self.tables[n as usize];
                let size = table.len() as u64;
                let most = self.kernel.tables[n as usize]
                    .maximum
                    .unwrap_or(u64::MAX)
                    .min(MAX_TABLE);
                let fits = size + by <= most;
                if fits {
                    table.resize((size + by) as usize, value);
                }
                self.stack
                    .push(if fits { size } else { u64::from(u32::MAX) });
                Ok(0)
            }
            Op::TableFill(n) => {
                let count = self.pop() as u32 as usize;
                let value = self.pop();
                let to = self.pop() as u32 as usize;
                self.tables[n as usize]
                    .get_mut(to..to + count)
                    .ok_or(table)?
                    .fill(value);
                Ok(count as u64 * PER_ITEM)
            }
            Op::TableCopy {
                to: target,
                from: source,
            } => {
                let (to, from, n) = self.pop3();
                let values = self.tables[source as usize]
                    .get(from..from + n)
                    .ok_or(table)?
                    .to_vec();
                self.tables[target as usize]
                    .get_mut(to..to + n)
                    .ok_or(table)?
                    .copy_from_slice(&values);
                Ok(n as u64 * PER_COPY)
            }
            Op::TableInit {
                table: target,
                segment,
            } => {
                let (to, from, n) = self.pop3();
                let kernel = Arc::clone(&self.kernel);
                let dropped = self.dropped_elements[segment as usize];
                let items = if dropped {
                    &[][..]
                } else {
                    &kernel.elements[segment as usize].items
                };
                let items = items.get(from..from + n).ok_or(table)?;
                let values: Vec<u64> = items.iter().map(|item| self.constant(*item)).collect();
                self.tables[target as usize]
                    .get_mut(to..to + n)
                    .ok_or(table)?
                    .copy_from_slice(&values);
                Ok(n as u64 * PER_ITEM)
            }
            _ => Err(Trap::Unreachable),
        }
    }

    /// Grows memory; the number of pages before, or 2^32 - 1 when it cannot.
    fn grow(&mut self, by: u64) -> u32 {
        let size = (self.memory.len() / PAGE) as u64;
        let most = self
            .kernel
            .memory
            .maximum
            .unwrap_or(MAX_PAGES)
            .min(MAX_PAGES);
        if size + by > most {
            return u32::MAX;
        }
        if by > 0 {
            let Ok(mut memory) = zeroes((size + by) as usize * PAGE) else {
                return u32::MAX;
            };
            memory[..self.memory.len()].copy_from_slice(&self.memory);
            self.memory = memory;
        }
        size as u32
    }
}

/// What a call to the host during the start fails with.
const NO_HOST: &str = "host functions must not access memory during initialisation";

fn zeroes(size: usize) -> Result<Vec<u8>, String> {
    let mut probe: Vec<u8> = Vec::new();
    probe
        .try_reserve_exact(size)
        .map_err(|_| "out of memory".to_owned())?;
    drop(probe);
    // The allocator hands out pages that are zero already; they cost nothing until they are touched.
    Ok(vec![0; size])
}

#[inline]
fn load(byte: u8, memory: &[u8], address: u32, offset: u32) -> Option<u64> {
    let start = address as usize + offset as usize;
    let at = memory.get(start..)?;
    macro_rules! read {
        ($ty:ty) => {
            <$ty>::from_le_bytes(*at.first_chunk()?)
        };
    }
    let int = |value: i32| u64::from(value as u32);
    Some(match byte {
        0x28 | 0x35 => u64::from(read!(u32)),
        0x29 => read!(u64),
        0x2c => int(i32::from(read!(i8))),
        0x2d | 0x31 => u64::from(read!(u8)),
        0x2e => int(i32::from(read!(i16))),
        0x2f | 0x33 => u64::from(read!(u16)),
        0x30 => i64::from(read!(i8)) as u64,
        0x32 => i64::from(read!(i16)) as u64,
        _ => i64::from(read!(i32)) as u64,
    })
}

#[inline]
fn store(byte: u8, memory: &mut [u8], address: u32, offset: u32, value: u64) -> Option<()> {
    let start = address as usize + offset as usize;
    let at = memory.get_mut(start..)?;
    let bytes = value.to_le_bytes();
    let n = match byte {
        0x36 | 0x3e => 4,
        0x37 => 8,
        0x3a | 0x3c => 1,
        _ => 2,
    };
    at.get_mut(..n)?.copy_from_slice(&bytes[..n]);
    Some(())
}
