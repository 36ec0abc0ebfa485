//! Calls of imported functions. They take the counter as a further parameter and hand it back as a further result, so that
//! a host function need not look for it in the module. Where an imported function is a value, an export or the start
//! function, a function of its own type stands in for it.

use wasm_encoder::{CodeSection, EntityType, Function, ImportSection, TypeSection, ValType};
use wasmparser::{ConstExpr, ElementItems, ExternalKind, FuncType, Operator, TableInit, TypeRef};

use super::{Defect, Layout};
use crate::sections::Sections;

/// The imported functions of a module.
pub(super) struct HostCalls {
    /// The type of each in the original module.
    types: Vec<u32>,
    /// The types that occur, without the counter, by ascending index.
    signatures: Vec<(u32, FuncType)>,
}

impl HostCalls {
    /// Those of a module, with room for stand-ins in its layout if there must be any.
    pub(super) fn new(sections: &Sections<'_>, layout: &mut Layout) -> Result<Self, Defect> {
        let mut types = Vec::new();
        let imports = sections.imports.iter();
        for import in imports.flat_map(|section| section.clone().into_imports()) {
            if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                types.push(ty);
            }
        }
        // There may be very many of both.
        let mut called = types.clone();
        called.sort_unstable();
        let mut signatures = Vec::new();
        let section = sections.types.clone().into_iter();
        for (index, ty) in (0..).zip(section.flat_map(|s| s.into_iter_err_on_gc_types())) {
            if called.binary_search(&index).is_ok() {
                signatures.push((index, ty?));
            }
        }
        if has_values(sections, layout.imported)? {
            layout.stand_ins = layout.imported;
        }
        Ok(HostCalls { types, signatures })
    }

    /// The position of a type among those that occur.
    fn signature(&self, ty: u32) -> Option<usize> {
        let found = self
            .signatures
            .binary_search_by_key(&ty, |(index, _)| *index);
        found.ok()
    }

    /// Types that are added.
    pub(super) fn count(&self) -> u32 {
        self.signatures.len() as u32
    }

    /// Adds the types with the counter.
    pub(super) fn declare_types(&self, types: &mut TypeSection) {
        for (_, ty) in &self.signatures {
            let with_counter = |part: &[wasmparser::ValType]| -> Vec<ValType> {
                let part = part.iter().map(|ty| encoded(*ty));
                part.chain([ValType::I64]).collect()
            };
            let function = types.ty();
            function.function(with_counter(ty.params()), with_counter(ty.results()));
        }
    }

    /// Adds the imports of the module; the types added above begin at `first_type`.
    pub(super) fn declare_imports(
        &self,
        sections: &Sections<'_>,
        first_type: u32,
        to: &mut ImportSection,
    ) -> Result<(), Defect> {
        let imports = sections.imports.iter();
        for import in imports.flat_map(|section| section.clone().into_imports()) {
            let import = import?;
            let ty = match import.ty {
                TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                    let known = self.signature(ty).expect("all were collected before");
                    EntityType::Function(first_type + known as u32)
                }
                // Refused in a moment; only functions can be linked.
                _ => continue,
            };
            to.import(import.module, import.name, ty);
        }
        Ok(())
    }

    /// The types of the stand-ins, in their order.
    pub(super) fn stand_ins(&self, layout: &Layout) -> impl Iterator<Item = u32> {
        self.types.iter().copied().take(layout.stand_ins as usize)
    }

    /// Adds the bodies of the stand-ins, in their order.
    pub(super) fn define(&self, layout: &Layout, code: &mut CodeSection) {
        for (function, ty) in (0..).zip(self.stand_ins(layout)) {
            let known = self.signature(ty).map(|known| &self.signatures[known].1);
            let parameters = known.map_or(0, |ty| ty.params().len() as u32);
            let mut body = Function::new([]);
            let mut body_code = body.instructions();
            for parameter in 0..parameters {
                body_code.local_get(parameter);
            }
            body_code
                .global_get(layout.counter())
                .call(function)
                .global_set(layout.counter())
                .end();
            code.function(&body);
        }
    }
}

fn encoded(ty: wasmparser::ValType) -> ValType {
    ty.try_into().expect("validation admits no other types")
}

/// Whether one of the first `imported` functions is called otherwise than by its name.
fn has_values(sections: &Sections<'_>, imported: u32) -> Result<bool, Defect> {
    let mut found = sections.start.is_some_and(|start| start < imported);
    for export in sections.exports.iter().flat_map(|s| s.clone()) {
        let export = export?;
        let function = matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact);
        found |= function && export.index < imported;
    }
    let names_one = |expression: &ConstExpr<'_>| -> Result<bool, Defect> {
        let mut found = false;
        for operator in expression.get_operators_reader() {
            if let Operator::RefFunc { function_index } = operator? {
                found |= function_index < imported;
            }
        }
        Ok(found)
    };
    for global in sections.globals.iter().flat_map(|s| s.clone()) {
        found |= names_one(&global?.init_expr)?;
    }
    for table in sections.tables.iter().flat_map(|s| s.clone()) {
        if let TableInit::Expr(expression) = table?.init {
            found |= names_one(&expression)?;
        }
    }
    for element in sections.elements.iter().flat_map(|s| s.clone()) {
        match element?.items {
            ElementItems::Functions(functions) => {
                for function in functions {
                    found |= function? < imported;
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    found |= names_one(&expression?)?;
                }
            }
        }
    }
    Ok(found)
}
