//! `drun test`: runs a suite of scripts with their expected outputs beside them, several at a time, and reports in the
//! order of their names. Each case is the program itself, run as a child.

mod directives;
mod execute;
mod junit;
mod report;
mod suite;
mod verdict;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Parser};

use super::options::Arguments;
use super::{FAILURE, Failure, SUCCESS};
use crate::report::Format;
use execute::Runner;
use report::Report;
use suite::{Case, Partition, Suite};
use verdict::{Verdict, judge};

/// Runs a golden suite: scripts with their expected output beside them.
///
/// A case is a script NAME.drun with its expected output in NAME.ok, or a directory NAME with script.drun and expected.
/// Standard output and standard error are compared as one stream. Every script runs in its own directory.
///
/// Comments at the head of a script may hold directives:
///   # args: --compat pocket-ic    options of the run
///   # exit: 2                     the exit status that is right (default 0)
///   # skip: REASON                leave the case out
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, verbatim_doc_comment)]
pub struct TestOptions {
    /// Scripts, and directories that hold some [default: the working directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Write what came out to the expected files (also DRUN_ACCEPT=1; where CI is set both are needed)
    #[arg(long)]
    accept: bool,

    /// Only cases whose name contains TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,

    /// Print the names of the cases and run nothing
    #[arg(long)]
    list: bool,

    /// Cases at the same time [default: one per core]
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,

    /// Only part m of n of the cases; the same part on every machine
    #[arg(long, value_name = "m/n")]
    partition: Option<Partition>,

    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Print one JSON object per case, and one with the sums at the end
    #[arg(long)]
    json: bool,

    /// How the scripts print results: manual, drun or json [default: manual]
    #[arg(long)]
    format: Option<Format>,

    /// End a case that takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,

    /// Options of the run for every case, after "--"; a case's own win
    #[arg(last = true, value_name = "RUN OPTIONS")]
    args: Vec<String>,
}

const AFTER_HELP: &str = "\
Examples:
  drun test tests                         all cases under tests
  drun test tests --filter upgrade        those whose name contains \"upgrade\"
  drun test tests/counter.drun --accept   what counter.drun prints now is right
  drun test tests --partition 2/4         the second of four machines
  drun test tests --format drun -- --compat pocket-ic
                                          a suite that was made for PocketIC

Exit status:
  0  all outputs are as expected
  1  some are not
  2  the command line or a directive is wrong, or no case matched
  3  drun itself failed";

/// A case and what became of it.
pub struct Tested<'a> {
    case: &'a Case,
    verdict: Verdict,
    time: Duration,
}

/// Runs a suite.
pub fn run(options: &TestOptions) -> Result<u8, Failure> {
    let start = Instant::now();
    check_run_options(&options.args)?;
    let suite = find(options)?;
    if options.list {
        return list(&suite, options.json);
    }
    let accept = may_accept(options);
    let runner = runner(options);
    let mut report = Report::new(options.json);
    let mut done: Vec<Option<Tested<'_>>> = suite.cases.iter().map(|_| None).collect();
    let mut printed = 0;
    let (sender, receiver) = mpsc::channel();
    let next = Mutex::new(suite.cases.iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..jobs(options).min(suite.cases.len()) {
            let (sender, next, runner) = (sender.clone(), &next, &runner);
            scope.spawn(move || {
                let take = || next.lock().ok().and_then(|mut next| next.next());
                while let Some((index, case)) = take() {
                    let tested = test(runner, case, accept);
                    if sender.send((index, tested)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        report.progress(0, suite.cases.len());
        for (finished, (index, tested)) in receiver.into_iter().enumerate() {
            done[index] = Some(tested?);
            while let Some(Some(tested)) = done.get(printed) {
                report.result(tested, &accept_command(options, tested.case))?;
                printed += 1;
            }
            report.progress(finished + 1, suite.cases.len());
        }
        Ok::<_, Failure>(())
    })?;
    report.summary(start.elapsed(), &suite.orphans)?;
    if let Some(path) = &options.junit {
        let results: Vec<Tested<'_>> = done.into_iter().flatten().collect();
        std::fs::write(path, junit::document(&results, start.elapsed()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if report.any_failed() {
        FAILURE
    } else {
        SUCCESS
    })
}

/// The cases that are wanted. Part of a suite says nothing about files without a script.
fn find(options: &TestOptions) -> Result<Suite, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if options.paths.is_empty() {
        &here
    } else {
        &options.paths[..]
    };
    let mut suite = Suite::find(paths).map_err(Failure::Input)?;
    suite.filter(&options.filter);
    if suite.cases.is_empty() {
        let wanted = if options.filter.is_empty() {
            "there is no case"
        } else {
            "no case matches the filter"
        };
        let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        return Err(Failure::Input(format!(
            "error: {wanted} in {}",
            paths.join(", ")
        )));
    }
    if let Some(partition) = options.partition {
        suite.share(partition);
    }
    if options.partition.is_some() || !options.filter.is_empty() {
        suite.orphans.clear();
    }
    Ok(suite)
}

fn list(suite: &Suite, json: bool) -> Result<u8, Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for case in &suite.cases {
        if json {
            let script = case.script.to_string_lossy();
            writeln!(
                out,
                "{}",
                serde_json::json!({ "schema": 1, "kind": "listed", "name": case.name, "script": script })
            )?;
        } else {
            writeln!(out, "{}", case.name)?;
        }
    }
    out.flush()?;
    Ok(SUCCESS)
}

fn test<'a>(runner: &Runner, case: &'a Case, accept: bool) -> anyhow::Result<Tested<'a>> {
    if let Some(reason) = &case.directives.skip {
        return Ok(Tested {
            case,
            verdict: Verdict::Skipped(reason.clone()),
            time: Duration::ZERO,
        });
    }
    let run = runner.run(case)?;
    Ok(Tested {
        case,
        verdict: judge(case, &run, accept)?,
        time: run.time,
    })
}

/// Whether expected outputs are rewritten. Machines of continuous integration must be asked twice: there it would hide
/// what they are to find.
fn may_accept(options: &TestOptions) -> bool {
    let is_set = |name| {
        std::env::var_os(name)
            .is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
    };
    let asked = [options.accept, is_set("DRUN_ACCEPT")];
    let accept = asked.contains(&true) && (!is_set("CI") || asked == [true; 2]);
    if asked.contains(&true) && !accept {
        eprintln!(
            "warning: CI is set, so nothing is accepted; ask twice to insist: DRUN_ACCEPT=1 with --accept"
        );
    }
    accept
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn jobs(options: &TestOptions) -> usize {
    options.jobs.map_or_else(cores, usize::from)
}

fn runner(options: &TestOptions) -> Runner {
    let mut args = Vec::new();
    if let Some(format) = options.format {
        args.push(format!("--format={}", name_of(format)));
    }
    args.extend(options.args.iter().cloned());
    Runner {
        args,
        timeout: Duration::from_secs(options.timeout),
        threads: (cores() / jobs(options)).max(1),
    }
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

fn name_of(format: Format) -> &'static str {
    match format {
        Format::Manual => "manual",
        Format::Drun => "drun",
        Format::Json => "json",
    }
}

/// What to type to accept the output of a case, from the same directory and with the same options.
fn accept_command(options: &TestOptions, case: &Case) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "drun".to_owned());
    let mut words = vec![program, "test".to_owned(), "--accept".to_owned()];
    if let Some(format) = options.format {
        words.extend(["--format".to_owned(), name_of(format).to_owned()]);
    }
    words.push(case.script.to_string_lossy().into_owned());
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
}
