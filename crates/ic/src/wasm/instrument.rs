//! Rewrites a valid module so that it meters itself: every segment of code pays for itself from a counter, growing
//! memory is reported to the host, and the host finds memory, table, globals and start function under fixed names
//! (metering.md, section 1). Owns the layout of the result; function bodies are rewritten in `body`.
//!
//! What the engine would only refuse while compiling or instantiating is found here too, as far as the module alone
//! tells.

mod body;
mod exits;
mod exports;
mod helpers;
mod instantiation;
mod profile;
mod segments;

use serde::{Deserialize, Serialize};
use wasm_encoder::reencode::{Error as ReencodeError, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, ElementSection, EntityType, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, Section,
    TableSection, TypeSection, ValType,
};
use wasmparser::Operator;

pub use exports::SavedGlobal;
pub use segments::DataSegment;

use super::facts::ModuleFacts;
use super::sections::Sections;
use super::validate::ValidationLimits;
use super::weights::weight;
use crate::errors::ModuleError;

/// Increased whenever the same module would be rewritten differently, so that compiled code is not mixed up.
pub const INSTRUMENTATION_VERSION: u32 = 3;

/// The module that the two added functions are imported from.
pub const HOST_MODULE: &str = "drun";
/// `() -> ()`, called when a checked decrement leaves the counter negative. Returns if the host has refilled it, which
/// it must not do for [`Metering::Lazy`].
pub const OUT_OF_INSTRUCTIONS: &str = "out_of_instructions";
/// `(previous pages: i64, pages added: i64) -> ()`, called after the memory has grown, by no page possibly.
pub const MEMORY_GROWN: &str = "memory_grown";
/// Functions imported behind the module's own imports, [`OUT_OF_INSTRUCTIONS`] first.
pub const ADDED_IMPORTS: u32 = 2;
/// `(function: i32, counter: i64) -> ()`, called where a function begins that is profiled; the index is that in the
/// original module.
pub const PROFILE_ENTER: &str = "profile_enter";
/// `(counter: i64) -> ()`, called where a function ends that is profiled.
pub const PROFILE_LEAVE: &str = "profile_leave";
/// Functions imported behind those, [`PROFILE_ENTER`] first, by a module that is profiled.
pub const PROFILE_IMPORTS: u32 = 2;

/// The export of the instruction counter, a mutable `i64` that starts at 0.
pub const COUNTER_EXPORT: &str = "canister counter_instructions";
/// The export of the function that the start section named.
pub const START_EXPORT: &str = "canister_start";
/// The export of the memory, if there is one.
pub const MEMORY_EXPORT: &str = "memory";
/// The export of the table, if there is one.
pub const TABLE_EXPORT: &str = "table";

/// The largest memory of a 32-bit module, in pages of 64 KiB.
const MAX_WASM32_PAGES: u64 = 65_536;
/// What compiling an empty module counts (metering.md 5.2).
const COMPILE_BASE: u64 = 72;

/// Where a rewritten module keeps its counter while it runs. The counts are the same; what differs is where the global
/// is right, and what becomes of code whose counter falls below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metering {
    /// In the global, for a code generator that keeps nothing in registers.
    Global,
    /// In a local, stored at every payment: the global is right at every operator.
    Eager,
    /// In a local, stored where the function is left: the global is right in host functions, at calls, at returns and
    /// at `unreachable`, but not where another operator traps. Code whose counter falls below zero must not go on.
    Lazy,
    /// As [`Metering::Eager`], and the module tells the host which functions run.
    Profiled,
}

/// A module that meters itself, ready to be compiled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instrumented {
    /// Without custom sections; its functions have their own indices, see [`Instrumented::original_index`].
    /// Left out where all else is saved, since it is only needed for compiling.
    #[serde(skip)]
    pub wasm: Vec<u8>,
    /// How it keeps its counter.
    pub metering: Metering,
    /// What the host writes into the memory of a new instance, in this order. Every segment fits in.
    pub data: Vec<DataSegment>,
    /// The number that compilation is charged by: `W` of metering.md 5.2.
    pub compile_operators: u64,
    /// Globals that the host may have to save and restore: the exported ones, one per export, then the mutable ones
    /// that are not exported. The instruction counter is not among them.
    pub saved_globals: Vec<SavedGlobal>,
    /// Functions that the module itself imports.
    pub imported_functions: u32,
    /// Functions that the module itself defines.
    pub defined_functions: u32,
}

