//! The ic0 imports: what a canister may ask of its host. One file per family; each function charges, checks its context,
//! checks its arguments and then acts, in that order (system-api.md 1.3). Owns no state beyond one execution.

mod answer;
mod api;
mod calls;
mod canister;
mod certificate;
mod cost;
mod cycles;
mod debug;
pub mod exec;
mod growth;
mod message;
pub mod meter;
pub mod mode;
pub mod prints;
mod profile;
mod stable;

use wasmtime::{Engine, Linker};

pub use api::{Address, Host, Stop, Takeover};
pub use calls::{RESPONSE_RESERVATION_BYTES, slot_of};

/// All imports of a module whose addresses have the type `A`.
pub fn linker<A: Address>(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    message::link::<A>(&mut linker)?;
    answer::link::<A>(&mut linker)?;
    canister::link::<A>(&mut linker)?;
    calls::link::<A>(&mut linker)?;
    cycles::link::<A>(&mut linker)?;
    cost::link::<A>(&mut linker)?;
    certificate::link::<A>(&mut linker)?;
    stable::link::<A>(&mut linker)?;
    debug::link::<A>(&mut linker)?;
    growth::link(&mut linker)?;
    profile::link(&mut linker)?;
    Ok(linker)
}
