//! Runs WebAssembly canisters of the Internet Computer on one machine, deterministically, message by message.
//!
//! The program `drun` is a thin layer over this library; a Rust test can use it in process:
//!
//! ```
//! use drun::canister::InstallMode;
//! use drun::outcome::MessageResult;
//! use drun::{Compat, Config, Principal, Subnet};
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
//! let mut subnet = Subnet::new(Config::new(Compat::Drun))?;
//! subnet.install(InstallMode::Install, canister, &module, b"");
//! let outcome = subnet.query_outcome(canister, "greet", b"");
//! assert_eq!(outcome.result, MessageResult::Replied(b"hello".to_vec()));
//! assert_eq!(outcome.instructions, 1263);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Wasm code may use 5 MiB of stack. On a thread that has not got so much, tests among them, each execution runs on a
//! thread made for it, which costs some 20 µs; `std::thread::Builder::stack_size` with 8 MiB avoids that.
//!
//! The rooms, from the top: [`cli`] uses [`script`], [`report`] and [`subnet`]; `subnet` uses [`management`] and [`execution`];
//! these use [`canister`] and [`system_api`]; all code of canisters goes through [`wasm`]. [`errors`] holds every text;
//! [`statistics`] and [`profile`] keep what a run tells of itself.

pub mod canister;
pub mod cli;
pub mod compat;
pub mod config;
pub mod errors;
pub mod execution;
pub mod fees;
pub mod management;
pub mod outcome;
pub mod profile;
pub mod report;
pub mod script;
pub mod statistics;
pub mod subnet;
pub mod system_api;
pub mod time;
pub mod wasm;

pub use candid::Principal;
pub use compat::Compat;
pub use config::Config;
pub use outcome::Outcome;
pub use subnet::Subnet;
