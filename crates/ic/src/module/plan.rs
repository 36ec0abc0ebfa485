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
        counted: Some(facts.compile_operators),
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

#[cfg(test)]
mod tests {
    use crate::canister::code::CanisterModule;
    use crate::module::ValidationLimits;

    fn operators(text: &str) -> u64 {
        let blob = wat::parse_str(text).unwrap();
        let module = CanisterModule::new(blob.into(), &ValidationLimits::REPLICA).unwrap();
        module.compile_operators()
    }

    #[test]
    fn imported_stable_functions_count_once_for_compiling() {
        let import = |name: &str, ty: &str| format!(r#"(import "ic0" "{name}" (func {ty}))"#);
        for (name, ty, count) in [
            ("stable_size", "(result i32)", 10),
            ("stable64_size", "(result i64)", 2),
            ("stable_grow", "(param i32) (result i32)", 24),
            ("stable64_grow", "(param i64) (result i64)", 21),
            ("stable_read", "(param i32 i32 i32)", 106),
            ("stable64_read", "(param i64 i64 i64)", 119),
            ("stable_write", "(param i32 i32 i32)", 91),
            ("stable64_write", "(param i64 i64 i64)", 107),
            ("msg_reply", "", 0),
        ] {
            let import = import(name, ty);
            for text in [
                format!("(module {import})"),
                format!("(module {import} {import})"),
            ] {
                assert_eq!(operators(&text), 72 + count, "{name}");
            }
        }
    }
}
