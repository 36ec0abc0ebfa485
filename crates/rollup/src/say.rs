//! Lines on standard output for programs that end by themselves: `say!(…)?` in the place of `println!`, which panics when
//! nobody reads any more.

use std::fmt;
use std::io::{self, Write};

/// Prints a line. A reader that is gone is no error: the program goes on as if it were there.
///
/// # Errors
/// If the line cannot be written for another reason, a full disk for one.
pub(crate) fn line(text: fmt::Arguments<'_>) -> Result<(), String> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

fn written(result: io::Result<()>) -> Result<(), String> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

macro_rules! say {
    ($($argument:tt)*) => {
        $crate::say::line(format_args!($($argument)*))
    };
}
pub(crate) use say;
