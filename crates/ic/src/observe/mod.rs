//! Who watches a node: one trait, [`Observer`], and what is made of it here: [`Statistics`], [`Profile`], printed lines,
//! failures that nobody sees.
//!
//! Owns what is told to observers and what they keep. Nothing that a node does depends on it; observers are called per
//! message, execution and line, never per instruction.

mod label;
mod observer;
mod observers;
mod prints;
pub mod profile;
pub mod statistics;
mod unseen;

pub use drun_engine::record::Stack;
pub use label::Label;
pub use observer::{Begun, Cause, Flood, Observer, Places, Preparation, Run};
pub use observers::Observers;
pub use prints::{KeptPrints, PrintHook, Prints};
pub use profile::Profile;
pub use statistics::Statistics;
pub use unseen::{Unseen, UnseenFailures};
