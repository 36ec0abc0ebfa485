//! What the cycles of a canister went into since it was created, as `canister_metrics` tells (since-october-2025.md 2.6). Owns
//! sums by purpose; who charges says for what.

use serde::{Deserialize, Serialize};

/// What cycles are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Storage, and existing.
    Memory,
    /// A compute allocation.
    ComputeAllocation,
    /// Receiving messages of users.
    Ingress,
    /// Executing code, and management work that is measured so.
    Instructions,
    /// Requests and responses between canisters.
    Transmission,
    /// What a canister lost that could not pay for its storage.
    Uninstall,
    /// Being created.
    Creation,
    /// HTTP outcalls.
    HttpOutcalls,
    /// Burned by the canister itself.
    Burned,
    /// Threshold signatures, for which there is no field.
    Signatures,
}

/// Sums by purpose, in cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumed([u128; 10]);

impl Consumed {
    /// Adds what was charged.
    pub fn add(&mut self, purpose: Purpose, cycles: u128) {
        let sum = &mut self.0[purpose as usize];
        *sum = sum.saturating_add(cycles);
    }

    /// Takes back what was prepaid and not used.
    pub fn give_back(&mut self, purpose: Purpose, cycles: u128) {
        let sum = &mut self.0[purpose as usize];
        *sum = sum.saturating_sub(cycles);
    }

    /// The sum of a purpose.
    pub fn of(&self, purpose: Purpose) -> u128 {
        self.0[purpose as usize]
    }
}
