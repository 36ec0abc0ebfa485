//! The program `jobserver`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(drun_jobs::cli::main())
}
