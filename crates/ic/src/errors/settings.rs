//! What is wrong with the settings that somebody wants a canister to have (errors.md, 5.6): values out of range, environment variables, the log
//! limit. Owns the texts; what the subnet or the balance cannot afford is a resource error.

use super::Row;
use super::code::ErrorCode;
use super::help::Help;
use super::text::group_digits;

/// Settings that cannot be. A lone text holds the decimal digits of the number that was given, which may be of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// Above 100.
    ComputeAllocation(String),
    /// Above 64 bits.
    MemoryAllocation(String),
    /// Above 506 GiB, the limit of the replica of March 2025.
    MemoryAllocationOfDrun(String),
    /// Above 64 bits; seconds.
    FreezingThreshold(String),
    /// Above 128 bits.
    ReservedCyclesLimit(String),
    /// Above 2^48, although the text says otherwise.
    WasmMemoryLimit(String),
    /// Above 64 bits.
    WasmMemoryThreshold(String),
    /// Above 128 bits.
    MinimumIncomingCycles(String),
    /// Above 64 bits.
    LogMemoryLimit(String),
    /// More than ten controllers.
    TooManyControllers,
    /// Two environment variables of one name.
    DuplicateEnvironmentVariables,
    /// More than 20 environment variables.
    TooManyEnvironmentVariables { count: u64 },
    /// A name of more than 128 bytes.
    EnvironmentVariableNameTooLong { name: String },
    /// A value of more than 128 bytes.
    EnvironmentVariableValueTooLong { value: String },
    /// The log would hold less than 4096 bytes.
    LogMemoryLimitTooLow { bytes: u64 },
    /// The log would hold more than so many bytes.
    LogMemoryLimitTooHigh { bytes: u64, max: u64 },
}

impl SettingsError {
    #[rustfmt::skip] // a table
    pub(super) fn row(&self) -> Row {
        use ErrorCode as Code;
        use SettingsError::*;
        match self {
            ComputeAllocation(got) => (Code::CanisterContractViolation, format!("ComputeAllocation expected to be in the range [0..100], got {}", group_digits(got)), Help::None),
            MemoryAllocation(got) => (Code::CanisterContractViolation, format!("MemoryAllocation expected to be in the range [0..2^64-1], got {}", group_digits(got)), Help::None),
            MemoryAllocationOfDrun(got) => (Code::CanisterContractViolation, format!("MemoryAllocation expected to be in the range [0..543_313_362_944], got {}", group_digits(got)), Help::None),
            FreezingThreshold(got) => (Code::CanisterContractViolation, format!("Freezing threshold expected to be in the range of [0..2^64-1], got {}", group_digits(got)), Help::None),
            ReservedCyclesLimit(got) => (Code::CanisterContractViolation, format!("Reserved cycles limit expected to be in the range of [0..2^128-1], got {}", group_digits(got)), Help::None),
            WasmMemoryLimit(got) => (Code::CanisterContractViolation, format!("Wasm memory limit expected to be in the range of [0..2^64-1], got {}", group_digits(got)), Help::None),
            WasmMemoryThreshold(got) => (Code::CanisterContractViolation, format!("Wasm memory threshold expected to be in the range of [0..2^64-1], got {}", group_digits(got)), Help::None),
            MinimumIncomingCycles(got) => (Code::CanisterContractViolation, format!("Minimum incoming canister call cycles expected to be in the range of [0..2^128-1], got {}", group_digits(got)), Help::None),
            LogMemoryLimit(got) => (Code::CanisterContractViolation, format!("Log memory limit expected to be in the range of [0..2^64-1], got {}", group_digits(got)), Help::None),
            TooManyControllers => (
                // The blank at the end of the line is the replica's.
                Code::CanisterContractViolation, "Could not validate the settings: Invalid settings: 'controllers' length exceeds maximum size allowed of 10. ".into(),
                Help::Documented("Apply the described changes to make the settings valid.", "invalid-settings"),
            ),
            DuplicateEnvironmentVariables => (Code::InvalidManagementPayload, "Duplicate environment variables are not allowed".into(), Help::None),
            TooManyEnvironmentVariables { count } => (Code::InvalidManagementPayload, format!("Too many environment variables: {count} (max: 20)"), Help::None),
            EnvironmentVariableNameTooLong { name } => (Code::InvalidManagementPayload, format!(r#"Environment variable name "{name}" exceeds the maximum allowed length of 128."#), Help::None),
            EnvironmentVariableValueTooLong { value } => (Code::InvalidManagementPayload, format!(r#"Environment variable value "{value}" exceeds the maximum allowed length of 128."#), Help::None),
            LogMemoryLimitTooLow { bytes } => (Code::CanisterRejectedMessage, format!("The canister log memory limit {bytes} is too low. It must be at least 4096."), Help::None),
            LogMemoryLimitTooHigh { bytes, max } => (Code::CanisterRejectedMessage, format!("The canister log memory limit {bytes} is too high. It must be at most {max}."), Help::None),
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
        use SettingsError::*;
        let huge = || (1u128 << 64).to_string();
        for (error, printed) in [
            (ComputeAllocation("101".into()), "IC0504: ComputeAllocation expected to be in the range [0..100], got 101"),
            (MemoryAllocation(huge()), "IC0504: MemoryAllocation expected to be in the range [0..2^64-1], got 18_446_744_073_709_551_616"),
            (FreezingThreshold(huge()), "IC0504: Freezing threshold expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616"),
            (ReservedCyclesLimit("340282366920938463463374607431768211456".into()), "IC0504: Reserved cycles limit expected to be in the range of [0..2^128-1], got 340_282_366_920_938_463_463_374_607_431_768_211_456"),
            (WasmMemoryLimit(huge()), "IC0504: Wasm memory limit expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616"),
            (WasmMemoryThreshold(huge()), "IC0504: Wasm memory threshold expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616"),
            (LogMemoryLimit(huge()), "IC0504: Log memory limit expected to be in the range of [0..2^64-1], got 18_446_744_073_709_551_616"),
            (TooManyControllers, "IC0504: Could not validate the settings: Invalid settings: 'controllers' length exceeds maximum size allowed of 10. \nApply the described changes to make the settings valid. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#invalid-settings"),
            (DuplicateEnvironmentVariables, "IC0408: Duplicate environment variables are not allowed"),
            (TooManyEnvironmentVariables { count: 21 }, "IC0408: Too many environment variables: 21 (max: 20)"),
            (EnvironmentVariableNameTooLong { name: "n".into() }, r#"IC0408: Environment variable name "n" exceeds the maximum allowed length of 128."#),
            (EnvironmentVariableValueTooLong { value: "v".into() }, r#"IC0408: Environment variable value "v" exceeds the maximum allowed length of 128."#),
            (LogMemoryLimitTooLow { bytes: 4095 }, "IC0406: The canister log memory limit 4095 is too low. It must be at least 4096."),
            (LogMemoryLimitTooHigh { bytes: 4097, max: 4096 }, "IC0406: The canister log memory limit 4097 is too high. It must be at most 4096."),
        ] {
            assert_eq!(UserError::from(ManagementError::from(error)).to_string(), printed);
        }
    }
}
