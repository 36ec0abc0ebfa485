//! Snapshots of canisters: finding, listing and deleting them, and what all their methods share (management-canister.md 1.27 to
//! 1.34). Taking, loading, reading and uploading have files of their own.

mod load;
mod read;
mod take;
mod upload;

pub use load::load;
pub use read::{read_data, read_metadata};
pub use take::take;
pub use upload::{upload_data, upload_metadata};

use super::State;
use super::call::{Answer, Call, empty_reply};
use super::decode::Given;
use super::growth::Growth;
use super::method::Access;
use super::target::{existing, with_canister};
use super::types::lifecycle::CanisterIdRecord;
use super::types::snapshots::{self as wire, SnapshotArgs};
use super::writer::encoded;
use crate::canister::Canister;
use crate::canister::debits::HEAP_DELTA_PER_ROUND;
use crate::canister::snapshots::{Snapshot, SnapshotId};
use crate::errors::{ManagementError, SnapshotError};

/// Instructions that a snapshot costs when it is made or loaded, beside its bytes.
const SNAPSHOT_INSTRUCTIONS: u64 = 2_000_000_000;

/// `list_canister_snapshots`, oldest first.
pub fn list(state: &mut State, call: &mut Call<'_>, args: Given<CanisterIdRecord>) -> Answer {
    let id = args?.canister_id;
    let canister = existing(state, &id)?;
    state.check_access(Access::Snapshots, canister, call.sender())?;
    let list: Vec<wire::Snapshot> = canister.snapshots.iter().map(summary).collect();
    Ok(encoded(&list))
}

/// `delete_canister_snapshot`.
pub fn delete(state: &mut State, call: &mut Call<'_>, args: Given<SnapshotArgs>) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        let index = position(state, canister, args.snapshot_id)?;
        canister.snapshots.remove(index);
        Ok(empty_reply())
    })
}

/// What lists and the taking method tell about a snapshot.
fn summary(snapshot: &Snapshot) -> wire::Snapshot {
    wire::Snapshot {
        id: snapshot.id,
        taken_at_timestamp: snapshot.taken_at,
        total_size: snapshot.total_bytes,
    }
}

/// Where the snapshot stands among those of the canister; it must be its own.
fn position(state: &State, canister: &Canister, id: SnapshotId) -> Result<usize, SnapshotError> {
    let own = canister
        .snapshots
        .iter()
        .position(|snapshot| snapshot.id == id);
    own.ok_or_else(|| match state.canisters.get(&id.canister) {
        Some(owner) if owner.snapshots.iter().any(|snapshot| snapshot.id == id) => {
            SnapshotError::InvalidOwnership {
                snapshot: id.to_string(),
                canister: canister.id,
            }
        }
        _ => not_found(id, canister),
    })
}

fn not_found(id: SnapshotId, canister: &Canister) -> SnapshotError {
    SnapshotError::NotFound {
        snapshot: id.to_string(),
        canister: canister.id,
    }
}

/// The place of a new snapshot of so many bytes: which one it replaces, and whether number, rate limit and memory allow it.
/// Charges for it. So many bytes beside those of a replaced snapshot become free in the same step.
/// Nothing is replaced yet.
fn make_room(
    state: &mut State,
    canister: &mut Canister,
    call: &Call<'_>,
    replaced: Option<SnapshotId>,
    total_bytes: u64,
    freed: u64,
) -> Result<Room, ManagementError> {
    let index = match replaced {
        Some(id) => Some(position(state, canister, id)?),
        None => {
            check_number(canister, state.config.protocol.max_snapshots)?;
            None
        }
    };
    if let Some(debit) = canister.debits.excessive_heap_delta() {
        let (canister, limit) = (canister.id, HEAP_DELTA_PER_ROUND);
        return Err(SnapshotError::HeapDelta {
            canister,
            debit,
            limit,
        }
        .into());
    }
    let freed = freed + index.map_or(0, |index| canister.snapshots[index].total_bytes);
    let growth = Growth::new(state, canister, freed, total_bytes);
    growth.check(state, canister)?;
    charge(
        state,
        canister,
        call,
        SNAPSHOT_INSTRUCTIONS.saturating_add(total_bytes),
    )?;
    growth.check_reservation(state, canister)?;
    Ok(Room { index, growth })
}

/// See [`make_room`].
struct Room {
    index: Option<usize>,
    growth: Growth,
}

impl Room {
    /// Adds the snapshot under the canister's next number.
    fn fill(self, state: &mut State, canister: &mut Canister, snapshot: Snapshot) {
        self.growth.take(state, canister);
        if let Some(index) = self.index {
            canister.snapshots.remove(index);
        }
        canister.next_snapshot += 1;
        canister.snapshots.push(snapshot);
    }
}

fn check_number(canister: &Canister, max: usize) -> Result<(), SnapshotError> {
    if canister.snapshots.len() >= max {
        return Err(SnapshotError::LimitExceeded {
            canister: canister.id,
            max: max as u64,
        });
    }
    Ok(())
}

/// The name of the canister's next snapshot.
fn next_id(canister: &Canister) -> SnapshotId {
    SnapshotId {
        canister: canister.id,
        number: canister.next_snapshot,
    }
}

/// Charges so many instructions and the fixed price of an execution.
fn charge(
    state: &mut State,
    canister: &mut Canister,
    call: &Call<'_>,
    instructions: u64,
) -> Result<(), SnapshotError> {
    let price = state.fees.execution(instructions, false);
    state
        .charge(canister, price, Some(&call.sender()))
        .map_err(SnapshotError::OutOfCycles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canister::settings::{Controllers, Settings};
    use crate::module::memory::Image;
    use candid::Principal;

    fn canister_with(snapshots: usize) -> Canister {
        let settings = Settings::new(Controllers::default());
        let mut canister = Canister::new(Principal::anonymous(), settings, 0, 0);
        for number in 0..snapshots as u64 {
            canister.snapshots.push(Snapshot {
                id: next_id(&canister),
                taken_at: number,
                taken_in_round: 0,
                uploaded: false,
                module: [].into(),
                heap: Image::zeroed(0),
                stable: Image::zeroed(0),
                globals: Vec::new(),
                chunks: Default::default(),
                certified_data: Vec::new(),
                version: 0,
                global_timer: None,
                hook: None,
                total_bytes: 0,
            });
            canister.next_snapshot += 1;
        }
        canister
    }

    #[test]
    fn ten_snapshots_are_allowed_and_one_in_old_drun() {
        assert_eq!(check_number(&canister_with(9), 10), Ok(()));
        let refused = |max| {
            Err(SnapshotError::LimitExceeded {
                canister: Principal::anonymous(),
                max,
            })
        };
        assert_eq!(check_number(&canister_with(10), 10), refused(10));
        assert_eq!(check_number(&canister_with(0), 1), Ok(()));
        assert_eq!(check_number(&canister_with(1), 1), refused(1));
    }

    #[test]
    fn numbers_of_deleted_snapshots_are_not_used_again() {
        let mut canister = canister_with(3);
        canister.snapshots.clear();
        assert_eq!(next_id(&canister).number, 3);
    }
}
