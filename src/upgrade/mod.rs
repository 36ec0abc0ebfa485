//! Whether a canister can be upgraded from one module to another, before anybody does it.
//!
//! Owns two of the three verdicts, which need no node: the interface, and Motoko's stable variables. That the upgrade runs is
//! tried by the command line. It opens no file and prints nothing.

mod service;
mod stable;

pub use service::{Break, breaks};
pub use stable::{Clash, clashes};
