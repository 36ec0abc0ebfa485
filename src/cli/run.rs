//! `drun SCRIPT…`: parses whole scripts, then runs message by message and prints one result for each.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::exit::{FAILURE, Failure, SUCCESS};
use super::log::Log;
use super::measures::Measured;
use super::modules::Disk;
use super::options::RunOptions;
use super::prints::Prints;
use super::protocol::{self, Replica};
use super::tell;
use super::trace::Trace;
use super::unseen::{FailOn, Failures};
use super::watch::Watch;
use crate::input;
use crate::report::{Beside, Format, Printer, visible};
use crate::runner::Runner;
use crate::runner::config::{self, Compat, Config, Protocol};
use crate::runner::outcome::{MessageKind, MessageResult};
use crate::script::statement::Statement;
use crate::script::{self, Diagnostics, Program, headline};
use crate::session::Session;

/// What becomes of the process after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It ends, and its memory with it.
    Ends,
    /// There are other runs.
    GoesOn,
}

/// Runs scripts one after the other, each on a node of its own.
pub(super) fn run(options: &RunOptions, after: After) -> Result<u8, Failure> {
    if let Some(Replica::List) = options.protocol {
        write!(std::io::stdout().lock(), "{}", protocol::list())?;
        return Ok(SUCCESS);
    }
    let paths = &options.messages[..];
    if paths.is_empty() {
        let text = "error: a script is missing; \"-\" reads standard input";
        return Err(Failure::Input(text.to_owned()));
    }
    check_one_script(options, paths)?;
    let watch = Watch::start(options.timeout)?;
    let mut log = Log::open(options.log_file.as_deref())?;
    let config = configure(options, &mut log)?;
    let mut scripts = Vec::new();
    let mut mistakes = Vec::new();
    for path in paths {
        let source = read_script(path)?;
        let mut disk = Disk::new(options.decode);
        let name = match path == Path::new("-") {
            true => "<standard input>".to_owned(),
            false => disk.name(path),
        };
        match read_program(&name, &source, options.strict, &mut disk) {
            Ok(program) => scripts.push((program, disk)),
            Err(found) => mistakes.push(found.to_string()),
        }
    }
    if !mistakes.is_empty() {
        let all = mistakes.join("\n\n");
        return Err(Failure::Input(options.color.diagnostics(&all)));
    }
    let mocks = |(program, _): &(Program, Disk)| mocks_without_effect(&config, program);
    if !options.quiet && scripts.iter().any(mocks) {
        tell(
            "warning: answers for HTTP requests have no effect under --compat drun, where there are none; --compat pocket-ic has them",
        );
    }
    if let Some(directory) = &options.profile {
        super::profile::prepare(directory)?;
    }
    if let Some(path) = &options.measures {
        crate::suite::replace::check_replaceable(path)?;
    }
    if options.keep_state || options.state_dir.is_some() {
        super::state_dir::check(options.state_dir.as_deref())?;
    }
    for (program, disk) in &scripts {
        check_saves(program, disk)?;
    }
    log.begin()?;
    let mut status = SUCCESS;
    let last = scripts.len() - 1;
    for (index, (program, disk)) in scripts.into_iter().enumerate() {
        let after = if index == last { after } else { After::GoesOn };
        status = status.max(script(
            options, &config, program, &disk, &mut log, &watch, after,
        )?);
    }
    log.check()?;
    Ok(status)
}

/// Looks whether the files that a program writes have a place.
fn check_saves(program: &Program, disk: &Disk) -> anyhow::Result<()> {
    for placed in &program.statements {
        if let Statement::Stable {
            save: true, file, ..
        } = &placed.statement
        {
            let path = disk
                .target(placed.file(), file)
                .map_err(anyhow::Error::msg)?;
            crate::suite::replace::check_replaceable(&path)?;
        }
    }
    Ok(())
}

