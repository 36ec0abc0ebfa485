//! What a node is told from outside: the kind of subnet, its circumstances, limits, time, randomness and places for files.
//! Owns plain values and their defaults; knows nothing of canisters, and nothing of the program that drives the node.

use std::path::PathBuf;
use std::sync::Arc;

use candid::Principal;

use crate::certify::{Certify, OwnRoot};
use crate::mock::Mock;
use crate::protocol::{Limits, Protocol, Slicing, SubnetType};

/// Genesis of the test environments: 2021-05-06 19:17:10 UTC in nanoseconds.
pub const GENESIS_NS: u64 = 1_620_328_630_000_000_000;

/// Which code generator compiles modules. Results, counts and texts are the same with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompilerChoice {
    /// None at first, the fast one where a module goes on, and the optimizing one where the work is long enough.
    #[default]
    Auto,
    /// As `Auto`, but they follow each other after a few instructions, for tests.
    Hasty,
    /// None: modules are interpreted (those that the interpreter does not support are left to the others).
    Interpreter,
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
            "hasty" => Ok(CompilerChoice::Hasty),
            "interpreter" => Ok(CompilerChoice::Interpreter),
            "fast" => Ok(CompilerChoice::Fast),
            "optimizing" => Ok(CompilerChoice::Optimizing),
            _ => Err(format!(
                "unknown compiler '{text}', expected auto, interpreter, fast or optimizing"
            )),
        }
    }
}

/// Numbers of canister ids (management-canister.md 2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdRanges {
    /// First number that the subnet hands out itself.
    pub first: u64,
    /// A number that the subnet would hand out itself may be asked for.
    pub own_may_be_chosen: bool,
    /// Ranges hosted beside that: first and last number.
    pub hosted: Vec<(u64, u64)>,
    /// Ranges of other subnets of the environment.
    pub elsewhere: Vec<(u64, u64)>,
}

/// What a user's message is charged for beside method name and argument (metering.md 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// The whole signed envelope, receiver and lengths included.
    Signed,
    /// A nonce only.
    Nonce,
}

/// Whether canisters pay (since-october-2025.md 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostSchedule {
    /// As the kind of the subnet says.
    #[default]
    Normal,
    /// All fees are zero.
    Free,
}

/// When checkpoints are made (scheduling.md 1.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoints {
    /// At the end of every round that a user's message came with.
    AfterIngress,
    /// Every so many rounds, as the subnet's limits say.
    ByInterval,
}

/// All settings of a node: the replica, the circumstances in which it runs, and what its user wishes. Its driver fills them in.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Which replica.
    pub protocol: Protocol,
    /// Nobody chose it: it came with the program whose records are re-enacted. Then there are no notes.
    pub implied_date: bool,
    /// Fees and limits.
    pub subnet_type: SubnetType,
    /// Whether fees are charged.
    pub cost_schedule: CostSchedule,
    /// Who may start, stop, empty and delete every canister of the subnet and create some, since 2026 (since-october-2025.md 2.7).
    pub subnet_admins: Vec<Principal>,
    /// The subnet's principal.
    pub subnet_id: Principal,
    /// The subnet is the one of the network's own canisters: signatures are free for them, and they may call a subnet by its id.
    pub is_nns: bool,
    /// Number of nodes of the subnet, by which fees scale.
    pub nodes: u64,
    /// Canister ids.
    pub ids: IdRanges,
    /// Messages of users are checked before they are taken, and canisters asked to inspect them (`scheduling.md`, 7.2).
    pub ingress_filter: bool,
    /// What is charged for of a user's message.
    pub envelope: Envelope,
    /// How executions are cut into slices.
    pub slicing: Slicing,
    /// When checkpoints are made.
    pub checkpoints: Checkpoints,
    /// Canisters may not install and change memory as fast as they like.
    pub rate_limits: bool,
    /// `http_request` is there.
    pub http_outcalls: bool,
    /// `http_request` for what is no URL fails, as it does where real nodes ask.
    pub url_check: bool,
    /// Nanoseconds that a round takes if nobody moves the clock meanwhile (`scheduling.md`, 5).
    pub round_time: u64,
    /// Time of the genesis, nanoseconds since the Unix epoch; the first rounds follow it closely.
    pub start_time: u64,
    /// Seed of all randomness.
    pub seed: u64,
    /// Seed of the master keys of threshold signatures, which the subnets of a network share.
    pub key_seed: u64,
    /// Instructions allowed for one message; the subnet's own limit if absent.
    pub instruction_limit: Option<u64>,
    /// Instructions allowed for each function that an installation runs; those of one message, if that is limited, or else the
    /// subnet's own limit if absent.
    pub install_instruction_limit: Option<u64>,
    /// Bytes that heaps and stable memories of all canisters may have together. What goes beyond is a failure of the machine.
    pub max_memory: Option<u64>,
    /// Answers for `http_request`.
    pub http_mocks: Vec<Mock>,
    /// Who certifies what canisters say.
    pub certification: Arc<dyn Certify>,
    /// Threshold keys that the subnet holds, as errors print them: `ecdsa:Secp256k1:key_1`.
    pub threshold_keys: Vec<String>,
    /// The code generator.
    pub compiler: CompilerChoice,
    /// Where compiled modules are kept; nowhere if absent.
    pub cache_dir: Option<PathBuf>,
    /// Attach backtraces to traps.
    pub backtrace: bool,
    /// Record which functions the instructions are spent in, as a [`Profile`](crate::observe::Profile) needs it. Code then comes
    /// from the optimizing code generator.
    pub recording: bool,
}

impl NodeSettings {
    /// A subnet of thirteen nodes that hands out ids from number zero on, without a module cache.
    pub fn new(protocol: Protocol, subnet_type: SubnetType) -> Self {
        NodeSettings {
            protocol,
            implied_date: false,
            subnet_type,
            cost_schedule: CostSchedule::default(),
            subnet_admins: Vec::new(),
            subnet_id: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 1]),
            is_nns: false,
            nodes: 13,
            ids: IdRanges {
                own_may_be_chosen: true,
                ..IdRanges::default()
            },
            ingress_filter: true,
            envelope: Envelope::Signed,
            slicing: Slicing::Usual,
            checkpoints: Checkpoints::ByInterval,
            rate_limits: subnet_type == SubnetType::Application,
            http_outcalls: true,
            url_check: true,
            round_time: 1,
            start_time: GENESIS_NS,
            seed: 0,
            key_seed: 0,
            instruction_limit: None,
            install_instruction_limit: None,
            max_memory: None,
            http_mocks: Vec::new(),
            certification: Arc::new(OwnRoot),
            threshold_keys: Vec::new(),
            compiler: CompilerChoice::Auto,
            cache_dir: None,
            backtrace: false,
            recording: false,
        }
    }

    /// The limits that follow from the settings.
    pub fn limits(&self) -> Limits {
        let limits = Limits::new(self.subnet_type, self.slicing, self.instruction_limit);
        let hook = self.install_instruction_limit.or(self.instruction_limit);
        Limits {
            hook: hook.map_or(limits.hook, |hook| hook.min(limits.hook)),
            ..limits
        }
    }
}
