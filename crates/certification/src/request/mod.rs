//! Requests of agents: the signed envelope, the id of its content, who signed it and until when it holds (interface specification,
//! "Request ids", "Authentication" and "Signatures"). Owns no request's effect: that is the endpoints'.

pub mod canister_signature;
mod chain;
mod content;
mod envelope;
mod expiry;
mod id;
mod key;
#[cfg(test)]
mod tests;
mod webauthn;

pub use content::{Call, Content, Kind, ReadState, SenderInfo};
pub use envelope::{Authority, Envelope, Malformed, Refused};
pub use expiry::{DRIFT, Expired, LIFETIME};
pub use id::{RequestId, hash_of};
pub use key::PublicKey;
