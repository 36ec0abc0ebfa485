//! What a replica of a certain date does otherwise than one of another date, as values: sizes, numbers, methods, shapes of
//! replies. What is the same at all dates stands where it is used; what depends on the kind of subnet stands in [`limits`].
//!
//! A difference is a row of the table below, a date is a column. No other file asks for a date.

pub mod limits;

pub use limits::{Limits, Slicing, SubnetType};

use crate::module::ValidationLimits;

/// Bytes that bookkeeping counts as memory, which changed over time (management-canister.md 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookkeeping {
    /// An entry of the history, beside its controllers.
    pub history_entry: u64,
    /// A global.
    pub global: u64,
}

/// Which methods the management canister has (management-canister.md, Appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodSet {
    /// Those of March 2025.
    March2025,
    /// Those of October 2025.
    October2025,
}

/// Which fields the replies of `canister_status`, `canister_info` and `subnet_info` have (management-canister.md 1.7, 1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// Those of March 2025.
    March2025,
    /// Those of October 2025.
    October2025,
}

/// Makes the type out of the rows, and a constant out of each column.
macro_rules! protocols {
    (
        $(#[$doc_a:meta])* $a:ident,
        $(#[$doc_b:meta])* $b:ident;
        $($(#[$doc:meta])* $field:ident: $kind:ty = $of_a:expr, $of_b:expr;)*
    ) => {
        /// A dated replica: everything that changed with time.
        #[derive(Clone, Copy, Debug)]
        pub struct Protocol {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl Protocol {
            $(#[$doc_a])*
            pub const $a: Protocol = Protocol { $($field: $of_a,)* };
            $(#[$doc_b])*
            pub const $b: Protocol = Protocol { $($field: $of_b,)* };
        }
    };
}

protocols! {
    /// The replica of March 2025, which the original program was built from.
    MARCH_2025,
    /// The replica of October 2025.
    OCTOBER_2025;

    /// Name of the date.
    name: &'static str = "2025-03", "2025-10";
    /// Memory of a subnet, in bytes (metering.md 7.4).
    subnet_memory: u64 = 1 << 40, 2 << 40;
    /// Use of a subnet's memory from which on cycles are set aside for more, in bytes (metering.md 8.6).
    reservation_start: u64 = 450 << 30, 750 << 30;
    /// What modules may be (wasm.md).
    modules: ValidationLimits = ValidationLimits::OLD_DRUN, ValidationLimits::REPLICA;
    /// What bookkeeping counts as memory.
    bookkeeping: Bookkeeping =
        Bookkeeping { history_entry: 112, global: 8 },
        Bookkeeping { history_entry: 160, global: 32 };
    /// `ic0.trap` pays for the record in the canister's log.
    trap_logs_are_charged: bool = false, true;
    /// The methods of the management canister.
    methods: MethodSet = MethodSet::March2025, MethodSet::October2025;
    /// The fields of its replies.
    replies: Replies = Replies::March2025, Replies::October2025;
    /// `install_code` takes a compute and a memory allocation.
    install_takes_allocations: bool = true, false;
    /// Largest memory allocation that a canister can ask for, in bytes, where it is less than what 64 bits hold.
    max_memory_allocation: Option<u64> = Some(543_313_362_944), None;
    /// Canisters have environment variables, and the creation of one records their hash.
    environment_variables: bool = false, true;
    /// Canisters have a limit for the memory of their logs.
    log_memory_limit: bool = false, true;
    /// `update_settings` of users with no longer an argument, in bytes, is paid when it has taken effect (metering.md 8.4).
    late_charge_bytes: usize = 267, 324;
    /// An allocation is counted in where an error tells for how much memory cycles are missing.
    growth_errors_count_allocations: bool = false, true;
    /// Snapshots that a canister may have.
    max_snapshots: usize = 1, 10;
    /// A canister can be given the snapshot of another one.
    snapshots_of_others: bool = false, true;
}

impl Protocol {
    /// The newest date that is known here.
    pub const NEWEST: Protocol = Protocol::OCTOBER_2025;
}
