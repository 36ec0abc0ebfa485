//! What a host says about rewriting a module, what has to be known about the module before, and what can be wrong with a
//! valid one all the same.

use serde::{Deserialize, Serialize};
use wasm_encoder::reencode::Error as ReencodeError;
use wasmparser::{Operator, TypeRef, ValType};

use crate::sections::Sections;

/// The largest memory of a 32-bit module, in pages of 64 KiB.
const MAX_WASM32_PAGES: u64 = 65_536;

/// What operators cost, in instructions.
pub trait Weights {
    /// The weight of an operator, which is charged with the segment of code that it stands in.
    fn operator(&self, operator: &Operator<'_>, memory64: bool) -> u64;

    /// What entering a function costs on top.
    fn function(&self) -> u64 {
        1
    }

    /// Whether operators on a range of memory cost one instruction more for each byte.
    fn charges_length(&self) -> bool {
        true
    }
}

/// How a module is to be rewritten.
pub struct Plan<'a> {
    /// What the module is like.
    pub shape: Shape,
    /// What its operators cost.
    pub weights: &'a dyn Weights,
    /// What compiling counts beside the operators and globals of the module, see [`crate::Module::compile_operators`].
    pub compile_base: u64,
    /// What compiling counts for the operators of all functions, if the host has added it up with [`super::BodyCosts`].
    pub counted: Option<u64>,
    /// The largest 64-bit memory, in pages of 64 KiB.
    pub max_wasm64_pages: u64,
    /// Elements that a table may begin with.
    pub max_table_elements: u64,
    /// The name under which the function of the start section is exported. It never runs by itself; without a name
    /// nothing runs it.
    pub start: Option<&'a str>,
}

impl<'a> Plan<'a> {
    /// The plan of a host with few wishes: 64-bit memories of 4 GiB, tables of 10,000,000 elements, and no start
    /// function. What is written into the fields afterwards counts.
    pub fn new(shape: Shape, weights: &'a dyn Weights) -> Self {
        Plan {
            shape,
            weights,
            compile_base: 0,
            counted: None,
            max_wasm64_pages: MAX_WASM32_PAGES,
            max_table_elements: 10_000_000,
            start: None,
        }
    }

    pub(crate) fn max_pages(&self, memory64: bool) -> u64 {
        match memory64 {
            true => self.max_wasm64_pages,
            false => MAX_WASM32_PAGES,
        }
    }
}

/// The memory that a module declares, in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryShape {
    /// Addresses are `i64`.
    pub memory64: bool,
    /// Pages at the beginning.
    pub initial_pages: u64,
}

/// What rewriting and running need to know about a module beforehand. A host that sees every operator anyway fills it in
/// itself; [`Shape::of`] does it for the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// `None` if the module has no memory.
    pub memory: Option<MemoryShape>,
    /// It contains `data.drop` or `elem.drop`, whose effect an instance keeps although every execution must start
    /// without it.
    pub drops_segments: bool,
    /// It contains tail calls, or references as values: nothing for the fast code generator.
    pub needs_optimizing: bool,
}

impl Shape {
    /// Looks at a valid module.
    ///
    /// # Errors
    /// If the module cannot be read.
    pub fn of(module: &[u8]) -> Result<Self, Defect> {
        let sections = Sections::read(module)?;
        let mut shape = Shape::default();
        let mut memory = |ty: wasmparser::MemoryType| {
            shape.memory.get_or_insert(MemoryShape {
                memory64: ty.memory64,
                initial_pages: ty.initial,
            });
        };
        for import in sections
            .imports
            .iter()
            .flat_map(|s| s.clone().into_imports())
        {
            if let TypeRef::Memory(ty) = import?.ty {
                memory(ty);
            }
        }
        for ty in sections.memories.iter().flat_map(|s| s.clone()) {
            memory(ty?);
        }
        for ty in sections
            .types
            .iter()
            .flat_map(|s| s.clone().into_iter_err_on_gc_types())
        {
            let ty = ty?;
            let mut values = ty.params().iter().chain(ty.results());
            shape.needs_optimizing |= values.any(ValType::is_reference_type);
        }
        for body in &sections.bodies {
            for local in body.get_locals_reader()? {
                shape.needs_optimizing |= local?.1.is_reference_type();
            }
            for operator in body.get_operators_reader()? {
                use Operator::*;
                match operator? {
                    DataDrop { .. } | ElemDrop { .. } => shape.drops_segments = true,
                    ReturnCall { .. }
                    | ReturnCallIndirect { .. }
                    | RefNull { .. }
                    | RefFunc { .. }
                    | RefIsNull
                    | TableGet { .. }
                    | TableSet { .. }
                    | TableGrow { .. }
                    | TableFill { .. }
                    | TypedSelect { .. } => shape.needs_optimizing = true,
                    _ => {}
                }
            }
        }
        Ok(shape)
    }

    pub(crate) fn memory64(&self) -> bool {
        self.memory.is_some_and(|memory| memory.memory64)
    }

    pub(crate) fn initial_pages(&self) -> u64 {
        self.memory.map_or(0, |memory| memory.initial_pages)
    }
}

/// What is wrong with a module that was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// An active data segment lies outside of the initial memory.
    DataOutsideMemory {
        /// Where it begins.
        offset: u64,
        /// Its bytes.
        len: u64,
    },
    /// The offset of a data segment is not a constant; this is its operator.
    DataOffset(String),
    /// It is not a valid module after all.
    Unreadable(String),
    /// It cannot be written again.
    Unencodable(String),
    /// The code generator or the linker refuses it, in their words.
    Instantiation(String),
}

impl From<wasmparser::Error> for Defect {
    fn from(error: wasmparser::Error) -> Self {
        Defect::Unreadable(error.to_string())
    }
}

impl From<ReencodeError> for Defect {
    fn from(error: ReencodeError) -> Self {
        Defect::Unencodable(error.to_string())
    }
}
