//! The Internet Computer as a library of plain data and rules.
//!
//! The rooms, from the top: [`net`] is several nodes with one clock; [`node`] uses [`management`] and [`execution`]; these use
//! [`canister`] and [`ic0`]. Code of canisters is run by the crate `drun_engine`; what a module is as a canister, [`module`]
//! tells. [`errors`] holds every text; [`observe`] is who watches a node.

#![forbid(unsafe_code)]

pub mod answer;
pub mod canister;
pub mod certify;
pub mod config;
#[allow(
    missing_docs,
    reason = "texts and codes are named as errors.md names them"
)]
pub mod errors;
pub mod execution;
pub mod fees;
pub mod ic0;
#[allow(
    missing_docs,
    reason = "arguments and replies have the fields of management-canister.md"
)]
pub mod management;
pub mod mock;
#[allow(
    missing_docs,
    reason = "the facts are named as metering.md and system-api.md name them"
)]
pub mod module;
pub mod net;
pub mod node;
pub mod observe;
pub mod outcall;
pub mod protocol;
pub mod testing;
pub mod time;

pub use certify::Certify;
pub use config::NodeSettings;
pub use drun_engine::allocator::OrExit;
pub use drun_engine::{Failure, check_cache, file_size, limit_caches, troubles};
pub use execution::until_failure;
pub use node::Node;
pub use protocol::Protocol;
