//! What the program and the library do, seen from outside. One test program with a module for each subject, since each
//! program that uses the library has to be linked with the engine. `golden.rs` beside it is a second one: its cases
//! are found when it starts, which the test harness of the language cannot do, and it does not use the library.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod bad_modules;
mod baselines;
mod certified;
mod checkpoints;
mod cli_test;
mod clients;
mod command_line;
mod contexts;
mod counts;
mod depth;
mod environment;
mod errors;
mod examples;
mod hardened;
mod inspect;
mod library;
mod limits;
mod management;
mod observer;
mod outputs;
mod profile;
mod readme;
mod refused;
mod results;
mod routes;
#[cfg(feature = "serve")]
mod serve;
mod stats;
mod timestamps;
mod today;
mod unseen;
mod untrusted;
mod upgrade_check;
