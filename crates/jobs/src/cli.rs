//! The command line: `serve`, `run` and `check`. Glue only.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use data_encoding::BASE64;

use crate::config::{Config, IGNORED, KEYS, Sources, parse_toml};
use crate::engine::{Engines, Kind};
use crate::failure::{Code, Failure};
use crate::isolate;
use crate::json::Object;
use crate::modules::hash_of;
use crate::server::{self, App};

/// Time for files to be written when the server ends.
const LAST_FILES: Duration = Duration::from_secs(5);
/// Exit codes of the README.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Runs the command line; returns the exit code.
pub fn main() -> u8 {
    let matches = command().get_matches();
    let outcome = match matches.subcommand() {
        Some(("serve", matches)) => serve(matches).map(|()| 0),
        Some(("run", matches)) => run(matches),
        Some(("check", matches)) => check(matches),
        Some((isolate::COMMAND, matches)) => work(matches),
        _ => Err((USAGE, "a command is needed".into())),
    };
    match outcome {
        Ok(code) => code,
        Err((code, error)) => {
            // Nobody can be told that telling does not work.
            let _ = writeln!(std::io::stderr(), "jobserver: {error}");
            code
        }
    }
}

type Outcome<T> = Result<T, (u8, String)>;

fn usage(error: impl ToString) -> (u8, String) {
    (USAGE, error.to_string())
}

fn failed(error: impl ToString) -> (u8, String) {
    (FAILED, error.to_string())
}

fn flag_of(key: &str) -> String {
    key.to_lowercase().replace('_', "-")
}

fn command() -> Command {
    let file = || Arg::new("file").value_name("FILE.wasm").required(true);
    let number = |name| {
        Arg::new(name)
            .required(true)
            .value_parser(value_parser!(usize))
    };
    let mut serve = Command::new("serve")
        .about("Serves jobs over HTTP")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE.toml")
                .help("settings from a file"),
        )
        .arg(
            Arg::new("COMPAT")
                .long("compat")
                .action(ArgAction::SetTrue)
                .help("statuses and texts of the original"),
        )
        .arg(
            Arg::new("rpc-url")
                .long("rpc-url")
                .value_name("CHAIN=URL[,URL]")
                .action(ArgAction::Append)
                .help("nodes of a chain [env: RPC_URL_<chain>]"),
        );
    for key in KEYS.iter().filter(|key| key.name != "COMPAT") {
        let default = match key.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        serve = serve.arg(
            Arg::new(key.name)
                .long(flag_of(key.name))
                .value_name("VALUE")
                // The last of several counts, as in most programs that are started by scripts.
                .overrides_with(key.name)
                .help(format!("{}{default} [env: {}]", key.help, key.name)),
        );
    }
    for name in IGNORED {
        // Nobody has to be told of what means nothing.
        serve = serve.arg(
            Arg::new(name)
                .long(flag_of(name))
                .overrides_with(name)
                .hide(true),
        );
    }
    let run = Command::new("run")
        .about("Runs one job without a server and prints its answer")
        .arg(file())
        .arg(
            Arg::new("input")
                .long("input")
                .value_name("JSON|@FILE|-")
                .default_value("{}")
                .help("what the module reads"),
        )
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("MS")
                .value_parser(value_parser!(u64))
                .help("milliseconds it may run"),
        )
        .arg(
            Arg::new("fixture")
                .long("fixture")
                .value_name("FILE")
                .help("answers RPC"),
        )
        .arg(
            Arg::new("chain")
                .long("chain")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("chain of RPC requests that name none"),
        )
        .arg(
            Arg::new("deterministic")
                .long("deterministic")
                .action(ArgAction::SetTrue)
                .help("same input, same result"),
        )
        .arg(
            Arg::new("compat")
                .long("compat")
                .action(ArgAction::SetTrue)
                .help("texts of the original"),
        )
        .arg(
            Arg::new("job-id")
                .long("job-id")
                .value_name("TEXT")
                .default_value("cli")
                .help("jobId of the answer"),
        );
    Command::new("jobserver")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs untrusted WASI modules, JSON in and JSON out, within hard limits")
        .subcommand_required(true)
        .subcommand(serve)
        .subcommand(run)
        .subcommand(
            Command::new("check")
                .about("Tells what a module needs and whether it could run")
                .arg(file()),
        )
        .subcommand(
            Command::new(isolate::COMMAND)
                .about("Runs one job for a server that started it")
                .hide(true)
                .arg(number("stack"))
                .arg(number("kind")),
        )
}

