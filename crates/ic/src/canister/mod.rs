//! The state of one canister: plain data and its transitions. Knows neither rounds nor engines.

pub mod chunks;
pub mod code;
pub mod consumed;
pub mod contexts;
pub mod debits;
pub mod history;
pub mod log;
pub mod queues;
pub mod settings;
pub mod snapshot_id;
pub mod snapshots;
pub mod tasks;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use candid::Principal;

pub use contexts::{CallbackId, ContextId};
pub use queues::IngressId;

use chunks::ChunkStore;
use code::Code;
use consumed::Consumed;
use contexts::CallContexts;
use debits::Debits;
use history::History;
use log::Log;
use queues::{InputQueues, OutputQueues};
use settings::{Settings, Visibility};
use snapshots::Snapshot;
use tasks::{LowMemoryHook, Task, TaskRotation};

use crate::module::memory::StableMemory;
pub use crate::protocol::Bookkeeping;

/// How code is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallMode {
    /// Into an empty canister.
    Install,
    /// In place of whatever there is.
    Reinstall,
    /// Keeping stable memory.
    Upgrade,
}

impl fmt::Display for InstallMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Install => "install",
            Self::Reinstall => "reinstall",
            Self::Upgrade => "upgrade",
        })
    }
}

/// Who waits for a canister to stop.
#[derive(Clone, Debug)]
pub enum StopWaiter {
    /// A user.
    Ingress(IngressId),
    /// A canister, with the callback and the cycles that go back.
    Canister(queues::Request),
}

/// Whether a canister takes messages.
#[derive(Clone, Debug, Default)]
pub enum Status {
    /// It does.
    #[default]
    Running,
    /// It finishes what it has begun. Each waiter with the time of its request.
    Stopping(Vec<(StopWaiter, u64)>),
    /// It does not.
    Stopped,
}

impl Status {
    /// The number that `ic0.canister_status` tells.
    pub fn number(&self) -> u32 {
        match self {
            Status::Running => 1,
            Status::Stopping(_) => 2,
            Status::Stopped => 3,
        }
    }

    /// True while the canister takes messages.
    pub fn is_running(&self) -> bool {
        matches!(self, Status::Running)
    }
}

/// What the memory of a canister consists of, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryMetrics {
    /// The heap.
    pub wasm_memory: u64,
    /// Stable memory.
    pub stable_memory: u64,
    /// Globals.
    pub globals: u64,
    /// The module as uploaded.
    pub wasm_binary: u64,
    /// The `icp:` sections.
    pub custom_sections: u64,
    /// The history.
    pub history: u64,
    /// The chunk store.
    pub chunk_store: u64,
    /// The snapshots.
    pub snapshots: u64,
    /// The store of the log, by its limit.
    pub log_store: u64,
}

impl MemoryMetrics {
    /// Everything together.
    pub fn total(&self) -> u64 {
        self.wasm_memory + self.stable_memory + self.other()
    }

    /// Everything beside heap and stable memory.
    pub fn other(&self) -> u64 {
        self.globals
            + self.wasm_binary
            + self.custom_sections
            + self.history
            + self.chunk_store
            + self.snapshots
            + self.log_store
    }
}

/// A canister.
#[derive(Debug)]
pub struct Canister {
    /// Its id.
    pub id: Principal,
    /// Whether it takes messages.
    pub status: Status,
    /// Counts its changes (management-canister.md 2.3).
    pub version: u64,
    /// The main balance.
    pub cycles: u128,
    /// Cycles reserved for storage.
    pub reserved_cycles: u128,
    /// What its controllers decide.
    pub settings: Settings,
    /// Its code, unless it is empty.
    pub code: Option<Code>,
    /// Its stable memory; lent to the execution under way.
    pub stable: Box<StableMemory>,
    /// Its certified data.
    pub certified_data: Vec<u8>,
    /// When its timer is due, nanoseconds; 0 if inactive.
    pub global_timer: u64,
    /// Messages for it.
    pub inputs: InputQueues,
    /// Messages from it.
    pub outputs: OutputQueues,
    /// Calls in and out.
    pub calls: CallContexts,
    /// Heartbeat and timer of this round.
    pub tasks: VecDeque<Task>,
    /// Whose turn it is.
    pub rotation: TaskRotation,
    /// The low-memory hook.
    pub hook: LowMemoryHook,
    /// What it printed.
    pub log: Log,
    /// How it changed.
    pub history: History,
    /// Pieces of modules.
    pub chunks: ChunkStore,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Number of the next snapshot.
    pub next_snapshot: u64,
    /// When it was made, nanoseconds.
    pub created_at: u64,
    /// When storage was last charged, nanoseconds.
    pub charged_at: u64,
    /// What it did too much of lately, on a subnet that limits that.
    pub debits: Debits,
    /// Bytes that snapshots lost with the last cycles still count (management-canister.md 4.5).
    pub lost_snapshot_bytes: u64,
    /// What its cycles went into.
    pub consumed: Consumed,
}

