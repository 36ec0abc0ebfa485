//! What tells the host which memory is going to be touched, in code for the portable way of `memory`: a call in front of every load
//! and store, which looks into the lists of what was told before, and calls in front of and behind every operator on a range. And in all
//! other code what touches where the machine itself would not.

use wasm_encoder::{
    BlockType, EntityType, Function, ImportSection, InstructionSink, MemArg, TypeSection, ValType,
};
use wasmparser::Operator;

use super::{HOST_MODULE, Layout, TOUCH, TOUCH_IMPORTS};
use crate::memory::{ACCESSED, STATES_AT, WRITABLE, WRITTEN, how};

/// The second memory of a module: a mark for each Wasm page, and behind them a state for each page.
const LISTS: u32 = 1;
/// Bits of an address that may lie in a heap.
const ADDRESS_BITS: i64 = 34;

/// Makes room for the import in the layout of a module; its type and its index.
pub(super) fn make_room(layout: &mut Layout) {
    layout.added_imports += TOUCH_IMPORTS;
    layout.added_types += TOUCH_IMPORTS;
}

/// Adds the type of the import.
pub(super) fn declare_type(types: &mut TypeSection) {
    types
        .ty()
        .function([ValType::I64, ValType::I64, ValType::I32], []);
}

/// Adds the import behind all others; its type is the last one before those of the helpers.
pub(super) fn declare_import(layout: &Layout, imports: &mut ImportSection) {
    let ty = EntityType::Function(layout.first_helper_type() - 1);
    imports.import(HOST_MODULE, TOUCH, ty);
}

/// A load or store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) kind: AccessKind,
    /// Added to the address.
    pub(super) offset: u64,
}

/// What a load or store does, and what it finds on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AccessKind {
    write: bool,
    /// Bytes that it touches.
    len: i64,
    /// The operand above the address.
    value: Option<ValType>,
}

/// An operator on a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Fill,
    Copy,
    Init,
}

/// The load or store that an operator is. One whose offset lies beyond any heap traps, and touches nothing.
pub(super) fn access(operator: &Operator<'_>) -> Option<Access> {
    use Operator::*;
    use ValType::{F32, F64, I32, I64, V128};
    let (memarg, len, write, value) = match operator {
        I32Load8S { memarg }
        | I32Load8U { memarg }
        | I64Load8S { memarg }
        | I64Load8U { memarg } => (memarg, 1, false, None),
        I32Load16S { memarg }
        | I32Load16U { memarg }
        | I64Load16S { memarg }
        | I64Load16U { memarg } => (memarg, 2, false, None),
        I32Load { memarg } | F32Load { memarg } | I64Load32S { memarg } | I64Load32U { memarg } => {
            (memarg, 4, false, None)
        }
        I64Load { memarg } | F64Load { memarg } => (memarg, 8, false, None),
        V128Load8Splat { memarg } => (memarg, 1, false, None),
        V128Load16Splat { memarg } => (memarg, 2, false, None),
        V128Load32Splat { memarg } | V128Load32Zero { memarg } => (memarg, 4, false, None),
        V128Load64Splat { memarg }
        | V128Load64Zero { memarg }
        | V128Load8x8S { memarg }
        | V128Load8x8U { memarg }
        | V128Load16x4S { memarg }
        | V128Load16x4U { memarg }
        | V128Load32x2S { memarg }
        | V128Load32x2U { memarg } => (memarg, 8, false, None),
        V128Load { memarg } => (memarg, 16, false, None),
        V128Load8Lane { memarg, .. } => (memarg, 1, false, Some(V128)),
        V128Load16Lane { memarg, .. } => (memarg, 2, false, Some(V128)),
        V128Load32Lane { memarg, .. } => (memarg, 4, false, Some(V128)),
        V128Load64Lane { memarg, .. } => (memarg, 8, false, Some(V128)),
        I32Store8 { memarg } => (memarg, 1, true, Some(I32)),
        I32Store16 { memarg } => (memarg, 2, true, Some(I32)),
        I32Store { memarg } => (memarg, 4, true, Some(I32)),
        I64Store8 { memarg } => (memarg, 1, true, Some(I64)),
        I64Store16 { memarg } => (memarg, 2, true, Some(I64)),
        I64Store32 { memarg } => (memarg, 4, true, Some(I64)),
        I64Store { memarg } => (memarg, 8, true, Some(I64)),
        F32Store { memarg } => (memarg, 4, true, Some(F32)),
        F64Store { memarg } => (memarg, 8, true, Some(F64)),
        V128Store8Lane { memarg, .. } => (memarg, 1, true, Some(V128)),
        V128Store16Lane { memarg, .. } => (memarg, 2, true, Some(V128)),
        V128Store32Lane { memarg, .. } => (memarg, 4, true, Some(V128)),
        V128Store64Lane { memarg, .. } => (memarg, 8, true, Some(V128)),
        V128Store { memarg } => (memarg, 16, true, Some(V128)),
        _ => return None,
    };
    (memarg.offset >> ADDRESS_BITS == 0).then_some(Access {
        kind: AccessKind { write, len, value },
        offset: memarg.offset,
    })
}

