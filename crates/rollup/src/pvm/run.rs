//! Running a kernel at once: to the end of a run, of a level.

use std::sync::Arc;

use super::{Phase, Pvm, Status, Stop, Stuck};
use crate::host::World;
use crate::interpreter::{AFTER_RUN, Context, Ended, Event, Machine};
use crate::link::{self, Link};
use crate::module::Kernel;
use crate::reveal::Request;
use crate::version::Version;

/// What the owner of a machine supplies.
pub trait Surroundings {
    /// Receives what the kernel prints, without any line ending added.
    fn debug(&mut self, text: &[u8]);

    /// The same, from the interpreter, which counts ticks: only the difference of two such numbers means something.
    fn debug_at(&mut self, text: &[u8], _ticks: u64) {
        self.debug(text);
    }

    /// Finds data to reveal; the error ends the stepping.
    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String>;

    /// Whether nobody wants to wait any longer; asked several times a second while a kernel runs.
    fn interrupted(&mut self) -> bool {
        false
    }

    /// Told of a whole run that was longer than the machine's own count allows; as in the original it counts all the same.
    fn overlong(&mut self, _ticks: u64, _limit: u64) {}
}

/// A run that has no result: the machine undoes it and asks the interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// The kernel trapped, or something the executor cannot decide happened.
    Undecided(String),
    /// The owner did not have the data that the kernel wanted.
    NotRevealed(String),
    /// It has surely run for longer than a period; the world is as it was then.
    TooManyTicks,
    /// The owner did not want to wait for its end.
    Interrupted,
}

/// What the stepping ends with when [`Surroundings::interrupted`] says so.
pub const INTERRUPTED: &str = "interrupted";

/// The ticks that the interpreter spends before it asks whether it should go on.
const PATIENCE: u64 = 5_000_000;

/// Runs `kernel_run` of a module whose imports have been found, from its start to its end.
pub trait Executor {
    /// Runs it on a world; the ticks it took, as [`super::Phases::run`] counts them.
    fn run(
        &mut self,
        kernel: &Arc<Kernel>,
        links: &Arc<[Link]>,
        entry: u32,
        version: Version,
        world: &mut World,
        surroundings: &mut dyn Surroundings,
    ) -> Result<u64, Unfinished>;
}

/// The interpreter as an executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Executor for Interpreter {
    fn run(
        &mut self,
        kernel: &Arc<Kernel>,
        links: &Arc<[Link]>,
        entry: u32,
        version: Version,
        world: &mut World,
        surroundings: &mut dyn Surroundings,
    ) -> Result<u64, Unfinished> {
        let mut machine = Machine::new(Arc::clone(kernel), Arc::clone(links), version.call_depth())
            .map_err(Unfinished::Undecided)?;
        let mut budget = version.tick_limit();
        let mut before = 0;
        loop {
            let event = {
                let mut debug = |text: &[u8], ticks| surroundings.debug_at(text, ticks);
                machine.advance(
                    &mut budget,
                    &mut Context {
                        world,
                        debug: &mut debug,
                    },
                )
            };
            match event {
                Some(Event::Ready) => {
                    before = machine.spent();
                    machine.begin(entry);
                }
                Some(Event::Reveal(pending)) => {
                    let data = surroundings
                        .reveal(&pending.request)
                        .map_err(Unfinished::NotRevealed)?;
                    machine.deliver(&pending, &data);
                }
                Some(Event::Ended(Ended::Succeeded)) => {
                    return Ok(1 + machine.spent() - before - AFTER_RUN);
                }
                Some(Event::Ended(Ended::Trapped(trap))) => {
                    return Err(Unfinished::Undecided(trap.to_string()));
                }
                Some(Event::Ended(Ended::Failed(text))) => return Err(Unfinished::Undecided(text)),
                None => return Err(Unfinished::Undecided("too many ticks".into())),
            }
        }
    }
}

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this many ticks.
    Ticks(u64),
    /// When `kernel_run` has returned or trapped.
    Result,
    /// At the end of a `kernel_run` with all its ticks.
    KernelRun,
    /// When the messages of a level are wanted.
    Input,
}

