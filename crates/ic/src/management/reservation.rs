//! Cycles that a canister sets aside when it takes memory of a subnet that is filling up: chunks, snapshots, allocations and
//! installations (metering.md 7.4 and 8.6). Growth during an execution is the business of the system API.

use super::State;
use crate::canister::Canister;
use crate::errors::ResourceError;
use crate::fees::Fullness;

impl State {
    /// How full the subnet is.
    pub fn fullness(&self) -> Fullness {
        Fullness {
            used: self.memory_used,
            start: self.config.protocol.reservation_start,
            capacity: self.memory_capacity(),
        }
    }

    /// Cycles to be set aside for so many more bytes.
    ///
    /// # Errors
    /// IC0534 if the canister's limit does not allow it, IC0532 if it has not so many.
    pub fn reservation(&self, canister: &Canister, bytes: u64) -> Result<u128, ResourceError> {
        let amount = self.fees.reservation(bytes, self.fullness());
        let limit = canister.settings.reserved_cycles_limit;
        let requested = canister.reserved_cycles + amount;
        if amount > 0 && requested > limit {
            let excess = requested - limit;
            return Err(ResourceError::ReservedCyclesForMemoryGrowth {
                bytes,
                limit,
                excess,
            });
        }
        if let Some(missing) = amount.checked_sub(canister.cycles).filter(|it| *it > 0) {
            return Err(ResourceError::CyclesForMemoryGrowth { bytes, missing });
        }
        Ok(amount)
    }

    /// Whether a canister stays within its memory allocation, where that is a limit.
    ///
    /// # Errors
    /// IC0402.
    pub fn check_allocation(&self, canister: &Canister) -> Result<(), ResourceError> {
        let allocation = canister.settings.memory_allocation;
        let needed = canister.memory_metrics(self.bookkeeping).total();
        match self.config.protocol.allocation_is_a_limit && allocation != 0 && needed > allocation {
            true => Err(ResourceError::MemoryAllocationTooSmall { allocation, needed }),
            false => Ok(()),
        }
    }

    /// Takes memory from what the executions of this round have left.
    pub fn take_memory(&mut self, bytes: u64) {
        self.memory_available = self.memory_available.saturating_sub(bytes);
        self.memory_used = self.memory_used.saturating_add(bytes);
    }
}

/// Sets cycles aside.
pub fn reserve(canister: &mut Canister, cycles: u128) {
    canister.cycles -= cycles;
    canister.reserved_cycles += cycles;
}

#[cfg(test)]
mod tests {
    use crate::config::NodeSettings;
    use crate::fees::{Fees, Fullness};
    use crate::protocol::{Protocol, SubnetType};

    /// Thirteen nodes ask 127,000 cycles for a GiB and second. A subnet of 1,000 GiB that begins to reserve at 800 is full to a
    /// quarter of what is left with 850: a quarter of ten years.
    #[test]
    fn new_memory_is_paid_ahead_for_longer_the_fuller_the_subnet_is() {
        let fees_of = |kind| Fees::new(&NodeSettings::new(Protocol::OCTOBER_2025, kind));
        let fees = fees_of(SubnetType::Application);
        let gib = |number: u64| number << 30;
        let with = |used| Fullness {
            used: gib(used),
            start: gib(800),
            capacity: gib(1000),
        };
        let ten_years = 10 * 365 * 86_400;
        assert_eq!(fees.reservation(gib(1), with(700)), 0);
        assert_eq!(fees.reservation(gib(1), with(799)), 0);
        assert_eq!(fees.reservation(gib(1), with(849)), 127_000 * ten_years / 4);
        assert_eq!(fees.reservation(gib(2), with(998)), 2 * 127_000 * ten_years);
        let system = fees_of(SubnetType::System);
        assert_eq!(system.reservation(gib(1), with(900)), 0);
    }
}
