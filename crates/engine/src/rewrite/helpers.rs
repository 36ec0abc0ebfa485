//! Functions added to a rewritten module, so that the places which need them stay as small as a call. They are not
//! metered themselves.

use wasm_encoder::{BlockType, CodeSection, Function, TypeSection, ValType};

use super::Layout;
use super::touches::{self, AccessKind, Range};

/// An added function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helper {
    /// Charges one instruction per unit of an `i32` length, which it returns (metering.md 1.3).
    ChargeI32,
    /// The same for an `i64` length.
    ChargeI64,
    /// Does `memory.grow` and reports success to the host (metering.md 1.4).
    Grow,
    /// Tells which bytes a load or store is going to touch, unless that is known.
    Touch(AccessKind),
    /// Tells which bytes an operator on a range is going to touch.
    Announce(Range),
    /// Touches what `memory.copy` copies to where it is.
    CopyInPlace,
}

/// The helpers that a module needs, in the order in which they were first asked for.
pub(super) struct Helpers {
    needed: Vec<Helper>,
    pointer: ValType,
}

impl Helpers {
    pub(super) fn new(memory64: bool) -> Self {
        Helpers {
            needed: Vec::new(),
            pointer: if memory64 { ValType::I64 } else { ValType::I32 },
        }
    }

    /// The index of a helper function, which is thereby needed.
    pub(super) fn index(&mut self, layout: &Layout, helper: Helper) -> u32 {
        let position = self.needed.iter().position(|needed| *needed == helper);
        let position = position.unwrap_or_else(|| {
            self.needed.push(helper);
            self.needed.len() - 1
        });
        layout.first_helper() + position as u32
    }

    pub(super) fn count(&self) -> u32 {
        self.needed.len() as u32
    }

    /// Adds one type for each helper, in their order.
    pub(super) fn declare_types(&self, types: &mut TypeSection) {
        for helper in &self.needed {
            let operands = self.operands(*helper);
            let mut parameters = operands.clone();
            if let Helper::Touch(_) = helper {
                parameters.push(ValType::I64);
            }
            types.ty().function(parameters, operands);
        }
    }

    /// Adds the body of each helper, in their order.
    pub(super) fn define(&self, layout: &Layout, code: &mut CodeSection) {
        for helper in &self.needed {
            code.function(&match helper {
                Helper::ChargeI32 | Helper::ChargeI64 => self.charge(layout, *helper),
                Helper::Grow => self.grow(layout),
                Helper::Touch(kind) => kind.define(layout, self.pointer),
                Helper::Announce(range) => range.define(layout, self.pointer),
                Helper::CopyInPlace => touches::copy_in_place(self.pointer),
            });
        }
    }

    /// What a helper is given, and gives back.
    fn operands(&self, helper: Helper) -> Vec<ValType> {
        match helper {
            Helper::ChargeI32 => vec![ValType::I32],
            Helper::ChargeI64 => vec![ValType::I64],
            Helper::Grow => vec![self.pointer],
            Helper::Touch(kind) => kind.operands(self.pointer),
            Helper::Announce(range) => range.operands(self.pointer).into(),
            Helper::CopyInPlace => Range::Copy.operands(self.pointer).into(),
        }
    }

    fn charge(&self, layout: &Layout, helper: Helper) -> Function {
        const LENGTH: u32 = 0;
        const NEW: u32 = 1;
        let mut function = Function::new([(1, ValType::I64)]);
        let mut code = function.instructions();
        code.global_get(layout.counter()).local_get(LENGTH);
        if helper == Helper::ChargeI32 {
            code.i64_extend_i32_u();
        }
        code.i64_sub().local_set(NEW);
        // A counter that went up has wrapped around.
        code.i64_const(i64::MIN)
            .local_get(NEW)
            .local_get(NEW)
            .global_get(layout.counter())
            .i64_gt_s()
            .select()
            .global_set(layout.counter());
        code.global_get(layout.counter())
            .i64_const(0)
            .i64_lt_s()
            .if_(BlockType::Empty)
            .call(layout.out_of_instructions())
            .end();
        code.local_get(LENGTH).end();
        function
    }

    fn grow(&self, layout: &Layout) -> Function {
        const DELTA: u32 = 0;
        const PREVIOUS: u32 = 1;
        let mut function = Function::new([(1, self.pointer)]);
        let mut code = function.instructions();
        code.local_get(DELTA).memory_grow(0).local_tee(PREVIOUS);
        if self.pointer == ValType::I64 {
            code.i64_const(-1).i64_ne().if_(BlockType::Empty);
            code.local_get(PREVIOUS).local_get(DELTA);
        } else {
            code.i32_const(-1).i32_ne().if_(BlockType::Empty);
            code.local_get(PREVIOUS).i64_extend_i32_u();
            code.local_get(DELTA).i64_extend_i32_u();
        }
        code.call(layout.memory_grown()).end();
        code.local_get(PREVIOUS).end();
        function
    }
}
