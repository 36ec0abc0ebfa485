//! Writes instructions, and knows where the operands are: in the slot of their height, or still in a local or a constant,
//! which mostly vanish into the instruction that uses them.

use wasmparser::MemArg;

use super::op::{Instr, Op};

/// A value that code of this place may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// In the slot that belongs to its height on the stack.
    Slot,
    /// Still in a local.
    Local(u16),
    /// A constant.
    Const(u64),
}

/// Operands above so many are in their slots: a stack of any height is not looked through again and again.
const PENDING: usize = 64;

/// The code of one function as far as it is written.
pub(super) struct Writer {
    pub instrs: Vec<Instr>,
    /// Slots of locals, below those of operands.
    pub locals: usize,
    pub stack: Vec<Operand>,
    /// The most operands that there were.
    pub highest: usize,
    /// The instruction that made the operand on top, if it may write somewhere else as well.
    pub last: Option<usize>,
}

impl Writer {
    pub(super) fn new(locals: usize) -> Self {
        Writer {
            instrs: Vec::new(),
            locals,
            stack: Vec::new(),
            highest: 0,
            last: None,
        }
    }

    pub(super) fn emit(&mut self, op: Op, a: u16, b: u16, c: u16, imm: u64) {
        self.instrs.push(Instr { op, a, b, c, imm });
    }

    /// The slot that belongs to a height on the stack.
    pub(super) fn slot(&self, height: usize) -> u16 {
        (self.locals + height) as u16
    }

    pub(super) fn push(&mut self, operand: Operand) {
        let height = self.stack.len();
        self.stack.push(operand);
        self.highest = self.highest.max(self.stack.len());
        if height >= PENDING {
            self.settle(height);
        }
    }

    /// Puts the operand at a height into its slot.
    fn settle(&mut self, height: usize) {
        if self.stack[height] != Operand::Slot {
            let slot = self.slot(height);
            self.settle_into(height, slot);
            self.stack[height] = Operand::Slot;
        }
    }

    /// Pushes what the next instruction makes; its slot.
    pub(super) fn push_slot(&mut self) -> u16 {
        self.push(Operand::Slot);
        self.slot(self.stack.len() - 1)
    }

    /// An instruction whose result goes on top of the stack.
    pub(super) fn produce(&mut self, op: Op, b: u16, c: u16, imm: u64) {
        let a = self.push_slot();
        self.last = Some(self.instrs.len());
        self.emit(op, a, b, c, imm);
    }

    /// Takes the operand on top, with its height.
    pub(super) fn pop(&mut self) -> (Operand, usize) {
        let operand = self.stack.pop().expect("the body is valid");
        (operand, self.stack.len())
    }

    /// Takes the operand on top; where it is.
    pub(super) fn take(&mut self) -> u16 {
        let popped = self.pop();
        self.place(popped)
    }

    /// Where an operand is, which is put into a slot if it is nowhere.
    pub(super) fn place(&mut self, (operand, height): (Operand, usize)) -> u16 {
        match operand {
            Operand::Slot => self.slot(height),
            Operand::Local(local) => local,
            Operand::Const(value) => {
                // The slot may be past those that were ever on the stack at once.
                self.highest = self.highest.max(height + 1);
                let slot = self.slot(height);
                self.emit(Op::Const, slot, 0, 0, value);
                slot
            }
        }
    }

    /// Puts the operand at a height into the slot `to`.
    pub(super) fn settle_into(&mut self, height: usize, to: u16) {
        match self.stack[height] {
            Operand::Slot if self.slot(height) == to => {}
            Operand::Slot => {
                let from = self.slot(height);
                self.emit(Op::Copy, to, from, 0, 0);
            }
            Operand::Local(local) => self.emit(Op::Copy, to, local, 0, 0),
            Operand::Const(value) => self.emit(Op::Const, to, 0, 0, value),
        }
    }

    /// Puts all operands from a height on into their slots.
    pub(super) fn settle_from(&mut self, height: usize) {
        for height in height..self.stack.len().min(PENDING) {
            self.settle(height);
        }
    }

