//! How an execution ended, in the Internet Computer's words (system-api.md 3.2, 3.4).

use drun_engine::{End, NotEntered, TrapKind};

use crate::errors::{ContractViolation, ExecutionError, Trap};
use crate::ic0::Ic;
use crate::module::ModuleNames;

/// The result of an execution.
pub(super) fn result(end: End<Ic>, names: &ModuleNames) -> Result<(), ExecutionError> {
    Err(match end {
        End::Returned => return Ok(()),
        End::Stopped(error) | End::Refused(error) => error,
        End::Trapped {
            kind: TrapKind::BadSignature,
            ..
        } => ContractViolation::SignatureMismatch.into(),
        End::Trapped { kind, frames } => ExecutionError::Trapped {
            backtrace: names.backtrace(&frames),
            trap: match kind {
                TrapKind::Unreachable => Trap::Unreachable,
                TrapKind::MemoryOutOfBounds => Trap::HeapOutOfBounds,
                TrapKind::TableOutOfBounds => Trap::TableOutOfBounds,
                TrapKind::IntegerDivisionByZero => Trap::IntegerDivByZero,
                TrapKind::StackOverflow => Trap::StackOverflow,
                TrapKind::BadSignature | TrapKind::Other => Trap::Other,
            },
        },
        End::NotEntered(why) => match why {
            NotEntered::NoFunction => ContractViolation::ExportIsNoFunction.into(),
            NotEntered::NoTable => ContractViolation::NoTable.into(),
            NotEntered::NotATable => ContractViolation::TableExportIsNoTable.into(),
            NotEntered::NoElement(function) => ExecutionError::FunctionNotFound { function },
            NotEntered::NullElement => ContractViolation::NullFunction.into(),
            NotEntered::NotAFunctionReference => ContractViolation::NotAFunctionReference.into(),
            NotEntered::Signature => ContractViolation::SignatureMismatch.into(),
            NotEntered::ArgumentTooLarge(env) => {
                ContractViolation::EnvironmentTooLarge { env }.into()
            }
        },
    })
}
