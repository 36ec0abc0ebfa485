//! The ic0 imports: what a canister may ask of its host. One file per family; each function charges, checks its context,
//! checks its arguments and then acts, in that order (system-api.md 1.3). Owns no state beyond one execution.

mod activation;
mod answer;
mod api;
mod calls;
mod canister;
mod certificate;
mod cost;
mod cycles;
mod debug;
pub mod exec;
mod growth;
mod host;
mod message;
pub mod mode;
pub mod prints;
mod stable;

pub use api::{Address, Ic};
pub use calls::RESPONSE_RESERVATION_BYTES;
