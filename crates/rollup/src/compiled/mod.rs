//! Kernels as compiled code, on `drun-engine`, with exact ticks.
//!
//! A kernel counts its own ticks (see [`instrument`]); whatever does not simply return (a trap, a start function, a call
//! stack that is too deep) is left to the interpreter, whose verdict counts, as in the original.

mod executor;
mod host;
pub mod instrument;
#[cfg(test)]
mod programs;

pub use executor::Compiled;
