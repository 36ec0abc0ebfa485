//! The command line: a session, golden cases, installers.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::installing::{self, InstallerCommand};
use super::lines::{Lines, Script};
use super::opening::{SessionArguments, block, finish, read, session};
use super::prints::Standard;
use super::terminal::standard;
use super::{interrupt, suite};

/// Runs a smart rollup kernel step by step, level by level
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    session: SessionArguments,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Runs golden cases: directories with a kernel, inputs, commands and what they must print
    Test(suite::TestArguments),
    /// Makes installer kernels and their preimages
    Installer {
        #[command(subcommand)]
        command: InstallerCommand,
    },
}

/// The program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match arguments.tool {
        Some(Tool::Test(arguments)) => return suite::run(&arguments),
        Some(Tool::Installer { command }) => installing::run(&command),
        None => debug(&arguments.session),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{}", block(&text));
            ExitCode::FAILURE
        }
    }
}

fn debug(arguments: &SessionArguments) -> Result<(), String> {
    let lines: Box<dyn Lines> = match &arguments.commands {
        Some(path) => Box::new(Script::new(&read(path)?)),
        None => {
            if io::stdin().is_terminal() {
                interrupt::catch();
            }
            standard()
        }
    };
    finish(session(arguments, Path::new(""), Box::new(Standard), lines)?.run())
}
