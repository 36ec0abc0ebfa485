//! What the system's signals ask a node for: to end, or to make a block, where there is a signal that is left to the user.

use std::io;

/// What was asked for.
pub(super) enum Asked {
    End,
    Block,
}

#[cfg(unix)]
mod system {
    use super::*;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signals, from now on.
    pub(in super::super) struct Signals {
        terminate: Signal,
        interrupt: Signal,
        user: Signal,
    }

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            Ok(Signals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                user: signal(SignalKind::user_defined1())?,
            })
        }

        /// Waits for one of them.
        pub(in super::super) async fn next(&mut self) -> Asked {
            tokio::select! {
                _ = self.terminate.recv() => Asked::End,
                _ = self.interrupt.recv() => Asked::End,
                _ = self.user.recv() => Asked::Block,
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use super::*;
    use tokio::signal::windows::{CtrlC, CtrlClose, ctrl_c, ctrl_close};

    pub(in super::super) struct Signals {
        key: CtrlC,
        close: CtrlClose,
    }

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            Ok(Signals {
                key: ctrl_c()?,
                close: ctrl_close()?,
            })
        }

        pub(in super::super) async fn next(&mut self) -> Asked {
            tokio::select! {
                _ = self.key.recv() => Asked::End,
                _ = self.close.recv() => Asked::End,
            }
        }
    }
}

pub(super) use system::Signals;
