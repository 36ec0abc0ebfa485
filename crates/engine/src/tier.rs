//! The kinds of machine code that a module can be run as, and what each needs.

use crate::rewrite::Metering;

/// Stack of Wasm code, in bytes. Where it ends is for the optimizing code to say, so that the depth of recursion is the same for
/// all code: the others have so much less or more that what suffices for them, or does not, is beyond doubt.
pub const WASM_STACK: usize = 5 << 20;
/// Frames of two kinds of code differ by less than this factor: all of them keep what is alive across a call, and little else.
const FRAMES: usize = 8;
/// Stack of fast code, of the interpreter and of cautious code. Where it does not suffice, the optimizing code decides.
const FAST_STACK: usize = WASM_STACK / FRAMES;
/// Stack of profiled code.
const PROFILED_STACK: usize = WASM_STACK * FRAMES;

/// A code generator, and how the code that it makes counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Winch: one pass, compiles ten times as fast.
    Fast = 0,
    /// Cranelift. Its code is the fastest, but has to be run again by [`Tier::Exact`] when it ends where the counter
    /// is not known, and when a slice ends.
    Optimizing = 1,
    /// Cranelift, for code that can go on behind every slice and knows the counter at every operator.
    Exact = 2,
    /// The same, on a module that tells which functions run.
    Profiled = 3,
    /// No machine code: the interpreter, which starts at once and is some ten times slower.
    Interpreter = 4,
    /// The code of [`Tier::Exact`] with as little stack as fast code has: for executions that begin with it. Where that does
    /// not suffice, the optimizing code decides; without this the depth would depend on what a canister did before.
    Cautious = 5,
}

/// How many they are.
pub(crate) const TIERS: usize = 6;

impl Tier {
    /// How a module is rewritten for it; the interpreter charges by itself what [`Metering::Global`] would.
    pub(crate) fn metering(self) -> Metering {
        match self {
            Tier::Fast | Tier::Interpreter => Metering::Global,
            Tier::Optimizing => Metering::Lazy,
            Tier::Exact | Tier::Cautious => Metering::Eager,
            Tier::Profiled => Metering::Profiled,
        }
    }

    /// Bytes of stack that its code may use.
    pub(crate) fn stack(self) -> usize {
        match self {
            Tier::Fast | Tier::Interpreter | Tier::Cautious => FAST_STACK,
            Tier::Optimizing | Tier::Exact => WASM_STACK,
            Tier::Profiled => PROFILED_STACK,
        }
    }
}

/// Which code generators are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The interpreter at first, the fast one for what goes on, and the optimizing one for what works long.
    #[default]
    Auto,
    /// As [`Choice::Auto`], but each makes way for the next after a few instructions, whatever that costs: for tests.
    Hasty,
    /// The interpreter, where it knows how to run the module, and then the fast one.
    Interpreter,
    /// The fast one, where it supports the module.
    Fast,
    /// The optimizing one.
    Optimizing,
    /// [`Tier::Cautious`] from the beginning: slower, but nothing is run twice unless it recurses deep.
    Exact,
}
