//! The command line: one file per subcommand. Turns arguments into a [`Config`](crate::runner::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod exit;
mod golden;
mod input;
mod inspect;
mod log;
mod manual;
mod measures;
mod modules;
mod options;
mod prints;
mod profile;
mod program;
mod protocol;
mod run;
mod state_dir;
mod stats;
mod table;
mod test;
mod test_options;
mod trace;
mod upgrade_check;
mod worker;

pub use golden::golden;
pub use program::main;
