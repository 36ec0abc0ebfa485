//! Rewrites the body of one function: cuts it into segments, puts the payment in front of each, and the dynamic
//! charge in front of each operator that has one (metering.md 1.2, 1.3). Operators are copied byte by byte unless
//! they have to change. Where the counter is meanwhile is for [`Metering`] to say.

use std::ops::Range;

use wasm_encoder::{BlockType, Encode, Instruction, ValType};
use wasmparser::{FunctionBody, Operator, OperatorsReader};

use super::exits::Exits;
use super::helpers::{Helper, Helpers};
use super::profile::FunctionHooks;
use super::touches;
use super::{Layout, Metering, Plan, Weights};
use crate::memory::how;

/// Locals that the engine allows in a function, its parameters among them.
const MAX_LOCALS: u32 = 50_000;

/// Rewrites one body after the other.
pub(super) struct Rewriter<'a> {
    layout: Layout,
    weights: &'a dyn Weights,
    memory64: bool,
    metering: Metering,
    /// Whether the code tells what it touches.
    touches: bool,
    helpers: &'a mut Helpers,
    /// The local that holds the counter; none if it stays in its global, and in a function that has as many locals as
    /// the engine allows.
    local: Option<u32>,
    /// The global agrees with the local.
    stored: bool,
    exits: Exits,
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
    pub(super) fn new(
        layout: Layout,
        plan: &'a Plan<'_>,
        metering: Metering,
        touches: bool,
        helpers: &'a mut Helpers,
    ) -> Self {
        Rewriter {
            layout,
            weights: plan.weights,
            memory64: plan.shape.memory64(),
            metering,
            touches,
            helpers,
            local: None,
            stored: false,
            exits: Exits::default(),
            written: Vec::new(),
            pending: Vec::new(),
            compile_operators: 0,
        }
    }

    /// What the body rewritten last counts for compilation (metering.md 5.2).
    pub(super) fn compile_operators(&self) -> u64 {
        self.compile_operators
    }

    /// The new body, as it stands in the code section, without its length.
    ///
    /// Fails only on a body that is not valid.
    pub(super) fn rewrite(
        &mut self,
        body: &FunctionBody<'_>,
        parameters: u32,
        hooks: Option<&FunctionHooks>,
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
        let has_room = parameters + declared < MAX_LOCALS;
        self.local =
            (self.metering != Metering::Global && has_room).then_some(parameters + declared);
        if self.local.is_some() {
            (groups + 1).encode(&mut self.written);
            self.written.extend_from_slice(&bytes[groups_start..copied]);
            1u32.encode(&mut self.written);
            ValType::I64.encode(&mut self.written);
        } else {
            self.written.extend_from_slice(&bytes[..copied]);
        }
        self.stored = false;
        if let Some(hooks) = hooks {
            hooks.enter(&mut self.written);
        }
        let mut entered = false;
        let mut segment = Segment {
            cost: self.weights.function(),
            reentrant: true,
        };
        let mut operators = OperatorsReader::new(locals.get_binary_reader());
        if self.metering == Metering::Lazy {
            self.exits.read(operators.clone())?;
        }
        while !operators.eof() {
            let start = operators.original_position() - base;
            let operator = operators.read()?;
            let end = operators.original_position() - base;
            segment.cost += self.weights.operator(&operator, self.memory64);
            self.compile_operators += 1;
            if self.shows_counter(&operator) && !self.stored {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = start;
                store(self.layout, self.local, &mut self.pending);
                self.stored = true;
            }
            if let Some(hooks) = hooks
                && leaves_function(&operator)
            {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = start;
                hooks.leave(&mut self.pending);
            }
            if let Operator::Call { function_index } | Operator::ReturnCall { function_index } =
                operator
                && function_index < self.layout.imported
            {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = end;
                self.call_host(function_index);
                if let Operator::ReturnCall { .. } = operator {
                    store(self.layout, self.local, &mut self.pending);
                    Instruction::Return.encode(&mut self.pending);
                }
            } else if let Some(replacement) = self.replacement(&operator) {
                self.pending.extend_from_slice(&bytes[copied..start]);
                replacement.encode(&mut self.pending);
                copied = end;
            } else if let Some(charge) = self.dynamic_charge(&operator) {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = start;
                self.charge(&charge);
            }
            if self.touches {
                copied = self.tell(&operator, bytes, copied, start..end);
            } else if let Operator::MemoryCopy { .. } = operator {
                self.pending.extend_from_slice(&bytes[copied..start]);
                copied = start;
                let helper = self.helpers.index(&self.layout, Helper::CopyInPlace);
                Instruction::Call(helper).encode(&mut self.pending);
            }
            if self.calls_wasm(&operator) {
                self.pending.extend_from_slice(&bytes[copied..end]);
                copied = end;
                load(self.layout, self.local, &mut self.pending);
            }
            if ends_segment(&operator) {
                self.pending.extend_from_slice(&bytes[copied..end]);
                copied = end;
                self.close(&segment, entered);
                entered = true;
                self.stored = self.metering == Metering::Lazy && self.exits.behind_exit();
                segment = Segment {
                    cost: 0,
                    reentrant: matches!(operator, Operator::Loop { .. }),
                };
            }
        }
        if let Some(hooks) = hooks {
            hooks.end(&mut self.written);
        }
        Ok(&self.written)
    }

    /// Tells what an operator is going to touch, and behind it that it has. Returns up to where the body has been copied.
    fn tell(
        &mut self,
        operator: &Operator<'_>,
        bytes: &[u8],
        copied: usize,
        at: Range<usize>,
    ) -> usize {
        if let Some(access) = touches::access(operator) {
            let helper = self.helpers.index(&self.layout, Helper::Touch(access.kind));
            let sink = &mut self.pending;
            sink.extend_from_slice(&bytes[copied..at.start]);
            Instruction::I64Const(access.offset as i64).encode(sink);
            Instruction::Call(helper).encode(sink);
            return at.start;
        }
        let Some(range) = touches::range(operator) else {
            return copied;
        };
        let helper = self.helpers.index(&self.layout, Helper::Announce(range));
        let sink = &mut self.pending;
        sink.extend_from_slice(&bytes[copied..at.start]);
        Instruction::Call(helper).encode(sink);
        sink.extend_from_slice(&bytes[at.clone()]);
        for nothing in [Instruction::I64Const(0), Instruction::I64Const(0)] {
            nothing.encode(sink);
        }
        Instruction::I32Const(how::DONE as i32).encode(sink);
        Instruction::Call(self.layout.touch()).encode(sink);
        at.end
    }

    /// Calls an imported function, which is given the counter and gives it back.
    fn call_host(&mut self, function: u32) {
        let counter = self.layout.counter();
        let sink = &mut self.pending;
        match self.local {
            Some(local) => Instruction::LocalGet(local).encode(sink),
            None => Instruction::GlobalGet(counter).encode(sink),
        }
        Instruction::Call(function).encode(sink);
        match self.local {
            Some(local) => Instruction::LocalSet(local).encode(sink),
            None => Instruction::GlobalSet(counter).encode(sink),
        }
        if matches!(self.metering, Metering::Eager | Metering::Profiled) {
            store(self.layout, self.local, sink);
        }
        self.stored = false;
    }

    /// Whether code of the module runs before this operator is done.
    fn calls_wasm(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Call { function_index } => *function_index >= self.layout.imported,
            Operator::CallIndirect { .. } => true,
            _ => false,
        }
    }

    /// Charges for the length on top of the stack. At the head of a segment that comes before the payment of the segment.
    fn charge(&mut self, charge: &Instruction<'_>) {
        let at_head = self.pending.is_empty();
        let sink = match at_head {
            true => &mut self.written,
            false => &mut self.pending,
        };
        if self.metering == Metering::Lazy && !self.stored {
            store(self.layout, self.local, sink);
        }
        charge.encode(sink);
        load(self.layout, self.local, sink);
        self.stored = !at_head;
    }

    /// Whether others may see the global behind the next operator, which wants it stored.
    fn shows_counter(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        if self.metering != Metering::Lazy {
            return false;
        }
        let leaves = self.exits.next_leaves(operator);
        let goes_on = match operator {
            ReturnCall { function_index } => *function_index >= self.layout.imported,
            ReturnCallIndirect { .. } | MemoryGrow { .. } | Unreachable => true,
            other => self.calls_wasm(other),
        };
        leaves || goes_on
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
        if !self.weights.charges_length() {
            return None;
        }
        let helper = match pays_length(operator, self.memory64)? {
            true => Helper::ChargeI64,
            false => Helper::ChargeI32,
        };
        self.compile_operators += match helper {
            Helper::ChargeI64 => 1,
            _ => 3,
        };
        Some(Instruction::Call(self.helpers.index(&self.layout, helper)))
    }

    /// Writes a finished segment, payment first. `entered` is false for the first one, which has to look the counter up.
    fn close(&mut self, segment: &Segment, entered: bool) {
        let (layout, local) = (self.layout, self.local);
        let counter = Instruction::GlobalGet(layout.counter());
        let known = local.map_or(counter.clone(), Instruction::LocalGet);
        let out = &mut self.written;
        if segment.cost > 0 {
            if entered { &known } else { &counter }.encode(out);
            Instruction::I64Const(segment.cost as i64).encode(out);
            Instruction::I64Sub.encode(out);
            match local {
                Some(local) => Instruction::LocalSet(local),
                None => Instruction::GlobalSet(layout.counter()),
            }
            .encode(out);
            if matches!(self.metering, Metering::Eager | Metering::Profiled) {
                store(layout, local, out);
            }
        }
        if segment.reentrant {
            known.encode(out);
            Instruction::I64Const(0).encode(out);
            Instruction::I64LtS.encode(out);
            Instruction::If(BlockType::Empty).encode(out);
            if self.metering == Metering::Lazy {
                // Nothing lives across a call that does not return.
                store(layout, local, out);
                Instruction::Call(layout.out_of_instructions()).encode(out);
                Instruction::Unreachable.encode(out);
            } else {
                Instruction::Call(layout.out_of_instructions()).encode(out);
                load(layout, local, out);
            }
            Instruction::End.encode(out);
            self.compile_operators += 10;
        } else if segment.cost > 0 {
            self.compile_operators += 4;
        }
        out.append(&mut self.pending);
    }
}

/// Brings the global up to date.
fn store(layout: Layout, local: Option<u32>, sink: &mut Vec<u8>) {
    if let Some(local) = local {
        Instruction::LocalGet(local).encode(sink);
        Instruction::GlobalSet(layout.counter()).encode(sink);
    }
}

/// Looks the counter up, after something that may have changed it.
fn load(layout: Layout, local: Option<u32>, sink: &mut Vec<u8>) {
    if let Some(local) = local {
        Instruction::GlobalGet(layout.counter()).encode(sink);
        Instruction::LocalSet(local).encode(sink);
    }
}

/// Whether this operator ends the function wherever it stands.
fn leaves_function(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Return | ReturnCall { .. } | ReturnCallIndirect { .. }
    )
}

/// Whether an operator on a range of memory may pay for its length, and that is an `i64`. The table operators that have
/// a length are not allowed.
pub(crate) fn pays_length(operator: &Operator<'_>, memory64: bool) -> Option<bool> {
    match operator {
        Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } => Some(memory64),
        Operator::MemoryInit { .. } => Some(false),
        _ => None,
    }
}

/// Whether a segment ends with this operator (metering.md 1.2).
pub(crate) fn ends_segment(operator: &Operator<'_>) -> bool {
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
