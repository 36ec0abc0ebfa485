//! `drun completions` and `drun man`: what shells and readers are told of the command line, made of its own description.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::exit::{Failure, SUCCESS};
use super::options::{Arguments, nearest_command};

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "drun", &mut script);
    print(&script)
}

/// Prints the manual page of the program or of a subcommand, in the language of `man`.
pub(super) fn man(subcommand: Option<&str>) -> Result<u8, Failure> {
    let mut command = Arguments::command();
    command.build();
    if let Some(name) = subcommand {
        let Some(found) = command.find_subcommand(name) else {
            let meant = nearest_command(name);
            let meant = meant.map_or_else(String::new, |name| format!("; perhaps `{name}`"));
            return Err(Failure::Input(format!(
                "error: there is no command `{name}`{meant}"
            )));
        };
        command = found.clone();
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> Result<u8, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(SUCCESS)
}
