//! The instructions of the interpreter: what a function is translated to. They name the slots of their frame (locals, then
//! operands) instead of pushing and popping.

/// What an instruction does. `a` is the slot of its result, `b` and `c` are the slots of its operands, unless it says
/// otherwise; in the variants `…Imm` the right operand is `imm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Op {
    /// Pays `imm` instructions.
    Pay,
    /// Pays `imm` instructions and looks whether they are used up.
    PayChecked,
    /// Pays one instruction for each byte of the length in slot `a`.
    PayLength32,
    /// The same for a 64-bit length.
    PayLength64,
    /// Ends in a trap.
    Unreachable,
    /// Goes on `imm` instructions further, or back.
    Br,
    /// The same if the `i32` in `b` is not zero.
    BrNonZero,
    /// The same if it is zero.
    BrZero,
    /// Goes on at one of the `imm` + 1 instructions that follow, by the index in `b`.
    BrTable,
    /// Leaves a function without results.
    Return0,
    /// Leaves a function whose result is in `b`.
    Return1,
    /// Leaves a function whose `c` results begin in `b`.
    Return,
    /// Calls the function `imm` of the module's own; its frame begins with its arguments in `a`.
    Call,
    /// Calls the imported function `imm` with arguments from `a` on.
    CallHost,
    /// Calls the function at the index in `b`, of the type `imm`.
    CallIndirect,
    Copy,
    /// Writes `imm` into `a`.
    Const,
    /// `b` if the `i32` in the slot `imm` is not zero, else `c`.
    Select,
    /// Reads the global `imm`.
    GlobalGet,
    /// Writes the global `imm` from `b`.
    GlobalSet,
    // Loads: address in `b`, offset `imm`.
    I32Load,
    I64Load,
    I32Load8S,
    I32Load8U,
    I32Load16S,
    I32Load16U,
    I64Load8S,
    I64Load8U,
    I64Load16S,
    I64Load16U,
    I64Load32S,
    // Stores: address in `b`, value in `c`, offset `imm`.
    Store8,
    Store16,
    Store32,
    Store64,
    MemorySize,
    MemoryGrow,
    /// Address, byte and length in `a`, `b` and `c`.
    MemoryFill,
    /// Destination, source and length in `a`, `b` and `c`.
    MemoryCopy,
    /// The same from the data segment `imm`.
    MemoryInit,
    /// Drops the data segment `imm`.
    DataDrop,
    I32Eqz,
    I32Eq,
    I32EqImm,
    I32Ne,
    I32NeImm,
    I32LtS,
    I32LtSImm,
    I32LtU,
    I32LtUImm,
    I32GtS,
    I32GtSImm,
    I32GtU,
    I32GtUImm,
    I32LeS,
    I32LeSImm,
    I32LeU,
    I32LeUImm,
    I32GeS,
    I32GeSImm,
    I32GeU,
    I32GeUImm,
    /// Branches; `imm` is the distance.
    BrI32Eq,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32EqImm,
    /// Branches; `imm` is the distance.
    BrI32Ne,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32NeImm,
    /// Branches; `imm` is the distance.
    BrI32LtS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32LtSImm,
    /// Branches; `imm` is the distance.
    BrI32LtU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32LtUImm,
    /// Branches; `imm` is the distance.
    BrI32GtS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32GtSImm,
    /// Branches; `imm` is the distance.
    BrI32GtU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32GtUImm,
    /// Branches; `imm` is the distance.
    BrI32LeS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32LeSImm,
    /// Branches; `imm` is the distance.
    BrI32LeU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32LeUImm,
    /// Branches; `imm` is the distance.
    BrI32GeS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32GeSImm,
    /// Branches; `imm` is the distance.
    BrI32GeU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI32GeUImm,
    I64Eqz,
    I64Eq,
    I64EqImm,
    I64Ne,
    I64NeImm,
    I64LtS,
    I64LtSImm,
    I64LtU,
    I64LtUImm,
    I64GtS,
    I64GtSImm,
    I64GtU,
    I64GtUImm,
    I64LeS,
    I64LeSImm,
    I64LeU,
    I64LeUImm,
    I64GeS,
    I64GeSImm,
    I64GeU,
    I64GeUImm,
    /// Branches; `imm` is the distance.
    BrI64Eq,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64EqImm,
    /// Branches; `imm` is the distance.
    BrI64Ne,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64NeImm,
    /// Branches; `imm` is the distance.
    BrI64LtS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64LtSImm,
    /// Branches; `imm` is the distance.
    BrI64LtU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64LtUImm,
    /// Branches; `imm` is the distance.
    BrI64GtS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64GtSImm,
    /// Branches; `imm` is the distance.
    BrI64GtU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64GtUImm,
    /// Branches; `imm` is the distance.
    BrI64LeS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64LeSImm,
    /// Branches; `imm` is the distance.
    BrI64LeU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64LeUImm,
    /// Branches; `imm` is the distance.
    BrI64GeS,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64GeSImm,
    /// Branches; `imm` is the distance.
    BrI64GeU,
    /// Branches; `imm` is the right operand, an `i32`, above the distance.
    BrI64GeUImm,
    F32Eq,
    F32Ne,
    F32Lt,
    F32Gt,
    F32Le,
    F32Ge,
    F64Eq,
    F64Ne,
    F64Lt,
    F64Gt,
    F64Le,
    F64Ge,
    I32Clz,
    I32Ctz,
    I32Popcnt,
    I32Extend8S,
    I32Extend16S,
    I32Add,
    I32AddImm,
    I32Sub,
    I32SubImm,
    I32Mul,
    I32MulImm,
    I32And,
    I32AndImm,
    I32Or,
    I32OrImm,
    I32Xor,
    I32XorImm,
    I32Shl,
    I32ShlImm,
    I32ShrS,
    I32ShrSImm,
    I32ShrU,
    I32ShrUImm,
    I32Rotl,
    I32Rotr,
    I32DivS,
    I32DivU,
    I32RemS,
    I32RemU,
    I64Clz,
    I64Ctz,
    I64Popcnt,
    I64Extend8S,
    I64Extend16S,
    I64Add,
    I64AddImm,
    I64Sub,
    I64SubImm,
    I64Mul,
    I64MulImm,
    I64And,
    I64AndImm,
    I64Or,
    I64OrImm,
    I64Xor,
    I64XorImm,
    I64Shl,
    I64ShlImm,
    I64ShrS,
    I64ShrSImm,
    I64ShrU,
    I64ShrUImm,
    I64Rotl,
    I64Rotr,
    I64DivS,
    I64DivU,
    I64RemS,
    I64RemU,
    F32Abs,
    F32Neg,
    F32Ceil,
    F32Floor,
    F32Trunc,
    F32Nearest,
    F32Sqrt,
    F32Add,
    F32Sub,
    F32Mul,
    F32Div,
    F32Min,
    F32Max,
    F32Copysign,
    F64Abs,
    F64Neg,
    F64Ceil,
    F64Floor,
    F64Trunc,
    F64Nearest,
    F64Sqrt,
    F64Add,
    F64Sub,
    F64Mul,
    F64Div,
    F64Min,
    F64Max,
    F64Copysign,
    I64ExtendI32S,
    I64ExtendI32U,
    I64Extend32S,
    I32TruncF32S,
    I64TruncF32S,
    I32TruncF32U,
    I64TruncF32U,
    I32TruncF64S,
    I64TruncF64S,
    I32TruncF64U,
    I64TruncF64U,
    I32TruncSatF32S,
    I64TruncSatF32S,
    I32TruncSatF32U,
    I64TruncSatF32U,
    I32TruncSatF64S,
    I64TruncSatF64S,
    I32TruncSatF64U,
    I64TruncSatF64U,
    F32ConvertI32S,
    F32ConvertI32U,
    F32ConvertI64S,
    F32ConvertI64U,
    F64ConvertI32S,
    F64ConvertI32U,
    F64ConvertI64S,
    F64ConvertI64U,
    F32DemoteF64,
    F64PromoteF32,
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instr {
    pub op: Op,
    pub a: u16,
    pub b: u16,
    pub c: u16,
    pub imm: u64,
}

