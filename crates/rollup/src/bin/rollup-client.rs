//! The program `rollup-client`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    drun_rollup::client::main(std::env::args_os())
}
