//! `update_settings`, and the checks and changes of settings that creating a canister shares with it (management-canister.md 1.10,
//! errors.md 5.6). The ranges of single fields are checked in `requested_settings`.

use std::sync::Arc;

use candid::Nat;

use super::State;
use super::call::{Answer, Call, Caller, empty_reply};
use super::decode::Given;
use super::growth::Growth;
use super::requested_settings::{RequestedSettings, digits_of};
use super::reservation::reserve;
use super::target::with_canister;
use super::types::settings::{AskedSettings, UpdateSettingsArgs};
use crate::canister::Canister;
use crate::canister::consumed::Purpose;
use crate::canister::history::{Change, ChangeDetails};
use crate::canister::settings::{
    Controllers, DEFAULT_FREEZING_THRESHOLD, DEFAULT_RESERVED_CYCLES_LIMIT, Settings,
};
use crate::errors::{ManagementError, ResourceError, SettingsError};
use crate::ic0::exec::MemoryRules;
use crate::protocol::{Date, Era};

/// Environment variables that a canister may have.
const MAX_VARIABLES: usize = 20;
/// Bytes of the name or value of an environment variable.
const MAX_VARIABLE_BYTES: usize = 128;
/// Percent of compute that all canisters of a subnet together may allocate.
const COMPUTE_CAPACITY: u64 = 149;

/// `update_settings`.
pub fn update_settings(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<UpdateSettingsArgs<AskedSettings>>,
) -> Answer {
    let args = args?;
    let requested = requested_settings(state, args.settings)?;
    with_canister(state, args.canister_id, |state, canister| {
        call.only_controllers(canister)?;
        validate_settings(state, Some(canister), &requested, canister.cycles)?;
        let controllers = requested.controllers.as_ref().map(Controllers::to_vec);
        let taken = state.memory_taken(canister);
        resize_log(state, canister, &requested, call)?;
        apply_settings(&mut canister.settings, requested);
        canister.version += 1;
        if let Some(controllers) = controllers {
            canister.history.push(Change {
                time: state.time,
                version: canister.version,
                origin: call.origin(args.sender_canister_version),
                details: ChangeDetails::ControllersChange { controllers },
            });
        }
        let growth = state.memory_taken(canister).saturating_sub(taken);
        reserve(canister, state.fees.reservation(growth, state.fullness()));
        state.take_memory(growth);
        charge_late(state, canister, call);
        Ok(empty_reply())
    })
}

/// Changes the limit of the log, which comes before the other settings: each byte that is stored costs some instructions
/// (since-october-2025.md 5.1).
///
/// # Errors
/// IC0207; more bytes count as memory, IC0101, IC0532, IC0534.
fn resize_log(
    state: &mut State,
    canister: &mut Canister,
    requested: &RequestedSettings,
    call: &Call<'_>,
) -> Result<(), ManagementError> {
    let Some(limit) = requested
        .log_memory_limit
        .filter(|it| *it != canister.log.limit())
    else {
        return Ok(());
    };
    let store = state.config.protocol.log_store;
    let before = canister.memory_metrics(state.bookkeeping).log_store;
    let used = canister.log.used();
    let (stored, resized) = (canister.log.clone(), &mut canister.log);
    resized.set_limit(limit);
    let after = canister.memory_metrics(state.bookkeeping).log_store;
    let resized = std::mem::replace(&mut canister.log, stored);
    let growth = Growth::new(state, canister, before, after);
    growth.check(state, canister)?;
    let price = state
        .fees
        .unused(used.saturating_mul(store.resize_instructions), false);
    state
        .charge(canister, price, Some(&call.sender()))
        .map_err(ManagementError::ResizeNotEnoughCycles)?;
    // What more memory and a larger allocation set aside comes out of what the price leaves.
    let mut rest = growth.check(state, canister);
    if rest.is_ok() {
        rest = validate_settings(state, Some(canister), requested, canister.cycles);
    }
    if let Err(error) = rest {
        state.refund(canister, price);
        return Err(error);
    }
    if state.has_rate_limits() {
        canister.debits.heap_delta += used;
    }
    canister.log = resized;
    Ok(())
}

