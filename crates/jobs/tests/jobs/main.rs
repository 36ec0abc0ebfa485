//! The job server as its clients meet it: the program is started, asked over HTTP, and ended by signals. One file per
//! part of the acceptance checks; guests are written as Wasm text.

mod cli;
mod client;
mod compat;
mod contract;
mod description;
mod guests;
mod hostile;
mod http2;
mod isolate;
mod limits;
mod rpc;
mod service;
