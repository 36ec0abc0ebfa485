//! Why an execution of a canister failed: the table of errors that print as "Error from Canister …", how they become what a
//! user sees, and what of them the log of the canister keeps. Owns codes, texts and help (errors.md, 3.1 and 3.2;
//! system-api.md, 0.3); contract violations and faults of modules have tables of their own.

use std::fmt;

use candid::Principal;

use super::code::ErrorCode;
use super::contract::ContractViolation;
use super::help::Help;
use super::module::ModuleError;
use super::text::{OutOfCycles, grouped};
use super::trap::{Backtrace, Trap};
use super::{Row, UserError};

/// The failure of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionError {
    /// The index of a callback lies outside the table.
    FunctionNotFound { function: u32 },
    /// No export of that name; `kind` is `update`, `query`, `composite_query` or `system`.
    MethodNotFound { kind: &'static str, name: String },
    /// The system interface was misused.
    Contract(ContractViolation),
    /// The message used up its instructions; the nominal limit of its kind.
    InstructionLimitExceeded { limit: u64 },
    /// One memory operation was longer than a slice.
    SliceOverrun { instructions: u64, limit: u64 },
    /// The module cannot be installed.
    Module(ModuleError),
    /// The engine stopped the code.
    Trapped {
        trap: Trap,
        backtrace: Option<Backtrace>,
    },
    /// The code stopped itself with `ic0.trap`.
    CalledTrap {
        message: String,
        backtrace: Option<Backtrace>,
    },
    /// The canister is empty.
    WasmModuleNotFound,
    /// Memory allocation or subnet capacity do not allow the memory to grow.
    OutOfMemory,
    /// The heap has grown into what older versions of Motoko need to be upgraded.
    ReservedPagesForOldMotoko,
    /// A principal of more than 29 bytes.
    InvalidPrincipal,
    /// `canister_inspect_message` did not accept.
    MessageRejected,
    /// Cycles that the balance does not hold above the freezing threshold.
    InsufficientCycles(OutOfCycles),
    /// A callback failed, and its cleanup too.
    Cleanup {
        callback: Box<ExecutionError>,
        cleanup: Box<ExecutionError>,
    },
    /// The engine failed where the canister is not to blame; the whole text behind the colon.
    Engine(String),
    /// Too many pages of stable memory in one execution.
    MemoryAccessLimit(StablePages),
    /// Growing by `bytes` would freeze the canister. Cycles; `reveal` as in [`OutOfCycles`].
    InsufficientCyclesInMemoryGrow {
        bytes: u64,
        available: u128,
        threshold: u128,
        reveal: bool,
    },
    /// Growing by `bytes` would reserve `requested` cycles, more than the setting's `limit`.
    ReservedCyclesLimitExceededInMemoryGrow {
        bytes: u64,
        requested: u128,
        limit: u128,
    },
    /// The heap has, or would have, `bytes` bytes, more than the setting's `limit`.
    WasmMemoryLimitExceeded { bytes: u64, limit: u64 },
    /// There are only `length` environment variables.
    EnvironmentVariableIndexOutOfBounds { index: u64, length: u64 },
    /// No environment variable of that name.
    EnvironmentVariableNotFound { name: String },
}

/// What was done to too many pages of stable memory. The texts name all limits (system-api.md, 4.4), not only the one that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StablePages {
    /// Read or written.
    Accessed,
    /// Written.
    Modified,
}

impl ExecutionError {
    /// The engine could not make an instance; the reason is its own.
    pub fn instantiation(reason: impl fmt::Display) -> Self {
        ExecutionError::Engine(format!("Failed to instantiate module: {reason}"))
    }

    /// The number a user sees.
    pub fn code(&self) -> ErrorCode {
        self.row().0
    }

    /// The advice that follows the text.
    pub fn help(&self) -> Help {
        self.row().2
    }

    /// The error as the user of `canister` sees it. Help follows a stop and a line feed, even if the text ends with a stop.
    pub fn into_user_error(self, canister: Principal) -> UserError {
        let (code, text, help) = self.row();
        UserError::new(
            code,
            help.attach(format!("Error from Canister {canister}: {text}"), ".\n"),
        )
    }

