//! `kernel-debugger test`: sessions with their expected transcripts. Options, names, reports and exit statuses are those of
//! `drun test`, as far as they make sense here; that program's own harness knows canisters and their scripts.
//!
//! A case is a directory with a file `commands`; beside it stand the kernel (`kernel.wasm`, `.wat`, `.wast`, `.hex`),
//! optionally `inputs.json`, a directory `preimage`, further options in `args`, and the transcript in `expected`.

mod case;
mod junit;
mod pattern;

use crate::say::say;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use clap::Args;

use super::opening::block;
use crate::replace::replace;
use case::{Case, Tested, Verdict, find, test};
use pattern::{Partition, Pattern, wants};

/// The options of `test`.
#[derive(Debug, Args)]
pub(super) struct TestArguments {
    /// Cases, or directories with cases somewhere below
    #[arg(value_name = "DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Only cases whose name contains TEXT or matches it as a pattern (*, ?, [..]); !TEXT leaves cases out; may be given
    /// several times
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Take filters for whole names
    #[arg(long)]
    exact: bool,
    /// Only cases whose commands contain TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    grep: Vec<String>,
    /// Print the names of the cases and run nothing
    #[arg(long)]
    list: bool,
    /// Write what came out to the expected files and show what changes (also DRUN_ACCEPT=1; where CI is set both are
    /// needed)
    #[arg(long)]
    accept: bool,
    /// Cases at the same time [default: one per core]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
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
}

/// Exit status: 0 all equal, 1 some differ, 2 nothing to run or a command line that is wrong.
pub(super) fn run(arguments: &TestArguments) -> ExitCode {
    match tested(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => {
            eprintln!("{}", block(&text));
            ExitCode::from(2)
        }
    }
}

fn tested(arguments: &TestArguments) -> Result<bool, String> {
    let cases = wanted(arguments)?;
    if arguments.list {
        for case in &cases {
            say!("{}", case.name)?;
        }
        return Ok(true);
    }
    let accept = accepts(arguments.accept);
    let start = Instant::now();
    let results = all(arguments, &cases, accept)?;
    let time = start.elapsed();
    if let Some(path) = &arguments.junit {
        let document = junit::document(&results, time);
        replace(path, &document).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let count =
        |wanted: fn(&Verdict) -> bool| results.iter().filter(|one| wanted(&one.verdict)).count();
    let failed = results.iter().filter(|one| one.failed()).count();
    let mut parts = vec![format!(
        "{} passed",
        count(|verdict| matches!(verdict, Verdict::Passed))
    )];
    for (count, what) in [
        (failed, "failed"),
        (
            count(|verdict| matches!(verdict, Verdict::Accepted(_))),
            "accepted",
        ),
        (
            count(|verdict| matches!(verdict, Verdict::Skipped(_))),
            "skipped",
        ),
        (cases.len() - results.len(), "not run"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    say!("{} in {:.2} s", parts.join(", "), time.as_secs_f64())?;
    Ok(failed == 0)
}

/// The cases that are wanted, in the order of their names.
fn wanted(arguments: &TestArguments) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for path in &arguments.paths {
        find(path, &mut cases)?;
    }
    let patterns = arguments.filter.iter().map(|text| {
        if arguments.exact {
            Ok(Pattern::exactly(text))
        } else {
            Pattern::new(text).map_err(|error| format!("--filter: {error}"))
        }
    });
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    let found = !cases.is_empty();
    cases.retain(|case| {
        let contains = || {
            let commands = fs::read(case.directory.join("commands")).unwrap_or_default();
            let commands = String::from_utf8_lossy(&commands);
            arguments.grep.iter().any(|text| commands.contains(text))
        };
        wants(&patterns, &case.name) && (arguments.grep.is_empty() || contains())
    });
    if cases.is_empty() {
        return Err(if found {
            "no case matches the filter".into()
        } else {
            "there is no case: a case is a directory with a file `commands`".into()
        });
    }
    if let Some(partition) = arguments.partition {
        cases.retain(|case| partition.has(&case.name));
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases.dedup_by(|a, b| a.name == b.name);
    Ok(cases)
}

/// Whether outputs are accepted: asked for once, or twice where nobody is there to look at them.
fn accepts(option: bool) -> bool {
    let is_set = |name| {
        std::env::var_os(name)
            .is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
    };
    let asked = [option, is_set("DRUN_ACCEPT")];
    if asked.contains(&true) && asked != [true; 2] && is_set("CI") {
        eprintln!(
            "warning: CI is set, so nothing is accepted; ask twice to insist: DRUN_ACCEPT=1 with --accept"
        );
        return false;
    }
    asked.contains(&true)
}

/// Runs the cases, several at a time, and reports them in the order of their names.
fn all(arguments: &TestArguments, cases: &[Case], accept: bool) -> Result<Vec<Tested>, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or(cores, usize::from).min(cases.len());
    let next = AtomicUsize::new(0);
    let (sender, done) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(n) else { return };
                    if sender.send((n, test(case.clone(), accept))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Option<Tested>> = vec![None; cases.len()];
        let mut results = Vec::new();
        for (n, tested) in done {
            waiting[n] = Some(tested);
            while let Some(tested) = waiting.get_mut(results.len()).and_then(Option::take) {
                let reported = report(arguments, &tested);
                let stop = reported.is_err() || (arguments.fail_fast && tested.failed());
                results.push(tested);
                if stop {
                    // The others notice that nobody listens.
                    next.store(cases.len(), Ordering::Relaxed);
                    return reported.map(|()| results);
                }
            }
        }
        Ok(results)
    })
}

fn report(arguments: &TestArguments, tested: &Tested) -> Result<(), String> {
    let name = &tested.case.name;
    match &tested.verdict {
        Verdict::Differs(diff) => say!(
            "FAILED   {name}: the output differs\n{diff}to accept this output: kernel-debugger test {} --accept\n",
            tested.case.directory.display()
        ),
        Verdict::CannotRun(text) => say!("FAILED   {name}: {text}\n"),
        Verdict::Accepted(diff) => say!(
            "accepted {name}: wrote {}\n{}",
            tested.case.directory.join("expected").display(),
            diff.strip_suffix('\n').unwrap_or(diff)
        ),
        _ if arguments.quiet => Ok(()),
        Verdict::Passed => say!("ok       {name}"),
        Verdict::Skipped(reason) if reason.is_empty() => say!("skipped  {name}"),
        Verdict::Skipped(reason) => say!("skipped  {name}: {reason}"),
    }
}
