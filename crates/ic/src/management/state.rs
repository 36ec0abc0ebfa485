//! What management methods work on: the canisters of the subnet, its clock, its ids and its price list.
//! Owns data and questions to it; rounds and queues between canisters are the business of the subnet.

use std::collections::HashSet;

use candid::Principal;

use super::Method;
use super::canisters::{Canisters, Held};
use super::ids::{Ids, canister_number};
use super::notes::Notes;
use super::raw_rand::RoundRandomness;
use super::subnet_metrics::SubnetMetrics;
use crate::answer::{DebugPrint, Usage};
use crate::canister::consumed::Purpose;
use crate::canister::{Bookkeeping, Canister};
use crate::config::NodeSettings;
use crate::errors::{ExecutionError, ModuleError, OutOfCycles};
use crate::execution::{Execution, Runtime};
use crate::fees::Fees;
use crate::ic0::RESPONSE_RESERVATION_BYTES;
use crate::ic0::exec::MemoryRules;
use crate::module::ic0_functions;
use crate::module::memory::{PAGE_SIZE, WASM_PAGE_SIZE};
use crate::protocol::{Limits, SubnetType};

/// Memory of a subnet that is kept for callbacks, in bytes.
const KEPT_FOR_CALLBACKS: u64 = 10 << 30;
/// Executions at the same time, among which the memory of a subnet is divided.
const THREADS: u64 = 4;

/// An installation that takes several slices.
#[derive(Clone, Debug)]
pub struct LongInstall {
    /// The canister it is about.
    pub canister: Principal,
    /// How many slices.
    pub slices: usize,
    /// What was printed, with the slice.
    pub prints: Vec<(usize, DebugPrint)>,
}

/// The state of the node.
pub struct State {
    /// The settings of the run.
    pub config: NodeSettings,
    /// Limits that follow from them.
    pub limits: Limits,
    /// The price list.
    pub fees: Fees,
    /// What bookkeeping counts as memory.
    pub bookkeeping: Bookkeeping,
    /// All canisters, by id.
    pub canisters: Canisters,
    /// What runs their code.
    pub runtime: Runtime,
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// Number of the round.
    pub round: u64,
    /// Canister ids.
    pub ids: Ids,
    /// Randomness of the round.
    pub random: RoundRandomness,
    /// Use of the message under way.
    pub usage: Usage,
    /// Set by an installation that takes more than a slice, for the subnet to let the rounds pass.
    pub long_install: Option<LongInstall>,
    /// The canister that a call of the management canister has created.
    pub created: Option<Principal>,
    /// Memory left for one execution of this round, in bytes.
    pub memory_available: u64,
    /// Memory in use or allocated, in bytes.
    pub memory_used: u64,
    /// Callbacks of all canisters.
    pub callbacks: usize,
    /// Counts installations.
    pub generation: u64,
    /// Modules that were installed since the last checkpoint.
    pub known_modules: HashSet<[u8; 32]>,
    /// What the subnet did.
    pub metrics: SubnetMetrics,
    /// What somebody asked for that another date has, to be told once.
    pub notes: Notes,
}

impl State {
    /// Lends a canister out of the state, so that it can be worked on together with the rest; nothing if there is none.
    pub fn lend<T>(
        &mut self,
        id: &Principal,
        work: impl FnOnce(&mut State, &mut Canister) -> T,
    ) -> Option<T> {
        let mut canister = self.canisters.remove(id)?;
        let result = work(self, &mut canister);
        self.canisters.give_back(canister);
        Some(result)
    }

    /// The method of this name, if the management canister of this environment has it.
    pub fn method(&self, name: &str) -> Option<Method> {
        let method: Method = name.parse().ok()?;
        let date = self.config.protocol.date;
        if method.is_known(date) {
            return Some(method);
        }
        self.notes.another_date(
            date,
            format_args!("the method {method}"),
            method.known().era(),
        );
        None
    }

    /// The subnet's principal.
    pub fn subnet_id(&self) -> Principal {
        self.runtime.subnet.subnet_id
    }

    /// Whether a canister is one of the network's own: those do not pay for signatures (management-canister.md 1, row 21).
    pub fn is_of_nns(&self, id: &Principal) -> bool {
        if self.config.is_nns {
            return self.ids.is_hosted(id);
        }
        let mut ranges = self.runtime.subnet.nns.iter();
        canister_number(id)
            .is_some_and(|number| ranges.any(|(first, last)| (*first..=*last).contains(&number)))
    }

