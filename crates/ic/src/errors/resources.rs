//! What a canister may not have because the subnet or the canister itself cannot afford it: the errors that creating, changing, installing and
//! snapshots share (errors.md, 3.6). Owns the texts; growing during an execution has texts of its own among the execution errors.

use super::Row;
use super::code::ErrorCode;
use super::help::Help;
use super::text::{grouped, human_bytes, memory_allocation};

/// A demand for compute, memory or cycles that was refused. Memory is in bytes, compute in percent; `missing` and `excess` are cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceError {
    /// The subnet has no more than `available` percent of compute to allocate.
    SubnetCompute { requested: u64, available: u64 },
    /// The subnet has no more than `available` bytes.
    SubnetMemory { requested: u64, available: u64 },
    /// The subnet has no more than `available` bytes for custom sections.
    SubnetCustomSections { requested: u64, available: u64 },
    /// The allocation is smaller than what is used.
    MemoryAllocationTooSmall { allocation: u64, needed: u64 },
    /// The larger compute allocation would freeze the canister.
    CyclesForComputeAllocation { percent: u64, missing: u128 },
    /// The larger memory allocation would freeze the canister.
    CyclesForMemoryAllocation { allocation: u64, missing: u128 },
    /// The growth would freeze the canister.
    CyclesForMemoryGrowth { bytes: u64, missing: u128 },
    /// The memory allocation would reserve more cycles than the setting's `limit`.
    ReservedCyclesForMemoryAllocation {
        allocation: u64,
        limit: u128,
        excess: u128,
    },
    /// The growth would reserve more cycles than the setting's `limit`.
    ReservedCyclesForMemoryGrowth {
        bytes: u64,
        limit: u128,
        excess: u128,
    },
    /// The new limit is below the `balance` that is already reserved.
    ReservedCyclesLimitTooLow { limit: u128, balance: u128 },
}

