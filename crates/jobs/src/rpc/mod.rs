//! Read-only Ethereum JSON-RPC for guests: which methods and parameters are let through, and who answers: a fixture, a
//! proxy or a node. How a guest hands over its request is not decided here but in `host`.

mod cache;
mod fixture;
mod hex;
mod http;
mod message;
mod methods;
mod record;
mod service;
mod session;
mod upstream;

pub use cache::Cache;
pub use fixture::Fixture;
pub(crate) use hex::quantity;
pub use message::{RpcError, error_answer};
pub use methods::{Methods, READ_METHODS, WRITE_METHODS};
pub use record::Recorder;
pub use service::{Call, Service, ServiceLimits};
pub use session::{Answers, Session, Spent, Terms};
pub use upstream::{Target, Upstream};
