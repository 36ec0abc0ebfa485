//! The time of a job: what is left of it, and waiting within it. A job that waits gives its processor to another one;
//! the time until it has one again is not counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Control, Stop, Wake};

/// After this long on a processor others have their turn.
const SLICE: Duration = Duration::from_millis(50);

/// The right to use a processor, lent by whoever schedules jobs.
pub trait Cpu: Send {
    /// Gives it back.
    fn give_back(&mut self);
    /// Takes one again, after those that came before; how long they had it.
    fn take(&mut self) -> Duration;
    /// Whether anybody waits for one.
    fn wanted(&self) -> bool;
}

/// The clock of one job.
pub struct Deadline {
    control: Arc<Control>,
    cpu: Option<Box<dyn Cpu>>,
    timeout: Duration,
    started: Instant,
    excluded: Duration,
    slice: Instant,
}

impl Deadline {
    /// Begins now.
    pub fn new(timeout: Duration, control: Arc<Control>, cpu: Option<Box<dyn Cpu>>) -> Self {
        let now = Instant::now();
        Deadline {
            control,
            cpu,
            timeout,
            started: now,
            excluded: Duration::ZERO,
            slice: now,
        }
    }

    /// Who may wake this job.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Time used so far.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.excluded)
    }

    /// Time left; zero when it is over.
    pub fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    /// Whether the job may go on.
    ///
    /// # Errors
    /// If its time is over or it is to stop.
    pub fn check(&self) -> Result<(), Stop> {
        if let Some(reason) = self.control.cancelled() {
            return Err(Stop::Cancelled(reason));
        }
        if self.left().is_zero() {
            return Err(Stop::Timeout);
        }
        Ok(())
    }

    /// Called while the guest computes: lets others have the processor if this job had it for long.
    ///
    /// # Errors
    /// As [`Deadline::check`].
    pub fn tick(&mut self) -> Result<(), Stop> {
        self.check()?;
        if self.slice.elapsed() >= SLICE && self.cpu.as_ref().is_some_and(|cpu| cpu.wanted()) {
            self.give_back();
            self.take();
        }
        Ok(())
    }

    /// Waits until `ready` has something, at most for `limit`; `None` when that is over.
    ///
    /// # Errors
    /// As [`Deadline::check`].
    pub fn wait<T>(
        &mut self,
        limit: Duration,
        ready: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        self.check()?;
        let until = Instant::now() + limit.min(self.left());
        self.give_back();
        let woken = self.control.wait(until, ready);
        if let Wake::Cancelled(reason) = woken {
            return Err(Stop::Cancelled(reason));
        }
        let value = match woken {
            Wake::Ready(value) => Some(value),
            _ => None,
        };
        if value.is_none() && self.left().is_zero() {
            return Err(Stop::Timeout);
        }
        self.take();
        Ok(value)
    }

    /// Begins again, with all of its time.
    pub fn begin(&mut self) {
        self.started = Instant::now();
        self.excluded = Duration::ZERO;
    }

    /// Time that passed and does not count.
    pub fn excluded(&self) -> Duration {
        self.excluded
    }

    /// Time that somebody else noticed not to count.
    pub fn exclude(&mut self, time: Duration) {
        self.excluded += time;
    }

    /// Waits for what the job itself does elsewhere, on its processor: until its time is over, and for a grace.
    ///
    /// # Errors
    /// As [`Deadline::check`], after the grace.
    pub fn attend<T>(
        &mut self,
        grace: Duration,
        ready: impl FnMut() -> Option<T>,
    ) -> Result<T, Stop> {
        let until = Instant::now() + self.left() + grace;
        match self.control.wait(until, ready) {
            Wake::Ready(value) => Ok(value),
            Wake::Cancelled(reason) => Err(Stop::Cancelled(reason)),
            Wake::Time => Err(Stop::Timeout),
        }
    }

    /// Lends the processor to others until [`Deadline::take`].
    pub fn give_back(&mut self) {
        if let Some(cpu) = &mut self.cpu {
            cpu.give_back();
        }
    }

    /// Waits for a processor, which does not count.
    pub fn take(&mut self) {
        if let Some(cpu) = &mut self.cpu {
            self.excluded += cpu.take();
            self.slice = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Cancel;

    #[test]
    fn a_wait_never_outlasts_the_job() {
        let mut deadline = Deadline::new(Duration::from_millis(5), Arc::default(), None);
        let waited = deadline.wait(Duration::from_secs(3600), || None::<()>);
        assert_eq!(waited, Err(Stop::Timeout));
    }

    #[test]
    fn a_cancelled_job_does_not_begin_to_wait() {
        let control = Arc::new(Control::default());
        let mut deadline = Deadline::new(Duration::from_secs(5), control.clone(), None);
        control.cancel(Cancel::ClientGone);
        assert_eq!(
            deadline.wait(Duration::from_secs(1), || Some(())),
            Err(Stop::Cancelled(Cancel::ClientGone))
        );
    }
}
