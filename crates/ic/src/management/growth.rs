//! Whether a canister may use more memory: the checks of chunks and snapshots before they are stored (management-canister.md 1.27).
//! Growth of heap and stable memory during an execution is checked by the system API.

use super::State;
use super::reservation::reserve;
use crate::canister::Canister;
use crate::errors::{ManagementError, ResourceError};

/// A canister's use of memory that is about to change, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    before: u64,
    after: u64,
}

impl Growth {
    /// What the canister uses becomes less by `freed` bytes and then more by `added` bytes.
    pub(super) fn new(state: &State, canister: &Canister, freed: u64, added: u64) -> Self {
        let before = canister.memory_metrics(state.bookkeeping).total();
        Growth {
            before,
            after: (before - freed).saturating_add(added),
        }
    }

    /// Bytes that the subnet loses: what a memory allocation covers was its canister's before.
    fn taken(&self, allocation: u64) -> u64 {
        self.after
            .max(allocation)
            .saturating_sub(self.before.max(allocation))
    }

    /// Checks that the subnet has the memory and that the canister would not be frozen afterwards. A canister that is
    /// frozen already is refused even if it grows by nothing.
    ///
    /// # Errors
    /// IC0101, IC0532, IC0534.
    pub(super) fn check(&self, state: &State, canister: &Canister) -> Result<(), ManagementError> {
        let taken = self.taken(canister.settings.memory_allocation);
        if taken > state.memory_available {
            return Err(ResourceError::SubnetMemory {
                requested: taken,
                available: state.memory_available,
            }
            .into());
        }
        let mut rules = state.memory_rules(canister);
        rules.other_bytes = self.after;
        let message_bytes = state.message_bytes(canister);
        let threshold = rules.freezing_threshold(&state.fees, 0, message_bytes);
        if canister.cycles < threshold {
            return Err(ResourceError::CyclesForMemoryGrowth {
                // The replica of March 2025 did not count an allocation in.
                bytes: match state.config.protocol.growth_errors_count_allocations {
                    true => taken,
                    false => self.after.saturating_sub(self.before),
                },
                missing: threshold - canister.cycles,
            }
            .into());
        }
        self.check_reservation(state, canister)
    }

    /// Checks once more what has to be set aside, after something else was paid.
    ///
    /// # Errors
    /// IC0532, IC0534.
    pub(super) fn check_reservation(
        &self,
        state: &State,
        canister: &Canister,
    ) -> Result<(), ManagementError> {
        state.reservation(canister, self.taken(canister.settings.memory_allocation))?;
        Ok(())
    }

    /// Takes the memory, which was found to be there, and sets cycles aside for it.
    pub(super) fn take(&self, state: &mut State, canister: &mut Canister) {
        let taken = self.taken(canister.settings.memory_allocation);
        if let Ok(cycles) = state.reservation(canister, taken) {
            reserve(canister, cycles);
        }
        state.take_memory(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_covers_growth_up_to_its_size() {
        let growth = |before, after| Growth { before, after };
        assert_eq!(growth(10, 30).taken(0), 20);
        assert_eq!(growth(10, 30).taken(25), 5);
        assert_eq!(growth(10, 30).taken(30), 0);
        assert_eq!(growth(30, 10).taken(0), 0);
        assert_eq!(growth(30, 10).taken(20), 0);
    }
}
