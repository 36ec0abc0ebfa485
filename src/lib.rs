//! Runs WebAssembly canisters of the Internet Computer on one machine, deterministically, message by message.
//!
//! The program `drun` runs them from scripts. As a library, with `default-features = false` under `[dev-dependencies]`,
//! this crate is what a Rust test needs to run canisters in its own process. Arguments and replies are types of the crate `candid`
//! (0.10); `wat` is here only because this module is text:
//!
//! ```
//! use drun::Subnet;
//!
//! let module = wat::parse_str(r#"
//!     (module
//!       (import "ic0" "msg_reply" (func $reply))
//!       (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
//!       (memory 1)
//!       (data (i32.const 0) "DIDL\00\01\71\05hello")
//!       (func (export "canister_query greet")
//!         (call $append (i32.const 0) (i32.const 13))
//!         (call $reply)))
//! "#)?;
//!
//! let mut subnet = Subnet::new();
//! let canister = subnet.create();
//! subnet.install(canister, &module, ())?;
//! let (greeting,): (String,) = subnet.query(canister, "greet", ())?;
//! assert_eq!(greeting, "hello");
//! let outcome = subnet.call(canister, "greet").query_outcome();
//! // 80,000 of them for the first 64 KiB of the memory that it reads.
//! assert_eq!(outcome.instructions, 81_663);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Wasm code may use 5 MiB of stack. On a thread that has not got so much, tests among them, each execution runs on a
//! thread made for it, which costs some 20 µs; `std::thread::Builder::stack_size` with 8 MiB avoids that, and for tests
//! `RUST_MIN_STACK=8388608 cargo test`.
//!
//! What this face has no word for is a call of the management canister: `subnet.call(Principal::management_canister(), "canister_status")`.
//! [`Subnet::update`] and the installations tell of a failure the error alone; [`Call::outcome`], of [`Subnet::call`] and of
//! [`Subnet::installation`], tells what it cost and what was printed before, and [`Subnet::logs`] what a canister has logged.
//! [`Call::submit`] does not wait, so that several messages are under way at once. What is encoded already goes as [`Bytes`].
//!
//! Behind the face: `drun_ic` is the Internet Computer, `runner` drives it as the programs before this one did; the command
//! line stands on both (feature `cli`).

#![forbid(unsafe_code)]

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod idl;
#[cfg(feature = "cli")]
mod input;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod runner;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod script;
#[cfg(feature = "serve")]
#[doc(hidden)]
pub mod serve;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod session;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod stable_types;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod suite;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod upgrade;

pub use candid::Principal;
#[cfg(feature = "cli")]
pub use cli::golden;
#[doc(hidden)]
pub use drun_ic::OrExit;
pub use drun_ic::answer::{DebugPrint, MessageResult};
pub use drun_ic::canister::InstallMode;
pub use drun_ic::canister::settings::Visibility;
pub use drun_ic::errors::{ErrorCode, UserError};
pub use drun_ic::node::{Node, Snapshot};
pub use drun_ic::testing::{
    Arguments, Bytes, Call, CallError, Outcome, Settings, Submitted, Subnet,
};
pub use drun_ic::{Failure, Protocol};

/// What the tests of this package look at behind the face. No promise is made about it.
#[doc(hidden)]
pub mod internals {
    pub use crate::runner::config::{Compat, Config};
    pub use crate::runner::{Runner, config, outcome};
    pub use drun_ic::{
        NodeSettings, canister, management, module, node, observe, outcall, protocol,
    };
}
