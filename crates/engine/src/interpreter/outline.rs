//! What the sections of a module say, read once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use wasmparser::{
    BinaryReader, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncType,
    FunctionBody, Operator, TypeRef, ValType,
};

use crate::features::FEATURES;
use crate::rewrite::{ADDED_IMPORTS, Plan, TABLE_EXPORT};
use crate::sections::Sections;

/// An element of the table that is null.
pub(super) const NULL: u32 = u32::MAX;

/// What a module holds beside the code of its functions.
pub(crate) struct Outline {
    wasm: Arc<[u8]>,
    memory64: bool,
    /// Pages that the memory may have.
    pub(super) max_pages: u64,
    /// Types of functions; equal ones have one number.
    types: Vec<FuncType>,
    numbers: Vec<u32>,
    /// The number of the type of each function, imported ones first.
    functions: Vec<u32>,
    /// Module and name of each imported function.
    imports: Vec<(String, String)>,
    /// Where in the file the bodies of the module's own functions are.
    bodies: Vec<Range<usize>>,
    /// Values that the globals begin with.
    pub(super) globals: Vec<u64>,
    /// The elements of the table: indices of functions, or [`NULL`].
    pub(super) table: Option<Vec<u32>>,
    exports: HashMap<String, (ExternalKind, u32)>,
    /// Where in the file the passive data segments are; active ones are empty.
    segments: Vec<Range<usize>>,
}

impl Outline {
    /// A valid module, as planned; nothing if it is not for the interpreter: there are vectors, references as values, or
    /// imports of something else than functions.
    pub(super) fn new(wasm: Arc<[u8]>, plan: &Plan<'_>) -> Option<Self> {
        if plan.shape.needs_optimizing {
            return None;
        }
        let file = Arc::clone(&wasm);
        let sections = Sections::read(&file).ok()?;
        let mut outline = Outline {
            wasm,
            memory64: plan.shape.memory64(),
            max_pages: 0,
            types: Vec::new(),
            numbers: Vec::new(),
            functions: Vec::new(),
            imports: Vec::new(),
            bodies: Vec::new(),
            globals: Vec::new(),
            table: None,
            exports: HashMap::new(),
            segments: Vec::new(),
        };
        outline.read(&sections, plan).ok().flatten()?;
        Some(outline)
    }

    fn read(
        &mut self,
        sections: &Sections<'_>,
        plan: &Plan<'_>,
    ) -> Result<Option<()>, wasmparser::Error> {
        let types = sections.types.clone().into_iter();
        let mut known = HashMap::new();
        for ty in types.flat_map(|s| s.into_iter_err_on_gc_types()) {
            let ty = ty?;
            let next = self.types.len() as u32;
            let number = *known.entry(ty.clone()).or_insert(next);
            self.numbers.push(number);
            if number == next {
                self.types.push(ty);
            }
        }
        let imports = sections.imports.iter();
        for import in imports.flat_map(|s| s.clone().into_imports()) {
            let import = import?;
            let (TypeRef::Func(ty) | TypeRef::FuncExact(ty)) = import.ty else {
                return Ok(None);
            };
            self.functions.push(self.numbers[ty as usize]);
            let name = (import.module.to_owned(), import.name.to_owned());
            self.imports.push(name);
        }
        for ty in sections.functions.clone().into_iter().flatten() {
            self.functions.push(self.numbers[ty? as usize]);
        }
        for body in &sections.bodies {
            self.bodies.push(body.range());
        }
        for memory in sections.memories.iter().flat_map(|s| s.clone()) {
            let memory = memory?;
            let cap = plan.max_pages(memory.memory64);
            self.max_pages = memory.maximum.map_or(cap, |declared| declared.min(cap));
        }
        for global in sections.globals.iter().flat_map(|s| s.clone()) {
            match constant(&global?.init_expr)? {
                Some(value) => self.globals.push(value),
                None => return Ok(None),
            }
        }
        for table in sections.tables.iter().flat_map(|s| s.clone()) {
            let table = table?;
            if self.table.is_some() || !matches!(table.init, wasmparser::TableInit::RefNull) {
                return Ok(None);
            }
            self.table = Some(vec![NULL; table.ty.initial as usize]);
        }
        for export in sections.exports.iter().flat_map(|s| s.clone()) {
            let export = export?;
            let name = export.name.to_owned();
            self.exports.insert(name, (export.kind, export.index));
        }
        if let (Some(start), Some(name)) = (sections.start, plan.start) {
            let start = (ExternalKind::Func, start);
            self.exports.insert(name.to_owned(), start);
        }
        for element in sections.elements.iter().flat_map(|s| s.clone()) {
            let element = element?;
            if let ElementKind::Active { offset_expr, .. } = element.kind
                && self.fill_table(&offset_expr, element.items)?.is_none()
            {
                return Ok(None);
            }
        }
        for data in sections.data.iter().flat_map(|s| s.clone()) {
            let data = data?;
            let end = data.range.end;
            self.segments.push(match data.kind {
                DataKind::Passive => end - data.data.len()..end,
                DataKind::Active { .. } => 0..0,
            });
        }
        Ok(Some(()))
    }

