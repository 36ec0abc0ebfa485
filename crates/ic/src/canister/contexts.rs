//! Call contexts and callbacks: which calls a canister is answering and which it has made.
//! Owns the bookkeeping of scheduling.md 2.5 to 2.7, not the execution of callbacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use candid::Principal;

use super::queues::{CallerInfo, IngressId};

/// Names a call context of a canister; counts up.
pub type ContextId = u64;
/// Names a callback of a canister; counts up in order of the calls.
pub type CallbackId = u64;

/// At most so many requests of a canister to one callee may be without a response that was taken for execution.
pub const QUEUE_CAPACITY: u32 = 500;
/// Callbacks that all canisters of a subnet may have together before only the guaranteed ones are left.
pub const SUBNET_CALLBACKS: usize = 1_000_000;
/// Callbacks that every canister may always have.
pub const GUARANTEED_CALLBACKS: usize = 50;

/// Who is to get the answer of a call context.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A user's message.
    Ingress {
        /// The message.
        id: IngressId,
        /// Who signed it.
        sender: Principal,
        /// What it told about its sender.
        info: Option<Arc<CallerInfo>>,
    },
    /// A canister's call.
    Canister {
        /// The calling canister.
        sender: Principal,
        /// Its callback.
        callback: CallbackId,
        /// Deadline of a best-effort call, in seconds.
        deadline: Option<u64>,
    },
    /// Heartbeat, timer or low-memory hook: nobody.
    SystemTask,
}

impl Origin {
    /// The caller that the canister sees; the management canister for tasks.
    pub fn caller(&self) -> Principal {
        match self {
            Origin::Ingress { sender, .. } | Origin::Canister { sender, .. } => *sender,
            Origin::SystemTask => Principal::management_canister(),
        }
    }

    /// What the user's message told about its sender.
    pub fn caller_info(&self) -> Option<Arc<CallerInfo>> {
        match self {
            Origin::Ingress { info, .. } => info.clone(),
            Origin::Canister { .. } | Origin::SystemTask => None,
        }
    }

    /// The deadline that `ic0.msg_deadline` tells, in nanoseconds; 0 if there is none.
    pub fn deadline_ns(&self) -> u64 {
        match self {
            Origin::Canister {
                deadline: Some(seconds),
                ..
            } => seconds.saturating_mul(1_000_000_000),
            _ => 0,
        }
    }
}

/// The record of one incoming call or task.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Who is to get the answer.
    pub origin: Origin,
    /// Cycles attached and not yet accepted.
    pub available: u128,
    /// The answer was given.
    pub responded: bool,
    /// The canister was uninstalled; nothing runs in this context any more.
    pub deleted: bool,
    /// Instructions recorded for finished executions, for `performance_counter(1)`.
    pub instructions: u64,
    /// Callbacks whose response has not been processed yet.
    pub outstanding: u64,
}

/// A function of the table and the word it is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Index in the table.
    pub function: u32,
    /// Argument.
    pub env: u64,
}

/// The record of one outgoing call.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The context that made the call.
    pub context: ContextId,
    /// Who was called.
    pub callee: Principal,
    /// The other subnet whose management canister it was, if it was one.
    pub subnet: Option<Principal>,
    /// Runs when the callee replies.
    pub reply: Closure,
    /// Runs when the call is rejected.
    pub reject: Closure,
    /// Runs when one of the other two fails.
    pub cleanup: Option<Closure>,
    /// Cycles prepaid for the execution of the callback.
    pub prepaid_execution: u128,
    /// Cycles prepaid for the transmission of the response.
    pub prepaid_transmission: u128,
    /// Deadline of a best-effort call, in seconds.
    pub deadline: Option<u64>,
}

/// All call contexts and callbacks of a canister.
#[derive(Clone, Debug, Default)]
pub struct CallContexts {
    contexts: BTreeMap<ContextId, CallContext>,
    callbacks: BTreeMap<CallbackId, Callback>,
    next_context: ContextId,
    next_callback: CallbackId,
    /// Callbacks with a deadline.
    best_effort: usize,
    slots: Slots,
}

/// How many requests to each callee are without a processed response.
#[derive(Clone, Debug, Default)]
pub struct Slots(BTreeMap<Principal, u32>);

impl Slots {
    /// Requests to this callee that may still be made.
    pub fn free(&self, callee: &Principal) -> u32 {
        QUEUE_CAPACITY.saturating_sub(self.0.get(callee).copied().unwrap_or(0))
    }

