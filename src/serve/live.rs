//! Auto progress: an instance whose clock follows that of the computer and whose rounds run by themselves (pocket-ic-api.md 3.11). A round
//! runs as soon as a message has come, or else when a pause is over.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::answer::Refusal;
use super::instances::Instance;

/// Between two rounds for which nobody waits.
const PAUSE: Duration = Duration::from_millis(100);

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
struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Default)]
struct BellState {
    message: bool,
    stop: bool,
    /// Rounds that were run.
    rounds: u64,
}

/// The time of the computer, nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

impl Live {
    /// Does it?
    pub(crate) fn is_on(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.is_some()
    }

    /// Has an instance go on by itself. Its clock has the time of the computer when this returns.
    ///
    /// # Errors
    /// If it does already.
    pub(crate) fn start(
        &self,
        instance: &Arc<Instance>,
        delay: Option<u64>,
    ) -> Result<(), Refusal> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Err(Refusal::bad("Auto progress mode has already been enabled."));
        }
        let mut net = instance.hold()?;
        let now = now().max(net.time());
        net.set_certified_time(now)?;
        drop(net);
        *self
            .bell
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = BellState::default();
        let pause = PAUSE.max(Duration::from_millis(delay.unwrap_or(0)));
        let (weak, bell) = (Arc::downgrade(instance), Arc::clone(&self.bell));
        let thread = std::thread::Builder::new()
            .name("auto progress".to_owned())
            .stack_size(super::STACK)
            .spawn(move || go_on(&weak, &bell, pause));
        let thread = thread.map_err(|error| Refusal::new(500, error.to_string()))?;
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
    fn change(&self, change: impl FnOnce(&mut BellState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_all();
    }

    /// Waits for a message, the end, or a pause; true if it goes on.
    fn wait(&self, pause: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .rung
            .wait_timeout_while(state, pause, |state| !state.message && !state.stop);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.message = false;
        !state.stop
    }
}

fn go_on(instance: &Weak<Instance>, bell: &Bell, pause: Duration) {
    let mut last = Instant::now();
    loop {
        let Some(instance) = instance.upgrade() else {
            return;
        };
        let Ok(mut net) = instance.hold() else {
            return;
        };
        let passed = u64::try_from(last.elapsed().as_nanos()).unwrap_or(u64::MAX);
        last = Instant::now();
        let time = net.time().saturating_add(passed);
        if net.set_time(time).is_err() || drun_ic::until_failure(|| net.tick()).is_err() {
            return;
        }
        drop(net);
        drop(instance);
        bell.change(|state| state.rounds += 1);
        if !bell.wait(pause) {
            return;
        }
    }
}
