//! What a module may import: the functions of `ic0`, with their types, as far as the replica of a date has
//! them (system-api.md 1.4 to 1.11, 5.5). Says nothing of what they do.

use wasmparser::{FuncType, TypeRef, ValType, types::TypesRef};

use crate::errors::ModuleError;
use crate::module::facts::ModuleFacts;
use crate::module::ic0_table::{Ic0Function, Slot, ic0_functions};
use crate::protocol::Date;
use drun_engine::Sections;

/// The only module there is to import from.
const MODULE: &str = "ic0";

/// Checks the imports one by one and notes the functions among them.
pub(super) fn check(
    sections: &Sections<'_>,
    types: TypesRef<'_>,
    date: Date,
    facts: &mut ModuleFacts,
) -> Result<(), ModuleError> {
    let imports = sections.imports.iter().cloned();
    for import in imports.flat_map(|section| section.into_imports()).flatten() {
        match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                let ty = types[types.core_type_at_in_module(ty)].unwrap_func();
                let function =
                    check_function(import.module, import.name, ty, facts.memory64, date)?;
                facts.imports.push(function.name);
            }
            TypeRef::Table(_) if import.name == "table" && import.module != "env" => {
                return Err(ModuleError::ImportedTable);
            }
            TypeRef::Memory(_) if import.name == "memory" && import.module != "env" => {
                return Err(ModuleError::ImportedMemory);
            }
            // Others are let through, and cannot be linked.
            TypeRef::Table(_) | TypeRef::Memory(_) => {}
            TypeRef::Global(_) => return Err(ModuleError::ImportedGlobal),
            TypeRef::Tag(_) => return Err(ModuleError::ImportedTag),
        }
    }
    Ok(())
}

fn check_function(
    module: &str,
    name: &str,
    ty: &FuncType,
    memory64: bool,
    date: Date,
) -> Result<&'static Ic0Function, ModuleError> {
    let function = ic0_functions()
        .iter()
        .find(|function| {
            function.name == name
                && !(memory64 && function.only_32_bit)
                && function.era.contains(date)
        })
        .ok_or_else(|| ModuleError::ImportNotExported {
            function: name.to_owned(),
            module: module.to_owned(),
        })?;
    if module != MODULE {
        return Err(ModuleError::ImportFromWrongModule {
            function: name.to_owned(),
            module: module.to_owned(),
        });
    }
    let value_types = |slots: &[Slot]| -> Vec<ValType> {
        slots.iter().map(|slot| slot.value_type(memory64)).collect()
    };
    check_signature(
        name,
        ty,
        &value_types(function.parameters),
        &value_types(function.results),
    )?;
    Ok(function)
}

/// Checks the type of a function, parameters first.
pub(super) fn check_signature(
    name: &str,
    ty: &FuncType,
    parameters: &[ValType],
    results: &[ValType],
) -> Result<(), ModuleError> {
    if ty.params() != parameters {
        return Err(ModuleError::WrongParameters {
            name: name.to_owned(),
            expected: type_list(parameters),
            got: type_list(ty.params()),
        });
    }
    if ty.results() != results {
        return Err(ModuleError::WrongResults {
            name: name.to_owned(),
            expected: type_list(results),
            got: type_list(ty.results()),
        });
    }
    Ok(())
}

fn type_list(types: &[ValType]) -> String {
    let names: Vec<&str> = types
        .iter()
        .map(|ty| match ty {
            ValType::I32 => "I32",
            ValType::I64 => "I64",
            ValType::F32 => "F32",
            ValType::F64 => "F64",
            ValType::V128 => "V128",
            ValType::Ref(ty) if ty.is_extern_ref() => "ExternRefNull",
            ValType::Ref(_) => "FuncRefNull",
        })
        .collect();
    format!("[{}]", names.join(", "))
}
