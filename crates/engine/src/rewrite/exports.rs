//! The exports of a rewritten module: the module's own, memory and table under fixed names, and what the host needs
//! besides them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wasm_encoder::{ExportKind, ExportSection};
use wasmparser::{ExternalKind, TypeRef};

use super::{COUNTER_EXPORT, Defect, Layout, MEMORY_EXPORT, Plan, TABLE_EXPORT};
use crate::sections::Sections;

/// The type of a global; validation lets no other through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GlobalValueType {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
}

/// A global of the module that the host can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedGlobal {
    /// The name to look it up by.
    pub export: String,
    /// Its index in the module.
    pub index: u32,
    /// What it holds.
    pub value_type: GlobalValueType,
    /// Whether it may change.
    pub mutable: bool,
    /// Whether the module itself exports it.
    pub user_exported: bool,
}

/// All exports.
pub(super) struct Exports {
    pub section: ExportSection,
    pub saved_globals: Vec<SavedGlobal>,
    /// Whether a name occurs twice, which the engine refuses.
    pub clash: bool,
}

impl Exports {
    /// The exports of a module, own ones first and in their order.
    pub(super) fn of(
        sections: &Sections<'_>,
        layout: &Layout,
        plan: &Plan<'_>,
    ) -> Result<Exports, Defect> {
        let mut globals = Vec::new();
        for global in sections.globals.iter().flat_map(|s| s.clone()) {
            globals.push(global?.ty);
        }
        let mut builder = Builder::default();
        let (mut has_memory, mut has_table) = (false, false);
        let mut exported_globals = HashSet::new();
        for export in sections.exports.iter().flat_map(|s| s.clone()) {
            let export = export?;
            let index = export.index;
            match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    builder.add(export.name, ExportKind::Func, layout.shifted(index));
                }
                ExternalKind::Memory => {
                    has_memory = true;
                    builder.add(MEMORY_EXPORT, ExportKind::Memory, index);
                }
                // Only the first table can be called through; a module with several is not run.
                ExternalKind::Table if index == 0 => {
                    has_table = true;
                    builder.add(TABLE_EXPORT, ExportKind::Table, index);
                }
                ExternalKind::Table => builder.add(export.name, ExportKind::Table, index),
                ExternalKind::Global => {
                    exported_globals.insert(index);
                    builder.add(export.name, ExportKind::Global, index);
                    // One that is imported is refused in a moment.
                    if let Some(ty) = globals.get(index as usize) {
                        builder.save(export.name, index, *ty, true);
                    }
                }
                ExternalKind::Tag => builder.add(export.name, ExportKind::Tag, index),
            }
        }
        if !has_memory && has(sections, |ty| matches!(ty, TypeRef::Memory(_))) {
            builder.add(MEMORY_EXPORT, ExportKind::Memory, 0);
        }
        if !has_table && has(sections, |ty| matches!(ty, TypeRef::Table(_))) {
            builder.add(TABLE_EXPORT, ExportKind::Table, 0);
        }
        for (index, ty) in (0..).zip(&globals) {
            if ty.mutable && !exported_globals.contains(&index) {
                let name = builder.unused(format!("drun global {index}"));
                builder.add(&name, ExportKind::Global, index);
                builder.save(&name, index, *ty, false);
            }
        }
        builder.add(COUNTER_EXPORT, ExportKind::Global, layout.counter());
        if let (Some(start), Some(name)) = (sections.start, plan.start) {
            builder.add(name, ExportKind::Func, layout.shifted(start));
        }
        Ok(Exports {
            section: builder.section,
            saved_globals: builder.saved_globals,
            clash: builder.clash,
        })
    }
}

/// Whether the module defines or imports a memory, or a table, whichever the type of the import is to be.
fn has(sections: &Sections<'_>, wanted: impl Fn(&TypeRef) -> bool) -> bool {
    let memories = sections.memories.iter().flat_map(|s| s.clone()).flatten();
    let tables = sections.tables.iter().flat_map(|s| s.clone()).flatten();
    let imports = sections
        .imports
        .iter()
        .flat_map(|s| s.clone().into_imports());
    memories
        .map(TypeRef::Memory)
        .chain(tables.map(|table| TypeRef::Table(table.ty)))
        .chain(imports.flatten().map(|import| import.ty))
        .any(|ty| wanted(&ty))
}

#[derive(Default)]
struct Builder {
    section: ExportSection,
    names: HashSet<String>,
    saved_globals: Vec<SavedGlobal>,
    clash: bool,
}

impl Builder {
    fn add(&mut self, name: &str, kind: ExportKind, index: u32) {
        self.clash |= !self.names.insert(name.to_owned());
        self.section.export(name, kind, index);
    }

    /// A name like the given one that no export has.
    fn unused(&self, mut name: String) -> String {
        while self.names.contains(&name) {
            name.push('\'');
        }
        name
    }

    fn save(&mut self, name: &str, index: u32, ty: wasmparser::GlobalType, user_exported: bool) {
        use wasmparser::ValType;
        let value_type = match ty.content_type {
            ValType::I32 => GlobalValueType::I32,
            ValType::I64 => GlobalValueType::I64,
            ValType::F32 => GlobalValueType::F32,
            ValType::F64 => GlobalValueType::F64,
            ValType::V128 => GlobalValueType::V128,
            ValType::Ref(_) => unreachable!("validation refuses globals of reference types"),
        };
        self.saved_globals.push(SavedGlobal {
            export: name.to_owned(),
            index,
            value_type,
            mutable: ty.mutable,
            user_exported,
        });
    }
}
