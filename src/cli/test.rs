//! `drun test`: the command line of golden suites. Turns options into what `suite` wants, and chooses the report.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Args, Parser};

use super::options::Arguments;
use super::{FAILURE, Failure, SUCCESS};
use crate::report::Format;
use crate::suite::baseline::{self, Baseline};
use crate::suite::execute::Executor;
use crate::suite::report::style::When;
use crate::suite::report::{End, json, junit, libtest, text};
use crate::suite::select::{self, Partition, Pattern};
use crate::suite::settings::{self, SuiteFile};
use crate::suite::{Acceptance, Case, Results, Suite, Tested, accept, duration};

/// Runs a golden suite: scripts with their expected output beside them.
///
/// A case is a script NAME.drun with its expected output in NAME.ok, or a directory NAME with script.drun and expected.
/// Standard output and standard error are compared as one stream. Every script runs in its own directory. A file
/// drun.toml there or above says what holds for all cases; `drun init` writes one that explains its keys. Folders of
/// Motoko's own suite are run as they are.
///
/// Comments at the head of a script may hold directives:
///   # args: --compat pocket-ic    options of the run
///   # exit: 2                     the exit status that is right (default 0)
///   # timeout: 90s                how long it may take
///   # skip: REASON                leave the case out
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, verbatim_doc_comment)]
pub(super) struct TestOptions {
    /// Scripts, names of cases, and directories that hold some [default: `paths` of drun.toml, or the working directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Write what came out to the expected files and show what changes (also DRUN_ACCEPT=1; where CI is set both are
    /// needed)
    #[arg(long)]
    accept: bool,

    /// Ask about each output that differs whether it is accepted
    #[arg(long, conflicts_with_all = ["accept", "json"])]
    review: bool,

    /// Only cases whose name contains TEXT or matches it as a pattern (*, ?, [..]); !TEXT leaves cases out; may be given
    /// several times
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,

    /// Take filters for whole names
    #[arg(long)]
    exact: bool,

    /// Only cases whose script contains TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    grep: Vec<String>,

    /// Print the names of the cases and run nothing
    #[arg(long)]
    list: bool,

    /// Cases at the same time [default: one per core]
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,

    /// Only part m of n of the cases; the same part on every machine
    #[arg(long, value_name = "m/n")]
    partition: Option<Partition>,

    /// Begin no case after a failure
    #[arg(long)]
    fail_fast: bool,

    /// Print failures and sums only
    #[arg(short, long)]
    quiet: bool,

    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Print one JSON object per case, and one with the sums at the end
    #[arg(long)]
    json: bool,

    /// How the scripts print results: manual, drun or json [default: manual]; with `terse`, lists and results are in the
    /// words of Rust's own test programs
    #[arg(long, value_name = "FORMAT")]
    format: Option<OutputFormat>,

    /// End a case that takes longer: 90s, 1.5m; seconds without a unit [default: what drun.toml or the script says, or
    /// 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<std::time::Duration>,

    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,

    /// Keep what every message took as baselines/NAME.json beside drun.toml
    #[arg(long, value_name = "NAME")]
    save_baseline: Option<String>,

    /// Compare what every message took with a baseline, and fail where it is more
    #[arg(long, value_name = "NAME", conflicts_with = "save_baseline")]
    compare: Option<String>,

    /// How much more is still fine, for --compare
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = percent)]
    threshold: f64,

    /// For runners of Rust tests: only skipped cases
    #[arg(long, hide = true)]
    ignored: bool,

    /// For runners of Rust tests: no effect
    #[arg(long, hide = true)]
    nocapture: bool,

    /// Options of the run for every case, after "--"; a case's own win
    #[arg(last = true, value_name = "RUN OPTIONS")]
    args: Vec<String>,
}

/// The value of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputFormat {
    /// Of the runs.
    Run(Format),
    /// Of the suite, as Rust's own test programs print theirs.
    Terse,
}

impl std::str::FromStr for OutputFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "terse" => Ok(OutputFormat::Terse),
            name => name.parse().map(OutputFormat::Run),
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    match number {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is no percentage such as 2%")),
    }
}

