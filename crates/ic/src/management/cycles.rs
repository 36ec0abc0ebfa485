//! Cycles for canisters: `deposit_cycles` and `provisional_top_up_canister` (management-canister.md 1.3 and 1.17). Anybody may give to
//! any canister, in any status; neither changes version or history.

use candid::Nat;

use super::State;
use super::call::{Answer, Call, empty_reply};
use super::create::DEFAULT_CYCLES;
use super::decode::Given;
use super::target::with_canister;
use super::types::lifecycle::{CanisterIdRecord, ProvisionalTopUpArgs};

/// `deposit_cycles`: all attached cycles.
pub fn deposit(state: &mut State, call: &mut Call<'_>, args: Given<CanisterIdRecord>) -> Answer {
    let id = args?.canister_id;
    with_canister(state, id, |_, canister| {
        canister.cycles = canister.cycles.saturating_add(call.cycles());
        call.refund = 0;
        Ok(empty_reply())
    })
}

/// `provisional_top_up_canister`: cycles out of nothing.
pub fn provisional_top_up(state: &mut State, args: Given<ProvisionalTopUpArgs>) -> Answer {
    let args = args?;
    with_canister(state, args.canister_id, |_, canister| {
        canister.cycles = canister.cycles.saturating_add(provisional(&args.amount));
        Ok(empty_reply())
    })
}

/// An amount that does not fit a balance means the default.
fn provisional(amount: &Nat) -> u128 {
    u128::try_from(&amount.0).unwrap_or(DEFAULT_CYCLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_beyond_128_bits_mean_a_hundred_trillion() {
        assert_eq!(provisional(&Nat::from(0_u8)), 0);
        assert_eq!(provisional(&Nat::from(u128::MAX)), u128::MAX);
        assert_eq!(
            provisional(&(Nat::from(u128::MAX) + 1_u8)),
            100_000_000_000_000
        );
    }
}
