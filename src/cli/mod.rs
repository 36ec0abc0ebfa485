//! The command line: one file per subcommand. Turns arguments into a [`Config`](drun_ic::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod exit;
mod input;
mod inspect;
mod log;
mod measures;
mod modules;
mod options;
mod profile;
mod protocol;
mod run;
mod state_dir;
mod stats;
mod table;
mod test;
mod test_options;

use std::process::ExitCode;

use clap::Parser;

use exit::{BROKEN, Failure, SUCCESS, WRONG_INPUT};
use options::{Arguments, Command};

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    #[cfg(feature = "serve")]
    if let Some((program, arguments)) = crate::serve::arguments() {
        return crate::serve::main(&program, arguments);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nothing is left to be done if this cannot be printed either.
            let _ = error.print();
            return ExitCode::from(if wrong { WRONG_INPUT } else { SUCCESS });
        }
    };
    let result = match arguments.command {
        Some(Command::Inspect(inspect)) => inspect::run(&inspect),
        Some(Command::Test(test)) => test::run(&test),
        Some(Command::Init(init)) => test::init(&init),
        None => run::run(&arguments.run),
    };
    ExitCode::from(match result {
        Ok(status) => status,
        Err(Failure::BrokenPipe) => SUCCESS,
        Err(Failure::Input(text)) => {
            eprintln!("{text}");
            WRONG_INPUT
        }
        Err(Failure::Tool(error)) => {
            eprintln!("error: {error:#}");
            BROKEN
        }
    })
}