impl Pvm {
    /// Steps on the interpreter; data to reveal is asked for, except while single ticks are counted.
    pub fn step_until(
        &mut self,
        until: Until,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Stop, String> {
        let mut budget = match until {
            Until::Ticks(ticks) => ticks,
            _ => u64::MAX,
        };
        loop {
            // What is left of a period passes at once, however long it is.
            let mut slice = match self.phase {
                Phase::Padding => budget,
                _ => budget.min(PATIENCE),
            };
            budget -= slice;
            let stop = self.advance(&mut slice, &mut |text, ticks| {
                surroundings.debug_at(text, ticks);
            });
            budget += slice;
            match (stop, until) {
                (Stop::Budget, _) if budget > 0 => {}
                (Stop::Reveal, Until::Ticks(_)) => return Ok(stop),
                (Stop::Reveal, _) => {
                    if let Status::WaitingForReveal(request) = self.status() {
                        let data = surroundings.reveal(&request)?;
                        self.answer(&data);
                    }
                }
                (Stop::Boundary, Until::Ticks(_)) if budget > 0 && !self.is_collecting() => {}
                (Stop::Ended, Until::Ticks(_) | Until::KernelRun | Until::Input) if budget > 0 => {}
                (Stop::Boundary, Until::Result | Until::Input) if !self.is_collecting() => {}
                _ => return Ok(stop),
            }
            if surroundings.interrupted() {
                return Err(INTERRUPTED.into());
            }
        }
    }

    /// One whole `kernel_run`: on an executor from its beginning, or the rest of it on the interpreter.
    pub fn kernel_run(
        &mut self,
        executor: &mut dyn Executor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Stop, String> {
        if self.is_snapshot() && self.run_at_once(executor, surroundings)? {
            return Ok(match self.phase {
                Phase::Stuck(_) => Stop::Stuck,
                _ => Stop::Boundary,
            });
        }
        self.step_until(Until::KernelRun, surroundings)
    }

    /// Runs until the messages of a level are wanted, or until the machine is stuck.
    pub fn run_level(
        &mut self,
        executor: &mut dyn Executor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Stop, String> {
        loop {
            let stop = self.kernel_run(executor, surroundings)?;
            if stop == Stop::Stuck || self.is_collecting() {
                return Ok(stop);
            }
            if surroundings.interrupted() {
                return Err(INTERRUPTED.into());
            }
        }
    }

    /// False when the executor came to no result; then nothing has changed.
    fn run_at_once(
        &mut self,
        executor: &mut dyn Executor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<bool, String> {
        let Some(Ok(kernel)) = self.kernel() else {
            return Ok(false);
        };
        let (Some(entry), Ok(links)) = (self.entry_point(), link::link(&kernel, self.version))
        else {
            return Ok(false);
        };
        let before = self.world.clone();
        self.keep_kernel();
        match executor.run(
            &kernel,
            &links,
            entry,
            self.version,
            &mut self.world,
            surroundings,
        ) {
            Ok(ticks) => {
                let limit = self.version.tick_limit();
                if ticks > limit {
                    surroundings.overlong(ticks, limit);
                }
                self.phases = super::Phases {
                    decode: kernel.decode_ticks,
                    link: 1 + kernel.imports.len() as u64,
                    init: kernel.start_ticks().unwrap_or_default(),
                    run: ticks,
                };
                self.conclude(true);
                self.phase = Phase::Padding;
                self.pad();
                Ok(true)
            }
            Err(Unfinished::TooManyTicks) => {
                self.total += self.version.tick_limit().saturating_sub(self.period);
                self.phase = Phase::Stuck(Stuck::TooManyTicks);
                Ok(true)
            }
            Err(unfinished) => {
                self.world = before;
                match unfinished {
                    Unfinished::Undecided(_) | Unfinished::TooManyTicks => Ok(false),
                    Unfinished::NotRevealed(text) => Err(text),
                    Unfinished::Interrupted => Err(INTERRUPTED.into()),
                }
            }
        }
    }
}
