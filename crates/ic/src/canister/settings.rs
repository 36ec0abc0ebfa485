//! What controllers decide about a canister, with its defaults (management-canister.md 2.2).
//! Owns plain data; checks are made where settings are changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candid::Principal;

/// Default of `freezing_threshold`, in seconds: 30 days.
pub const DEFAULT_FREEZING_THRESHOLD: u64 = 2_592_000;
/// Default of `wasm_memory_limit`, in bytes: 3 GiB.
pub const DEFAULT_WASM_MEMORY_LIMIT: u64 = 3 << 30;
/// Default of `reserved_cycles_limit`.
pub const DEFAULT_RESERVED_CYCLES_LIMIT: u128 = 5_000_000_000_000;
/// Who may see something of a canister: its log, its snapshots, its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Controllers only.
    #[default]
    Controllers,
    /// Everybody.
    Public,
    /// These and the controllers.
    AllowedViewers(Vec<Principal>),
}

/// A principal that sorts as in a set of controllers: shorter ones first, then by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByLength(pub Principal);

impl Ord for ByLength {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = (self.0.as_slice(), other.0.as_slice());
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    }
}

impl PartialOrd for ByLength {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The set of controllers, in the order in which it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controllers(BTreeSet<ByLength>);

impl Controllers {
    /// True for a controller.
    pub fn contains(&self, principal: &Principal) -> bool {
        self.0.contains(&ByLength(*principal))
    }

    /// The controllers in order.
    pub fn to_vec(&self) -> Vec<Principal> {
        self.0.iter().map(|controller| controller.0).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if nobody controls the canister.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Principal> for Controllers {
    fn from_iter<I: IntoIterator<Item = Principal>>(principals: I) -> Self {
        Controllers(principals.into_iter().map(ByLength).collect())
    }
}

/// The settings of a canister. Controllers and variables are shared with running executions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who controls the canister.
    pub controllers: Arc<Controllers>,
    /// Percent of a core, 0 to 100.
    pub compute_allocation: u64,
    /// Bytes; 0 is best effort.
    pub memory_allocation: u64,
    /// Seconds.
    pub freezing_threshold: u64,
    /// Cycles.
    pub reserved_cycles_limit: u128,
    /// Who may read the log.
    pub log_visibility: Visibility,
    /// Who may list and read snapshots.
    pub snapshot_visibility: Visibility,
    /// Who may see the status.
    pub status_visibility: Visibility,
    /// Cycles that a call of another canister has to bring.
    pub minimum_incoming_cycles: u128,
    /// Bytes of heap; 0 is no limit.
    pub wasm_memory_limit: u64,
    /// Bytes of heap that shall stay free before the low-memory hook runs.
    pub wasm_memory_threshold: u64,
    /// By name.
    pub environment_variables: Arc<BTreeMap<String, String>>,
}

impl Settings {
    /// The settings of a new canister.
    pub fn new(controllers: Controllers) -> Self {
        Settings {
            controllers: Arc::new(controllers),
            compute_allocation: 0,
            memory_allocation: 0,
            freezing_threshold: DEFAULT_FREEZING_THRESHOLD,
            reserved_cycles_limit: DEFAULT_RESERVED_CYCLES_LIMIT,
            log_visibility: Visibility::default(),
            snapshot_visibility: Visibility::default(),
            status_visibility: Visibility::default(),
            minimum_incoming_cycles: 0,
            wasm_memory_limit: DEFAULT_WASM_MEMORY_LIMIT,
            wasm_memory_threshold: 0,
            environment_variables: Arc::default(),
        }
    }
}
