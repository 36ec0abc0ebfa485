//! The program `jobserver`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(drun_jobs::cli::main())
}
