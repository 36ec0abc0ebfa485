//! Cycles that were paid ahead for an execution, and what of them comes back (metering.md 8.2). Owns that rule only: who holds a
//! prepayment settles it, since nothing else can be done with it.

use candid::Principal;

use crate::canister::Canister;
use crate::errors::OutOfCycles;
use crate::management::State;

/// What was paid ahead for so many instructions. There is one of each payment, and a copy in each snapshot of the node.
#[derive(Clone, Debug)]
#[must_use = "what an execution does not use has to go back"]
pub(super) struct Prepayment {
    instructions: u64,
    wasm64: bool,
    cycles: u128,
}

impl Prepayment {
    /// Pays for an execution, by the width of the module.
    pub(super) fn take(
        state: &mut State,
        canister: &mut Canister,
        instructions: u64,
        wasm64: bool,
        caller: Option<&Principal>,
    ) -> Result<Self, OutOfCycles> {
        let cycles = state.fees.execution(instructions, wasm64);
        state.charge(canister, cycles, caller)?;
        Ok(Prepayment {
            instructions,
            wasm64,
            cycles,
        })
    }

    /// For a callback, which was paid for when its call was made. No more than that comes back.
    pub(super) fn of_callback(instructions: u64, wasm64: bool, cycles: u128) -> Self {
        Prepayment {
            instructions,
            wasm64,
            cycles,
        }
    }

    /// The instructions paid for.
    pub(super) fn instructions(&self) -> u64 {
        self.instructions
    }

    /// The module has a 64-bit memory.
    pub(super) fn wasm64(&self) -> bool {
        self.wasm64
    }

    /// Gives back what was paid for instructions that were not used.
    pub(super) fn settle(self, state: &mut State, canister: &mut Canister, used: u64) {
        let left = self.instructions.saturating_sub(used);
        let unused = state.fees.unused(left, self.wasm64).min(self.cycles);
        state.refund(canister, unused);
    }
}
