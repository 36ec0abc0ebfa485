//! The command line: one file per subcommand. Turns arguments into a [`Config`](drun_ic::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod exit;
mod input;
mod inspect;
mod log;
mod measures;
mod mocks;
mod modules;
mod options;
mod profile;
mod run;
mod state_dir;
mod stats;
mod table;
mod test;
mod test_options;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use exit::{BROKEN, Failure, SUCCESS, WRONG_INPUT};
use options::{Arguments, Command};

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    drun_ic::file_size::limit_is_an_error();
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
        Err(Failure::BrokenPipe) => {
            tell("error: standard output is closed");
            BROKEN
        }
        Err(Failure::Input(text)) => {
            tell(&text);
            WRONG_INPUT
        }
        Err(Failure::Tool(error)) => {
            tell(&format!("error: {error:#}"));
            BROKEN
        }
    })
}

/// Reads the text of a configuration, for those who look for texts that it stumbles over.
///
/// # Errors
/// What is wrong with it, as the program would say it.
pub fn check_configuration(text: &str) -> Result<(), String> {
    let mut config = crate::runner::config::Config::default();
    config_file::apply_text(&mut config, "configuration", text).map(drop)
}

/// Says something on standard error; that it may be closed is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