impl Canister {
    /// An empty canister.
    pub fn new(id: Principal, settings: Settings, cycles: u128, time: u64) -> Self {
        Canister {
            id,
            status: Status::default(),
            version: 0,
            cycles,
            reserved_cycles: 0,
            settings,
            code: None,
            stable: Box::default(),
            certified_data: Vec::new(),
            global_timer: 0,
            inputs: InputQueues::default(),
            outputs: OutputQueues::default(),
            calls: CallContexts::default(),
            tasks: VecDeque::new(),
            rotation: TaskRotation::default(),
            hook: LowMemoryHook::default(),
            log: Log::default(),
            history: History::default(),
            chunks: ChunkStore::default(),
            snapshots: Vec::new(),
            next_snapshot: 0,
            created_at: time,
            charged_at: time,
            debits: Debits::default(),
            lost_snapshot_bytes: 0,
            consumed: Consumed::default(),
        }
    }

    /// A copy of everything but heap and stable memory, which are empty in it.
    pub fn without_memories(&self) -> Self {
        let code = self.code.as_ref().map(|code| Code {
            module: Arc::clone(&code.module),
            heap: None,
            globals: code.globals.clone(),
            generation: code.generation,
            installed_at: code.installed_at,
        });
        Canister {
            id: self.id,
            status: self.status.clone(),
            version: self.version,
            cycles: self.cycles,
            reserved_cycles: self.reserved_cycles,
            settings: self.settings.clone(),
            code,
            stable: Box::default(),
            certified_data: self.certified_data.clone(),
            global_timer: self.global_timer,
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            calls: self.calls.clone(),
            tasks: self.tasks.clone(),
            rotation: self.rotation,
            hook: self.hook,
            log: self.log.clone(),
            history: self.history.clone(),
            chunks: self.chunks.clone(),
            snapshots: self.snapshots.clone(),
            next_snapshot: self.next_snapshot,
            created_at: self.created_at,
            charged_at: self.charged_at,
            debits: self.debits,
            lost_snapshot_bytes: self.lost_snapshot_bytes,
            consumed: self.consumed,
        }
    }

    /// True if the principal controls the canister.
    pub fn is_controlled_by(&self, principal: &Principal) -> bool {
        self.settings.controllers.contains(principal)
    }

    /// True if the principal may read the log.
    pub fn may_read_log(&self, principal: &Principal) -> bool {
        self.shows(&self.settings.log_visibility, principal)
    }

    /// True if the principal may see what is so visible.
    pub fn shows(&self, visibility: &Visibility, principal: &Principal) -> bool {
        match visibility {
            Visibility::Public => true,
            Visibility::Controllers => self.is_controlled_by(principal),
            Visibility::AllowedViewers(viewers) => {
                viewers.contains(principal) || self.is_controlled_by(principal)
            }
        }
    }

    /// What its memory consists of.
    pub fn memory_metrics(&self, bookkeeping: Bookkeeping) -> MemoryMetrics {
        let facts = self.code.as_ref().map(|code| &code.module.facts);
        MemoryMetrics {
            wasm_memory: self.code.as_ref().map_or(0, Code::heap_bytes),
            stable_memory: self.stable.size_bytes(),
            globals: facts.map_or(0, |facts| bookkeeping.global * facts.counted_globals),
            wasm_binary: self
                .code
                .as_ref()
                .map_or(0, |code| code.module.blob.len() as u64),
            custom_sections: facts.map_or(0, |facts| facts.custom_section_bytes()),
            history: self.history.bytes(bookkeeping.history_entry),
            chunk_store: self.chunks.bytes(),
            snapshots: self.lost_snapshot_bytes
                + self
                    .snapshots
                    .iter()
                    .map(|snapshot| snapshot.total_bytes)
                    .sum::<u64>(),
            log_store: match (bookkeeping.log_store, self.log.limit()) {
                (0, _) | (_, 0) => 0,
                (overhead, limit) => limit + overhead,
            },
        }
    }

    /// Bytes of heap and stable memory.
    pub fn held_bytes(&self) -> u64 {
        self.code.as_ref().map_or(0, Code::heap_bytes) + self.stable.size_bytes()
    }

    /// Looks anew whether the heap comes too near to its limit, or to what an allocation leaves if that counts.
    pub fn update_hook(&mut self, bookkeeping: Bookkeeping, allocation_counts: bool) {
        let Some(code) = &self.code else {
            self.hook.update(false);
            return;
        };
        let limit = match self.settings.wasm_memory_limit {
            0 => 4 << 30,
            limit => limit,
        };
        let capacity = match self.settings.memory_allocation {
            _ if !allocation_counts => limit,
            0 => limit,
            allocation => {
                let metrics = self.memory_metrics(bookkeeping);
                limit.min(allocation.saturating_sub(metrics.total() - metrics.wasm_memory))
            }
        };
        let needed = code
            .heap_bytes()
            .saturating_add(self.settings.wasm_memory_threshold);
        self.hook.update(capacity < needed);
    }

    /// True if rounds may pass it by until it is changed from outside: nothing waits, is open, due later or to be worked off.
    pub fn is_idle(&self) -> bool {
        let has_tasks = self.code.as_ref().is_some_and(|code| {
            let facts = &code.module.facts;
            facts.has_heartbeat || facts.has_global_timer && self.global_timer != 0
        });
        !has_tasks
            && !self.has_work()
            && self.outputs.is_empty()
            && self.calls.is_empty()
            && self.debits == Debits::default()
            && !matches!(self.status, Status::Stopping(_))
    }

    /// True if something is to be executed.
    pub fn has_work(&self) -> bool {
        !self.inputs.is_empty() || !self.tasks.is_empty() || self.hook == LowMemoryHook::Ready
    }
}
