//! The program `rollup-node`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    drun_rollup::node::cli::main(std::env::args_os())
}