    /// Memory for canisters on the subnet, in bytes.
    pub fn memory_capacity(&self) -> u64 {
        self.config.protocol.subnet_memory - KEPT_FOR_CALLBACKS
    }

    /// Bytes that a canister takes from the subnet: its allocation, or what it uses.
    pub fn memory_taken(&self, canister: &Canister) -> u64 {
        memory_held(canister, self.bookkeeping).taken
    }

    /// Looks anew whether a canister's heap comes too near to its limit.
    pub fn update_hook(&self, canister: &mut Canister) {
        let counts = self.config.protocol.hook_counts_allocations;
        canister.update_hook(self.bookkeeping, counts);
    }

    /// Looks anew how much memory is left for one execution.
    pub fn refresh_memory(&mut self) {
        let bookkeeping = self.bookkeeping;
        let held = self
            .canisters
            .look_around(|canister| memory_held(canister, bookkeeping));
        self.memory_used = held.taken;
        self.memory_available = self.memory_capacity().saturating_sub(self.memory_used) / THREADS;
    }

    /// Bytes that all canisters use at the moment.
    pub fn memory_used_now(&self) -> u64 {
        let held = |canister: &Canister| memory_held(canister, self.bookkeeping);
        self.canisters.held(held).used
    }

    /// Largest heap of a 64-bit module, in bytes.
    pub fn max_heap64(&self) -> u64 {
        self.config.protocol.modules.max_wasm64_pages * WASM_PAGE_SIZE as u64
    }

    /// What growing memory of this canister is checked against.
    pub fn memory_rules(&self, canister: &Canister) -> MemoryRules {
        let metrics = canister.memory_metrics(self.bookkeeping);
        MemoryRules {
            other_bytes: metrics.other(),
            message_bytes: self.message_bytes(canister),
            wasm_memory_limit: canister.settings.wasm_memory_limit,
            allocation: canister.settings.memory_allocation,
            allocation_is_a_limit: self.config.protocol.allocation_is_a_limit,
            subnet_available: self.memory_available,
            compute_allocation: canister.settings.compute_allocation,
            freezing_threshold: canister.settings.freezing_threshold,
            reserved_cycles: canister.reserved_cycles,
            reserved_cycles_limit: canister.settings.reserved_cycles_limit,
            fullness: self.fullness(),
            max_heap: self.max_heap64(),
            machine_left: self.config.max_memory.map(|most| {
                most.saturating_sub(self.held_beside(&canister.id) + canister.held_bytes())
            }),
            machine_refused: 0,
        }
    }

    /// Bytes of heaps and stable memories of all canisters but this one.
    fn held_beside(&self, id: &Principal) -> u64 {
        let others = self.canisters.values().filter(|other| other.id != *id);
        others.map(|canister| canister.held_bytes()).sum()
    }

    /// Gives up if the canisters hold more than the user allows. What their modules begin with is not asked for before it is there.
    pub fn check_held_memory(&self) {
        if let Some(most) = self.config.max_memory {
            let held: u64 = self.canisters.values().map(|it| it.held_bytes()).sum();
            if held > most {
                crate::execution::over_allowance(held, most);
            }
        }
    }

    /// Bytes reserved for responses to the open calls of a canister.
    pub fn message_bytes(&self, canister: &Canister) -> u64 {
        canister.calls.guaranteed_callbacks() as u64 * RESPONSE_RESERVATION_BYTES
    }

    /// Cycles below which a canister is frozen.
    pub fn freezing_threshold(&self, canister: &Canister) -> u128 {
        if self.fees.free() {
            return 0;
        }
        let metrics = canister.memory_metrics(self.bookkeeping);
        self.memory_rules(canister).freezing_threshold(
            &self.fees,
            metrics.wasm_memory + metrics.stable_memory,
            self.message_bytes(canister),
        )
    }

    /// Whether a canister can pay an amount out of what it has above the freezing threshold; else what is missing, in full for a controller.
    pub fn can_pay(
        &self,
        canister: &Canister,
        amount: u128,
        caller: Option<&Principal>,
    ) -> Result<(), OutOfCycles> {
        if amount == 0 {
            return Ok(());
        }
        let threshold = self.freezing_threshold(canister);
        if canister.cycles.saturating_sub(threshold) >= amount {
            return Ok(());
        }
        Err(OutOfCycles {
            canister: canister.id,
            threshold,
            requested: amount,
            available: canister.cycles,
            reveal: caller.is_some_and(|caller| canister.is_controlled_by(caller)),
        })
    }

