//! What became of one message of a script, and how its driver words it.
//!
//! Owns plain data that the runner fills in and `report` prints; no rules.

use candid::Principal;

pub use drun_ic::answer::{DebugPrint, MessageResult};

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
    /// `advance` and `tick`
    Advance,
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
            MessageKind::Advance => "advance",
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

/// In what the two programs differ when they print, under the format `drun`, what became of a message (scheduling.md 7.4, 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// An explicit reject prints as an error with the code IC0406.
    pub rejects_are_errors: bool,
    /// Of every start and stop of a canister by a user it is said that it is done, whatever became of it.
    pub starts_and_stops_succeed: bool,
    /// The first canister that a script creates prints as the one of number 0, whatever its id is.
    pub first_creation_is_number_0: bool,
}

impl Wording {
    /// How the original program prints.
    pub const ORIGINAL: Wording = Wording {
        rejects_are_errors: false,
        starts_and_stops_succeed: false,
        first_creation_is_number_0: false,
    };
    /// How the runner on a PocketIC server prints.
    pub const POCKET_IC: Wording = Wording {
        rejects_are_errors: true,
        starts_and_stops_succeed: true,
        first_creation_is_number_0: true,
    };
}
