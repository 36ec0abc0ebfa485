//! Runs an untrusted WASI preview 1 module once per request, with JSON in and JSON out, within hard limits of time,
//! memory and output; the module may ask an Ethereum node read-only questions through its host.
//!
//! `job` is plain data; `rpc` answers JSON-RPC; `host` is what a guest finds around itself; `engine` compiles and runs;
//! `isolate` does so in a process of its own; `modules` keeps what was compiled; `server` is HTTP, queue and metrics; `cli` is the program. Arrows go back along
//! this list only.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
// A failure holds all that the answer of a job tells, and is made once a job.
#![allow(clippy::result_large_err)]

pub mod cli;
pub mod config;
pub mod engine;
pub mod failure;
pub mod host;
pub mod isolate;
pub mod job;
pub mod json;
pub mod modules;
pub mod rpc;
pub mod server;
