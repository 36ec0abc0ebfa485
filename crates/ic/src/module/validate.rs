//! Whether the Internet Computer accepts a module, and what it is then known to be. Owns the order of the checks
//! (system-api.md 5.2), which decides what a module with two faults is refused for; the rules for a kind of section
//! stand in the file of that kind.

mod code;
mod custom_sections;
mod engine;
mod exports;
mod imports;

use wasmparser::{Payload, ValType, types::TypesRef};

use super::facts::{MemoryLimits, ModuleFacts};
use super::names;
use crate::errors::ModuleError;
use crate::protocol::Date;
use drun_engine::Sections;

/// The largest code section, in bytes, without its leading count of functions.
const MAX_CODE_SECTION_SIZE: u64 = 11 * 1024 * 1024;
const MAX_GLOBALS: u64 = 1000;
const MAX_FUNCTIONS: u64 = 50_000;
/// Bytes that are shown of a name that is too long; how many is chosen.
const SHOWN_NAME: usize = 100;

/// What differs between the networks that are reproduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValidationLimits {
    /// The largest memory of a 64-bit module, in pages of 64 KiB (metering.md 7.4).
    pub max_wasm64_pages: u64,
    /// The weight of `return_call_indirect`, in instructions (metering.md, appendix B).
    pub return_call_indirect: u64,
    /// The longest name of a function, in bytes, if there is a limit (since-october-2025-rules.md 5.3).
    pub max_function_name: Option<u64>,
    /// Which functions of `ic0` there are: those of this date.
    pub imports: Date,
}

impl ValidationLimits {
    /// The replica of October 2025.
    pub const REPLICA: ValidationLimits = ValidationLimits {
        max_wasm64_pages: 98_304,
        return_call_indirect: 60,
        max_function_name: None,
        imports: Date::October2025,
    };
    /// The original drun of March 2025.
    pub const OLD_DRUN: ValidationLimits = ValidationLimits {
        max_wasm64_pages: 262_144,
        return_call_indirect: 6,
        max_function_name: None,
        imports: Date::March2025,
    };
    /// The network of November 2026.
    pub const TODAY: ValidationLimits = ValidationLimits {
        max_function_name: Some(1 << 20),
        imports: Date::November2026,
        ..ValidationLimits::REPLICA
    };
}

/// Checks a raw module and gathers its facts.
///
/// Fails with the fault that the replica reports first. Data segments outside the memory and what only the engine
/// notices when it compiles or instantiates are found later, when it is rewritten.
pub fn validate(module: &[u8], limits: &ValidationLimits) -> Result<ModuleFacts, ModuleError> {
    check_code_section(module)?;
    let checked = engine::check(module, limits)?;
    let (sections, types) = (&checked.sections, checked.types.as_ref());
    names::check(sections)?;

    let mut facts = ModuleFacts {
        memory64: types.memory_count() > 0 && types.memory_at(0).memory64,
        memory: (types.memory_count() > 0).then(|| MemoryLimits {
            initial_pages: types.memory_at(0).initial,
            maximum_pages: types.memory_at(0).maximum,
        }),
        has_start: sections.start.is_some(),
        compile_operators: checked.code.compile_operators,
        function_count: sections.bodies.len() as u32,
        imported_function_count: types.function_count() - sections.bodies.len() as u32,
        drops_segments: checked.code.drops_segments,
        uses_tail_calls: checked.code.uses_tail_calls,
        uses_simd: checked.code.uses_simd || any_type(types, |ty| ty == ValType::V128),
        uses_reference_types: checked.code.uses_reference_types
            || any_type(types, |ty| ty.is_reference_type()),
        ..ModuleFacts::default()
    };
    imports::check(sections, types, limits.imports, &mut facts)?;
    exports::check(sections, types, &mut facts)?;
    check_globals(types)?;
    check_count(facts.function_count, MAX_FUNCTIONS, |count, max| {
        ModuleError::TooManyFunctions { count, max }
    })?;
    check_initial_memory(&facts, limits)?;
    if let Some(fault) = checked.code.first_fault {
        return Err(fault);
    }
    check_function_names(sections, limits)?;
    facts.custom_sections = custom_sections::check(sections)?;
    facts.old_motoko_reserved_pages = !facts.memory64
        && facts.methods.get("__motoko_async_helper") == Some(&super::facts::MethodKind::Update)
        && !facts
            .custom_sections
            .iter()
            .any(|section| section.name == "motoko:compiler");
    facts.counted_globals = counted_globals(sections, types);
    Ok(facts)
}

