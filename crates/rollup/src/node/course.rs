//! The course of a level tick by tick: to its end, or to any tick on the way, where the state has a hash too. Wrong states
//! that were asked for are put in where they belong.

use super::block::State;
use super::loser::{CHEATER, Failure};
use super::proof;
use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::put_block;
use crate::inbox::message;
use crate::pvm::{Executor, Pvm, Status, Stop, Surroundings, Until};
use crate::storage::{Path, Value};

/// Where a wrong state is marked; kernels cannot write there.
const MARK: &str = "/readonly/failure";

/// The state after a level and the outbox of the level; `outbox` is the chain of hashes before.
pub(super) fn after(pvm: &Pvm, outbox: Hash, level: i32) -> (State, Vec<Vec<u8>>) {
    let messages: Vec<Vec<u8>> = pvm
        .world
        .outbox
        .level(level)
        .unwrap_or_default()
        .iter()
        .map(|message| message.to_vec())
        .collect();
    let state = State {
        durable: pvm.world.durable.hash(),
        outbox: proof::chain(outbox, level, &messages),
        level,
        ticks: pvm.ticks(),
        status: u8::from(pvm.stuck().is_some()),
    };
    (state, messages)
}

/// A level under way.
pub(super) struct Course<'a> {
    /// The machine.
    pub(super) pvm: Pvm,
    level: i32,
    before: &'a State,
    messages: Vec<Vec<u8>>,
    /// Ticks from the level's beginning at which wrong states are put in, the next one last.
    failures: Vec<u64>,
    executor: &'a mut dyn Executor,
    outside: &'a mut dyn Surroundings,
    /// The machine's ticks when the level began.
    begun: u64,
    /// The ticks in which messages are collected; `None` when they are.
    collecting: Option<u64>,
    position: u64,
}

impl<'a> Course<'a> {
    /// A level on a machine whose state is `before`.
    pub(super) fn new(
        pvm: Pvm,
        before: &'a State,
        level: i32,
        messages: &[Vec<u8>],
        failures: &[Failure],
        executor: &'a mut dyn Executor,
        outside: &'a mut dyn Surroundings,
    ) -> Self {
        let mut messages = messages.to_vec();
        let mut at = Vec::new();
        for failure in failures.iter().filter(|failure| failure.level == level) {
            match messages.get_mut(failure.message) {
                Some(message) if failure.tick == 0 => *message = message::external(CHEATER),
                _ => at.push((failure.message as u64).saturating_add(failure.tick)),
            }
        }
        at.sort_unstable();
        at.reverse();
        let begun = pvm.ticks();
        // A machine that is stuck takes no messages: its level is over at once.
        let mut collected = pvm.clone();
        let collecting = collected
            .load(level, messages.clone())
            .ok()
            .map(|()| collected.ticks() - begun);
        Self {
            pvm,
            level,
            before,
            messages,
            failures: at,
            executor,
            outside,
            begun,
            collecting,
            position: 0,
        }
    }

