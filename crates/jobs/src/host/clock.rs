//! The clocks of a guest: the machine's, or ones that only the guest's own calls move.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Which clock a guest reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nanoseconds since 1970.
    Realtime,
    /// Nanoseconds since the job began.
    Monotonic,
}

/// How far a look at a deterministic clock moves it.
const LOOK: Duration = Duration::from_micros(1);

/// The clocks of one job.
#[derive(Debug)]
pub(super) enum Clock {
    /// The machine's.
    Machine(Instant),
    /// Moved by the guest only.
    Fixed {
        /// Nanoseconds since 1970 at the start.
        epoch: u64,
        /// Since the start.
        passed: Duration,
    },
}

impl Clock {
    /// The clocks of the machine, or those of a deterministic job that begins at a number of milliseconds since 1970.
    pub(super) fn new(fixed_ms: Option<u64>) -> Self {
        match fixed_ms {
            None => Clock::Machine(Instant::now()),
            Some(ms) => Clock::Fixed {
                epoch: ms.saturating_mul(1_000_000),
                passed: Duration::ZERO,
            },
        }
    }

    /// A guest looks at a clock.
    pub(super) fn read(&mut self, kind: Kind) -> u64 {
        let now = self.now(kind);
        self.pass(LOOK);
        now
    }

    /// Nanoseconds, without the guest's noticing.
    pub(super) fn now(&self, kind: Kind) -> u64 {
        match (self, kind) {
            (Clock::Machine(started), Kind::Monotonic) => nanoseconds(started.elapsed()),
            (Clock::Machine(_), Kind::Realtime) => nanoseconds(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default(),
            ),
            (Clock::Fixed { passed, .. }, Kind::Monotonic) => nanoseconds(*passed),
            (Clock::Fixed { epoch, passed }, Kind::Realtime) => {
                epoch.saturating_add(nanoseconds(*passed))
            }
        }
    }

    /// Whether time passes by itself.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Clock::Fixed { .. })
    }

    /// Moves a deterministic clock.
    pub(super) fn pass(&mut self, time: Duration) {
        if let Clock::Fixed { passed, .. } = self {
            *passed = passed.saturating_add(time);
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_by_looks_and_sleeps() {
        let mut clock = Clock::new(Some(5));
        assert_eq!(clock.read(Kind::Realtime), 5_000_000);
        assert_eq!(clock.read(Kind::Monotonic), 1_000);
        clock.pass(Duration::from_secs(1));
        assert_eq!(clock.now(Kind::Realtime), 1_005_002_000);
    }
}
