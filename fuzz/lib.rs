//! The targets, for cargo-fuzz.

#[path = "../tests/fuzz/targets/mod.rs"]
pub mod targets;
