//! The one place at which a running job waits, so that whoever wants it to stop can wake it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Why a job is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The client closed its connection.
    ClientGone,
    /// The server shuts down and its grace is over.
    Shutdown,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Wake<T> {
    /// What was waited for.
    Ready(T),
    /// The time is over.
    Time,
    /// The job is to stop.
    Cancelled(Cancel),
}

/// Shared between a job and those who may stop it or answer it.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicU8,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Control {
    /// Asks the job to stop. The first reason counts.
    pub fn cancel(&self, reason: Cancel) {
        let code = match reason {
            Cancel::ClientGone => 1,
            Cancel::Shutdown => 2,
        };
        let _ = self
            .cancelled
            .compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.notify();
    }

    /// Whether the job is to stop.
    pub fn cancelled(&self) -> Option<Cancel> {
        match self.cancelled.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Cancel::ClientGone),
            _ => Some(Cancel::Shutdown),
        }
    }

    /// Makes a waiting job look again.
    pub fn notify(&self) {
        // The lock orders this after a waiter's look and before its sleep.
        drop(self.guard());
        self.wake.notify_all();
    }

    /// Waits until `ready` has something, the time has come or the job is to stop.
    pub fn wait<T>(&self, until: Instant, mut ready: impl FnMut() -> Option<T>) -> Wake<T> {
        let mut guard = self.guard();
        loop {
            if let Some(reason) = self.cancelled() {
                return Wake::Cancelled(reason);
            }
            if let Some(value) = ready() {
                return Wake::Ready(value);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Time;
            }
            guard = match self.wake.wait_timeout(guard, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn guard(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_cancelled_job_wakes_at_once() {
        let control = Arc::new(Control::default());
        let other = control.clone();
        let thread = std::thread::spawn(move || {
            other.wait(Instant::now() + Duration::from_secs(3600), || None::<()>)
        });
        control.cancel(Cancel::Shutdown);
        control.cancel(Cancel::ClientGone);
        assert_eq!(thread.join().unwrap(), Wake::Cancelled(Cancel::Shutdown));
    }
}