    /// Goes to the end.
    ///
    /// # Errors
    /// If data cannot be revealed, or nobody wants to wait.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.to(u64::MAX).map(drop)
    }

    /// Goes to a tick, not before where it is; false when the level is over before.
    ///
    /// # Errors
    /// If data cannot be revealed, or nobody wants to wait.
    pub(super) fn to(&mut self, tick: u64) -> Result<bool, String> {
        while let Some(failure) = self.failures.pop_if(|failure| *failure <= tick) {
            if !self.go(failure)? {
                return Ok(false);
            }
            let mark = Value::from(&failure.to_be_bytes()[..]);
            self.pvm.world.durable.set(&Path::known(MARK), mark);
        }
        self.go(tick)
    }

    fn go(&mut self, tick: u64) -> Result<bool, String> {
        if let Some(collecting) = self.collecting {
            if tick < collecting {
                self.position = tick;
                return Ok(true);
            }
            let messages = self.messages.clone();
            self.pvm
                .load(self.level, messages)
                .map_err(|error| error.to_string())?;
            self.collecting = None;
        }
        loop {
            self.position = self.pvm.ticks() - self.begun;
            if self.position >= tick {
                return Ok(self.position == tick);
            }
            if self.is_over() {
                return Ok(false);
            }
            let room = tick - self.position;
            if room == u64::MAX - self.position
                || (self.pvm.is_snapshot() && room >= self.pvm.version().tick_limit())
            {
                self.pvm.kernel_run(self.executor, self.outside)?;
                continue;
            }
            if self.pvm.step_until(Until::Ticks(room), self.outside)? == Stop::Reveal
                && let Status::WaitingForReveal(request) = self.pvm.status()
            {
                let data = self.outside.reveal(&request)?;
                self.pvm.answer(&data);
            }
        }
    }

    /// Whether all messages have had their effect.
    fn is_over(&self) -> bool {
        self.collecting.is_none() && (self.pvm.is_collecting() || self.pvm.stuck().is_some())
    }

    /// The hash of the state here: before the first tick that of the block before, at the end that of the block.
    pub(super) fn hash(&self) -> Hash {
        if self.is_over() {
            return after(&self.pvm, self.before.outbox, self.level).0.hash();
        }
        if self.position == 0 {
            return self.before.hash();
        }
        let mut out = self.before.outbox.to_vec();
        if self.collecting.is_some() {
            let read = self.messages.len().min(self.position as usize);
            out.extend(self.pvm.world.durable.hash());
            out.extend(self.position.to_be_bytes());
            for message in &self.messages[..read] {
                put_block(&mut out, message);
            }
        } else {
            out.extend(self.pvm.digest());
            for message in self.pvm.world.outbox.level(self.level).unwrap_or_default() {
                put_block(&mut out, message);
            }
        }
        blake2b(&out)
    }

    /// The hashes of the states at ticks in ascending order; `None` after the end.
    ///
    /// # Errors
    /// If data cannot be revealed, or nobody wants to wait.
    pub(super) fn hashes(&mut self, ticks: &[u64]) -> Result<Vec<Option<Hash>>, String> {
        let mut out = Vec::with_capacity(ticks.len());
        for tick in ticks {
            let there = self.to(*tick)?;
            out.push(there.then(|| self.hash()));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::level;
    use crate::pvm::Interpreter;
    use crate::reveal::Request;
    use crate::version::Version;

    struct Silent;

    impl Surroundings for Silent {
        fn debug(&mut self, _: &[u8]) {}

        fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
            Ok(request.to_string().into_bytes())
        }
    }

    const PERIOD: u64 = 11_000_000_000;

    fn hashes(failures: &[Failure], ticks: &[u64]) -> Vec<Option<Hash>> {
        let kernel = wat::parse_str(include_str!("../../kernels/counter.wat")).unwrap();
        let pvm = Pvm::originate(&kernel, Version::R2);
        let (before, _) = after(&pvm, Hash::default(), 0);
        let messages = level(message::Info::default(), None, false, vec![vec![1, 7]; 3]);
        let (mut executor, mut outside) = (Interpreter, Silent);
        let mut course = Course::new(
            pvm,
            &before,
            1,
            &messages,
            failures,
            &mut executor,
            &mut outside,
        );
        course.hashes(ticks).unwrap()
    }

    #[test]
    fn every_tick_has_a_hash_that_does_not_depend_on_the_steps_to_it() {
        let ticks = [
            0,
            1,
            5,
            6,
            1_000,
            PERIOD - 1,
            PERIOD,
            PERIOD + 1,
            PERIOD + 300,
            PERIOD + 301,
            2 * PERIOD - 1,
            2 * PERIOD,
        ];
        let all = hashes(&[], &ticks);
        assert!(all.iter().all(Option::is_some));
        for (n, tick) in ticks.iter().enumerate() {
            assert_eq!(hashes(&[], &[*tick]), [all[n]], "tick {tick}");
            assert!(!all[..n].contains(&all[n]), "tick {tick}");
        }
        assert_eq!(hashes(&[], &[2 * PERIOD + 1]), [None]);
    }

    #[test]
    fn a_wrong_state_differs_from_its_tick_on_and_not_before() {
        for (message, tick, from) in [
            (0, 0, 1),
            (2, 4, 6),
            (5, PERIOD, PERIOD + 5),
            (5, PERIOD + 300, PERIOD + 305),
        ] {
            let failure = Failure {
                level: 1,
                message,
                tick,
            };
            let ticks = [from - 1, from, 2 * PERIOD];
            let (right, wrong) = (hashes(&[], &ticks), hashes(&[failure], &ticks));
            assert_eq!(right[0], wrong[0], "{failure:?}");
            assert!(wrong[1].is_some() && right[1] != wrong[1], "{failure:?}");
            assert!(wrong[2].is_some() && right[2] != wrong[2], "{failure:?}");
        }
        let elsewhere = Failure {
            level: 2,
            message: 0,
            tick: 0,
        };
        let ticks = [2 * PERIOD];
        assert_eq!(hashes(&[elsewhere], &ticks), hashes(&[], &ticks));
    }
}
