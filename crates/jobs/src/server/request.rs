//! From the body of `POST /wasm/run` to a job, with every member checked in the original's order. Decoding only: modules
//! are looked up elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::base64;
use crate::config::{Config, milliseconds};
use crate::engine::Hash;
use crate::failure::{Code, Failure};
use crate::job::{Determinism, Job, JobLimits, REQUEST_FILE, RESPONSE_FILE, WORK_DIR};
use crate::json;
use crate::modules::hash_of;
use crate::rpc::{Fixture, quantity};

/// How deep the input may be nested; the body is one deeper.
const MAX_DEPTH: usize = 128;
/// Bytes of a job's name, the quotes of a string not counted.
const MAX_JOB_ID: usize = 1024;
const MAX_ARGS: usize = 64;
const MAX_ARG_BYTES: usize = 4096;
/// Names of unknown members that are told, and bytes of one.
const MAX_UNKNOWN: usize = 20;
const MAX_NAME: usize = 100;
/// Members that mean something; the rest is told as a warning.
const KNOWN: [&str; 18] = [
    "jobId",
    "wasmB64",
    "wasmHash",
    "timeoutMs",
    "input",
    "maxStdoutBytes",
    "maxStderrBytes",
    "entry",
    "args",
    "chainId",
    "maxMemoryBytes",
    "maxFuel",
    "maxRpcCalls",
    "deterministic",
    "fixture",
    "requestFile",
    "responseFile",
    "blockNumber",
];

/// A request that can be run.
#[derive(Debug)]
pub(super) struct RunRequest {
    /// As it was sent.
    pub job_id: Box<RawValue>,
    /// The module's hash.
    pub hash: Hash,
    /// The module, if it was sent.
    pub wasm: Option<Bytes>,
    /// What to run.
    pub job: Job,
    /// Answers in place of a node's.
    pub fixture: Option<Arc<Fixture>>,
    /// What its author may want to know.
    pub warnings: Vec<String>,
}

/// A request that cannot be run.
#[derive(Debug)]
pub(super) struct Refused {
    /// As it was sent, if it could be read.
    pub job_id: Option<Box<RawValue>>,
    /// Why.
    pub failure: Failure,
}

/// The members that mean something, and how the others are told.
type Members<'a> = BTreeMap<&'static str, &'a RawValue>;
type Unknown = Vec<String>;

/// Checks a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn parse(body: &[u8], config: &Config) -> Result<RunRequest, Refused> {
    let refuse = |failure| Refused {
        job_id: None,
        failure,
    };
    let text = std::str::from_utf8(body).map_err(|error| {
        let error = format!(
            "request body is not JSON: not UTF-8 at byte {}",
            error.valid_up_to()
        );
        refuse(Failure::new(Code::BadJsonBody, error))
    })?;
    if text.trim().is_empty() {
        return Err(refuse(Failure::bad_request(vec![
            "the body is empty".into(),
        ])));
    }
    let members = members(text).map_err(|error| refuse(Failure::new(Code::BadJsonBody, error)))?;
    let Some((members, unknown)) = members else {
        let details = vec!["the body must be a JSON object".into()];
        return Err(refuse(Failure::bad_request(details)));
    };
    let job_id = members.get("jobId").filter(|id| truthy(id) && fits(id));
    let job_id = job_id.map(|id| (*id).to_owned());
    Reader {
        members,
        config,
        warnings: Vec::new(),
        details: Vec::new(),
    }
    .read(unknown, job_id.clone())
    .map_err(|failure| Refused { job_id, failure })
}

