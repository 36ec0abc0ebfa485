//! What is told to those who watch a node. Owns the trait and the records it speaks in; who is told in which order is not
//! known here.

use std::any::Any;

use candid::Principal;
use drun_engine::record::Stack;

use crate::answer::{DebugPrint, Usage};
use crate::canister::{CallbackId, Canister, ContextId};
use crate::execution::Execution;
use crate::ic0::prints::Listener;

/// What begins, as far as results number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A message, whose result has the next number.
    Message,
    /// A query, whose result has none.
    Query,
    /// What has no result: time that passes, and what a driver does of its own.
    NoResult,
}

/// Watches a node. Every method does nothing unless it is written; what is costly to tell is handed in as a function that
/// nobody has to call.
pub trait Observer: Any + Send {
    /// A message of the driver begins, `words` saying which.
    fn message_begins(&mut self, words: &dyn Fn() -> String, begun: Begun) {
        let _ = (words, begun);
    }

    /// A message of the driver ends. The cycles in `usage` are all that were charged, for executing and for anything else.
    fn message_ends(&mut self, usage: &Usage) {
        let _ = usage;
    }

    /// A round begins: its number, and its time in nanoseconds since the Unix epoch.
    fn round_begins(&mut self, round: u64, time: u64) {
        let _ = (round, time);
    }

    /// Code has run, in as many slices as it takes; `cycles` tells what is charged for it. What runs again because a
    /// checkpoint undid it is told once (scheduling.md 1.13).
    fn executed(&mut self, run: &Run<'_>, cycles: &dyn Fn() -> u128) {
        let _ = (run, cycles);
    }

    /// What code did takes effect, or is undone if it failed: after the round of its last slice. Tells the places of its
    /// calls, which come back with [`call_sent`](Self::call_sent) and in [`Cause::Query`].
    fn concluded(&mut self, run: &Run<'_>) -> Places {
        let _ = run;
        Places::default()
    }

    /// A call got its callback; `place` is what [`concluded`](Self::concluded) said of it.
    fn call_sent(&mut self, canister: Principal, callback: CallbackId, place: Stack) {
        let _ = (canister, callback, place);
    }

    /// The management canister begins with a call: of a canister's callback, or of a user.
    fn management_begins(&mut self, call: Option<(Principal, CallbackId)>) {
        let _ = call;
    }

    /// Instructions were used for making a module of a canister ready.
    fn prepared(&mut self, canister: Principal, step: Preparation, instructions: u64) {
        let _ = (canister, step, instructions);
    }

    /// A module was compiled, or refused: all instructions of making it ready, and `cycles` with the fixed part of the price
    /// of an installation.
    fn compiled(&mut self, canister: Principal, instructions: u64, cycles: &dyn Fn() -> u128) {
        let _ = (canister, instructions, cycles);
    }

    /// A line was printed, and it is its slice's turn. Lines of a [`flood`](Self::flood) do not come here.
    fn printed(&mut self, line: &DebugPrint) {
        let _ = line;
    }

    /// What becomes of an execution's lines that are too many to wait for its end.
    fn flood(&self) -> Flood {
        Flood::Lost
    }
}

/// Where a flood of lines goes.
#[derive(Clone)]
pub enum Flood {
    /// Nowhere: nobody listens.
    Lost,
    /// Here, at once.
    Heard(Listener),
    /// It waits in memory with all other lines, whatever it takes.
    Waits,
}

/// An execution.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The canister, before the effects.
    pub canister: &'a Canister,
    /// What it did.
    pub execution: &'a Execution,
    /// Why.
    pub cause: Cause<'a>,
}

/// Why code runs.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// A call or task: the first execution of its context.
    Call(ContextId),
    /// A response to a call made in this context, or the cleanup after it.
    Callback(ContextId),
    /// A query, a callback in one, or the inspection of a message.
    Query {
        /// The method, for its callbacks.
        method: &'a str,
        /// Where it was called; empty if by a user.
        place: Stack,
    },
    /// An installation.
    Installation,
}

/// A step of making a module ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// Its chunks are put together.
    Assemble,
    /// It is compiled.
    Compile,
}

/// Where the stacks of an execution are for an observer; all are the empty stack unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<Stack>);

impl Places {
    /// By the place of each stack in the execution's recording; the first is the entry point.
    pub fn new(places: Vec<Stack>) -> Self {
        Places(places)
    }

    /// True if nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the entry point is.
    pub fn entry(&self) -> Stack {
        self.of(Stack::EMPTY)
    }

    /// Where this stack of the execution is.
    pub fn of(&self, stack: Stack) -> Stack {
        self.0.get(stack.place()).copied().unwrap_or_default()
    }
}
