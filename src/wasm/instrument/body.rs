//! Rewrites the body of one function: cuts it into segments, puts the payment in front of each, and the dynamic
//! charge in front of each operator that has one (metering.md 1.2, 1.3). Operators are copied byte by byte unless
//! they have to change.

use wasm_encoder::{BlockType, Encode, Instruction, ValType};
use wasmparser::{FunctionBody, Operator, OperatorsReader};

use super::Layout;
use super::helpers::{Helper, Helpers};
use crate::wasm::weights::FUNCTION_ENTRY;

/// Locals that the engine allows in a function, its parameters among them.
const MAX_LOCALS: u32 = 50_000;

/// Rewrites one body after the other.
pub struct Rewriter<'a> {
    layout: Layout,
    memory64: bool,
    helpers: &'a mut Helpers,
    /// The local that mirrors the counter; none in a function that has as many locals as the engine allows.
    mirror: Option<u32>,
    /// The body, up to the segment at hand.
    written: Vec<u8>,
    /// The segment at hand, whose cost is not known before its end.
    pending: Vec<u8>,
    compile_operators: u64,
}

/// A run of operators that is paid for as a whole.
struct Segment {
    cost: u64,
    /// Whether it is entered again and again, and therefore checked: at function entry and after `loop`.
    reentrant: bool,
}

impl<'a> Rewriter<'a> {
    pub fn new(layout: Layout, memory64: bool, helpers: &'a mut Helpers) -> Self {
        Rewriter {
            layout,
            memory64,
            helpers,
            mirror: None,
            written: Vec::new(),
            pending: Vec::new(),
            compile_operators: 0,
        }
    }

    /// What the body rewritten last counts for compilation (metering.md 5.2).
    pub fn compile_operators(&self) -> u64 {
        self.compile_operators
    }

    /// The new body, as it stands in the code section, without its length.
    ///
    /// Fails only on a body that is not valid.
    pub fn rewrite(
        &mut self,
        body: &FunctionBody<'_>,
        parameters: u32,
    ) -> Result<&[u8], wasmparser::Error> {
        self.written.clear();
        self.compile_operators = 0;
        let bytes = body.as_bytes();
        let base = body.range().start;
        let mut locals = body.get_locals_reader()?;
        let groups = locals.get_count();
        let groups_start = locals.original_position() - base;
        let mut declared = 0;
        for _ in 0..groups {
            declared += locals.read()?.0;
        }
        // Everything before this position has been copied.
        let mut copied = locals.original_position() - base;
        self.mirror = (parameters + declared < MAX_LOCALS).then_some(parameters + declared);
        if self.mirror.is_some() {
            (groups + 1).encode(&mut self.written);
            self.written.extend_from_slice(&bytes[groups_start..copied]);
            1u32.encode(&mut self.written);
            ValType::I64.encode(&mut self.written);
        } else {
            self.written.extend_from_slice(&bytes[..copied]);
        }
        let mut entered = false;
        let mut segment = Segment {
            cost: FUNCTION_ENTRY,
            reentrant: true,
        };
        let mut operators = OperatorsReader::new(locals.get_binary_reader());
        while !operators.eof() {
            let start = operators.original_position() - base;
            let operator = operators.read()?;
            let end = operators.original_position() - base;
            segment.cost += self.layout.weight(&operator, self.memory64);
            self.compile_operators += 1;
            if let Some(replacement) = self.replacement(&operator) {
                self.pending.extend_from_slice(&bytes[copied..start]);
                replacement.encode(&mut self.pending);
                copied = end;
                if matches!(operator, Operator::Call { .. }) {
                    reload(&self.layout, self.mirror, &mut self.pending);
                }
            } else if let Some(charge) = self.dynamic_charge(&operator) {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = start;
                // At the head of a segment the length is paid before the segment is.
                let sink = if self.pending.is_empty() {
                    &mut self.written
                } else {
                    &mut self.pending
                };
                charge.encode(sink);
                reload(&self.layout, self.mirror, sink);
            } else if matches!(operator, Operator::CallIndirect { .. }) {
                self.pending.extend_from_slice(&bytes[copied..end]);
                copied = end;
                reload(&self.layout, self.mirror, &mut self.pending);
            }
            if ends_segment(&operator) {
                self.pending.extend_from_slice(&bytes[copied..end]);
                copied = end;
                self.close(&segment, entered);
                entered = true;
                segment = Segment {
                    cost: 0,
                    reentrant: matches!(operator, Operator::Loop { .. }),
                };
            }
        }
        Ok(&self.written)
    }