/// The operator on a range of memory that an operator is.
pub(super) fn range(operator: &Operator<'_>) -> Option<Range> {
    match operator {
        Operator::MemoryFill { .. } => Some(Range::Fill),
        Operator::MemoryCopy { .. } => Some(Range::Copy),
        Operator::MemoryInit { .. } => Some(Range::Init),
        _ => None,
    }
}

impl AccessKind {
    /// What the operator finds on the stack.
    pub(super) fn operands(self, pointer: ValType) -> Vec<ValType> {
        [pointer].into_iter().chain(self.value).collect()
    }

    /// A function of the operands and the offset that gives the operands back.
    pub(super) fn define(self, layout: &Layout, pointer: ValType) -> Function {
        let operands = self.operands(pointer).len() as u32;
        let offset = operands;
        let (start, end) = (operands + 1, operands + 2);
        let mut function = Function::new([(2, ValType::I64)]);
        let mut code = function.instructions();
        address(&mut code, 0, pointer);
        code.local_get(offset).i64_add().local_tee(start);
        code.i64_const(self.len - 1).i64_add().local_set(end);
        if pointer == ValType::I64 {
            // Beyond any heap, or around the end of all addresses.
            code.local_get(0).local_get(end).i64_or();
            code.i64_const(ADDRESS_BITS).i64_shr_u().i64_eqz();
            code.if_(BlockType::Empty);
        }
        let ends = match self.len {
            1 => &[start][..],
            _ => &[start, end],
        };
        if self.write {
            known(&mut code, STATES_AT, 12, ends, WRITABLE);
            known(&mut code, 0, 16, ends, WRITTEN);
            code.i32_or();
        } else {
            known(&mut code, 0, 16, ends, ACCESSED);
        }
        code.if_(BlockType::Empty);
        code.local_get(start);
        code.i64_const(self.len);
        code.i32_const(if self.write { how::WRITE as i32 } else { 0 });
        code.call(layout.touch()).end();
        if pointer == ValType::I64 {
            code.end();
        }
        for operand in 0..operands {
            code.local_get(operand);
        }
        code.end();
        function
    }
}

impl Range {
    /// What the operator finds on the stack.
    pub(super) fn operands(self, pointer: ValType) -> [ValType; 3] {
        match self {
            Range::Fill => [pointer, ValType::I32, pointer],
            Range::Copy => [pointer; 3],
            Range::Init => [pointer, ValType::I32, ValType::I32],
        }
    }

    /// A function of the operands that gives them back.
    pub(super) fn define(self, layout: &Layout, pointer: ValType) -> Function {
        const TO: u32 = 0;
        const FROM: u32 = 1;
        const LEN: u32 = 2;
        let mut function = Function::new([]);
        let mut code = function.instructions();
        let mut announce = |at: u32, write: u32| {
            address(&mut code, at, pointer);
            address(&mut code, LEN, self.operands(pointer)[2]);
            code.i32_const((how::ANNOUNCED | write) as i32);
            code.call(layout.touch());
        };
        if self == Range::Copy {
            announce(FROM, 0);
        }
        announce(TO, how::WRITE);
        code.local_get(TO).local_get(FROM).local_get(LEN).end();
        function
    }
}

