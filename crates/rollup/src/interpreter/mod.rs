//! An interpreter that can stop at every tick: its state is plain data, and its ticks are those of the original.

mod bulk;
mod memory;
mod numeric;
mod profile;
mod start;
mod state;
mod step;
mod vector;

pub(crate) use memory::MAX_TABLE;
pub use profile::{Frame, Profile};
pub use state::{Ended, Event, Machine};
pub use step::{AFTER_RUN, Context};

use std::fmt;

/// Why a kernel could not go on, in the words of the original's interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum Trap {
    Unreachable,
    MemoryOutOfBounds,
    TableOutOfBounds,
    DivideByZero,
    Overflow,
    CallTypeMismatch,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable executed",
            Self::MemoryOutOfBounds => "out of bounds memory access",
            Self::TableOutOfBounds => "out of bounds table access",
            Self::DivideByZero => "integer divide by zero",
            Self::Overflow => "integer overflow",
            Self::CallTypeMismatch => "indirect call type mismatch",
        })
    }
}
