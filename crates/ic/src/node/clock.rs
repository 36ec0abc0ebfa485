//! The time of rounds. Owns the rule that each round is later than the one before (scheduling.md 1.1, P0, and 5); who moves
//! the clock beside that is the business of drivers. Nothing here looks at a real clock.

/// A clock that only rounds and drivers move.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// Nanoseconds of a round for which nobody has moved the clock.
    step: u64,
    now: u64,
    last: u64,
}

impl Clock {
    /// A clock that shows `start`, nanoseconds since the Unix epoch, and goes on by `step` with each round.
    pub(super) fn new(start: u64, step: u64) -> Self {
        Clock {
            step,
            now: start,
            last: start,
        }
    }

    /// The time of the next round: later than that of the last one.
    pub(super) fn tick(&mut self) -> u64 {
        if self.now <= self.last {
            self.now = self.last.saturating_add(self.step);
        }
        self.last = self.now;
        self.now
    }

    /// The next round has this time, if it is later than that of the last one.
    pub(super) fn set(&mut self, now: u64) {
        self.now = now;
    }

    /// It is this time without any round; the next one is later.
    pub(crate) fn pass(&mut self, now: u64) {
        self.now = now;
        self.last = now;
    }

    /// So many nanoseconds pass.
    pub(super) fn advance(&mut self, nanoseconds: u64) {
        self.now = self.now.saturating_add(nanoseconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GENESIS_NS as G;

    const SECOND: u64 = 1_000_000_000;

    /// The table of scheduling.md 5.
    #[test]
    fn a_round_takes_a_step_unless_time_has_passed() {
        let mut clock = Clock::new(G, 1);
        let start_up_create_install = [(); 4].map(|()| clock.tick());
        assert_eq!(start_up_create_install, [G + 1, G + 2, G + 3, G + 4]);
        assert_eq!(clock.tick(), G + 5);
        clock.advance(SECOND);
        assert_eq!(clock.tick(), G + 5 + SECOND);
        clock.advance(SECOND);
        assert_eq!(clock.tick(), G + 5 + 2 * SECOND);
        assert_eq!(clock.tick(), G + 6 + 2 * SECOND);
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::new(G, 5);
        clock.set(G - 1);
        assert_eq!(clock.tick(), G + 5);
        clock.set(G + 7);
        assert_eq!((clock.tick(), clock.tick()), (G + 7, G + 12));
    }
}
