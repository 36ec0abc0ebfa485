//! Rewrites the body of one function: cuts it into segments, puts the payment in front of each, and the dynamic
//! charge in front of each operator that has one (metering.md 1.2, 1.3). Operators are copied byte by byte unless
//! they have to change.

use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::{FunctionBody, Operator, OperatorsReader};

use super::Layout;
use super::helpers::{Helper, Helpers};
use crate::wasm::weights::{FUNCTION_ENTRY, weight};

/// Rewrites one body after the other.
pub struct Rewriter<'a> {
    layout: Layout,
    memory64: bool,
    helpers: &'a mut Helpers,
    /// The check for a negative counter, in front of a segment that can be re-entered.
    check: Vec<u8>,
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
        let mut check = Vec::new();
        for instruction in [
            Instruction::GlobalGet(layout.counter()),
            Instruction::I64Const(0),
            Instruction::I64LtS,
            Instruction::If(BlockType::Empty),
            Instruction::Call(layout.out_of_instructions()),
            Instruction::End,
        ] {
            instruction.encode(&mut check);
        }
        Rewriter {
            layout,
            memory64,
            helpers,
            check,
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
    pub fn rewrite(&mut self, body: &FunctionBody<'_>) -> Result<&[u8], wasmparser::Error> {
        self.written.clear();
        self.compile_operators = 0;
        let bytes = body.as_bytes();
        let base = body.range().start;
        let mut locals = body.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            locals.read()?;
        }
        // Everything before this position has been copied.
        let mut copied = locals.original_position() - base;
        self.written.extend_from_slice(&bytes[..copied]);
        let mut segment = Segment {
            cost: FUNCTION_ENTRY,
            reentrant: true,
        };
        let mut operators = OperatorsReader::new(locals.get_binary_reader());
        while !operators.eof() {
            let start = operators.original_position() - base;
            let operator = operators.read()?;
            let end = operators.original_position() - base;
            segment.cost += weight(&operator, self.memory64);
            self.compile_operators += 1;
            if let Some(replacement) = self.replacement(&operator) {
                self.pending.extend_from_slice(&bytes[copied..start]);
                replacement.encode(&mut self.pending);
                copied = end;
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
            }
            if ends_segment(&operator) {
                self.pending.extend_from_slice(&bytes[copied..end]);
                copied = end;
                self.close(&segment);
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

    /// Writes a finished segment, payment first.
    fn close(&mut self, segment: &Segment) {
        if segment.cost > 0 {
            for instruction in [
                Instruction::GlobalGet(self.layout.counter()),
                Instruction::I64Const(segment.cost as i64),
                Instruction::I64Sub,
                Instruction::GlobalSet(self.layout.counter()),
            ] {
                instruction.encode(&mut self.written);
            }
        }
        if segment.reentrant {
            self.written.extend_from_slice(&self.check);
            self.compile_operators += 10;
        } else if segment.cost > 0 {
            self.compile_operators += 4;
        }
        self.written.append(&mut self.pending);
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
