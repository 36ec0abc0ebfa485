//! Whether an instance goes on by itself, and the bell by which those who wait and its thread hear of each other. What its thread does
//! is `auto_progress`'s.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::answer::Refusal;

/// Between two rounds for which nobody waits (pocket-ic-api.md 3.11).
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// Rounds after something has come that who waits gets without a pause: enough for calls between subnets.
const QUICK_ROUNDS: u32 = 20;

/// Whether an instance goes on by itself.
///
/// Who holds the network may lock this; who has locked this waits for nothing.
#[derive(Default)]
pub(crate) struct Live {
    on: AtomicBool,
    running: Mutex<Option<Running>>,
}

struct Running {
    thread: JoinHandle<()>,
    bell: Arc<Bell>,
}

/// Wakes who waits for a message or for the end of a round. Each run has its own.
#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Default)]
struct BellState {
    /// Something has come: the next round is due.
    message: bool,
    /// Somebody waits for the next round.
    wanted: bool,
    /// Rounds that are due as soon as somebody waits for them.
    quick: u32,
    stop: bool,
    /// Rounds that were run.
    rounds: u64,
}

/// How far a run is: what [`Live::wait_for_round`] waits to be over.
pub(crate) struct Seen(Option<(Arc<Bell>, u64)>);

impl Live {
    /// Does it? Waits for nobody.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bell(&self) -> Option<Arc<Bell>> {
        let running = self.running();
        running.as_ref().map(|running| Arc::clone(&running.bell))
    }

    /// Takes note that it does, with the thread that `start` makes; nothing is started if it does already. `start` must not wait.
    ///
    /// # Errors
    /// If it does already, and what `start` says.
    pub(super) fn begin(
        &self,
        start: impl FnOnce(Arc<Bell>) -> Result<JoinHandle<()>, Refusal>,
    ) -> Result<(), Refusal> {
        let mut running = self.running();
        if running.is_some() {
            return Err(Refusal::bad("Auto progress mode has already been enabled."));
        }
        let bell = Arc::<Bell>::default();
        let thread = start(Arc::clone(&bell))?;
        *running = Some(Running { thread, bell });
        self.on.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends it, after the round under way; nothing if it is not on. Who holds the network must not call this.
    pub(crate) fn stop(&self) {
        let mut running = self.running();
        let stopped = running.take();
        self.on.store(false, Ordering::Release);
        drop(running);
        if let Some(Running { thread, bell }) = stopped {
            bell.change(|state| state.stop = true);
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }

    /// How far it is. Who looks for something asks this first, so that no round passes between the look and the wait.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.bell().map(|bell| {
            let rounds = bell.lock().rounds;
            (bell, rounds)
        }))
    }

    /// Waits for the end of a round after the one that was seen; for the usual pause at the most.
    pub(crate) fn wait_for_round(&self, seen: &Seen) {
        if let Seen(Some((bell, rounds))) = seen {
            bell.wait_for_round(*rounds);
        }
    }

    /// A message has come: the next round is due.
    pub(crate) fn ring(&self) {
        if let Some(bell) = self.bell() {
            bell.ring();
        }
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, BellState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BellState)) {
        change(&mut self.lock());
        self.rung.notify_all();
    }

    /// Something has come: the next round is due, and some more for who waits for them.
    pub(super) fn ring(&self) {
        self.change(|state| {
            state.message = true;
            state.quick = QUICK_ROUNDS;
        });
    }

    /// A round was run.
    pub(super) fn count(&self) {
        self.change(|state| {
            state.rounds += 1;
            // Who waited for it looks first whether he wants another one.
            state.wanted = false;
        });
    }

    /// Nobody wants another round.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    fn wait_for_round(&self, seen: u64) {
        let mut state = self.lock();
        state.wanted |= state.rounds == seen;
        self.rung.notify_all();
        let waited = self
            .rung
            .wait_timeout_while(state, PAUSE, |state| state.rounds == seen && !state.stop);
        drop(waited);
    }

    /// Waits until the next round is due: until something has come, or a pause is over; if there is a delay to be slept out, for that.
    /// True if it goes on.
    pub(super) fn wait(&self, delay: Option<Duration>) -> bool {
        let longest = delay.unwrap_or_default().max(PAUSE);
        let waited = self.rung.wait_timeout_while(self.lock(), longest, |state| {
            !state.stop && (delay.is_some() || !state.is_due())
        });
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.begin_round();
        !state.stop
    }
}

impl BellState {
    /// The next round is not waited for.
    fn is_due(&self) -> bool {
        self.message || self.wanted && self.quick > 0
    }

    fn begin_round(&mut self) {
        self.message = false;
        self.quick = self.quick.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that does what `work` does.
    fn run(live: &Live, work: impl FnOnce(Arc<Bell>) + Send + 'static) -> Result<(), Refusal> {
        live.begin(|bell| Ok(std::thread::spawn(move || work(bell))))
    }

    #[test]
    fn a_run_that_begins_while_another_one_ends_does_not_keep_it() {
        let live = Arc::new(Live::default());
        let (tell, told) = std::sync::mpsc::channel::<()>();
        run(&live, move |bell| {
            // Its round takes until it is told.
            let _ = told.recv();
            while bell.wait(None) {}
        })
        .unwrap();
        let stopping = Arc::clone(&live);
        let stopping = std::thread::spawn(move || stopping.stop());
        while live.is_on() {
            std::thread::yield_now();
        }
        run(&live, |bell| while bell.wait(None) {}).unwrap();
        tell.send(()).unwrap();
        stopping.join().unwrap();
        assert!(live.is_on(), "the second run goes on");
        live.stop();
        assert!(!live.is_on());
    }

    #[test]
    fn it_is_told_whether_it_is_on_while_a_run_begins() {
        let live = Live::default();
        let began = live.begin(|_| {
            assert!(!live.is_on());
            Ok(std::thread::spawn(|| ()))
        });
        began.unwrap();
        assert!(live.is_on());
        let again = live.begin(|_| panic!("it is on already"));
        assert_eq!(again.unwrap_err().status, 400);
        live.stop();
    }

    #[test]
    fn who_waits_gets_a_number_of_quick_rounds_for_what_has_come() {
        let bell = Bell::default();
        let mut rounds = 0;
        bell.lock().wanted = true;
        assert!(!bell.lock().is_due(), "nothing has come");
        bell.ring();
        while bell.lock().is_due() && rounds < 1000 {
            bell.lock().begin_round();
            bell.count();
            assert!(!bell.lock().is_due(), "it is looked first");
            bell.lock().wanted = true;
            rounds += 1;
        }
        assert_eq!(rounds, QUICK_ROUNDS);
        bell.ring();
        bell.lock().begin_round();
        bell.count();
        assert!(!bell.lock().is_due(), "nobody waits");
    }

    #[test]
    fn a_delay_that_was_asked_for_is_slept_out_unless_it_is_stopped() {
        let bell = Bell::default();
        bell.ring();
        let begun = std::time::Instant::now();
        let delay = Duration::from_millis(150);
        assert!(bell.wait(Some(delay)));
        assert!(begun.elapsed() >= delay);
        bell.change(|state| state.stop = true);
        assert!(!bell.wait(Some(Duration::from_secs(600))));
    }
}
