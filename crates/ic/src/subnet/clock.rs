//! The time of rounds. Owns the steps of either program's clock (scheduling.md 5); nothing here looks at a real clock.

use crate::compat::Compat;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// Nanoseconds between two batches of the original program.
const DRUN_BATCH: u64 = 5_000_000;

/// A clock that only rounds and drivers move.
#[derive(Clone, Debug)]
pub struct Clock {
    compat: Compat,
    now: u64,
    last: u64,
}

impl Clock {
    /// A clock that shows `start`.
    pub fn new(compat: Compat, start: u64) -> Self {
        Clock {
            compat,
            now: start,
            last: start,
        }
    }

    /// The time of the next round: later than that of the last one.
    pub fn tick(&mut self) -> u64 {
        if self.now == self.last {
            self.now += match self.compat {
                Compat::PocketIc => 1,
                Compat::Drun => DRUN_BATCH,
            };
        }
        self.last = self.now;
        self.now
    }

    /// What the runner does after each round of an ingress message: a second passes.
    pub fn after_ingress_round(&mut self) {
        if self.compat == Compat::PocketIc {
            self.now += SECOND;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GENESIS_NS as G;

    /// The table of scheduling.md 5.
    #[test]
    fn the_runner_steps_a_nanosecond_and_a_second_after_ingress() {
        let mut clock = Clock::new(Compat::PocketIc, G);
        let start_up_create_install = [(); 4].map(|()| clock.tick());
        assert_eq!(start_up_create_install, [G + 1, G + 2, G + 3, G + 4]);
        assert_eq!(clock.tick(), G + 5);
        clock.after_ingress_round();
        assert_eq!(clock.tick(), G + 5 + SECOND);
        clock.after_ingress_round();
        assert_eq!(clock.tick(), G + 5 + 2 * SECOND);
        assert_eq!(clock.tick(), G + 6 + 2 * SECOND);
    }

    #[test]
    fn the_original_steps_five_milliseconds() {
        let mut clock = Clock::new(Compat::Drun, 0);
        assert_eq!((clock.tick(), clock.tick()), (5_000_000, 10_000_000));
        clock.after_ingress_round();
        assert_eq!(clock.tick(), 15_000_000);
    }
}
