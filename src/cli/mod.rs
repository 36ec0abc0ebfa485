//! The command line: one file per subcommand. Turns arguments into a [`Config`](crate::runner::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod exit;
mod golden;
mod input;
mod inspect;
mod log;
mod measures;
mod modules;
mod options;
mod prints;
mod profile;
mod run;
mod state_dir;
mod stats;
mod table;
mod test;
mod test_options;
mod trace;
mod upgrade_check;
mod worker;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use exit::{BROKEN, Failure, SUCCESS, WRONG_INPUT};
use options::{Arguments, Command};
use run::After;

pub use golden::golden;

/// Wasm code may use 5 MiB; what the host needs below and above is small.
const STACK: usize = 64 << 20;

/// The name of the runner of Motoko's own suite, for which the program stands in where it is called so.
const MOTOKOS_RUNNER: &str = "test-runner";

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    start(std::env::args_os().collect())
}

/// Runs the program on a thread with room for the stacks of canisters.
fn start(words: Vec<OsString>) -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK);
    match thread
        .spawn(|| program(words, After::Ends))
        .map(|thread| thread.join())
    {
        Ok(Ok(status)) => status.into(),
        Ok(Err(reason)) => {
            match reason.downcast_ref::<drun_ic::Failure>() {
                Some(failure) => eprintln!("error: {failure}"),
                None => eprintln!(
                    "error: this is a bug in drun; please report it with the script that shows it"
                ),
            }
            BROKEN.into()
        }
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            BROKEN.into()
        }
    }
}

/// The program with these arguments, the first of which is its name.
fn program(words: Vec<OsString>, after: After) -> u8 {
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    let stands_in = name.is_some_and(|name| name == MOTOKOS_RUNNER);
    let mut arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nothing is left to be done if this cannot be printed either.
            let _ = error.print();
            return if wrong { WRONG_INPUT } else { SUCCESS };
        }
    };
    arguments.run.stands_in = stands_in;
    let result = match arguments.command {
        Some(Command::Inspect(inspect)) => inspect::run(&inspect),
        Some(Command::Test(test)) => test::run(&test),
        Some(Command::Init(init)) => test::init(&init),
        Some(Command::UpgradeCheck(check)) => upgrade_check::run(&check),
        Some(Command::Worker(options)) => worker::run(&options, |arguments| {
            let words = std::iter::once("drun".to_owned()).chain(arguments);
            program(words.map(OsString::from).collect(), After::GoesOn)
        }),
        None => run::run(&arguments.run, after),
    };
    match result {
        Ok(status) | Err(Failure::Reported(status)) => status,
        Err(Failure::BrokenPipe) => {
            // It is the end of the output that nobody wanted, and still not what was asked for.
            let _ = writeln!(std::io::stderr(), "error: standard output is closed");
            BROKEN
        }
        Err(Failure::Input(text)) => {
            let _ = writeln!(std::io::stderr(), "{text}");
            WRONG_INPUT
        }
        Err(Failure::Tool(error)) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            BROKEN
        }
    }
}
