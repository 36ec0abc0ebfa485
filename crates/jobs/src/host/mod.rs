//! What a guest finds around itself: WASI preview 1 in memory, the RPC files, and the imports of module `host`. No file
//! of the machine, no socket and no variable of the server is within its reach. Knows nothing of compilation.

mod abi;
mod clock;
mod filesystem;
mod guest;
mod imports;
mod limiter;
mod linear;
mod output;
mod random;
mod rpc_files;
mod wasi;

pub use guest::{Guest, GuestLog, Surroundings};
pub use limiter::{Limiter, MAX_MEMORIES, MAX_TABLES};

use wasmtime::Linker;

/// The modules from which guests may import.
pub const MODULES: [&str; 2] = [wasi::MODULE, imports::MODULE];

/// Adds every function that a guest may import.
///
/// # Errors
/// If two have the same name.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasi::add_to_linker(linker)?;
    imports::add_to_linker(linker)
}
