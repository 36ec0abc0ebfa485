//! How the interpreter goes on, tick by tick (kernel-debugger.md, section 5.4).
//!
//! The effect of an instruction happens at the last tick of its fixed price; what it costs beyond (bytes that moved, a
//! frame taken away) is owed before the next one. Host functions are called through `host::calls`; data to reveal is
//! handed in by the owner.

use std::sync::Arc;

use super::memory::{MAX_STACK, PAGE, load, store};
use super::numeric::numeric;
use super::state::{Ended, Event, Frame, Machine, NO_HOST, Next};
use super::{Trap, vector};
use crate::host::World;
use crate::host::calls::{self, Outcome, Pending};
use crate::link::Link;
use crate::module::{Kernel, Op};

/// The ticks between the end of `kernel_run`'s body and its result: its frame, and the machine's last step.
pub const AFTER_RUN: u64 = 2 + 3;

/// What a running kernel acts on.
pub struct Context<'a> {
    /// The rollup.
    pub world: &'a mut World,
    /// Receives what `write_debug` prints, with the ticks spent before it.
    pub debug: &'a mut dyn FnMut(&[u8], u64),
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

impl Machine {
    /// A module that is about to start: its first ticks are those of the start.
    pub fn new(kernel: Arc<Kernel>, links: Arc<[Link]>, depth: usize) -> Result<Self, String> {
        let mut machine = Self::empty(kernel, links, depth)?;
        machine.next_segment();
        Ok(machine)
    }

    /// Begins `kernel_run`.
    pub fn begin(&mut self, function: u32) {
        self.starting = false;
        self.owed = self.outermost(function);
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
                    Flow::Fail(text) => self.end(Ended::Failed(text), 1),
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
        self.push(u64::from(result as u32));
        self.next = Next::Op;
        self.owed = 6 + ticks + u64::from(self.code.ticks[self.pc]);
    }

    /// Calls a function of the module, or of the host.
    fn call(&mut self, function: u32, indirect: bool, context: &mut Context<'_>) -> Flow {
        if self.is_host(function) {
            self.pc += 1;
            return self.call_host(self.links[function as usize], context);
        }
        let code = Arc::clone(self.kernel.code(function));
        let size = self.stack.len() + code.locals as usize;
        if self.frames.len() + 2 >= self.depth || size > MAX_STACK {
            return Flow::Fail("call stack exhausted".into());
        }
        let pop = self.code.pops[self.pc];
        let base = self.stack.len() - code.params as usize;
        self.stack.resize(size, 0);
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
        let spent = self.spent;
        let first = self.stack.len() - link.function.params().len();
        let args: Vec<u64> = self.stack.drain(first..).map(|slot| slot as u64).collect();
        match calls::call(
            link.function,
            &args,
            &mut self.memory,
            context.world,
            &mut |text| (context.debug)(text, spent),
        ) {
            Outcome::Reveal(pending) => Flow::Reveal(pending),
            Outcome::Done { result, ticks } => {
                let phantom = if link.phantom { Some(0) } else { None };
                if let Some(result) = result.or(phantom) {
                    let wide = link.function.result() == Some(crate::host::abi::Type::I64);
                    self.push(if wide {
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

    #[inline]
    fn execute(&mut self, context: &mut Context<'_>) -> Flow {
        let op = self.code.ops[self.pc];
        match op {
            Op::Nop => {}
            Op::LocalGet(n) => self.stack.push(self.stack[self.base + n as usize]),
            Op::LocalSet(n) => {
                let value = self.take();
                self.stack[self.base + n as usize] = value;
            }
            Op::LocalTee(n) => {
                let value = self.stack[self.stack.len() - 1];
                self.stack[self.base + n as usize] = value;
            }
            Op::Const(value) => self.push(value),
            Op::Numeric(byte) => {
                if let Err(trap) = numeric(byte, &mut self.stack) {
                    return Flow::Trap(trap);
                }
            }
            Op::Load(byte, offset) => {
                let address = self.pop() as u32;
                match load(byte, &self.memory, address, offset) {
                    Some(value) => self.push(value),
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
                let other = self.take();
                if condition == 0 {
                    self.take();
                    self.stack.push(other);
                }
            }
            Op::GlobalGet(n) => self.stack.push(self.globals[n as usize]),
            Op::GlobalSet(n) => self.globals[n as usize] = self.take(),
            Op::MemorySize => self.push((self.memory.len() / PAGE) as u64),
            Op::MemoryGrow => {
                let pages = self.pop() as u32;
                let result = self.grow(u64::from(pages));
                self.push(u64::from(result));
            }
            Op::RefNull => self.stack.push(0),
            Op::RefIsNull => {
                let reference = self.pop();
                self.push(u64::from(reference == 0));
            }
            Op::Unreachable => return Flow::Trap(Trap::Unreachable),
            Op::Vector(opcode, lane) => vector::compute(opcode, lane, &mut self.stack),
            Op::VectorConst(n) => self.stack.push(self.code.vectors[n as usize]),
            Op::Shuffle(n) => {
                let lanes = self.code.vectors[n as usize];
                let (b, a) = (self.take(), self.take());
                self.stack.push(vector::shuffle(a, b, lanes));
            }
            Op::VectorLoad {
                opcode,
                lane,
                offset,
            } => {
                let before = if vector::loads_lane(opcode) {
                    self.take()
                } else {
                    0
                };
                let address = self.pop() as u32;
                match vector::load(opcode, lane, &self.memory, address, offset, before) {
                    Some(value) => self.stack.push(value),
                    None => return Flow::Trap(Trap::MemoryOutOfBounds),
                }
            }
            Op::VectorStore {
                opcode,
                lane,
                offset,
            } => {
                let value = self.take();
                let address = self.pop() as u32;
                if vector::store(opcode, lane, &mut self.memory, address, offset, value).is_none() {
                    return Flow::Trap(Trap::MemoryOutOfBounds);
                }
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
}
