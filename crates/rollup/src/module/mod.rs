//! Kernels as modules: decoded, checked against the machine's rules, and counted (kernel-debugger.md, 5.3 and 5.4).
//!
//! A [`Kernel`] is immutable and shared; functions are lowered for the interpreter when they are first called. Linking to
//! host functions is the machine's business, since it depends on its version.

mod census;
mod lower;
pub mod ticks;

pub use lower::{Code, Op, Target};

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use thiserror::Error;
use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind,
    FuncToValidate, KnownCustom, Name, Operator, Parser, Payload, TypeRef, ValType, ValidPayload,
    Validator, ValidatorResources, WasmFeatures,
};

use crate::encoding::hash::{Hash, blake2b};
use census::Census;

/// The longest name in bytes.
const MAX_NAME: usize = 512;

/// Which of the machine's rules a module breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// It is not a module, or uses floats.
    Decoding,
    /// It is a module, but does not type-check.
    Invalid,
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decoding => "decoding error",
            Self::Invalid => "invalid module",
        })
    }
}

/// Why bytes are not a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("0x{offset:x}: {category}: {message}")]
pub struct ModuleError {
    /// The byte it was found at.
    pub offset: usize,
    /// Which kind of mistake.
    pub category: Category,
    /// What is wrong.
    pub message: String,
}

fn decoding(error: BinaryReaderError) -> ModuleError {
    fault(error.offset(), Category::Decoding, error.message())
}

fn fault(offset: usize, category: Category, message: impl Into<String>) -> ModuleError {
    ModuleError {
        offset,
        category,
        message: message.into(),
    }
}

/// A function's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Of its parameters.
    pub params: Box<[ValType]>,
    /// Of its results.
    pub results: Box<[ValType]>,
}

/// What a module wants from its host.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module's name.
    pub module: String,
    /// The item's name.
    pub item: String,
    /// The number of the function's type; nothing for what is no function.
    pub signature: Option<u32>,
}

/// A constant expression of one instruction.
#[derive(Clone, Copy, Debug)]
pub enum Constant {
    /// A number.
    Value(u64),
    /// A vector.
    Vector(u128),
    /// Another global's value.
    Global(u32),
    /// No reference.
    Null,
    /// A function.
    Function(u32),
}

/// A global variable.
#[derive(Clone, Copy, Debug)]
pub struct Global {
    /// Its type.
    pub ty: ValType,
    /// Its first value.
    pub init: Constant,
}

/// Where a segment goes when the module starts.
#[derive(Clone, Copy, Debug)]
pub enum Placement {
    /// Into a table or memory, from an offset on.
    Active(u32, Constant),
    /// Nowhere; the program copies it.
    Passive,
    /// Nowhere at all.
    Declared,
}

/// References for a table.
#[derive(Clone, Debug)]
pub struct Elements {
    /// Where they go.
    pub placement: Placement,
    /// What they are.
    pub items: Vec<Constant>,
}

/// Bytes for memory.
#[derive(Clone, Debug)]
pub struct Data {
    /// Where they go.
    pub placement: Placement,
    /// Where they stand in the module.
    pub bytes: Range<usize>,
}

/// Sizes with an upper bound: elements of a table, or pages of memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At the start.
    pub initial: u64,
    /// At most.
    pub maximum: Option<u64>,
}

struct Function {
    signature: u32,
    body: Range<usize>,
    validate: FuncToValidate<ValidatorResources>,
    code: OnceLock<Arc<Code>>,
}

/// A module that the machine can run.
pub struct Kernel {
    /// The module's bytes.
    pub bytes: Arc<[u8]>,
    /// Their hash.
    pub hash: Hash,
    /// The types of functions.
    pub types: Vec<Signature>,
    /// What it imports, in order.
    pub imports: Vec<Import>,
    /// Its tables.
    pub tables: Vec<Limits>,
    /// Its memory, in pages.
    pub memory: Limits,
    /// Its global variables.
    pub globals: Vec<Global>,
    /// Exported functions by name.
    pub exports: HashMap<String, u32>,
    /// Segments for tables.
    pub elements: Vec<Elements>,
    /// Segments for memory.
    pub data: Vec<Data>,
    /// The function that runs at every start.
    pub start: Option<u32>,
    /// The names of functions in the section `name`.
    pub names: HashMap<u32, String>,
    /// Ticks from the first after Snapshot to the decoded module.
    pub decode_ticks: u64,
    /// Ticks of the start before segments are copied.
    pub init_ticks: u64,
    functions: Vec<Function>,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel {}", hex::encode(self.hash))
    }
}

