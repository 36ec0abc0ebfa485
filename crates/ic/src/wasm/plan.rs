//! How the modules of canisters are rewritten: weights, what compiling is charged by, limits (metering.md 2, 5.2).

use drun_engine::rewrite::{MemoryShape, Plan, Shape, Weights};
use wasmparser::Operator;

use super::facts::ModuleFacts;
use super::validate::ValidationLimits;
use super::weights::{FUNCTION_ENTRY, weight};

/// What compiling an empty module counts (metering.md 5.2).
const COMPILE_BASE: u64 = 72;
/// The replica's limit for the elements of a table.
const MAX_TABLE_ELEMENTS: u64 = 1_000_000;
/// The export under which the start function of a module is called.
pub const START_EXPORT: &str = "canister_start";

impl Weights for ValidationLimits {
    fn operator(&self, operator: &Operator<'_>, memory64: bool) -> u64 {
        match operator {
            Operator::ReturnCallIndirect { .. } => self.return_call_indirect,
            operator => weight(operator, memory64),
        }
    }

    fn function(&self) -> u64 {
        FUNCTION_ENTRY
    }
}

/// The plan for a module with these facts.
pub fn plan<'a>(facts: &ModuleFacts, limits: &'a ValidationLimits) -> Plan<'a> {
    Plan {
        shape: Shape {
            memory: facts.memory.map(|memory| MemoryShape {
                memory64: facts.memory64,
                initial_pages: memory.initial_pages,
            }),
            drops_segments: facts.drops_segments,
            needs_optimizing: facts.uses_tail_calls || facts.uses_reference_types,
        },
        weights: limits,
        compile_base: COMPILE_BASE + stable_operators(&facts.imports),
        max_wasm64_pages: limits.max_wasm64_pages,
        max_table_elements: MAX_TABLE_ELEMENTS,
        start: Some(START_EXPORT),
    }
}

/// What the stable memory functions count for compilation: the replica puts functions of its own into the module in
/// their place (metering.md 5.2). Importing one twice counts once.
fn stable_operators(imports: &[&str]) -> u64 {
    const COUNTS: [(&str, u64); 8] = [
        ("stable_size", 10),
        ("stable64_size", 2),
        ("stable_grow", 24),
        ("stable64_grow", 21),
        ("stable_read", 106),
        ("stable64_read", 119),
        ("stable_write", 91),
        ("stable64_write", 107),
    ];
    COUNTS
        .iter()
        .filter(|(name, _)| imports.contains(name))
        .map(|(_, count)| count)
        .sum()
}
