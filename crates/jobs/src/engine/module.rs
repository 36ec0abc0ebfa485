//! A module that is ready to run: compiled, its imports found, its entry known.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drun_engine::{Resource, machine_code, of_machine};
use wasmparser::{Parser, Payload};
use wasmtime::{ExternType, InstancePre, Module, UnknownImportError};

use super::{Compiler, Ticker};
use crate::failure::{Code, Failure};
use crate::host::{Guest, MAX_MEMORIES, MAX_TABLES, MODULES};

/// Names that are listed in an error, and bytes of one.
const MAX_NAMES: usize = 20;
const MAX_NAME: usize = 100;
/// The entries that are looked for, in this order.
const ENTRIES: [&str; 2] = ["run", "_start"];
/// What follows the magic number of a component.
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// SHA-256 of a module.
pub type Hash = [u8; 32];

/// What is known about a module without running it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Bytes of Wasm.
    pub bytes: usize,
    /// `module.name` of each import.
    pub imports: Vec<String>,
    /// The names of exports.
    pub exports: Vec<String>,
    /// `run` or `_start`, if it has one of them.
    pub entry: Option<&'static str>,
}

/// What a module wants at the start and may grow to by its own declaration, exported or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Needs {
    /// Bytes of all memories together.
    pub memory: u64,
    /// The same when they have grown; `None` if one has no maximum.
    pub memory_maximum: Option<u64>,
    /// Elements of all tables together.
    pub table_elements: u64,
}

impl Needs {
    /// Of a module that is valid; what cannot be read needs nothing.
    fn of(wasm: &[u8]) -> Self {
        const PAGE: u64 = 65_536;
        let mut needs = Needs {
            memory_maximum: Some(0),
            ..Needs::default()
        };
        for payload in Parser::new(0).parse_all(wasm).flatten() {
            match payload {
                Payload::MemorySection(memories) => {
                    for memory in memories.into_iter().flatten() {
                        let bytes = |pages: u64| pages.saturating_mul(PAGE);
                        needs.memory = needs.memory.saturating_add(bytes(memory.initial));
                        needs.memory_maximum = needs
                            .memory_maximum
                            .zip(memory.maximum)
                            .map(|(sum, most)| sum.saturating_add(bytes(most)));
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables.into_iter().flatten() {
                        needs.table_elements =
                            needs.table_elements.saturating_add(table.ty.initial);
                    }
                }
                _ => {}
            }
        }
        needs
    }
}

/// Bytes of memory that a compiled module takes beside its machine code, about: what it declares in a few bytes each is
/// some hundred here. (Measured: 15 for a byte of globals, 20 for one of imports, 28 for one of exports.)
pub fn declared_bytes(wasm: &[u8]) -> usize {
    const GROWTH: usize = 30;
    let sections = Parser::new(0).parse_all(wasm).flatten();
    let bytes = sections.map(|payload| match payload {
        Payload::TypeSection(section) => section.range().len(),
        Payload::ImportSection(section) => section.range().len(),
        Payload::GlobalSection(section) => section.range().len(),
        Payload::ExportSection(section) => section.range().len(),
        Payload::ElementSection(section) => section.range().len(),
        _ => 0,
    });
    bytes.sum::<usize>().saturating_mul(GROWTH)
}

/// A compiled module.
pub struct Prepared {
    /// SHA-256 of the Wasm.
    pub hash: Hash,
    /// What is known about it.
    pub facts: Facts,
    /// How long it took to make.
    pub compile_time: Duration,
    pub(super) module: Module,
    pub(super) instance: InstancePre<Guest>,
    pub(super) ticker: Arc<Ticker>,
}

impl Prepared {
    /// Bytes of machine code.
    pub fn size(&self) -> usize {
        let image = self.module.image_range();
        image.end.addr() - image.start.addr()
    }

    /// Makes what running needs and a confined process cannot make.
    pub(crate) fn make_ready(&self) {
        drop(self.ticker.enter());
    }

    /// The compiled module.
    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// The function that a job calls, and its results.
    ///
    /// # Errors
    /// If there is none, or it has parameters or results that have no meaning here.
    pub fn entry(&self, asked: Option<&str>, compat: bool) -> Result<(String, Results), Failure> {
        let asked = asked.or(compat.then_some(ENTRIES[0]));
        let has = |name: &&&str| self.module.get_export(name).is_some();
        let name = match asked {
            Some(name) => name,
            None => ENTRIES.iter().find(has).copied().unwrap_or_default(),
        };
        let Some(export) = self.module.get_export(name) else {
            let wanted = match asked {
                Some(name) => format!("\"{name}\""),
                None => ENTRIES.map(|name| format!("\"{name}\"")).join(" or "),
            };
            let names = self.facts.exports.iter().take(MAX_NAMES);
            let names = names.map(|name| &name[..name.floor_char_boundary(MAX_NAME)]);
            let mut exports = names.collect::<Vec<_>>().join(", ");
            if self.facts.exports.len() > MAX_NAMES {
                exports += ", …";
            }
            let error = format!("no export {wanted} (exports: {exports})");
            return Err(Failure::new(Code::EntryMissing, error));
        };
        let results = match &export {
            ExternType::Func(function) if function.params().len() == 0 => {
                let mut results = function.results();
                match (results.next(), results.next()) {
                    (None, _) => Some(Results::Nothing),
                    (Some(wasmtime::ValType::I32), None) => Some(Results::Status),
                    _ if compat => Some(Results::Other),
                    _ => None,
                }
            }
            _ => None,
        };
        match results {
            Some(results) => Ok((name.to_owned(), results)),
            None => Err(Failure::new(
                Code::EntrySignature,
                format!("export \"{name}\" must take no parameters and return nothing or i32"),
            )),
        }
    }
}

/// What an entry returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Results {
    /// Nothing.
    Nothing,
    /// One i32.
    Status,
    /// Something that only the original prints.
    Other,
}

