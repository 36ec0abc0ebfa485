//! Puts configuration file, command line and defaults together.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drun_engine::Choice;
use serde_json::{Value, json};

use super::arguments::{Arguments, base_dir, home};
use super::batcher::Limits;
use super::chain::MAX_MESSAGES;
use super::commitment::Constants;
use super::config::{self, File, HistoryMode, Settings};
use super::loser::{DalLies, Loser};
use super::metadata::Metadata;
use super::operators::{self, Mode, Purpose, alias, memorise};
use super::server::access;
use super::{log, time};
use crate::debugger::read_kernel;
use crate::encoding::base58::ROLLUP;
use crate::inbox::inputs;
use crate::say::say;
use crate::version::Version;

/// The highest level that a rollup can begin at, and the most levels of a constant: sums of them are levels too.
const MAX_LEVEL: i32 = 1_000_000_000;
const MAX_LEVELS: i32 = 100_000_000;

/// The characters of a rollup's address.
const ADDRESS: usize = 36;

/// The address of the rollup: itself, a name of the wallet, or a new name for a kernel that is given.
fn address(text: &str, base_dir: &Path, kernel: Option<&[u8]>) -> Result<[u8; 20], String> {
    let text = text.strip_prefix("text:").unwrap_or(text);
    if let Ok(address) = ROLLUP.address(text) {
        return Ok(address);
    }
    let name = text.strip_prefix("alias:").unwrap_or(text);
    if let Some(known) = alias(base_dir, "smart_rollups", name) {
        return ROLLUP
            .address(&known)
            .map_err(|error| format!("the alias {name} stands for `{known}`: {error}"));
    }
    if name == text && looks_like_an_address(text) {
        return Err(format!(
            "`{text}` is an invalid smart rollup address encoded in a base58 string."
        ));
    }
    let Some(kernel) = kernel else {
        return Err(format!("no smart rollup alias named {name}"));
    };
    let address = new_address(name, kernel);
    let shown = ROLLUP.encode(&address);
    memorise(base_dir, "smart_rollups", name, &shown)?;
    say!("Smart rollup {shown} memorized as \"{name}\"")?;
    Ok(address)
}

/// Whether somebody meant an address and mistyped it.
fn looks_like_an_address(text: &str) -> bool {
    let base58 = |c: u8| c.is_ascii_alphanumeric() && !b"0OIl".contains(&c);
    text.len() == ADDRESS && text.starts_with("sr1") && text.bytes().all(base58)
}

pub(super) fn new_address(name: &str, kernel: &[u8]) -> [u8; 20] {
    let hash = blake2b_simd::Params::new()
        .hash_length(20)
        .hash(&[name.as_bytes(), &[0], kernel].concat());
    let mut address = [0; 20];
    address.copy_from_slice(hash.as_bytes());
    address
}

/// The kernel in a file: digits as for the original, or a module.
pub(super) fn boot_sector(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|_| format!("Boot sector not found at path \"{shown}\""))?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    if path
        .extension()
        .is_some_and(|ending| ending == "wat" || ending == "wast")
    {
        return read_kernel(path).map_err(|error| error.to_string());
    }
    let digits: Vec<u8> = bytes
        .into_iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let kernel = hex::decode(digits).ok().filter(|kernel| !kernel.is_empty());
    kernel.ok_or_else(|| format!("The boot sector at path \"{shown}\" is unparsable"))
}

/// Where the configuration is.
pub(super) fn config_path(arguments: &Arguments) -> PathBuf {
    let directory = || {
        let default = || home(".tezos-smart-rollup-node");
        arguments.data_dir.clone().unwrap_or_else(default)
    };
    let default = || directory().join("config.json");
    arguments.config_file.clone().unwrap_or_else(default)
}

fn boot_sector_path(arguments: &Arguments, file: &File) -> Result<Option<PathBuf>, String> {
    match &arguments.boot_sector_file {
        Some(path) => Ok(Some(path.clone())),
        None => Ok(file.text("boot-sector")?.map(PathBuf::from)),
    }
}

