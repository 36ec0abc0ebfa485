//! The history of a canister: the newest twenty changes of its code and controllers (management-canister.md 5).

use std::collections::VecDeque;

use candid::Principal;

use super::InstallMode;
use super::snapshots::SnapshotId;

/// Changes that are kept.
const KEPT: usize = 20;
/// Bytes of memory that a listed controller counts.
const CONTROLLER_BYTES: u64 = 30;

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeOrigin {
    /// A user's message.
    User(Principal),
    /// A canister's call, with the version it said it had.
    Canister(Principal, Option<u64>),
}

impl ChangeOrigin {
    /// The principal that made the change.
    pub fn principal(&self) -> Principal {
        match self {
            ChangeOrigin::User(id) | ChangeOrigin::Canister(id, _) => *id,
        }
    }
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeDetails {
    /// The canister was created.
    Creation {
        /// With these controllers.
        controllers: Vec<Principal>,
        /// Hash of the environment variables, if any were given.
        environment_variables_hash: Option<Vec<u8>>,
    },
    /// The code was removed.
    CodeUninstall,
    /// Code was installed.
    CodeDeployment {
        /// How.
        mode: InstallMode,
        /// SHA-256 of the module as uploaded.
        module_hash: [u8; 32],
    },
    /// A snapshot was loaded.
    LoadSnapshot {
        /// Version of the canister when the snapshot was taken.
        canister_version: u64,
        /// Which snapshot.
        snapshot_id: SnapshotId,
        /// When it was taken, nanoseconds.
        taken_at: u64,
        /// It was uploaded, not taken.
        uploaded: bool,
        /// Whose it is, if another canister's.
        from_canister: Option<Principal>,
    },
    /// The controllers were set.
    ControllersChange {
        /// To these.
        controllers: Vec<Principal>,
    },
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// Version of the canister after the change.
    pub version: u64,
    /// Who made it.
    pub origin: ChangeOrigin,
    /// What it was.
    pub details: ChangeDetails,
}

impl Change {
    fn bytes(&self, change_bytes: u64) -> u64 {
        let controllers = match &self.details {
            ChangeDetails::Creation { controllers, .. }
            | ChangeDetails::ControllersChange { controllers } => controllers.len(),
            _ => 0,
        };
        change_bytes + CONTROLLER_BYTES * controllers as u64
    }
}

/// The newest changes and how many there were.
#[derive(Clone, Debug, Default)]
pub struct History {
    changes: VecDeque<Change>,
    total: u64,
}

impl History {
    /// Adds a change.
    pub fn push(&mut self, change: Change) {
        self.total += 1;
        self.changes.push_back(change);
        if self.changes.len() > KEPT {
            self.changes.pop_front();
        }
    }

    /// Counts changes that are not known any more.
    pub fn skip(&mut self, changes: u64) {
        self.total += changes;
    }

    /// All changes ever made.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// At most so many of the newest changes, oldest first.
    pub fn recent(&self, count: u64) -> impl Iterator<Item = &Change> {
        let kept = self.changes.len();
        let skipped = kept.saturating_sub(usize::try_from(count).unwrap_or(kept));
        self.changes.iter().skip(skipped)
    }

    /// Bytes of memory that the kept changes count, each `change_bytes` beside its controllers.
    pub fn bytes(&self, change_bytes: u64) -> u64 {
        self.changes
            .iter()
            .map(|change| change.bytes(change_bytes))
            .sum()
    }

    /// Drops the kept changes, as running out of cycles does.
    pub fn forget(&mut self) {
        self.changes.clear();
    }
}
