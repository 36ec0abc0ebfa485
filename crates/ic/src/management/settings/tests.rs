//! What is refused of settings, and what a change does.

use super::*;
use crate::errors::UserError;

const NEW: Present = Present {
    used: 100,
    message_bytes: 0,
    memory_allocation: 0,
    compute_allocation: 0,
    freezing_threshold: DEFAULT_FREEZING_THRESHOLD,
    reserved_cycles: 0,
    reserved_cycles_limit: DEFAULT_RESERVED_CYCLES_LIMIT,
    allocation_is_a_limit: true,
};

fn memory(bytes: u64) -> RequestedSettings {
    RequestedSettings {
        memory_allocation: Some(bytes),
        ..RequestedSettings::default()
    }
}

fn variables(list: &[(&str, &str)]) -> RequestedSettings {
    let list = list
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    RequestedSettings {
        environment_variables: Some(list.collect()),
        ..RequestedSettings::default()
    }
}

#[test]
fn an_allocation_holds_what_is_used_unless_it_is_best_effort() {
    let check = |bytes| NEW.check_capacity(&memory(bytes), 1000, || 0);
    assert_eq!(check(0), Ok(()));
    assert_eq!(check(100), Ok(()));
    assert_eq!(
        check(99),
        Err(ResourceError::MemoryAllocationTooSmall {
            allocation: 99,
            needed: 100
        })
    );
}

/// management-canister.md 1.10: what the canister has already is available to it.
#[test]
fn own_memory_adds_to_what_the_subnet_has_left() {
    let check = |present: Present, bytes| present.check_capacity(&memory(bytes), 1000, || 0);
    assert_eq!(check(NEW, 1100), Ok(()));
    assert_eq!(
        check(NEW, 1101),
        Err(ResourceError::SubnetMemory {
            requested: 1101,
            available: 1100
        })
    );
    let allocated = Present {
        memory_allocation: 500,
        ..NEW
    };
    assert_eq!(check(allocated, 1500), Ok(()));
    assert!(check(allocated, 1501).is_err());
}

#[test]
fn compute_of_all_canisters_is_at_most_149_percent() {
    let check = |percent, of_others| {
        let requested = RequestedSettings {
            compute_allocation: Some(percent),
            ..RequestedSettings::default()
        };
        NEW.check_capacity(&requested, 0, || of_others)
    };
    assert_eq!(check(49, 100), Ok(()));
    assert_eq!(
        check(50, 100),
        Err(ResourceError::SubnetCompute {
            requested: 50,
            available: 49
        })
    );
}

#[test]
fn variables_are_limited_in_number_and_length() {
    let long = "x".repeat(128);
    let too_long = "x".repeat(129);
    assert_eq!(check_variables(&variables(&[(&long, &long)])), Ok(()));
    assert_eq!(
        check_variables(&variables(&[("a", &too_long)])),
        Err(SettingsError::EnvironmentVariableValueTooLong {
            value: too_long.clone()
        })
    );
    assert_eq!(
        check_variables(&variables(&[(&too_long, "a")])),
        Err(SettingsError::EnvironmentVariableNameTooLong { name: too_long })
    );
    let names: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let list: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
    assert_eq!(check_variables(&variables(&list[..20])), Ok(()));
    assert_eq!(
        check_variables(&variables(&list)),
        Err(SettingsError::TooManyEnvironmentVariables { count: 21 })
    );
}

#[test]
fn what_is_not_asked_for_keeps_its_value() {
    let mut settings = Settings::new(Controllers::default());
    settings.freezing_threshold = 7;
    let requested = RequestedSettings {
        wasm_memory_limit: Some(0),
        ..variables(&[("a", "1")])
    };
    apply_settings(&mut settings, requested);
    assert_eq!(settings.freezing_threshold, 7);
    assert_eq!(settings.wasm_memory_limit, 0);
    assert_eq!(settings.environment_variables.len(), 1);
    apply_settings(&mut settings, variables(&[]));
    assert!(settings.environment_variables.is_empty());
}

#[test]
fn the_limit_of_old_drun_has_a_text_of_its_own() {
    let error = SettingsError::MemoryAllocationOfDrun("543313362945".into());
    assert_eq!(
        UserError::from(ManagementError::from(error)).to_string(),
        "IC0504: MemoryAllocation expected to be in the range [0..543_313_362_944], got 543_313_362_945"
    );
}