    /// What the log of the canister keeps: traps, and nothing else. The two parts of [`Self::Cleanup`] are logged as they
    /// happen, so together they leave no record.
    pub fn log_record(&self) -> Option<String> {
        let (mut record, backtrace) = match self {
            ExecutionError::Trapped { trap, backtrace } => (format!("[TRAP]: {trap}"), backtrace),
            ExecutionError::CalledTrap { message, backtrace } if message.is_empty() => {
                ("[TRAP]: (no message)".to_owned(), backtrace)
            }
            ExecutionError::CalledTrap { message, backtrace } => {
                (format!("[TRAP]: {message}"), backtrace)
            }
            _ => return None,
        };
        if let Some(backtrace) = backtrace {
            record = format!("{record}\n{backtrace}");
        }
        Some(record)
    }

    /// The error for somebody who may not read the log of the canister.
    pub fn without_backtrace(mut self) -> Self {
        self.drop_backtrace();
        self
    }

    fn drop_backtrace(&mut self) {
        match self {
            ExecutionError::Trapped { backtrace, .. }
            | ExecutionError::CalledTrap { backtrace, .. } => *backtrace = None,
            ExecutionError::Cleanup { callback, cleanup } => {
                callback.drop_backtrace();
                cleanup.drop_backtrace();
            }
            _ => {}
        }
    }