/// What is written for a run has room for one only.
fn check_one_script(options: &RunOptions, paths: &[PathBuf]) -> Result<(), Failure> {
    if paths.len() == 1 {
        return Ok(());
    }
    let alone = [
        ("--profile", options.profile.is_some()),
        ("--measures", options.measures.is_some()),
    ];
    match alone.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::Input(format!(
            "error: {option} takes one script, here are {}",
            paths.len()
        ))),
        None => Ok(()),
    }
}

/// Runs a script.
fn script(
    options: &RunOptions,
    config: &Config,
    program: Program,
    disk: &Disk,
    log: &mut Log,
    watch: &Watch,
    after: After,
) -> Result<u8, Failure> {
    let format = options.format();
    let config = Config {
        keep_prints: format == Format::Json || program.expects_prints,
        ..config.clone()
    };
    log.line(format_args!(
        "{}: {} messages, {} modules",
        program.name(),
        program.statements.len(),
        disk.len()
    ));
    let (seed, date) = (config.seed, config.protocol.date);
    let prints = Prints::new(format);
    let mut node = runner(config, (!options.quiet_canisters).then(|| prints.clone()))?;
    if let Some(format) = options.trace {
        node.watch(Trace::new(format));
    }
    // Watching costs each message a moment.
    let all = options.stats || options.fail_on_error == Some(FailOn::All);
    if all || format == Format::Json {
        Failures::watch(&mut node);
    }
    let mut session = Session::new(node, seed, disk);
    if options.decode {
        session.decode();
    }
    let mut printer = Printer::new(format, session.runner().wording(), date);
    let mut failed = false;
    let mut unseen = Failures::default();
    let mut measures = options.measures.is_some().then(Measured::default);
    let (mut expectations, mut unmet, mut not_run) = (0, Vec::new(), Vec::new());
    let terminal = std::io::stdout().is_terminal();
    let mut out = std::io::stdout().lock();
    for placed in &program.statements {
        watch.at(placed.file(), placed.line);
        let step = session.run(placed)?;
        unseen.take(session.runner_mut(), placed.line);
        let expects = matches!(placed.statement, Statement::Expect(_));
        expectations += usize::from(expects);
        if let Statement::Create {
            name: Some(name), ..
        } = &placed.statement
            && let Some(id) = session.named(name)
        {
            prints.name(id, name);
        }
        let words = match format {
            Format::Lines => headline(&placed.statement),
            _ => String::new(),
        };
        let last = step.outcomes().count();
        for (n, (outcome, text)) in step.outcomes().enumerate() {
            log.line(format_args!("line {}: {:?}", placed.line, outcome.kind));
            failed |= !matches!(outcome.result, MessageResult::Replied(_));
            let beside = Beside {
                line: placed.line,
                words: match outcome.kind {
                    MessageKind::Create
                        if !matches!(placed.statement, Statement::Create { .. }) =>
                    {
                        "create"
                    }
                    _ => &words,
                },
                text,
                decoded: options.decode,
                unseen: if n + 1 == last { unseen.untold() } else { &[] },
            };
            let mut line = printer.print(outcome, &beside);
            if terminal {
                line = visible::in_lines(&line).into_owned();
            }
            line.push('\n');
            let written = out.write_all(line.as_bytes());
            written.map_err(|error| {
                let wrong = !unmet.is_empty() || !not_run.is_empty();
                match wrong || failed && options.fail_on_error.is_some() {
                    true => Failure::Reported(FAILURE),
                    false => error.into(),
                }
            })?;
            if let Some(measures) = &mut measures {
                measures.add(outcome, date);
            }
        }
        if format != Format::Json || last > 0 {
            unseen.told();
        }
        out.flush()?;
        for note in session.take_notes() {
            log.line(&note);
            if !options.quiet {
                tell(&format!("note: {note}"));
            }
        }
        if let Some(refused) = step.refused {
            return Err(anyhow::anyhow!(refused).into());
        }
        if let Some(wrong) = step.wrong {
            tell(&options.color.diagnostics(&format!("{wrong}\n")));
            let list = if expects { &mut unmet } else { &mut not_run };
            list.push(format!("{}:{}", placed.file(), placed.line));
        }
    }
    drop(out);
    watch.at_end();
    if let (Some(measures), Some(path)) = (measures, &options.measures) {
        measures.write(path)?;
    }
    for summary in summaries(&unmet, expectations, &not_run) {
        tell(&summary);
    }
    let runner = session.into_runner();
    if let Some(statistics) = runner.statistics() {
        // A closed standard error is no reason to fail.
        let _ = write!(
            std::io::stderr(),
            "{}",
            super::stats::table(statistics, date)
        );
    }
    if let (Some(directory), Some(profile)) = (&options.profile, runner.profile()) {
        super::profile::write(directory, program.name(), profile)?;
    }
    if let Some(text) = unseen.summary(all)
        && (all || !options.quiet)
    {
        tell(&visible::in_lines(&text));
    }
    if options.keep_state {
        let directory = super::state_dir::keep(runner.node(), options.state_dir.as_deref())?;
        tell(&format!("state kept in {}", directory.display()));
    }
    if after == After::Ends {
        runner.end_with_process();
        std::mem::forget(program);
    }
    let counts = match options.fail_on_error {
        None => false,
        Some(FailOn::Results) => failed,
        Some(FailOn::All) => failed || unseen.any(),
    };
    Ok(if !unmet.is_empty() || !not_run.is_empty() || counts {
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
fn runner(config: Config, prints: Option<Prints>) -> anyhow::Result<Runner> {
    let mut runner = Runner::new(config);
    if let Some(prints) = prints {
        runner.on_print(prints.hook());
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

/// Which lines were not as expected, and which could not be done.
fn summaries(unmet: &[String], expected: usize, not_run: &[String]) -> Vec<String> {
    let mut summaries = Vec::new();
    let lines = unmet.join(", ");
    match unmet.len() {
        0 => {}
        1 => summaries.push(format!("1 of {expected} expectations is not met: {lines}")),
        several => summaries.push(format!(
            "{several} of {expected} expectations are not met: {lines}"
        )),
    }
    let lines = not_run.join(", ");
    match not_run.len() {
        0 => {}
        1 => summaries.push(format!("1 statement could not be run: {lines}")),
        several => summaries.push(format!("{several} statements could not be run: {lines}")),
    }
    summaries
}

fn read_script(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let source = input::script(std::io::stdin().lock());
        let refused = |error| Failure::Input(format!("error: cannot read standard input: {error}"));
        return source.map_err(refused);
    }
    let name = path.display().to_string();
    match input::script_file(path) {
        Ok(source) if source.starts_with(b"\0asm") => Err(Failure::Input(format!(
            "error: {name} is a WebAssembly module and no script; `drun inspect {name}` tells what is in it"
        ))),
        Ok(source) => Ok(source),
        Err(error) => {
            let meant = match super::options::nearest_command(&name) {
                Some(command) if !path.exists() => format!("; perhaps `drun {command}` is meant"),
                _ if path.is_dir() => format!("; `drun test {name}` runs the suite in it"),
                _ => String::new(),
            };
            Err(Failure::Input(format!(
                "error: cannot read {name}: {error}{meant}"
            )))
        }
    }
}

/// The settings of a run: defaults, then the configuration file, then the command line.
fn configure(options: &RunOptions, log: &mut Log) -> Result<Config, Failure> {
    let mut config = Config::default();
    if options.stands_in {
        config.compat = Compat::PocketIc;
        config.protocol = config.compat.protocol();
    }
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
        config.protocol = compat.protocol();
        config.implied_date = true;
    }
    if let Some(Replica::Of(date)) = options.protocol {
        config.protocol = Protocol::of(date);
        config.implied_date = false;
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
    if let Some(bytes) = options.cache_limit {
        drun_ic::limit_caches(bytes);
    }
    if !options.no_cache {
        let chosen = options.cache_dir.clone();
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