    /// Takes a slot.
    pub fn take(&mut self, callee: Principal) {
        *self.0.entry(callee).or_default() += 1;
    }

    /// Gives a slot back.
    pub fn release(&mut self, callee: &Principal) {
        if let Some(count) = self.0.get_mut(callee) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(callee);
            }
        }
    }
}

impl CallContexts {
    /// Opens a context.
    pub fn open(&mut self, origin: Origin, available: u128) -> ContextId {
        let id = self.next_context;
        self.next_context += 1;
        let context = CallContext {
            origin,
            available,
            responded: false,
            deleted: false,
            instructions: 0,
            outstanding: 0,
        };
        self.contexts.insert(id, context);
        id
    }

    /// The context of this number.
    pub fn get(&self, id: ContextId) -> Option<&CallContext> {
        self.contexts.get(&id)
    }

    /// The context of this number, to change it.
    pub fn get_mut(&mut self, id: ContextId) -> Option<&mut CallContext> {
        self.contexts.get_mut(&id)
    }

    /// Forgets a context if none of its callbacks is outstanding.
    pub fn close_if_done(&mut self, id: ContextId) {
        if self
            .contexts
            .get(&id)
            .is_some_and(|context| context.outstanding == 0)
        {
            self.contexts.remove(&id);
        }
    }

    /// Registers a callback; its slot was taken when the call was performed.
    pub fn register(&mut self, callback: Callback) -> CallbackId {
        let id = self.next_callback;
        self.next_callback += 1;
        if let Some(context) = self.contexts.get_mut(&callback.context) {
            context.outstanding += 1;
        }
        self.best_effort += usize::from(callback.deadline.is_some());
        self.callbacks.insert(id, callback);
        id
    }

    /// Takes the callback that a response belongs to; absent if it has expired.
    pub fn take_callback(&mut self, id: CallbackId) -> Option<Callback> {
        let callback = self.callbacks.remove(&id)?;
        self.slots.release(&callback.callee);
        self.best_effort -= usize::from(callback.deadline.is_some());
        if let Some(context) = self.contexts.get_mut(&callback.context) {
            context.outstanding -= 1;
        }
        Some(callback)
    }

    /// The callback of this number.
    pub fn callback(&self, id: CallbackId) -> Option<&Callback> {
        self.callbacks.get(&id)
    }

    /// The callback of this number, to change it.
    pub fn callback_mut(&mut self, id: CallbackId) -> Option<&mut Callback> {
        self.callbacks.get_mut(&id)
    }

    /// All callbacks in order of the calls, each with whom the response will be from.
    pub fn respondents(&self) -> Vec<(CallbackId, Principal)> {
        let all = self.callbacks.iter();
        all.map(|(id, callback)| (*id, callback.subnet.unwrap_or(callback.callee)))
            .collect()
    }

    /// Callbacks with a deadline before this second, by deadline and then in order of the calls.
    pub fn expired(&self, now_seconds: u64) -> Vec<CallbackId> {
        if self.best_effort == 0 {
            return Vec::new();
        }
        let mut expired: Vec<_> = self
            .callbacks
            .iter()
            .filter_map(|(id, callback)| Some((callback.deadline?, *id)))
            .filter(|(deadline, _)| *deadline < now_seconds)
            .collect();
        expired.sort_unstable();
        expired.into_iter().map(|(_, id)| id).collect()
    }

    /// Number of callbacks.
    pub fn callback_count(&self) -> usize {
        self.callbacks.len()
    }

    /// Number of callbacks of guaranteed-response calls.
    pub fn guaranteed_callbacks(&self) -> usize {
        self.callbacks.len() - self.best_effort
    }

    /// True if neither a context nor a callback is left, so that a stopping canister can stop.
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty() && self.callbacks.is_empty()
    }

    /// Lends the table of slots to an execution.
    pub fn slots_mut(&mut self) -> &mut Slots {
        &mut self.slots
    }

    /// Marks all contexts deleted, as uninstalling does, and tells those that are still owed an answer, with the cycles that go back.
    pub fn delete_all(&mut self) -> Vec<(Origin, u128)> {
        let mut owed = Vec::new();
        for context in self.contexts.values_mut() {
            if !context.responded && !context.deleted {
                owed.push((context.origin.clone(), context.available));
            }
            context.available = 0;
            context.responded = true;
            context.deleted = true;
        }
        self.contexts.retain(|_, context| context.outstanding > 0);
        owed
    }
}