/// A translated function.
pub(super) struct Code {
    pub instrs: Vec<Instr>,
    pub parameters: usize,
    /// Parameters and other locals.
    pub locals: usize,
    /// Slots of a frame.
    pub slots: usize,
}

impl Op {
    /// The variant whose right operand is a constant.
    pub(super) fn with_constant(self) -> Option<Op> {
        use Op::*;
        Some(match self {
            I32Eq => I32EqImm,
            I32Ne => I32NeImm,
            I32LtS => I32LtSImm,
            I32LtU => I32LtUImm,
            I32GtS => I32GtSImm,
            I32GtU => I32GtUImm,
            I32LeS => I32LeSImm,
            I32LeU => I32LeUImm,
            I32GeS => I32GeSImm,
            I32GeU => I32GeUImm,
            I32Add => I32AddImm,
            I32Sub => I32SubImm,
            I32Mul => I32MulImm,
            I32And => I32AndImm,
            I32Or => I32OrImm,
            I32Xor => I32XorImm,
            I32Shl => I32ShlImm,
            I32ShrS => I32ShrSImm,
            I32ShrU => I32ShrUImm,
            I64Eq => I64EqImm,
            I64Ne => I64NeImm,
            I64LtS => I64LtSImm,
            I64LtU => I64LtUImm,
            I64GtS => I64GtSImm,
            I64GtU => I64GtUImm,
            I64LeS => I64LeSImm,
            I64LeU => I64LeUImm,
            I64GeS => I64GeSImm,
            I64GeU => I64GeUImm,
            I64Add => I64AddImm,
            I64Sub => I64SubImm,
            I64Mul => I64MulImm,
            I64And => I64AndImm,
            I64Or => I64OrImm,
            I64Xor => I64XorImm,
            I64Shl => I64ShlImm,
            I64ShrS => I64ShrSImm,
            I64ShrU => I64ShrUImm,
            _ => return None,
        })
    }

