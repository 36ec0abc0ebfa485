//! What a node tells of a message: how it ended, what it used, and what canisters printed.
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

/// What the message under way has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instructions of all executions.
    pub instructions: u64,
    /// Cycles charged, less those given back.
    pub cycles: i128,
    /// 4 KiB heap pages changed.
    pub heap_pages: u64,
    /// 4 KiB stable pages written.
    pub stable_pages: u64,
}

impl Usage {
    /// Counts cycles that were charged.
    pub fn charged(&mut self, cycles: u128) {
        self.cycles += cycles as i128;
    }
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