    #[rustfmt::skip] // a table
    fn row(&self) -> Row {
        use ErrorCode as Code;
        use ExecutionError::*;
        use Help::{Documented, Toolchain};
        match self {
            FunctionNotFound { function } => (Code::CanisterFunctionNotFound, format!("Canister requested to invoke a non-existent Wasm function {function} from table 0"), Toolchain),
            MethodNotFound { kind, name } => (
                Code::CanisterMethodNotFound, format!("Canister has no {kind} method '{name}'."),
                Documented("Check that the method being called is exported by the target canister.", "method-not-found"),
            ),
            Contract(violation) => (Code::CanisterContractViolation, format!("Canister violated contract: {violation}"), violation.help()),
            InstructionLimitExceeded { limit } => (
                Code::CanisterInstructionLimitExceeded, format!("Canister exceeded the limit of {limit} instructions for single message execution."),
                Documented("Try optimizing this method to consume fewer instructions or split the work across multiple messages.", "instruction-limit-exceeded"),
            ),
            SliceOverrun { instructions, limit } => (
                Code::CanisterInstructionLimitExceeded, format!("Canister attempted to perform a large memory operation that used {instructions} instructions and exceeded the slice limit {limit}."),
                Documented("Try breaking up large copies within the canister code into smaller chunks.", "slice-overrun"),
            ),
            Module(error) => (Code::CanisterInvalidWasm, error.to_string(), error.help()),
            Trapped { trap, backtrace } => (
                Code::CanisterTrapped, format!("Canister trapped: {trap}{}", lines(backtrace)),
                Documented("Consider gracefully handling failures from this canister or altering the canister to handle exceptions.", "trapped"),
            ),
            CalledTrap { message, backtrace } => (
                Code::CanisterCalledTrap, format!("Canister called `ic0.trap` with message: '{message}'{}", lines(backtrace)),
                Documented("Consider gracefully handling failures from this canister or altering the canister to handle exceptions.", "trapped-explicitly"),
            ),
            WasmModuleNotFound => (
                Code::CanisterWasmModuleNotFound, "Attempted to execute a message, but the canister contains no Wasm module.".into(),
                Documented("Please install code to this canister before calling it.", "wasm-module-not-found"),
            ),
            OutOfMemory => (
                Code::CanisterOutOfMemory, "Canister cannot grow its memory usage.".into(),
                Documented("Check the canister's memory usage against its allocation and the system wide limits to determine why more memory cannot be allocated.", "out-of-memory"),
            ),
            ReservedPagesForOldMotoko => (
                Code::CanisterOutOfMemory, "Canister tried to allocate pages reserved for upgrading older versions of Motoko.".into(),
                Documented("Upgrade the canister to the latest version of Motoko.", "reserved-pages-for-old-motoko"),
            ),
            InvalidPrincipal => (Code::CanisterContractViolation, "Canister provided invalid principal id".into(), Toolchain),
            MessageRejected => (Code::CanisterRejectedMessage, "Canister rejected the message".into(), Help::None),
            InsufficientCycles(error) => (Code::CanisterContractViolation, error.to_string(), Help::None),
            Cleanup { callback, cleanup } => (callback.code(), format!("{callback}\n\ncall_on_cleanup also failed:\n\n{cleanup}"), Help::None),
            Engine(text) => (Code::CanisterWasmEngineError, format!("Canister encountered a Wasm engine error: {text}"), Help::None),
            MemoryAccessLimit(pages) => (
                Code::CanisterMemoryAccessLimitExceeded, format!("Canister exceeded memory access limits: {}", match pages {
                    StablePages::Accessed => "Exceeded the limit for the number of accessed pages in the stable memory in a single message execution: limit 2097152 KB for regular messages and 1048576 KB for queries.",
                    StablePages::Modified => "Exceeded the limit for the number of modified pages in the stable memory in a single execution: limit 2097152 KB for regular messages, 8388608 KB for upgrade messages and 1048576 KB for queries.",
                }),
                Documented("Try optimizing the use of stable memory so that individual messages don't need to access as much stable memory.", "memory-access-limit-exceeded"),
            ),
            InsufficientCyclesInMemoryGrow { bytes, available, threshold, reveal } => (
                Code::InsufficientCyclesInMemoryGrow, format!("Canister cannot grow memory by {bytes} bytes due to insufficient cycles.{}",
                    if *reveal { format!(" At least {} additional cycles are required.", grouped(threshold.saturating_sub(*available))) } else { String::new() }),
                Documented("Try topping up the canister.", "insufficient-cycles-in-memory-grow"),
            ),
            ReservedCyclesLimitExceededInMemoryGrow { bytes, requested, limit } => (
                Code::ReservedCyclesLimitExceededInMemoryGrow, format!("Canister cannot grow memory by {bytes} bytes due to its reserved cycles limit. The current limit ({}) would be exceeded by {}.",
                    grouped(*limit), grouped(requested.saturating_sub(*limit))),
                Documented("Try increasing the canister's reserved cycles limit.", "reserved-cycles-limit-exceeded-in-memory-grow"),
            ),
            WasmMemoryLimitExceeded { bytes, limit } => (
                Code::CanisterWasmMemoryLimitExceeded, format!("Canister exceeded its current Wasm memory limit of {limit} bytes. The peak Wasm memory usage was {bytes} bytes. If the canister reaches 4GiB, then it may stop functioning and may become unrecoverable. Please reach out to the canister owner to investigate the reason for the increased memory usage. It might be necessary to move data from the Wasm memory to the stable memory. If such high Wasm memory usage is expected and safe, then the developer can increase the Wasm memory limit in the canister settings."),
                Documented("Try checking the canister for a possible memory leak or modifying it to use more stable memory instead of Wasm memory.", "wasm-memory-limit-exceeded"),
            ),
            EnvironmentVariableIndexOutOfBounds { index, length } => (Code::CanisterContractViolation, format!("Environment variable index {index} is out of bounds. The number of environment variables is {length}."), Help::None),
            EnvironmentVariableNotFound { name } => (Code::CanisterContractViolation, format!("Environment variable {name} not found."), Help::None),
        }
    }
}

/// A backtrace as it follows a text: on lines of its own, or nothing.
fn lines(backtrace: &Option<Backtrace>) -> String {
    backtrace
        .as_ref()
        .map_or_else(String::new, |backtrace| format!("\n{backtrace}"))
}

/// The text without prefix and help.
impl fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row().1)
    }
}

impl std::error::Error for ExecutionError {}

impl From<ContractViolation> for ExecutionError {
    fn from(violation: ContractViolation) -> Self {
        ExecutionError::Contract(violation)
    }
}

impl From<ModuleError> for ExecutionError {
    fn from(error: ModuleError) -> Self {
        ExecutionError::Module(error)
    }
}

impl From<OutOfCycles> for ExecutionError {
    fn from(error: OutOfCycles) -> Self {
        ExecutionError::InsufficientCycles(error)
    }
}