const AFTER_HELP: &str = "\
Examples:
  drun test                               the suite that this directory belongs to
  drun test tests --filter upgrade        those whose name contains \"upgrade\"
  drun test tests/counter --accept        what counter.drun prints now is right
  drun test tests --partition 2/4         the second of four machines
  drun test --format drun -- --compat pocket-ic
                                          a suite that was made for PocketIC
  drun test --save-baseline main; drun test --compare main --threshold 2%
                                          what instructions and cycles a change costs

Exit status:
  0    all outputs are as expected
  1    some are not
  2    the command line or drun.toml is wrong, or no case matched
  3    drun itself failed
  130  interrupted; what was run is reported";

/// Ended by a signal.
const INTERRUPTED: u8 = 130;

/// Set by signals: no further case begins, and those that run are ended.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Runs a suite.
pub(super) fn run(options: &TestOptions) -> Result<u8, Failure> {
    check_run_options(&options.args)?;
    if let Some(path) = &options.junit {
        check_writable(path)?;
    }
    let (suite, root) = find(options)?;
    let terse = options.format == Some(OutputFormat::Terse);
    if options.list {
        return list(&suite, options.json, terse);
    }
    // Without handlers an interrupt ends the program at once, which is no worse than before.
    let _ = ctrlc::set_handler(|| IS_INTERRUPTED.store(true, Ordering::Relaxed));
    let executor = executor(options)?;
    let acceptance = acceptance(options);
    let jobs = jobs(options);
    let accept_command = |tested: &Tested<'_>| accept_command(options, tested.case);
    let mut done = Done {
        options,
        suite: &suite,
        root: &root,
    };
    let run = |events: &mut dyn Observer| {
        let results = crate::suite::run(
            &suite.cases,
            &executor,
            acceptance,
            jobs,
            options.fail_fast,
            &mut { events },
        );
        results.map_err(failure)
    };
    if options.json {
        let mut report = json::Report::new(&accept_command);
        let results = run(&mut report)?;
        done.conclude(&results, |end| report.end(end))
    } else if terse {
        let mut report = libtest::Report::default();
        let results = run(&mut report)?;
        done.conclude(&results, |end| report.end(end))
    } else {
        let mut report = text::Report::new(options.color.colours(), options.quiet, &accept_command);
        let results = run(&mut report)?;
        done.conclude(&results, |end| report.end(end))
    }
}

/// A report of any kind.
trait Observer: crate::suite::Events {}
impl<T: crate::suite::Events> Observer for T {}

impl crate::suite::Events for &mut dyn Observer {
    fn progress(&mut self, done: usize, total: usize) -> std::io::Result<()> {
        (**self).progress(done, total)
    }
    fn result(&mut self, tested: &Tested<'_>) -> std::io::Result<()> {
        (**self).result(tested)
    }
    fn ask(&mut self, tested: &Tested<'_>) -> std::io::Result<bool> {
        (**self).ask(tested)
    }
}

/// What stands at the end of a suite, whatever the report.
struct Done<'a> {
    options: &'a TestOptions,
    suite: &'a Suite,
    root: &'a Path,
}

