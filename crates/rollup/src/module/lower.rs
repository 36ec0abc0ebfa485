//! Functions in the form the interpreter runs: branches resolved, and every instruction with its ticks.
//!
//! What an instruction costs depends on where it stands only (kernel-debugger.md, section 5.4): how many operands lie on
//! the stacks of the labels around it is known from the type check. Code that cannot be reached is left out.

use wasmparser::{
    BlockType, FrameKind, FuncToValidate, FuncValidatorAllocations, MemArg, Operator,
    ValidatorResources,
};

use super::{Kernel, ticks};

/// An instruction. Operands are numbers into the tables of [`Code`] or of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the instructions of WebAssembly")]
pub enum Op {
    Unreachable,
    /// Nothing but ticks: `nop`, the beginning of a block, its end.
    Nop,
    /// Goes on at another place of the same function.
    Jump(u32),
    /// Goes there when the operand is 0.
    JumpIfZero(u32),
    Br(u32),
    BrIf(u32),
    /// The first target and the number of targets, the default among them.
    BrTable(u32, u32),
    Return,
    Call(u32),
    CallIndirect {
        signature: u32,
        table: u32,
    },
    Drop,
    Select,
    LocalGet(u32),
    LocalSet(u32),
    LocalTee(u32),
    GlobalGet(u32),
    GlobalSet(u32),
    TableGet(u32),
    TableSet(u32),
    TableSize(u32),
    TableGrow(u32),
    TableFill(u32),
    TableCopy {
        to: u32,
        from: u32,
    },
    TableInit {
        table: u32,
        segment: u32,
    },
    ElemDrop(u32),
    /// The instruction's first byte and the offset.
    Load(u8, u32),
    Store(u8, u32),
    MemorySize,
    MemoryGrow,
    MemoryFill,
    MemoryCopy,
    MemoryInit(u32),
    DataDrop(u32),
    Const(u64),
    RefNull,
    RefIsNull,
    /// What the byte of the instruction says: comparisons, arithmetic, conversions.
    Numeric(u8),
    /// A computation on vectors: what stands behind the prefix, and the lane where it names one.
    Vector(u8, u8),
    /// A vector; it stands in the function's table of vectors.
    VectorConst(u32),
    /// Picks bytes of two vectors by the numbers in a vector of the table.
    Shuffle(u32),
    VectorLoad {
        opcode: u8,
        lane: u8,
        offset: u32,
    },
    VectorStore {
        opcode: u8,
        lane: u8,
        offset: u32,
    },
}

/// Where a branch goes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The instruction.
    pub pc: u32,
    /// The operands that come along.
    pub arity: u32,
    /// The operands that stay, counted from the function's first.
    pub height: u32,
    /// The ticks of going there.
    pub ticks: u32,
    /// Whether the function ends there.
    pub leaves: bool,
}

/// A function's code.
#[derive(Debug, Default)]
pub struct Code {
    /// The instructions.
    pub ops: Vec<Op>,
    /// The ticks of each, until its effect.
    pub ticks: Vec<u32>,
    /// Where branches go.
    pub targets: Vec<Target>,
    /// Constants that are too large for an instruction.
    pub vectors: Vec<u128>,
    /// Parameters.
    pub params: u32,
    /// Results.
    pub results: u32,
    /// Locals that are no parameters.
    pub locals: u32,
    /// For a call: the ticks of taking the callee's frame away, by instruction.
    pub pops: Vec<u32>,
}

impl Code {
    /// The ticks of entering the function.
    pub fn entry_ticks(&self) -> u64 {
        ticks::entry(self.params, self.locals)
    }
}

/// A block around the instruction at hand.
struct Block {
    /// The operands under the block's own, counted from the function's first.
    height: u32,
    /// The operands that the block around it has of its own.
    outer: u32,
    params: u32,
    results: u32,
    /// Where a loop begins.
    start: Option<u32>,
    /// Targets that lead to its end.
    targets: Vec<usize>,
    /// Jumps that lead to its end.
    jumps: Vec<usize>,
    /// The jump of an `if` to its other part.
    other: Option<usize>,
    /// Whether the block itself can be reached.
    live: bool,
}

struct Lowering<'a> {
    kernel: &'a Kernel,
    code: Code,
    blocks: Vec<Block>,
    live: bool,
}

/// Ticks of fetching any instruction and of doing an ordinary one.
const ORDINARY: u32 = ticks::ORDINARY as u32;

