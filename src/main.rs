//! The program: everything happens in the library, on a thread with room for the stacks of canisters.

use std::io::Write;
use std::process::ExitCode;

/// Wasm code may use 5 MiB; what the host needs below and above is small.
const STACK: usize = 64 << 20;

/// A machine without memory is told like any other failure of it.
#[global_allocator]
static ALLOCATOR: drun::OrExit = drun::OrExit;

fn main() -> ExitCode {
    let program = std::thread::Builder::new().stack_size(STACK);
    match program.spawn(drun::cli::main).map(|thread| thread.join()) {
        Ok(Ok(status)) => status,
        Ok(Err(reason)) => {
            match reason.downcast_ref::<drun::Failure>() {
                Some(failure) => tell(&format!("error: {failure}")),
                None => tell(
                    "error: this is a bug in drun; please report it with the script that shows it",
                ),
            }
            ExitCode::from(3)
        }
        Err(error) => {
            tell(&format!("error: the machine refuses a thread: {error}"));
            ExitCode::from(3)
        }
    }
}

/// Says something on standard error; that it may be closed changes nothing.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
