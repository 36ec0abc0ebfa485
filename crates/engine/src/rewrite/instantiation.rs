//! What the engine refuses although validation passes, while it compiles, links or instantiates a rewritten module.
//! The replica reports these faults with the engine's words (system-api.md 5.5 to 5.7).

use wasmparser::{ElementItems, ElementKind, Operator, TypeRef, Validator, WasmFeatures};

use super::exports::Exports;
use super::{Defect, Plan};
use crate::features::FEATURES;
use crate::sections::Sections;

/// The engine's limit for the types of a module.
const MAX_TYPES: u32 = 1_000_000;

/// Looks for such faults in the order in which the engine would meet them.
pub(super) fn check(
    sections: &Sections<'_>,
    exports: &Exports,
    added_types: u32,
    plan: &Plan<'_>,
    wasm: &[u8],
) -> Result<(), Defect> {
    // Names and types are all that instrumentation can have added too many of.
    let types = sections.types.as_ref().map_or(0, |types| types.count());
    if exports.clash || types.saturating_add(added_types) > MAX_TYPES {
        check_validity(wasm)?;
    }
    check_sections(sections, plan)
}

/// Whether validating the rewritten module may find something.
pub(super) fn wants_rewriting(sections: &Sections<'_>, exports: &Exports) -> bool {
    /// More types than rewriting ever adds.
    const ADDED: u32 = 100_000;
    let types = sections.types.as_ref().map_or(0, |types| types.count());
    exports.clash || types.saturating_add(ADDED) > MAX_TYPES
}

/// Looks for what can be found without the rewritten module.
pub(super) fn check_sections(sections: &Sections<'_>, plan: &Plan<'_>) -> Result<(), Defect> {
    check_imports(sections)?;
    check_tables(sections, plan.max_table_elements)?;
    check_elements(sections)
}

fn failed(reason: &str) -> Result<(), Defect> {
    Err(Defect::Instantiation(reason.to_owned()))
}

fn check_validity(wasm: &[u8]) -> Result<(), Defect> {
    // Its second memory is ours.
    let features = FEATURES | WasmFeatures::MULTI_MEMORY;
    match Validator::new_with_features(features).validate_all(wasm) {
        Ok(_) => Ok(()),
        Err(error) => failed(&format!(
            "failed to parse WebAssembly module\n\nCaused by:\n    {error}"
        )),
    }
}

/// Only functions can be linked.
fn check_imports(sections: &Sections<'_>) -> Result<(), Defect> {
    for import in sections
        .imports
        .iter()
        .flat_map(|s| s.clone().into_imports())
    {
        let import = import?;
        if !matches!(import.ty, TypeRef::Func(_)) {
            return failed(&format!(
                "unknown import: `{}::{}` has not been defined",
                import.module, import.name
            ));
        }
    }
    Ok(())
}

fn check_tables(sections: &Sections<'_>, max_elements: u64) -> Result<(), Defect> {
    let Some(tables) = &sections.tables else {
        return Ok(());
    };
    if tables.count() > 1 {
        return failed(&format!(
            "resource limit exceeded: table count too high at {}",
            tables.count()
        ));
    }
    for table in tables.clone() {
        let size = table?.ty.initial;
        if size > max_elements {
            return failed(&format!(
                "table minimum size of {size} elements exceeds table limits"
            ));
        }
    }
    Ok(())
}

/// Active element segments must fit into the table.
fn check_elements(sections: &Sections<'_>) -> Result<(), Defect> {
    let mut size = 0;
    for table in sections.tables.iter().flat_map(|s| s.clone()) {
        size = table?.ty.initial;
    }
    for element in sections.elements.iter().flat_map(|s| s.clone()) {
        let element = element?;
        let ElementKind::Active { offset_expr, .. } = element.kind else {
            continue;
        };
        let offset = match offset_expr.get_operators_reader().read()? {
            Operator::I32Const { value } => u64::from(value as u32),
            Operator::I64Const { value } => value as u64,
            // An imported global; there are none.
            _ => continue,
        };
        let len = match element.items {
            ElementItems::Functions(functions) => functions.count(),
            ElementItems::Expressions(_, expressions) => expressions.count(),
        };
        if offset
            .checked_add(u64::from(len))
            .is_none_or(|end| end > size)
        {
            return failed("wasm trap: undefined element: out of bounds table access");
        }
    }
    Ok(())
}
