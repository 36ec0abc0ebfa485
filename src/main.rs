//! The program: everything happens in the library.

use std::process::ExitCode;

/// A machine without memory is told like any other failure of it.
#[global_allocator]
static ALLOCATOR: drun::OrExit = drun::OrExit;

fn main() -> ExitCode {
    drun::cli::main()
}