impl Kernel {
    /// Decodes and checks a module.
    pub fn decode(bytes: Arc<[u8]>) -> Result<Arc<Self>, ModuleError> {
        let mut kernel = Self {
            hash: blake2b(&bytes),
            bytes: Arc::clone(&bytes),
            types: Vec::new(),
            imports: Vec::new(),
            tables: Vec::new(),
            memory: Limits {
                initial: 0,
                maximum: None,
            },
            globals: Vec::new(),
            exports: HashMap::new(),
            elements: Vec::new(),
            data: Vec::new(),
            start: None,
            names: HashMap::new(),
            decode_ticks: 0,
            init_ticks: 0,
            functions: Vec::new(),
        };
        let mut reading = Reading::default();
        for payload in Parser::new(0).parse_all(&bytes) {
            kernel.section(payload.map_err(decoding)?, &mut reading)?;
        }
        let end = bytes.len();
        if reading.memories > 1 {
            return Err(fault(
                end,
                Category::Invalid,
                "multiple memories are not allowed",
            ));
        }
        kernel.validate(&reading)?;
        if reading.memories == 0 || !reading.memory_exported {
            return Err(fault(end, Category::Invalid, "Module must export memory 0"));
        }
        kernel.decode_ticks = reading.census.decode_ticks();
        kernel.init_ticks = reading.census.init_ticks();
        Ok(Arc::new(kernel))
    }

    /// The type of a function by its number, imports first.
    pub fn signature(&self, function: u32) -> &Signature {
        &self.types[self.signature_index(function) as usize]
    }

    /// The number of a function's type.
    pub fn signature_index(&self, function: u32) -> u32 {
        let index = function as usize;
        match self.imports.get(index) {
            Some(import) => import.signature.unwrap_or_default(),
            None => self.functions[index - self.imports.len()].signature,
        }
    }

    /// The number of functions, imports included.
    pub fn function_count(&self) -> u32 {
        (self.imports.len() + self.functions.len()) as u32
    }

    /// The code of a function of the module itself.
    pub fn code(&self, function: u32) -> &Arc<Code> {
        let function = &self.functions[function as usize - self.imports.len()];
        function.code.get_or_init(|| {
            let body = &self.bytes[function.body.clone()];
            Arc::new(lower::lower(
                self,
                function.signature,
                body,
                function.body.start,
                again(&function.validate),
            ))
        })
    }

    /// What type-checks a function of the module itself another time.
    pub fn checker(&self, function: u32) -> FuncToValidate<ValidatorResources> {
        again(&self.functions[function as usize - self.imports.len()].validate)
    }

    /// Ticks of the whole start, from the linked module on; `None` when a function runs in it.
    pub fn start_ticks(&self) -> Option<u64> {
        let mut ticks = self.init_ticks + 4 + 1;
        for segment in &self.elements {
            ticks += match segment.placement {
                Placement::Active(..) => ticks::segment(segment.items.len()),
                Placement::Declared => ticks::ORDINARY,
                Placement::Passive => 0,
            };
        }
        let active = self
            .data
            .iter()
            .filter(|data| matches!(data.placement, Placement::Active(..)));
        ticks += active
            .map(|data| ticks::segment(data.bytes.len()))
            .sum::<u64>();
        self.start.is_none().then_some(ticks)
    }

    /// The name of a function: from the section `name`, else its number.
    pub fn name(&self, function: u32) -> String {
        match self.names.get(&function) {
            Some(name) => name.clone(),
            None => format!("function[{function}]"),
        }
    }