fn serve(matches: &ArgMatches) -> Outcome<()> {
    drun_engine::allocator::give_back_large_blocks();
    let mut sources = Sources::default();
    if let Some(path) = matches.get_one::<String>("config") {
        let text =
            std::fs::read_to_string(path).map_err(|error| failed(format!("{path}: {error}")))?;
        sources.add(parse_toml(&text).map_err(|error| failed(format!("{path}: {error}")))?);
    }
    sources.add_variables(std::env::vars_os()).map_err(failed)?;
    let flag = |key: &'static str| Some((key.to_owned(), matches.get_one::<String>(key)?.clone()));
    let names = KEYS.iter().map(|key| key.name).chain(IGNORED);
    sources.add(names.filter(|name| *name != "COMPAT").filter_map(flag));
    if matches.get_flag("COMPAT") {
        sources.add([("COMPAT".into(), "1".into())]);
    }
    for address in matches.get_many::<String>("rpc-url").into_iter().flatten() {
        let (chain, urls) = address
            .split_once('=')
            .ok_or(usage("--rpc-url: CHAIN=URL is needed"))?;
        sources.add([(format!("RPC_URL_{chain}"), urls.to_owned())]);
    }
    let config = Config::new(&sources).map_err(failed)?;
    let runtime = runtime()?;
    let served = runtime.block_on(server::serve(config));
    // Files of modules may still be written; a compilation that takes for ever keeps nobody.
    runtime.shutdown_timeout(LAST_FILES);
    served.map_err(failed)
}

fn run(matches: &ArgMatches) -> Outcome<u8> {
    let wasm = read(matches)?;
    let input = match matches
        .get_one::<String>("input")
        .map_or("{}", String::as_str)
    {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(usage)?;
            text
        }
        text => match text.strip_prefix('@') {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| usage(format!("{path}: {error}")))?
            }
            None => text.to_owned(),
        },
    };
    let input: &serde_json::value::RawValue = serde_json::from_str(&input)
        .map_err(|error| usage(format!("--input is not JSON: {error}")))?;
    let mut sources = Sources::default();
    sources.add_variables(std::env::vars_os()).map_err(usage)?;
    let mut set = |key: &str, value: String| sources.add([(key.to_owned(), value)]);
    if let Some(path) = matches.get_one::<String>("fixture") {
        set("RPC_FIXTURE", path.clone());
    }
    if matches.get_flag("compat") {
        set("COMPAT", "1".into());
    }
    // One job of a developer leaves nothing behind and says only its answer.
    set("MODULE_DISK_CACHE_BYTES", "0".into());
    set("LOG_LEVEL", "error".into());
    set("INSTANCE_POOL", "0".into());
    set("ISOLATE", "none".into());
    let config = Config::new(&sources).map_err(usage)?;
    let timeout = matches.get_one::<u64>("timeout").copied();
    let timeout = timeout.unwrap_or(crate::config::milliseconds(config.max_timeout));
    let mut body = Object::new()
        .with("jobId", matches.get_one::<String>("job-id"))
        .with("wasmB64", BASE64.encode(&wasm))
        .with("timeoutMs", timeout)
        .with("input", input);
    if matches.get_flag("deterministic") {
        body = body.with("deterministic", true);
    }
    if let Some(chain) = matches.get_one::<u64>("chain") {
        body = body.with("chainId", chain);
    }
    let runtime = runtime()?;
    let (_, answer) = runtime.block_on(async {
        let app = App::new(config).map_err(usage)?;
        let answer = app.run_body(body.text().into()).await;
        app.write_record();
        Ok::<_, (u8, String)>(answer)
    })?;
    runtime.shutdown_timeout(Duration::ZERO);
    say(&answer)?;
    Ok(if is_ok(&answer) { 0 } else { FAILED })
}