impl ResourceError {
    #[rustfmt::skip] // a table
    pub(super) fn row(&self) -> Row {
        use ErrorCode as Code;
        use Help::{Bare, Documented};
        use ResourceError::*;
        match self {
            SubnetCompute { requested, available } => (
                Code::SubnetOversubscribed, format!("Canister requested a compute allocation of {requested}% which cannot be satisfied because the Subnet's remaining compute capacity is {available}%."),
                Documented("Try moving to another subnet.", "subnet-compute-capacity-oversubscribed"),
            ),
            SubnetMemory { requested, available } => (
                Code::SubnetOversubscribed, format!("Canister requested {} of memory but only {} are available in the subnet.", human_bytes(*requested), human_bytes(*available)),
                Documented("Try moving to another subnet.", "subnet-memory-capacity-oversubscribed"),
            ),
            SubnetCustomSections { requested, available } => (
                Code::SubnetOversubscribed, format!("Canister requested {} of Wasm custom sections memory but only {} are available in the subnet.", human_bytes(*requested), human_bytes(*available)),
                Documented("Try removing custom sections using a tool like `wasm-strip` or moving to another subnet.", "subnet-custom-section-memory-capacity-oversubscribed"),
            ),
            MemoryAllocationTooSmall { allocation, needed } => (
                Code::InsufficientMemoryAllocation, format!("Canister was given {} memory allocation but at least {needed} of memory is needed.", memory_allocation(*allocation)),
                Documented("Try increasing the canister's memory allocation.", "not-enough-memory-allocation-given"),
            ),
            CyclesForComputeAllocation { percent, missing } => (
                Code::InsufficientCyclesInComputeAllocation, format!("Cannot increase compute allocation to {percent}% due to insufficient cycles. At least {} additional cycles are required.", grouped(*missing)),
                Documented("Top up the canister with more cycles.", "insufficient-cycles-in-compute-allocation"),
            ),
            CyclesForMemoryAllocation { allocation, missing } => (
                Code::InsufficientCyclesInMemoryAllocation, format!("Cannot increase memory allocation to {} due to insufficient cycles. At least {} additional cycles are required.", memory_allocation(*allocation), grouped(*missing)),
                Documented("Top up the canister with more cycles.", "insufficient-cycles-in-memory-allocation"),
            ),
            CyclesForMemoryGrowth { bytes, missing } => (
                Code::InsufficientCyclesInMemoryGrow, format!("Canister cannot grow memory by {bytes} bytes due to insufficient cycles. At least {} additional cycles are required.", grouped(*missing)),
                Documented("Top up the canister with more cycles.", "insufficient-cycles-in-memory-grow-1"),
            ),
            ReservedCyclesForMemoryAllocation { allocation, limit, excess } => (
                Code::ReservedCyclesLimitExceededInMemoryAllocation, format!("Cannot increase memory allocation to {} due to its reserved cycles limit. The current limit ({}) would be exceeded by {}.", memory_allocation(*allocation), grouped(*limit), grouped(*excess)),
                Documented("Try increasing this canister's reserved cycles limit or moving it to a subnet with lower memory usage.", "reserved-cycles-limit-exceeded-in-memory-allocation"),
            ),
            ReservedCyclesForMemoryGrowth { bytes, limit, excess } => (
                Code::ReservedCyclesLimitExceededInMemoryGrow, format!("Canister cannot grow memory by {bytes} bytes due to its reserved cycles limit. The current limit ({}) would be exceeded by {}.", grouped(*limit), grouped(*excess)),
                Documented("Try increasing this canister's reserved cycles limit or moving it to a subnet with lower memory usage.", "reserved-cycles-limit-exceeded-in-memory-grow"),
            ),
            ReservedCyclesLimitTooLow { limit, balance } => (
                Code::ReservedCyclesLimitIsTooLow, format!("Cannot set the reserved cycles limit {} below the reserved cycles balance of the canister {}.", grouped(*limit), grouped(*balance)),
                Bare("Set the reserved cycles limit in the canister settings to a value that is at least the current reserved cycles balance.", "reserved-cycles-limit-is-too-low"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ManagementError, UserError};
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_code_text_and_help() {
        use ResourceError::*;
        const LINK: &str = "https://internetcomputer.org/docs/current/references/execution-errors#";
        let (limit, excess, missing) = (5_000_000_000_000, 1_000, 999_999_999_999);
        for (error, printed, link, anchor) in [
            (SubnetCompute { requested: 50, available: 49 }, "IC0101: Canister requested a compute allocation of 50% which cannot be satisfied because the Subnet's remaining compute capacity is 49%.\nTry moving to another subnet.", LINK, "subnet-compute-capacity-oversubscribed"),
            (SubnetMemory { requested: 1 << 40, available: 2041 << 28 }, "IC0101: Canister requested 1024.00 GiB of memory but only 510.25 GiB are available in the subnet.\nTry moving to another subnet.", LINK, "subnet-memory-capacity-oversubscribed"),
            (SubnetCustomSections { requested: 1 << 20, available: 100 }, "IC0101: Canister requested 1024.00 KiB of Wasm custom sections memory but only 100 B are available in the subnet.\nTry removing custom sections using a tool like `wasm-strip` or moving to another subnet.", LINK, "subnet-custom-section-memory-capacity-oversubscribed"),
            (MemoryAllocationTooSmall { allocation: 1000, needed: 264893 }, "IC0402: Canister was given 1000 B memory allocation but at least 264893 of memory is needed.\nTry increasing the canister's memory allocation.", LINK, "not-enough-memory-allocation-given"),
            (CyclesForComputeAllocation { percent: 1, missing }, "IC0530: Cannot increase compute allocation to 1% due to insufficient cycles. At least 999_999_999_999 additional cycles are required.\nTop up the canister with more cycles.", LINK, "insufficient-cycles-in-compute-allocation"),
            (CyclesForMemoryAllocation { allocation: 2 << 30, missing }, "IC0531: Cannot increase memory allocation to 2.00 GiB due to insufficient cycles. At least 999_999_999_999 additional cycles are required.\nTop up the canister with more cycles.", LINK, "insufficient-cycles-in-memory-allocation"),
            (CyclesForMemoryGrowth { bytes: 1048592, missing }, "IC0532: Canister cannot grow memory by 1048592 bytes due to insufficient cycles. At least 999_999_999_999 additional cycles are required.\nTop up the canister with more cycles.", LINK, "insufficient-cycles-in-memory-grow-1"),
            (ReservedCyclesForMemoryAllocation { allocation: 0, limit, excess }, "IC0533: Cannot increase memory allocation to best-effort due to its reserved cycles limit. The current limit (5_000_000_000_000) would be exceeded by 1_000.\nTry increasing this canister's reserved cycles limit or moving it to a subnet with lower memory usage.", LINK, "reserved-cycles-limit-exceeded-in-memory-allocation"),
            (ReservedCyclesForMemoryGrowth { bytes: 65536, limit, excess }, "IC0534: Canister cannot grow memory by 65536 bytes due to its reserved cycles limit. The current limit (5_000_000_000_000) would be exceeded by 1_000.\nTry increasing this canister's reserved cycles limit or moving it to a subnet with lower memory usage.", LINK, "reserved-cycles-limit-exceeded-in-memory-grow"),
            (ReservedCyclesLimitTooLow { limit, balance: 5_000_000_000_001 }, "IC0540: Cannot set the reserved cycles limit 5_000_000_000_000 below the reserved cycles balance of the canister 5_000_000_000_001.\nSet the reserved cycles limit in the canister settings to a value that is at least the current reserved cycles balance.", "", "reserved-cycles-limit-is-too-low"),
        ] {
            assert_eq!(UserError::from(ManagementError::from(error)).to_string(), format!("{printed} See documentation: {link}{anchor}"));
        }
    }
}
