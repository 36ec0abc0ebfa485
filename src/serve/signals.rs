//! How the process is asked to end: by the signals of the system.

use std::io;

/// The signals that ask for it, from now on.
pub(super) struct Signals([Signal; 2]);

#[cfg(unix)]
type Signal = tokio::signal::unix::Signal;

#[cfg(windows)]
enum Signal {
    Key(tokio::signal::windows::CtrlC),
    Close(tokio::signal::windows::CtrlClose),
}

#[cfg(windows)]
impl Signal {
    async fn recv(&mut self) -> Option<()> {
        match self {
            Signal::Key(key) => key.recv().await,
            Signal::Close(close) => close.recv().await,
        }
    }
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ]))
    }

    #[cfg(windows)]
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Signals([
            Signal::Key(ctrl_c()?),
            Signal::Close(ctrl_close()?),
        ]))
    }

    /// Waits for one of them.
    pub(super) async fn end(&mut self) {
        let [one, other] = &mut self.0;
        tokio::select! {
            _ = one.recv() => {}
            _ = other.recv() => {}
        }
    }
}
