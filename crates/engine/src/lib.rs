//! Runs WebAssembly whose instructions are counted, whose memory can be undone, and that can tell which functions it
//! spends its time in.
//!
//! Knows no chain, no messages and no prices: all that is a [`Host`]'s.

mod code;
mod engine;
mod failure;
mod features;
mod guest;
mod host;
mod instance;
pub mod memory;
mod meter;
mod module;
pub mod record;
pub mod rewrite;
mod run;
mod sections;
#[cfg(test)]
mod testing;
mod tier;

pub use code::Settings;
pub use engine::Engine;
pub use failure::{Failure, Resource};
pub use features::FEATURES;
pub use guest::{Address, Function, Guest, Imports, NoMemory, Returned, Stopped, Word};
pub use host::{Activation, Host};
pub use instance::{Instance, Parked, Program};
pub use meter::Exhausted;
pub use module::{Frame, GlobalValue, Module};
pub use run::{End, Entry, NotEntered, Order, Run, TrapKind, Usage};
pub use sections::{Sections, parser};
pub use tier::{Choice, Tier, WASM_STACK};
