//! The command line: one file per subcommand. Turns arguments into a [`Config`](drun_ic::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod input;
mod inspect;
mod log;
mod measures;
mod modules;
mod options;
mod profile;
mod run;
mod state_dir;
mod stats;
mod table;
mod test;

use std::process::ExitCode;

use clap::Parser;

use options::{Arguments, Command};

/// Every message was processed.
const SUCCESS: u8 = 0;
/// A message ended in an error and that was to count.
const FAILURE: u8 = 1;
/// The command line, the configuration or the script is wrong.
const WRONG_INPUT: u8 = 2;
/// The tool itself failed.
const BROKEN: u8 = 3;

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

/// Why a command did not get to its end.
enum Failure {
    /// Nobody reads what we print.
    BrokenPipe,
    /// What the user gave us is wrong; the text says what and where.
    Input(String),
    /// We failed.
    Tool(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Tool(error)
    }
}

/// A failure to print.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Tool(anyhow::Error::new(error).context("cannot print")),
        }
    }
}
