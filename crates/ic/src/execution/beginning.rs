//! How an execution starts again from its beginning, on other code: what it has changed of its circumstances is put back,
//! and what it has asked for is dropped. The memories are undone elsewhere.

use crate::canister::log::Log;
use crate::system_api::exec::{Dependencies, Exec, MemoryRules};
use crate::system_api::meter::Meter;
use crate::wasm::memory::StableAccess;

/// What has to be as before when an execution starts again.
pub(super) struct Beginning {
    balance: u128,
    available: u128,
    free_callbacks: u64,
    memory: MemoryRules,
    meter: Meter,
    heap_bytes: u64,
}

impl Beginning {
    pub(super) fn of(exec: &Exec) -> Self {
        Beginning {
            balance: exec.canister.balance,
            available: exec.message.available_cycles,
            free_callbacks: exec.canister.free_callbacks,
            memory: exec.canister.memory,
            meter: exec.meter.clone(),
            heap_bytes: exec.heap_bytes,
        }
    }

    pub(super) fn restore(&self, exec: &mut Exec) {
        exec.canister.balance = self.balance;
        exec.message.available_cycles = self.available;
        exec.canister.free_callbacks = self.free_callbacks;
        exec.canister.memory = self.memory;
        exec.meter = self.meter.clone();
        exec.heap_bytes = self.heap_bytes;
        exec.reply_data.clear();
        exec.answer = None;
        exec.call = None;
        exec.timer_set = None;
        exec.certified_data = None;
        exec.accepted = false;
        exec.log = Log::default();
        exec.prints.restart();
        exec.dependencies = Dependencies::default();
        exec.stable_access = StableAccess::new();
        exec.stable_accessed = 0;
        exec.stable_written = 0;
        exec.error = None;
    }
}
