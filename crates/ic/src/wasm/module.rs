//! A canister's module: what was uploaded, what is known about it, and what is made of it before it is compiled.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::compiler::{TIERS, Tier};
use super::decode::decode;
use super::facts::ModuleFacts;
use super::instrument::{InstrumentError, Instrumented, Metering, SavedGlobal, instrument};
use super::names::{exported_functions, function_names};
use super::validate::{ValidationLimits, validate};
use crate::errors::{Backtrace, ExecutionError};

/// The value of a global, floats as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalValue {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`
    F32(u32),
    /// `f64`
    F64(u64),
    /// `v128`
    V128(u128),
}

/// A module that may be installed.
pub struct CanisterModule {
    /// The module as it was uploaded.
    pub blob: Arc<[u8]>,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// What validation found out.
    pub facts: ModuleFacts,
    /// Operators by which compiling is charged (metering.md 5.2).
    pub compile_operators: u64,
    /// As first compiled. The rewritten module itself is missing if machine code of it was in the cache.
    pub(super) instrumented: Instrumented,
    pub(super) limits: ValidationLimits,
    /// Machine code, by code generator.
    pub(super) code: [OnceLock<wasmtime::Module>; TIERS],
    names: OnceLock<Vec<(u32, String)>>,
    exported: OnceLock<Vec<(u32, String)>>,
    fast_instructions: AtomicU64,
}

impl std::fmt::Debug for CanisterModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CanisterModule({})", hex::encode(self.hash))
    }
}

impl CanisterModule {
    /// Decodes, validates and instruments a module, for a code generator that is chosen when its facts are known.
    ///
    /// # Errors
    /// With the verdict and the text of the Internet Computer.
    pub fn new(
        blob: Arc<[u8]>,
        limits: &ValidationLimits,
        tier: impl FnOnce(&ModuleFacts) -> Tier,
    ) -> Result<Self, ExecutionError> {
        let raw = decode(&blob)?;
        let facts = validate(&raw, limits)?;
        let instrumented = rewrite(&raw, &facts, limits, tier(&facts).metering())?;
        drop(raw);
        let hash = Sha256::digest(&blob).into();
        Ok(CanisterModule::from_parts(
            blob,
            hash,
            limits,
            facts,
            instrumented,
        ))
    }

    /// A module that was validated and rewritten before.
    pub(super) fn from_parts(
        blob: Arc<[u8]>,
        hash: [u8; 32],
        limits: &ValidationLimits,
        facts: ModuleFacts,
        instrumented: Instrumented,
    ) -> Self {
        CanisterModule {
            blob,
            hash,
            facts,
            compile_operators: instrumented.compile_operators,
            instrumented,
            limits: *limits,
            code: Default::default(),
            names: OnceLock::new(),
            exported: OnceLock::new(),
            fast_instructions: AtomicU64::new(0),
        }
    }

