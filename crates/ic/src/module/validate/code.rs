//! What the replica asks of the bodies of functions beyond their validity: limits on complexity and size, and
//! instructions that it does not allow (system-api.md 5.7). Also notes which proposals the code makes use of.

use wasmparser::{
    FuncValidator, FunctionBody, Operator, OperatorsReader, ValType, WasmModuleResources,
};

use drun_engine::rewrite::{BodyCosts, Weights};

use crate::errors::ModuleError;
use crate::module::complexity::{MAX_FUNCTION_COMPLEXITY, complexity};

const MAX_FUNCTION_SIZE: u64 = 1_000_000;
/// The first byte of every `v128` instruction.
const SIMD_PREFIX: u8 = 0xfd;

/// What is known about all functions of a module.
#[derive(Default)]
pub(super) struct CodeFacts {
    /// The first fault in the order of the functions. Other sections may be to blame before it.
    pub first_fault: Option<ModuleError>,
    /// What compiling counts for the operators (metering.md 5.2).
    pub compile_operators: u64,
    pub drops_segments: bool,
    pub uses_tail_calls: bool,
    pub uses_simd: bool,
    pub uses_reference_types: bool,
}

impl CodeFacts {
    /// Validates one function and adds what it shows.
    ///
    /// Fails if the engine refuses the function.
    pub(super) fn check_function<T: WasmModuleResources>(
        &mut self,
        validator: &mut FuncValidator<T>,
        body: &FunctionBody<'_>,
        weights: &impl Weights,
    ) -> Result<(), wasmparser::Error> {
        let index = validator.index();
        let mut locals = body.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let offset = locals.original_position();
            let (count, ty) = locals.read()?;
            validator.define_locals(offset, count, ty)?;
            self.uses_simd |= ty == ValType::V128;
            self.uses_reference_types |= ty.is_reference_type();
        }
        let bytes = body.as_bytes();
        let start = body.range().start;
        let mut operators = OperatorsReader::new(locals.get_binary_reader());
        let (mut size, mut total) = (0, 0);
        let memory64 = validator.resources().memory_at(0);
        let memory64 = memory64.is_some_and(|memory| memory.memory64);
        let mut costs = BodyCosts::new(weights, memory64);
        while !operators.eof() {
            let offset = operators.original_position();
            let operator = operators.read()?;
            validator.op(offset, &operator)?;
            costs.operator(&operator);
            size += 1;
            total += complexity(&operator);
            self.uses_simd |= bytes[offset - start] == SIMD_PREFIX;
            self.look_at(&operator, index);
        }
        operators.finish()?;
        self.compile_operators += costs.compile_operators();
        if total > MAX_FUNCTION_COMPLEXITY {
            self.fault(ModuleError::FunctionTooComplex {
                index,
                complexity: total,
                max: MAX_FUNCTION_COMPLEXITY,
            });
        }
        if size > MAX_FUNCTION_SIZE {
            self.fault(ModuleError::FunctionTooLarge {
                index,
                size,
                max: MAX_FUNCTION_SIZE,
            });
        }
        Ok(())
    }

    fn look_at(&mut self, operator: &Operator<'_>, index: u32) {
        use Operator::*;
        let instruction = match operator {
            DataDrop { .. } | ElemDrop { .. } => {
                self.drops_segments = true;
                return;
            }
            ReturnCall { .. } | ReturnCallIndirect { .. } => {
                self.uses_tail_calls = true;
                return;
            }
            RefNull { .. } | RefIsNull | RefFunc { .. } | TableGet { .. } => {
                self.uses_reference_types = true;
                return;
            }
            TableGrow { .. } => "table.grow",
            TableSet { .. } => "table.set",
            TableFill { .. } => "table.fill",
            TableCopy { .. } => "table.copy",
            TableInit { .. } => "table.init",
            _ => return,
        };
        self.fault(ModuleError::UnsupportedInstruction { index, instruction });
    }

    fn fault(&mut self, fault: ModuleError) {
        self.first_fault.get_or_insert(fault);
    }
}
