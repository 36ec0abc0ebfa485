//! How a node is set up: its configuration file, and what the command line changes of it (rollup-node.md, section 2).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::batcher::Limits;
use super::commitment::Constants;
use super::loser::Loser;
use super::operators::{self, Mode, Operators, Purpose};
use super::schema;
use super::server::access::Rule;
use crate::compiled::Compiled;
use crate::encoding::base58::ROLLUP;
use drun_engine::{Choice, Settings as EngineSettings};

/// What a node keeps of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryMode {
    /// Everything.
    Archive,
    /// What is not older than the last cemented commitment.
    Full,
}

impl HistoryMode {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Full => "full",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "archive" => Some(Self::Archive),
            "full" => Some(Self::Full),
            _ => None,
        }
    }
}

/// Everything a node goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where its files are.
    pub data_dir: PathBuf,
    /// The rollup.
    pub rollup: [u8; 20],
    /// What it does.
    pub mode: Mode,
    /// Who it acts as.
    pub operators: Operators,
    /// Where it listens.
    pub rpc_addr: String,
    /// The port; 0 for any.
    pub rpc_port: u16,
    /// Rules for the clients of addresses.
    pub acl: Vec<Rule>,
    /// The same as the configuration has it.
    pub acl_shown: Value,
    /// Fees of operations, kept for nothing.
    pub fee_parameters: Value,
    /// Other keys of a configuration that mean nothing here, as file and command line have them.
    pub kept: Map<String, Value>,
    /// The file of the first kernel.
    pub boot_sector: Option<PathBuf>,
    /// Whether that is not looked at before it runs.
    pub unsafe_disable_wasm_kernel_checks: bool,
    /// Where metrics are served.
    pub metrics_addr: Option<String>,
    /// Origins of web pages that may ask.
    pub cors_origins: Vec<String>,
    /// Headers that they may send.
    pub cors_headers: Vec<String>,
    /// Where preimages are asked for when they are missing.
    pub pre_images_endpoint: Option<String>,
    /// Whether what kernels print goes to a file.
    pub log_kernel_debug: bool,
    /// The file.
    pub log_kernel_debug_file: Option<PathBuf>,
    /// What is kept.
    pub history_mode: HistoryMode,
    /// Blocks between collections.
    pub gc_frequency: Option<i32>,
    /// Whether a missing preimage ends the process.
    pub no_degraded: bool,
    /// The batcher's limits.
    pub batcher: Limits,
    /// Which outbox messages are executed at once.
    pub outbox_filter: Vec<Value>,
    /// Constants of the simulated Layer 1.
    pub constants: Constants,
    /// The first level.
    pub origination_level: i32,
    /// The time of the first block.
    pub start_timestamp: Option<i64>,
    /// Whether times depend on levels only.
    pub deterministic: bool,
    /// The first protocol.
    pub protocol: String,
    /// Protocols that begin at levels.
    pub migrations: Vec<(i32, String)>,
    /// Whether commitments of a mode without publication are published by somebody else.
    pub auto_operator: bool,
    /// What is done wrong on purpose.
    pub loser: Loser,
    /// A node whose commitments are disputed when they are others.
    pub loser_peer: Option<String>,
    /// Whether messages can become slots of the data availability layer.
    pub simulate_dal: bool,
    /// Whether others may ask for states between two blocks.
    pub replay: bool,
    /// Whether the blocks that time has missed are made at the start.
    pub catch_up: bool,
    /// The contract that sends and the key that begins, where a message names no other.
    pub defaults: [Option<String>; 2],
    /// Messages of the first blocks.
    pub inputs: Vec<Vec<Vec<u8>>>,
    /// Whether to end after them.
    pub exit_after_inputs: bool,
    /// A file for executed outbox messages.
    pub outbox_log: Option<PathBuf>,
    /// A program for them.
    pub outbox_hook: Option<String>,
    /// How long a simulation may take.
    pub simulate_timeout: Duration,
    /// Whether JSON has the shapes of v18.
    pub style_v18: bool,
    /// Whether blocks leave no line in the log.
    pub quiet_blocks: bool,
    /// The code generator.
    pub compiler: Choice,
    /// The configuration as `GET /config` shows it.
    pub shown: Value,
}

