//! From the way a guest ended and what it printed to a result or a failure. The first rule that fits decides:
//! output limit, time, fuel, memory, trap, exit code, and only then what was printed.

use std::time::Duration;

use drun_engine::{Resource, of_machine};
use serde_json::value::RawValue;
use wasmtime::{Error, Trap, WasmBacktrace};

use crate::failure::{Code, Failure, TrapReport};
use crate::host::Guest;
use crate::job::{Cancel, Stop};
use crate::json;

/// How deep the result may be nested.
pub const MAX_RESULT_DEPTH: usize = 512;
/// Bytes of output that are shown if it is not JSON.
const HEAD: usize = 500;
/// Bytes of a function's name that are shown. A module may call its functions by megabytes, and there are 20 frames.
const MAX_NAME: usize = 500;
/// Between a function and a place in the module, in a backtrace.
const PLACE: &str = " +0x";
/// Exit code of the original's command for a trap.
const EXIT_OF_TRAP: u32 = 134;

/// Judges a run.
pub(super) fn judge(
    ended: Result<(), Error>,
    guest: &Guest,
    timeout: Duration,
    fuel: Option<u64>,
    deterministic: bool,
) -> Result<Box<RawValue>, Failure> {
    let error = match ended {
        Ok(()) => return result(guest.stdout.bytes()),
        Err(error) => error,
    };
    let failure = match error.downcast_ref::<Stop>() {
        Some(Stop::Exit(0)) => return result(guest.stdout.bytes()),
        Some(stop) => stopped(*stop, timeout),
        None => trap(&error, guest, fuel)?,
    };
    let failure = match deterministic {
        true => without_places(failure),
        false => failure,
    };
    let own_end = matches!(failure.code, Code::Trap | Code::StackOverflow | Code::Exit);
    if own_end && guest.limiter.refused_pages().is_some() {
        let limit = size(guest.limiter.memory_limit());
        return Err(Failure {
            code: Code::MemoryLimit,
            error: format!("memory limit exceeded ({limit})"),
            ..failure
        });
    }
    Err(failure)
}

/// A guest that was stopped, by itself or from outside.
pub fn stopped(stop: Stop, timeout: Duration) -> Failure {
    match stop {
        Stop::Output(stream) => Failure {
            stream: Some(stream),
            ..Failure::new(
                Code::OutputLimit,
                "killed: stdout/stderr size limit exceeded",
            )
        },
        Stop::Timeout => Failure::new(
            Code::Timeout,
            format!("timeout after {}ms", timeout.as_millis()),
        ),
        Stop::Cancelled(Cancel::Shutdown) => {
            Failure::new(Code::Cancelled, "cancelled: shutting down")
        }
        Stop::Cancelled(Cancel::ClientGone) => {
            Failure::new(Code::Cancelled, "cancelled: the client is gone")
        }
        Stop::Exit(code) => Failure {
            exit_code: Some(code),
            ..Failure::new(Code::Exit, format!("exit code {code}"))
        },
    }
}

/// What the engine says of the end. Outer errors are final whatever the guest's memory did.
fn trap(error: &Error, guest: &Guest, fuel: Option<u64>) -> Result<Failure, Failure> {
    if let Some(bytes) = guest.limiter.minimum_refused() {
        let (needed, limit) = (size(bytes), size(guest.limiter.memory_limit()));
        let error = format!("module needs {needed} of memory at start, limit {limit}");
        return Err(Failure::new(Code::MemoryMinimum, error));
    }
    let frames = error.downcast_ref::<WasmBacktrace>();
    let Some(trap) = error.downcast_ref::<Trap>() else {
        let machine = error.downcast_ref::<drun_engine::Failure>().cloned();
        let instance = || of_machine(error, Resource::Instance).filter(|_| frames.is_none());
        if let Some(machine) = machine.or_else(instance) {
            return Err(Failure::new(Code::Internal, machine.to_string()));
        }
        let text = error.root_cause().to_string();
        return match frames {
            // Nothing ran: the module wants more tables than there may be, for example.
            None => Err(Failure::new(
                Code::ModuleInvalid,
                format!("invalid wasm module: {text}"),
            )),
            Some(frames) => Ok(trapped(Code::Trap, "host", &text, Some(frames))),
        };
    };
    let text = trap.to_string();
    let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
    Ok(match trap {
        Trap::OutOfFuel => {
            let error = format!("fuel exhausted ({} units)", fuel.unwrap_or(0));
            return Err(Failure::new(Code::Fuel, error));
        }
        Trap::StackOverflow => trapped(
            Code::StackOverflow,
            reason(*trap),
            "call stack exhausted",
            frames,
        ),
        _ => trapped(Code::Trap, reason(*trap), text, frames),
    })
}

