//! The configuration of the server: every key of it can be a flag, a variable or a line of a TOML file, in this order of
//! precedence. Owns names, defaults and checks; what the values mean is decided where they are used.

mod keys;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use keys::{IGNORED, KEYS, Key};
pub use source::{Sources, parse_toml};

use crate::json::Object;
use crate::rpc::{Methods, ServiceLimits, Target};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the usual names")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    /// The name in logs and settings.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// All settings of a server, checked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the keys of the same names have descriptions")]
pub struct Config {
    pub host: String,
    pub port: u16,
    pub compat: bool,
    pub cache_dir: PathBuf,
    pub max_body_bytes: usize,
    pub max_wasm_bytes: usize,
    pub max_stdout_bytes: usize,
    pub max_stderr_bytes: usize,
    pub max_timeout: Duration,
    pub max_compile: Duration,
    pub max_memory_bytes: usize,
    pub max_stack_bytes: usize,
    pub max_table_elements: usize,
    pub max_fuel: u64,
    pub max_concurrency: usize,
    pub cpu_permits: usize,
    pub instance_pool: bool,
    pub isolate: bool,
    pub queue_limit: usize,
    pub queue_timeout: Duration,
    pub max_files: usize,
    pub max_file_bytes: usize,
    pub max_rpc_calls: u64,
    pub rpc: ServiceLimits,
    pub rpc_urls: BTreeMap<u64, Vec<Target>>,
    pub rpc_proxy: Vec<Target>,
    pub rpc_fixture: Option<PathBuf>,
    pub rpc_record: Option<PathBuf>,
    pub rpc_cache_entries: usize,
    pub default_chain: Option<u64>,
    pub methods: Methods,
    pub module_memory_bytes: usize,
    pub module_disk_bytes: u64,
    pub shutdown_grace: Duration,
    pub api_token: Option<String>,
    pub metrics_token: Option<String>,
    pub deterministic: bool,
    pub allow_inline_fixture: bool,
    pub log_level: Level,
    pub log_pretty: bool,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

impl Config {
    /// Checks what the sources say.
    ///
    /// # Errors
    /// The first value that is wrong, with its key.
    pub fn new(sources: &Sources) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let size = |key: &str| {
            sources
                .number(key)
                .map(|value: u64| usize::try_from(value).unwrap_or(usize::MAX))
        };
        let time = |key: &str| sources.number(key).map(Duration::from_millis);
        let or_cores = |key: &str, factor: usize| match sources.get(key) {
            "" => Ok(cores * factor),
            _ => positive(key, size(key)?),
        };
        let path = |key: &str| {
            Some(sources.get(key))
                .filter(|text| !text.is_empty())
                .map(PathBuf::from)
        };
        let token = |key: &str| Some(sources.get(key).to_owned()).filter(|text| !text.is_empty());
        let port = match (sources.is_set("PORT"), sources.is_set("HTTP_PORT")) {
            (false, true) => "HTTP_PORT",
            _ => "PORT",
        };
        let max_timeout = time("MAX_TIMEOUT_MS")?;
        if max_timeout.is_zero() {
            return Err("MAX_TIMEOUT_MS: must be at least 1".into());
        }
        let config = Config {
            host: sources.get("HOST").to_owned(),
            port: u16::try_from(sources.number(port)?)
                .map_err(|_| format!("{port}: not a port"))?,
            compat: sources.switch("COMPAT")?,
            cache_dir: sources.get("WASM_CACHE_DIR").into(),
            max_body_bytes: size("MAX_BODY_BYTES")?,
            max_wasm_bytes: size("MAX_WASM_BYTES")?,
            max_stdout_bytes: size("MAX_STDOUT_BYTES")?,
            max_stderr_bytes: size("MAX_STDERR_BYTES")?,
            max_timeout,
            max_compile: time("MAX_COMPILE_MS")?,
            max_memory_bytes: size("MAX_MEMORY_BYTES")?,
            max_stack_bytes: stack(size("MAX_STACK_BYTES")?)?,
            max_table_elements: size("MAX_TABLE_ELEMENTS")?,
            max_fuel: sources.number("MAX_FUEL")?,
            max_concurrency: or_cores("MAX_CONCURRENCY", 4)?,
            cpu_permits: or_cores("CPU_PERMITS", 1)?,
            instance_pool: sources.switch("INSTANCE_POOL")?,
            isolate: isolate(sources.get("ISOLATE"))?,
            queue_limit: size("QUEUE_LIMIT")?,
            queue_timeout: time("QUEUE_TIMEOUT_MS")?,
            max_files: size("MAX_FILES")?,
            max_file_bytes: size("MAX_FILE_BYTES")?,
            max_rpc_calls: sources.number("MAX_RPC_CALLS")?,
            rpc: ServiceLimits {
                request_bytes: size("MAX_RPC_REQUEST_BYTES")?,
                response_bytes: size("MAX_RPC_RESPONSE_BYTES")?,
                timeout: time("RPC_TIMEOUT_MS")?,
            },
            rpc_urls: sources.rpc_urls()?,
            rpc_proxy: targets("RPC_PROXY_URL", sources.get("RPC_PROXY_URL"))?,
            rpc_fixture: path("RPC_FIXTURE"),
            rpc_record: path("RPC_RECORD"),
            rpc_cache_entries: size("RPC_CACHE_ENTRIES")?,
            default_chain: match sources.get("DEFAULT_CHAIN_ID") {
                "" => None,
                _ => Some(sources.number("DEFAULT_CHAIN_ID")?),
            },
            methods: Methods::parse(sources.get("RPC_METHODS"))
                .map_err(|error| format!("RPC_METHODS: {error}"))?,
            module_memory_bytes: size("MODULE_MEMORY_CACHE_BYTES")?,
            module_disk_bytes: sources.number("MODULE_DISK_CACHE_BYTES")?,
            shutdown_grace: match sources.get("SHUTDOWN_GRACE_MS") {
                "" => max_timeout + Duration::from_secs(1),
                _ => time("SHUTDOWN_GRACE_MS")?,
            },
            api_token: token("API_TOKEN"),
            metrics_token: token("METRICS_TOKEN"),
            deterministic: sources.switch("WASM_DETERMINISTIC")?,
            allow_inline_fixture: sources.switch("ALLOW_INLINE_FIXTURE")?,
            log_level: level(sources.get("LOG_LEVEL"))?,
            log_pretty: sources.switch("LOG_PRETTY")?,
            warnings: sources.ignored(),
        };
        Ok(config.with_warnings())
    }

