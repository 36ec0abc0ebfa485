//! From the settings that a caller asks for to values in range. Owns the first check of settings, which comes before the
//! canister is even looked up (management-canister.md, section 1.10; errors.md, section 5.6); all later checks need the canister.

use super::types::settings::{self as wire, AskedSettings};
use crate::canister::settings::{Controllers, Visibility};
use crate::errors::SettingsError;
use candid::Nat;
use std::collections::BTreeMap;

/// Largest compute allocation, in percent.
const MAX_COMPUTE_ALLOCATION: u64 = 100;
/// Largest limit of the Wasm memory, in bytes. The text of its refusal speaks of 2^64 all the same.
const MAX_WASM_MEMORY_LIMIT: u64 = 1 << 48;

/// Bits from which on a number is a very long one.
const LONG: u64 = 1 << 17;
/// Digits of a very long number that are told at its beginning and at its end; as many as a text has bytes.
const TOLD: u32 = 8192;

/// The settings a caller asks for, in range; `None` where nothing is asked. Units as in [`crate::canister::settings::Settings`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedSettings {
    pub controllers: Option<Controllers>,
    pub compute_allocation: Option<u64>,
    pub memory_allocation: Option<u64>,
    pub freezing_threshold: Option<u64>,
    pub reserved_cycles_limit: Option<u128>,
    pub log_visibility: Option<Visibility>,
    pub snapshot_visibility: Option<Visibility>,
    pub status_visibility: Option<Visibility>,
    pub minimum_incoming_cycles: Option<u128>,
    pub log_memory_limit: Option<u64>,
    pub wasm_memory_limit: Option<u64>,
    pub wasm_memory_threshold: Option<u64>,
    pub environment_variables: Option<BTreeMap<String, String>>,
}

/// A field of at most `max`.
fn up_to<T: TryFrom<u128> + PartialOrd>(
    field: Option<Nat>,
    max: T,
    error: fn(String) -> SettingsError,
) -> Result<Option<T>, SettingsError> {
    let Some(got) = field else { return Ok(None) };
    let value = u128::try_from(&got.0)
        .ok()
        .and_then(|value| T::try_from(value).ok());
    match value {
        Some(value) if value <= max => Ok(Some(value)),
        _ => Err(error(digits_of(&got))),
    }
}

/// The decimal digits of a number. Those in the middle of a very long one, which every text leaves out, are zeros: a message can
/// hold a number whose digits take a minute to find.
pub(super) fn digits_of(number: &Nat) -> String {
    let number = &number.0;
    if number.bits() < LONG {
        return number.to_string();
    }
    let power = |digits| Nat::from(10_u8).0.pow(digits);
    // As many as there are, or one less.
    let digits = (number.bits() as f64 * std::f64::consts::LOG10_2) as u32;
    let others = digits - TOLD;
    let first = number / power(others);
    let last = (number % power(TOLD)).to_string();
    let middle = "0".repeat(others as usize - last.len());
    format!("{first}{middle}{last}")
}

impl TryFrom<AskedSettings> for RequestedSettings {
    type Error = SettingsError;

    /// Reports the first field out of range, in the order of errors.md, section 5.6.
    fn try_from(asked: AskedSettings) -> Result<Self, SettingsError> {
        use SettingsError as E;
        Ok(RequestedSettings {
            compute_allocation: up_to(
                asked.compute_allocation,
                MAX_COMPUTE_ALLOCATION,
                E::ComputeAllocation,
            )?,
            memory_allocation: up_to(asked.memory_allocation, u64::MAX, E::MemoryAllocation)?,
            freezing_threshold: up_to(asked.freezing_threshold, u64::MAX, E::FreezingThreshold)?,
            reserved_cycles_limit: up_to(
                asked.reserved_cycles_limit,
                u128::MAX,
                E::ReservedCyclesLimit,
            )?,
            wasm_memory_limit: up_to(
                asked.wasm_memory_limit,
                MAX_WASM_MEMORY_LIMIT,
                E::WasmMemoryLimit,
            )?,
            wasm_memory_threshold: up_to(
                asked.wasm_memory_threshold,
                u64::MAX,
                E::WasmMemoryThreshold,
            )?,
            minimum_incoming_cycles: up_to(
                asked.minimum_incoming_canister_call_cycles,
                u128::MAX,
                E::MinimumIncomingCycles,
            )?,
            log_memory_limit: up_to(asked.log_memory_limit, u64::MAX, E::LogMemoryLimit)?,
            environment_variables: asked.environment_variables.map(by_name).transpose()?,
            controllers: asked.controllers.map(|list| list.0.into_iter().collect()),
            log_visibility: asked.log_visibility.map(Visibility::from),
            snapshot_visibility: asked.snapshot_visibility.map(Visibility::from),
            status_visibility: asked.status_visibility.map(Visibility::from),
        })
    }
}

fn by_name(
    list: Vec<wire::EnvironmentVariable>,
) -> Result<BTreeMap<String, String>, SettingsError> {
    let given = list.len();
    let variables: BTreeMap<String, String> = list
        .into_iter()
        .map(|variable| (variable.name, variable.value))
        .collect();
    if variables.len() < given {
        return Err(SettingsError::DuplicateEnvironmentVariables);
    }
    Ok(variables)
}

