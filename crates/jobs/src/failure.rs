//! Everything that can go wrong with a request or a job, with its code, its status and its text in both modes. Knows
//! nothing of HTTP or engines; the codes are those of the package's README.

use serde::{Deserialize, Serialize};

use crate::job::Stream;

/// The original's text for a request it cannot use.
pub const BAD_REQUEST: &str = "bad request";

/// Exit code of the original's command for a trap.
const EXIT_OF_TRAP: u32 = 134;

/// What went wrong, as programs tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are the documentation, the README has a table"
)]
pub enum Code {
    BadJsonBody,
    BadRequest,
    EmptyWasm,
    HashFormat,
    HashMismatch,
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    ModuleUnknown,
    BodyTooLarge,
    WasmTooLarge,
    QueueFull,
    Internal,
    Draining,
    QueueTimeout,
    ModuleInvalid,
    ImportMissing,
    EntryMissing,
    EntrySignature,
    MemoryMinimum,
    CompileTimeout,
    Timeout,
    OutputLimit,
    MemoryLimit,
    Fuel,
    Trap,
    StackOverflow,
    Exit,
    EmptyStdout,
    BadJson,
    Cancelled,
}

impl Code {
    /// The name in answers, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Code::BadJsonBody => "bad_json_body",
            Code::BadRequest => "bad_request",
            Code::EmptyWasm => "empty_wasm",
            Code::HashFormat => "hash_format",
            Code::HashMismatch => "hash_mismatch",
            Code::Unauthorized => "unauthorized",
            Code::NotFound => "not_found",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::RequestTimeout => "request_timeout",
            Code::ModuleUnknown => "module_unknown",
            Code::BodyTooLarge => "body_too_large",
            Code::WasmTooLarge => "wasm_too_large",
            Code::QueueFull => "queue_full",
            Code::Internal => "internal",
            Code::Draining => "draining",
            Code::QueueTimeout => "queue_timeout",
            Code::ModuleInvalid => "module_invalid",
            Code::ImportMissing => "import_missing",
            Code::EntryMissing => "entry_missing",
            Code::EntrySignature => "entry_signature",
            Code::MemoryMinimum => "memory_minimum",
            Code::CompileTimeout => "compile_timeout",
            Code::Timeout => "timeout",
            Code::OutputLimit => "output_limit",
            Code::MemoryLimit => "memory_limit",
            Code::Fuel => "fuel",
            Code::Trap => "trap",
            Code::StackOverflow => "stack_overflow",
            Code::Exit => "exit",
            Code::EmptyStdout => "empty_stdout",
            Code::BadJson => "bad_json",
            Code::Cancelled => "cancelled",
        }
    }

    /// Status of an answer. What a job did is always 200: clients of the original throw away the body of anything else.
    pub fn status(self) -> u16 {
        match self {
            Code::BadJsonBody
            | Code::BadRequest
            | Code::EmptyWasm
            | Code::HashFormat
            | Code::HashMismatch => 400,
            Code::Unauthorized => 401,
            Code::NotFound | Code::ModuleUnknown => 404,
            Code::MethodNotAllowed => 405,
            Code::RequestTimeout => 408,
            Code::BodyTooLarge | Code::WasmTooLarge => 413,
            Code::QueueFull => 429,
            Code::Internal => 500,
            Code::Draining | Code::QueueTimeout | Code::Cancelled => 503,
            _ => 200,
        }
    }

    /// The status with which the original answers the same.
    pub fn status_compat(self) -> u16 {
        match self {
            Code::HashMismatch => 500,
            Code::ModuleUnknown => 400,
            other => other.status(),
        }
    }
}

/// A trap, as it is told to the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrapReport {
    /// A short name, `unreachable` for example.
    pub reason: String,
    /// The innermost function, if it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// At most 20 frames, innermost first.
    pub backtrace: Vec<String>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Which of the known failures.
    pub code: Code,
    /// For people.
    pub error: String,
    /// Members of a request that are wrong.
    pub details: Vec<String>,
    /// How the module ended, in the terms of the original's command.
    pub exit_code: Option<u32>,
    /// Where it trapped.
    pub trap: Option<TrapReport>,
    /// The stream that grew too long.
    pub stream: Option<Stream>,
    /// The first 500 bytes of output that is not JSON.
    pub stdout_head: Option<String>,
}

impl Failure {
    /// A failure without particulars.
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Failure {
            code,
            error: error.into(),
            details: Vec::new(),
            exit_code: None,
            trap: None,
            stream: None,
            stdout_head: None,
        }
    }

    /// A request that cannot be used, for these reasons.
    pub fn bad_request(details: Vec<String>) -> Self {
        Failure {
            details,
            ..Failure::new(Code::BadRequest, BAD_REQUEST)
        }
    }

    /// The error text of the original for the same.
    pub fn error_compat(&self) -> String {
        match self.code {
            Code::ModuleInvalid
            | Code::ImportMissing
            | Code::EntryMissing
            | Code::EntrySignature => "exit code 1".into(),
            Code::Trap | Code::StackOverflow => format!("exit code {EXIT_OF_TRAP}"),
            Code::MemoryLimit => format!("exit code {}", self.exit_code.unwrap_or(EXIT_OF_TRAP)),
            Code::ModuleUnknown => BAD_REQUEST.into(),
            _ => self.error.clone(),
        }
    }

    /// What the original's command would have written to standard error of its own accord.
    pub fn stderr_compat(&self) -> Option<String> {
        match self.code {
            Code::ModuleInvalid => Some(format!(
                "Error: failed to parse WebAssembly module\n\nCaused by:\n    {}\n",
                self.error
            )),
            Code::ImportMissing => Some(format!("Error: {}\n", self.error)),
            Code::EntryMissing | Code::EntrySignature => Some(format!(
                "Error: failed to run main module\n\nCaused by:\n    no func export named `run` found that can be called ({})\n",
                self.error
            )),
            Code::Trap | Code::StackOverflow | Code::MemoryLimit => {
                let trap = self.trap.as_ref()?;
                let mut text = "Error: failed to run main module\n\nCaused by:\n    0: error while executing at wasm backtrace:\n".to_owned();
                for (at, frame) in trap.backtrace.iter().enumerate() {
                    text += &format!("           {at}: {frame}\n");
                }
                let what = self.error.strip_prefix("trap: ").unwrap_or(&trap.reason);
                Some(text + &format!("    1: wasm trap: {what}\n"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_serde_writes() {
        for code in [
            Code::BadJsonBody,
            Code::OutputLimit,
            Code::Exit,
            Code::QueueTimeout,
        ] {
            assert_eq!(
                serde_json::to_string(&code).unwrap(),
                format!("\"{}\"", code.name())
            );
        }
    }

    #[test]
    fn the_original_sees_exit_codes() {
        assert_eq!(
            Failure::new(Code::Trap, "trap: x").error_compat(),
            "exit code 134"
        );
        assert_eq!(
            Failure::new(Code::ImportMissing, "x").error_compat(),
            "exit code 1"
        );
        assert_eq!(
            Failure::new(Code::Timeout, "timeout after 5ms").error_compat(),
            "timeout after 5ms"
        );
        assert_eq!(Code::HashMismatch.status_compat(), 500);
    }
}
