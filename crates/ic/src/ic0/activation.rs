//! An execution of a canister as the engine sees it: what is put back when it begins again, growth of the heap, and the
//! end of its instructions.

use drun_engine::{Activation, Exhausted};

use super::exec::{Effects, Exec, LEVELS, MemoryRules};
use super::growth::check_heap_growth;
use crate::errors::ExecutionError;

/// What has to be as before when an execution begins again.
pub struct Mark {
    balance: u128,
    available: u128,
    free_callbacks: u64,
    memory: MemoryRules,
    heap_bytes: u64,
}

impl Activation for Exec {
    type Stop = ExecutionError;
    type Mark = Mark;

    fn mark(&mut self) -> Mark {
        self.stable.begin().expect(LEVELS);
        Mark {
            balance: self.canister.balance,
            available: self.message.available_cycles,
            free_callbacks: self.canister.free_callbacks,
            memory: self.canister.memory,
            heap_bytes: self.heap_bytes,
        }
    }

    fn rewind(&mut self, mark: &Mark) {
        self.undo();
        self.stable.begin().expect(LEVELS);
        self.canister.balance = mark.balance;
        self.message.available_cycles = mark.available;
        self.canister.free_callbacks = mark.free_callbacks;
        self.canister.memory = mark.memory;
        self.heap_bytes = mark.heap_bytes;
        self.effects = Effects::with_log(self.canister.log_limit);
        self.prints.restart();
    }

    fn memory_grown(&mut self, previous: u64, added: u64) -> Result<(), ExecutionError> {
        check_heap_growth(self, previous, added)
    }

    fn touch_price(&self) -> Option<u64> {
        self.subnet.protocol.pages.touched
    }

    fn exhausted(&mut self, why: Exhausted) -> ExecutionError {
        match why {
            Exhausted::Limit => ExecutionError::InstructionLimitExceeded {
                limit: self.reported_limit,
            },
            Exhausted::Slice {
                instructions,
                limit,
            } => ExecutionError::SliceOverrun {
                instructions,
                limit,
            },
        }
    }
}