/// Charges the user's message now if it was not charged when it came, so that a freezing threshold that is too high can be undone
/// (metering.md 8.4). Nothing happens if the canister cannot pay.
fn charge_late(state: &mut State, canister: &mut Canister, call: &Call<'_>) {
    if matches!(call.caller, Caller::User { .. }) && is_charged_late(state, call.argument_bytes) {
        let bytes = call.argument_bytes + call.name.len();
        let price = state.fees.ingress(bytes as u64);
        // Free of charge for who cannot pay.
        let _ = state.charge_for(Purpose::Ingress, canister, price, None);
    }
}

/// True for an `update_settings` message with an argument of so many bytes that is charged when it has taken effect.
pub fn is_charged_late(state: &State, argument_bytes: usize) -> bool {
    argument_bytes <= state.config.protocol.late_charge_bytes
}

/// The settings asked for, each in its range. The replica of March 2025 ignores those that it does not know and knows a narrower
/// range for one.
///
/// # Errors
/// IC0504, IC0408 (errors.md 5.6).
pub fn requested_settings(
    state: &State,
    mut asked: AskedSettings,
) -> Result<RequestedSettings, ManagementError> {
    let protocol = &state.config.protocol;
    note_later_settings(state, &asked);
    if !protocol.environment_variables {
        asked.environment_variables = None;
    }
    if !protocol.settings_of_access {
        asked.minimum_incoming_canister_call_cycles = None;
        asked.snapshot_visibility = None;
        asked.status_visibility = None;
    }
    if !protocol.log_store.can_be_set {
        asked.log_memory_limit = None;
    }
    if let Some(limit) = protocol.max_memory_allocation {
        let limit = Nat::from(limit);
        if let Some(bytes) = asked.memory_allocation.take_if(|bytes| *bytes > limit) {
            // Only the compute allocation is looked at before.
            RequestedSettings::try_from(AskedSettings {
                compute_allocation: asked.compute_allocation,
                ..AskedSettings::default()
            })?;
            return Err(SettingsError::MemoryAllocationOfDrun(digits_of(&bytes)).into());
        }
    }
    let requested = RequestedSettings::try_from(asked)?;
    let max = protocol.max_wasm_memory_threshold;
    match requested.wasm_memory_threshold {
        Some(bytes) if bytes > max => {
            Err(SettingsError::WasmMemoryThreshold(bytes.to_string()).into())
        }
        _ => Ok(requested),
    }
}

/// Tells of settings that a replica of this date does not look at.
fn note_later_settings(state: &State, asked: &AskedSettings) {
    let protocol = &state.config.protocol;
    let today = Era::since(Date::November2026);
    let october = Era::since(Date::October2025);
    let access = protocol.settings_of_access;
    for (name, is_asked, is_known, era) in [
        (
            "minimum_incoming_canister_call_cycles",
            asked.minimum_incoming_canister_call_cycles.is_some(),
            access,
            today,
        ),
        (
            "snapshot_visibility",
            asked.snapshot_visibility.is_some(),
            access,
            today,
        ),
        (
            "status_visibility",
            asked.status_visibility.is_some(),
            access,
            today,
        ),
        (
            "log_memory_limit",
            asked.log_memory_limit.is_some(),
            protocol.log_store.can_be_set,
            october,
        ),
        (
            "environment_variables",
            asked.environment_variables.is_some(),
            protocol.environment_variables,
            october,
        ),
    ] {
        if is_asked && !is_known {
            let what = format_args!("the setting {name}");
            state.notes.another_date(protocol.date, what, era);
        }
    }
}

