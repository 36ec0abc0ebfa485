//! The Internet Computer as a library of plain data and rules.
//!
//! The rooms, from the top: [`node`] uses [`management`] and [`execution`]; these use [`canister`] and [`ic0`];
//! all code of canisters goes through [`wasm`]. [`errors`] holds every text; [`observe`] is who
//! watches a node.

#![forbid(unsafe_code)]

pub mod answer;
pub mod canister;
pub mod certify;
pub mod config;
pub mod errors;
pub mod execution;
pub mod fees;
pub mod ic0;
pub mod management;
pub mod module;
pub mod node;
pub mod observe;
pub mod protocol;
pub mod testing;
pub mod time;

pub use certify::Certify;
pub use config::NodeSettings;
pub use drun_engine::Failure;
pub use execution::until_failure;
pub use node::Node;
pub use protocol::Protocol;
