//! A module that may run: the file, what its host knows about it, and what was made of it. Machine code is kept here,
//! by code generator; who makes it is the business of `code`.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::host::Host;
use crate::interpreter::Program;
use crate::memory::is_portable;
use crate::rewrite::{Metering, Plan, Rewritten, SavedGlobal, Shape, rewrite, survey};
use crate::tier::{TIERS, Tier};

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

/// A function in a trace of those that were running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its index in the rewritten module, the same for all kinds of code.
    pub index: u32,
    /// Its index in the module itself; `None` for a function that was added.
    pub original: Option<u32>,
}

/// A module that its host has admitted.
pub struct Module<H: Host> {
    /// The rules by which it was.
    pub host: H,
    /// The file, as it was loaded.
    pub blob: Arc<[u8]>,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// What the host knows about it.
    pub facts: H::Facts,
    /// As first compiled. The rewritten module itself is missing if machine code of it was in the cache.
    pub(crate) rewritten: Rewritten,
    /// Machine code, by code generator.
    pub(crate) code: [OnceLock<wasmtime::Module>; TIERS],
    /// For the interpreter, if it can run the module; made when it first is to.
    program: OnceLock<Option<Arc<Program>>>,
    /// The interpreter has met a function that it cannot run.
    uninterpretable: AtomicBool,
    fast_instructions: AtomicU64,
    interpreted_instructions: AtomicU64,
}

impl<H: Host> fmt::Debug for Module<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({})", hex::encode(self.hash))
    }
}

impl<H: Host> Module<H> {
    /// A module that nobody means to run: admitted and rewritten, but no code is made of it.
    ///
    /// # Errors
    /// The verdict of the host.
    pub fn admit(host: &H, blob: Arc<[u8]>) -> Result<Self, H::Refusal> {
        let hash = Sha256::digest(&blob).into();
        Module::new(host, blob, hash, |_| Tier::Interpreter)
    }

    /// Admits and rewrites a module, for a code generator that is chosen when it is known.
    pub(crate) fn new(
        host: &H,
        blob: Arc<[u8]>,
        hash: [u8; 32],
        tier: impl FnOnce(&Shape) -> Tier,
    ) -> Result<Self, H::Refusal> {
        let raw = host.unpack(&blob)?;
        let facts = host.examine(&raw)?;
        let plan = host.plan(&facts);
        let tier = tier(&plan.shape);
        let (mut rewritten, mut program) = (None, None);
        if tier == Tier::Interpreter {
            rewritten = survey(&raw, &plan).map_err(|defect| host.refuse(defect))?;
            program = program_of(&blob, &raw, &plan);
        }
        let rewritten = match rewritten {
            Some(surveyed) if program.is_some() => surveyed,
            _ => {
                let made = rewrite(&raw, &plan, tier.metering(), is_portable());
                made.map_err(|defect| host.refuse(defect))?
            }
        };
        drop((raw, plan));
        let mut module = Module::from_parts(host, blob, hash, facts, rewritten);
        if program.is_some() {
            module.program = OnceLock::from(program);
        }
        Ok(module)
    }

    /// A module for the interpreter that was admitted before; nothing if it is not for the interpreter after all.
    pub(crate) fn known(
        host: &H,
        blob: Arc<[u8]>,
        hash: [u8; 32],
        facts: H::Facts,
        rewritten: Rewritten,
    ) -> Option<Self> {
        let raw = host.unpack(&blob).ok()?;
        let program = program_of(&blob, &raw, &host.plan(&facts))?;
        drop(raw);
        let mut module = Module::from_parts(host, blob, hash, facts, rewritten);
        module.program = OnceLock::from(Some(program));
        Some(module)
    }

    /// A module that was admitted and rewritten before.
    pub(crate) fn from_parts(
        host: &H,
        blob: Arc<[u8]>,
        hash: [u8; 32],
        facts: H::Facts,
        rewritten: Rewritten,
    ) -> Self {
        Module {
            host: host.clone(),
            blob,
            hash,
            facts,
            rewritten,
            code: Default::default(),
            program: OnceLock::new(),
            uninterpretable: AtomicBool::new(false),
            fast_instructions: AtomicU64::new(0),
            interpreted_instructions: AtomicU64::new(0),
        }
    }