    /// The module as rewritten for a code generator, made again if it was not kept.
    pub(super) fn rewritten(&self, metering: Metering) -> Result<Cow<'_, [u8]>, ExecutionError> {
        let kept = &self.instrumented;
        if !kept.wasm.is_empty() && kept.metering == metering {
            return Ok(Cow::Borrowed(&kept.wasm));
        }
        let raw = decode(&self.blob)?;
        let made = rewrite(&raw, &self.facts, &self.limits, metering)?;
        Ok(Cow::Owned(made.wasm))
    }

    /// The globals that make up the state of an instance, in the order in which their values are kept.
    pub fn saved_globals(&self) -> &[SavedGlobal] {
        &self.instrumented.saved_globals
    }

    /// What the memory of a new canister holds: offset and bytes.
    pub fn data(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.instrumented
            .data
            .iter()
            .map(|segment| (segment.offset, &segment.bytes[..]))
    }

    /// Names the functions of a backtrace, innermost first, given by their indices in the compiled module. One that was
    /// compiled for a profile shows the same. Names that the Rust compiler made are shown as in the source.
    pub fn backtrace(&self, frames: &[u32], profiled: bool) -> Option<Backtrace> {
        let names = self.function_names();
        Backtrace::new(frames.iter().map(|index| {
            let index = &match profiled {
                true => self.instrumented.index_without_profile(*index),
                false => *index,
            };
            let name = self
                .instrumented
                .original_index(*index)
                .and_then(|original| {
                    let at = names
                        .binary_search_by_key(&original, |(index, _)| *index)
                        .ok()?;
                    Some(format!("{:#}", rustc_demangle::demangle(&names[at].1)))
                });
            (*index, name)
        }))
    }

    /// Names of the functions, by their index in the module as uploaded.
    pub fn function_names(&self) -> &[(u32, String)] {
        self.names.get_or_init(|| {
            let mut names =
                decode(&self.blob).map_or_else(|_| Vec::new(), |raw| function_names(&raw));
            names.sort_by_key(|(index, _)| *index);
            names
        })
    }

    /// What people call a function, given by its index in the module as uploaded: its name or, if it has none, that of
    /// its export.
    pub fn function_label(&self, index: u32) -> String {
        let names = self.function_names();
        if let Ok(at) = names.binary_search_by_key(&index, |(index, _)| *index)
            && !names[at].1.is_empty()
        {
            return names[at].1.clone();
        }
        let exported = self.exported.get_or_init(|| {
            decode(&self.blob).map_or_else(|_| Vec::new(), |raw| exported_functions(&raw))
        });
        match exported.iter().find(|(exported, _)| *exported == index) {
            Some((_, name)) => name.clone(),
            None => format!("func[{index}]"),
        }
    }

    /// Counts instructions that fast code has executed; returns how many there were before.
    pub fn add_fast_instructions(&self, instructions: u64) -> u64 {
        self.fast_instructions
            .fetch_add(instructions, Ordering::Relaxed)
    }

    /// Instructions that fast code has executed, of executions that have ended.
    pub fn fast_instructions(&self) -> u64 {
        self.fast_instructions.load(Ordering::Relaxed)
    }

    /// True if machine code of this code generator is at hand.
    pub fn is_compiled(&self, tier: Tier) -> bool {
        self.code[tier as usize].get().is_some()
    }
}

fn rewrite(
    raw: &[u8],
    facts: &ModuleFacts,
    limits: &ValidationLimits,
    metering: Metering,
) -> Result<Instrumented, ExecutionError> {
    instrument(raw, facts, limits, metering).map_err(|error| match error {
        InstrumentError::Module(error) => ExecutionError::Module(error),
        InstrumentError::Engine(text) => ExecutionError::Engine(text),
    })
}

impl ModuleFacts {
    /// Bytes that the `icp:` sections count as memory (management-canister.md 6.1).
    pub fn custom_section_bytes(&self) -> u64 {
        self.custom_sections
            .iter()
            .map(|section| (section.name.len() + 1 + section.content.len()) as u64)
            .sum()
    }

    /// True for a module with enhanced orthogonal persistence (system-api.md 5.9).
    pub fn keeps_main_memory(&self) -> bool {
        self.custom_sections
            .iter()
            .any(|section| section.name == "enhanced-orthogonal-persistence")
    }
}

/// True if a module file declares a 64-bit memory; false if it cannot be read.
pub fn declares_memory64(blob: &[u8]) -> bool {
    let Ok(raw) = decode(blob) else {
        return false;
    };
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .any(|payload| match payload {
            Ok(wasmparser::Payload::MemorySection(memories)) => memories
                .into_iter()
                .next()
                .is_some_and(|memory| memory.is_ok_and(|memory| memory.memory64)),
            _ => false,
        })
}

/// The content of a module file's `icp:` section of this name, public or private; nothing if there is none or the file cannot be
/// read.
pub fn icp_section(blob: &[u8], name: &str) -> Option<Vec<u8>> {
    let raw = decode(blob).ok()?;
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .map_while(Result::ok)
        .find_map(|payload| match payload {
            wasmparser::Payload::CustomSection(section) => {
                let after = section.name().strip_prefix("icp:p")?;
                let found = after
                    .strip_prefix("ublic ")
                    .or(after.strip_prefix("rivate "))?;
                (found == name).then(|| section.data().to_vec())
            }
            _ => None,
        })
}

/// True if a module file has a custom section of this name; false if it cannot be read.
pub fn has_custom_section(blob: &[u8], name: &str) -> bool {
    let Ok(raw) = decode(blob) else {
        return false;
    };
    wasmparser::Parser::new(0)
        .parse_all(&raw)
        .map_while(Result::ok)
        .any(|payload| matches!(payload, wasmparser::Payload::CustomSection(section) if section.name() == name))
}