impl Done<'_> {
    fn conclude(
        &mut self,
        results: &Results<'_>,
        report: impl FnOnce(&End<'_>) -> std::io::Result<()>,
    ) -> Result<u8, Failure> {
        if let Some(path) = &self.options.junit {
            let document = junit::document(&results.tested, results.time);
            accept::replace(path, document.as_bytes())?;
        }
        report(&End {
            tested: &results.tested,
            left: results.left,
            time: results.time,
            orphans: &self.suite.orphans,
            unreadable: &self.suite.unreadable,
        })?;
        let exceeded = self.baselines(results)?;
        if IS_INTERRUPTED.load(Ordering::Relaxed) {
            return Ok(INTERRUPTED);
        }
        let failed = results.tested.iter().any(Tested::failed)
            || self.suite.orphans.iter().any(|(_, refused)| *refused)
            || !self.suite.unreadable.is_empty();
        Ok(if failed || exceeded { FAILURE } else { SUCCESS })
    }

    /// Writes or compares the baseline; whether something grew too much.
    fn baselines(&self, results: &Results<'_>) -> Result<bool, Failure> {
        let Some(name) = self
            .options
            .save_baseline
            .as_ref()
            .or(self.options.compare.as_ref())
        else {
            return Ok(false);
        };
        let measured = results.tested.iter().filter_map(|tested| {
            let measures = tested.measures.clone()?;
            Some((tested.case.name.clone(), measures))
        });
        let now = Baseline::new(measured);
        let path = baseline::path_of(self.root, name);
        if self.options.save_baseline.is_some() {
            now.save(&path)?;
            return Ok(false);
        }
        let comparison = Baseline::load(&path)
            .map_err(|error| Failure::Input(format!("error: {error:#}")))?
            .compare(&now, self.options.threshold);
        eprint!("{}", comparison.table);
        Ok(comparison.exceeded)
    }
}

/// The reports fail where nobody reads them.
fn failure(error: anyhow::Error) -> Failure {
    match error.downcast::<std::io::Error>() {
        Ok(error) => error.into(),
        Err(error) => Failure::Tool(error),
    }
}

/// The cases that are wanted, and the directory of the suite file. Part of a suite says nothing about files without a
/// script.
fn find(options: &TestOptions) -> Result<(Suite, PathBuf), Failure> {
    let here = SuiteFile::of(Path::new(".")).map_err(Failure::Input)?;
    let mut paths = options.paths.clone();
    if paths.is_empty() {
        paths.extend(here.paths().map(|path| relative(&path)));
    }
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    let mut patterns = Vec::new();
    // Runners of Rust tests give names alone.
    if options.exact && options.filter.is_empty() && !options.paths.is_empty() {
        patterns.extend(
            options
                .paths
                .iter()
                .map(|path| Pattern::exactly(&path.to_string_lossy())),
        );
        paths = here.paths().map(|path| relative(&path)).collect();
        if paths.is_empty() {
            paths.push(PathBuf::from("."));
        }
    }
    for text in &options.filter {
        patterns.push(match options.exact {
            true => Pattern::exactly(text),
            false => Pattern::new(text)
                .map_err(|error| Failure::Input(format!("error: --filter: {error}")))?,
        });
    }
    let mut suite = Suite::find(&paths).map_err(Failure::Input)?;
    let complete = patterns.is_empty() && options.grep.is_empty() && options.partition.is_none();
    select::filter(&mut suite.cases, &patterns);
    suite.cases.retain(|case| contains(case, &options.grep));
    if options.ignored {
        suite.cases.retain(|case| case.skip.is_some());
    }
    if suite.cases.is_empty() && !(options.list && options.ignored) {
        let wanted = match complete {
            true => "there is no case",
            false => "no case matches the filter",
        };
        let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(Failure::Input(format!(
            "error: {wanted} in {}",
            paths.join(", ")
        )));
    }
    if let Some(partition) = options.partition {
        partition.keep(&mut suite.cases);
    }
    if !complete {
        suite.orphans.clear();
    }
    Ok((suite, here.root().to_owned()))
}

/// A path as somebody would type it here.
fn relative(path: &Path) -> PathBuf {
    let below = std::env::current_dir()
        .ok()
        .and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| path.to_owned())
}

fn contains(case: &Case, texts: &[String]) -> bool {
    if texts.is_empty() {
        return true;
    }
    let source = std::fs::read(&case.source).unwrap_or_default();
    let source = String::from_utf8_lossy(&source);
    texts.iter().any(|text| source.contains(text))
}

