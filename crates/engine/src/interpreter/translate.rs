//! Translates the body of one function: operands become slots of the frame, `local.get` and constants mostly vanish into
//! the instructions that use them, branches know where they lead, and every segment pays for itself as the rewritten
//! module would (metering.md 1.2, 1.3).

use wasmparser::{BlockType, FunctionBody, MemArg, Operator, OperatorsReader};

use super::op::{Instr, Op};
use super::program::{Code, Program, is_number};
use super::shapes::{Shape, shape_of};
use crate::rewrite::{Weights, ends_segment, pays_length, read_costs};

/// A value that code of this place may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// In the slot that belongs to its height on the stack.
    Slot,
    /// Still in a local.
    Local(u16),
    /// A constant.
    Const(u64),
}

/// A block that is open.
struct Block {
    kind: Kind,
    /// Operands below those that it takes.
    height: usize,
    parameters: usize,
    results: usize,
    /// Where a loop begins.
    start: usize,
    /// Branches to its end, to be told where that is.
    pending: Vec<usize>,
    /// The branch to `else`, or to the end without one.
    otherwise: Option<usize>,
    /// Code before it is reached.
    entered: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
}

struct Translator<'a> {
    program: &'a Program,
    instrs: Vec<Instr>,
    locals: usize,
    stack: Vec<Operand>,
    /// The most operands that there were.
    highest: usize,
    blocks: Vec<Block>,
    /// Code at this place runs.
    reached: bool,
    /// The instruction that made the operand on top, if it may write somewhere else as well.
    last: Option<usize>,
}

/// A function with more slots than an instruction can name, or with operators that the interpreter does not know.
struct Unknown;

/// The code of a function; nothing if it is not for the interpreter.
///
/// # Errors
/// Only on a body that is not valid.
pub(super) fn translate(
    program: &Program,
    function: u32,
    body: &FunctionBody<'_>,
    weights: &dyn Weights,
) -> Result<Option<Code>, wasmparser::Error> {
    let ty = program.type_of(function);
    let mut known = ty.params().iter().chain(ty.results()).all(is_number);
    let parameters = ty.params().len();
    let mut locals = parameters;
    let mut reader = body.get_locals_reader()?;
    for _ in 0..reader.get_count() {
        let (count, ty) = reader.read()?;
        locals += count as usize;
        known &= is_number(&ty);
    }
    let mut costs = Vec::new();
    let memory64 = program.memory64();
    read_costs(body, weights, memory64, |_| {}, |cost| costs.push(cost))?;
    if !known {
        return Ok(None);
    }
    let mut translator = Translator {
        program,
        instrs: Vec::new(),
        locals,
        stack: Vec::new(),
        highest: 0,
        blocks: vec![Block {
            kind: Kind::Block,
            height: 0,
            parameters: 0,
            results: ty.results().len(),
            start: 0,
            pending: Vec::new(),
            otherwise: None,
            entered: true,
        }],
        reached: true,
        last: None,
    };
    let operators = OperatorsReader::new(reader.get_binary_reader());
    if translator.body(operators, weights, &costs)?.is_err() {
        return Ok(None);
    }
    let slots = locals + translator.highest;
    // One more for where a result of a call may lie although nobody wants it.
    Ok((slots < usize::from(u16::MAX)).then_some(Code {
        instrs: translator.instrs,
        parameters,
        locals,
        slots: slots + 1,
    }))
}

