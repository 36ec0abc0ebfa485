//! The only rooms that know WebAssembly and wasmtime: decoding, validating, instrumenting, compiling, memories.
//! They know nothing of messages, cycles or canisters.

mod cache;
mod compiler;
mod complexity;
mod decode;
mod facts;
mod features;
mod inflate_fault;
mod instrument;
pub mod memory;
mod module;
mod names;
mod sections;
mod survey;
mod validate;
mod weights;
#[cfg(test)]
mod weights_tests;

pub use compiler::{Compiler, Tier, WASM_STACK};
pub use decode::stated_size;
pub use facts::{CustomSection, MethodKind, ModuleFacts};
pub use instrument::{COUNTER_EXPORT, MEMORY_EXPORT, TABLE_EXPORT};
pub use module::{CanisterModule, GlobalValue, declares_memory64, has_custom_section};
pub use survey::{FunctionSize, Survey};
pub use validate::{Ic0Function, Slot, ValidationLimits, ic0_functions};
