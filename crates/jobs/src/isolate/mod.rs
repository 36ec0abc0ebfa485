//! A process per job, for those who do not trust the engine alone: the job runs in a worker that can neither open a file
//! nor start anything, and asks the server for all it needs over two pipes. Owns the processes and what is said to them;
//! what a job may do is decided in the rooms below, in the worker as in the server.

mod confine;
mod pipe;
mod protocol;
mod supervisor;
mod worker;

pub use supervisor::{Supervisor, WorkerSettings};
pub use worker::work;

/// The subcommand that makes this program a worker, which is told no more than the engine to make ready.
pub const COMMAND: &str = "worker";