/// Whether an answer is that of a job that came to something, whatever its result is made of: not every text that is JSON
/// is a value here.
fn is_ok(answer: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Told {
        ok: bool,
    }
    serde_json::from_str::<Told>(answer).is_ok_and(|told| told.ok)
}

fn work(matches: &ArgMatches) -> Outcome<u8> {
    let number = |name| matches.get_one::<usize>(name).copied().unwrap_or_default();
    let kind = Kind::from_index(number("kind"));
    isolate::work(number("stack"), kind).map_err(failed)?;
    Ok(0)
}

fn check(matches: &ArgMatches) -> Outcome<u8> {
    let wasm = read(matches)?;
    // What `run` goes by too.
    let mut sources = Sources::default();
    sources.add_variables(std::env::vars_os()).map_err(usage)?;
    let config = Config::new(&sources).map_err(usage)?;
    let engines = Engines::new(config.max_stack_bytes, None);
    let failed = |failure: &Failure| -> Outcome<u8> {
        let (code, error) = (failure.code.name(), &failure.error);
        say(&format!("error    {code}: {error}"))?;
        Ok(FAILED)
    };
    let hash = hash_of(&wasm);
    let examined = match engines.examine(Kind::default(), hash, &wasm) {
        Ok(examined) => examined,
        Err(failure) => return failed(&failure),
    };
    let (facts, needs, unknown) = (examined.facts, examined.needs, examined.unknown);
    say(&format!("hash     {}", hex::encode(hash)))?;
    say(&format!("size     {} bytes", facts.bytes))?;
    let maximum = match needs.memory_maximum {
        Some(bytes) => bytes.to_string(),
        None => "unlimited".into(),
    };
    let (memory, elements) = (needs.memory, needs.table_elements);
    say(&format!(
        "memory   {memory} bytes at start, at most {maximum}"
    ))?;
    say(&format!("tables   {elements} elements at start"))?;
    let known: Vec<&str> = facts
        .imports
        .iter()
        .filter(|import| !unknown.contains(import))
        .map(String::as_str)
        .collect();
    say(&format!("imports  {}", known.join(", ")))?;
    if !unknown.is_empty() {
        say(&format!("unknown  {}", unknown.join(", ")))?;
    }
    say(&format!("exports  {}", facts.exports.join(", ")))?;
    let module = match examined.prepared {
        Ok(module) => module,
        Err(failure) => return failed(&failure),
    };
    say(&format!(
        "compile  {} ms, {} bytes of machine code",
        module.compile_time.as_millis(),
        module.size()
    ))?;
    match module.entry(None, config.compat) {
        Ok((entry, _)) => say(&format!("entry    {entry}"))?,
        Err(failure) => return failed(&failure),
    }
    let limit = config.max_memory_bytes;
    if memory > limit as u64 {
        let error = format!("more than {limit} bytes");
        return failed(&Failure::new(Code::MemoryMinimum, error));
    }
    let limit = config.max_table_elements;
    if elements > limit as u64 {
        let error = format!("more than {limit} elements of tables");
        return failed(&Failure::new(Code::ModuleInvalid, error));
    }
    Ok(0)
}

fn read(matches: &ArgMatches) -> Outcome<Vec<u8>> {
    let path = matches.get_one::<String>("file").map_or("", String::as_str);
    std::fs::read(Path::new(path)).map_err(|error| usage(format!("{path}: {error}")))
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)
}

/// An answer that nobody gets is none.
fn say(text: &str) -> Outcome<()> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| failed(format!("standard output: {error}")))
}
