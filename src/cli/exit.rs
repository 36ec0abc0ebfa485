//! With which status the program ends, and why a command did not get to its end.

/// Every message was processed.
pub(super) const SUCCESS: u8 = 0;
/// A message ended in an error and that was to count.
pub(super) const FAILURE: u8 = 1;
/// The command line, the configuration or the script is wrong.
pub(super) const WRONG_INPUT: u8 = 2;
/// The tool itself failed.
pub(super) const BROKEN: u8 = 3;

/// Why a command did not get to its end.
pub(super) enum Failure {
    /// Nobody reads what we print.
    BrokenPipe,
    /// What is wrong has been told; only the status is left.
    Reported(u8),
    /// What the user gave us is wrong; the text says what and where.
    Input(String),
    /// We failed.
    Tool(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Tool(error)
    }
}

/// A failure to print.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Tool(anyhow::Error::new(error).context("cannot print")),
        }
    }
}