    /// The module for the interpreter, if it can run it and that was made.
    pub(crate) fn program(&self) -> Option<&Arc<Program>> {
        let able = !self.uninterpretable.load(Ordering::Relaxed);
        self.program.get()?.as_ref().filter(|_| able)
    }

    /// As [`Self::program`], made of the file if it was not.
    pub(crate) fn make_program(&self) -> Option<&Arc<Program>> {
        self.program.get_or_init(|| {
            let raw = self.host.unpack(&self.blob).ok()?;
            program_of(&self.blob, &raw, &self.host.plan(&self.facts))
        });
        self.program()
    }

    /// From now on only machine code is used.
    pub(crate) fn cannot_be_interpreted(&self) {
        self.uninterpretable.store(true, Ordering::Relaxed);
    }

    /// The module as rewritten for a code generator, made again if it was not kept.
    pub(crate) fn rewritten_for(&self, metering: Metering) -> Result<Cow<'_, [u8]>, H::Refusal> {
        let kept = &self.rewritten;
        if !kept.wasm.is_empty() && kept.metering == metering {
            return Ok(Cow::Borrowed(&kept.wasm));
        }
        let raw = self.host.unpack(&self.blob)?;
        let made = rewrite(&raw, &self.host.plan(&self.facts), metering, is_portable());
        Ok(Cow::Owned(
            made.map_err(|defect| self.host.refuse(defect))?.wasm,
        ))
    }

    /// What the module is like.
    pub fn shape(&self) -> &Shape {
        &self.rewritten.shape
    }

    /// Operators by which compiling may be charged (`W` of metering.md 5.2): those of the rewritten module, with what
    /// [`crate::rewrite::Plan::compile_base`] adds.
    pub fn compile_operators(&self) -> u64 {
        self.rewritten.compile_operators
    }

    /// The globals that make up the state of an instance, in the order in which their values are kept.
    pub fn saved_globals(&self) -> &[SavedGlobal] {
        &self.rewritten.saved_globals
    }

    /// What the memory holds at the beginning: offset and bytes.
    pub fn data(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.rewritten
            .data
            .iter()
            .map(|segment| (segment.offset, &segment.bytes[..]))
    }

    /// A trace from the indices that code of a tier has, innermost first.
    pub(crate) fn frames(&self, indices: impl Iterator<Item = u32>, tier: Tier) -> Vec<Frame> {
        let frame = |index| {
            let index = match tier {
                Tier::Interpreter => index,
                tier => self
                    .rewritten
                    .plain_index(index, tier.metering(), is_portable()),
            };
            Frame {
                index,
                original: self.rewritten.original_index(index),
            }
        };
        indices.map(frame).collect()
    }

    /// Counts instructions that fast code has executed; returns how many there were before.
    pub(crate) fn add_fast_instructions(&self, instructions: u64) -> u64 {
        self.fast_instructions
            .fetch_add(instructions, Ordering::Relaxed)
    }

    /// Instructions that fast code has executed, of executions that have ended.
    pub(crate) fn fast_instructions(&self) -> u64 {
        self.fast_instructions.load(Ordering::Relaxed)
    }

    /// Counts instructions that the interpreter has executed; returns how many there were before.
    pub(crate) fn add_interpreted_instructions(&self, instructions: u64) -> u64 {
        self.interpreted_instructions
            .fetch_add(instructions, Ordering::Relaxed)
    }

    /// Instructions that the interpreter has executed, of executions that have ended.
    pub(crate) fn interpreted_instructions(&self) -> u64 {
        self.interpreted_instructions.load(Ordering::Relaxed)
    }

    /// Whether there is machine code that takes over from the interpreter.
    pub(crate) fn has_code(&self) -> bool {
        self.is_compiled(Tier::Fast) || self.is_compiled(Tier::Optimizing)
    }

    /// True if machine code of this code generator is at hand.
    pub fn is_compiled(&self, tier: Tier) -> bool {
        self.code[tier as usize].get().is_some()
    }
}

/// The module for the interpreter; nothing if it is not for that.
fn program_of(blob: &Arc<[u8]>, raw: &[u8], plan: &Plan<'_>) -> Option<Arc<Program>> {
    // What was unpacked lies elsewhere.
    let wasm = match std::ptr::eq(&**blob, raw) {
        true => Arc::clone(blob),
        false => raw.into(),
    };
    Program::new(wasm, plan).map(Arc::new)
}
