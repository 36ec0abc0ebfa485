//! An execution whose effects are not applied yet: of one slice, or of several that take a round each (scheduling.md 6).
//! The code has run already; what is left is to let rounds pass, print what belongs to each slice, and apply the effects.

use std::borrow::Cow;

use super::prepayment::Prepayment;
use crate::answer::DebugPrint;
use crate::canister::ContextId;
use crate::canister::contexts::Closure;
use crate::execution::Execution;
use crate::ic0::exec::PerformedCall;

/// What the execution was.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The first execution of a call or task.
    Method,
    /// A reply or reject callback, with the cleanup that followed it.
    Callback(Option<Box<Execution>>),
}

/// An execution that has run.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// The call context it belongs to.
    pub context: ContextId,
    /// What it was.
    pub kind: Kind,
    /// What it did.
    pub execution: Box<Execution>,
    /// Time of the round in which it started, nanoseconds.
    pub time: u64,
    /// Version of the canister when it started.
    pub version: u64,
    /// Balance that the canister saw when it started.
    pub balance: u128,
    /// What was paid for it.
    pub prepayment: Prepayment,
    /// Runs when a callback fails, if it is one.
    pub cleanup: Option<Closure>,
    /// Slices that have had their round.
    pub done: usize,
    /// A checkpoint undid all that was done: only what it takes to begin anew is left.
    pub aborted: bool,
}

/// Changed heap pages above which a sliced execution takes another slice for copying them.
const COPY_SLICE_PAGES: u64 = 262_144;

impl Pending {
    /// Forgets what the execution did, and tells the calls that are thereby not made.
    pub(super) fn abort(&mut self) -> Vec<PerformedCall> {
        self.aborted = true;
        self.done = 0;
        self.execution.parked = None;
        if let Kind::Callback(cleanup) = &mut self.kind {
            *cleanup = None;
        }
        std::mem::take(&mut self.execution.calls)
    }

    /// Instructions of each slice.
    pub(super) fn slices(&self) -> Cow<'_, [u64]> {
        if let ([only], Kind::Method | Kind::Callback(None)) =
            (&self.execution.slices[..], &self.kind)
        {
            return Cow::Borrowed(std::slice::from_ref(only));
        }
        let mut slices = self.execution.slices.clone();
        if let Kind::Callback(Some(cleanup)) = &self.kind {
            let mut cleanup = cleanup.slices.iter().copied();
            // The cleanup goes on in the slice in which the callback ended.
            if let (Some(last), Some(first)) = (slices.last_mut(), cleanup.next()) {
                *last += first;
            }
            slices.extend(cleanup);
        }
        if slices.len() > 1 && self.execution.heap_pages > COPY_SLICE_PAGES {
            slices.push(0);
        }
        slices.into()
    }

    /// What was printed in a slice; `last` is the last of all.
    pub(super) fn prints(&self, slice: usize, last: usize) -> impl Iterator<Item = &DebugPrint> {
        let offset = self.execution.slices.len() - 1;
        let cleanup = match &self.kind {
            Kind::Callback(Some(cleanup)) => cleanup.prints.as_slice(),
            _ => &[],
        };
        let own = self.execution.prints.iter().map(|(at, line)| (*at, line));
        own.chain(cleanup.iter().map(move |(at, line)| (at + offset, line)))
            .filter(move |(at, _)| *at == slice || slice == last && *at > last)
            .map(|(_, line)| line)
    }
}
