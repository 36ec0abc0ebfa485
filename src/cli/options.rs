//! The options of the command line, with their help.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::inspect::InspectOptions;
use super::protocol::Replica;
use super::test_options::{InitOptions, TestOptions};
use super::trace::TraceFormat;
use super::unseen::FailOn;
use super::upgrade_check::UpgradeCheckOptions;
use super::worker::WorkerOptions;
use crate::report::Format;
use crate::report::style::When;
use crate::runner::config::{Compat, CompilerChoice, SubnetType};

/// Runs WebAssembly canisters of the Internet Computer on one machine, from a script of messages.
#[derive(Debug, Parser)]
#[command(
    name = "drun",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    subcommand_negates_reqs = true,
    after_help = AFTER_HELP
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: RunOptions,
}

const AFTER_HELP: &str = "\
Example of a script:
  create
  install rwlgt-iiaaa-aaaaa-aaaaa-cai counter.wasm 0x
  ingress rwlgt-iiaaa-aaaaa-aaaaa-cai increment \"DIDL\\x00\\x00\"
  query   rwlgt-iiaaa-aaaaa-aaaaa-cai get       \"DIDL\\x00\\x00\"

Exit status:
  0  every message was processed (a canister that traps is a result)
  1  an expectation of the script was not met; with --fail-on-error: a message ended in an error
  2  the command line, the configuration or the script is wrong
  3  drun itself failed";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Test(Box<TestOptions>),
    Inspect(InspectOptions),
    Init(InitOptions),
    UpgradeCheck(Box<UpgradeCheckOptions>),
    /// Serves the protocol of a PocketIC server, for the clients of one; `drun serve --help` tells its options
    #[cfg(feature = "serve")]
    #[command(disable_help_flag = true)]
    Serve {
        /// Those of a PocketIC server, and some of our own
        #[arg(
            value_name = "OPTIONS",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        options: Vec<String>,
    },
    /// Prints completions for a shell: `drun completions bash > /etc/bash_completion.d/drun`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints a manual page: `drun man > drun.1`, `drun man test > drun-test.1`
    Man {
        /// Of which command [default: of all together]
        command: Option<String>,
    },
    #[command(hide = true)]
    Worker(WorkerOptions),
}

#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// The scripts, each run on its own; "-" reads standard input
    #[arg(required_unless_present = "protocol", value_name = "SCRIPT")]
    pub messages: Vec<PathBuf>,

    /// Configuration in JSON5; those of real nodes are accepted
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// How results are printed: manual, drun, json or lines [default: DRUN_FORMAT, or manual]
    #[arg(long)]
    pub format: Option<Format>,

    /// Print replies as Candid text, with the field names of the interface
    #[arg(long)]
    pub decode: bool,

    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,

    /// Fees and limits: system or application [default: system]
    #[arg(long, value_name = "KIND")]
    pub subnet_type: Option<SubnetType>,

    /// Whose circumstances are reproduced: drun or pocket-ic [default: drun]
    #[arg(long, value_name = "PROGRAM")]
    pub compat: Option<Compat>,

    /// Which replica: the network of 2025-03, 2025-10 or 2026-11, or "list", which tells what is known of each
    /// [default: the newest; with --compat that of the program's recordings]
    #[arg(long, value_name = "DATE")]
    pub protocol: Option<Replica>,

    /// Rounds to run after each message has its answer [default: 0]
    #[arg(long, value_name = "N")]
    pub extra_batches: Option<u64>,

    /// Instructions allowed for one message [default: the subnet's limit]
    #[arg(long, value_name = "N")]
    pub instruction_limit: Option<u64>,

    /// Instructions allowed for each function that an installation runs: start, canister_init and those of upgrades
    /// [default: as --instruction-limit, else the subnet's limit]
    #[arg(long, value_name = "N")]
    pub install_instruction_limit: Option<u64>,

    /// End with status 3 when the script takes longer: 90s, 1.5m; seconds without a unit [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = crate::suite::duration::limit)]
    pub timeout: Option<std::time::Duration>,

    /// End with status 3 when heaps and stable memories of all canisters are larger than this together: bytes, or with
    /// KiB, MiB, GiB [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = crate::script::size)]
    pub max_memory: Option<u64>,

    /// Where the tool's own log goes; canister output never does
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,

    /// Where the directory for canister state is made [default: the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// Allow nothing but the language of scripts that other programs read, too
    #[arg(long)]
    pub strict: bool,

    /// Keep the state directory and print its path
    #[arg(long)]
    pub keep_state: bool,

    /// Where compiled modules are kept [default: DRUN_CACHE_DIR, or the user's cache directory]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache_dir: Option<PathBuf>,

    /// How much compiled modules may take there: bytes, or with KiB, MiB, GiB; what was used least recently goes first
    /// [default: DRUN_CACHE_LIMIT, or a tenth of the room on the disk, from 256 MiB to 8 GiB]
    #[arg(long, value_name = "SIZE", value_parser = crate::script::size)]
    pub cache_limit: Option<u64>,

    /// Keep no compiled modules
    #[arg(long)]
    pub no_cache: bool,

    /// What runs modules: auto, interpreter, fast or optimizing [default: auto]
    #[arg(long, value_name = "WHICH")]
    pub compiler: Option<CompilerChoice>,

    /// Time of the first round: RFC 3339, or "now" [default: 2021-05-06T19:17:10Z]
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,

    /// Seed of all randomness [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Exit with 1 if any message ended in an error; with =all also if anything failed that no result tells: a timer, a
    /// heartbeat, what runs on after an answer
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "results")]
    pub fail_on_error: Option<FailOn>,

    /// Do not print what canisters print
    #[arg(long)]
    pub quiet_canisters: bool,

    /// Say nothing but results and errors: no warnings
    #[arg(short, long)]
    pub quiet: bool,

    /// Write what every message took, for `drun test`
    #[arg(long, value_name = "FILE", hide = true)]
    pub measures: Option<PathBuf>,

    /// Print a table of all executions at the end, on standard error: instructions, cycles and 4 KiB pages
    /// changed, by canister and method
    #[arg(long)]
    pub stats: bool,

    /// Write to DIR where the instructions went: profile.folded (stacks) and profile.svg (a flame graph). Code then comes
    /// from the optimizing code generator
    #[arg(long, value_name = "DIR")]
    pub profile: Option<PathBuf>,

    /// Tell on standard error what the node does: rounds, executions, calls, answers, commits and rollbacks; as text, or
    /// with =json as a JSON object a line
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub trace: Option<TraceFormat>,

    /// Attach backtraces to traps
    #[arg(long)]
    pub backtrace: bool,

    /// The program goes by the name of Motoko's runner and stands in for it.
    #[arg(skip)]
    pub stands_in: bool,
}

impl RunOptions {
    /// How results are printed.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or(match self.stands_in {
            true => Format::Drun,
            false => Format::Manual,
        })
    }
}

/// The subcommand that a word was probably meant to be.
pub(super) fn nearest_command(word: &str) -> Option<String> {
    let command = Arguments::command();
    let names: Vec<&str> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(clap::Command::get_name)
        .collect();
    crate::idl::nearest(word, names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
