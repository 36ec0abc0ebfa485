//! Whether an instance goes on by itself, and the bell by which those who wait and its thread hear of each other. What its thread does
//! is `auto_progress`'s.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::answer::Refusal;

/// Between two rounds for which nobody waits.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Whether an instance goes on by itself.
#[derive(Default)]
pub(crate) struct Live {
    running: Mutex<Option<Running>>,
    bell: Arc<Bell>,
}

struct Running {
    thread: Option<JoinHandle<()>>,
}

/// Wakes who waits for a message or for the end.
#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Default)]
pub(super) struct BellState {
    pub(super) message: bool,
    stop: bool,
    /// Rounds that were run.
    pub(super) rounds: u64,
}

impl Live {
    /// Does it?
    pub(crate) fn is_on(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.is_some()
    }

    /// Takes note that it does, with the thread that `start` makes; nothing is started if it does already.
    ///
    /// # Errors
    /// If it does already, and what `start` says.
    pub(super) fn begin(
        &self,
        start: impl FnOnce(Arc<Bell>) -> Result<JoinHandle<()>, Refusal>,
    ) -> Result<(), Refusal> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Err(Refusal::bad("Auto progress mode has already been enabled."));
        }
        self.bell.change(|state| *state = BellState::default());
        let thread = start(Arc::clone(&self.bell))?;
        *running = Some(Running {
            thread: Some(thread),
        });
        Ok(())
    }

    /// Ends it, after the round under way; nothing if it is not on.
    pub(crate) fn stop(&self) {
        let stopped = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut running) = stopped {
            self.bell.change(|state| state.stop = true);
            if let Some(thread) = running.thread.take()
                && thread.thread().id() != std::thread::current().id()
            {
                let _ = thread.join();
            }
        }
    }

    /// Waits for the end of a round.
    pub(crate) fn wait_for_round(&self) {
        let state = self.bell.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let rounds = state.rounds;
        state.message = true;
        self.bell.rung.notify_all();
        let waited = self
            .bell
            .rung
            .wait_timeout_while(state, PAUSE, |state| state.rounds == rounds && !state.stop);
        drop(waited);
    }

    /// A message has come: the next round is due.
    pub(crate) fn ring(&self) {
        self.bell.change(|state| state.message = true);
    }
}

impl Bell {
    pub(super) fn change(&self, change: impl FnOnce(&mut BellState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_all();
    }

    /// Waits for a message, the end, or a pause; true if it goes on.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .rung
            .wait_timeout_while(state, pause, |state| !state.message && !state.stop);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.message = false;
        !state.stop
    }
}