    /// The branch that is taken if this comparison is true, and the one that is taken if it is false.
    pub(super) fn branches(self) -> Option<[Op; 2]> {
        use Op::*;
        Some(match self {
            I32Eq => [BrI32Eq, BrI32Ne],
            I32EqImm => [BrI32EqImm, BrI32NeImm],
            I32Ne => [BrI32Ne, BrI32Eq],
            I32NeImm => [BrI32NeImm, BrI32EqImm],
            I32LtS => [BrI32LtS, BrI32GeS],
            I32LtSImm => [BrI32LtSImm, BrI32GeSImm],
            I32LtU => [BrI32LtU, BrI32GeU],
            I32LtUImm => [BrI32LtUImm, BrI32GeUImm],
            I32GtS => [BrI32GtS, BrI32LeS],
            I32GtSImm => [BrI32GtSImm, BrI32LeSImm],
            I32GtU => [BrI32GtU, BrI32LeU],
            I32GtUImm => [BrI32GtUImm, BrI32LeUImm],
            I32LeS => [BrI32LeS, BrI32GtS],
            I32LeSImm => [BrI32LeSImm, BrI32GtSImm],
            I32LeU => [BrI32LeU, BrI32GtU],
            I32LeUImm => [BrI32LeUImm, BrI32GtUImm],
            I32GeS => [BrI32GeS, BrI32LtS],
            I32GeSImm => [BrI32GeSImm, BrI32LtSImm],
            I32GeU => [BrI32GeU, BrI32LtU],
            I32GeUImm => [BrI32GeUImm, BrI32LtUImm],
            I64Eq => [BrI64Eq, BrI64Ne],
            I64EqImm => [BrI64EqImm, BrI64NeImm],
            I64Ne => [BrI64Ne, BrI64Eq],
            I64NeImm => [BrI64NeImm, BrI64EqImm],
            I64LtS => [BrI64LtS, BrI64GeS],
            I64LtSImm => [BrI64LtSImm, BrI64GeSImm],
            I64LtU => [BrI64LtU, BrI64GeU],
            I64LtUImm => [BrI64LtUImm, BrI64GeUImm],
            I64GtS => [BrI64GtS, BrI64LeS],
            I64GtSImm => [BrI64GtSImm, BrI64LeSImm],
            I64GtU => [BrI64GtU, BrI64LeU],
            I64GtUImm => [BrI64GtUImm, BrI64LeUImm],
            I64LeS => [BrI64LeS, BrI64GtS],
            I64LeSImm => [BrI64LeSImm, BrI64GtSImm],
            I64LeU => [BrI64LeU, BrI64GtU],
            I64LeUImm => [BrI64LeUImm, BrI64GtUImm],
            I64GeS => [BrI64GeS, BrI64LtS],
            I64GeSImm => [BrI64GeSImm, BrI64LtSImm],
            I64GeU => [BrI64GeU, BrI64LtU],
            I64GeUImm => [BrI64GeUImm, BrI64LtUImm],
            I32Eqz => [BrZero, BrNonZero],
            _ => return None,
        })
    }
}
