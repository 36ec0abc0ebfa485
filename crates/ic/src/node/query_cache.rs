//! Results of queries that may be told again without running them (scheduling.md 3.4).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candid::Principal;

use super::round::SECOND;
use crate::answer::MessageResult;
use crate::canister::Canister;
use crate::canister::queues::CallerInfo;
use crate::ic0::exec::Dependencies;
use crate::management::State;

/// Bytes of queries and their results that are remembered.
const CACHE_BYTES: usize = 100 << 20;
/// How long a query is remembered, and one that has copied its certificate (scheduling.md 3.4): nanoseconds.
const CACHED_AGE: u64 = 600 * SECOND;
const CERTIFIED_AGE: u64 = 60 * SECOND;
/// Bytes of a remembered query beside argument and result.
const ENTRY_BYTES: usize = 1 << 10;

/// A query whose result may be told again without running it.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) result: MessageResult,
    /// Canisters that took part.
    pub(super) canisters: BTreeMap<Principal, Seen>,
    /// When it ran, nanoseconds.
    pub(super) time: u64,
    pub(super) dependencies: Dependencies,
}

/// What a result depends on of a canister.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// A deleted canister may have a successor of the same id, which counts its versions from the beginning.
    created_at: u64,
    version: u64,
    balance: u128,
}

impl Seen {
    pub(super) fn of(canister: &Canister) -> Self {
        Seen {
            created_at: canister.created_at,
            version: canister.version,
            balance: canister.cycles,
        }
    }

    /// Whether the canister is still as it was seen, and with the same balance if that matters.
    fn is_present(&self, canister: &Canister, balance: bool) -> bool {
        canister.created_at == self.created_at
            && canister.version == self.version
            && canister.status.is_running()
            && (!balance || canister.cycles == self.balance)
    }
}

/// A query: sender, canister, method, argument and who asked.
pub(super) type QueryKey = (Principal, Principal, String, Vec<u8>, Asked);

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// A user, who may have told something about itself.
    ByUser(Option<Arc<CallerInfo>>),
    /// The subnet, for the response of an HTTP outcall.
    ToTransform,
}

/// Results of queries.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryCache {
    entries: HashMap<QueryKey, Cached>,
    /// Bytes of arguments and results, at least.
    bytes: usize,
}

impl QueryCache {
    /// Remembers a result; everything else is forgotten when there is too much.
    pub(super) fn insert(&mut self, key: QueryKey, entry: Cached) {
        let result = match &entry.result {
            MessageResult::Replied(data) => data.len(),
            MessageResult::Rejected(text) => text.len(),
            MessageResult::Failed(_) => 0,
        };
        self.bytes += key.3.len() + result + ENTRY_BYTES;
        if self.bytes > CACHE_BYTES {
            *self = QueryCache::default();
        }
        self.entries.insert(key, entry);
    }

    /// What a query was answered, if it would be answered the same now.
    pub(super) fn get(&self, key: &QueryKey, state: &State) -> Option<MessageResult> {
        let cached = self.entries.get(key)?;
        let balance = cached.dependencies.balance;
        let unchanged = cached.canisters.iter().all(|(id, seen)| {
            let canister = state.canisters.get(id);
            canister.is_some_and(|canister| seen.is_present(canister, balance))
        });
        let oldest = match cached.dependencies {
            Dependencies { time: true, .. } => 0,
            Dependencies {
                certificate: true, ..
            } => CERTIFIED_AGE,
            _ => CACHED_AGE,
        };
        let young = state.time.abs_diff(cached.time) <= oldest;
        (unchanged && young).then(|| cached.result.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of many megabytes must not pile up.
    #[test]
    fn the_cache_forgets_before_it_is_too_large() {
        let mut cache = QueryCache::default();
        for n in 0..60u8 {
            let user = Principal::anonymous();
            let key = (user, user, String::new(), vec![n], Asked::ByUser(None));
            let entry = Cached {
                result: MessageResult::Replied(vec![0; 3 << 20]),
                canisters: BTreeMap::new(),
                time: 0,
                dependencies: Dependencies::default(),
            };
            cache.insert(key, entry);
            assert!(cache.entries.len() <= 34);
        }
        assert!(!cache.entries.is_empty());
    }
}