/// A function of the operands of `memory.copy` that gives them back. What is copied to where it is counts as touched, and C libraries
/// leave such memory alone, so that there would be no fault to tell of it: here a byte of each Wasm page is written again. A range
/// that is not in memory is left to the operator.
pub(super) fn copy_in_place(pointer: ValType) -> Function {
    const TO: u32 = 0;
    const FROM: u32 = 1;
    const LEN: u32 = 2;
    const SIZE: u32 = 3;
    const NEXT: u32 = 4;
    let is_wide = pointer == ValType::I64;
    let mut function = Function::new([(2, ValType::I64)]);
    let mut code = function.instructions();
    code.block(BlockType::Empty);
    code.local_get(TO).local_get(FROM);
    match is_wide {
        true => code.i64_ne(),
        false => code.i32_ne(),
    };
    code.br_if(0);
    address(&mut code, LEN, pointer);
    code.i64_eqz().br_if(0);
    code.memory_size(0);
    if !is_wide {
        code.i64_extend_i32_u();
    }
    code.i64_const(16).i64_shl().local_set(SIZE);
    address(&mut code, LEN, pointer);
    code.local_get(SIZE).i64_gt_u().br_if(0);
    address(&mut code, TO, pointer);
    code.local_tee(NEXT).local_get(SIZE);
    address(&mut code, LEN, pointer);
    code.i64_sub().i64_gt_u().br_if(0);
    code.loop_(BlockType::Empty);
    let next = |code: &mut InstructionSink<'_>| {
        code.local_get(NEXT);
        if !is_wide {
            code.i32_wrap_i64();
        }
    };
    next(&mut code);
    next(&mut code);
    code.i32_load8_u(MemArg {
        offset: 0,
        align: 0,
        memory_index: 0,
    });
    match is_wide {
        true => code.i64_const(1),
        false => code.i32_const(1),
    };
    // Not a store, which a compiler may leave out.
    code.memory_fill(0);
    code.local_get(NEXT).i64_const(0xffff).i64_or();
    code.i64_const(1).i64_add().local_tee(NEXT);
    address(&mut code, TO, pointer);
    address(&mut code, LEN, pointer);
    code.i64_add().i64_lt_u().br_if(0);
    code.end().end();
    code.local_get(TO).local_get(FROM).local_get(LEN).end();
    function
}

fn address(code: &mut InstructionSink<'_>, local: u32, ty: ValType) {
    code.local_get(local);
    if ty == ValType::I32 {
        code.i64_extend_i32_u();
    }
}

/// Leaves 0 on the stack if the bytes for all addresses have this bit, in the list that lies there, and else 1.
fn known(code: &mut InstructionSink<'_>, list: usize, shift: i64, addresses: &[u32], bit: u8) {
    for (position, address) in addresses.iter().enumerate() {
        code.local_get(*address).i64_const(shift).i64_shr_u();
        code.i32_wrap_i64().i32_load8_u(MemArg {
            offset: list as u64,
            align: 0,
            memory_index: LISTS,
        });
        if position > 0 {
            code.i32_and();
        }
    }
    code.i32_const(i32::from(bit)).i32_and().i32_eqz();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operator of WebAssembly that has an address is either told or none of ours.
    #[test]
    fn all_loads_and_stores_are_told() {
        let memarg = wasmparser::MemArg {
            align: 0,
            max_align: 0,
            offset: 5,
            memory: 0,
        };
        let store = access(&Operator::I64Store32 { memarg }).unwrap();
        assert_eq!(
            (store.kind.len, store.offset, store.kind.write),
            (4, 5, true)
        );
        assert_eq!(
            store.kind.operands(ValType::I32),
            [ValType::I32, ValType::I64]
        );
        let beyond = wasmparser::MemArg {
            offset: 1 << 34,
            ..memarg
        };
        assert_eq!(access(&Operator::I32Load { memarg: beyond }), None);
        let mut addressed = 0;
        macro_rules! count {
            ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
                $( $( count!(one $op $($arg)*); )? )*
            };
            (one $op:ident memarg) => {
                if !stringify!($op).contains("Atomic") {
                    addressed += 1;
                    assert!(access(&Operator::$op { memarg }).is_some(), stringify!($op));
                }
            };
            (one $op:ident memarg lane) => {
                addressed += 1;
                assert!(access(&Operator::$op { memarg, lane: 0 }).is_some(), stringify!($op));
            };
            (one $op:ident $($arg:ident)*) => {};
        }
        wasmparser::for_each_operator!(count);
        assert_eq!(addressed, 14 + 9 + 22);
    }
}
