//! A job as plain data: what is asked for, within which limits, and how it may be stopped. The lowest room: it knows
//! neither the engine nor the host functions nor HTTP.

mod control;
mod deadline;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use control::{Cancel, Control, Wake};
pub use deadline::{Cpu, Deadline};

/// Name of the request file where the job names no other.
pub const REQUEST_FILE: &str = "wasm_rpc_request.json";
/// Name of the response file where the job names no other.
pub const RESPONSE_FILE: &str = "wasm_rpc_response.json";
/// The working directory of a guest.
pub const WORK_DIR: &str = "/job";

/// What one job may use. Every limit may be reached and not exceeded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobLimits {
    /// Time for instantiation and the entry, queueing and compilation excluded.
    pub timeout: Duration,
    /// Bytes of standard output.
    pub stdout: usize,
    /// Bytes of standard error.
    pub stderr: usize,
    /// Bytes of all linear memories together.
    pub memory: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Units of fuel, if they are counted at all.
    pub fuel: Option<u64>,
    /// Files and directories in the working directory.
    pub files: usize,
    /// Bytes of all files together.
    pub file_bytes: usize,
    /// JSON-RPC calls.
    pub rpc_calls: u64,
}

/// What replaces the world in a deterministic job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Determinism {
    /// Seed of random numbers; without it, it follows from module and input.
    pub seed: Option<u64>,
    /// The wall clock at the start, milliseconds since 1970.
    pub time_ms: u64,
}

/// One run of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What the guest reads from standard input. Travels by itself: as JSON it would be an array of numbers.
    #[serde(skip)]
    pub stdin: Vec<u8>,
    /// The export to call, where it is not `run` or `_start`.
    pub entry: Option<String>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// What it may use.
    pub limits: JobLimits,
    /// Whether clock, randomness and block are fixed.
    pub deterministic: Option<Determinism>,
    /// Chain of RPC requests that name none.
    pub chain: Option<u64>,
    /// Block to which RPC requests of a deterministic job are pinned.
    pub block: Option<u64>,
    /// Name of the request file.
    pub request_file: String,
    /// Name of the response file.
    pub response_file: String,
    /// The working directory as the guest sees it.
    pub work_dir: String,
    /// Entry and values of it as the original has them.
    pub compat: bool,
}

/// A stream into which guests print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a guest does not go on. Carried through the engine as an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its time is over.
    Timeout,
    /// It wrote more than it may to this stream.
    Output(Stream),
    /// It ended by `proc_exit`.
    Exit(u32),
    /// Nobody waits for it any more, or the server goes down.
    Cancelled(Cancel),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::Timeout => f.write_str("timeout"),
            Stop::Output(_) => f.write_str("size limit of output exceeded"),
            Stop::Exit(code) => write!(f, "exit code {code}"),
            Stop::Cancelled(_) => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Stop {}