    /// What stands in the place of an operator that cannot be copied.
    fn replacement(&mut self, operator: &Operator<'_>) -> Option<Instruction<'static>> {
        Some(match operator {
            Operator::Call { function_index } => {
                Instruction::Call(self.layout.shifted(*function_index))
            }
            Operator::ReturnCall { function_index } => {
                Instruction::ReturnCall(self.layout.shifted(*function_index))
            }
            Operator::RefFunc { function_index } => {
                Instruction::RefFunc(self.layout.shifted(*function_index))
            }
            Operator::MemoryGrow { .. } => {
                self.compile_operators += 3;
                Instruction::Call(self.helpers.index(&self.layout, Helper::Grow))
            }
            _ => return None,
        })
    }

    /// The call that charges for the length on top of the stack, and leaves it there.
    fn dynamic_charge(&mut self, operator: &Operator<'_>) -> Option<Instruction<'static>> {
        let helper = match operator {
            Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } if self.memory64 => {
                Helper::ChargeI64
            }
            Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. } => Helper::ChargeI32,
            // The table operators that have a length are not allowed.
            _ => return None,
        };
        self.compile_operators += match helper {
            Helper::ChargeI64 => 1,
            _ => 3,
        };
        Some(Instruction::Call(self.helpers.index(&self.layout, helper)))
    }

    /// Writes a finished segment, payment first. `entered` is false for the first one, which has to look the counter up.
    ///
    /// The counter is stored at every payment, since a trap or the host may want it at any operator; it is loaded only
    /// where something else may have changed it, so that loops do not wait for memory.
    fn close(&mut self, segment: &Segment, entered: bool) {
        let counter = self.layout.counter();
        let known = match self.mirror {
            Some(mirror) if entered => Instruction::LocalGet(mirror),
            _ => Instruction::GlobalGet(counter),
        };
        if segment.cost > 0 {
            known.encode(&mut self.written);
            Instruction::I64Const(segment.cost as i64).encode(&mut self.written);
            Instruction::I64Sub.encode(&mut self.written);
            if let Some(mirror) = self.mirror {
                Instruction::LocalTee(mirror).encode(&mut self.written);
            }
            Instruction::GlobalSet(counter).encode(&mut self.written);
        }
        if segment.reentrant {
            let value = match self.mirror {
                Some(mirror) => Instruction::LocalGet(mirror),
                None => Instruction::GlobalGet(counter),
            };
            for instruction in [
                value,
                Instruction::I64Const(0),
                Instruction::I64LtS,
                Instruction::If(BlockType::Empty),
                Instruction::Call(self.layout.out_of_instructions()),
            ] {
                instruction.encode(&mut self.written);
            }
            reload(&self.layout, self.mirror, &mut self.written);
            Instruction::End.encode(&mut self.written);
            self.compile_operators += 10;
        } else if segment.cost > 0 {
            self.compile_operators += 4;
        }
        self.written.append(&mut self.pending);
    }
}

/// Looks the counter up again, after something that may have changed it.
fn reload(layout: &Layout, mirror: Option<u32>, sink: &mut Vec<u8>) {
    if let Some(mirror) = mirror {
        Instruction::GlobalGet(layout.counter()).encode(sink);
        Instruction::LocalSet(mirror).encode(sink);
    }
}

/// Whether a segment ends with this operator (metering.md 1.2).
fn ends_segment(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Loop { .. }
            | If { .. }
            | Else
            | End
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | Return
            | Unreachable
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
    )
}
