//! Rewrites a valid module so that it meters itself: every segment of code pays for itself from a counter, growing
//! memory is reported to the host, and the host finds memory, table, globals and start function under fixed names
//! (metering.md, section 1). Owns the layout of the result; function bodies are rewritten in `body`.
//!
//! What the engine would only refuse while compiling or instantiating is found here too, as far as the module alone
//! tells.

mod body;
mod costs;
mod exits;
mod exports;
mod helpers;
mod host_calls;
mod instantiation;
mod plan;
mod profile;
mod segments;
mod touches;

use serde::{Deserialize, Serialize};
use wasm_encoder::reencode::{Error as ReencodeError, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, ElementSection, EntityType, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, Section,
    TableSection, TypeSection, ValType,
};

pub(crate) use body::{ends_segment, pays_length};
pub use costs::BodyCosts;
pub(crate) use costs::read_costs;
pub use exports::{GlobalValueType, SavedGlobal};
pub use plan::{Defect, MemoryShape, Plan, Shape, Weights};
pub use segments::DataSegment;

use crate::memory::LIST_WASM_PAGES;
use crate::sections::Sections;

/// Increased whenever the same module would be rewritten differently, so that compiled code is not mixed up.
pub const REWRITE_VERSION: u32 = 7;

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
/// `(address: i64, length: i64, how: i32) -> ()`, called before memory is touched, by a module for the portable way of `memory`; the
/// last argument holds bits of `memory::how`.
pub(crate) const TOUCH: &str = "touch";
/// Functions imported behind those by such a module.
const TOUCH_IMPORTS: u32 = 1;

/// The export of the instruction counter, a mutable `i64` that starts at 0.
pub const COUNTER_EXPORT: &str = "canister counter_instructions";
/// The export of the memory, if there is one.
pub const MEMORY_EXPORT: &str = "memory";
/// The export of the table, if there is one.
pub const TABLE_EXPORT: &str = "table";

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
pub struct Rewritten {
    /// Without custom sections; its functions have their own indices, see [`Rewritten::original_index`].
    /// Left out where all else is saved, since it is only needed for compiling.
    #[serde(skip)]
    pub wasm: Vec<u8>,
    /// How it keeps its counter.
    pub metering: Metering,
    /// What it is like.
    pub shape: Shape,
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

impl Rewritten {
    fn without_code(
        plan: &Plan<'_>,
        layout: &Layout,
        data: Vec<DataSegment>,
        compile_operators: u64,
        exports: exports::Exports,
    ) -> Self {
        Rewritten {
            wasm: Vec::new(),
            metering: Metering::Global,
            shape: plan.shape.clone(),
            data,
            compile_operators,
            saved_globals: exports.saved_globals,
            imported_functions: layout.imported,
            defined_functions: layout.defined,
        }
    }