impl Instrumented {
    /// The index in the rewritten module of a function of the one that was rewritten for a profile.
    pub fn index_without_profile(&self, index: u32) -> u32 {
        if index < self.imported_functions + ADDED_IMPORTS {
            index
        } else {
            index - PROFILE_IMPORTS
        }
    }

    /// The index that a function of the rewritten module has in the original one; `None` for added functions.
    pub fn original_index(&self, index: u32) -> Option<u32> {
        let first_own = self.imported_functions + ADDED_IMPORTS;
        if index < self.imported_functions {
            Some(index)
        } else if index >= first_own && index < first_own + self.defined_functions {
            Some(index - ADDED_IMPORTS)
        } else {
            None
        }
    }
}

/// Why a valid module cannot be installed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstrumentError {
    /// IC0505, as in validation.
    Module(ModuleError),
    /// IC0521: what follows `Canister encountered a Wasm engine error: `.
    Engine(String),
}

impl From<ModuleError> for InstrumentError {
    fn from(error: ModuleError) -> Self {
        InstrumentError::Module(error)
    }
}

impl From<wasmparser::Error> for InstrumentError {
    fn from(error: wasmparser::Error) -> Self {
        InstrumentError::Module(ModuleError::NotDeserializable(error.to_string()))
    }
}

impl From<ReencodeError> for InstrumentError {
    fn from(error: ReencodeError) -> Self {
        InstrumentError::Module(ModuleError::NotSerializable(error.to_string()))
    }
}

/// Rewrites a raw module that `validate` has accepted with these facts.
///
/// Fails with the fault that the replica reports first: a data segment outside the memory, then what the engine
/// finds while compiling, linking and instantiating (system-api.md 5.5 to 5.7).
pub fn instrument(
    module: &[u8],
    facts: &ModuleFacts,
    limits: &ValidationLimits,
    metering: Metering,
) -> Result<Instrumented, InstrumentError> {
    let sections = Sections::read(module)?;
    let (data_section, data) = segments::split(&sections, facts)?;
    let mut layout = Layout::of(&sections, facts, limits);
    let hooks = match metering {
        Metering::Profiled => Some(profile::Hooks::new(&sections, &mut layout)?),
        _ => None,
    };

    let mut helpers = helpers::Helpers::new(facts.memory64);
    let mut code = CodeSection::new();
    let mut compile_operators =
        COMPILE_BASE + 2 * u64::from(layout.globals) + helpers::stable_operators(&facts.imports);
    let mut rewriter = body::Rewriter::new(layout, facts.memory64, metering, &mut helpers);
    let parameters = sections.parameters()?;
    for (position, (body, parameters)) in sections.bodies.iter().zip(parameters).enumerate() {
        let hooks = hooks.as_ref().map(|hooks| hooks.function(position));
        code.raw(rewriter.rewrite(body, parameters, hooks.as_ref())?);
        compile_operators += rewriter.compile_operators();
    }
    helpers.define(&layout, &mut code);

    let mut types = TypeSection::new();
    if let Some(section) = &sections.types {
        layout.parse_type_section(&mut types, section.clone())?;
    }
    types.ty().function([], []);
    types.ty().function([ValType::I64, ValType::I64], []);
    if let Some(hooks) = &hooks {
        hooks.declare_types(&mut types);
    }
    helpers.declare_types(&mut types);

    let mut imports = ImportSection::new();
    if let Some(section) = &sections.imports {
        layout.parse_import_section(&mut imports, section.clone())?;
    }
    for (position, name) in [OUT_OF_INSTRUCTIONS, MEMORY_GROWN].iter().enumerate() {
        let ty = EntityType::Function(layout.types + position as u32);
        imports.import(HOST_MODULE, name, ty);
    }
    if let Some(hooks) = &hooks {
        hooks.declare_imports(&mut imports);
    }

    let mut functions = FunctionSection::new();
    if let Some(section) = &sections.functions {
        layout.parse_function_section(&mut functions, section.clone())?;
    }
    for position in 0..helpers.count() {
        functions.function(layout.first_helper_type() + position);
    }

    let mut tables = TableSection::new();
    if let Some(section) = &sections.tables {
        layout.parse_table_section(&mut tables, section.clone())?;
    }

    let mut globals = GlobalSection::new();
    if let Some(section) = &sections.globals {
        layout.parse_global_section(&mut globals, section.clone())?;
    }
    let counter = GlobalType {
        val_type: ValType::I64,
        mutable: true,
        shared: false,
    };
    globals.global(counter, &ConstExpr::i64_const(0));

    let exports = exports::Exports::of(&sections, &layout)?;

    let mut elements = ElementSection::new();
    if let Some(section) = &sections.elements {
        layout.parse_element_section(&mut elements, section.clone())?;
    }

    let mut wasm = Module::new();
    wasm.section(&types).section(&imports).section(&functions);
    add_unless_empty(&mut wasm, &tables, tables.is_empty());
    let memories = bounded_memories(&sections, limits)?;
    add_unless_empty(&mut wasm, &memories, memories.is_empty());
    wasm.section(&globals).section(&exports.section);
    add_unless_empty(&mut wasm, &elements, elements.is_empty());
    if let Some(count) = sections.data_count {
        wasm.section(&DataCountSection { count });
    }
    wasm.section(&code);
    add_unless_empty(&mut wasm, &data_section, data_section.is_empty());
    let wasm = wasm.finish();

    instantiation::check(&sections, &exports, &layout, &wasm)?;
    Ok(Instrumented {
        wasm,
        metering,
        data,
        compile_operators,
        saved_globals: exports.saved_globals,
        imported_functions: layout.imported,
        defined_functions: layout.defined,
    })
}