/// A failure whose backtrace names functions only. Machine code has some traps twice, with and without a look at the time
/// before them, and the place that is found for one of them is that of the look: which of them it is depends on the moment.
fn without_places(mut failure: Failure) -> Failure {
    for frame in failure.trap.iter_mut().flat_map(|trap| &mut trap.backtrace) {
        if let Some((function, _)) = frame.rsplit_once(PLACE) {
            *frame = function.to_owned();
        }
    }
    failure
}

fn trapped(code: Code, reason: &str, text: &str, backtrace: Option<&WasmBacktrace>) -> Failure {
    let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
    let backtrace = frames.iter().map(|frame| {
        let function = match frame.func_name() {
            Some(name) => head(name, MAX_NAME).to_owned(),
            None => format!("<wasm function {}>", frame.func_index()),
        };
        match frame.module_offset() {
            Some(offset) => format!("{function}{PLACE}{offset:x}"),
            None => function,
        }
    });
    Failure {
        exit_code: Some(EXIT_OF_TRAP),
        trap: Some(TrapReport {
            reason: reason.to_owned(),
            function: frames
                .first()
                .and_then(|frame| frame.func_name())
                .map(|name| head(name, MAX_NAME).to_owned()),
            backtrace: backtrace.collect(),
        }),
        ..Failure::new(code, format!("trap: {text}"))
    }
}

fn reason(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "unreachable",
        Trap::StackOverflow => "stack_overflow",
        Trap::MemoryOutOfBounds => "memory_out_of_bounds",
        Trap::HeapMisaligned => "misaligned",
        Trap::TableOutOfBounds => "table_out_of_bounds",
        Trap::IndirectCallToNull => "indirect_call_to_null",
        Trap::BadSignature => "bad_signature",
        Trap::IntegerOverflow => "integer_overflow",
        Trap::IntegerDivisionByZero => "integer_division_by_zero",
        Trap::BadConversionToInteger => "bad_conversion_to_integer",
        Trap::NullReference => "null_reference",
        _ => "other",
    }
}

fn size(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    match bytes % MIB {
        0 => format!("{} MiB", bytes / MIB),
        _ => format!("{bytes} bytes"),
    }
}

/// The first line of output that is not empty.
fn result(stdout: &[u8]) -> Result<Box<RawValue>, Failure> {
    let text = String::from_utf8_lossy(stdout);
    let lines = text.split('\n').map(json::trim);
    let Some(line) = lines.into_iter().find(|line| !line.is_empty()) else {
        return Err(Failure::new(Code::EmptyStdout, "empty stdout"));
    };
    json::parse(line, MAX_RESULT_DEPTH).map_err(|reason| Failure {
        stdout_head: Some(head(&text, HEAD).to_owned()),
        ..Failure::new(Code::BadJson, format!("stdout is not JSON: {reason}"))
    })
}

/// The beginning of a text, so many bytes at most.
fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(stdout: &str) -> String {
        match result(stdout.as_bytes()) {
            Ok(value) => value.get().to_owned(),
            Err(failure) => failure.error,
        }
    }

    #[test]
    fn the_first_line_that_is_not_empty_is_the_result() {
        assert_eq!(
            value("\n\n  {\"first\":1}\r\n{\"second\":2}\n"),
            "{\"first\":1}"
        );
        assert_eq!(
            value("\u{feff}\u{a0}12345678901234567890"),
            "12345678901234567890"
        );
        assert_eq!(value(" \n\t\n"), "empty stdout");
        assert_eq!(
            value("hello"),
            "stdout is not JSON: expected value at line 1 column 1"
        );
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(value(&nested(512)), nested(512));
        assert_eq!(
            value(&nested(513)),
            "stdout is not JSON: recursion limit exceeded at line 1 column 513"
        );
    }
}