    fn fill_table(
        &mut self,
        offset: &ConstExpr<'_>,
        items: ElementItems<'_>,
    ) -> Result<Option<()>, wasmparser::Error> {
        let (Some(table), Some(offset)) = (&mut self.table, constant(offset)?) else {
            return Ok(None);
        };
        let mut functions = Vec::new();
        match items {
            ElementItems::Functions(indices) => {
                for function in indices {
                    functions.push(function?);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    functions.push(match expression?.get_operators_reader().read()? {
                        Operator::RefFunc { function_index } => function_index,
                        Operator::RefNull { .. } => NULL,
                        _ => return Ok(None),
                    });
                }
            }
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(functions.len());
        let Some(to) = table.get_mut(start..end) else {
            return Ok(None);
        };
        to.copy_from_slice(&functions);
        Ok(Some(()))
    }

    pub(super) fn memory64(&self) -> bool {
        self.memory64
    }

    /// The type of addresses.
    pub(crate) fn address_type(&self) -> ValType {
        match self.memory64 {
            true => ValType::I64,
            false => ValType::I32,
        }
    }

    /// Module and name of each imported function.
    pub(crate) fn imports(&self) -> &[(String, String)] {
        &self.imports
    }

    /// How many functions are imported.
    pub(super) fn imported(&self) -> u32 {
        self.imports.len() as u32
    }

    /// The type of a function.
    pub(crate) fn type_of(&self, function: u32) -> &FuncType {
        &self.types[self.functions[function as usize] as usize]
    }

    /// The number of the type of a function.
    pub(super) fn number_of(&self, function: u32) -> u32 {
        self.functions[function as usize]
    }

    /// The number of the type with this index.
    pub(super) fn number(&self, ty: u32) -> u32 {
        self.numbers[ty as usize]
    }

    /// The type with this index.
    pub(super) fn ty(&self, index: u32) -> &FuncType {
        &self.types[self.number(index) as usize]
    }

    /// What is exported under a name, and its index.
    pub(super) fn export(&self, name: &str) -> Option<(ExternalKind, u32)> {
        self.exports.get(name).copied()
    }

    /// The index that the function has in the rewritten module which stands in for an imported one.
    pub(super) fn stand_in(&self, function: u32) -> u32 {
        self.functions.len() as u32 + ADDED_IMPORTS + function
    }

    /// Whether something that is no table has the name of the table.
    pub(crate) fn table_is_something_else(&self) -> bool {
        self.table.is_none() && self.exports.contains_key(TABLE_EXPORT)
    }

    /// A data segment.
    pub(super) fn segment(&self, index: usize) -> &[u8] {
        &self.wasm[self.segments[index].clone()]
    }

    /// The bodies of the module's own functions.
    pub(super) fn bodies(&self) -> usize {
        self.bodies.len()
    }

    /// The body of one of them.
    pub(super) fn body(&self, position: usize) -> FunctionBody<'_> {
        let range = self.bodies[position].clone();
        let bytes = &self.wasm[range.clone()];
        FunctionBody::new(BinaryReader::new_features(bytes, range.start, FEATURES))
    }

    /// How many data segments there are.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }
}

/// A number that a constant expression gives; nothing if it is something else.
fn constant(expression: &ConstExpr<'_>) -> Result<Option<u64>, wasmparser::Error> {
    Ok(match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Some(u64::from(value as u32)),
        Operator::I64Const { value } => Some(value as u64),
        Operator::F32Const { value } => Some(u64::from(value.bits())),
        Operator::F64Const { value } => Some(value.bits()),
        _ => None,
    })
}

/// Whether the interpreter knows values of this type.
pub(super) fn is_number(ty: &ValType) -> bool {
    matches!(
        ty,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
    )
}
