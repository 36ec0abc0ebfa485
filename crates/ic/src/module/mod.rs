//! The modules of canisters as bytes: decoding, validating, what is known about them, how the engine is to rewrite them.
//! Knows nothing of messages, cycles or canisters.

mod complexity;
mod decode;
mod facts;
mod ic0_table;
mod inflate_fault;
mod labels;
mod names;
mod peek;
mod plan;
mod survey;
mod validate;
mod weights;
#[cfg(test)]
mod weights_tests;

pub use decode::{decode, stated_size};
pub use drun_engine::{GlobalValue, memory};
pub use facts::{CustomSection, MethodKind, ModuleFacts};
pub use ic0_table::{Ic0Function, Slot, ic0_functions};
pub use labels::ModuleNames;
pub use peek::{declares_memory64, has_custom_section, icp_section};
pub use plan::{START_EXPORT, plan};
pub use survey::{FunctionSize, Survey};
pub use validate::{ValidationLimits, validate};
