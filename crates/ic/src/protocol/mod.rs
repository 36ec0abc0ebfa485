//! What a replica of a certain date does otherwise than one of another date, as values: sizes, prices, numbers, methods, shapes
//! of replies. What is the same at all dates stands where it is used; what depends on the kind of subnet stands in [`limits`].
//!
//! A difference is a row of the table below, a date is a column. Tables of names (imports, methods, fields) have a column
//! with an [`Era`]. No other file asks for a date.

mod date;
pub mod limits;
mod rows;

pub use date::{Date, Era};
pub use limits::{Limits, Slicing, SubnetType};
pub(crate) use rows::OLD_DOCUMENTATION;
pub use rows::{Bookkeeping, Evidence, LogStore, PagePrices, Replies, StatusDenial};

use crate::module::ValidationLimits;

/// Makes the type out of the rows, and a constant out of each column. A row with a value too few or too many does not compile.
macro_rules! protocols {
    (
        $($(#[$doc_of:meta])* $name:ident),*;
        $($(#[$doc:meta])* $field:ident: $kind:ty = $values:tt;)*
    ) => {
        /// A dated replica: everything that changed with time.
        #[derive(Clone, Copy, Debug)]
        pub struct Protocol {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl Protocol {
            /// Every date, the oldest first.
            pub const ALL: [Protocol; Date::ALL.len()] = [$(Protocol::$name),*];
        }

        protocols! { @columns [$($(#[$doc_of])* $name,)*] [$($field: $kind = $values;)*] }
    };
    (@columns [] [$($field:ident: $kind:ty = [];)*]) => {};
    (@columns [$(#[$doc_of:meta])* $name:ident, $($names:tt)*] [$($field:ident: $kind:ty = [$value:expr $(, $more:expr)*];)*]) => {
        impl Protocol {
            $(#[$doc_of])*
            pub const $name: Protocol = Protocol { $($field: $value,)* };
        }
        protocols! { @columns [$($names)*] [$($field: $kind = [$($more),*];)*] }
    };
}

protocols! {
    /// The replica of March 2025, which the original program was built from.
    MARCH_2025,
    /// The replica of October 2025.
    OCTOBER_2025,
    /// The network of November 2026, by its documents alone (since-october-2025.md, since-october-2025-rules.md).
    NOVEMBER_2026;

    /// The date.
    date: Date = [Date::March2025, Date::October2025, Date::November2026];
    /// What its rules are known from.
    evidence: Evidence = [Evidence::Records, Evidence::Records, Evidence::Documents];

    /// Memory of a subnet, in bytes (metering.md 7.4).
    subnet_memory: u64 = [1 << 40, 2 << 40, 2 << 40];
    /// Use of a subnet's memory from which on cycles are set aside for more, in bytes (metering.md 8.6).
    reservation_start: u64 = [450 << 30, 750 << 30, 750 << 30];
    /// What modules may be, and what they may import (system-api.md 5, metering.md 7.4).
    modules: ValidationLimits = [ValidationLimits::OLD_DRUN, ValidationLimits::REPLICA, ValidationLimits::TODAY];
    /// What bookkeeping counts as memory.
    bookkeeping: Bookkeeping = [
        Bookkeeping { history_entry: 112, global: 8, log_store: 0 },
        Bookkeeping { history_entry: 160, global: 32, log_store: 0 },
        Bookkeeping { history_entry: 160, global: 32, log_store: 8192 }
    ];

    /// What touching memory costs.
    pages: PagePrices = [PagePrices::CHANGED, PagePrices::CHANGED, PagePrices::TOUCHED];
    /// Instructions of making an execution state, beside compiling (since-october-2025-rules.md 1.3).
    install_instructions: u64 = [0, 0, 20_000_000];
    /// Loading a snapshot is prepaid and counted like an installation (since-october-2025-rules.md 1.3).
    loads_are_installs: bool = [false, false, true];
    /// Messages that cannot be paid take nothing from a round (since-october-2025-rules.md 6.2).
    unpaid_is_free: bool = [false, false, true];
    /// Cycles a second for existing, on 13 nodes (since-october-2025-rules.md 2.1).
    base_fee: u128 = [0, 0, 10_000];
    /// Bytes of the message of `ic0.trap` that are kept (system-api.md 6.2).
    trap_message_bytes: u64 = [16_384, 32_768, 32_768];
    /// `ic0.trap` pays for the record in the canister's log.
    trap_logs_are_charged: bool = [false, true, true];
    /// `update_settings` of users with no longer an argument, in bytes, is paid when it has taken effect (metering.md 8.4).
    late_charge_bytes: usize = [267, 324, 324];
    /// Where error texts send their reader; an anchor follows directly (since-october-2025-rules.md 5.1).
    documentation: &'static str = [rows::OLD_DOCUMENTATION, rows::OLD_DOCUMENTATION, rows::DOCUMENTATION];

    /// The fields of replies.
    replies: Replies = [Replies::March2025, Replies::October2025, Replies::November2026];
    /// `install_code` takes a compute and a memory allocation.
    install_takes_allocations: bool = [true, false, false];
    /// Largest memory allocation that a canister can ask for, in bytes, where it is less than what 64 bits hold.
    max_memory_allocation: Option<u64> = [Some(543_313_362_944), None, None];
    /// A memory allocation is also a limit, and cannot be below what is used (since-october-2025.md 1.2).
    allocation_is_a_limit: bool = [true, true, false];
    /// An allocation is counted in where an error tells for how much memory cycles are missing.
    growth_errors_count_allocations: bool = [false, true, true];
    /// Largest `wasm_memory_threshold`, in bytes.
    max_wasm_memory_threshold: u64 = [u64::MAX, u64::MAX, 1 << 48];
    /// The low-memory hook counts what an allocation leaves (since-october-2025.md 1.2).
    hook_counts_allocations: bool = [true, true, false];
    /// Canisters have environment variables, and the creation of one records their hash.
    environment_variables: bool = [false, true, true];

    /// What a canister's log may hold.
    log_store: LogStore = [LogStore::ABSENT, LogStore::FIXED, LogStore::ADJUSTABLE];
    /// Bytes of records that a reply of `fetch_canister_logs` holds.
    log_reply_bytes: usize = [4096, 4096, 2_000_000];
    /// `fetch_canister_logs` obeys its filter, and answers canisters.
    logs_are_filtered: bool = [false, false, true];

    /// Snapshots that a canister may have.
    max_snapshots: usize = [1, 10, 10];
    /// A canister can be given the snapshot of another one.
    snapshots_of_others: bool = [false, true, true];
    /// `take_canister_snapshot` can uninstall the canister in the same step.
    snapshots_uninstall: bool = [false, false, true];

    /// Settings say who may see status and snapshots, and how many cycles a call has to bring (since-october-2025.md 2.1).
    settings_of_access: bool = [false, false, true];
    /// How who may not see a status is refused.
    status_denial: StatusDenial = [StatusDenial::Controllers, StatusDenial::Controllers, StatusDenial::Own];
    /// Composite queries may call the query methods of the management canister.
    management_answers_queries: bool = [false, false, true];

    /// A cleanup callback may ask for the reject code.
    reject_code_in_cleanup: bool = [false, false, true];
    /// The transform function of an HTTP outcall has a context of its own.
    transforms_have_a_context: bool = [false, false, true];
    /// There may be ECDSA keys of the curve secp256r1.
    secp256r1: bool = [false, false, true];
    /// HTTP outcalls of pricing version 2, and methods that change something (since-october-2025.md 4).
    outcalls_pay_as_they_go: bool = [false, false, true];
}

impl Protocol {
    /// The newest date that is known here.
    pub const NEWEST: Protocol = Protocol::NOVEMBER_2026;

    /// The replica of a date.
    pub fn of(date: Date) -> Self {
        let found = Self::ALL.into_iter().find(|protocol| protocol.date == date);
        found.expect("there is a column for every date")
    }
}

impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.date == other.date
    }
}

impl Eq for Protocol {}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        name.parse().map(Protocol::of)
    }
}

#[cfg(test)]
mod tests;