    /// Takes an amount out of what a canister has above the freezing threshold.
    pub fn charge(
        &mut self,
        canister: &mut Canister,
        amount: u128,
        caller: Option<&Principal>,
    ) -> Result<(), OutOfCycles> {
        self.charge_for(Purpose::Instructions, canister, amount, caller)
    }

    /// As [`Self::charge`], for something else than work.
    ///
    /// # Errors
    /// If the canister has not so much.
    pub fn charge_for(
        &mut self,
        purpose: Purpose,
        canister: &mut Canister,
        amount: u128,
        caller: Option<&Principal>,
    ) -> Result<(), OutOfCycles> {
        self.can_pay(canister, amount, caller)?;
        canister.cycles -= amount;
        canister.consumed.add(purpose, amount);
        self.charged(amount);
        Ok(())
    }

    /// Counts cycles that were charged.
    pub fn charged(&mut self, amount: u128) {
        self.usage.charged(amount);
        self.metrics.consumed = self.metrics.consumed.saturating_add(amount);
    }

    /// Gives back what was prepaid and not used.
    pub fn refund(&mut self, canister: &mut Canister, amount: u128) {
        self.refund_for(Purpose::Instructions, canister, amount);
    }

    /// As [`Self::refund`], for something else than work.
    pub fn refund_for(&mut self, purpose: Purpose, canister: &mut Canister, amount: u128) {
        canister.cycles = canister.cycles.saturating_add(amount);
        canister.consumed.give_back(purpose, amount);
        self.usage.cycles -= amount as i128;
        self.metrics.consumed = self.metrics.consumed.saturating_sub(amount);
    }

    /// Tells of an import that is refused and that a replica of another date has.
    pub(super) fn note_import(&self, error: &ExecutionError) {
        let ExecutionError::Module(ModuleError::ImportNotExported { function, .. }) = error else {
            return;
        };
        let known = ic0_functions().iter().find(|it| it.name == *function);
        if let Some(known) = known {
            let date = self.config.protocol.date;
            if !known.era.contains(date) {
                let what = format_args!("the import ic0.{function}");
                self.notes.another_date(date, what, known.era);
            }
        }
    }

    /// True for who administers the subnet.
    pub fn is_admin(&self, principal: &Principal) -> bool {
        self.config.protocol.settings_of_access && self.config.subnet_admins.contains(principal)
    }

    /// The subnet has administrators.
    pub fn has_admins(&self) -> bool {
        self.config.protocol.settings_of_access && !self.config.subnet_admins.is_empty()
    }

    /// Callbacks that a canister may register.
    pub fn free_callbacks(&self, canister: &Canister) -> u64 {
        use crate::canister::contexts::{GUARANTEED_CALLBACKS, SUBNET_CALLBACKS};
        let pool = SUBNET_CALLBACKS.saturating_sub(self.callbacks);
        let own = GUARANTEED_CALLBACKS.saturating_sub(canister.calls.callback_count());
        pool.max(own) as u64
    }

    /// True if the whole application pricing applies.
    pub fn is_application(&self) -> bool {
        self.config.subnet_type == SubnetType::Application
    }

    /// True where canisters may not install and change memory as fast as they like.
    pub fn has_rate_limits(&self) -> bool {
        self.config.rate_limits
    }

    /// Takes over what a replicated execution used and recorded in the canister's log.
    pub fn record(&mut self, canister: &mut Canister, execution: &Execution, time: u64) {
        self.count(execution);
        self.metrics.executed(execution.instructions);
        if execution.result.is_ok() {
            canister.consumed.add(Purpose::Burned, execution.burned);
        }
        if self.has_rate_limits() && execution.result.is_ok() {
            canister.debits.heap_delta +=
                PAGE_SIZE as u64 * (execution.heap_pages + execution.stable_pages);
        }
        canister.log.append(&execution.log);
        if let Err(error) = &execution.result
            && let Some(record) = error.log_record()
        {
            canister.log.push(time, record.as_bytes());
        }
    }

    /// Takes over what an execution used.
    pub fn count(&mut self, execution: &Execution) {
        self.usage.instructions += execution.instructions;
        self.usage.heap_pages += execution.heap_pages;
        self.usage.stable_pages += execution.stable_pages;
    }
}

fn memory_held(canister: &Canister, bookkeeping: Bookkeeping) -> Held {
    let used = canister.memory_metrics(bookkeeping).total();
    let taken = used.max(canister.settings.memory_allocation);
    Held { used, taken }
}