    /// The index that a function has in the rewritten module when that is neither profiled nor tells what it touches, from the
    /// one that it has in a module which was rewritten so.
    pub(crate) fn plain_index(&self, index: u32, metering: Metering, touches: bool) -> u32 {
        let touches = touches && self.shape.memory.is_some();
        if index < self.imported_functions + ADDED_IMPORTS {
            return index;
        }
        let profile = match metering {
            Metering::Profiled => PROFILE_IMPORTS,
            _ => 0,
        };
        index - profile - if touches { TOUCH_IMPORTS } else { 0 }
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

/// Rewrites a valid module as planned; `touches` if it is to tell what it touches.
///
/// # Errors
/// With the defect that the replica reports first: a data segment outside the memory, then what the runtime finds while
/// compiling, linking and instantiating (system-api.md 5.5 to 5.7).
pub(crate) fn rewrite(
    module: &[u8],
    plan: &Plan<'_>,
    metering: Metering,
    touches: bool,
) -> Result<Rewritten, Defect> {
    let sections = Sections::read(module)?;
    let (data_section, data) = segments::split(&sections, plan.shape.initial_pages())?;
    let memory64 = plan.shape.memory64();
    let mut layout = Layout::of(&sections);
    let hooks = match metering {
        Metering::Profiled => Some(profile::Hooks::new(&sections, &mut layout)?),
        _ => None,
    };

    // Without a memory there is nothing to touch.
    let touches = touches && plan.shape.memory.is_some();
    if touches {
        touches::make_room(&mut layout);
    }
    let host_calls = host_calls::HostCalls::new(&sections, &mut layout)?;

    let mut helpers = helpers::Helpers::new(memory64);
    let mut code = CodeSection::new();
    let mut compile_operators = plan.compile_base + 2 * u64::from(layout.globals);
    let mut rewriter = body::Rewriter::new(layout, plan, metering, touches, &mut helpers);
    let parameters = sections.parameters()?;
    for (position, (body, parameters)) in sections.bodies.iter().zip(parameters).enumerate() {
        let hooks = hooks.as_ref().map(|hooks| hooks.function(position));
        code.raw(rewriter.rewrite(body, parameters, hooks.as_ref())?);
        compile_operators += rewriter.compile_operators();
    }
    host_calls.define(&layout, &mut code);
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
    if touches {
        touches::declare_type(&mut types);
    }
    helpers.declare_types(&mut types);
    host_calls.declare_types(&mut types);

    let mut imports = ImportSection::new();
    let first_host_call_type = layout.first_helper_type() + helpers.count();
    host_calls.declare_imports(&sections, first_host_call_type, &mut imports)?;
    for (position, name) in [OUT_OF_INSTRUCTIONS, MEMORY_GROWN].iter().enumerate() {
        let ty = EntityType::Function(layout.types + position as u32);
        imports.import(HOST_MODULE, name, ty);
    }
    if let Some(hooks) = &hooks {
        hooks.declare_imports(&mut imports);
    }
    if touches {
        touches::declare_import(&layout, &mut imports);
    }

    let mut functions = FunctionSection::new();
    if let Some(section) = &sections.functions {
        layout.parse_function_section(&mut functions, section.clone())?;
    }
    for ty in host_calls.stand_ins(&layout) {
        functions.function(ty);
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

    let exports = exports::Exports::of(&sections, &layout, plan)?;

    let mut elements = ElementSection::new();
    if let Some(section) = &sections.elements {
        layout.parse_element_section(&mut elements, section.clone())?;
    }

    let mut wasm = Module::new();
    wasm.section(&types).section(&imports).section(&functions);
    add_unless_empty(&mut wasm, &tables, tables.is_empty());
    let mut memories = bounded_memories(&sections, plan)?;
    if touches {
        memories.memory(lists());
    }
    add_unless_empty(&mut wasm, &memories, memories.is_empty());
    wasm.section(&globals).section(&exports.section);
    add_unless_empty(&mut wasm, &elements, elements.is_empty());
    if let Some(count) = sections.data_count {
        wasm.section(&DataCountSection { count });
    }
    wasm.section(&code);
    add_unless_empty(&mut wasm, &data_section, data_section.is_empty());
    let wasm = wasm.finish();

    let added_types = layout.added_types + helpers.count() + host_calls.count();
    instantiation::check(&sections, &exports, added_types, plan, &wasm)?;
    Ok(Rewritten {
        wasm,
        metering,
        ..Rewritten::without_code(plan, &layout, data, compile_operators, exports)
    })
}

/// All of a rewritten module but the module itself, for who does without; nothing if only rewriting tells what is wrong.
///
/// # Errors
/// As for [`rewrite`].
pub(crate) fn survey(module: &[u8], plan: &Plan<'_>) -> Result<Option<Rewritten>, Defect> {
    let sections = Sections::read(module)?;
    let (_, data) = segments::split(&sections, plan.shape.initial_pages())?;
    let layout = Layout::of(&sections);
    let mut compile_operators = plan.compile_base + 2 * u64::from(layout.globals);
    compile_operators += match plan.counted {
        Some(counted) => counted,
        None => {
            let memory64 = plan.shape.memory64();
            let counted = |body| read_costs(body, plan.weights, memory64, |_| {});
            let counts = sections.bodies.iter().map(counted);
            counts.sum::<Result<u64, _>>()?
        }
    };
    let exports = exports::Exports::of(&sections, &layout, plan)?;
    if instantiation::wants_rewriting(&sections, &exports) {
        return Ok(None);
    }
    instantiation::check_sections(&sections, plan)?;
    let found = Rewritten::without_code(plan, &layout, data, compile_operators, exports);
    Ok(Some(found))
}

/// Where things are in the rewritten module. Types and globals are added at the end; functions are added behind the
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
    /// Functions behind those that the module defines which stand in for the imported ones: none, or one for each.
    stand_ins: u32,
    /// Functions that are imported behind those of the module.
    added_imports: u32,
    /// Types that are added before those of the helpers.
    added_types: u32,
}

impl Layout {
    fn of(sections: &Sections<'_>) -> Self {
        Layout {
            types: sections.types.as_ref().map_or(0, |types| types.count()),
            globals: sections
                .globals
                .as_ref()
                .map_or(0, |globals| globals.count()),
            imported: sections.imported_functions(),
            defined: sections.bodies.len() as u32,
            stand_ins: 0,
            added_imports: ADDED_IMPORTS,
            added_types: ADDED_IMPORTS,
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

    /// The import of who tells what it touches.
    fn touch(&self) -> u32 {
        self.imported + self.added_imports - 1
    }

    fn first_stand_in(&self) -> u32 {
        self.imported + self.added_imports + self.defined
    }

    /// The index of the first helper function.
    fn first_helper(&self) -> u32 {
        self.first_stand_in() + self.stand_ins
    }

    fn first_helper_type(&self) -> u32 {
        self.types + self.added_types
    }

    /// The index that a function of the original module has now, wherever it is not called by its name.
    fn shifted(&self, function: u32) -> u32 {
        if function < self.imported {
            self.first_stand_in() + function
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

/// The memory in which a module finds what it has told.
fn lists() -> MemoryType {
    MemoryType {
        minimum: LIST_WASM_PAGES as u64,
        maximum: Some(LIST_WASM_PAGES as u64),
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

/// The memories with the maximum that the host allows, or a smaller one if the module declares it.
fn bounded_memories(sections: &Sections<'_>, plan: &Plan<'_>) -> Result<MemorySection, Defect> {
    let mut memories = MemorySection::new();
    for memory in sections.memories.iter().flat_map(|s| s.clone()) {
        let memory = memory?;
        let cap = plan.max_pages(memory.memory64);
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