    /// Saves operands that still are in a local which is about to be written.
    pub(super) fn save_local(&mut self, local: u16) {
        for height in 0..self.stack.len().min(PENDING) {
            if self.stack[height] == Operand::Local(local) {
                self.settle(height);
            }
        }
    }

    pub(super) fn set_local(&mut self, local: u16) {
        let (operand, height) = self.pop();
        self.save_local(local);
        match operand {
            Operand::Const(value) => self.emit(Op::Const, local, 0, 0, value),
            Operand::Local(other) if other == local => {}
            Operand::Local(other) => self.emit(Op::Copy, local, other, 0, 0),
            Operand::Slot => {
                let slot = self.slot(height);
                let made = self.instrs.len().checked_sub(1);
                match made.filter(|made| self.last == Some(*made)) {
                    Some(made) if self.instrs[made].a == slot => {
                        self.instrs[made].a = local;
                        self.last = None;
                    }
                    _ => self.emit(Op::Copy, local, slot, 0, 0),
                }
            }
        }
    }

    pub(super) fn pay_length(&mut self, wide: bool) {
        let length = (
            *self.stack.last().expect("the body is valid"),
            self.stack.len() - 1,
        );
        let slot = self.place(length);
        let op = if wide {
            Op::PayLength64
        } else {
            Op::PayLength32
        };
        self.emit(op, slot, 0, 0, 0);
    }

    pub(super) fn binary(&mut self, op: Op) {
        let (right, left) = (self.pop(), self.pop());
        let b = self.place(left);
        match (op.with_constant(), right.0) {
            (Some(op), Operand::Const(value)) => self.produce(op, b, 0, value),
            _ => {
                let c = self.place(right);
                self.produce(op, b, c, 0);
            }
        }
    }

    pub(super) fn unary(&mut self, op: Op) {
        let b = self.take();
        self.produce(op, b, 0, 0);
    }

    pub(super) fn load(&mut self, op: Op, memarg: &MemArg) {
        let b = self.take();
        self.produce(op, b, 0, memarg.offset);
    }

    pub(super) fn store(&mut self, op: Op, memarg: &MemArg) {
        let (value, address) = (self.pop(), self.pop());
        let b = self.place(address);
        let c = self.place(value);
        self.emit(op, 0, b, c, memarg.offset);
    }

    pub(super) fn bulk(&mut self, op: Op, segment: u32) {
        let (length, from, to) = (self.pop(), self.pop(), self.pop());
        let a = self.place(to);
        let b = self.place(from);
        let c = self.place(length);
        self.emit(op, a, b, c, u64::from(segment));
    }

    /// Takes the condition on top of the stack; the instruction that branches if it is `wanted`, without its distance.
    pub(super) fn condition(&mut self, wanted: bool) -> (Op, u16, u16, u64) {
        let index = usize::from(!wanted);
        let (operand, height) = self.pop();
        let made = self.instrs.len().checked_sub(1);
        if let (Operand::Slot, Some(made)) = (operand, made.filter(|m| self.last == Some(*m))) {
            let instr = self.instrs[made];
            let fits = i64::from(instr.imm as i32) == instr.imm as i64;
            if let Some(ops) = instr.op.branches()
                && fits
                && instr.a == self.slot(height)
            {
                self.instrs.pop();
                self.last = None;
                return (ops[index], instr.b, instr.c, instr.imm << 32);
            }
        }
        let b = self.place((operand, height));
        let op = [Op::BrNonZero, Op::BrZero][index];
        (op, b, 0, 0)
    }

    /// Tells a branch that it leads here.
    pub(super) fn bind(&mut self, branch: usize) {
        let distance = (self.instrs.len() - branch) as u64;
        let instr = &mut self.instrs[branch];
        instr.imm = (instr.imm & !0xffff_ffff) | distance;
    }

    /// Code behind this place is reached by a branch as well: nothing may be known of what was last.
    pub(super) fn arrive(&mut self, height: usize, operands: usize) {
        self.last = None;
        self.stack.truncate(height);
        for _ in 0..operands {
            self.push(Operand::Slot);
        }
    }
}
