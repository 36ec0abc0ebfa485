//! The program `kernel-debugger`: a prompt over a machine (kernel-debugger.md, section 1).
//!
//! Everything it knows of rollups is in the rooms below; here are its command line, its commands and their words.

pub mod cli;
mod command;
mod console;
mod help;
mod installing;
mod interrupt;
mod kernel;
mod lines;
mod numbers;
mod opening;
mod prints;
mod profiling;
mod prompt;
mod session;
mod show;
mod suite;
mod terminal;

pub use console::Console;
pub use kernel::{KernelError, read_kernel};
pub use prints::Prints;
pub use session::{Failure, Options, Session};
