//! Runs WebAssembly kernels of Tezos smart rollups on one machine.
//!
//! [`pvm::Pvm`] is the machine: it takes the messages of a level and runs the kernel over them, by whole runs or by
//! single ticks. Below it stand durable storage with shared structure ([`storage`]), the formats of messages
//! ([`inbox`], [`outbox`], [`micheline`]), data to reveal ([`reveal`]) and the host functions ([`host`]); above it the
//! program `kernel-debugger` ([`debugger`]) and the maker of installer kernels ([`installer`]). [`Rollup`] is the short way for
//! a kernel's own tests.

#![forbid(unsafe_code)]

pub mod client;
pub mod compiled;
pub mod debugger;
pub mod encoding;
pub mod host;
pub mod inbox;
pub mod installer;
pub mod interpreter;
pub mod link;
pub mod micheline;
pub mod module;
pub mod node;
pub mod outbox;
pub mod pvm;
mod replace;
pub mod reveal;
mod rollup;
mod say;
pub mod storage;
pub mod version;

pub use rollup::{Level, Rollup};
