//! The kinds of machine code that a module can be run as, and what each needs.

use crate::rewrite::Metering;

/// Stack of Wasm code, in bytes. It is the same for all code but the profiled, so that the depth of recursion is too.
pub const WASM_STACK: usize = 5 << 20;
/// Stack of profiled code, whose frames are larger, by a factor that is never reached.
const PROFILED_STACK: usize = 8 * WASM_STACK;

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
}

/// How many they are.
pub(crate) const TIERS: usize = 4;

impl Tier {
    pub(crate) fn metering(self) -> Metering {
        match self {
            Tier::Fast => Metering::Global,
            Tier::Optimizing => Metering::Lazy,
            Tier::Exact => Metering::Eager,
            Tier::Profiled => Metering::Profiled,
        }
    }

    /// Bytes of stack that its code may use.
    pub(crate) fn stack(self) -> usize {
        match self {
            Tier::Fast | Tier::Optimizing | Tier::Exact => WASM_STACK,
            Tier::Profiled => PROFILED_STACK,
        }
    }
}

/// Which code generators are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The fast one at first, and the optimizing one for what works long.
    #[default]
    Auto,
    /// The fast one, where it supports the module.
    Fast,
    /// The optimizing one.
    Optimizing,
    /// [`Tier::Exact`] from the beginning: slower, but nothing is ever run twice.
    Exact,
}