fn list(suite: &Suite, json: bool, terse: bool) -> Result<u8, Failure> {
    use std::io::Write;
    if terse {
        libtest::list(suite.cases.iter())?;
        return Ok(SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    for case in &suite.cases {
        if json {
            let script = case.source.to_string_lossy();
            let object = serde_json::json!({ "schema": json::SCHEMA, "kind": "listed", "name": case.name, "script": script });
            writeln!(out, "{object}")?;
        } else {
            writeln!(out, "{}", case.name)?;
        }
    }
    out.flush()?;
    Ok(SUCCESS)
}

/// Whether expected outputs are rewritten. Machines of continuous integration must be asked twice: there it would hide
/// what they are to find.
fn acceptance(options: &TestOptions) -> Acceptance {
    if options.review {
        return Acceptance::Ask;
    }
    let is_set = |name| {
        std::env::var_os(name)
            .is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
    };
    let asked = [options.accept, is_set("DRUN_ACCEPT")];
    if !asked.contains(&true) {
        return Acceptance::Never;
    }
    if is_set("CI") && asked != [true; 2] {
        eprintln!(
            "warning: CI is set, so nothing is accepted; ask twice to insist: DRUN_ACCEPT=1 with --accept"
        );
        return Acceptance::Never;
    }
    Acceptance::Always
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn jobs(options: &TestOptions) -> usize {
    match options.review {
        true => 1,
        false => options.jobs.map_or_else(cores, usize::from),
    }
}

fn executor(options: &TestOptions) -> anyhow::Result<Executor> {
    let mut args = Vec::new();
    if let Some(OutputFormat::Run(format)) = options.format {
        args.push(format!("--format={}", format.name()));
    }
    args.extend(options.args.iter().cloned());
    Ok(Executor {
        program: std::env::current_exe().context("cannot find the program itself")?,
        args,
        timeout: options.timeout,
        threads: (cores() / jobs(options)).max(1),
        measure: options.save_baseline.is_some() || options.compare.is_some(),
        interrupted: &IS_INTERRUPTED,
    })
}

/// Options that no script can be run with are a mistake of the command line, not of the scripts.
fn check_run_options(args: &[String]) -> Result<(), Failure> {
    let line = ["drun"]
        .into_iter()
        .chain(args.iter().map(|arg| &**arg))
        .chain(["--", "script"]);
    match Arguments::try_parse_from(line) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Input(format!(
            "after `--`: {}",
            error.to_string().trim_end()
        ))),
    }
}

/// A file that cannot be written is told before anything runs.
fn check_writable(path: &Path) -> Result<(), Failure> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match tempfile::tempfile_in(directory) {
        Ok(_) if !path.is_dir() => Ok(()),
        Ok(_) => Err(Failure::Input(format!(
            "error: {} is a directory",
            path.display()
        ))),
        Err(error) => Err(Failure::Input(format!(
            "error: cannot write {}: {error}",
            path.display()
        ))),
    }
}

/// What to type to accept the output of a case, from the same directory and with the same options.
fn accept_command(options: &TestOptions, case: &Case) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "drun".to_owned());
    let mut words = vec![program, "test".to_owned(), "--accept".to_owned()];
    if let Some(OutputFormat::Run(format)) = options.format {
        words.extend(["--format".to_owned(), format.name().to_owned()]);
    }
    words.push(case.source.to_string_lossy().into_owned());
    if !options.args.is_empty() {
        words.push("--".to_owned());
        words.extend(options.args.iter().cloned());
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Writes a suite file that explains its keys.
#[derive(Debug, Args)]
pub(super) struct InitOptions {
    /// Where [default: the working directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// `drun init`: writes a suite file, unless there is one.
pub(super) fn init(options: &InitOptions) -> Result<u8, Failure> {
    use std::io::Write;
    let directory = options.directory.as_deref().unwrap_or(Path::new("."));
    let path = directory.join(settings::FILE);
    let file = std::fs::File::create_new(&path);
    let mut file = file.map_err(|error| {
        Failure::Input(format!("error: cannot write {}: {error}", path.display()))
    })?;
    file.write_all(settings::TEMPLATE.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(std::io::stdout(), "wrote {}", path.display())?;
    Ok(SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (word, expected) in [
            ("a/b-c.drun", "a/b-c.drun"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn percentages_have_a_sign_or_none() {
        assert_eq!(percent("2%"), Ok(2.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        for wrong in ["", "x%", "-1%", "inf"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
