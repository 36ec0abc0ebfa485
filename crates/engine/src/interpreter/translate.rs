//! Translates the body of one function: branches learn where they lead, and every segment pays for itself as the rewritten
//! module would (metering.md 1.2, 1.3). Where operands are is for `writer` to say.

use wasmparser::{BlockType, FunctionBody, Operator, OperatorsReader};

use super::op::{Code, Op};
use super::outline::{Outline, is_number};
use super::shapes::{Shape, shape_of};
use super::writer::{Operand, Writer};
use crate::rewrite::{Weights, ends_segment, pays_length, read_costs};

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
    outline: &'a Outline,
    code: Writer,
    blocks: Vec<Block>,
    /// Code at this place runs.
    reached: bool,
}

/// Instructions that a function may become; a few operators can ask for very many.
const LONGEST: usize = 4_000_000;

/// A function with more slots than an instruction can name, with too many instructions, or with operators that the
/// interpreter does not know.
struct Unknown;

/// The code of a function; nothing if it is not for the interpreter.
///
/// # Errors
/// Only on a body that is not valid.
pub(super) fn translate(
    outline: &Outline,
    function: u32,
    body: &FunctionBody<'_>,
    weights: &dyn Weights,
) -> Result<Option<Code>, wasmparser::Error> {
    let ty = outline.type_of(function);
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
    let memory64 = outline.memory64();
    read_costs(body, weights, memory64, |cost| costs.push(cost))?;
    if !known {
        return Ok(None);
    }
    let mut translator = Translator {
        outline,
        code: Writer::new(locals),
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
    };
    let operators = OperatorsReader::new(reader.get_binary_reader());
    if translator.body(operators, weights, &costs)?.is_err() {
        return Ok(None);
    }
    let slots = locals + translator.code.highest;
    // One more for where a result of a call may lie although nobody wants it.
    Ok((slots < usize::from(u16::MAX)).then_some(Code {
        instrs: translator.code.instrs,
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
                true => pays_length(&operator, self.outline.memory64()),
                false => None,
            };
            // At the head of a segment the length comes before the segment.
            if let Some(pay) = due.take() {
                let cost = costs.next().copied().unwrap_or(0);
                if self.reached {
                    if let Some(wide) = length {
                        self.code.pay_length(wide);
                    }
                    if cost > 0 || pay == Op::PayChecked {
                        self.code.emit(pay, 0, 0, 0, cost);
                    }
                }
            } else if let Some(wide) = length
                && self.reached
            {
                self.code.pay_length(wide);
            }
            let slots = self.code.stack.len() + self.code.locals;
            if slots >= usize::from(u16::MAX) - 8 || self.code.instrs.len() > LONGEST {
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

    /// Parameters and results of a block.
    fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = self.outline.ty(index);
                (ty.params().len(), ty.results().len())
            }
        }
    }

    fn open(&mut self, kind: Kind, ty: BlockType, otherwise: Option<usize>) {
        let (parameters, results) = self.arity(ty);
        let height = match self.reached {
            true => {
                self.code.settle_from(0);
                self.code.stack.len() - parameters
            }
            false => 0,
        };
        self.code.last = None;
        self.blocks.push(Block {
            kind,
            height,
            parameters,
            results,
            start: self.code.instrs.len(),
            pending: Vec::new(),
            otherwise,
            entered: self.reached,
        });
    }

    fn otherwise(&mut self) {
        let block = self.blocks.len() - 1;
        if self.reached {
            self.settle_results(block);
            self.blocks[block].pending.push(self.code.instrs.len());
            self.code.emit(Op::Br, 0, 0, 0, 0);
        }
        self.reached = self.blocks[block].entered;
        if let Some(branch) = self.blocks[block].otherwise.take() {
            self.code.bind(branch);
        }
        let Block {
            height, parameters, ..
        } = self.blocks[block];
        if self.reached {
            self.code.arrive(height, parameters);
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
        let from = self.code.stack.len() - count;
        if from == height {
            return self.code.settle_from(from);
        }
        // What lies lower goes first, so that nothing is overwritten that is still wanted.
        for index in 0..count {
            let to = self.code.slot(height + index);
            self.code.settle_into(from + index, to);
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
            self.code.bind(branch);
            reached |= block.entered;
        }
        for branch in &block.pending {
            self.code.bind(*branch);
            reached = true;
        }
        self.reached = reached;
        if reached {
            self.code.arrive(block.height, block.results);
        }
        if self.blocks.is_empty() && self.reached {
            self.leave(block.results);
        }
    }

    /// Leaves the function with so many operands from the top.
    fn leave(&mut self, results: usize) {
        match results {
            0 => self.code.emit(Op::Return0, 0, 0, 0, 0),
            1 => {
                let b = self.code.take();
                self.code.emit(Op::Return1, 0, b, 0, 0);
            }
            _ => {
                let from = self.code.stack.len() - results;
                self.code.settle_from(from);
                let b = self.code.slot(from);
                self.code.emit(Op::Return, 0, b, results as u16, 0);
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
        count > 0 && self.code.stack.len() - count != height
    }

    /// A branch to a block, which is bound later unless it goes back.
    fn branch(&mut self, op: Op, b: u16, c: u16, imm: u64, block: usize) {
        let here = self.code.instrs.len();
        match self.blocks[block].kind {
            Kind::Loop => {
                let distance = self.blocks[block].start as i64 - here as i64;
                self.code
                    .emit(op, 0, b, c, imm | u64::from(distance as i32 as u32));
            }
            _ => {
                self.blocks[block].pending.push(here);
                self.code.emit(op, 0, b, c, imm);
            }
        }
    }

    fn br(&mut self, depth: u32) {
        let (block, height, count) = self.target(depth);
        self.settle_branch(height, count);
        self.branch(Op::Br, 0, 0, 0, block);
        self.reached = false;
    }

    /// A branch with its operands that others go around: they find theirs as before.
    fn branch_aside(&mut self, height: usize, count: usize, block: usize) {
        let from = self.code.stack.len() - count;
        let before = self.code.stack[from..].to_vec();
        self.settle_branch(height, count);
        self.branch(Op::Br, 0, 0, 0, block);
        self.code.stack[from..].copy_from_slice(&before);
    }

    fn br_if(&mut self, depth: u32) {
        let (block, height, count) = self.target(depth);
        // The condition lies above what the branch hands on.
        let condition = self.code.stack.len() - 1;
        if count == 0 {
            let (op, b, c, imm) = self.code.condition(true);
            return self.branch(op, b, c, imm, block);
        }
        let from = condition - count;
        if from == height {
            // Settling writes no slot that the condition reads: its own lies above, and locals are not written.
            if (from..condition).all(|height| self.code.stack[height] == Operand::Slot) {
                let (op, b, c, imm) = self.code.condition(true);
                return self.branch(op, b, c, imm, block);
            }
        }
        let (op, b, c, imm) = self.code.condition(false);
        let around = self.code.instrs.len();
        self.code.emit(op, 0, b, c, imm);
        self.branch_aside(height, count, block);
        self.code.bind(around);
        self.code.last = None;
    }

    fn br_table(&mut self, depths: &[u32]) {
        let b = self.code.take();
        let first = self.code.instrs.len() + 1;
        self.code
            .emit(Op::BrTable, 0, b, 0, depths.len() as u64 - 1);
        for _ in depths {
            self.code.emit(Op::Br, 0, 0, 0, 0);
        }
        for (index, depth) in depths.iter().enumerate() {
            if self.code.instrs.len() > LONGEST {
                return;
            }
            let (block, height, count) = self.target(*depth);
            let entry = first + index;
            if self.moves(height, count)
                || self.code.stack[self.code.stack.len() - count..]
                    .iter()
                    .any(|operand| *operand != Operand::Slot)
            {
                self.code.bind(entry);
                self.branch_aside(height, count, block);
            } else if self.blocks[block].kind == Kind::Loop {
                let distance = self.blocks[block].start as i64 - entry as i64;
                self.code.instrs[entry].imm = u64::from(distance as i32 as u32);
            } else {
                self.blocks[block].pending.push(entry);
            }
        }
        self.reached = false;
    }

    /// Puts the arguments of a call in a row; where they begin. What is called leaves its results there.
    fn call(&mut self, parameters: usize, results: usize) -> u16 {
        let from = self.code.stack.len() - parameters;
        self.code.settle_from(from);
        self.code.stack.truncate(from);
        for _ in 0..results {
            self.code.push(Operand::Slot);
        }
        self.code.last = None;
        self.code.slot(from)
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
                self.code.emit(Op::Unreachable, 0, 0, 0, 0);
                self.reached = false;
            }
            Nop => {}
            Block { blockty } => self.open(Kind::Block, *blockty, None),
            Loop { blockty } => self.open(Kind::Loop, *blockty, None),
            If { blockty } => {
                let (op, b, c, imm) = self.code.condition(false);
                // What the condition reads lies above all operands, or in locals, which settling does not write.
                self.code.settle_from(0);
                let branch = self.code.instrs.len();
                self.code.emit(op, 0, b, c, imm);
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
                let ty = self.outline.type_of(function);
                let a = self.call(ty.params().len(), ty.results().len());
                match function.checked_sub(self.outline.imported()) {
                    Some(_) => self.code.emit(Op::Call, a, 0, 0, u64::from(function)),
                    None => self.code.emit(Op::CallHost, a, 0, 0, u64::from(function)),
                }
            }
            CallIndirect { type_index, .. } => {
                let index = self.code.pop();
                let ty = self.outline.ty(*type_index);
                let (parameters, results) = (ty.params().len(), ty.results().len());
                // The index lies in the slot behind the arguments, which the frame of the callee may take.
                let b = self.code.place(index);
                let a = self.call(parameters, results);
                let number = self.outline.number(*type_index);
                self.code.emit(Op::CallIndirect, a, b, 0, u64::from(number));
            }
            Drop => {
                self.code.pop();
            }
            Select => {
                let (condition, right, left) = (self.code.pop(), self.code.pop(), self.code.pop());
                let condition = self.code.place(condition);
                let b = self.code.place(left);
                let c = self.code.place(right);
                self.code.produce(Op::Select, b, c, u64::from(condition));
            }
            LocalGet { local_index } => self.code.push(Operand::Local(*local_index as u16)),
            LocalSet { local_index } => self.code.set_local(*local_index as u16),
            LocalTee { local_index } => {
                self.code.set_local(*local_index as u16);
                self.code.push(Operand::Local(*local_index as u16));
            }
            GlobalGet { global_index } => {
                self.code
                    .produce(Op::GlobalGet, 0, 0, u64::from(*global_index));
            }
            GlobalSet { global_index } => {
                let b = self.code.take();
                self.code
                    .emit(Op::GlobalSet, 0, b, 0, u64::from(*global_index));
            }
            I32Const { value } => self.code.push(Operand::Const(i64::from(*value) as u64)),
            I64Const { value } => self.code.push(Operand::Const(*value as u64)),
            F32Const { value } => self.code.push(Operand::Const(u64::from(value.bits()))),
            F64Const { value } => self.code.push(Operand::Const(value.bits())),
            MemorySize { .. } => self.code.produce(Op::MemorySize, 0, 0, 0),
            MemoryGrow { .. } => {
                self.code.unary(Op::MemoryGrow);
                self.code.last = None;
            }
            MemoryFill { .. } => self.code.bulk(Op::MemoryFill, 0),
            MemoryCopy { .. } => self.code.bulk(Op::MemoryCopy, 0),
            MemoryInit { data_index, .. } => self.code.bulk(Op::MemoryInit, *data_index),
            DataDrop { data_index } => {
                self.code
                    .emit(Op::DataDrop, 0, 0, 0, u64::from(*data_index))
            }
            other => match shape_of(other).ok_or(Unknown)? {
                Shape::Unary(op) => self.code.unary(op),
                Shape::Same => {}
                Shape::Binary(op) => self.code.binary(op),
                Shape::Load(op, memarg) => self.code.load(op, &memarg),
                Shape::Store(op, memarg) => self.code.store(op, &memarg),
            },
        }
        Ok(())
    }
}