impl Settings {
    /// The file for what kernels print.
    pub fn kernel_log(&self) -> Option<PathBuf> {
        let default = || self.data_dir.join("kernel.log");
        self.log_kernel_debug
            .then(|| self.log_kernel_debug_file.clone().unwrap_or_else(default))
    }

    /// Whether commitments are published.
    pub fn publishes(&self) -> bool {
        self.mode.publishes() || self.auto_operator || self.accuses()
    }

    /// Whether published commitments are cemented.
    pub fn cements(&self) -> bool {
        self.mode.cements() || self.auto_operator || self.accuses()
    }

    /// Whether commitments are published that another node has, too, or has differently.
    pub fn accuses(&self) -> bool {
        self.mode == Mode::Accuser && self.loser_peer.is_some()
    }

    /// An executor with the code generator that was asked for.
    pub fn compiled(&self) -> Compiled {
        Compiled::new(EngineSettings {
            choice: self.compiler,
            ..EngineSettings::default()
        })
    }
}

/// Keys that mean nothing here; they are kept and shown.
const KEPT: [&str; 20] = [
    "etherlink",
    "performance-metrics",
    "reconnection_delay",
    "apply-unsafe-patches",
    "unsafe-pvm-patches",
    "DAL node endpoint",
    "batcher",
    "injector",
    "l1_blocks_cache_size",
    "l2_blocks_cache_size",
    "prefetch_blocks",
    "l1_monitor_finalized",
    "l1_rpc_timeout",
    "loop_retry_delay",
    "index_buffer_size",
    "irmin_cache_size",
    "slow-vm-fallback",
    "bail-on-disagree",
    "gc-parameters",
    "commit-on",
];