/// Lowers a function that has been type-checked.
pub(super) fn lower(
    kernel: &Kernel,
    signature: u32,
    body: &[u8],
    offset: usize,
    validate: FuncToValidate<ValidatorResources>,
) -> Code {
    let ty = &kernel.types[signature as usize];
    let mut lowering = Lowering {
        kernel,
        code: Code {
            params: ty.params.len() as u32,
            results: ty.results.len() as u32,
            ..Code::default()
        },
        blocks: Vec::new(),
        live: true,
    };
    lowering.blocks.push(Block {
        height: 0,
        outer: 0,
        params: 0,
        results: lowering.code.results,
        start: None,
        targets: Vec::new(),
        jumps: Vec::new(),
        other: None,
        live: true,
    });
    let mut validator = validate.into_validator(FuncValidatorAllocations::default());
    let reader = wasmparser::BinaryReader::new(body, offset);
    let checked = "the function has been checked";
    validator.read_locals(&mut reader.clone()).expect(checked);
    lowering.code.locals = validator.len_locals() - lowering.code.params;
    let operators = wasmparser::FunctionBody::new(reader)
        .get_operators_reader()
        .expect(checked);
    for op in operators.into_iter_with_offsets() {
        let (op, at) = op.expect(checked);
        let height = validator.operand_stack_height();
        validator.op(at, &op).expect(checked);
        let entered = match op {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => validator
                .get_control_frame(0)
                .map(|frame| (frame.kind, frame.height as u32, frame.block_type)),
            _ => None,
        };
        match entered {
            Some((kind, height, ty)) => lowering.enter(kind, height, ty),
            None => lowering.operator(&op, height, &body[at - offset..]),
        }
    }
    lowering.code
}

