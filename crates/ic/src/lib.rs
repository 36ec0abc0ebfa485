//! The Internet Computer as a library of plain data and rules.
//!
//! The rooms, from the top: [`node`] uses [`management`] and [`execution`]; these use [`canister`] and [`system_api`];
//! all code of canisters goes through [`wasm`]. [`errors`] holds every text; [`statistics`] and [`profile`] keep what a
//! run tells of itself.

#![forbid(unsafe_code)]

pub mod answer;
pub mod canister;
pub mod config;
pub mod errors;
pub mod execution;
pub mod fees;
pub mod management;
pub mod node;
pub mod profile;
pub mod protocol;
pub mod statistics;
pub mod system_api;
pub mod testing;
pub mod time;
pub mod wasm;

pub use config::NodeSettings;
pub use drun_engine::Failure;
pub use execution::until_failure;
pub use node::Node;
pub use protocol::Protocol;