    fn section(&mut self, payload: Payload<'_>, reading: &mut Reading) -> Result<(), ModuleError> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty.map_err(decoding)?;
                    for value in ty.params().iter().chain(ty.results()) {
                        no_float(*value, reading.at)?;
                    }
                    reading
                        .census
                        .signature(ty.params().len(), ty.results().len());
                    self.types.push(Signature {
                        params: ty.params().into(),
                        results: ty.results().into(),
                    });
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import.map_err(decoding)?;
                    for name in [import.module, import.name] {
                        short(name, offset)?;
                    }
                    reading.census.import(import.module, import.name);
                    let signature = match import.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => Some(ty),
                        _ => None,
                    };
                    self.imports.push(Import {
                        module: import.module.to_owned(),
                        item: import.name.to_owned(),
                        signature,
                    });
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    reading.signatures.push(ty.map_err(decoding)?);
                }
                reading.census.functions(reading.signatures.len());
            }
            Payload::TableSection(section) => {
                for table in section {
                    let ty = table.map_err(decoding)?.ty;
                    self.tables.push(Limits {
                        initial: ty.initial,
                        maximum: ty.maximum,
                    });
                }
                reading.census.tables(self.tables.len());
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let ty = memory.map_err(decoding)?;
                    self.memory = Limits {
                        initial: ty.initial,
                        maximum: ty.maximum,
                    };
                    reading.memories += 1;
                }
                reading.census.memories(reading.memories);
            }
            Payload::GlobalSection(section) => {
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global.map_err(decoding)?;
                    no_float(global.ty.content_type, offset)?;
                    let init = constant(&global.init_expr, &mut reading.census)?;
                    reading.census.global();
                    self.globals.push(Global {
                        ty: global.ty.content_type,
                        init,
                    });
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export.map_err(decoding)?;
                    short(export.name, offset)?;
                    reading.census.export(export.name);
                    match export.kind {
                        ExternalKind::Func => {
                            self.exports.insert(export.name.to_owned(), export.index);
                        }
                        ExternalKind::Memory => reading.memory_exported = true,
                        _ => {}
                    }
                }
            }
            Payload::StartSection { func, .. } => {
                reading.census.start();
                self.start = Some(func);
            }
            Payload::ElementSection(section) => {
                for element in section {
                    self.element(element.map_err(decoding)?, reading)?;
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data.map_err(decoding)?;
                    let (active, placement) = match data.kind {
                        DataKind::Passive => (false, Placement::Passive),
                        DataKind::Active {
                            memory_index,
                            offset_expr,
                        } => {
                            let offset = constant(&offset_expr, &mut reading.census)?;
                            (true, Placement::Active(memory_index, offset))
                        }
                    };
                    reading.census.data(active, data.data.len());
                    let end = data.range.end;
                    self.data.push(Data {
                        placement,
                        bytes: end - data.data.len()..end,
                    });
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut locals = body.get_locals_reader().map_err(decoding)?;
                let (groups, mut count) = (locals.get_count(), 0u64);
                for _ in 0..groups {
                    let offset = locals.original_position();
                    let (n, ty) = locals.read().map_err(decoding)?;
                    no_float(ty, offset)?;
                    count += u64::from(n);
                }
                reading.census.body(groups, count);
                for op in body
                    .get_operators_reader()
                    .map_err(decoding)?
                    .into_iter_with_offsets()
                {
                    let (op, offset) = op.map_err(decoding)?;
                    if is_float(self.bytes[offset], &op) {
                        return Err(floats(offset));
                    }
                    reading.census.operator(&op);
                }
            }
            Payload::CustomSection(custom) => {
                short(custom.name(), custom.data_offset())?;
                reading.census.custom();
                if let KnownCustom::Name(names) = custom.as_known() {
                    // A broken section of names is no reason to refuse a kernel.
                    for subsection in names.into_iter().map_while(Result::ok) {
                        let Name::Function(functions) = subsection else {
                            continue;
                        };
                        for naming in functions.into_iter().map_while(Result::ok) {
                            let name = naming.name.chars().filter(|c| *c <= '\u{ff}').collect();
                            self.names.insert(naming.index, name);
                        }
                    }
                }
            }
            Payload::Version { range, .. } => reading.at = range.end,
            Payload::DataCountSection { .. }
            | Payload::CodeSectionStart { .. }
            | Payload::End(_) => {}
            other => {
                let at = other.as_section().map_or(0, |(_, range)| range.start);
                return Err(fault(at, Category::Decoding, "malformed section id"));
            }
        }
        Ok(())
    }

    fn element(
        &mut self,
        element: wasmparser::Element<'_>,
        reading: &mut Reading,
    ) -> Result<(), ModuleError> {
        let census = &mut reading.census;
        let placement = match element.kind {
            ElementKind::Passive => Placement::Passive,
            ElementKind::Declared => Placement::Declared,
            ElementKind::Active {
                table_index,
                offset_expr,
            } => Placement::Active(table_index.unwrap_or(0), constant(&offset_expr, census)?),
        };
        let mut items = Vec::new();
        let expressions = match element.items {
            ElementItems::Functions(functions) => {
                for function in functions {
                    items.push(Constant::Function(function.map_err(decoding)?));
                }
                false
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    items.push(constant(&expression.map_err(decoding)?, census)?);
                }
                true
            }
        };
        census.element(&placement, items.len(), expressions);
        self.elements.push(Elements { placement, items });
        Ok(())
    }

    /// Type-checks the whole module, and keeps what is needed to look at its functions again.
    fn validate(&mut self, reading: &Reading) -> Result<(), ModuleError> {
        let mut features = WasmFeatures::WASM2;
        features.remove(WasmFeatures::FLOATS);
        let mut validator = Validator::new_with_features(features);
        let mut allocations = wasmparser::FuncValidatorAllocations::default();
        let bytes = Arc::clone(&self.bytes);
        let invalid = |error: BinaryReaderError| {
            if error.message().contains("floating-point") {
                floats(error.offset())
            } else {
                fault(error.offset(), Category::Invalid, error.message())
            }
        };
        for payload in Parser::new(0).parse_all(&bytes) {
            if let ValidPayload::Func(function, body) = validator
                .payload(&payload.map_err(decoding)?)
                .map_err(invalid)?
            {
                let kept = again(&function);
                let mut checker = function.into_validator(allocations);
                checker.validate(&body).map_err(invalid)?;
                allocations = checker.into_allocations();
                self.functions.push(Function {
                    signature: reading.signatures[self.functions.len()],
                    body: body.range(),
                    validate: kept,
                    code: OnceLock::new(),
                });
            }
        }
        Ok(())
    }
}

