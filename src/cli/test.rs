//! `drun test`: the command line of golden suites. Turns options into what `suite` wants, and chooses the report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Parser;

use super::exit::{BROKEN, FAILURE, Failure, SUCCESS};
use super::options::Arguments;
use super::test_options::{InitOptions, OutputFormat, TestOptions};
use crate::input;
use crate::suite::baseline::{self, Baseline};
use crate::suite::durations::Durations;
use crate::suite::execute::Executor;
use crate::suite::paths;
use crate::suite::pattern::Pattern;
use crate::suite::replace::replace;
use crate::suite::report::{End, json, junit, libtest, text};
use crate::suite::select;
use crate::suite::settings::{self, SuiteFile};
use crate::suite::verdict::{Kind, Verdict};
use crate::suite::{Acceptance, Case, Results, Suite, Tested};

/// The first argument of the processes that run cases for a suite of a Rust crate.
pub(super) const AS_PROGRAM: &str = "--as-drun";

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
    let Found { suite, root, whole } = find(options)?;
    let terse = options.format == Some(OutputFormat::Terse);
    if options.list {
        return list(&suite, options.json, terse);
    }
    // Before the cases run: a mistyped name is told at once.
    let compared = options.compare.as_ref();
    let compared = compared.map(|name| load(&baseline::path_of(&root, name)));
    let compared = compared.transpose()?;
    // The handler has a thread of its own.
    drop(crate::suite::thread::builder().context("the machine refuses a thread")?);
    // Without handlers an interrupt ends the program at once, which is no worse than before.
    let _ = ctrlc::set_handler(|| IS_INTERRUPTED.store(true, Ordering::Relaxed));
    let directory = crate::runner::config::default_cache_dir();
    if let Some(directory) = &directory {
        // Cases are silent about it.
        drun_ic::check_cache(directory);
    }
    let durations = directory.as_deref().map(Durations::load);
    let executor = executor(options)?;
    let acceptance = acceptance(options);
    let jobs = jobs(options);
    let accept_command = |tested: &Tested<'_>| accept_command(options, tested.case);
    let mut done = Done {
        options,
        suite: &suite,
        root: &root,
        whole,
        compared,
    };
    let run = |events: &mut dyn Observer| {
        let mut durations = durations;
        let results = crate::suite::run(
            &suite.cases,
            &executor,
            acceptance,
            jobs,
            options.fail_fast,
            durations.as_mut(),
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
    whole: bool,
    /// What is compared with.
    compared: Option<Baseline>,
}

impl Done<'_> {
    fn conclude(
        &mut self,
        results: &Results<'_>,
        report: impl FnOnce(&End<'_>) -> std::io::Result<()>,
    ) -> Result<u8, Failure> {
        if let Some(path) = &self.options.junit {
            let document = junit::document(&results.tested, results.time);
            replace(path, document.as_bytes())?;
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
        // Where the machine gave out, nothing is known of the cases.
        let broken = results.tested.iter().any(|tested| {
            matches!(&tested.verdict, Verdict::Failed(fault) if fault.kind == Kind::Broken)
        });
        Ok(match (broken, failed || exceeded) {
            (true, _) => BROKEN,
            (false, true) => FAILURE,
            (false, false) => SUCCESS,
        })
    }

    /// Writes or compares the baseline; whether something grew too much.
    fn baselines(&self, results: &Results<'_>) -> Result<bool, Failure> {
        let measured = results.tested.iter().filter_map(|tested| {
            let measures = tested.measures.clone()?;
            Some((self.key(tested.case), measures))
        });
        let mut now = Baseline::new(measured);
        if let Some(name) = &self.options.save_baseline {
            let path = baseline::path_of(self.root, name);
            // What was not run keeps its figures.
            if (!self.whole || results.left > 0) && path.exists() {
                now = load(&path)?.with(now);
            }
            now.save(&path)?;
        }
        let Some(kept) = &self.compared else {
            return Ok(false);
        };
        let comparison = kept.compare(&now, self.options.threshold);
        eprint!("{}", comparison.table);
        Ok(comparison.exceeded)
    }
}

fn load(path: &Path) -> Result<Baseline, Failure> {
    Baseline::load(path).map_err(|error| Failure::Input(format!("error: {error:#}")))
}

impl Done<'_> {
    /// The name of a case below the suite file, however its path was typed.
    fn key(&self, case: &Case) -> String {
        let absolute = paths::absolute(Path::new(&case.name)).ok();
        let below = absolute
            .as_deref()
            .and_then(|name| name.strip_prefix(self.root).ok());
        below.map_or_else(
            || case.name.clone(),
            |below| {
                below
                    .to_string_lossy()
                    .replace(std::path::MAIN_SEPARATOR, "/")
            },
        )
    }
}

/// The reports fail where nobody reads them.
fn failure(error: anyhow::Error) -> Failure {
    // What was done says more than that nothing could be printed.
    if error.chain().len() > 1 {
        return Failure::Tool(error);
    }
    match error.downcast::<std::io::Error>() {
        Ok(error) => error.into(),
        Err(error) => Failure::Tool(error),
    }
}

/// What is to be run.
struct Found {
    suite: Suite,
    /// The directory of the suite file.
    root: PathBuf,
    /// The suite is not only a part of what that file is about.
    whole: bool,
}

/// The cases that are wanted. Part of a suite says nothing about files without a script.
fn find(options: &TestOptions) -> Result<Found, Failure> {
    let here = SuiteFile::of(Path::new(".")).map_err(Failure::Input)?;
    let mut paths = options.paths.clone();
    if paths.is_empty() {
        paths.extend(here.paths().map(|path| relative(&path)));
    }
    let named_by_file = options.paths.is_empty() && !paths.is_empty();
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
            true => match text.strip_prefix('!') {
                Some(text) => Pattern::Not(Box::new(Pattern::exactly(text))),
                None => Pattern::exactly(text),
            },
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
    let root = root(options, &paths, &here)?;
    let is_root = |path: &PathBuf| paths::absolute(path).is_ok_and(|path| path == root);
    Ok(Found {
        whole: complete && !options.ignored && (named_by_file || paths.iter().any(is_root)),
        suite,
        root,
    })
}

/// The directory of the suite file that these paths belong to, or the working directory if they have none.
fn root(options: &TestOptions, paths: &[PathBuf], here: &SuiteFile) -> Result<PathBuf, Failure> {
    let directories: BTreeSet<&Path> = paths
        .iter()
        .map(|path| match path.parent() {
            _ if path.is_dir() => path.as_path(),
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        })
        .collect();
    let mut roots = BTreeSet::new();
    for directory in directories {
        let file = SuiteFile::of(directory).map_err(Failure::Input)?;
        let file = if file.is_written() { &file } else { here };
        roots.insert(file.root().to_owned());
    }
    let mut roots = roots.into_iter();
    match (roots.next(), roots.next()) {
        (Some(one), Some(other))
            if options.save_baseline.is_some() || options.compare.is_some() =>
        {
            Err(Failure::Input(format!(
                "error: a baseline belongs to one suite, and the paths to several: of {} and of {}",
                one.display(),
                other.display()
            )))
        }
        (root, _) => Ok(root.unwrap_or_else(|| here.root().to_owned())),
    }
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
    let source = input::part(&case.source).unwrap_or_default();
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
        prefix: match options.of_crate {
            true => vec![AS_PROGRAM.to_owned()],
            false => Vec::new(),
        },
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
    let mut words = vec![program];
    if !options.of_crate {
        words.push("test".to_owned());
    }
    words.push("--accept".to_owned());
    if let Some(OutputFormat::Run(format)) = options.format {
        words.extend(["--format".to_owned(), format.name().to_owned()]);
    }
    // The program of a crate's suite knows where that lies, and takes names.
    let what = match options.of_crate {
        true => {
            words.push("--exact".to_owned());
            case.name.as_str().into()
        }
        false => case.source.to_string_lossy(),
    };
    words.push(match what.starts_with('-') {
        true => format!("./{what}"),
        false => what.into_owned(),
    });
    if !options.args.is_empty() {
        words.push("--".to_owned());
        words.extend(options.args.iter().cloned());
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c) || cfg!(windows) && c == '\\'
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `drun init`: writes a suite file, unless there is one.
pub(super) fn init(options: &InitOptions) -> Result<u8, Failure> {
    use std::io::Write;
    let directory = options.directory.as_deref().unwrap_or(Path::new("."));
    let path = directory.join(settings::FILE);
    if !directory.is_dir() {
        let why = "there is no such directory";
        let refused = format!("error: cannot write {}: {why}", path.display());
        return Err(Failure::Input(refused));
    }
    if path.exists() {
        let refused = format!("error: {} exists already", path.display());
        return Err(Failure::Input(refused));
    }
    replace(&path, settings::TEMPLATE.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(std::io::stdout(), "wrote {}", path.display())?;
    Ok(SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options::Command;

    #[test]
    fn the_program_of_a_crate_accepts_one_case_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a b.drun"), "create\n").unwrap();
        let suite = Suite::find(&[directory.path().to_owned()]).unwrap();
        let line = "drun test --of-crate --format drun x -- --seed 7";
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Test(options)) = arguments.command else {
            panic!("it is another command")
        };
        let command = accept_command(&options, &suite.cases[0]);
        let (_, words) = command.split_once(" --accept").unwrap();
        let name = quoted(&suite.cases[0].name);
        assert_eq!(words, format!(" --format drun --exact {name} -- --seed 7"));
        assert!(!command.contains(" test --accept"), "{command}");
    }

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
}
