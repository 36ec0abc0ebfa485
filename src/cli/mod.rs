//! The command line: one file per subcommand. Turns arguments into a [`Config`](crate::runner::config::Config), runs, prints,
//! and says with which status to exit; decides nothing about canisters.

mod config_file;
mod environment;
mod exit;
mod golden;
mod inspect;
mod log;
mod manual;
mod measures;
mod mocks;
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
mod unseen;
mod upgrade_check;
mod watch;
mod worker;

use std::io::Write;

pub use golden::golden;
pub use program::main;

/// Reads the text of a configuration, for those who look for texts that it stumbles over.
///
/// # Errors
/// What is wrong with it, as the program would say it.
pub fn check_configuration(text: &str) -> Result<(), String> {
    let mut config = crate::runner::config::Config::default();
    config_file::apply_text(&mut config, "configuration", text).map(drop)
}

/// Says something on standard error; that it may be closed is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
