//! What became of one message of a script.
//!
//! Owns plain data that the subnet fills in and `report` prints; no rules.

use candid::Principal;

use crate::errors::UserError;

/// Which line of a script a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// `create`
    Create,
    /// `install`
    Install,
    /// `reinstall`
    Reinstall,
    /// `upgrade`
    Upgrade,
    /// `ingress`
    Ingress,
    /// `query`
    Query,
}

impl MessageKind {
    /// The word of the script.
    pub fn name(self) -> &'static str {
        match self {
            MessageKind::Create => "create",
            MessageKind::Install => "install",
            MessageKind::Reinstall => "reinstall",
            MessageKind::Upgrade => "upgrade",
            MessageKind::Ingress => "ingress",
            MessageKind::Query => "query",
        }
    }
}

/// The end of one message, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which line of the script it was.
    pub kind: MessageKind,
    /// The canister that the message names; `None` for `create`.
    pub canister: Option<Principal>,
    /// The method that the message names; `None` unless an ingress or a query.
    pub method: Option<String>,
    /// How it ended.
    pub result: MessageResult,
    /// Instructions executed for it.
    pub instructions: u64,
    /// Rounds from its submission to its answer.
    pub rounds: u64,
    /// Cycles charged to canisters for it, less those given back: the fees of what ran, not what canisters sent each other.
    pub cycles: i128,
    /// Heap pages changed, of 4 KiB.
    pub heap_pages: u64,
    /// Stable memory pages written, of 4 KiB.
    pub stable_pages: u64,
    /// What canisters printed meanwhile, in order.
    pub debug: Vec<DebugPrint>,
}

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