/// The size of the code section, which is looked up before the engine sees the module.
fn check_code_section(module: &[u8]) -> Result<(), ModuleError> {
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let payload =
            payload.map_err(|error| ModuleError::CodeSectionUnreadable(error.to_string()))?;
        if let Payload::CodeSectionStart { size, .. } = payload {
            let size = u64::from(size);
            if size > MAX_CODE_SECTION_SIZE {
                return Err(ModuleError::CodeSectionTooLarge {
                    size,
                    max: MAX_CODE_SECTION_SIZE,
                });
            }
            break;
        }
    }
    Ok(())
}

fn check_globals(types: TypesRef<'_>) -> Result<(), ModuleError> {
    check_count(types.global_count(), MAX_GLOBALS, |count, max| {
        ModuleError::TooManyGlobals { count, max }
    })?;
    for index in 0..types.global_count() {
        if let ValType::Ref(ty) = types.global_at(index).content_type {
            let name = if ty.is_extern_ref() {
                "externref"
            } else {
                "funcref"
            };
            return Err(ModuleError::GlobalType(format!("Ref({name})")));
        }
    }
    Ok(())
}

fn check_initial_memory(facts: &ModuleFacts, limits: &ValidationLimits) -> Result<(), ModuleError> {
    match facts.memory {
        Some(memory) if facts.memory64 && memory.initial_pages > limits.max_wasm64_pages => {
            Err(ModuleError::InitialMemory64TooLarge {
                pages: memory.initial_pages,
                max: limits.max_wasm64_pages,
            })
        }
        _ => Ok(()),
    }
}

/// Names of functions stand in a section of their own; that they are looked at with the code is chosen.
fn check_function_names(
    sections: &Sections<'_>,
    limits: &ValidationLimits,
) -> Result<(), ModuleError> {
    let Some(max) = limits.max_function_name else {
        return Ok(());
    };
    match names::first_longer(sections, max) {
        Some((index, name)) => Err(ModuleError::FunctionNameTooLong {
            index,
            shortened: format!("{}...", &name[..name.floor_char_boundary(SHOWN_NAME)]),
            size: name.len() as u64,
            max,
        }),
        None => Ok(()),
    }
}

fn check_count(
    count: u32,
    max: u64,
    error: impl FnOnce(u64, u64) -> ModuleError,
) -> Result<(), ModuleError> {
    let count = u64::from(count);
    if count > max {
        return Err(error(count, max));
    }
    Ok(())
}

fn counted_globals(sections: &Sections<'_>, types: TypesRef<'_>) -> u64 {
    let mut hidden: Vec<bool> = (0..types.global_count())
        .map(|index| types.global_at(index).mutable)
        .collect();
    let mut exported = 0;
    for export in sections.exports.iter().flat_map(|s| s.clone()).flatten() {
        if export.kind == wasmparser::ExternalKind::Global {
            exported += 1;
            hidden[export.index as usize] = false;
        }
    }
    exported + hidden.iter().filter(|hidden| **hidden).count() as u64 + 1
}

/// Whether a type fits that a function takes or returns or a global has.
fn any_type(types: TypesRef<'_>, fits: impl Fn(ValType) -> bool) -> bool {
    let functions = (0..types.core_type_count_in_module()).any(|index| {
        let ty = types[types.core_type_at_in_module(index)].unwrap_func();
        ty.params().iter().chain(ty.results()).any(|ty| fits(*ty))
    });
    functions || (0..types.global_count()).any(|index| fits(types.global_at(index).content_type))
}

#[cfg(test)]
mod tests;