impl From<wire::Visibility> for Visibility {
    fn from(asked: wire::Visibility) -> Self {
        match asked {
            wire::Visibility::Controllers => Visibility::Controllers,
            wire::Visibility::Public => Visibility::Public,
            wire::Visibility::AllowedViewers(list) => Visibility::AllowedViewers(list.0),
        }
    }
}

impl From<Visibility> for wire::Visibility {
    fn from(set: Visibility) -> Self {
        match set {
            Visibility::Controllers => wire::Visibility::Controllers,
            Visibility::Public => wire::Visibility::Public,
            Visibility::AllowedViewers(list) => {
                wire::Visibility::AllowedViewers(super::types::limited::Limited(list))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::{ManagementError, UserError};
    use crate::management::types::limited::Limited;
    use candid::Principal;

    fn power_of_two(exponent: u32) -> Nat {
        (0..exponent).fold(Nat::from(1_u8), |product, _| product * 2_u8)
    }

    fn asked(set: impl FnOnce(&mut AskedSettings)) -> Result<RequestedSettings, SettingsError> {
        let mut settings = AskedSettings::default();
        set(&mut settings);
        settings.try_into()
    }

    fn printed(error: SettingsError) -> String {
        UserError::from(ManagementError::from(error)).to_string()
    }

    #[test]
    fn every_field_has_its_limit_and_its_text() {
        type Field = fn(&mut AskedSettings) -> &mut Option<Nat>;
        let (two_64, one) = (power_of_two(64), Nat::from(1_u8));
        let fields: [(Field, Nat, &str); 8] = [
            (
                |s| &mut s.compute_allocation,
                Nat::from(100_u8),
                "ComputeAllocation expected to be in the range [0..100], got 101",
            ),
            (
                |s| &mut s.memory_allocation,
                two_64.clone() - one.clone(),
                "MemoryAllocation expected to be in the range [0..2^64-1], got 18_446_744_073_709_551_616",
            ),
            (
                |s| &mut s.freezing_threshold,
                two_64.clone() - one.clone(),
                "Freezing threshold expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616",
            ),
            (
                |s| &mut s.reserved_cycles_limit,
                power_of_two(128) - one.clone(),
                "Reserved cycles limit expected to be in the range of [0..2^128-1], got 340_282_366_920_938_463_463_374_607_431_768_211_456",
            ),
            (
                |s| &mut s.wasm_memory_limit,
                power_of_two(48),
                "Wasm memory limit expected to be in the range of [0..2^64-1], got 281_474_976_710_657",
            ),
            (
                |s| &mut s.wasm_memory_threshold,
                two_64.clone() - one.clone(),
                "Wasm memory threshold expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616",
            ),
            (
                |s| &mut s.minimum_incoming_canister_call_cycles,
                power_of_two(128) - one.clone(),
                "Minimum incoming canister call cycles expected to be in the range of [0..2^128-1], got 340_282_366_920_938_463_463_374_607_431_768_211_456",
            ),
            (
                |s| &mut s.log_memory_limit,
                two_64 - one.clone(),
                "Log memory limit expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616",
            ),
        ];
        for (field, limit, text) in fields {
            let at_limit = asked(|s| *field(s) = Some(limit.clone()));
            assert!(at_limit.is_ok(), "{text}");
            let error = asked(|s| *field(s) = Some(limit + one.clone())).expect_err(text);
            assert_eq!(printed(error), format!("IC0504: {text}"));
        }
    }

    #[test]
    fn a_very_long_number_has_the_right_digits_at_both_ends() {
        for exponent in [50_000, 50_001, 60_000] {
            let number = Nat(Nat::from(7_u8).0.pow(exponent));
            let (told, right) = (digits_of(&number), number.0.to_string());
            assert_eq!(told.len(), right.len());
            assert_eq!(told[..8192], right[..8192]);
            assert_eq!(told[told.len() - 8192..], right[right.len() - 8192..]);
            let middle = &told[9000..told.len() - 8192];
            assert!(middle.bytes().all(|digit| digit == b'0'), "nobody asks");
        }
    }

    #[test]
    fn a_variable_is_given_once() {
        let variable = |name: &str| wire::EnvironmentVariable {
            name: name.into(),
            value: "1".into(),
        };
        let error = asked(|s| {
            s.environment_variables = Some(vec![variable("a"), variable("b"), variable("a")]);
        })
        .expect_err("a is given twice");
        assert_eq!(
            printed(error),
            "IC0408: Duplicate environment variables are not allowed"
        );
    }

    #[test]
    fn controllers_become_an_ordered_set() {
        let canister = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]);
        let user = Principal::anonymous();
        let settings = asked(|s| s.controllers = Some(Limited(vec![canister, user, canister])))
            .expect("in range");
        let controllers = settings.controllers.expect("given");
        assert_eq!(controllers.to_vec(), [user, canister]);
    }

    #[test]
    fn what_is_not_asked_for_stays_unset() {
        assert_eq!(asked(|_| {}), Ok(RequestedSettings::default()));
    }
}
