//! The streams of a session: standard output and error, with colours on a terminal, or whatever stands in for them.

use std::io::{self, IsTerminal, Write};

/// The streams of a session.
pub trait Prints {
    /// Standard output. Errors are those of a reader that is gone.
    fn out(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// The same, for what the kernel prints.
    fn debug(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out(bytes)
    }
    /// Standard error.
    fn err(&mut self, text: &str);
}

/// Sequences that a terminal takes for colours.
pub(super) const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const RED: &str = "\x1b[31m";
pub(super) const PLAIN: &str = "\x1b[0m";

/// Whether a stream wants colours: a terminal whose owner has not forbidden them (`NO_COLOR`).
pub(super) fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The two streams of the process. On a terminal, what the kernel prints and what goes wrong have colours.
pub(super) struct Standard;

impl Prints for Standard {
    fn out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    fn debug(&mut self, bytes: &[u8]) -> io::Result<()> {
        if coloured(&io::stdout()) {
            self.out(&[CYAN.as_bytes(), bytes, PLAIN.as_bytes()].concat())
        } else {
            self.out(bytes)
        }
    }

    fn err(&mut self, text: &str) {
        if coloured(&io::stderr()) {
            eprintln!("{RED}{text}{PLAIN}");
        } else {
            eprintln!("{text}");
        }
    }
}
