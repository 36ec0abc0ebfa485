//! What tests do to a node from outside, between rounds: answers for outcalls, stable memories, and a look at what is due.
//! Nothing here is a message, costs cycles or counts as a change of a canister.

use candid::Principal;

use super::Node;
use super::query_cache::QueryCache;
use crate::mock::Mock;
use crate::module::memory::{StableMemory, WASM_PAGE_SIZE};

/// Rounds that one due timer may take, with all calls that it makes.
const MOST_ROUNDS: u64 = 10_000;
/// Rounds for which a due timer that does not run is waited for: tasks of a canister take turns.
const TURNS: u64 = 3;

impl Node {
    /// Answers HTTP outcalls whose URL begins like this from now on, before all answers given earlier.
    pub fn respond(&mut self, mock: impl Into<Mock>) {
        self.state.config.http_mocks.insert(0, mock.into());
    }

    /// The content of a canister's stable memory; nothing if there is no such canister.
    pub fn stable_memory(&self, canister: &Principal) -> Option<Vec<u8>> {
        let stable = &self.canister(canister)?.stable;
        let mut content = vec![0; usize::try_from(stable.size_bytes()).ok()?];
        stable.read(0, &mut content).ok()?;
        Some(content)
    }

    /// Replaces a canister's stable memory, rounded up to whole pages with zeros. False if there is no such canister or the content
    /// is too large.
    pub fn set_stable_memory(&mut self, canister: &Principal, content: &[u8]) -> bool {
        let Some(canister) = self.state.canisters.get_mut(canister) else {
            return false;
        };
        let mut stable = StableMemory::new();
        let pages = content.len().div_ceil(WASM_PAGE_SIZE) as u64;
        if stable.grow_to(pages).is_err() || stable.write(0, content).is_err() {
            return false;
        }
        *canister.stable = stable;
        self.query_cache = QueryCache::default();
        true
    }

    /// Lets nanoseconds pass. Timers run when they are due and in that order, also those that are set meanwhile; the last
    /// round is at the end of the time.
    pub fn run_for(&mut self, nanoseconds: u64) {
        let end = self.time().saturating_add(nanoseconds);
        while let Some(due) = self.next_timer().filter(|due| *due <= end) {
            self.set_time(due);
            self.finish_begun();
        }
        self.set_time(end);
        self.finish_begun();
    }

    /// Runs a round and what it takes to finish what is done in it.
    fn finish_begun(&mut self) {
        let mut rounds = 0;
        for _ in 0..MOST_ROUNDS {
            self.tick();
            rounds += 1;
            let waits = self.has_overdue_timer() && rounds <= TURNS;
            if !self.has_work() && !waits {
                break;
            }
        }
    }

    /// When the first timer is due that is later than the last round, nanoseconds since the Unix epoch.
    fn next_timer(&self) -> Option<u64> {
        let timers = self.canisters().map(|canister| canister.global_timer);
        timers.filter(|timer| *timer > self.time()).min()
    }

    /// True if a timer should have run by now, but has not: another task went before, or the canister cannot pay.
    fn has_overdue_timer(&self) -> bool {
        let mut timers = self.canisters().map(|canister| canister.global_timer);
        timers.any(|timer| timer != 0 && timer <= self.time())
    }

    /// True if a further round could go on with what was begun; what waits for time to pass does not count.
    pub(super) fn has_work(&self) -> bool {
        !self.inbox.is_empty()
            || !self.loopback.is_empty()
            || !self.management.is_empty()
            || !self.management_output.is_empty()
            || !self.paused.is_empty()
            || self.installing.is_some()
            || self
                .state
                .canisters
                .busy()
                .any(|canister| !canister.inputs.is_empty() || !canister.outputs.is_empty())
    }
}
