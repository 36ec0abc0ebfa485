//! The program as a whole: from the arguments of the process to its exit status.
//!
//! Owns which file does what was asked for, and how it is told that it could not be done.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use super::exit::{BROKEN, Failure, SUCCESS, WRONG_INPUT};
use super::options::{Arguments, Command};
use super::run::{self, After};
use super::{environment, inspect, manual, tell, test, upgrade_check, worker};

/// Wasm code may use 5 MiB; what the host needs below and above is small.
const STACK: usize = 64 << 20;

/// The same where address space is limited: code that may use more than there is gets a thread of its own.
const SMALL_STACK: usize = 16 << 20;

/// The name of the runner of Motoko's own suite, for which the program stands in where it is called so.
const MOTOKOS_RUNNER: &str = "test-runner";

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    drun_ic::file_size::limit_is_an_error();
    on_large_stack(|| {
        #[cfg(feature = "serve")]
        if let Some((program, arguments)) = crate::serve::arguments() {
            return match environment::limit_caches() {
                Ok(()) => crate::serve::main(&program, arguments),
                Err(failure) => told(failure).into(),
            };
        }
        program(std::env::args_os().collect(), After::Ends).into()
    })
}

/// Runs something on a thread with room for the stacks of canisters.
pub(super) fn on_large_stack(run: impl FnOnce() -> ExitCode + Send + 'static) -> ExitCode {
    let size = match drun_ic::fit_address_space() {
        true => SMALL_STACK,
        false => STACK,
    };
    let thread = std::thread::Builder::new().stack_size(size);
    match thread.spawn(run).map(|thread| thread.join()) {
        Ok(Ok(status)) => status,
        Ok(Err(reason)) => {
            match reason.downcast_ref::<drun_ic::Failure>() {
                Some(failure) => tell(&format!("error: {failure}")),
                None => tell(
                    "error: this is a bug in drun; please report it with the script that shows it",
                ),
            }
            BROKEN.into()
        }
        Err(error) => {
            tell(&format!("error: the machine refuses a thread: {error}"));
            BROKEN.into()
        }
    }
}

/// The program with these arguments, the first of which is its name.
pub(super) fn program(words: Vec<OsString>, after: After) -> u8 {
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    let stands_in = name.is_some_and(|name| name == MOTOKOS_RUNNER);
    let mut arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let printed = error.print();
            return match printed {
                // Nothing is left to be done if a mistake cannot be printed either.
                _ if error.use_stderr() => WRONG_INPUT,
                Ok(()) => SUCCESS,
                Err(error) => told(error.into()),
            };
        }
    };
    arguments.run.stands_in = stands_in;
    let quiet = match &arguments.command {
        Some(Command::Test(test)) => test.quiet,
        _ => arguments.run.quiet,
    };
    let result = environment::limit_caches().and_then(|()| match arguments.command {
        Some(Command::Inspect(inspect)) => inspect::run(&inspect),
        Some(Command::Test(test)) => test::run(&test),
        Some(Command::Init(init)) => test::init(&init),
        Some(Command::UpgradeCheck(check)) => upgrade_check::run(&check),
        // Comes here only behind an option of the program itself.
        #[cfg(feature = "serve")]
        Some(Command::Serve { .. }) => Err(Failure::Input(
            "error: `serve` comes first: `drun serve [OPTIONS]`".to_owned(),
        )),
        Some(Command::Completions { shell }) => manual::completions(shell),
        Some(Command::Man { command }) => manual::man(command.as_deref()),
        Some(Command::Worker(options)) => worker::run(&options, |arguments| {
            let words = std::iter::once("drun".to_owned()).chain(arguments);
            program(words.map(OsString::from).collect(), After::GoesOn)
        }),
        None => {
            if arguments.run.format.is_none() {
                arguments.run.format = environment::format()?;
            }
            run::run(&arguments.run, after)
        }
    });
    for trouble in drun_ic::troubles() {
        if !quiet {
            tell(&format!("warning: {trouble}"));
        }
    }
    result.unwrap_or_else(told)
}

/// Tells why there was no way to the end; the exit status.
fn told(failure: Failure) -> u8 {
    match failure {
        Failure::Reported(status) => status,
        Failure::BrokenPipe => {
            // It is the end of the output that nobody wanted, and still not what was asked for.
            tell("error: standard output is closed");
            BROKEN
        }
        Failure::Input(text) => {
            tell(&text);
            WRONG_INPUT
        }
        Failure::Tool(error) => {
            tell(&format!("error: {error:#}"));
            BROKEN
        }
    }
}