/// The first kernel, where command line or file name it.
///
/// # Errors
/// If it cannot be read.
pub(super) fn first_kernel(arguments: &Arguments, file: &File) -> Result<Option<Vec<u8>>, String> {
    let path = boot_sector_path(arguments, file)?;
    path.as_deref().map(boot_sector).transpose()
}

/// What the command line says of keys that mean nothing here, or have parts that do.
fn kept(arguments: &Arguments) -> Result<serde_json::Map<String, Value>, String> {
    let mut kept = serde_json::Map::new();
    let mut injector = serde_json::Map::new();
    if let Some(blocks) = arguments.injector_retention_period {
        if blocks > 40_960 {
            return Err("--injector-retention-period: at most 40960 blocks".into());
        }
        injector.insert("retention_period".into(), blocks.into());
    }
    if let Some(attempts) = arguments.injector_attempts {
        injector.insert("attempts".into(), attempts.into());
    }
    if let Some(blocks) = arguments.injection_ttl {
        if blocks == 0 {
            return Err("--injection-ttl: at least 1 block".into());
        }
        injector.insert("injection_ttl".into(), blocks.into());
    }
    let mut put = |key: &str, value: Value| kept.insert(key.to_owned(), value);
    if !injector.is_empty() {
        put("injector", injector.into());
    }
    for (given, key, value) in [
        (
            arguments.disable_performance_metrics,
            "performance-metrics",
            false,
        ),
        (
            arguments.enable_performance_metrics,
            "performance-metrics",
            true,
        ),
        (arguments.etherlink, "etherlink", true),
        (arguments.apply_unsafe_patches, "apply-unsafe-patches", true),
        (arguments.l1_monitor_finalized, "l1_monitor_finalized", true),
        (arguments.slow_vm_fallback, "slow-vm-fallback", true),
        (arguments.bail_on_disagree, "bail-on-disagree", true),
    ] {
        if given {
            put(key, value.into());
        }
    }
    if let Some(word) = &arguments.commit_on {
        if word != "block" && word != "commitment" {
            return Err(format!(
                "--commit-on: `{word}` is neither block nor commitment"
            ));
        }
        put("commit-on", word.as_str().into());
    }
    if let Some(blocks) = arguments.gc_frequency {
        put("gc-parameters", json!({ "frequency": blocks }));
    }
    if let Some(seconds) = arguments.reconnection_delay {
        put("reconnection_delay", seconds.into());
    }
    if let Some(size) = arguments.index_buffer_size {
        put("index_buffer_size", size.into());
    }
    if let Some(size) = arguments.irmin_cache_size {
        put("irmin_cache_size", size.into());
    }
    if let Some(endpoint) = &arguments.dal_node {
        put("DAL node endpoint", endpoint.as_str().into());
    }
    Ok(kept)
}

