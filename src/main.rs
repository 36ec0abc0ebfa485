//! The program: everything happens in the library, on a thread with room for the stacks of canisters.

use std::process::ExitCode;

/// Wasm code may use 5 MiB; what the host needs below and above is small.
const STACK: usize = 64 << 20;

fn main() -> ExitCode {
    let program = std::thread::Builder::new().stack_size(STACK);
    match program.spawn(drun::cli::main).map(|thread| thread.join()) {
        Ok(Ok(status)) => status,
        Ok(Err(reason)) => {
            match reason.downcast_ref::<drun::Failure>() {
                Some(failure) => eprintln!("error: {failure}"),
                None => eprintln!(
                    "error: this is a bug in drun; please report it with the script that shows it"
                ),
            }
            ExitCode::from(3)
        }
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            ExitCode::from(3)
        }
    }
}
