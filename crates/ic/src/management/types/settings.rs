//! Canister settings as they are asked for (`canister_settings`) and as they are shown (`definite_canister_settings`).
//! Owns the wire form only; ranges and defaults are checked in `management::requested_settings` and by the methods.

use super::limited::Limited;
use candid::{CandidType, Deserialize, Nat, Principal};

/// Most elements that lists of controllers and of log viewers decode with (management-canister.md, section 0.3).
pub const MAX_CONTROLLERS: usize = 10;

/// Who may see something of a canister besides its controllers: its log, its snapshots, its status.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum Visibility {
    #[serde(rename = "controllers")]
    Controllers,
    #[serde(rename = "public")]
    Public,
    #[serde(rename = "allowed_viewers")]
    AllowedViewers(Limited<MAX_CONTROLLERS, Principal>),
}

/// The first thing that had a visibility.
pub type LogVisibility = Visibility;

/// A variable that the canister can read with `ic0.env_var_value_copy`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, CandidType, Deserialize)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
}

/// The settings that a caller asks for; `None` leaves one as it is, or at its default. Units as in [`DefiniteCanisterSettings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterSettings {
    pub controllers: Option<Limited<MAX_CONTROLLERS, Principal>>,
    pub compute_allocation: Option<Nat>,
    pub memory_allocation: Option<Nat>,
    pub freezing_threshold: Option<Nat>,
    pub reserved_cycles_limit: Option<Nat>,
    pub log_visibility: Option<Visibility>,
    pub log_memory_limit: Option<Nat>,
    pub wasm_memory_limit: Option<Nat>,
    pub wasm_memory_threshold: Option<Nat>,
    pub environment_variables: Option<Vec<EnvironmentVariable>>,
}

/// The settings that any caller may ask for, those of later replicas among them: what is decoded, and what tests in Rust send. What
/// scripts send are [`CanisterSettings`], whose bytes are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct AskedSettings {
    pub controllers: Option<Limited<MAX_CONTROLLERS, Principal>>,
    pub compute_allocation: Option<Nat>,
    pub memory_allocation: Option<Nat>,
    pub freezing_threshold: Option<Nat>,
    pub reserved_cycles_limit: Option<Nat>,
    pub log_visibility: Option<Visibility>,
    pub log_memory_limit: Option<Nat>,
    pub wasm_memory_limit: Option<Nat>,
    pub wasm_memory_threshold: Option<Nat>,
    pub environment_variables: Option<Vec<EnvironmentVariable>>,
    pub minimum_incoming_canister_call_cycles: Option<Nat>,
    pub snapshot_visibility: Option<Visibility>,
    pub status_visibility: Option<Visibility>,
}

/// Argument of `update_settings`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UpdateSettingsArgs<S = CanisterSettings> {
    pub canister_id: Principal,
    pub settings: S,
    pub sender_canister_version: Option<u64>,
}

/// The settings of a canister as `canister_status` shows them.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct DefiniteCanisterSettings {
    /// Legacy, see [`crate::management::legacy_controller`].
    pub controller: Principal,
    pub controllers: Vec<Principal>,
    /// Percent.
    pub compute_allocation: u128,
    /// Bytes; 0 is best effort.
    pub memory_allocation: u128,
    /// Seconds.
    pub freezing_threshold: u128,
    /// Cycles.
    pub reserved_cycles_limit: u128,
    pub log_visibility: Visibility,
    /// Bytes.
    pub log_memory_limit: u128,
    /// Bytes; 0 is no limit.
    pub wasm_memory_limit: u128,
    /// Bytes.
    pub wasm_memory_threshold: u128,
    /// Sorted by name.
    pub environment_variables: Vec<EnvironmentVariable>,
}
