//! The settings of a run, as its user gives them. Owns plain values and their defaults, and nothing of what follows from them.

use std::ffi::OsString;
use std::path::PathBuf;

pub use drun_ic::config::{CompilerChoice, GENESIS_NS};
pub use drun_ic::mock::{Mock, MockedAnswer};
pub use drun_ic::protocol::{Protocol, SubnetType};

pub use super::compat::Compat;

/// All settings of a run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which program is re-enacted.
    pub compat: Compat,
    /// Which replica the node runs.
    pub protocol: Protocol,
    /// It came with the program.
    pub implied_date: bool,
    /// Fees and limits.
    pub subnet_type: SubnetType,
    /// Instructions allowed for one message; the subnet's own limit if absent.
    pub instruction_limit: Option<u64>,
    /// Instructions allowed for each function that an installation runs; those of a message if absent.
    pub install_instruction_limit: Option<u64>,
    /// Bytes that heaps and stable memories of all canisters may have together.
    pub max_memory: Option<u64>,
    /// Rounds to run after each message has its answer.
    pub extra_batches: u64,
    /// Time of the genesis, nanoseconds since the Unix epoch; the first rounds follow it closely.
    pub start_time: u64,
    /// Seed of all randomness.
    pub seed: u64,
    /// The code generator.
    pub compiler: CompilerChoice,
    /// Where compiled modules are kept; nowhere if absent.
    pub cache_dir: Option<PathBuf>,
    /// Attach backtraces to traps.
    pub backtrace: bool,
    /// Answers for `http_request`.
    pub http_mocks: Vec<Mock>,
    /// Count executions by canister and method.
    pub stats: bool,
    /// Record which functions the instructions are spent in.
    pub profile: bool,
    /// Hand out with each outcome what was printed. Else it only goes to who listens, so that a canister that never stops
    /// printing does not fill the memory.
    pub keep_prints: bool,
    /// Threshold keys that the subnet holds, as errors print them: `ecdsa:Secp256k1:key_1`.
    pub threshold_keys: Vec<String>,
}

impl Config {
    /// The defaults of a program and of the replica of its recordings on a system subnet, without a module cache.
    pub fn new(compat: Compat) -> Self {
        Config {
            compat,
            protocol: compat.protocol(),
            implied_date: true,
            subnet_type: SubnetType::System,
            instruction_limit: None,
            install_instruction_limit: None,
            max_memory: None,
            extra_batches: 0,
            start_time: GENESIS_NS,
            seed: 0,
            compiler: CompilerChoice::Auto,
            cache_dir: None,
            backtrace: false,
            http_mocks: Vec::new(),
            threshold_keys: Vec::new(),
            stats: false,
            profile: false,
            keep_prints: true,
        }
    }
}

/// The newest replica, driven as the original program does.
impl Default for Config {
    fn default() -> Self {
        Config {
            protocol: Protocol::NEWEST,
            implied_date: false,
            ..Config::new(Compat::Drun)
        }
    }
}

/// Where compiled modules are kept unless an option says otherwise: where `DRUN_CACHE_DIR` says, or the user's caches are;
/// nowhere if the user has no home.
pub fn default_cache_dir() -> Option<PathBuf> {
    if let Some(directory) = environment("DRUN_CACHE_DIR") {
        return Some(directory.into());
    }
    let place = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let caches = if cfg!(target_os = "macos") {
        place("HOME")?.join("Library/Caches")
    } else if cfg!(windows) {
        place("LOCALAPPDATA")?
    } else {
        place("XDG_CACHE_HOME").or_else(|| Some(place("HOME")?.join(".cache")))?
    };
    Some(caches.join("drun"))
}

/// What an environment variable says. One that is empty says nothing, as one that is not set.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
