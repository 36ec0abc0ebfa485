//! The thread that makes computing guests look at the time. It sleeps while no guest runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How often guests look.
const TICK: Duration = Duration::from_millis(10);
/// After so many ticks without a guest the thread sleeps.
const IDLE_TICKS: u32 = 100;

/// Shared by all engines of a process.
#[derive(Default)]
pub struct Ticker {
    running: AtomicUsize,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    engines: Vec<EngineWeak>,
    thread: bool,
    asleep: bool,
}

/// A guest runs as long as this exists.
pub struct Running<'a>(&'a Ticker);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticker {
    /// Ticks for an engine from now on.
    pub fn add(&self, engine: &Engine) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.engines.push(engine.weak());
    }

    /// A guest begins.
    pub fn enter(self: &Arc<Self>) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.thread {
            let ticker = Arc::downgrade(self);
            let thread = std::thread::Builder::new().name("ticker".into());
            // Without a thread only the end of a job's own waiting keeps it to its time; the next job tries again.
            state.thread = thread.spawn(move || tick(&ticker)).is_ok();
        } else if state.asleep {
            state.asleep = false;
            self.wake.notify_one();
        }
        Running(self)
    }
}

fn tick(ticker: &Weak<Ticker>) {
    let mut idle = 0;
    loop {
        let Some(ticker) = ticker.upgrade() else {
            return;
        };
        let mut state = ticker.state.lock().unwrap_or_else(PoisonError::into_inner);
        if ticker.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
            for engine in state.engines.iter().filter_map(EngineWeak::upgrade) {
                engine.increment_epoch();
            }
        } else {
            idle += 1;
        }
        if idle > IDLE_TICKS {
            state.asleep = true;
            // Looks from time to time whether the ticker still exists.
            let woken = ticker.wake.wait_timeout(state, Duration::from_secs(1));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
            continue;
        }
        drop(state);
        drop(ticker);
        std::thread::sleep(TICK);
    }
}