/// Checks settings against the canister, or against a new one that will have so many cycles, and against the subnet.
///
/// # Errors
/// In the order of errors.md 5.6: environment variables IC0408; memory IC0402, IC0101; compute IC0101; cycles IC0530, IC0531;
/// reserved cycles IC0540; log IC0406. More than ten controllers do not even decode.
pub fn validate_settings(
    state: &State,
    canister: Option<&Canister>,
    requested: &RequestedSettings,
    cycles: u128,
) -> Result<(), ManagementError> {
    check_variables(requested)?;
    let present = Present::of(state, canister);
    // Only who wants compute is worth a look at all canisters.
    let allocated = || compute_of_others(state, canister);
    present.check_capacity(requested, state.memory_available, allocated)?;
    present.check_cycles(state, requested, cycles)?;
    let store = state.config.protocol.log_store;
    match requested.log_memory_limit {
        Some(0) if store.can_be_off => Ok(()),
        Some(bytes) if bytes < store.min => {
            Err(SettingsError::LogMemoryLimitTooLow { bytes }.into())
        }
        Some(bytes) if bytes > store.max => {
            let max = store.max;
            Err(SettingsError::LogMemoryLimitTooHigh { bytes, max }.into())
        }
        _ => Ok(()),
    }
}

fn check_variables(requested: &RequestedSettings) -> Result<(), SettingsError> {
    let Some(variables) = &requested.environment_variables else {
        return Ok(());
    };
    if variables.len() > MAX_VARIABLES {
        return Err(SettingsError::TooManyEnvironmentVariables {
            count: variables.len() as u64,
        });
    }
    for (name, value) in variables {
        if name.len() > MAX_VARIABLE_BYTES {
            return Err(SettingsError::EnvironmentVariableNameTooLong { name: name.clone() });
        }
        if value.len() > MAX_VARIABLE_BYTES {
            return Err(SettingsError::EnvironmentVariableValueTooLong {
                value: value.clone(),
            });
        }
    }
    Ok(())
}

/// Percent of compute that all other canisters have.
fn compute_of_others(state: &State, canister: Option<&Canister>) -> u64 {
    state
        .canisters
        .values()
        .filter(|other| canister.is_none_or(|canister| canister.id != other.id))
        .map(|other| other.settings.compute_allocation)
        .sum()
}

/// What settings are checked against: the canister as it is.
#[derive(Clone, Copy, Debug)]
struct Present {
    /// Bytes in use.
    used: u64,
    /// Bytes reserved for responses.
    message_bytes: u64,
    memory_allocation: u64,
    compute_allocation: u64,
    freezing_threshold: u64,
    reserved_cycles: u128,
    reserved_cycles_limit: u128,
    allocation_is_a_limit: bool,
}

impl Present {
    /// A new canister uses nothing.
    fn of(state: &State, canister: Option<&Canister>) -> Self {
        let allocation_is_a_limit = state.config.protocol.allocation_is_a_limit;
        match canister {
            Some(canister) => Present {
                used: canister.memory_metrics(state.bookkeeping).total(),
                message_bytes: state.message_bytes(canister),
                memory_allocation: canister.settings.memory_allocation,
                compute_allocation: canister.settings.compute_allocation,
                freezing_threshold: canister.settings.freezing_threshold,
                reserved_cycles: canister.reserved_cycles,
                reserved_cycles_limit: canister.settings.reserved_cycles_limit,
                allocation_is_a_limit,
            },
            None => Present {
                used: 0,
                message_bytes: 0,
                memory_allocation: 0,
                compute_allocation: 0,
                freezing_threshold: DEFAULT_FREEZING_THRESHOLD,
                reserved_cycles: 0,
                reserved_cycles_limit: DEFAULT_RESERVED_CYCLES_LIMIT,
                allocation_is_a_limit,
            },
        }
    }

    /// What the subnet has to have: memory, of which `available` bytes are left, and compute, of which others have so many
    /// percent.
    fn check_capacity(
        &self,
        requested: &RequestedSettings,
        available: u64,
        allocated: impl FnOnce() -> u64,
    ) -> Result<(), ResourceError> {
        if let Some(allocation) = requested.memory_allocation {
            if allocation != 0 && allocation < self.used && self.allocation_is_a_limit {
                return Err(ResourceError::MemoryAllocationTooSmall {
                    allocation,
                    needed: self.used,
                });
            }
            let own = self.used.max(self.memory_allocation);
            let available = available.saturating_add(own);
            if allocation > available {
                return Err(ResourceError::SubnetMemory {
                    requested: allocation,
                    available,
                });
            }
        }
        let compute = requested.compute_allocation.unwrap_or(0);
        if compute > self.compute_allocation {
            let available = COMPUTE_CAPACITY.saturating_sub(allocated());
            if compute > available {
                return Err(ResourceError::SubnetCompute {
                    requested: compute,
                    available,
                });
            }
        }
        Ok(())
    }

