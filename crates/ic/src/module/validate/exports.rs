//! What a module may export under which names, and which methods and entry points it thereby has (system-api.md 5.6).

use wasmparser::{ExternalKind, types::TypesRef};

use super::imports::check_signature;
use crate::errors::ModuleError;
use crate::module::facts::{MethodKind, ModuleFacts};
use drun_engine::Sections;

const MAX_METHODS: u64 = 1000;
/// For the names of all methods together, in bytes.
const MAX_METHOD_NAME_SUM: u64 = 20_000;

/// Names that the replica gives to exports of its own.
const RESERVED_SYMBOLS: [&str; 6] = [
    "canister counter_instructions",
    "canister_start",
    "canister counter_dirty_pages",
    "canister counter_accessed_pages",
    "stable_memory",
    "stable_bytemap_memory",
];

/// Checks the exports one by one, then their totals, and notes methods and entry points.
pub(super) fn check(
    sections: &Sections<'_>,
    types: TypesRef<'_>,
    facts: &mut ModuleFacts,
) -> Result<(), ModuleError> {
    let (mut count, mut name_sum) = (0, 0);
    let mut globals = Vec::new();
    for export in sections.exports.iter().flat_map(|s| s.clone()).flatten() {
        if RESERVED_SYMBOLS.contains(&export.name) {
            return Err(ModuleError::ReservedSymbol(export.name.to_owned()));
        }
        if !matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
            // Memories and tables are renamed, so that nothing is found under these names.
            if export.kind == ExternalKind::Global {
                globals.push(export.name);
            }
            continue;
        }
        if let Some((kind, method)) = MethodKind::of_export(export.name) {
            if facts.methods.insert(method.to_owned(), kind).is_some() {
                return Err(ModuleError::DuplicateMethod(method.to_owned()));
            }
            count += 1;
            name_sum += method.len() as u64;
        } else if let Some(present) = entry_point(facts, export.name) {
            *present = true;
        } else if export.name.starts_with("canister_") {
            return Err(ModuleError::ReservedFunction(export.name.to_owned()));
        } else {
            continue;
        }
        let ty = types[types.core_function_at(export.index)].unwrap_func();
        check_signature(export.name, ty, &[], &[])?;
    }
    if count > MAX_METHODS {
        return Err(ModuleError::TooManyMethods {
            count,
            max: MAX_METHODS,
        });
    }
    if name_sum > MAX_METHOD_NAME_SUM {
        return Err(ModuleError::MethodNamesTooLong {
            sum: name_sum,
            max: MAX_METHOD_NAME_SUM,
        });
    }
    for name in globals {
        note_global(facts, name);
    }
    Ok(())
}

/// Notes a global that is exported like something that runs, and cannot run.
fn note_global(facts: &mut ModuleFacts, name: &str) {
    if let Some((kind, method)) = MethodKind::of_export(name) {
        facts.methods.entry(method.to_owned()).or_insert(kind);
    } else if let Some(present) = entry_point(facts, name) {
        *present = true;
    } else {
        return;
    }
    facts.not_functions.insert(name.to_owned());
}

fn entry_point<'a>(facts: &'a mut ModuleFacts, name: &str) -> Option<&'a mut bool> {
    match name {
        "canister_init" => Some(&mut facts.has_init),
        "canister_pre_upgrade" => Some(&mut facts.has_pre_upgrade),
        "canister_post_upgrade" => Some(&mut facts.has_post_upgrade),
        "canister_inspect_message" => Some(&mut facts.has_inspect_message),
        "canister_heartbeat" => Some(&mut facts.has_heartbeat),
        "canister_global_timer" => Some(&mut facts.has_global_timer),
        "canister_on_low_wasm_memory" => Some(&mut facts.has_on_low_wasm_memory),
        _ => None,
    }
}
