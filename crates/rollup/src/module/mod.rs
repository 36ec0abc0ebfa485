//! Kernels as modules: decoded, checked against the machine's rules, and counted (kernel-debugger.md, 5.3 and 5.4).
//!
//! A [`Kernel`] is immutable and shared; functions are lowered for the interpreter when they are first called. Linking to
//! host functions is the machine's business, since it depends on its version.

mod census;
mod lower;
mod read;
pub mod ticks;

pub use lower::{Code, Op, Target};

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use thiserror::Error;
use wasmparser::{BinaryReaderError, FuncToValidate, Parser, ValType, ValidatorResources};

use crate::encoding::hash::{Hash, blake2b};
use read::Reading;

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
    /// The byte of the module it begins at.
    pub offset: usize,
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
