//! The sections of a raw module, side by side instead of one after the other, as both validation and instrumentation
//! want them. Reads headers only; what stands in a section is read by whoever needs it.

use wasmparser::{
    CustomSectionReader, DataSectionReader, ElementSectionReader, ExportSectionReader,
    FunctionBody, FunctionSectionReader, GlobalSectionReader, ImportSectionReader,
    MemorySectionReader, Parser, Payload, TableSectionReader, TypeRef, TypeSectionReader,
};

use crate::features::FEATURES;

/// Readers of the sections that a module has.
#[derive(Default)]
pub struct Sections<'a> {
    /// Function types.
    pub types: Option<TypeSectionReader<'a>>,
    /// Imports.
    pub imports: Option<ImportSectionReader<'a>>,
    /// The types of the defined functions.
    pub functions: Option<FunctionSectionReader<'a>>,
    /// Tables.
    pub tables: Option<TableSectionReader<'a>>,
    /// Memories.
    pub memories: Option<MemorySectionReader<'a>>,
    /// Globals.
    pub globals: Option<GlobalSectionReader<'a>>,
    /// Exports.
    pub exports: Option<ExportSectionReader<'a>>,
    /// The index of the start function.
    pub start: Option<u32>,
    /// Element segments.
    pub elements: Option<ElementSectionReader<'a>>,
    /// What the data count section says.
    pub data_count: Option<u32>,
    /// Code of the defined functions, in their order.
    pub bodies: Vec<FunctionBody<'a>>,
    /// Data segments.
    pub data: Option<DataSectionReader<'a>>,
    /// Custom sections, in their order.
    pub custom: Vec<CustomSectionReader<'a>>,
}

impl<'a> Sections<'a> {
    /// Walks a module that the engine has accepted.
    ///
    /// Fails only if it would not have been.
    pub fn read(module: &'a [u8]) -> Result<Self, wasmparser::Error> {
        let mut sections = Self::default();
        for payload in parser().parse_all(module) {
            sections.add(payload?);
        }
        Ok(sections)
    }

    /// Functions that the module imports. What cannot be read is none.
    pub fn imported_functions(&self) -> u32 {
        let imports = self.imports.iter();
        let types = imports
            .flat_map(|imports| imports.clone().into_imports())
            .flatten()
            .map(|import| import.ty);
        let functions = types.filter(|ty| matches!(ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
        functions.count() as u32
    }

    /// The number of parameters of each function that the module defines.
    pub fn parameters(&self) -> Result<Vec<u32>, wasmparser::Error> {
        let mut types = Vec::new();
        for ty in self
            .types
            .clone()
            .into_iter()
            .flat_map(|s| s.into_iter_err_on_gc_types())
        {
            types.push(ty?.params().len() as u32);
        }
        let functions = self.functions.clone().into_iter().flatten();
        functions
            .map(|ty| Ok(types.get(ty? as usize).copied().unwrap_or_default()))
            .collect()
    }

    /// Takes in what the parser met next.
    pub fn add(&mut self, payload: Payload<'a>) {
        match payload {
            Payload::TypeSection(reader) => self.types = Some(reader),
            Payload::ImportSection(reader) => self.imports = Some(reader),
            Payload::FunctionSection(reader) => self.functions = Some(reader),
            Payload::TableSection(reader) => self.tables = Some(reader),
            Payload::MemorySection(reader) => self.memories = Some(reader),
            Payload::GlobalSection(reader) => self.globals = Some(reader),
            Payload::ExportSection(reader) => self.exports = Some(reader),
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(reader) => self.elements = Some(reader),
            Payload::DataCountSection { count, .. } => self.data_count = Some(count),
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(reader) => self.data = Some(reader),
            Payload::CustomSection(reader) => self.custom.push(reader),
            _ => {}
        }
    }
}

/// A parser that reads encodings as the engine does.
pub fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    parser
}