/// Puts file, command line and defaults together.
pub(super) fn settings(
    arguments: &Arguments,
    file: &File,
    mode: Option<&str>,
    rollup: Option<&str>,
    keys: &[&str],
    kernel: Option<&[u8]>,
) -> Result<Settings, String> {
    let data_dir = match &arguments.data_dir {
        Some(directory) => directory.clone(),
        None => file
            .text("data-dir")?
            .map_or_else(|| home(".tezos-smart-rollup-node"), PathBuf::from),
    };
    if data_dir.join("identity.json").exists() {
        return Err("Invalid data directory. This is a data directory for an Octez node, please choose a different directory for the smart rollup node data.".into());
    }
    if arguments.enable_performance_metrics && arguments.disable_performance_metrics {
        return Err(
            "Cannot use both --enable-performance-metrics and --disable-performance-metrics".into(),
        );
    }
    let base_dir = base_dir(arguments);
    let metadata = Metadata::read(&data_dir)?;

    let mode = match mode.or(arguments.mode.as_deref()) {
        Some(word) => Mode::parse(word)?,
        None => file
            .mode()?
            .ok_or("no mode: give one, or a configuration file")?,
    };
    let named = rollup
        .map(str::to_owned)
        .or_else(|| arguments.rollup.clone());
    let named = match named {
        Some(named) => named,
        None => file
            .text("smart-rollup-address")?
            .ok_or("no smart rollup address: give one, or a configuration file")?,
    };
    let rollup = address(&named, &base_dir, kernel)?;
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let (given, default) = operators::parse(&keys, &base_dir)?;
    let mut all = file.operators(&base_dir)?;
    if default.is_some() {
        all.clear();
    }
    all.extend(given);
    let operators = operators::complete(&mode, all, default.as_deref(), &mut |text| {
        log::notice(&text)
    })?;

    let allow_all = match arguments.acl_override.as_deref() {
        None | Some("secure") => false,
        Some("allow-all") => true,
        Some(_) => {
            return Err(
                "Bad value for acl-override, possible values are 'secure' and 'allow-all'".into(),
            );
        }
    };
    let history = arguments
        .history_mode
        .clone()
        .map_or_else(|| file.text("history-mode"), |word| Ok(Some(word)))?;
    let history_mode = history
        .as_deref()
        .map(|word| {
            HistoryMode::parse(word).ok_or_else(|| format!("Bad value for history-mode: `{word}`"))
        })
        .transpose()?;
    let preset = arguments.preset.as_deref().unwrap_or("fast");
    let mut constants = Constants::preset(preset)
        .ok_or_else(|| format!("--preset: `{preset}` is none of fast, sandbox, mainnet"))?;
    if let (Some(metadata), None) = (&metadata, &arguments.preset) {
        metadata.remembered(&mut constants);
    }
    let begun = metadata.map_or(0, |metadata| metadata.level);
    let origination_level = arguments.origination_level.unwrap_or(begun);
    if !(0..=MAX_LEVEL).contains(&origination_level) {
        return Err(format!(
            "--origination-level: {origination_level} is not a level from 0 to {MAX_LEVEL}"
        ));
    }
    for (option, given, least, constant) in [
        (
            "commitment-period",
            arguments.commitment_period,
            1,
            &mut constants.commitment_period,
        ),
        (
            "challenge-window",
            arguments.challenge_window,
            0,
            &mut constants.challenge_window,
        ),
        (
            "max-active-outbox-levels",
            arguments.max_active_outbox_levels,
            0,
            &mut constants.active_outbox_levels,
        ),
        ("finality", arguments.finality, 0, &mut constants.finality),
    ] {
        if let Some(given) = given {
            if !(least..=MAX_LEVELS).contains(&given) {
                return Err(format!(
                    "--{option}: {given} is not a number of levels from {least} to {MAX_LEVELS}"
                ));
            }
            *constant = given;
        }
    }
    if let Some(seconds) = arguments.block_time {
        if !(0.0..=86_400.0).contains(&seconds) {
            return Err(format!(
                "--block-time: {seconds} is not a number of seconds"
            ));
        }
        constants.block_time = seconds;
    }
    let start_timestamp = match &arguments.start_timestamp {
        Some(text) => Some(time::parse(text).ok_or_else(|| {
            format!("--start-timestamp: `{text}` is not a time like 2023-06-07T15:31:09Z")
        })?),
        None if arguments.deterministic => {
            Some((f64::from(origination_level) * constants.block_time) as i64)
        }
        None => None,
    };
    if Version::of_protocol(&arguments.protocol).is_none() {
        return Err(format!(
            "--protocol: unknown protocol `{}`",
            arguments.protocol
        ));
    }
    let migrations = arguments.migrate.iter().map(|text| {
        text.split_once(':')
            .and_then(|(level, name)| Some((level.parse().ok()?, name.to_owned())))
            .ok_or_else(|| format!("--migrate: expected LEVEL:PROTOCOL, found `{text}`"))
    });
    let inputs = match &arguments.inputs {
        None => Vec::new(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|_| format!("{} is not a valid file", path.display()))?;
            let levels = inputs::parse(&text, rollup)
                .map_err(|error| format!("{}: {error}", path.display()))?
                .levels;
            if let Some(n) = levels.iter().position(|level| level.len() > MAX_MESSAGES) {
                return Err(format!(
                    "{}: level {n} has more than {MAX_MESSAGES} messages",
                    path.display()
                ));
            }
            levels
        }
    };
    let or_list = |given: &Vec<String>, key: &str| {
        if given.is_empty() {
            file.texts("cors", key)
        } else {
            given.clone()
        }
    };
    let loser = match (&arguments.loser_mode, file.0.get("loser-mode")) {
        (Some(text), _) => Loser::parse(text)?,
        (None, Some(list)) => Loser::from_json(list)?,
        (None, None) => Loser::default(),
    };
    if loser.dal != DalLies::default() && !arguments.simulate_dal {
        return Err(
            "--loser-mode: what is wrong about the data availability layer needs --simulate-dal"
                .into(),
        );
    }
    if arguments.loser_peer.is_some() && !mode.refutes() {
        return Err(format!(
            "--loser-peer: the mode {} does not refute",
            mode.name()
        ));
    }
    // Who overrides the list, in whichever way, does without it.
    let listed = file.0.get("acl").filter(|acl| !acl.is_null());
    let listed = listed.filter(|_| arguments.acl_override.is_none());
    let acl_shown = if allow_all {
        json!([{ "address": "any", "blacklist": [] }])
    } else {
        listed.cloned().unwrap_or_else(|| json!([]))
    };
    let patches = file.0.get("unsafe-pvm-patches").and_then(Value::as_array);
    if patches.is_some_and(|list| !list.is_empty()) {
        if !(arguments.apply_unsafe_patches || file.truth("apply-unsafe-patches")?) {
            return Err("configuration: `unsafe-pvm-patches` needs --apply-unsafe-patches".into());
        }
        log::notice("Warning: unsafe patches of the machine are kept and not applied");
    }
    if arguments.gc_frequency.is_some_and(|blocks| blocks < 1) {
        return Err("--gc-frequency: at least 1 block".into());
    }
    let limits = Limits {
        batch_size: file
            .number("batcher", "max_batch_size")?
            .map_or(Limits::default().batch_size, |n| n as usize),
        batch_elements: file
            .number("batcher", "max_batch_elements")?
            .map_or(Limits::default().batch_elements, |n| n as usize),
        min_elements: file
            .number("batcher", "min_batch_elements")?
            .map_or(Limits::default().min_elements, |n| n as usize),
        retention: match arguments.injector_retention_period {
            Some(blocks) => blocks as i32,
            None => file
                .number("injector", "retention_period")?
                .map_or(Limits::default().retention, |n| n as i32),
        },
        // A key can sign one operation in a block.
        batches: arguments
            .batches_per_block
            .unwrap_or_else(|| operators.get(&Purpose::Batching).map_or(0, Vec::len)),
    };
    let least = file.number("batcher", "min_batch_size")?.unwrap_or(10);
    let fewest = limits.min_elements as u64;
    for (wrong, text) in [
        (least == 0, "min_batch_size must be positive"),
        (
            (limits.batch_size as u64) < least,
            "max_batch_size must be greater than min_batch_size",
        ),
        (
            (limits.batch_elements as u64) < fewest,
            "max_batch_elements must be greater than min_batch_elements",
        ),
    ] {
        if wrong {
            return Err(text.into());
        }
    }
    if limits.batch_size > Limits::default().batch_size {
        return Err(format!(
            "batcher.max_batch_size must be smaller than {}",
            Limits::default().batch_size
        ));
    }
    let style = |word: &str, option: &str| match word {
        "v18" => Ok(true),
        "new" => Ok(false),
        other => Err(format!("{option}: `{other}` is neither v18 nor new")),
    };
    let compiler = match std::env::var("OCTEZ_WASMER_COMPILER").as_deref() {
        Err(_) => Choice::Auto,
        Ok("singlepass") => Choice::Fast,
        Ok("cranelift") => Choice::Optimizing,
        Ok(other) => {
            return Err(format!(
                "OCTEZ_WASMER_COMPILER: unknown compiler `{other}`: expected singlepass or cranelift"
            ));
        }
    };
    let mut settings = Settings {
        rollup,
        operators,
        rpc_addr: arguments
            .rpc_addr
            .clone()
            .map_or_else(|| file.text("rpc-addr"), |text| Ok(Some(text)))?
            .unwrap_or_else(|| "127.0.0.1".into()),
        rpc_port: match arguments.rpc_port {
            Some(port) => port,
            None => file
                .number("", "rpc-port")?
                .map_or(8932, |port| port as u16),
        },
        acl: access::rules(&acl_shown)?,
        acl_shown,
        kept: file.kept(kept(arguments)?),
        // In full: a file that is written from here may be run from anywhere.
        boot_sector: boot_sector_path(arguments, file)?
            .map(|path| std::path::absolute(&path).unwrap_or(path)),
        unsafe_disable_wasm_kernel_checks: arguments.unsafe_disable_wasm_kernel_checks
            || file.truth("unsafe-disable-wasm-kernel-checks")?,
        fee_parameters: file
            .0
            .get("fee-parameters")
            .cloned()
            .unwrap_or_else(|| json!({})),
        defaults: [arguments.sender.clone(), arguments.source.clone()],
        metrics_addr: arguments
            .metrics_addr
            .clone()
            .map_or_else(|| file.text("metrics-addr"), |text| Ok(Some(text)))?,
        cors_origins: or_list(&arguments.cors_origins, "allowed_origins"),
        cors_headers: or_list(&arguments.cors_headers, "allowed_headers"),
        pre_images_endpoint: arguments
            .pre_images_endpoint
            .clone()
            .map_or_else(|| file.text("pre-images-endpoint"), |text| Ok(Some(text)))?,
        log_kernel_debug: arguments.log_kernel_debug || file.truth("log-kernel-debug")?,
        log_kernel_debug_file: match &arguments.log_kernel_debug_file {
            Some(path) => Some(path.clone()),
            None => file.text("log-kernel-debug-file")?.map(PathBuf::from),
        },
        history_mode: history_mode.unwrap_or(HistoryMode::Archive),
        gc_frequency: match arguments.gc_frequency {
            Some(frequency) => Some(frequency),
            None => file.number("gc-parameters", "frequency")?.map(|n| n as i32),
        },
        no_degraded: arguments.no_degraded || file.truth("no-degraded")?,
        batcher: limits,
        outbox_filter: file.outbox_filter()?,
        constants,
        origination_level,
        start_timestamp,
        deterministic: arguments.deterministic,
        protocol: arguments.protocol.clone(),
        migrations: migrations.collect::<Result<_, _>>()?,
        auto_operator: arguments.auto_operator
            || (!arguments.no_auto_operator
                && matches!(mode, Mode::Observer | Mode::Batcher | Mode::Accuser)),
        loser,
        loser_peer: arguments.loser_peer.clone(),
        simulate_dal: arguments.simulate_dal,
        // Who accuses must stand to be asked.
        replay: arguments.replay || arguments.loser_peer.is_some(),
        catch_up: arguments.catch_up,
        inputs,
        exit_after_inputs: arguments.exit_after_inputs,
        outbox_log: arguments.outbox_log.clone(),
        outbox_hook: arguments.outbox_hook.clone(),
        simulate_timeout: Duration::try_from_secs_f64(arguments.simulate_timeout)
            .map_err(|error| format!("--simulate-timeout: {error}"))?,
        style_v18: style(&arguments.rpc_style, "--rpc-style")?,
        quiet_blocks: arguments.quiet_blocks,
        compiler,
        shown: Value::Null,
        mode,
        data_dir,
    };
    stored_history(&mut settings, history_mode)?;
    settings.shown = config::shown(&settings);
    Ok(settings)
}

/// Archive may become full, and never the other way; what was not asked for stays as it is.
fn stored_history(settings: &mut Settings, asked: Option<HistoryMode>) -> Result<(), String> {
    let path = settings.data_dir.join("history-mode");
    let stored = fs::read_to_string(path)
        .ok()
        .and_then(|word| HistoryMode::parse(word.trim()));
    settings.history_mode = match (stored, asked) {
        (Some(HistoryMode::Full), Some(HistoryMode::Archive)) => {
            return Err("Cannot transform a full rollup node into an archive one.".into());
        }
        (Some(HistoryMode::Archive), Some(HistoryMode::Full)) => {
            log::notice("Converting the archive rollup node into a full rollup node");
            HistoryMode::Full
        }
        (_, Some(asked)) => asked,
        (Some(stored), None) => stored,
        (None, None) => settings.history_mode,
    };
    Ok(())
}
