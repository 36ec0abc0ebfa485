//! What a node tells of a message: how it ended, and what canisters printed.
//!
//! Owns plain data; no rules.

use candid::Principal;

use crate::errors::UserError;

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageResult {
    /// With a reply.
    Replied(Vec<u8>),
    /// With a reject that the canister itself chose.
    Rejected(String),
    /// With an error.
    Failed(UserError),
}

/// One `ic0.debug_print`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugPrint {
    /// The time of the round, in nanoseconds since 1970-01-01 00:00:00 UTC.
    pub time: u64,
    /// The canister that printed.
    pub canister: Principal,
    /// The text, possibly of several lines.
    pub text: String,
}

/// The answer of the management canister.
impl From<Result<Vec<u8>, UserError>> for MessageResult {
    fn from(result: Result<Vec<u8>, UserError>) -> Self {
        match result {
            Ok(reply) => MessageResult::Replied(reply),
            Err(error) => MessageResult::Failed(error),
        }
    }
}
