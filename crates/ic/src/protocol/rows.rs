//! The types of the values in the table of the parent, with values that have a name of their own.

use std::fmt;

/// What the rules of a date are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Records of the real programs: exact to the last instruction and byte.
    Records,
    /// Documents alone; what they leave open is chosen (since-october-2025.md 11, since-october-2025-rules.md 9).
    Documents,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Evidence::Records => "by records of the real programs",
            Evidence::Documents => "by documents alone",
        })
    }
}

/// Bytes that bookkeeping counts as memory, which changed over time (management-canister.md 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookkeeping {
    /// An entry of the history, beside its controllers.
    pub history_entry: u64,
    /// A global.
    pub global: u64,
    /// A log, beside its limit; where this is zero logs are not counted (since-october-2025.md 5.1).
    pub log_store: u64,
}

/// Which fields replies have (management-canister.md 1.7, 1.8; since-october-2025.md 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// Those of March 2025.
    March2025,
    /// Those of October 2025.
    October2025,
    /// Those of November 2026.
    November2026,
}

/// Instructions for touching memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagePrices {
    /// A page of 4 KiB of the heap that an execution has changed, by width of the module (metering.md 4.1).
    pub changed_heap: [u64; 2],
    /// The first write to a page of 4 KiB of stable memory (metering.md 4.2).
    pub written_stable: u64,
    /// The first access to 64 KiB of either memory, and once more the first write (since-october-2025-rules.md 1.1).
    pub touched: Option<u64>,
}

impl PagePrices {
    /// Changes are charged for: of the heap in the end, of stable memory when it is written.
    pub const CHANGED: PagePrices = PagePrices {
        changed_heap: [1000, 4000],
        written_stable: 1000,
        touched: None,
    };
    /// 5,000 instructions for each 4 KiB of the 64 that are looked after together.
    pub const TOUCHED: PagePrices = PagePrices {
        changed_heap: [0, 0],
        written_stable: 0,
        touched: Some(16 * 5000),
    };
}

/// What the log of a canister may hold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStore {
    /// There is a setting for it.
    pub can_be_set: bool,
    /// The smallest limit.
    pub min: u64,
    /// The largest limit.
    pub max: u64,
    /// Zero is allowed too, and switches the log off.
    pub can_be_off: bool,
    /// Instructions for each byte that is stored when the limit changes (since-october-2025-rules.md 1.3).
    pub resize_instructions: u64,
}

impl LogStore {
    /// Nobody knows of a limit.
    pub const ABSENT: LogStore = LogStore {
        can_be_set: false,
        min: 4096,
        max: 4096,
        can_be_off: false,
        resize_instructions: 0,
    };
    /// One size.
    pub const FIXED: LogStore = LogStore {
        can_be_set: true,
        ..LogStore::ABSENT
    };
    /// Up to 2 MiB.
    pub const ADJUSTABLE: LogStore = LogStore {
        can_be_set: true,
        max: 2 << 20,
        can_be_off: true,
        resize_instructions: 32,
        ..LogStore::ABSENT
    };
}

/// How who may not see a status is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusDenial {
    /// As one who does not control the canister, IC0512.
    Controllers,
    /// With a code of its own, IC0542.
    Own,
}

/// The documentation of errors until May 2026.
pub(crate) const OLD_DOCUMENTATION: &str =
    "https://internetcomputer.org/docs/current/references/execution-errors#";
/// Its new home. Whether a slash stands before the anchor was not seen in a real message.
pub(super) const DOCUMENTATION: &str =
    "https://docs.internetcomputer.org/references/execution-errors#";
