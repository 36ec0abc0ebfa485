//! The Internet Computer as a library of plain data and rules.
//!
//! The rooms, from the top: [`subnet`] uses [`management`] and [`execution`]; these use [`canister`] and [`system_api`];
//! all code of canisters goes through [`wasm`]. [`errors`] holds every text; [`statistics`] and [`profile`] keep what a
//! run tells of itself.

#![forbid(unsafe_code)]

pub mod canister;
pub mod compat;
pub mod config;
pub mod errors;
pub mod execution;
pub mod fees;
pub mod management;
pub mod outcome;
pub mod profile;
pub mod statistics;
pub mod subnet;
pub mod system_api;
pub mod time;
pub mod wasm;

pub use compat::Compat;
pub use config::Config;
pub use drun_engine::Failure;
pub use execution::until_failure;
pub use outcome::Outcome;
pub use subnet::Subnet;
