//! `drun MESSAGES`: parses the whole script, then runs message by message and prints one result for each.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::Context;

use super::log::Log;
use super::measures::Measured;
use super::modules::{self, Modules};
use super::options::RunOptions;
use super::{FAILURE, Failure, SUCCESS};
use crate::report::{Format, Printer, debug_line};
use crate::script::{self, Message};
use drun_ic::canister::InstallMode;
use drun_ic::config::Config;
use drun_ic::outcome::{MessageResult, Outcome};
use drun_ic::subnet::Subnet;

/// Runs a script.
pub fn run(options: &RunOptions) -> Result<u8, Failure> {
    let path = options.messages.as_deref().unwrap_or(Path::new("-"));
    let mut log = Log::open(options.log_file.as_deref())?;
    let config = configure(options, &mut log)?;
    let (name, source) = read_script(path)?;
    let script =
        script::parse(&name, &source).map_err(|mistakes| Failure::Input(mistakes.to_string()))?;
    drop(source);
    let modules =
        modules::load(&script).map_err(|mistakes| Failure::Input(mistakes.to_string()))?;
    let format = options.format.unwrap_or(Format::Manual);
    let mut printer = Printer::new(format, config.compat);
    if let Some(directory) = &options.profile {
        super::profile::prepare(directory)?;
    }
    let config = Config {
        keep_prints: format == Format::Json,
        ..config
    };
    let mut subnet = Subnet::new(config)?;
    if !options.quiet_canisters {
        subnet.on_print(Box::new(|print| {
            // A closed standard error is no reason to stop.
            let line = debug_line(print.time, print.canister, &print.text);
            let _ = writeln!(std::io::stderr(), "{line}");
        }));
    }
    subnet.on_refusal(Box::new(|error| {
        let _ = writeln!(
            std::io::stderr(),
            "Failed to submit ingress message: {error:?}"
        );
    }));
    log.line(format_args!(
        "{name}: {} messages, {} modules",
        script.messages.len(),
        modules.len()
    ));
    let mut failed = false;
    let mut measures = options.measures.is_some().then(Measured::default);
    let mut out = std::io::stdout().lock();
    for located in &script.messages {
        if let Message::Install { canister, .. } = &located.message
            && let Some(created) = subnet.create_for_install(*canister)
        {
            writeln!(out, "{}", printer.line(&created))?;
        }
        let outcome = execute(&mut subnet, &located.message, &modules);
        log.line(format_args!("line {}: {:?}", located.line, outcome.kind));
        failed |= !matches!(outcome.result, MessageResult::Replied(_));
        writeln!(out, "{}", printer.line(&outcome))?;
        out.flush()?;
        if let Some(measures) = &mut measures {
            measures.add(&outcome);
        }
    }
    if let (Some(measures), Some(path)) = (measures, &options.measures) {
        measures.write(path)?;
    }
    if let Some(statistics) = subnet.statistics() {
        // A closed standard error is no reason to fail.
        let _ = write!(std::io::stderr(), "{}", super::stats::table(statistics));
    }
    if let (Some(directory), Some(profile)) = (&options.profile, subnet.profile()) {
        super::profile::write(directory, &name, profile)?;
    }
    if options.keep_state {
        let directory = super::state_dir::keep(&subnet, options.state_dir.as_deref())?;
        eprintln!("state kept in {}", directory.display());
    }
    subnet.end_with_process();
    std::mem::forget(script);
    Ok(if failed && options.fail_on_error {
        FAILURE
    } else {
        SUCCESS
    })
}

fn execute(subnet: &mut Subnet, message: &Message, modules: &Modules) -> Outcome {
    match message {
        Message::Create => subnet.create(),
        Message::Install {
            mode,
            canister,
            module,
            argument,
        } => {
            let mode = match mode {
                script::InstallMode::Install => InstallMode::Install,
                script::InstallMode::Reinstall => InstallMode::Reinstall,
                script::InstallMode::Upgrade => InstallMode::Upgrade,
            };
            subnet.install(mode, *canister, &modules[module], argument)
        }
        Message::Ingress {
            canister,
            method,
            argument,
        } => subnet.ingress(*canister, method, argument),
        Message::Query {
            canister,
            method,
            argument,
        } => subnet.query_outcome(*canister, method, argument),
    }
}

fn read_script(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    if path == Path::new("-") {
        let mut source = Vec::new();
        std::io::stdin()
            .read_to_end(&mut source)
            .context("cannot read standard input")?;
        return Ok(("<standard input>".to_owned(), source));
    }
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(source) => Ok((name, source)),
        Err(error) => Err(Failure::Input(format!(
            "error: cannot read {name}: {error}"
        ))),
    }
}

/// The settings of a run: defaults, then the configuration file, then the command line.
fn configure(options: &RunOptions, log: &mut Log) -> Result<Config, Failure> {
    let mut config = Config::default();
    if let Some(path) = &options.config {
        let warnings = super::config_file::apply(&mut config, path).map_err(Failure::Input)?;
        for warning in warnings {
            if !options.quiet {
                eprintln!("{warning}");
            }
            log.line(&warning);
        }
    }
    if let Some(compat) = options.compat {
        config.compat = compat;
    }
    if let Some(subnet_type) = options.subnet_type {
        config.subnet_type = subnet_type;
    }
    if let Some(rounds) = options.extra_batches {
        config.extra_batches = rounds;
    }
    if let Some(limit) = options.instruction_limit {
        config.instruction_limit = Some(limit);
    }
    if let Some(compiler) = options.compiler {
        config.compiler = compiler;
    }
    if let Some(seed) = options.seed {
        config.seed = seed;
    }
    if let Some(time) = &options.time {
        config.start_time = match time.as_str() {
            "now" => now(),
            time => drun_ic::time::parse_rfc3339(time)
                .map_err(|error| Failure::Input(format!("error: --time {time}: {error}")))?,
        };
    }
    if !options.no_cache {
        let chosen = options.cache_dir.clone().or(config.cache_dir);
        config.cache_dir = chosen.or_else(drun_ic::config::default_cache_dir);
    }
    config.backtrace |= options.backtrace;
    config.stats = options.stats;
    config.profile = options.profile.is_some();
    Ok(config)
}

/// Nanoseconds since the Unix epoch by the machine's clock; only for `--time now`.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