impl Lowering<'_> {
    fn emit(&mut self, op: Op, ticks: u32) -> usize {
        self.code.ops.push(op);
        self.code.ticks.push(ticks);
        self.code.pops.push(0);
        self.code.ops.len() - 1
    }

    fn here(&self) -> u32 {
        self.code.ops.len() as u32
    }

    fn block(&self, depth: u32) -> &Block {
        &self.blocks[self.blocks.len() - 1 - depth as usize]
    }

    fn enter(&mut self, kind: FrameKind, height: u32, ty: BlockType) {
        let (params, results) = ticks::arity(&self.kernel.types, ty);
        let live = self.live;
        let mut other = None;
        if live && kind == FrameKind::If {
            other = Some(self.emit(Op::JumpIfZero(0), ticks::IF as u32));
        } else if live {
            self.emit(Op::Nop, ORDINARY);
        }
        self.blocks.push(Block {
            height,
            outer: height.saturating_sub(self.block(0).height),
            params,
            results,
            start: (kind == FrameKind::Loop).then(|| self.here()),
            targets: Vec::new(),
            jumps: Vec::new(),
            other,
            live,
        });
    }

    /// The ticks of reaching a block's end and leaving its label.
    fn leaving(block: &Block) -> u32 {
        ticks::leaving(block.results, block.outer) as u32
    }

    fn target(&mut self, depth: u32) -> u32 {
        let index = self.code.targets.len();
        let function = depth as usize == self.blocks.len() - 1;
        let block = self.block(depth);
        let arity = if block.start.is_some() {
            block.params
        } else {
            block.results
        };
        let ticks =
            ticks::branch(depth, function, block.start.is_some(), arity, block.outer) as u32;
        let target = Target {
            pc: block.start.unwrap_or(u32::MAX),
            arity,
            height: block.height,
            ticks,
            leaves: function,
        };
        self.code.targets.push(target);
        if target.pc == u32::MAX {
            let at = self.blocks.len() - 1 - depth as usize;
            self.blocks[at].targets.push(index);
        }
        index as u32
    }

    fn end(&mut self) {
        let Some(block) = self.blocks.pop() else {
            return;
        };
        if self.blocks.is_empty() {
            // The body's end, 3 from the last instruction and 3 of the frame; branches to it have paid.
            let pc = self.here();
            self.emit(Op::Return, ticks::END as u32);
            for target in block.targets {
                self.code.targets[target].pc = pc;
            }
            return;
        }
        if !block.live {
            return;
        }
        if let Some(other) = block.other {
            // An `if` without `else`: its other part is empty, and ends here too.
            let here = self.here();
            self.code.ops[other] = Op::JumpIfZero(here);
            self.live = true;
        }
        if self.live {
            self.emit(Op::Nop, Self::leaving(&block));
        }
        let after = self.here();
        for target in block.targets {
            self.code.targets[target].pc = after;
        }
        for jump in block.jumps {
            self.code.ops[jump] = Op::Jump(after);
        }
        self.live = true;
    }

    fn otherwise(&mut self) {
        let Some(mut block) = self.blocks.pop() else {
            return;
        };
        if block.live {
            if self.live {
                let jump = self.emit(Op::Jump(0), Self::leaving(&block));
                block.jumps.push(jump);
            }
            let here = self.here();
            if let Some(other) = block.other.take() {
                self.code.ops[other] = Op::JumpIfZero(here);
            }
            self.live = true;
        }
        self.blocks.push(block);
    }

    /// `height` is the number of operands before the instruction, which `raw` begins with.
    fn operator(&mut self, op: &Operator<'_>, height: u32, raw: &[u8]) {
        let byte = raw[0];
        match op {
            Operator::End => return self.end(),
            Operator::Else => return self.otherwise(),
            _ if !self.live => return,
            _ => {}
        }
        let lowered = match *op {
            Operator::Unreachable => {
                self.live = false;
                Op::Unreachable
            }
            Operator::Nop => Op::Nop,
            Operator::Br { relative_depth } => {
                self.live = false;
                let target = self.target(relative_depth);
                // All beyond its fetching is paid with the branch.
                self.emit(Op::Br(target), 3);
                return;
            }
            Operator::BrIf { relative_depth } => Op::BrIf(self.target(relative_depth)),
            Operator::BrTable { ref targets } => {
                self.live = false;
                let first = self.code.targets.len() as u32;
                let depths = targets.targets().flatten().chain([targets.default()]);
                let count = depths.map(|depth| self.target(depth)).count();
                Op::BrTable(first, count as u32)
            }
            Operator::Return => {
                self.live = false;
                self.emit(Op::Return, ticks::RETURN as u32);
                return;
            }
            Operator::Call { function_index } => {
                return self.call(Op::Call(function_index), function_index, height);
            }
            Operator::CallIndirect {
                type_index,
                table_index,
            } => {
                let op = Op::CallIndirect {
                    signature: type_index,
                    table: table_index,
                };
                return self.call_of_type(op, type_index, height - 1);
            }
            Operator::Drop => Op::Drop,
            Operator::Select | Operator::TypedSelect { .. } => Op::Select,
            Operator::LocalGet { local_index } => Op::LocalGet(local_index),
            Operator::LocalSet { local_index } => Op::LocalSet(local_index),
            Operator::LocalTee { local_index } => Op::LocalTee(local_index),
            Operator::GlobalGet { global_index } => Op::GlobalGet(global_index),
            Operator::GlobalSet { global_index } => Op::GlobalSet(global_index),
            Operator::TableGet { table } => Op::TableGet(table),
            Operator::TableSet { table } => Op::TableSet(table),
            Operator::TableSize { table } => Op::TableSize(table),
            Operator::TableGrow { table } => Op::TableGrow(table),
            Operator::TableFill { table } => Op::TableFill(table),
            Operator::TableCopy {
                dst_table,
                src_table,
            } => Op::TableCopy {
                to: dst_table,
                from: src_table,
            },
            Operator::TableInit { elem_index, table } => Op::TableInit {
                table,
                segment: elem_index,
            },
            Operator::ElemDrop { elem_index } => Op::ElemDrop(elem_index),
            Operator::MemorySize { .. } => Op::MemorySize,
            Operator::MemoryGrow { .. } => Op::MemoryGrow,
            Operator::MemoryFill { .. } => Op::MemoryFill,
            Operator::MemoryCopy { .. } => Op::MemoryCopy,
            Operator::MemoryInit { data_index, .. } => Op::MemoryInit(data_index),
            Operator::DataDrop { data_index } => Op::DataDrop(data_index),
            Operator::I32Const { value } => Op::Const(u64::from(value as u32)),
            Operator::I64Const { value } => Op::Const(value as u64),
            Operator::RefNull { .. } => Op::RefNull,
            Operator::RefIsNull => Op::RefIsNull,
            // A reference is the function's number plus one; see the machine.
            Operator::RefFunc { function_index } => Op::Const(u64::from(function_index) + 1),
            Operator::I32Load { memarg }
            | Operator::I64Load { memarg }
            | Operator::I32Load8S { memarg }
            | Operator::I32Load8U { memarg }
            | Operator::I32Load16S { memarg }
            | Operator::I32Load16U { memarg }
            | Operator::I64Load8S { memarg }
            | Operator::I64Load8U { memarg }
            | Operator::I64Load16S { memarg }
            | Operator::I64Load16U { memarg }
            | Operator::I64Load32S { memarg }
            | Operator::I64Load32U { memarg } => Op::Load(byte, offset(memarg)),
            Operator::I32Store { memarg }
            | Operator::I64Store { memarg }
            | Operator::I32Store8 { memarg }
            | Operator::I32Store16 { memarg }
            | Operator::I64Store8 { memarg }
            | Operator::I64Store16 { memarg }
            | Operator::I64Store32 { memarg } => Op::Store(byte, offset(memarg)),
            _ if (0x45..=0xc4).contains(&byte) => Op::Numeric(byte),
            _ => self.vector(op, raw),
        };
        self.emit(lowered, ORDINARY);
    }

    /// An instruction behind the prefix 0xfd.
    fn vector(&mut self, op: &Operator<'_>, raw: &[u8]) -> Op {
        // No instruction on integers has a number beyond 255: two bytes of seven bits each.
        let opcode = (raw[1] & 0x7f) | if raw[1] & 0x80 != 0 { raw[2] << 7 } else { 0 };
        let mut constant = |bytes: [u8; 16]| {
            self.code.vectors.push(u128::from_le_bytes(bytes));
            self.code.vectors.len() as u32 - 1
        };
        match *op {
            Operator::V128Const { value } => Op::VectorConst(constant(*value.bytes())),
            Operator::I8x16Shuffle { lanes } => Op::Shuffle(constant(lanes)),
            Operator::V128Load { memarg }
            | Operator::V128Load8x8S { memarg }
            | Operator::V128Load8x8U { memarg }
            | Operator::V128Load16x4S { memarg }
            | Operator::V128Load16x4U { memarg }
            | Operator::V128Load32x2S { memarg }
            | Operator::V128Load32x2U { memarg }
            | Operator::V128Load8Splat { memarg }
            | Operator::V128Load16Splat { memarg }
            | Operator::V128Load32Splat { memarg }
            | Operator::V128Load64Splat { memarg }
            | Operator::V128Load32Zero { memarg }
            | Operator::V128Load64Zero { memarg } => Op::VectorLoad {
                opcode,
                lane: 0,
                offset: offset(memarg),
            },
            Operator::V128Load8Lane { memarg, lane }
            | Operator::V128Load16Lane { memarg, lane }
            | Operator::V128Load32Lane { memarg, lane }
            | Operator::V128Load64Lane { memarg, lane } => Op::VectorLoad {
                opcode,
                lane,
                offset: offset(memarg),
            },
            Operator::V128Store { memarg } => Op::VectorStore {
                opcode,
                lane: 0,
                offset: offset(memarg),
            },
            Operator::V128Store8Lane { memarg, lane }
            | Operator::V128Store16Lane { memarg, lane }
            | Operator::V128Store32Lane { memarg, lane }
            | Operator::V128Store64Lane { memarg, lane } => Op::VectorStore {
                opcode,
                lane,
                offset: offset(memarg),
            },
            Operator::I8x16ExtractLaneS { lane }
            | Operator::I8x16ExtractLaneU { lane }
            | Operator::I8x16ReplaceLane { lane }
            | Operator::I16x8ExtractLaneS { lane }
            | Operator::I16x8ExtractLaneU { lane }
            | Operator::I16x8ReplaceLane { lane }
            | Operator::I32x4ExtractLane { lane }
            | Operator::I32x4ReplaceLane { lane }
            | Operator::I64x2ExtractLane { lane }
            | Operator::I64x2ReplaceLane { lane } => Op::Vector(opcode, lane),
            _ => Op::Vector(opcode, 0),
        }
    }

    fn call(&mut self, op: Op, function: u32, height: u32) {
        let signature = self.kernel.signature_index(function);
        self.call_of_type(op, signature, height);
    }

    fn call_of_type(&mut self, op: Op, signature: u32, height: u32) {
        let ty = &self.kernel.types[signature as usize];
        let left = height.saturating_sub(ty.params.len() as u32 + self.block(0).height);
        let results = ty.results.len() as u32;
        // What a call of the host costs beyond this is known when it has ended.
        let at = self.emit(op, ORDINARY);
        self.code.pops[at] = ticks::pop(results, left) as u32;
    }
}

fn offset(memarg: MemArg) -> u32 {
    memarg.offset as u32
}
