//! How complex a function is in the eyes of the replica, which refuses functions over a limit (system-api.md 5.7,
//! metering.md 7.5). Has nothing to do with what executing the operators costs.

use wasmparser::Operator;

/// The largest complexity of one function.
pub(super) const MAX_FUNCTION_COMPLEXITY: u64 = 1_000_000;

/// What one operator adds to the complexity of its function; at least 1, also for the final `end`.
pub(super) fn complexity(operator: &Operator<'_>) -> u64 {
    use Operator::*;
    match operator {
        Block { .. }
        | Loop { .. }
        | If { .. }
        | Br { .. }
        | BrIf { .. }
        | BrTable { .. }
        | Call { .. }
        | CallIndirect { .. }
        | MemoryGrow { .. } => 50,
        TableGet { .. } => 14,
        RefFunc { .. } => 8,
        RefIsNull => 6,

        I32TruncF32S | I32TruncF32U | I32TruncF64S | I32TruncF64U | I64TruncF32S | I64TruncF32U
        | I64TruncF64S | I64TruncF64U => 5,
        I64ExtendI32S | I64ExtendI32U | F32DemoteF64 => 5,
        F32ConvertI32S | F32ConvertI32U | F32ConvertI64S | F32ConvertI64U | F64ConvertI32S
        | F64ConvertI32U | F64ConvertI64S | F64ConvertI64U => 5,

        F32Neg | F32Abs | F64Neg | F64Abs | MemoryCopy { .. } => 4,

        F32Copysign | F64Copysign | F64Eq | MemoryFill { .. } => 3,
        I32DivS | I32DivU | I32RemS | I32RemU | I64DivS | I64DivU | I64RemS | I64RemU => 3,
        I32Load { .. }
        | I64Load { .. }
        | F32Load { .. }
        | F64Load { .. }
        | I32Load8S { .. }
        | I32Load8U { .. }
        | I32Load16S { .. }
        | I32Load16U { .. }
        | I64Load8S { .. }
        | I64Load8U { .. }
        | I64Load16S { .. }
        | I64Load16U { .. }
        | I64Load32S { .. }
        | I64Load32U { .. } => 3,
        I32TruncSatF32S | I32TruncSatF32U | I32TruncSatF64S | I32TruncSatF64U | I64TruncSatF32S
        | I64TruncSatF32U | I64TruncSatF64S | I64TruncSatF64U => 3,

        GlobalGet { .. } | I32Popcnt | I64Popcnt | Select | MemorySize { .. } => 2,
        I32Store { .. }
        | I64Store { .. }
        | F32Store { .. }
        | F64Store { .. }
        | I32Store8 { .. }
        | I32Store16 { .. }
        | I64Store8 { .. }
        | I64Store16 { .. }
        | I64Store32 { .. } => 2,
        I32Eqz | I32Eq | I32Ne | I32LtS | I32LtU | I32GtS | I32GtU | I32LeS | I32LeU | I32GeS
        | I32GeU => 2,
        I64Eqz | I64Eq | I64Ne | I64LtS | I64LtU | I64GtS | I64GtU | I64LeS | I64LeU | I64GeS
        | I64GeU => 2,
        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge => 2,
        F64Ne | F64Lt | F64Gt | F64Le | F64Ge => 2,
        F32Ceil | F32Floor | F32Sqrt | F32Trunc | F64Ceil | F64Floor | F64Sqrt | F64Trunc => 2,
        I32ReinterpretF32 | I64ReinterpretF64 | F32ReinterpretI32 | F64ReinterpretI64 => 2,
        I32WrapI64 | F64PromoteF32 => 2,
        I32Extend8S | I32Extend16S | I64Extend8S | I64Extend16S | I64Extend32S => 2,

        _ => 1,
    }
}