/// Where things are in the rewritten module, and the one weight that releases do not share. Types and globals are added at the end; functions are added behind the
/// imports, which shifts the module's own functions, and at the end.
#[derive(Clone, Copy)]
struct Layout {
    /// Types of the module itself.
    types: u32,
    /// Globals of the module itself.
    globals: u32,
    /// Functions that the module itself imports.
    imported: u32,
    /// Functions that the module itself defines.
    defined: u32,
    /// Functions that are imported behind those of the module.
    added_imports: u32,
    /// Types that are added before those of the helpers.
    added_types: u32,
    /// The one weight that changed.
    return_call_indirect: u64,
}

impl Layout {
    fn of(sections: &Sections<'_>, facts: &ModuleFacts, limits: &ValidationLimits) -> Self {
        Layout {
            types: sections.types.as_ref().map_or(0, |types| types.count()),
            globals: sections
                .globals
                .as_ref()
                .map_or(0, |globals| globals.count()),
            imported: facts.imported_function_count,
            defined: facts.function_count,
            added_imports: ADDED_IMPORTS,
            added_types: ADDED_IMPORTS,
            return_call_indirect: limits.return_call_indirect,
        }
    }

    /// What an operator costs.
    fn weight(&self, operator: &Operator<'_>, memory64: bool) -> u64 {
        match operator {
            Operator::ReturnCallIndirect { .. } => self.return_call_indirect,
            operator => weight(operator, memory64),
        }
    }

    /// The index of the global that counts instructions.
    fn counter(&self) -> u32 {
        self.globals
    }

    fn out_of_instructions(&self) -> u32 {
        self.imported
    }

    fn memory_grown(&self) -> u32 {
        self.imported + 1
    }

    /// The index of the first helper function.
    fn first_helper(&self) -> u32 {
        self.imported + self.added_imports + self.defined
    }

    fn first_helper_type(&self) -> u32 {
        self.types + self.added_types
    }

    /// The index that a function of the original module has now.
    fn shifted(&self, function: u32) -> u32 {
        if function < self.imported {
            function
        } else {
            function + self.added_imports
        }
    }
}

impl Reencode for Layout {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, ReencodeError> {
        Ok(self.shifted(function))
    }
}

fn add_unless_empty(module: &mut Module, section: &impl Section, empty: bool) {
    if !empty {
        module.section(section);
    }
}

/// The memories with the maximum that the network allows, or a smaller one if the module declares it.
fn bounded_memories(
    sections: &Sections<'_>,
    limits: &ValidationLimits,
) -> Result<MemorySection, InstrumentError> {
    let mut memories = MemorySection::new();
    for memory in sections.memories.iter().flat_map(|s| s.clone()) {
        let memory = memory?;
        let cap = if memory.memory64 {
            limits.max_wasm64_pages
        } else {
            MAX_WASM32_PAGES
        };
        memories.memory(MemoryType {
            minimum: memory.initial,
            maximum: Some(memory.maximum.map_or(cap, |declared| declared.min(cap))),
            memory64: memory.memory64,
            shared: false,
            page_size_log2: None,
        });
    }
    Ok(memories)
}

#[cfg(test)]
mod tests;