impl Translator<'_> {
    fn body(
        &mut self,
        mut operators: OperatorsReader<'_>,
        weights: &dyn Weights,
        costs: &[u64],
    ) -> Result<Result<(), Unknown>, wasmparser::Error> {
        let mut costs = costs.iter();
        // Entering a function and going round a loop is where instructions may be found used up.
        let mut due = Some(Op::PayChecked);
        while !operators.eof() {
            let operator = operators.read()?;
            let length = match weights.charges_length() {
                true => pays_length(&operator, self.program.memory64()),
                false => None,
            };
            // At the head of a segment the length comes before the segment.
            if let Some(pay) = due.take() {
                let cost = costs.next().copied().unwrap_or(0);
                if self.reached {
                    if let Some(wide) = length {
                        self.pay_length(wide);
                    }
                    if cost > 0 || pay == Op::PayChecked {
                        self.emit(pay, 0, 0, 0, cost);
                    }
                }
            } else if let Some(wide) = length
                && self.reached
            {
                self.pay_length(wide);
            }
            if self.stack.len() + self.locals >= usize::from(u16::MAX) - 8 {
                return Ok(Err(Unknown));
            }
            if let Err(unknown) = self.operator(&operator) {
                return Ok(Err(unknown));
            }
            if ends_segment(&operator) {
                due = Some(match operator {
                    Operator::Loop { .. } => Op::PayChecked,
                    _ => Op::Pay,
                });
            }
        }
        Ok(Ok(()))
    }

    fn emit(&mut self, op: Op, a: u16, b: u16, c: u16, imm: u64) {
        self.instrs.push(Instr { op, a, b, c, imm });
    }

    /// The slot that belongs to a height on the stack.
    fn slot(&self, height: usize) -> u16 {
        (self.locals + height) as u16
    }

    fn push(&mut self, operand: Operand) {
        self.stack.push(operand);
        self.highest = self.highest.max(self.stack.len());
    }

    /// Pushes what the next instruction makes; its slot.
    fn push_slot(&mut self) -> u16 {
        self.push(Operand::Slot);
        self.slot(self.stack.len() - 1)
    }

    /// An instruction whose result goes on top of the stack.
    fn produce(&mut self, op: Op, b: u16, c: u16, imm: u64) {
        let a = self.push_slot();
        self.last = Some(self.instrs.len());
        self.emit(op, a, b, c, imm);
    }

    /// Takes the operand on top, with its height.
    fn pop(&mut self) -> (Operand, usize) {
        let operand = self.stack.pop().expect("the body is valid");
        (operand, self.stack.len())
    }

    /// Takes the operand on top; where it is.
    fn take(&mut self) -> u16 {
        let popped = self.pop();
        self.place(popped)
    }

    /// Where an operand is, which is put into a slot if it is nowhere.
    fn place(&mut self, (operand, height): (Operand, usize)) -> u16 {
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
    fn settle_into(&mut self, height: usize, to: u16) {
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
    fn settle_from(&mut self, height: usize) {
        for height in height..self.stack.len() {
            if self.stack[height] != Operand::Slot {
                let slot = self.slot(height);
                self.settle_into(height, slot);
                self.stack[height] = Operand::Slot;
            }
        }
    }

    /// Saves operands that still are in a local which is about to be written.
    fn save_local(&mut self, local: u16) {
        for height in 0..self.stack.len() {
            if self.stack[height] == Operand::Local(local) {
                let slot = self.slot(height);
                self.settle_into(height, slot);
                self.stack[height] = Operand::Slot;
            }
        }
    }

    fn set_local(&mut self, local: u16) {
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

    fn pay_length(&mut self, wide: bool) {
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

    fn binary(&mut self, op: Op) {
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

    fn unary(&mut self, op: Op) {
        let b = self.take();
        self.produce(op, b, 0, 0);
    }

    fn load(&mut self, op: Op, memarg: &MemArg) {
        let b = self.take();
        self.produce(op, b, 0, memarg.offset);
    }

    fn store(&mut self, op: Op, memarg: &MemArg) {
        let (value, address) = (self.pop(), self.pop());
        let b = self.place(address);
        let c = self.place(value);
        self.emit(op, 0, b, c, memarg.offset);
    }

    /// Parameters and results of a block.
    fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = self.program.ty(index);
                (ty.params().len(), ty.results().len())
            }
        }
    }

    fn open(&mut self, kind: Kind, ty: BlockType, otherwise: Option<usize>) {
        let (parameters, results) = self.arity(ty);
        let height = match self.reached {
            true => {
                self.settle_from(0);
                self.stack.len() - parameters
            }
            false => 0,
        };
        self.last = None;
        self.blocks.push(Block {
            kind,
            height,
            parameters,
            results,
            start: self.instrs.len(),
            pending: Vec::new(),
            otherwise,
            entered: self.reached,
        });
    }

    /// Tells a branch that it leads here.
    fn bind(&mut self, branch: usize) {
        let distance = (self.instrs.len() - branch) as u64;
        let instr = &mut self.instrs[branch];
        instr.imm = (instr.imm & !0xffff_ffff) | distance;
    }

    /// Code behind this place is reached by a branch as well: nothing may be known of what was last.
    fn arrive(&mut self, height: usize, operands: usize) {
        self.last = None;
        self.stack.truncate(height);
        for _ in 0..operands {
            self.push(Operand::Slot);
        }
    }

    fn otherwise(&mut self) {
        let block = self.blocks.len() - 1;
        if self.reached {
            self.settle_results(block);
            self.blocks[block].pending.push(self.instrs.len());
            self.emit(Op::Br, 0, 0, 0, 0);
        }
        self.reached = self.blocks[block].entered;
        if let Some(branch) = self.blocks[block].otherwise.take() {
            self.bind(branch);
        }
        let Block {
            height, parameters, ..
        } = self.blocks[block];
        if self.reached {
            self.arrive(height, parameters);
        }
    }

    /// Puts what the block hands on where those behind it look for it.
    fn settle_results(&mut self, block: usize) {
        let Block {
            height, results, ..
        } = self.blocks[block];
        self.settle_branch(height, results);
    }

    fn settle_branch(&mut self, height: usize, count: usize) {
        let from = self.stack.len() - count;
        if from == height {
            return self.settle_from(from);
        }
        // What lies lower goes first, so that nothing is overwritten that is still wanted.
        for index in 0..count {
            let to = self.slot(height + index);
            self.settle_into(from + index, to);
        }
    }

    fn end(&mut self) {
        let block = self.blocks.len() - 1;
        if self.reached {
            self.settle_results(block);
        }
        let block = self.blocks.pop().expect("the body is valid");
        let mut reached = self.reached;
        if let Some(branch) = block.otherwise {
            // An `if` without `else` hands on what it took.
            self.bind(branch);
            reached |= block.entered;
        }
        for branch in &block.pending {
            self.bind(*branch);
            reached = true;
        }
        self.reached = reached;
        if reached {
            self.arrive(block.height, block.results);
        }
        if self.blocks.is_empty() && self.reached {
            self.leave(block.results);
        }
    }

    /// Leaves the function with so many operands from the top.
    fn leave(&mut self, results: usize) {
        match results {
            0 => self.emit(Op::Return0, 0, 0, 0, 0),
            1 => {
                let b = self.take();
                self.emit(Op::Return1, 0, b, 0, 0);
            }
            _ => {
                let from = self.stack.len() - results;
                self.settle_from(from);
                let b = self.slot(from);
                self.emit(Op::Return, 0, b, results as u16, 0);
            }
        }
        self.reached = false;
    }

    /// Where a branch leads: the height of the operands there, and how many.
    fn target(&self, depth: u32) -> (usize, usize, usize) {
        let block = self.blocks.len() - 1 - depth as usize;
        let found = &self.blocks[block];
        let count = match found.kind {
            Kind::Loop => found.parameters,
            _ => found.results,
        };
        (block, found.height, count)
    }

    /// Whether operands have to move for a branch.
    fn moves(&self, height: usize, count: usize) -> bool {
        count > 0 && self.stack.len() - count != height
    }

    /// A branch to a block, which is bound later unless it goes back.
    fn branch(&mut self, op: Op, b: u16, c: u16, imm: u64, block: usize) {
        let here = self.instrs.len();
        match self.blocks[block].kind {
            Kind::Loop => {
                let distance = self.blocks[block].start as i64 - here as i64;
                self.emit(op, 0, b, c, imm | u64::from(distance as i32 as u32));
            }
            _ => {
                self.blocks[block].pending.push(here);
                self.emit(op, 0, b, c, imm);
            }
        }
    }

    fn br(&mut self, depth: u32) {
        let (block, height, count) = self.target(depth);
        self.settle_branch(height, count);
        self.branch(Op::Br, 0, 0, 0, block);
        self.reached = false;
    }

    /// Takes the condition on top of the stack; the instruction that branches if it is `wanted`, without its distance.
    fn condition(&mut self, wanted: bool) -> (Op, u16, u16, u64) {
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

    fn br_if(&mut self, depth: u32) {
        let (block, height, count) = self.target(depth);
        // The condition lies above what the branch hands on.
        let condition = self.stack.len() - 1;
        if count == 0 {
            let (op, b, c, imm) = self.condition(true);
            return self.branch(op, b, c, imm, block);
        }
        let from = condition - count;
        if from == height {
            // Settling writes no slot that the condition reads: its own lies above, and locals are not written.
            if (from..condition).all(|height| self.stack[height] == Operand::Slot) {
                let (op, b, c, imm) = self.condition(true);
                return self.branch(op, b, c, imm, block);
            }
        }
        let (op, b, c, imm) = self.condition(false);
        let around = self.instrs.len();
        self.emit(op, 0, b, c, imm);
        let before = self.stack.clone();
        self.settle_branch(height, count);
        self.branch(Op::Br, 0, 0, 0, block);
        self.stack = before;
        self.bind(around);
        self.last = None;
    }

    fn br_table(&mut self, depths: &[u32]) {
        let b = self.take();
        let first = self.instrs.len() + 1;
        self.emit(Op::BrTable, 0, b, 0, depths.len() as u64 - 1);
        for _ in depths {
            self.emit(Op::Br, 0, 0, 0, 0);
        }
        for (index, depth) in depths.iter().enumerate() {
            let (block, height, count) = self.target(*depth);
            let entry = first + index;
            if self.moves(height, count)
                || self.stack[self.stack.len() - count..]
                    .iter()
                    .any(|operand| *operand != Operand::Slot)
            {
                self.bind(entry);
                let before = self.stack.clone();
                self.settle_branch(height, count);
                self.branch(Op::Br, 0, 0, 0, block);
                self.stack = before;
            } else if self.blocks[block].kind == Kind::Loop {
                let distance = self.blocks[block].start as i64 - entry as i64;
                self.instrs[entry].imm = u64::from(distance as i32 as u32);
            } else {
                self.blocks[block].pending.push(entry);
            }
        }
        self.reached = false;
    }

    /// Puts the arguments of a call in a row; where they begin. What is called leaves its results there.
    fn call(&mut self, parameters: usize, results: usize) -> u16 {
        let from = self.stack.len() - parameters;
        self.settle_from(from);
        self.stack.truncate(from);
        for _ in 0..results {
            self.push(Operand::Slot);
        }
        self.last = None;
        self.slot(from)
    }

    /// Translates an operator, unless it cannot be reached.
    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), Unknown> {
        use Operator::*;
        if !self.reached {
            match operator {
                Block { blockty } | Loop { blockty } | If { blockty } => {
                    self.open(Kind::Block, *blockty, None);
                }
                Else => self.otherwise(),
                End => self.end(),
                _ => {}
            }
            return Ok(());
        }
        match operator {
            Unreachable => {
                self.emit(Op::Unreachable, 0, 0, 0, 0);
                self.reached = false;
            }
            Nop => {}
            Block { blockty } => self.open(Kind::Block, *blockty, None),
            Loop { blockty } => self.open(Kind::Loop, *blockty, None),
            If { blockty } => {
                let (op, b, c, imm) = self.condition(false);
                // What the condition reads lies above all operands, or in locals, which settling does not write.
                self.settle_from(0);
                let branch = self.instrs.len();
                self.emit(op, 0, b, c, imm);
                self.open(Kind::If, *blockty, Some(branch));
            }
            Else => self.otherwise(),
            End => self.end(),
            Br { relative_depth } => self.br(*relative_depth),
            BrIf { relative_depth } => self.br_if(*relative_depth),
            BrTable { targets } => {
                let depths: Result<Vec<u32>, _> =
                    targets.targets().chain([Ok(targets.default())]).collect();
                self.br_table(&depths.map_err(|_| Unknown)?);
            }
            Return => {
                let results = self.blocks[0].results;
                self.leave(results);
            }
            Call { function_index } => {
                let function = *function_index;
                let ty = self.program.type_of(function);
                let a = self.call(ty.params().len(), ty.results().len());
                match function.checked_sub(self.program.imported()) {
                    Some(_) => self.emit(Op::Call, a, 0, 0, u64::from(function)),
                    None => self.emit(Op::CallHost, a, 0, 0, u64::from(function)),
                }
            }
            CallIndirect { type_index, .. } => {
                let index = self.pop();
                let ty = self.program.ty(*type_index);
                let (parameters, results) = (ty.params().len(), ty.results().len());
                // The index lies in the slot behind the arguments, which the frame of the callee may take.
                let b = self.place(index);
                let a = self.call(parameters, results);
                let number = self.program.number(*type_index);
                self.emit(Op::CallIndirect, a, b, 0, u64::from(number));
            }
            Drop => {
                self.pop();
            }
            Select => {
                let (condition, right, left) = (self.pop(), self.pop(), self.pop());
                let condition = self.place(condition);
                let b = self.place(left);
                let c = self.place(right);
                self.produce(Op::Select, b, c, u64::from(condition));
            }
            LocalGet { local_index } => self.push(Operand::Local(*local_index as u16)),
            LocalSet { local_index } => self.set_local(*local_index as u16),
            LocalTee { local_index } => {
                self.set_local(*local_index as u16);
                self.push(Operand::Local(*local_index as u16));
            }
            GlobalGet { global_index } => {
                self.produce(Op::GlobalGet, 0, 0, u64::from(*global_index));
            }
            GlobalSet { global_index } => {
                let b = self.take();
                self.emit(Op::GlobalSet, 0, b, 0, u64::from(*global_index));
            }
            I32Const { value } => self.push(Operand::Const(i64::from(*value) as u64)),
            I64Const { value } => self.push(Operand::Const(*value as u64)),
            F32Const { value } => self.push(Operand::Const(u64::from(value.bits()))),
            F64Const { value } => self.push(Operand::Const(value.bits())),
            MemorySize { .. } => self.produce(Op::MemorySize, 0, 0, 0),
            MemoryGrow { .. } => {
                self.unary(Op::MemoryGrow);
                self.last = None;
            }
            MemoryFill { .. } => self.bulk(Op::MemoryFill, 0),
            MemoryCopy { .. } => self.bulk(Op::MemoryCopy, 0),
            MemoryInit { data_index, .. } => self.bulk(Op::MemoryInit, *data_index),
            DataDrop { data_index } => self.emit(Op::DataDrop, 0, 0, 0, u64::from(*data_index)),
            other => match shape_of(other).ok_or(Unknown)? {
                Shape::Unary(op) => self.unary(op),
                Shape::Same => {}
                Shape::Binary(op) => self.binary(op),
                Shape::Load(op, memarg) => self.load(op, &memarg),
                Shape::Store(op, memarg) => self.store(op, &memarg),
            },
        }
        Ok(())
    }

    fn bulk(&mut self, op: Op, segment: u32) {
        let (length, from, to) = (self.pop(), self.pop(), self.pop());
        let a = self.place(to);
        let b = self.place(from);
        let c = self.place(length);
        self.emit(op, a, b, c, u64::from(segment));
    }
}