    fn with_warnings(mut self) -> Self {
        let longest = self.queue_timeout + self.max_timeout;
        if longest > Duration::from_secs(30) {
            self.warnings.push(format!(
                "an answer may take {} ms, clients of the original give up after 30000 ms: MAX_TIMEOUT_MS=24000 suits them",
                longest.as_millis()
            ));
        }
        let needed = (self.max_concurrency as u64)
            .saturating_mul(self.max_memory_bytes as u64)
            .saturating_add(256 << 20);
        let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
        if let Ok(limit) = limit.trim().parse::<u64>()
            && limit < needed
        {
            self.warnings.push(format!(
                "this container has {} MiB of memory, MAX_CONCURRENCY jobs may need {} MiB",
                limit >> 20,
                needed >> 20
            ));
        }
        self
    }

    /// All values that are in force, without addresses and tokens. `fixture_chains` are those of the fixture.
    pub fn shown(&self, fixture_chains: &[u64]) -> String {
        Object::new()
            .with("compat", self.compat)
            .with("maxBodyBytes", self.max_body_bytes)
            .with("maxWasmBytes", self.max_wasm_bytes)
            .with("maxStdoutBytes", self.max_stdout_bytes)
            .with("maxStderrBytes", self.max_stderr_bytes)
            .with("maxTimeoutMs", milliseconds(self.max_timeout))
            .with("maxCompileMs", milliseconds(self.max_compile))
            .with("maxMemoryBytes", self.max_memory_bytes)
            .with("maxStackBytes", self.max_stack_bytes)
            .with("maxTableElements", self.max_table_elements)
            .with("maxFuel", self.max_fuel)
            .with("maxConcurrency", self.max_concurrency)
            .with("cpuPermits", self.cpu_permits)
            .with("instancePool", self.instance_pool)
            .with("isolate", if self.isolate { "process" } else { "none" })
            .with("queueLimit", self.queue_limit)
            .with("queueTimeoutMs", milliseconds(self.queue_timeout))
            .with("maxFiles", self.max_files)
            .with("maxFileBytes", self.max_file_bytes)
            .with("maxRpcCalls", self.max_rpc_calls)
            .with("rpcTimeoutMs", milliseconds(self.rpc.timeout))
            .with("maxRpcRequestBytes", self.rpc.request_bytes)
            .with("maxRpcResponseBytes", self.rpc.response_bytes)
            .with("rpcCacheEntries", self.rpc_cache_entries)
            .with("rpcChains", self.rpc_urls.keys().collect::<Vec<_>>())
            .with("rpcProxy", !self.rpc_proxy.is_empty())
            .with("rpcFixture", self.rpc_fixture.is_some())
            .with("rpcFixtureChains", fixture_chains)
            .with(
                "rpcRecord",
                self.rpc_record.as_ref().map(|path| path.to_string_lossy()),
            )
            .with("rpcMethods", self.methods.names().collect::<Vec<_>>())
            .with("defaultChainId", self.default_chain)
            .with("moduleMemoryCacheBytes", self.module_memory_bytes)
            .with("moduleDiskCacheBytes", self.module_disk_bytes)
            .with("wasmCacheDir", self.cache_dir.to_string_lossy())
            .with("shutdownGraceMs", milliseconds(self.shutdown_grace))
            .with("deterministic", self.deterministic)
            .with("inlineFixture", self.allow_inline_fixture)
            .with("logLevel", self.log_level.name())
            .with("logPretty", self.log_pretty)
            .text()
    }
}

