//! Runs WebAssembly canisters of the Internet Computer on one machine, deterministically, message by message.

pub mod canister;
pub mod cli;
pub mod compat;
pub mod config;
pub mod errors;
pub mod execution;
pub mod fees;
pub mod management;
pub mod outcome;
pub mod report;
pub mod script;
pub mod subnet;
pub mod system_api;
pub mod time;
pub mod wasm;