/// Puts a value over another: fields over fields, anything else in its place.
fn overlay(below: &mut Value, above: &Value) {
    match (below, above) {
        (_, Value::Null) => {}
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

/// A configuration file.
#[derive(Clone, Debug, Default)]
pub struct File(pub Map<String, Value>);

impl File {
    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// If it is not JSON, or has a key that is not known or holds what it cannot hold.
    pub fn read(path: &Path) -> Result<Option<Self>, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let wrong = |what: String| format!("{}: {what}", path.display());
        match serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))? {
            Value::Object(fields) => {
                schema::check(&fields).map_err(wrong)?;
                Ok(Some(Self(fields)))
            }
            _ => Err(wrong("expected an object".into())),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// If it is something else.
    pub fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("configuration: `{key}` must be a string")),
        }
    }

    /// A truth; false when it is not there.
    ///
    /// # Errors
    /// If it is something else.
    pub fn truth(&self, key: &str) -> Result<bool, String> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(_) => Err(format!("configuration: `{key}` must be true or false")),
        }
    }

    /// A number within an object, or at the top when `inside` is empty.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number(&self, inside: &str, key: &str) -> Result<Option<u64>, String> {
        let place = if inside.is_empty() {
            self.0.get(key)
        } else {
            self.0.get(inside).and_then(|object| object.get(key))
        };
        match place {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| format!("configuration: `{key}` must be a number")),
        }
    }

    /// What is said about keys that mean nothing here; `above` is what the command line says.
    pub fn kept(&self, above: Map<String, Value>) -> Map<String, Value> {
        let of = |key: &&str| Some(((*key).to_owned(), self.0.get(*key)?.clone()));
        let mut kept = Value::Object(KEPT.iter().filter_map(of).collect());
        overlay(&mut kept, &Value::Object(above));
        match kept {
            Value::Object(kept) => kept,
            _ => Map::new(),
        }
    }

    /// The texts of a list within an object.
    pub fn texts(&self, inside: &str, key: &str) -> Vec<String> {
        let list = self.0.get(inside).and_then(|object| object.get(key));
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The mode: a word, or an object `custom` with kinds.
    ///
    /// # Errors
    /// If it is neither.
    pub fn mode(&self) -> Result<Option<Mode>, String> {
        match self.0.get("mode") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => Mode::parse(word).map(Some),
            Some(object) => {
                let kinds = object.get("custom").and_then(Value::as_array);
                let kinds = kinds.map(|kinds| kinds.iter().map(Value::as_str));
                let kinds: Option<Vec<&str>> = kinds.and_then(Iterator::collect);
                let kinds = kinds.ok_or(
                    "configuration: `mode` must be a string, or an object `custom` with a list of strings",
                )?;
                Mode::parse(&format!("custom:{}", kinds.join(","))).map(Some)
            }
        }
    }

    /// The operators, by purposes or by the operations of v18; their names are those of a wallet.
    ///
    /// # Errors
    /// If a purpose or a key is not known.
    pub fn operators(&self, base_dir: &Path) -> Result<Operators, String> {
        const KEY: &str = "smart-rollup-node-operator";
        let mut operators = Operators::new();
        let object = match self.0.get(KEY) {
            None | Some(Value::Null) => return Ok(operators),
            Some(value) => value
                .as_object()
                .ok_or_else(|| format!("configuration: `{KEY}` must be an object"))?,
        };
        for (name, value) in object {
            let purpose = Purpose::parse(name)
                .ok_or_else(|| format!("configuration: unknown operator purpose `{name}`"))?;
            let keys = match value {
                Value::Array(keys) => keys.as_slice(),
                key => std::slice::from_ref(key),
            };
            let keys = keys.iter().map(|key| {
                let text = key.as_str().ok_or_else(|| {
                    format!("configuration: `{KEY}.{name}` must be a key or a list of keys")
                })?;
                operators::key(text, base_dir)
                    .map_err(|error| format!("configuration: `{KEY}.{name}`: {error}"))
            });
            operators.insert(purpose, keys.collect::<Result<_, String>>()?);
        }
        Ok(operators)
    }

    /// Which outbox messages are executed at once.
    ///
    /// # Errors
    /// If a rule has another shape.
    pub fn outbox_filter(&self) -> Result<Vec<Value>, String> {
        let list = self.0.get("execute-outbox-messages-filter");
        let rules = list.and_then(Value::as_array).cloned().unwrap_or_default();
        let names = |value: &Value| match value {
            Value::Array(names) => names.iter().all(Value::is_string),
            value => value == "any",
        };
        let good = |rule: &Value| {
            names(&rule["transaction"]["destination"]) && names(&rule["transaction"]["entrypoint"])
        };
        if rules.iter().all(good) {
            return Ok(rules);
        }
        Err("configuration: `execute-outbox-messages-filter` must list objects `transaction` whose `destination` and `entrypoint` are \"any\" or lists of strings".into())
    }
}

/// The file that `init` writes: required keys, and what differs from the defaults.
pub fn written(settings: &Settings, style_v18: bool) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    if style_v18 {
        put("data-dir", json!(settings.data_dir));
    }
    put(
        "smart-rollup-address",
        ROLLUP.encode(&settings.rollup).into(),
    );
    put("smart-rollup-node-operator", operators(settings, style_v18));
    if settings.rpc_addr != "127.0.0.1" {
        put("rpc-addr", settings.rpc_addr.as_str().into());
    }
    if settings.rpc_port != 8932 {
        put("rpc-port", settings.rpc_port.into());
    }
    if settings.acl_shown != json!([]) {
        put("acl", settings.acl_shown.clone());
    }
    if let Some(address) = &settings.metrics_addr {
        put("metrics-addr", address.as_str().into());
    }
    put("fee-parameters", settings.fee_parameters.clone());
    put("mode", mode(&settings.mode));
    if let Some(path) = &settings.boot_sector {
        put("boot-sector", json!(path));
    }
    if settings.unsafe_disable_wasm_kernel_checks {
        put("unsafe-disable-wasm-kernel-checks", true.into());
    }
    for (key, value) in &settings.kept {
        put(key, value.clone());
    }
    if let Some(endpoint) = &settings.pre_images_endpoint {
        put("pre-images-endpoint", endpoint.as_str().into());
    }
    if settings.log_kernel_debug {
        put("log-kernel-debug", true.into());
    }
    if let Some(path) = &settings.log_kernel_debug_file {
        put("log-kernel-debug-file", json!(path));
    }
    if settings.no_degraded {
        put("no-degraded", true.into());
    }
    if settings.loser.is_loser() {
        put("loser-mode", settings.loser.to_json());
    }
    if settings.history_mode != HistoryMode::Archive {
        put("history-mode", settings.history_mode.name().into());
    }
    if !settings.cors_origins.is_empty() || !settings.cors_headers.is_empty() {
        put(
            "cors",
            json!({ "allowed_headers": settings.cors_headers, "allowed_origins": settings.cors_origins }),
        );
    }
    Value::Object(out)
}