/// The members of an object; nothing if the text is another value.
fn members(text: &str) -> Result<Option<(Members<'_>, Unknown)>, String> {
    struct Body;
    impl<'de> Visitor<'de> for Body {
        type Value = Option<(Members<'de>, Unknown)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Members::new();
            // However many there are, little is kept of them.
            let (mut unknown, mut more) = (Unknown::new(), 0_usize);
            while let Some(Name(key)) = map.next_key::<Name<'de>>()? {
                let value = map.next_value()?;
                if let Some(name) = KNOWN.into_iter().find(|name| *name == key) {
                    members.insert(name, value);
                } else if unknown.len() < MAX_UNKNOWN {
                    let name = &key[..key.floor_char_boundary(MAX_NAME)];
                    unknown.push(format!("unknown member {name} ignored"));
                } else {
                    more += 1;
                }
            }
            if more > 0 {
                unknown.push(format!("{more} more unknown members ignored"));
            }
            Ok(Some((members, unknown)))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    impl<'de> DeserializeSeed<'de> for Body {
        type Value = Option<(Members<'de>, Unknown)>;
        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = Body
        .deserialize(&mut deserializer)
        .and_then(|members| deserializer.end().map(|()| members))
        .map_err(|error| {
            let error = error.to_string();
            let cut = error.starts_with("EOF while parsing a string")
                || error.starts_with("control character");
            let hint = if cut {
                " (string not closed: was the base64 text wrapped?)"
            } else {
                ""
            };
            format!("request body is not JSON: {error}{hint}")
        })?;
    json::check_depth(text, MAX_DEPTH + 1)
        .map_err(|error| format!("request body is not JSON: {error}"))?;
    Ok(members)
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether JavaScript takes a value for true.
fn truthy(value: &RawValue) -> bool {
    match value.get() {
        "null" | "false" | "\"\"" => false,
        text => !text.parse::<f64>().is_ok_and(|number| number == 0.0),
    }
}

/// Whether a job may have this name.
fn fits(id: &RawValue) -> bool {
    let text = id.get();
    let quotes = if text.starts_with('"') { 2 } else { 0 };
    text.len() - quotes <= MAX_JOB_ID
}

struct Reader<'a> {
    members: Members<'a>,
    config: &'a Config,
    warnings: Vec<String>,
    details: Vec<String>,
}

impl<'a> Reader<'a> {
    fn read(
        mut self,
        unknown: Unknown,
        job_id: Option<Box<RawValue>>,
    ) -> Result<RunRequest, Failure> {
        let config = self.config;
        if job_id.is_none() {
            self.details.push(match self.members.get("jobId") {
                None => "jobId is missing".into(),
                Some(id) if truthy(id) => format!("jobId must be at most {MAX_JOB_ID} bytes"),
                Some(_) => "jobId must not be empty".into(),
            });
        }
        let text = self.text("wasmB64");
        if !self.members.contains_key("wasmB64") && !self.members.contains_key("wasmHash") {
            self.details.push("wasmB64 or wasmHash is missing".into());
        }
        let timeout = self.number("timeoutMs");
        if !self.members.contains_key("timeoutMs") {
            self.details.push("timeoutMs is missing".into());
        }
        let mut limits = self.limits(timeout.unwrap_or(1.0));
        let input = match self.members.get("input") {
            Some(input) => json::compact(input.get()).into_owned(),
            None => "{}".into(),
        };
        let entry = self.text("entry").map(Cow::into_owned);
        let args = self.args();
        let chain = self.whole_or_hex("chainId");
        let block = self.whole_or_hex("blockNumber");
        let (request_file, response_file) = self.files();
        let deterministic = self.deterministic();
        let fixture = self.fixture();
        let Some(job_id) = job_id.filter(|_| self.details.is_empty()) else {
            return Err(Failure::bad_request(self.details));
        };
        let (hash, wasm) = self.module(text)?;
        // What the original makes of this is a fault of it, but a status all the same. It has looked at the module before.
        if config.compat && wasm.is_some() && !self.members.contains_key("input") {
            let error = "Cannot read properties of undefined (reading 'substring')";
            return Err(Failure::new(Code::Internal, error));
        }
        self.warnings.extend(unknown);
        if limits.fuel.is_some() && config.max_fuel == 0 {
            limits.fuel = None;
            self.warnings
                .push("maxFuel ignored: this server does not count fuel".into());
        }
        Ok(RunRequest {
            job_id,
            hash,
            wasm,
            job: Job {
                stdin: (input + "\n").into_bytes(),
                entry,
                args,
                limits,
                deterministic,
                chain,
                block,
                request_file,
                response_file,
                work_dir: work_dir(config.compat, &hash),
                compat: config.compat,
            },
            fixture,
            warnings: self.warnings,
        })
    }

    fn limits(&mut self, timeout: f64) -> JobLimits {
        let config = self.config;
        let most = milliseconds(config.max_timeout);
        // A number of JavaScript: infinite, negative and broken ones are cut to what there is.
        let asked = timeout.max(1.0).min(u64::MAX as f64) as u64;
        if asked > most {
            let text = self
                .members
                .get("timeoutMs")
                .map_or("", |value| value.get());
            self.warnings
                .push(format!("timeoutMs {text} lowered to {most}"));
        }
        let mut limits = JobLimits::of(config);
        limits.timeout = Duration::from_millis(asked.min(most));
        limits.stdout = self.lowered("maxStdoutBytes", limits.stdout);
        limits.stderr = self.lowered("maxStderrBytes", limits.stderr);
        limits.memory = self.lowered("maxMemoryBytes", limits.memory);
        limits.rpc_calls = self.lowered("maxRpcCalls", limits.rpc_calls as usize) as u64;
        if let Some(fuel) = self.number("maxFuel") {
            let fuel = fuel.max(0.0) as u64;
            let most = config.max_fuel;
            if most > 0 && fuel > most {
                self.warnings.push(format!("maxFuel lowered to {most}"));
            }
            limits.fuel = Some(if most > 0 { fuel.min(most) } else { fuel });
        }
        limits
    }

    /// A limit that a request may lower and not raise.
    fn lowered(&mut self, name: &str, limit: usize) -> usize {
        match self.number(name) {
            Some(asked) if asked > limit as f64 => {
                self.warnings.push(format!("{name} lowered to {limit}"));
                limit
            }
            Some(asked) => asked.max(0.0) as usize,
            None => limit,
        }
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        let value = self.members.get(name)?.get();
        let number = value
            .parse()
            .ok()
            .filter(|_| value.starts_with(|c: char| c == '-' || c.is_ascii_digit()));
        if number.is_none() {
            self.details.push(format!("{name} must be a number"));
        }
        number
    }

    fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let value: &'a RawValue = self.members.get(name).copied()?;
        match serde_json::from_str::<Name<'a>>(value.get()) {
            Ok(text) => Some(text.0),
            Err(_) => {
                self.details.push(format!("{name} must be a string"));
                None
            }
        }
    }

    fn args(&mut self) -> Vec<String> {
        let Some(value) = self.members.get("args") else {
            return Vec::new();
        };
        let args: Vec<String> = match serde_json::from_str(value.get()) {
            Ok(args) => args,
            Err(_) => {
                self.details.push("args must be an array of strings".into());
                return Vec::new();
            }
        };
        if args.len() > MAX_ARGS || args.iter().map(String::len).sum::<usize>() > MAX_ARG_BYTES {
            self.details.push(format!(
                "args must be at most {MAX_ARGS} strings of {MAX_ARG_BYTES} bytes together"
            ));
        }
        if args.iter().any(|arg| arg.contains('\0')) {
            self.details.push("args must not contain zero bytes".into());
        }
        args
    }

    fn whole_or_hex(&mut self, name: &str) -> Option<u64> {
        let value = self.members.get(name)?.get();
        let parsed = match serde_json::from_str::<String>(value) {
            Ok(text) => quantity(&text),
            Err(_) => value.parse().ok(),
        };
        if parsed.is_none() {
            self.details.push(format!(
                "{name} must be a whole number or a hexadecimal string"
            ));
        }
        parsed
    }

    fn files(&mut self) -> (String, String) {
        let mut name = |member: &str, default: &str| {
            let name = self
                .text(member)
                .map_or(default.to_owned(), Cow::into_owned);
            if name.is_empty()
                || name.len() > 255
                || name.contains(['/', '\0'])
                || name == "."
                || name == ".."
            {
                self.details
                    .push(format!("{member} must be a plain file name"));
            }
            name
        };
        let (request, response) = (
            name("requestFile", REQUEST_FILE),
            name("responseFile", RESPONSE_FILE),
        );
        if request == response {
            self.details
                .push("requestFile and responseFile must differ".into());
        }
        (request, response)
    }

    fn deterministic(&mut self) -> Option<Determinism> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase", untagged)]
        enum Asked {
            Switch(bool),
            #[serde(rename_all = "camelCase")]
            Fixed {
                seed: Option<u64>,
                time_ms: Option<u64>,
            },
        }
        let always = self.config.deterministic.then(Determinism::default);
        let Some(value) = self.members.get("deterministic") else {
            return always;
        };
        match serde_json::from_str(value.get()) {
            Ok(Asked::Switch(true)) => Some(Determinism::default()),
            Ok(Asked::Switch(false)) => always,
            Ok(Asked::Fixed { seed, time_ms }) => Some(Determinism {
                seed,
                time_ms: time_ms.unwrap_or(0),
            }),
            Err(_) => {
                let detail = "deterministic must be a boolean or {\"seed\":n,\"timeMs\":n}";
                self.details.push(detail.into());
                None
            }
        }
    }

    fn fixture(&mut self) -> Option<Arc<Fixture>> {
        let value = self.members.get("fixture")?;
        if !self.config.allow_inline_fixture {
            self.details
                .push("fixture is not allowed here (ALLOW_INLINE_FIXTURE)".into());
            return None;
        }
        match Fixture::parse(value.get()) {
            Ok(fixture) => Some(Arc::new(fixture)),
            Err(error) => {
                self.details.push(format!("fixture: {error}"));
                None
            }
        }
    }

    /// The module as it was sent, or the hash of one that was sent before.
    fn module(&self, text: Option<Cow<'_, str>>) -> Result<(Hash, Option<Bytes>), Failure> {
        let config = self.config;
        let wasm = match text {
            None => None,
            Some(text) if config.compat => Some(base64::lenient(&text)),
            Some(text) => Some(base64::decode(&text).map_err(|place| {
                Failure::new(
                    Code::BadRequest,
                    format!("wasmB64 is not base64 (character {place})"),
                )
            })?),
        };
        if let Some(wasm) = &wasm {
            check_size(wasm.len(), config)?;
        }
        let expected = match self.members.get("wasmHash") {
            None => None,
            Some(value) => Some(parse_hash(value)?),
        };
        match (wasm, expected) {
            (Some(wasm), expected) => {
                let hash = hash_of(&wasm);
                check_hash(&hash, expected)?;
                Ok((hash, Some(wasm.into())))
            }
            (None, Some(hash)) => Ok((hash, None)),
            (None, None) => Err(Failure::bad_request(vec![
                "wasmB64 or wasmHash is missing".into(),
            ])),
        }
    }
}