/// What is learned of a module while it is read, beside the module itself.
#[derive(Default)]
struct Reading {
    census: Census,
    signatures: Vec<u32>,
    memories: usize,
    memory_exported: bool,
    at: usize,
}

/// What is needed to look at a function another time.
fn again(function: &FuncToValidate<ValidatorResources>) -> FuncToValidate<ValidatorResources> {
    FuncToValidate {
        resources: function.resources.clone(),
        index: function.index,
        ty: function.ty,
        features: function.features,
    }
}

fn short(name: &str, offset: usize) -> Result<(), ModuleError> {
    if name.len() > MAX_NAME {
        return Err(fault(
            offset,
            Category::Decoding,
            format!("name longer than {MAX_NAME} bytes"),
        ));
    }
    Ok(())
}

fn floats(offset: usize) -> ModuleError {
    fault(
        offset,
        Category::Decoding,
        "float instructions are forbidden",
    )
}

fn no_float(ty: ValType, offset: usize) -> Result<(), ModuleError> {
    if matches!(ty, ValType::F32 | ValType::F64) {
        Err(floats(offset))
    } else {
        Ok(())
    }
}

/// Whether an instruction computes with floats, by its first byte; those of vectors are found by the type check.
fn is_float(byte: u8, op: &Operator<'_>) -> bool {
    match byte {
        0x2a | 0x2b | 0x38 | 0x39 | 0x43 | 0x44 | 0x5b..=0x66 | 0x8b..=0xa6 => true,
        0xa8..=0xab | 0xae..=0xbf => {
            !matches!(op, Operator::I64ExtendI32S | Operator::I64ExtendI32U)
        }
        _ => matches!(
            op,
            Operator::Block {
                blockty: wasmparser::BlockType::Type(ValType::F32 | ValType::F64)
            } | Operator::Loop {
                blockty: wasmparser::BlockType::Type(ValType::F32 | ValType::F64)
            } | Operator::If {
                blockty: wasmparser::BlockType::Type(ValType::F32 | ValType::F64)
            } | Operator::TypedSelect {
                ty: ValType::F32 | ValType::F64
            }
        ),
    }
}

/// Reads a constant expression.
fn constant(expr: &ConstExpr<'_>, census: &mut Census) -> Result<Constant, ModuleError> {
    let mut value = None;
    let mut instructions = 0;
    let mut offset = expr.get_operators_reader().original_position();
    for op in expr.get_operators_reader().into_iter_with_offsets() {
        let (op, at) = op.map_err(decoding)?;
        offset = at;
        let read = match op {
            Operator::I32Const { value } => Constant::Value(u64::from(value as u32)),
            Operator::I64Const { value } => Constant::Value(value as u64),
            Operator::V128Const { value } => Constant::Vector(value.i128() as u128),
            Operator::GlobalGet { global_index } => Constant::Global(global_index),
            Operator::RefNull { .. } => Constant::Null,
            Operator::RefFunc { function_index } => Constant::Function(function_index),
            Operator::End => continue,
            Operator::F32Const { .. } | Operator::F64Const { .. } => return Err(floats(at)),
            _ => return Err(fault(at, Category::Invalid, "constant expression required")),
        };
        instructions += 1;
        value = Some(read);
    }
    census.expression(instructions);
    value.ok_or_else(|| fault(offset, Category::Invalid, "constant expression required"))
}
