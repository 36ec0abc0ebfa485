//! Runs ONE entry point of ONE canister: circumstances in, effects out. Commits or undoes heap, stable memory and globals;
//! everything else that the canister asked for is handed back as data. Knows no rounds, queues or calls.

mod recording;
mod runtime;
mod traps;

use drun_engine::memory::ParkedStable;

use crate::answer::DebugPrint;
use crate::canister::contexts::Closure;
use crate::canister::log::Log;
use crate::errors::ExecutionError;
use crate::ic0::exec::{Answer, Dependencies, MemoryRules, MessageView, PerformedCall};
use crate::ic0::mode::Mode;

pub use recording::Recording;
pub(crate) use runtime::over_allowance;
pub use runtime::{Runtime, until_failure};

/// Which function runs.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An exported function.
    Export(String),
    /// A function of the table.
    Table(Closure),
}

/// What becomes of the memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Changes are undone, as in queries.
    Never,
    /// Changes stay if the execution succeeds.
    IfSuccessful,
    /// As before, but if the execution took more than one slice its changes are set aside to become visible later.
    ParkIfSliced,
    /// If the execution succeeds its changes are set aside.
    Park,
}

/// An order to run something.
#[derive(Debug)]
pub struct Job {
    /// Which function.
    pub entry: Entry,
    /// In which context.
    pub mode: Mode,
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// What it is about.
    pub message: MessageView,
    /// Instructions it may use.
    pub limit: u64,
    /// Instructions of a slice.
    pub slice: u64,
    /// The limit that errors name.
    pub reported_limit: u64,
    /// Cycles that the canister sees.
    pub balance: u128,
    /// Callbacks that it may register.
    pub free_callbacks: u64,
    /// What growing memory is checked against.
    pub memory: MemoryRules,
    /// What becomes of the memories.
    pub keep: Keep,
}

/// New state of the memories that is not visible yet.
#[derive(Clone, Debug)]
pub struct Parked {
    heap: drun_engine::Parked,
    stable: ParkedStable,
}

/// What an execution did.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Which function ran.
    pub entry: Entry,
    /// What it was about; nothing of it changed but the cycles that are left.
    pub message: MessageView,
    /// In which context it ran.
    pub mode: Mode,
    /// Whether it succeeded.
    pub result: Result<(), ExecutionError>,
    /// Instructions used, with changed heap pages.
    pub instructions: u64,
    /// Instructions of each slice.
    pub slices: Vec<u64>,
    /// 4 KiB heap pages changed.
    pub heap_pages: u64,
    /// 4 KiB stable pages written.
    pub stable_pages: u64,
    /// The answer it gave. Like all that follows to be dropped if it failed.
    pub answer: Option<Answer>,
    /// Calls it made.
    pub calls: Vec<PerformedCall>,
    /// Cycles that the canister sees at the end.
    pub balance: u128,
    /// Cycles that it set aside for storage.
    pub reserved: u128,
    /// Cycles that it burned.
    pub burned: u128,
    /// `accept_message` was called.
    pub accepted: bool,
    /// The timer as set.
    pub timer_set: Option<u64>,
    /// The certified data as set.
    pub certified_data: Option<Vec<u8>>,
    /// What it depended on.
    pub dependencies: Dependencies,
    /// The heap grew.
    pub grew: bool,
    /// For the canister's log; stays in any case.
    pub log: Log,
    /// For the screen, each with the slice in which it was printed, from 0; stays in any case.
    pub prints: Vec<(usize, DebugPrint)>,
    /// The new state, if it was set aside.
    pub parked: Option<Box<Parked>>,
    /// Which functions the instructions were spent in, if the settings ask for it.
    pub recording: Option<Recording>,
}
