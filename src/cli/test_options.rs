//! The options of `drun test` and `drun init`, with their help.

use std::path::PathBuf;

use clap::Args;

use crate::report::Format;
use crate::report::style::When;
use crate::suite::duration;
use crate::suite::select::Partition;

/// Runs a golden suite: scripts with their expected output beside them.
///
/// A case is a script NAME.drun with its expected output in NAME.ok, or a directory NAME with script.drun and expected.
/// A script that holds expectations needs no expected output.
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
    pub paths: Vec<PathBuf>,

    /// Write what came out to the expected files and show what changes (also DRUN_ACCEPT=1; where CI is set both are
    /// needed)
    #[arg(long)]
    pub accept: bool,

    /// Ask about each output that differs whether it is accepted
    #[arg(long, conflicts_with_all = ["accept", "json"])]
    pub review: bool,

    /// Only cases whose name contains TEXT or matches it as a pattern (*, ?, [..]); !TEXT leaves cases out; may be given
    /// several times
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,

    /// Take filters for whole names
    #[arg(long)]
    pub exact: bool,

    /// Only cases whose script contains TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub grep: Vec<String>,

    /// Print the names of the cases and run nothing
    #[arg(long)]
    pub list: bool,

    /// Cases at the same time [default: one per core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,

    /// Only part m of n of the cases; the same part on every machine
    #[arg(long, value_name = "m/n")]
    pub partition: Option<Partition>,

    /// Begin no case after a failure
    #[arg(long)]
    pub fail_fast: bool,

    /// Print failures and sums only
    #[arg(short, long)]
    pub quiet: bool,

    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Print one JSON object per case, and one with the sums at the end
    #[arg(long)]
    pub json: bool,

    /// How the scripts print results: manual, drun, json or lines [default: manual]; with `terse`, lists and results are in the
    /// words of Rust's own test programs
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<OutputFormat>,

    /// End a case that takes longer: 90s, 1.5m; seconds without a unit [default: what drun.toml or the script says, or
    /// 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::limit)]
    pub timeout: Option<std::time::Duration>,

    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,

    /// Keep what every message took as baselines/NAME.json beside drun.toml
    #[arg(long, value_name = "NAME")]
    pub save_baseline: Option<String>,

    /// Compare what every message took with a baseline, and fail where it is more
    #[arg(long, value_name = "NAME", conflicts_with = "save_baseline")]
    pub compare: Option<String>,

    /// How much more is still fine, for --compare
    #[arg(long, value_name = "PERCENT", requires = "compare", default_value = "0%", value_parser = percent)]
    pub threshold: f64,

    /// For runners of Rust tests: only skipped cases
    #[arg(long, hide = true)]
    pub ignored: bool,

    /// For runners of Rust tests: no effect
    #[arg(long, hide = true)]
    pub nocapture: bool,

    /// The program is a test program of a Rust crate
    #[arg(long, hide = true)]
    pub of_crate: bool,

    /// Options of the run for every case, after "--"; a case's own win
    #[arg(last = true, value_name = "RUN OPTIONS")]
    pub args: Vec<String>,
}

/// The value of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
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

/// Writes a suite file that explains its keys.
#[derive(Debug, Args)]
pub(super) struct InitOptions {
    /// Where [default: the working directory]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_a_sign_or_none() {
        assert_eq!(percent("2%"), Ok(2.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        for wrong in ["", "x%", "-1%", "inf"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
