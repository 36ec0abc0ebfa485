//! What a run is told from outside: whose circumstances are reproduced, the kind of subnet, limits, time, randomness and places for files.
//! Owns plain values and their defaults; knows nothing of canisters.

use std::path::PathBuf;

use crate::compat::Compat;

/// Genesis of the test environments: 2021-05-06 19:17:10 UTC in nanoseconds.
pub const GENESIS_NS: u64 = 1_620_328_630_000_000_000;

/// The kind of subnet: its fees and limits (`metering.md`, sections 7 and 8, in the words of the interface specification "system subnet" and "application subnet").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubnetType {
    /// Free of charge, with the larger limits.
    #[default]
    System,
    /// Fees are charged.
    Application,
}

impl std::str::FromStr for SubnetType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "system" => Ok(SubnetType::System),
            "application" => Ok(SubnetType::Application),
            _ => Err(format!(
                "unknown subnet type '{text}', expected system or application"
            )),
        }
    }
}

/// Which code generator compiles modules. Results, counts and texts are the same with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompilerChoice {
    /// The fast one, and the optimizing one where the work is long enough.
    #[default]
    Auto,
    /// The single-pass code generator (modules that it does not support fall back to the optimizing one).
    Fast,
    /// The optimizing code generator.
    Optimizing,
}

impl std::str::FromStr for CompilerChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(CompilerChoice::Auto),
            "fast" => Ok(CompilerChoice::Fast),
            "optimizing" => Ok(CompilerChoice::Optimizing),
            _ => Err(format!(
                "unknown compiler '{text}', expected auto, fast or optimizing"
            )),
        }
    }
}

/// An answer for `http_request`, for URLs that begin with `url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpMock {
    /// Prefix of the URLs that are answered.
    pub url: String,
    /// HTTP status.
    pub status: u64,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// All settings of a run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose circumstances are reproduced.
    pub compat: Compat,
    /// Fees and limits.
    pub subnet_type: SubnetType,
    /// Instructions allowed for one message; the subnet's own limit if absent.
    pub instruction_limit: Option<u64>,
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
    pub http_mocks: Vec<HttpMock>,
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
    /// The defaults of [`Compat`]'s circumstances on a system subnet, without a module cache.
    pub fn new(compat: Compat) -> Self {
        Config {
            compat,
            subnet_type: SubnetType::System,
            instruction_limit: None,
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

    /// The limits that follow from the settings.
    pub fn limits(&self) -> Limits {
        Limits::new(self.compat, self.subnet_type, self.instruction_limit)
    }

    /// Number of nodes of the subnet, by which fees scale.
    pub fn nodes(&self) -> u64 {
        match (self.compat, self.subnet_type) {
            (Compat::Drun, _) => 1,
            (Compat::PocketIc, SubnetType::Application) => 13,
            (Compat::PocketIc, SubnetType::System) => 40,
        }
    }
}

/// Where compiled modules are kept unless the user says otherwise; nowhere if the user has no home.
pub fn default_cache_dir() -> Option<PathBuf> {
    let place = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let caches = if cfg!(target_os = "macos") {
        place("HOME")?.join("Library/Caches")
    } else {
        place("XDG_CACHE_HOME").or_else(|| Some(place("HOME")?.join(".cache")))?
    };
    Some(caches.join("drun"))
}

impl Default for Config {
    fn default() -> Self {
        Config::new(Compat::Drun)
    }
}

const BILLION: u64 = 1_000_000_000;

/// Instruction limits of a subnet, in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// An update, callback or task.
    pub message: u64,
    /// A query method executed as a replicated message, and an upper bound of a plain query.
    pub without_slicing: u64,
    /// One slice of a message.
    pub slice: u64,
    /// An `install_code` as a whole.
    pub install: u64,
    /// One slice of an `install_code`.
    pub install_slice: u64,
    /// A round.
    pub round: u64,
    /// A tree of query calls; bounds a plain query too.
    pub query_graph: u64,
    /// `canister_inspect_message`.
    pub inspect: u64,
}

impl Limits {
    fn new(compat: Compat, subnet_type: SubnetType, instruction_limit: Option<u64>) -> Self {
        let mut limits = match subnet_type {
            SubnetType::System => Limits {
                message: 50 * BILLION,
                without_slicing: 50 * BILLION,
                slice: 2 * BILLION,
                install: 1000 * BILLION,
                install_slice: 5 * BILLION,
                round: 52 * BILLION,
                query_graph: 5 * BILLION,
                inspect: 200_000_000,
            },
            SubnetType::Application => Limits {
                message: 40 * BILLION,
                without_slicing: 5 * BILLION,
                slice: 2 * BILLION,
                install: 300 * BILLION,
                install_slice: 2 * BILLION,
                round: 7 * BILLION,
                query_graph: 5 * BILLION,
                inspect: 200_000_000,
            },
        };
        if (compat, subnet_type) == (Compat::Drun, SubnetType::System) {
            limits.slice = limits.message;
            limits.install_slice = limits.install;
            limits.round = limits.install;
        }
        if let Some(limit) = instruction_limit {
            limits.message = limit;
            limits.without_slicing = limit;
            limits.query_graph = limit;
            // Only the original goes on slicing, on application subnets (metering.md 7.2).
            if (compat, subnet_type) != (Compat::Drun, SubnetType::Application) {
                limits.slice = limit;
            }
            limits.round = limits.round.max(limit);
        }
        limits
    }

    /// Instructions that canisters may use in a round before no further message is started (`scheduling.md`, 1.10).
    pub fn round_budget(&self) -> i64 {
        let reserve = self.slice.max(self.without_slicing);
        i64::try_from(self.round.saturating_sub(reserve) + 1).unwrap_or(i64::MAX)
    }
}
