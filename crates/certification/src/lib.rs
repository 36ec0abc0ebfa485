//! What makes answers of the Internet Computer believable: hash trees, certificates and the keys that sign them, the encrypted keys of
//! vetKD, and (feature `agent`) signed requests and the endpoints that agents talk to, as functions from bytes to bytes.
//! Owns no canister, no clock and no socket: a host gives the state through [`agent::Network`] and carries the bytes.

#![forbid(unsafe_code)]

#[cfg(feature = "agent")]
pub mod agent;
pub mod bls;
pub mod cbor;
pub mod certificate;
pub mod data;
pub mod hash_tree;
mod leb128;
#[cfg(feature = "agent")]
pub mod request;
pub mod subnet;
pub mod tree;
pub mod vetkd;

pub use certificate::{Certificate, Delegation};
pub use hash_tree::HashTree;
pub use ic_principal::Principal;
pub use subnet::SubnetKey;
pub use tree::Tree;
