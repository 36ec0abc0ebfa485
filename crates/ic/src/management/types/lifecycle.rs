//! Arguments and answers of the methods that only name a canister (status, start, stop, delete, deposit, chunk lists …)
//! and of those that make, fund or empty one. Settings are in `settings`, code in `install`.

use super::settings::CanisterSettings;
use candid::{CandidType, Deserialize, Nat, Principal};

/// `record { canister_id }`: the whole argument of many methods, and what the creating ones answer.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterIdRecord {
    pub canister_id: Principal,
}

/// Argument of `create_canister`. Decode it with [`super::super::decode::create_canister`], which knows its leniency.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CreateCanisterArgs<S = CanisterSettings> {
    pub settings: Option<S>,
    pub sender_canister_version: Option<u64>,
}

impl<S> Default for CreateCanisterArgs<S> {
    fn default() -> Self {
        CreateCanisterArgs {
            settings: None,
            sender_canister_version: None,
        }
    }
}

/// Argument of `provisional_create_canister_with_cycles`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct ProvisionalCreateArgs<S = CanisterSettings> {
    /// Cycles; `None`, and any number beyond 2^128 - 1, mean 100 T.
    pub amount: Option<Nat>,
    pub settings: Option<S>,
    pub specified_id: Option<Principal>,
    pub sender_canister_version: Option<u64>,
}

/// Argument of `provisional_top_up_canister`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct ProvisionalTopUpArgs {
    pub canister_id: Principal,
    /// Cycles; any number beyond 2^128 - 1 means 100 T.
    pub amount: Nat,
}

/// Argument of `uninstall_code`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UninstallCodeArgs {
    pub canister_id: Principal,
    pub sender_canister_version: Option<u64>,
}

/// The identity a canister takes over in `rename_canister`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct RenameTo {
    pub canister_id: Principal,
    pub version: u64,
    pub total_num_changes: u64,
}

/// Argument of `rename_canister`; the only one whose sender version is mandatory.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct RenameCanisterArgs {
    pub canister_id: Principal,
    pub rename_to: RenameTo,
    pub sender_canister_version: u64,
}

#[cfg(test)]
mod tests {
    use super::super::golden::round_trip;
    use super::*;

    #[test]
    fn a_created_canister_is_answered_in_the_recorded_bytes() {
        let reply: CanisterIdRecord =
            round_trip("4449444c016c01b3c4b1f204680100010a00000000000000000101");
        assert_eq!(reply.canister_id.to_text(), "rwlgt-iiaaa-aaaaa-aaaaa-cai");
    }

    #[test]
    fn nothing_is_answered_as_a_message_without_values() {
        assert_eq!(
            hex::encode(candid::encode_args(()).expect("encodes")),
            "4449444c0000"
        );
    }
}
