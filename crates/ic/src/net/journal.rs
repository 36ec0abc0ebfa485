//! What a node has executed: how much in all, and the last messages for whoever looks at the network.

use std::collections::VecDeque;

use candid::Principal;

use crate::execution::Entry;
use crate::observe::{Cause, Observer, Run};

/// Executions that are remembered one by one.
const KEPT: usize = 100;

/// An execution.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Time of its round, nanoseconds since the Unix epoch.
    pub time: u64,
    /// The canister.
    pub canister: Principal,
    /// The function, such as `canister_update add`; empty for a callback.
    pub function: String,
    /// Instructions it used.
    pub instructions: u64,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Counts executions and keeps the last ones.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    time: u64,
    /// Updates, callbacks and tasks executed.
    pub executions: u64,
    /// Cycles charged for them.
    pub cycles: u128,
    last: VecDeque<Executed>,
}

impl Journal {
    /// The last executions, the newest first.
    pub fn last(&self) -> impl Iterator<Item = &Executed> {
        self.last.iter().rev()
    }
}

impl Observer for Journal {
    fn round_begins(&mut self, _: u64, time: u64) {
        self.time = time;
    }

    fn executed(&mut self, run: &Run<'_>, cycles: &dyn Fn() -> u128) {
        if matches!(run.cause, Cause::Query { .. }) {
            return;
        }
        self.executions += 1;
        self.cycles += cycles();
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Executed {
            time: self.time,
            canister: run.canister.id,
            function: match &run.execution.entry {
                Entry::Export(name) => name.clone(),
                Entry::Table(_) => String::new(),
            },
            instructions: run.execution.instructions,
            error: run
                .execution
                .result
                .as_ref()
                .err()
                .map(|error| error.clone().into_user_error(run.canister.id).to_string()),
        });
    }
}
