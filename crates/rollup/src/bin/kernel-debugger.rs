//! The program `kernel-debugger`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    drun_rollup::debugger::cli::main(std::env::args_os())
}