impl From<Trap> for ExecutionError {
    fn from(trap: Trap) -> Self {
        ExecutionError::Trapped {
            trap,
            backtrace: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
    const LINK: &str = "https://internetcomputer.org/docs/current/references/execution-errors#";
    const TOOLCHAIN: &str = "If you are running this canister in a test environment (e.g., dfx), make sure the test environment is up to date. Otherwise, this is likely an error with the compiler/CDK toolchain being used to build the canister. Please report the error to IC devs on the forum: https://forum.dfinity.org and include which language/CDK was used to create the canister.";

    fn id() -> Principal {
        Principal::from_text(ID).unwrap()
    }

    fn printed(error: ExecutionError) -> String {
        error.into_user_error(id()).to_string()
    }

    fn called_trap(message: &str) -> ExecutionError {
        ExecutionError::CalledTrap {
            message: message.into(),
            backtrace: None,
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_error_with_a_link_prints_code_prefix_text_and_help() {
        use ExecutionError::*;
        for (error, code, text, suggestion, anchor) in [
            (MethodNotFound { kind: "update", name: "foo".into() }, "IC0536", "Canister has no update method 'foo'.", "Check that the method being called is exported by the target canister.", "method-not-found"),
            (Contract(ContractViolation::WrongContext { api: "call_new", mode: "non replicated query" }), "IC0504", r#"Canister violated contract: "ic0_call_new" cannot be executed in non replicated query mode"#, "Check the ICP documentation to make sure APIs are being called in the correct message types.", "calling-a-system-api-from-the-wrong-mode"),
            (InstructionLimitExceeded { limit: 50_000_000_000 }, "IC0522", "Canister exceeded the limit of 50000000000 instructions for single message execution.", "Try optimizing this method to consume fewer instructions or split the work across multiple messages.", "instruction-limit-exceeded"),
            (SliceOverrun { instructions: 4_294_967_295, limit: 2_000_000_000 }, "IC0522", "Canister attempted to perform a large memory operation that used 4294967295 instructions and exceeded the slice limit 2000000000.", "Try breaking up large copies within the canister code into smaller chunks.", "slice-overrun"),
            (Trap::HeapOutOfBounds.into(), "IC0502", "Canister trapped: heap out of bounds", "Consider gracefully handling failures from this canister or altering the canister to handle exceptions.", "trapped"),
            (called_trap("boom"), "IC0503", "Canister called `ic0.trap` with message: 'boom'", "Consider gracefully handling failures from this canister or altering the canister to handle exceptions.", "trapped-explicitly"),
            (WasmModuleNotFound, "IC0537", "Attempted to execute a message, but the canister contains no Wasm module.", "Please install code to this canister before calling it.", "wasm-module-not-found"),
            (OutOfMemory, "IC0507", "Canister cannot grow its memory usage.", "Check the canister's memory usage against its allocation and the system wide limits to determine why more memory cannot be allocated.", "out-of-memory"),
            (ReservedPagesForOldMotoko, "IC0507", "Canister tried to allocate pages reserved for upgrading older versions of Motoko.", "Upgrade the canister to the latest version of Motoko.", "reserved-pages-for-old-motoko"),
            (MemoryAccessLimit(StablePages::Accessed), "IC0524", "Canister exceeded memory access limits: Exceeded the limit for the number of accessed pages in the stable memory in a single message execution: limit 2097152 KB for regular messages and 1048576 KB for queries.", "Try optimizing the use of stable memory so that individual messages don't need to access as much stable memory.", "memory-access-limit-exceeded"),
            (MemoryAccessLimit(StablePages::Modified), "IC0524", "Canister exceeded memory access limits: Exceeded the limit for the number of modified pages in the stable memory in a single execution: limit 2097152 KB for regular messages, 8388608 KB for upgrade messages and 1048576 KB for queries.", "Try optimizing the use of stable memory so that individual messages don't need to access as much stable memory.", "memory-access-limit-exceeded"),
            (InsufficientCyclesInMemoryGrow { bytes: 65536, available: 1_000, threshold: 3_500_000, reveal: true }, "IC0532", "Canister cannot grow memory by 65536 bytes due to insufficient cycles. At least 3_499_000 additional cycles are required.", "Try topping up the canister.", "insufficient-cycles-in-memory-grow"),
            (InsufficientCyclesInMemoryGrow { bytes: 65536, available: 1_000, threshold: 3_500_000, reveal: false }, "IC0532", "Canister cannot grow memory by 65536 bytes due to insufficient cycles.", "Try topping up the canister.", "insufficient-cycles-in-memory-grow"),
            (ReservedCyclesLimitExceededInMemoryGrow { bytes: 65536, requested: 5_000_001, limit: 5_000_000 }, "IC0534", "Canister cannot grow memory by 65536 bytes due to its reserved cycles limit. The current limit (5_000_000) would be exceeded by 1.", "Try increasing the canister's reserved cycles limit.", "reserved-cycles-limit-exceeded-in-memory-grow"),
            (WasmMemoryLimitExceeded { bytes: 3221291008, limit: 3221225472 }, "IC0539", "Canister exceeded its current Wasm memory limit of 3221225472 bytes. The peak Wasm memory usage was 3221291008 bytes. If the canister reaches 4GiB, then it may stop functioning and may become unrecoverable. Please reach out to the canister owner to investigate the reason for the increased memory usage. It might be necessary to move data from the Wasm memory to the stable memory. If such high Wasm memory usage is expected and safe, then the developer can increase the Wasm memory limit in the canister settings.", "Try checking the canister for a possible memory leak or modifying it to use more stable memory instead of Wasm memory.", "wasm-memory-limit-exceeded"),
        ] {
            assert_eq!(printed(error), format!("{code}: Error from Canister {ID}: {text}.\n{suggestion} See documentation: {LINK}{anchor}"));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn faults_of_the_toolchain_name_the_forum() {
        use ExecutionError::*;
        for (error, code, text) in [
            (FunctionNotFound { function: u32::MAX }, "IC0513", "Canister requested to invoke a non-existent Wasm function 4294967295 from table 0"),
            (Contract(ContractViolation::SignatureMismatch), "IC0504", "Canister violated contract: function invocation does not match its signature"),
            (Contract(ContractViolation::AlreadyReplied("msg_reply_data_append")), "IC0504", "Canister violated contract: ic0.msg_reply_data_append: the call is already replied."),
            (InvalidPrincipal, "IC0504", "Canister provided invalid principal id"),
            (Module(ModuleError::UnsupportedFormat), "IC0505", "Canister's Wasm module is not valid: Failed to decode wasm module: unsupported canister module format"),
            (Module(ModuleError::EngineRejected("multiple memories (at offset 0x14)".into())), "IC0505", "Canister's Wasm module is not valid: Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with multiple memories (at offset 0x14)"),
            (Module(ModuleError::TooManyCustomSections { count: 17, max: 16 }), "IC0505", "Canister's Wasm module is not valid: Wasm module defined 17 custom sections which exceeds the maximum number allowed 16."),
            (Module(ModuleError::DataOutsideMemory { offset: 65534, len: 3 }), "IC0505", "Could not instrument wasm module of canister: Wasm module has invalid data segment of 3 bytes at 65534"),
        ] {
            assert_eq!(printed(error), format!("{code}: Error from Canister {ID}: {text}.\n{TOOLCHAIN}"));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn errors_without_help_end_with_their_own_text() {
        use ExecutionError::*;
        let broke = OutOfCycles { canister: id(), threshold: 0, requested: 1, available: 0, reveal: false };
        for (error, code, text) in [
            (MessageRejected, "IC0406", "Canister rejected the message".to_owned()),
            (broke.into(), "IC0504", format!("Canister {ID} is out of cycles")),
            (ExecutionError::instantiation("resource limit exceeded: table count too high at 2"), "IC0521", "Canister encountered a Wasm engine error: Failed to instantiate module: resource limit exceeded: table count too high at 2".to_owned()),
            (Contract(ContractViolation::PerformanceCounterType(2)), "IC0504", "Canister violated contract: Error getting performance counter type 2".to_owned()),
            (Contract(ContractViolation::EnvironmentVariableNameTooLong { api: "env_var_value_size" }), "IC0504", "Canister violated contract: ic0.env_var_value_size: Variable name is too large.".to_owned()),
            (EnvironmentVariableIndexOutOfBounds { index: 0, length: 0 }, "IC0504", "Environment variable index 0 is out of bounds. The number of environment variables is 0.".to_owned()),
            (EnvironmentVariableNotFound { name: "key".into() }, "IC0504", "Environment variable key not found.".to_owned()),
        ] {
            assert_eq!(printed(error), format!("{code}: Error from Canister {ID}: {text}"));
        }
    }

    #[test]
    fn a_text_that_ends_with_a_stop_gets_a_second_one() {
        assert_eq!(
            printed(ExecutionError::MethodNotFound {
                kind: "query",
                name: "foo".into()
            }),
            "IC0536: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Canister has no query method 'foo'..\n\
             Check that the method being called is exported by the target canister. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#method-not-found"
        );
        assert_eq!(
            printed(ExecutionError::WasmModuleNotFound),
            "IC0537: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Attempted to execute a message, but the canister contains no Wasm module..\n\
             Please install code to this canister before calling it. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#wasm-module-not-found"
        );
    }

    #[test]
    fn a_failed_cleanup_joins_two_texts_without_help() {
        let error = ExecutionError::Cleanup {
            callback: called_trap("assertion failed at try-finally-trap.mo:8.7-8.19").into(),
            cleanup: called_trap("assertion failed at try-finally-trap.mo:12.7-12.19").into(),
        };
        assert_eq!(error.log_record(), None);
        assert_eq!(
            printed(error),
            "IC0503: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Canister called `ic0.trap` with message: 'assertion failed at try-finally-trap.mo:8.7-8.19'\n\
             \n\
             call_on_cleanup also failed:\n\
             \n\
             Canister called `ic0.trap` with message: 'assertion failed at try-finally-trap.mo:12.7-12.19'"
        );
        let mixed = ExecutionError::Cleanup {
            callback: ExecutionError::from(Trap::Unreachable).into(),
            cleanup: called_trap("x").into(),
        };
        assert_eq!(mixed.code(), ErrorCode::CanisterTrapped);
    }

    fn unreachable() -> ExecutionError {
        let names = ["inner_2", "inner", "outer"];
        let frames = names.map(|name| {
            (
                0,
                Some(format!("_wasm_backtrace_canister::unreachable::{name}")),
            )
        });
        ExecutionError::Trapped {
            trap: Trap::Unreachable,
            backtrace: Backtrace::new(frames),
        }
    }

    #[test]
    fn a_backtrace_stands_between_text_and_stop() {
        assert_eq!(
            printed(unreachable()),
            "IC0502: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Canister trapped: unreachable\n\
             Canister Backtrace:\n\
             _wasm_backtrace_canister::unreachable::inner_2\n\
             _wasm_backtrace_canister::unreachable::inner\n\
             _wasm_backtrace_canister::unreachable::outer\n\
             .\n\
             Consider gracefully handling failures from this canister or altering the canister to handle exceptions. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#trapped"
        );
    }

    #[test]
    fn a_backtrace_can_be_removed_everywhere() {
        assert_eq!(unreachable().without_backtrace(), Trap::Unreachable.into());
        let both = ExecutionError::Cleanup {
            callback: unreachable().into(),
            cleanup: unreachable().into(),
        };
        assert_eq!(
            both.without_backtrace().to_string(),
            "Canister trapped: unreachable\n\ncall_on_cleanup also failed:\n\nCanister trapped: unreachable"
        );
    }

    #[test]
    fn the_log_keeps_traps_only() {
        assert_eq!(called_trap("boom").log_record().unwrap(), "[TRAP]: boom");
        assert_eq!(
            called_trap("").log_record().unwrap(),
            "[TRAP]: (no message)"
        );
        assert_eq!(
            ExecutionError::from(Trap::IntegerDivByZero)
                .log_record()
                .unwrap(),
            "[TRAP]: integer division by 0"
        );
        assert_eq!(
            unreachable().log_record().unwrap(),
            "[TRAP]: unreachable\n\
             Canister Backtrace:\n\
             _wasm_backtrace_canister::unreachable::inner_2\n\
             _wasm_backtrace_canister::unreachable::inner\n\
             _wasm_backtrace_canister::unreachable::outer\n"
        );
        assert_eq!(ExecutionError::OutOfMemory.log_record(), None);
    }
}