/// The working directory as a guest sees it. The original's is a new one of the machine for each job.
fn work_dir(compat: bool, hash: &Hash) -> String {
    if !compat {
        return WORK_DIR.into();
    }
    let temporary = std::env::temp_dir();
    let name: String = hex::encode(hash).chars().take(6).collect();
    temporary
        .join(format!("wasm-rpc-{name}"))
        .to_string_lossy()
        .into_owned()
}

/// # Errors
/// If a module is empty or too large.
pub(super) fn check_size(bytes: usize, config: &Config) -> Result<(), Failure> {
    if bytes == 0 {
        return Err(Failure::new(Code::EmptyWasm, "empty wasm bytes"));
    }
    if bytes > config.max_wasm_bytes {
        let error = format!("wasm too large (> {} bytes)", config.max_wasm_bytes);
        return Err(Failure::new(Code::WasmTooLarge, error));
    }
    Ok(())
}

/// # Errors
/// If a module has another hash than was said.
pub(super) fn check_hash(hash: &Hash, expected: Option<Hash>) -> Result<(), Failure> {
    match expected.filter(|expected| expected != hash) {
        None => Ok(()),
        Some(expected) => {
            let (expected, got) = (hex::encode(expected), hex::encode(hash));
            let error = format!("wasmHash mismatch (expected {expected}, got {got})");
            Err(Failure::new(Code::HashMismatch, error))
        }
    }
}

fn parse_hash(value: &RawValue) -> Result<Hash, Failure> {
    let text = serde_json::from_str::<String>(value.get()).unwrap_or_default();
    hash_from_text(&text)
}

/// A hash as 64 hexadecimal digits.
///
/// # Errors
/// If it is anything else.
pub(super) fn hash_from_text(text: &str) -> Result<Hash, Failure> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash)
        .map(|()| hash)
        .map_err(|_| {
            let mut failure =
                Failure::new(Code::HashFormat, "wasmHash must be 64 hex chars (sha256)");
            if text.starts_with("Qm") {
                failure.details.push("an IPFS CID is not a sha256".into());
            }
            failure
        })
}

impl JobLimits {
    /// The limits of a job that asks for none.
    pub fn of(config: &Config) -> Self {
        JobLimits {
            timeout: config.max_timeout,
            stdout: config.max_stdout_bytes,
            stderr: config.max_stderr_bytes,
            memory: config.max_memory_bytes,
            table_elements: config.max_table_elements,
            fuel: Some(config.max_fuel).filter(|fuel| *fuel > 0),
            files: config.max_files,
            file_bytes: config.max_file_bytes,
            rpc_calls: config.max_rpc_calls,
        }
    }
}
