//! The table of keys, in the order of the README.

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Name of the variable; the flag and the line of the file follow from it.
    pub name: &'static str,
    /// What it is if nobody says anything.
    pub default: &'static str,
    /// For the help.
    pub help: &'static str,
}

/// A row each: name, default, help.
macro_rules! keys {
    ($($name:literal $default:literal $help:literal;)*) => {
        &[$(Key { name: $name, default: $default, help: $help }),*]
    };
}

/// Every setting but the addresses of nodes, `RPC_URL_<chain>`.
pub const KEYS: &[Key] = keys! {
    "PORT" "8080" "port to listen on, 0 for any free one";
    "HTTP_PORT" "" "the same, if PORT is not set";
    "HOST" "127.0.0.1" "address to listen on";
    "COMPAT" "0" "statuses and texts of the original";
    "WASM_CACHE_DIR" "/tmp/wasm-cache" "directory of modules and compiled code";
    "MAX_BODY_BYTES" "16777216" "bytes of a request body, after inflation";
    "MAX_WASM_BYTES" "10485760" "bytes of a module";
    "MAX_STDOUT_BYTES" "262144" "bytes a job may print";
    "MAX_STDERR_BYTES" "262144" "bytes a job may print to standard error";
    "MAX_TIMEOUT_MS" "30000" "milliseconds a job may run";
    "MAX_COMPILE_MS" "20000" "milliseconds a job waits for its compilation";
    "MAX_MEMORY_BYTES" "134217728" "bytes of all linear memories of a job";
    "MAX_STACK_BYTES" "1048576" "bytes of a job's stack";
    "MAX_TABLE_ELEMENTS" "100000" "elements of all tables of a job";
    "MAX_FUEL" "0" "units of fuel, 0 counts none";
    "MAX_CONCURRENCY" "" "jobs begun at once [default: 4 x cores]";
    "CPU_PERMITS" "" "jobs that compute at once [default: cores]";
    "INSTANCE_POOL" "1" "memories of jobs are used again, 0 maps new ones";
    "ISOLATE" "none" "process runs each job in a process of its own";
    "QUEUE_LIMIT" "64" "jobs that may wait";
    "QUEUE_TIMEOUT_MS" "5000" "milliseconds a job may wait";
    "MAX_FILES" "64" "files and directories of a job";
    "MAX_FILE_BYTES" "8388608" "bytes of all files of a job";
    "MAX_RPC_CALLS" "100" "RPC calls of a job";
    "RPC_TIMEOUT_MS" "5000" "milliseconds an RPC call may take";
    "MAX_RPC_REQUEST_BYTES" "65536" "bytes of an RPC request";
    "MAX_RPC_RESPONSE_BYTES" "1048576" "bytes of an RPC answer";
    "RPC_PROXY_URL" "" "answers RPC for every chain";
    "RPC_FIXTURE" "" "file that answers RPC for its chains";
    "RPC_RECORD" "" "file that keeps what nodes answered";
    "RPC_CACHE_ENTRIES" "0" "answers about named blocks that are kept, 0 keeps none";
    "DEFAULT_CHAIN_ID" "" "chain of RPC requests that name none";
    "RPC_METHODS" "" "methods: +name adds, -name removes, plain names replace";
    "MODULE_MEMORY_CACHE_BYTES" "268435456" "bytes of compiled modules in memory";
    "MODULE_DISK_CACHE_BYTES" "2147483648" "bytes of modules on disk, 0 keeps none";
    "SHUTDOWN_GRACE_MS" "" "milliseconds for jobs after SIGTERM [default: MAX_TIMEOUT_MS + 1000]";
    "API_TOKEN" "" "bearer token that clients need";
    "METRICS_TOKEN" "" "bearer token for /metrics";
    "WASM_DETERMINISTIC" "0" "every job is deterministic";
    "ALLOW_INLINE_FIXTURE" "0" "requests may bring a fixture";
    "LOG_LEVEL" "info" "error, warn, info or debug";
    "LOG_PRETTY" "0" "logs for people";
};

/// Variables of the original that mean nothing here.
pub const IGNORED: [&str; 4] = [
    "API_ONLY",
    "WASM_WHITELIST_ENABLED",
    "WASM_WHITELIST_ADDRESSES",
    "MONGO_URI",
];
