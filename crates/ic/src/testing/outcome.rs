//! What became of a call, and why one failed.

use std::fmt;

use crate::answer::{DebugPrint, MessageResult};
use crate::errors::UserError;

/// The end of one message, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub result: MessageResult,
    /// Instructions executed for it, in all canisters.
    pub instructions: u64,
    /// Rounds from its submission to its answer.
    pub rounds: u64,
    /// Cycles charged for it, less those given back: fees, not what canisters sent each other.
    pub cycles: i128,
    /// What canisters printed meanwhile, in order.
    pub prints: Vec<DebugPrint>,
}

impl Outcome {
    /// The reply's bytes.
    ///
    /// # Errors
    /// A reject or an error.
    pub fn reply(&self) -> Result<&[u8], CallError> {
        match &self.result {
            MessageResult::Replied(bytes) => Ok(bytes),
            MessageResult::Rejected(text) => Err(CallError::Rejected(text.clone())),
            MessageResult::Failed(error) => Err(CallError::Failed(error.clone())),
        }
    }

    /// Itself if it is a reply.
    ///
    /// # Errors
    /// A reject or an error.
    pub fn ok(self) -> Result<Outcome, CallError> {
        self.reply()?;
        Ok(self)
    }
}

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The canister rejected it, in its own words.
    Rejected(String),
    /// An error, with its code and the network's words.
    Failed(UserError),
    /// A value does not fit into Candid, or a reply not into the type that was asked for.
    Candid(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected(text) => write!(f, "rejected: {text}"),
            CallError::Failed(error) => write!(f, "{error}"),
            CallError::Candid(reason) => write!(f, "Candid: {reason}"),
        }
    }
}

impl std::error::Error for CallError {}