/// Validates.
pub(super) fn check(compiler: &Compiler, wasm: &[u8]) -> Result<(), Failure> {
    if wasm.get(..4) == Some(b"\0asm") && wasm.get(4..8) == Some(&COMPONENT) {
        let error = "this is a component; a core module (wasm32-wasip1) is needed";
        return Err(Failure::new(Code::ModuleInvalid, error));
    }
    Module::validate(&compiler.engine, wasm)
        .map_err(|error| invalid(error.root_cause().to_string().trim_end()))
}

/// Compiles.
pub(super) fn compile(compiler: &Compiler, hash: Hash, wasm: &[u8]) -> Result<Prepared, Failure> {
    let started = Instant::now();
    // The command line comes here without the check that jobs have behind them.
    if wasm.get(4..8) == Some(&COMPONENT) {
        check(compiler, wasm)?;
    }
    let module = Module::from_binary(&compiler.engine, wasm)
        .map_err(|error| not_compiled(compiler, wasm, &error))?;
    link(compiler, hash, wasm.len(), module, started)
}

/// A module that is looked at, whether or not it can run.
pub struct Examined {
    /// What is known about it.
    pub facts: Facts,
    /// What it wants.
    pub needs: Needs,
    /// Those of its imports that there are not. One that is no function hides those after it.
    pub unknown: Vec<String>,
    /// Ready to run, or why not.
    pub prepared: Result<Prepared, Failure>,
}

/// Compiles, and finds out more than the first thing that is missing.
pub(super) fn examine(compiler: &Compiler, hash: Hash, wasm: &[u8]) -> Result<Examined, Failure> {
    let started = Instant::now();
    check(compiler, wasm)?;
    let module = Module::from_binary(&compiler.engine, wasm)
        .map_err(|error| not_compiled(compiler, wasm, &error))?;
    let mut linker = compiler.linker.clone();
    let mut unknown = Vec::new();
    while let Err(error) = linker.instantiate_pre(&module) {
        let Some(missing) = error.downcast_ref::<UnknownImportError>() else {
            break;
        };
        let (from, name) = (missing.module(), missing.name());
        unknown.push(format!("{from}.{name}"));
        // It is never called; with it, the next one is found.
        let stub = match missing.ty() {
            ExternType::Func(ty) => linker.func_new(from, name, ty, |_, _, _| Ok(())).is_ok(),
            _ => false,
        };
        if !stub {
            break;
        }
    }
    Ok(Examined {
        facts: facts(&module, wasm.len()),
        needs: Needs::of(wasm),
        unknown,
        prepared: link(compiler, hash, wasm.len(), module, started),
    })
}

/// Why there is no machine code: that bytes are no module is not the machine's failure, and the other way round.
fn not_compiled(compiler: &Compiler, wasm: &[u8], error: &wasmtime::Error) -> Failure {
    if let Err(failure) = check(compiler, wasm) {
        return failure;
    }
    match of_machine(error, Resource::Code) {
        Some(failure) => Failure::new(Code::Internal, failure.to_string()),
        None => invalid(error.root_cause().to_string().trim_end()),
    }
}

fn invalid(reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        Code::ModuleInvalid,
        format!("invalid wasm module: {reason}"),
    )
}

/// Out of a file.
pub(super) fn load(
    compiler: &Compiler,
    hash: Hash,
    bytes: usize,
    file: &Path,
) -> Result<Option<Prepared>, Failure> {
    let started = Instant::now();
    match machine_code::load(&compiler.engine, file) {
        Some(module) => link(compiler, hash, bytes, module, started).map(Some),
        None => Ok(None),
    }
}

/// Makes a compiled module ready, wherever its code is from.
fn link(
    compiler: &Compiler,
    hash: Hash,
    bytes: usize,
    module: Module,
    started: Instant,
) -> Result<Prepared, Failure> {
    let resources = module.resources_required();
    if resources.num_memories > MAX_MEMORIES {
        let count = resources.num_memories;
        return Err(invalid(format_args!(
            "{count} memories, limit {MAX_MEMORIES}"
        )));
    }
    if resources.num_tables > MAX_TABLES {
        let count = resources.num_tables;
        return Err(invalid(format_args!("{count} tables, limit {MAX_TABLES}")));
    }
    let instance = compiler.linker.instantiate_pre(&module).map_err(|error| {
        let error = match error.downcast_ref::<UnknownImportError>() {
            Some(unknown) => {
                let hint = match unknown.module() {
                    "wasi_unstable" => "built for an older WASI; rebuild for wasm32-wasip1".into(),
                    _ => format!("known: {}", MODULES.join(", ")),
                };
                format!(
                    "unknown import {}.{} ({hint})",
                    unknown.module(),
                    unknown.name()
                )
            }
            None => format!(
                "import of another type than is known here: {}",
                error.root_cause()
            ),
        };
        Failure::new(Code::ImportMissing, error)
    })?;
    let facts = facts(&module, bytes);
    Ok(Prepared {
        hash,
        facts,
        compile_time: started.elapsed(),
        module,
        instance,
        ticker: compiler.ticker.clone(),
    })
}

fn facts(module: &Module, bytes: usize) -> Facts {
    let exports = module.exports();
    Facts {
        bytes,
        imports: module
            .imports()
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect(),
        exports: exports.map(|export| export.name().to_owned()).collect(),
        entry: ENTRIES
            .into_iter()
            .find(|name| module.get_export(name).is_some()),
    }
}
