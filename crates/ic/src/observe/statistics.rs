//! What was executed in a run, by canister and method: how often, and at what cost. Only counts.

use std::collections::{BTreeMap, HashMap};

use candid::Principal;

use super::label::Label;
use super::observer::{Cause, Observer, Run};
use crate::answer::Usage;
use crate::canister::ContextId;
use crate::execution::{Entry, Execution};

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Who ran.
    pub canister: Principal,
    /// What.
    pub label: Label,
}

/// The executions of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Number of executions.
    pub calls: u64,
    /// Instructions of all.
    pub instructions: u64,
    /// Instructions of the shortest.
    pub min: u64,
    /// Instructions of the longest.
    pub max: u64,
    /// Cycles charged for executing; what messages cost is not among them.
    pub cycles: u128,
    /// 4 KiB heap pages changed.
    pub heap_pages: u64,
    /// 4 KiB stable pages written.
    pub stable_pages: u64,
}

/// What an execution used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Use {
    /// Instructions.
    pub instructions: u64,
    /// Cycles charged for it.
    pub cycles: u128,
    /// 4 KiB heap pages changed.
    pub heap_pages: u64,
    /// 4 KiB stable pages written.
    pub stable_pages: u64,
}

impl Use {
    /// What an execution used that costs so many cycles.
    pub fn of(execution: &Execution, cycles: u128) -> Self {
        Use {
            instructions: execution.instructions,
            cycles,
            heap_pages: execution.heap_pages,
            stable_pages: execution.stable_pages,
        }
    }
}

/// The counts of a run.
#[derive(Debug, Default)]
pub struct Statistics {
    rows: BTreeMap<Key, Row>,
    /// Cycles that all messages were charged.
    charged: i128,
    /// Methods that made calls, by the context that callbacks run in.
    waiting: HashMap<(Principal, ContextId), String>,
}

impl Statistics {
    /// All rows, by key.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Row)> {
        self.rows.iter()
    }

    /// Cycles that were charged for anything else than executing: receiving messages, calls, storage.
    pub fn fees(&self) -> i128 {
        let executing: u128 = self.rows.values().map(|row| row.cycles).sum();
        self.charged - executing as i128
    }

    /// Counts all cycles that a message was charged.
    pub fn charge(&mut self, cycles: i128) {
        self.charged += cycles;
    }

    /// Counts an execution.
    pub fn count(&mut self, canister: Principal, label: Label, used: Use) {
        let key = Key { canister, label };
        let row = self.rows.entry(key).or_insert(Row {
            min: u64::MAX,
            ..Row::default()
        });
        row.calls += 1;
        row.instructions += used.instructions;
        row.min = row.min.min(used.instructions);
        row.max = row.max.max(used.instructions);
        row.cycles += used.cycles;
        row.heap_pages += used.heap_pages;
        row.stable_pages += used.stable_pages;
    }
}

impl Observer for Statistics {
    fn message_ends(&mut self, usage: &Usage) {
        self.charge(usage.cycles);
    }

    fn executed(&mut self, run: &Run<'_>, cycles: &dyn Fn() -> u128) {
        let Run {
            canister,
            execution,
            cause,
        } = *run;
        let id = canister.id;
        let label = match (cause, &execution.entry) {
            (Cause::Callback(context), _) => {
                let method = self.waiting.get(&(id, context)).cloned();
                Label::callback(method.unwrap_or_default())
            }
            (Cause::Query { method, .. }, Entry::Table(_)) => Label::callback(method.to_owned()),
            _ => Label::of(&execution.entry, execution.mode),
        };
        // Its callbacks are still to come.
        if let Cause::Call(context) = cause
            && !execution.calls.is_empty()
        {
            self.waiting.insert((id, context), label.method.clone());
        }
        self.count(id, label, Use::of(execution, cycles()));
    }

    fn compiled(&mut self, canister: Principal, instructions: u64, cycles: &dyn Fn() -> u128) {
        let used = Use {
            instructions,
            cycles: cycles(),
            ..Use::default()
        };
        self.count(canister, Label::compile(), used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_of_a_method_add_up_and_keep_their_extremes() {
        let mut statistics = Statistics::default();
        for (instructions, cycles) in [(20, 1), (10, 2), (60, 3)] {
            let used = Use {
                instructions,
                cycles,
                heap_pages: 1,
                stable_pages: 2,
            };
            statistics.count(Principal::anonymous(), Label::compile(), used);
        }
        let rows: Vec<Row> = statistics.rows().map(|(_, row)| *row).collect();
        let expected = Row {
            calls: 3,
            instructions: 90,
            min: 10,
            max: 60,
            cycles: 6,
            heap_pages: 3,
            stable_pages: 6,
        };
        assert_eq!(rows, [expected]);
    }
}