fn mode(mode: &Mode) -> Value {
    match mode {
        Mode::Custom(kinds) => json!({ "custom": kinds }),
        mode => mode.name().into(),
    }
}

fn operators(settings: &Settings, style_v18: bool) -> Value {
    let mut out = Map::new();
    for (purpose, keys) in &settings.operators {
        let first = || keys.first().cloned().unwrap_or_default();
        let all = || match keys.as_slice() {
            [key] => key.as_str().into(),
            keys => json!(keys),
        };
        if style_v18 {
            let kinds: &[&str] = match purpose {
                Purpose::Operating => &["publish", "refute"],
                Purpose::Batching => &["add_messages"],
                Purpose::Cementing => &["cement"],
                Purpose::Recovering => &["recover"],
                Purpose::ExecutingOutbox => &["execute_outbox_message"],
            };
            for kind in kinds {
                out.insert((*kind).to_owned(), all());
            }
        } else if *purpose == Purpose::Batching {
            out.insert(purpose.name().into(), json!(keys));
        } else {
            out.insert(purpose.name().into(), first().into());
        }
    }
    Value::Object(out)
}

/// Every key with its value, for `GET /config`.
pub fn shown(settings: &Settings) -> Value {
    let mut shown = json!({
        "smart-rollup-address": ROLLUP.encode(&settings.rollup),
        "smart-rollup-node-operator": operators(settings, false),
        "boot-sector": settings.boot_sector,
        "rpc-addr": settings.rpc_addr,
        "rpc-port": settings.rpc_port,
        "acl": settings.acl_shown,
        "metrics-addr": settings.metrics_addr,
        "performance-metrics": true,
        "reconnection_delay": 2.0,
        "fee-parameters": settings.fee_parameters,
        "mode": mode(&settings.mode),
        "loser-mode": settings.loser.to_json(),
        "apply-unsafe-patches": false,
        "unsafe-pvm-patches": [],
        "execute-outbox-messages-filter": settings.outbox_filter,
        "pre-images-endpoint": settings.pre_images_endpoint,
        "batcher": {
            "min_batch_elements": settings.batcher.min_elements,
            "min_batch_size": 10,
            "max_batch_elements": settings.batcher.batch_elements,
            "max_batch_size": settings.batcher.batch_size,
        },
        "injector": { "retention_period": 2048, "attempts": 10, "injection_ttl": 120 },
        "l1_blocks_cache_size": 64,
        "l2_blocks_cache_size": 64,
        "l1_monitor_finalized": false,
        "l1_rpc_timeout": 60.0,
        "loop_retry_delay": 10.0,
        "log-kernel-debug": settings.log_kernel_debug,
        "log-kernel-debug-file": settings.kernel_log(),
        "unsafe-disable-wasm-kernel-checks": settings.unsafe_disable_wasm_kernel_checks,
        "no-degraded": settings.no_degraded,
        "slow-vm-fallback": false,
        "bail-on-disagree": false,
        "gc-parameters": { "frequency": settings.gc_frequency },
        "history-mode": settings.history_mode.name(),
        "cors": { "allowed_headers": settings.cors_headers, "allowed_origins": settings.cors_origins },
        "commit-on": "block",
    });
    overlay(&mut shown, &Value::Object(settings.kept.clone()));
    shown
}
