//! Runs WebAssembly canisters of the Internet Computer on one machine, deterministically, message by message.
//!
//! The program `drun` is a thin layer over this library; a Rust test can use it in process:
//!
//! ```
//! use drun::canister::InstallMode;
//! use drun::outcome::MessageResult;
//! use drun::{Compat, Config, Principal, Runner};
//!
//! let module = wat::parse_str(r#"
//!     (module
//!       (import "ic0" "msg_reply" (func $reply))
//!       (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
//!       (memory 1)
//!       (data (i32.const 0) "hello")
//!       (func (export "canister_query greet")
//!         (call $append (i32.const 0) (i32.const 5))
//!         (call $reply)))
//! "#)?;
//! let canister = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai")?;
//!
//! let mut runner = Runner::new(Config::new(Compat::Drun))?;
//! runner.install(InstallMode::Install, canister, &module, b"");
//! let outcome = runner.query_outcome(canister, "greet", b"");
//! assert_eq!(outcome.result, MessageResult::Replied(b"hello".to_vec()));
//! assert_eq!(outcome.instructions, 1263);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Wasm code may use 5 MiB of stack. On a thread that has not got so much, tests among them, each execution runs on a
//! thread made for it, which costs some 20 µs; `std::thread::Builder::stack_size` with 8 MiB avoids that.
//!
//! Behind the face: `drun_ic` is the Internet Computer, [`runner`] drives it; the command line stands on both (feature `cli`).

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod idl;
#[cfg(feature = "cli")]
pub mod report;
pub mod runner;
#[cfg(feature = "cli")]
pub mod script;
#[cfg(feature = "cli")]
pub mod session;

pub use candid::Principal;
pub use drun_ic::{Failure, Protocol};
pub use drun_ic::{
    canister, errors, execution, fees, management, node, observe, system_api, time, wasm,
};
pub use runner::config::{Compat, Config};
pub use runner::outcome::Outcome;
pub use runner::{Runner, config, outcome};