    /// What the canister has to have: cycles above the new freezing threshold if it wants more of anything, and a limit of reserved
    /// cycles that is not below those reserved.
    fn check_cycles(
        &self,
        state: &State,
        requested: &RequestedSettings,
        cycles: u128,
    ) -> Result<(), ResourceError> {
        let compute = requested
            .compute_allocation
            .unwrap_or(self.compute_allocation);
        let allocation = requested
            .memory_allocation
            .unwrap_or(self.memory_allocation);
        let rules = MemoryRules {
            other_bytes: self.used,
            allocation,
            compute_allocation: compute,
            freezing_threshold: requested
                .freezing_threshold
                .unwrap_or(self.freezing_threshold),
            reserved_cycles: self.reserved_cycles,
            ..MemoryRules::default()
        };
        let threshold = rules.freezing_threshold(&state.fees, 0, self.message_bytes);
        if let Some(missing) = threshold.checked_sub(cycles).filter(|missing| *missing > 0) {
            if compute > self.compute_allocation {
                let percent = compute;
                return Err(ResourceError::CyclesForComputeAllocation { percent, missing });
            }
            if allocation > self.memory_allocation {
                return Err(ResourceError::CyclesForMemoryAllocation {
                    allocation,
                    missing,
                });
            }
        }
        match requested.reserved_cycles_limit {
            Some(limit) if limit < self.reserved_cycles => {
                Err(ResourceError::ReservedCyclesLimitTooLow {
                    limit,
                    balance: self.reserved_cycles,
                })
            }
            limit => {
                let limit = limit.unwrap_or(self.reserved_cycles_limit);
                self.check_reservation(state, allocation, limit, cycles)
            }
        }
    }

    /// What has to be set aside for a larger memory allocation.
    fn check_reservation(
        &self,
        state: &State,
        allocation: u64,
        limit: u128,
        cycles: u128,
    ) -> Result<(), ResourceError> {
        let taken = self.used.max(self.memory_allocation);
        let growth = self.used.max(allocation).saturating_sub(taken);
        let amount = state.fees.reservation(growth, state.fullness());
        let requested = self.reserved_cycles + amount;
        if amount > 0 && requested > limit {
            return Err(ResourceError::ReservedCyclesForMemoryAllocation {
                allocation,
                limit,
                excess: requested - limit,
            });
        }
        match amount.checked_sub(cycles) {
            Some(missing) if missing > 0 => Err(ResourceError::CyclesForMemoryAllocation {
                allocation,
                missing,
            }),
            _ => Ok(()),
        }
    }
}

/// Sets what is asked for and leaves the rest as it is.
pub fn apply_settings(settings: &mut Settings, requested: RequestedSettings) {
    fn set<T>(setting: &mut T, requested: Option<T>) {
        if let Some(value) = requested {
            *setting = value;
        }
    }
    set(
        &mut settings.controllers,
        requested.controllers.map(Arc::new),
    );
    set(
        &mut settings.compute_allocation,
        requested.compute_allocation,
    );
    set(&mut settings.memory_allocation, requested.memory_allocation);
    set(
        &mut settings.freezing_threshold,
        requested.freezing_threshold,
    );
    set(
        &mut settings.reserved_cycles_limit,
        requested.reserved_cycles_limit,
    );
    set(&mut settings.log_visibility, requested.log_visibility);
    set(
        &mut settings.snapshot_visibility,
        requested.snapshot_visibility,
    );
    set(&mut settings.status_visibility, requested.status_visibility);
    set(
        &mut settings.minimum_incoming_cycles,
        requested.minimum_incoming_cycles,
    );
    set(&mut settings.wasm_memory_limit, requested.wasm_memory_limit);
    set(
        &mut settings.wasm_memory_threshold,
        requested.wasm_memory_threshold,
    );
    set(
        &mut settings.environment_variables,
        requested.environment_variables.map(Arc::new),
    );
}

#[cfg(test)]
mod tests;
