//! What ended an execution, in the Internet Computer's words (system-api.md 3.2).

use crate::errors::{ContractViolation, ExecutionError, Trap};
use crate::wasm::{CanisterModule, Tier};

/// The error of an execution that the engine ended; what a host function said has precedence and is handled before.
pub fn execution_error(
    error: &wasmtime::Error,
    module: &CanisterModule,
    tier: Tier,
) -> ExecutionError {
    let backtrace = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .and_then(|trace| {
            let frames: Vec<u32> = trace
                .frames()
                .iter()
                .map(|frame| frame.func_index())
                .collect();
            module.backtrace(&frames, tier == Tier::Profiled)
        });
    let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else {
        return ExecutionError::Engine(format!("Unexpected WasmEngineError: {error}"));
    };
    match trap {
        wasmtime::Trap::BadSignature => {
            ExecutionError::Contract(ContractViolation::SignatureMismatch)
        }
        trap => ExecutionError::Trapped {
            backtrace,
            trap: match trap {
                wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
                wasmtime::Trap::MemoryOutOfBounds => Trap::HeapOutOfBounds,
                wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
                wasmtime::Trap::IntegerDivisionByZero => Trap::IntegerDivByZero,
                wasmtime::Trap::StackOverflow => Trap::StackOverflow,
                _ => Trap::Other,
            },
        },
    }
}

/// The code generator that has to run an execution again which the engine ended, so that its outcome does not depend on
/// the one that ran it.
pub fn again(error: &wasmtime::Error, tier: Tier, sliced: bool) -> Option<Tier> {
    use wasmtime::Trap::*;
    match (tier, error.downcast_ref()?) {
        // The global is right where calls and `unreachable` trap.
        (
            Tier::Optimizing,
            StackOverflow | UnreachableCodeReached | IndirectCallToNull | BadSignature,
        ) => None,
        (Tier::Optimizing, _) => Some(Tier::Exact),
        // Frames of the other code are larger: whether the stack suffices is for the optimizing code to say.
        (Tier::Fast, StackOverflow) => Some(Tier::Optimizing),
        (Tier::Exact, StackOverflow) if !sliced => Some(Tier::Optimizing),
        _ => None,
    }
}

/// True if the stack of the Wasm code did not suffice.
pub fn is_stack_overflow(result: &Result<(), ExecutionError>) -> bool {
    matches!(
        result,
        Err(ExecutionError::Trapped {
            trap: Trap::StackOverflow,
            ..
        })
    )
}
