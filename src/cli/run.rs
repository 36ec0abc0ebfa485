//! `drun MESSAGES`: parses the whole script, then runs message by message and prints one result for each.

use std::io::Write;
use std::path::Path;

use super::exit::{FAILURE, Failure, SUCCESS};
use super::log::Log;
use super::measures::Measured;
use super::modules::Disk;
use super::options::RunOptions;
use super::watch::Watch;
use super::{input, tell};
use crate::report::{Format, Printer, debug_line_in};
use crate::runner::Runner;
use crate::runner::config::{self, Compat, Config};
use crate::runner::outcome::MessageResult;
use crate::script::statement::{Expectation, Statement};
use crate::script::{self, Diagnostics, Program};
use crate::session::Session;

/// Runs a script.
pub(super) fn run(options: &RunOptions) -> Result<u8, Failure> {
    let path = options.messages.as_deref().unwrap_or(Path::new("-"));
    let watch = Watch::start(options.timeout)?;
    let mut log = Log::open(options.log_file.as_deref())?;
    let config = configure(options, &mut log)?;
    let (name, source) = read_script(path)?;
    let mut disk = Disk::default();
    let program = read_program(&name, &source, options.strict, &mut disk)
        .map_err(|mistakes| Failure::Input(mistakes.to_string()))?;
    drop(source);
    if !options.quiet && mocks_without_effect(&config, &program) {
        tell(
            "warning: answers for HTTP requests have no effect under --compat drun, where there are none; --compat pocket-ic has them",
        );
    }
    let format = options.format.unwrap_or(Format::Manual);
    if let Some(directory) = &options.profile {
        super::profile::prepare(directory)?;
    }
    if let Some(path) = &options.measures {
        crate::suite::accept::check_replaceable(path)?;
    }
    if options.keep_state || options.state_dir.is_some() {
        super::state_dir::check(options.state_dir.as_deref())?;
    }
    let expects_prints = program
        .statements
        .iter()
        .filter_map(|placed| match &placed.statement {
            Statement::Expect(expectation) => Some(&**expectation),
            _ => None,
        })
        .any(|expectation| matches!(expectation, Expectation::Prints(_)));
    let config = Config {
        keep_prints: format == Format::Json || expects_prints,
        ..config
    };
    log.line(format_args!(
        "{name}: {} messages, {} modules",
        program.statements.len(),
        disk.len()
    ));
    let seed = config.seed;
    let node = runner(config, options.quiet_canisters, format)?;
    let mut session = Session::new(node, seed, &disk);
    let mut printer = Printer::new(format, session.runner().wording());
    let mut failed = false;
    let mut measures = options.measures.is_some().then(Measured::default);
    let mut unmet = Vec::new();
    let mut out = std::io::stdout().lock();
    for placed in &program.statements {
        watch.at(placed.file(), placed.line);
        let step = session.run(placed)?;
        for (outcome, text) in step.outcomes() {
            log.line(format_args!("line {}: {:?}", placed.line, outcome.kind));
            failed |= !matches!(outcome.result, MessageResult::Replied(_));
            writeln!(out, "{}", printer.readable(outcome, text))?;
            if let Some(measures) = &mut measures {
                measures.add(outcome);
            }
        }
        out.flush()?;
        if let Some(wrong) = step.wrong {
            tell(&format!("{wrong}\n"));
            unmet.push(format!("{}:{}", placed.file(), placed.line));
        }
    }
    watch.at_end();
    if let (Some(measures), Some(path)) = (measures, &options.measures) {
        measures.write(path)?;
    }
    let expected = program.statements.iter();
    let expected = expected.filter(|placed| matches!(placed.statement, Statement::Expect(_)));
    if let Some(summary) = summary(&unmet, expected.count()) {
        tell(&summary);
    }
    let runner = session.into_runner();
    if let Some(statistics) = runner.statistics() {
        // A closed standard error is no reason to fail.
        let _ = write!(std::io::stderr(), "{}", super::stats::table(statistics));
    }
    if let (Some(directory), Some(profile)) = (&options.profile, runner.profile()) {
        super::profile::write(directory, &name, profile)?;
    }
    if options.keep_state {
        let directory = super::state_dir::keep(runner.node(), options.state_dir.as_deref())?;
        tell(&format!("state kept in {}", directory.display()));
    }
    runner.end_with_process();
    std::mem::forget(program);
    Ok(if !unmet.is_empty() || (failed && options.fail_on_error) {
        FAILURE
    } else {
        SUCCESS
    })
}

/// Whether answers are given for what this program does not have.
fn mocks_without_effect(config: &Config, program: &Program) -> bool {
    let mut statements = program.statements.iter().map(|placed| &placed.statement);
    config.compat == Compat::Drun
        && (!config.http_mocks.is_empty()
            || statements.any(|statement| matches!(statement, Statement::HttpRespond(_))))
}

/// A node and its driver, with what canisters print and what a server would say on standard error.
fn runner(config: Config, quiet: bool, format: Format) -> anyhow::Result<Runner> {
    let mut runner = Runner::new(config)?;
    if !quiet {
        runner.on_print(Box::new(move |print| {
            // A closed standard error is no reason to stop.
            let line = debug_line_in(format, print.time, print.canister, &print.text);
            let _ = writeln!(std::io::stderr(), "{line}");
        }));
    }
    runner.on_refusal(Box::new(|error| {
        let _ = writeln!(
            std::io::stderr(),
            "Failed to submit ingress message: {error:?}"
        );
    }));
    Ok(runner)
}

/// The program of a file, with all its modules.
fn read_program(
    name: &str,
    source: &[u8],
    strict: bool,
    disk: &mut Disk,
) -> Result<Program, Diagnostics> {
    let program = match strict {
        true => Program::of_script(script::parse(name, source)?),
        false => Program::parse(name, source, disk)?,
    };
    disk.load(&program)?;
    Ok(program)
}

/// Which lines were not as expected, if any.
fn summary(unmet: &[String], expected: usize) -> Option<String> {
    let lines = unmet.join(", ");
    match unmet.len() {
        0 => None,
        1 => Some(format!("1 of {expected} expectations is not met: {lines}")),
        several => Some(format!(
            "{several} of {expected} expectations are not met: {lines}"
        )),
    }
}

fn read_script(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    if path == Path::new("-") {
        let source = input::script(std::io::stdin().lock());
        let refused = |error| Failure::Input(format!("error: cannot read standard input: {error}"));
        return Ok(("<standard input>".to_owned(), source.map_err(refused)?));
    }
    let name = path.display().to_string();
    match input::script_file(path) {
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
                tell(&warning);
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
    if let Some(limit) = options.install_instruction_limit {
        config.install_instruction_limit = Some(limit);
    }
    if let Some(bytes) = options.max_memory {
        config.max_memory = Some(bytes);
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
        config.cache_dir = chosen.or_else(config::default_cache_dir);
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
