//! Reading a module section by section: what a kernel needs of it, what is forbidden, what is counted; then its types.

use std::sync::Arc;
use std::sync::OnceLock;

use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, KnownCustom,
    Name, Operator, Parser, Payload, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

use super::census::Census;
use super::{
    Category, Constant, Data, Elements, Function, Global, Import, Kernel, Limits, ModuleError,
    Placement, Signature, again, decoding, fault,
};

/// The longest name in bytes.
const MAX_NAME: usize = 512;

impl Kernel {
    pub(super) fn section(
        &mut self,
        payload: Payload<'_>,
        reading: &mut Reading,
    ) -> Result<(), ModuleError> {
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
                        offset,
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
    pub(super) fn validate(&mut self, reading: &Reading) -> Result<(), ModuleError> {
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
pub(super) struct Reading {
    pub(super) census: Census,
    pub(super) signatures: Vec<u32>,
    pub(super) memories: usize,
    pub(super) memory_exported: bool,
    pub(super) at: usize,
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