/// Whole milliseconds.
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn positive(key: &str, value: usize) -> Result<usize, String> {
    match value {
        0 => Err(format!("{key}: must be at least 1")),
        value => Ok(value),
    }
}

fn stack(bytes: usize) -> Result<usize, String> {
    match bytes {
        65_536..=67_108_864 => Ok(bytes),
        _ => Err("MAX_STACK_BYTES: must be between 65536 and 67108864".into()),
    }
}

fn isolate(text: &str) -> Result<bool, String> {
    match text {
        "none" => Ok(false),
        "process" => Ok(true),
        other => Err(format!("ISOLATE: {other:?} is neither none nor process")),
    }
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "error" | "fatal" | "silent" => Ok(Level::Error),
        "warn" => Ok(Level::Warn),
        "info" => Ok(Level::Info),
        "debug" | "trace" => Ok(Level::Debug),
        other => Err(format!(
            "LOG_LEVEL: {other:?} is not one of error, warn, info, debug"
        )),
    }
}

/// Addresses separated by commas.
fn targets(key: &str, text: &str) -> Result<Vec<Target>, String> {
    let addresses = text
        .split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty());
    addresses
        .map(|address| Target::parse(address).map_err(|error| format!("{key}: {error}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)], file: &str) -> Result<Config, String> {
        let mut sources = Sources::default();
        sources.add(parse_toml(file)?);
        sources.add(
            variables
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        Config::new(&sources)
    }

    #[test]
    fn later_sources_win() {
        let config = config(
            &[("MAX_TIMEOUT_MS", "7")],
            "max_timeout_ms = 5\nPORT = 1\nrpc_url_5 = \"http://a,http://b\"",
        )
        .unwrap();
        assert_eq!((config.max_timeout.as_millis(), config.port), (7, 1));
        assert_eq!(config.shutdown_grace.as_millis(), 1007);
        assert_eq!(config.rpc_urls[&5].len(), 2);
    }

    #[test]
    fn a_bad_value_stops_the_start() {
        let error = |key, value| config(&[(key, value)], "").unwrap_err();
        assert_eq!(
            error("MAX_TIMEOUT_MS", "abc"),
            "MAX_TIMEOUT_MS: \"abc\" is not a number"
        );
        assert_eq!(
            error("RPC_METHODS", "+eth_sign"),
            "RPC_METHODS: eth_sign cannot be allowed"
        );
        assert_eq!(
            error("MAX_CONCURRENCY", "0"),
            "MAX_CONCURRENCY: must be at least 1"
        );
        assert!(!error("RPC_URL_1", "ftp://user:secret@host/KEY").contains("secret"));
        assert!(
            config(&[], "max_timeout = 5")
                .unwrap_err()
                .contains("max_timeout")
        );
    }

    #[test]
    fn a_key_of_a_file_that_is_written_as_a_flag_is_told_how_to_be_written() {
        let error = |file| config(&[], file).unwrap_err();
        assert_eq!(
            error("max-memory-bytes = 5"),
            "unknown key max-memory-bytes, perhaps max_memory_bytes"
        );
        assert_eq!(error("max-colour = 5"), "unknown key max-colour");
    }

    #[test]
    fn a_variable_that_is_not_text_matters_only_if_it_is_a_setting() {
        use std::os::unix::ffi::OsStringExt;
        let add = |key: &str| {
            let value = std::ffi::OsString::from_vec(vec![0xff]);
            Sources::default().add_variables([(key.into(), value)])
        };
        assert_eq!(add("SHELL_PROMPT"), Ok(()));
        assert_eq!(add("HOST"), Err("HOST: not UTF-8".into()));
        assert_eq!(add("RPC_URL_1"), Err("RPC_URL_1: not UTF-8".into()));
    }

    #[test]
    fn addresses_and_tokens_are_not_shown() {
        let config = config(
            &[
                ("RPC_URL_1", "https://user:pw@host/KEY"),
                ("API_TOKEN", "T0KEN"),
            ],
            "",
        )
        .unwrap();
        for text in [
            config.shown(&[]),
            format!("{config:?}").replace("T0KEN", ""),
        ] {
            assert!(
                !text.contains("pw") && !text.contains("KEY") && !text.contains("T0KEN"),
                "{text}"
            );
        }
    }

    #[test]
    fn variables_of_the_original_are_accepted() {
        let config = config(
            &[("MONGO_URI", "x"), ("HTTP_PORT", "81")],
            "api_only = true",
        )
        .unwrap();
        assert_eq!(config.port, 81);
        assert_eq!(
            config
                .warnings
                .iter()
                .filter(|warning| warning.contains("ignored"))
                .count(),
            2
        );
    }
}
