//! Runs one entry point of one program: chooses the code, begins again on other code where the first cannot tell the
//! result, and says how it ended. Heap and globals are left as changed, within a level that the host ends.

use crate::code::portion;
use crate::engine::Engine;
use crate::entry::{Entry, Fault, NotEntered};
use crate::failure::{Failure, Resource};
use crate::guest::{Interruption, Running, TOUCHES, Touches};
use crate::host::{Activation, Host};
use crate::imports::Linking;
use crate::instance::{Instance, Program};
use crate::memory::{Heap, HeapError, is_portable, remaining_stack};
use crate::meter::{Exhausted, Meter, Refill};
use crate::module::{Frame, Module};
use crate::record::Recording;
use crate::tier::Tier;

/// What host functions below Wasm code may need of a stack, in bytes.
const HOST_STACK: usize = 1 << 20;
/// Instructions that the interpreter carries out in the time that it takes to enter machine code: so many of an execution say
/// nothing for compiling.
const ENTERING: u64 = 150;
/// The same where what is touched is paid for, which machine code tells by faults.
const ENTERING_WATCHED: u64 = 10_000;

/// What to run, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// The function.
    pub entry: Entry<'a>,
    /// Instructions that the execution may use.
    pub limit: u64,
    /// Instructions of a slice, for hosts that count in slices; else the same.
    pub slice: u64,
}

/// What WebAssembly trapped on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapKind {
    /// `unreachable`
    Unreachable,
    /// A load, store or bulk operator outside of the memory.
    MemoryOutOfBounds,
    /// An element outside of the table.
    TableOutOfBounds,
    /// An integer was divided by zero.
    IntegerDivisionByZero,
    /// The stack did not suffice.
    StackOverflow,
    /// An indirect call of a function of another type.
    BadSignature,
    /// Anything else.
    Other,
}

/// How an execution ended.
pub enum End<H: Host> {
    /// The function returned.
    Returned,
    /// The host ended it.
    Stopped(<H::Activation as Activation>::Stop),
    /// It trapped. The frames, innermost first, are empty unless the engine was made with backtraces.
    Trapped {
        /// On what.
        kind: TrapKind,
        /// Which functions were running.
        frames: Vec<Frame>,
    },
    /// No code ran.
    NotEntered(NotEntered),
    /// The module cannot be instantiated.
    Refused(H::Refusal),
}

impl<H: Host> End<H> {
    fn is_stack_overflow(&self) -> bool {
        let overflow = TrapKind::StackOverflow;
        matches!(self, End::Trapped { kind, .. } if *kind == overflow)
    }
}

/// An execution that has ended. The level of the heap is open, for the host to commit, roll back or park.
pub struct Run<H: Host> {
    /// What the host keeps of it.
    pub activation: Box<H::Activation>,
    /// How it ended.
    pub end: Result<End<H>, Failure>,
    /// Which functions the instructions were spent in, if the engine was made for profiles.
    pub recording: Option<Box<Recording>>,
    /// What it used.
    pub meter: Usage,
}

/// What an execution used.
#[derive(Clone, Debug)]
pub struct Usage {
    meter: Meter,
    counter: i64,
}

impl Usage {
    /// Instructions used, at most the limit.
    pub fn used(&self) -> u64 {
        self.meter.used(self.counter)
    }

    /// Charges for something behind the end of the code. It cannot fail any more.
    pub fn charge(&mut self, instructions: u64) {
        let instructions = i64::try_from(instructions).unwrap_or(i64::MAX);
        self.counter = self.counter.saturating_sub(instructions);
    }

    /// The limit of the execution.
    pub fn limit(&self) -> u64 {
        self.meter.limit()
    }

    /// Instructions of the slices that were finished; the last one was not.
    pub fn finished_slices(&self) -> &[u64] {
        self.meter.finished_slices()
    }
}

/// Why an attempt told no end.
enum Unfinished {
    Failure(Failure),
    /// The engine itself ended it.
    Interrupted,
}

/// What came of running an entry point once.
struct Attempt<H: Host> {
    running: Running<H>,
    end: Result<End<H>, Unfinished>,
    tier: Tier,
    counter: i64,
    /// The tier that is to run the execution from its beginning.
    again: Option<Tier>,
}

impl<H: Host> Attempt<H> {
    fn overflowed(&self) -> bool {
        self.end.as_ref().is_ok_and(End::is_stack_overflow)
    }
}

impl<H: Linking> Engine<H> {
    /// Runs an entry point of a program. Opens a level of its heap, which the host has to end whatever came of it.
    pub fn run(
        &self,
        instance: &mut Instance<H>,
        program: &mut Program<'_, H>,
        mut activation: Box<H::Activation>,
        order: Order<'_>,
    ) -> Run<H> {
        let mark = activation.mark();
        let recording = self.recording(None);
        let mut attempt = self.attempt(instance, program, activation, order, recording);
        let mut tried = Vec::new();
        while let Some(tier) = attempt.again
            && !tried.contains(&tier)
        {
            tried.push(attempt.tier);
            instance.short_ones = 0;
            instance.roll_back(program);
            attempt.running.activation.rewind(&mark);
            // Fast code makes way for better when there is some.
            instance.preferred = (tier != Tier::Fast).then_some(tier);
            let Running {
                activation,
                recording,
                ..
            } = attempt.running;
            attempt = self.attempt(instance, program, activation, order, recording);
        }
        // What begins with it is not to depend on what was run before.
        if instance.preferred == Some(Tier::Exact) {
            instance.preferred = Some(Tier::Cautious);
        }
        let deepest = attempt.running.recording.as_ref();
        // Frames of profiled code may also be the smaller ones.
        if deepest.map_or(0, |record| record.deepest()) > Tier::Fast.stack() {
            attempt = self.profile_again(instance, program, attempt, &mark, order);
        }
        let end = attempt.end.map_err(|unfinished| match unfinished {
            Unfinished::Failure(failure) => failure,
            Unfinished::Interrupted => Failure::new(
                Resource::Engine,
                "an execution could not be finished by any code",
            ),
        });
        let Running {
            activation,
            meter,
            recording,
            beside,
            touches,
        } = attempt.running;
        let watched = touches.is_some() && !is_portable();
        let entering = if watched { ENTERING_WATCHED } else { ENTERING };
        let code = meter.used(attempt.counter).saturating_sub(beside);
        instance.short_ones = match watched && code <= entering {
            true => instance.short_ones.saturating_add(1),
            false => 0,
        };
        let worth = code.saturating_sub(entering);
        if !program.heap.as_deref().is_some_and(Heap::is_short) {
            self.promotions
                .count(&self.compiler, program.module, attempt.tier, worth);
        }
        Run {
            activation,
            end,
            recording,
            meter: Usage {
                meter,
                counter: attempt.counter,
            },
        }
    }

    fn recording(&self, end: Option<u64>) -> Option<Box<Recording>> {
        let profile = self.settings().profile;
        profile.then(|| Box::new(Recording::new(end)))
    }

    /// Repeats an execution in which profiled code needed so much of the stack that other code may have had too little:
    /// first without a profile, which tells the result, and then with one that ends where the stack does.
    fn profile_again(
        &self,
        instance: &mut Instance<H>,
        program: &mut Program<'_, H>,
        profiled: Attempt<H>,
        mark: &<H::Activation as Activation>::Mark,
        order: Order<'_>,
    ) -> Attempt<H> {
        let overflowed = profiled.overflowed();
        let mut again = |attempt: Attempt<H>, tier: Option<Tier>, recording| {
            let mut activation = attempt.running.activation;
            instance.roll_back(program);
            activation.rewind(mark);
            instance.preferred = tier;
            let attempt = self.attempt(instance, program, activation, order, recording);
            instance.preferred = None;
            attempt
        };
        // Where the stack ends is for the optimizing code to say, as without a profile.
        let mut tier = Tier::Optimizing;
        let mut plain = again(profiled, Some(tier), None);
        let mut tried = vec![tier];
        while let Some(other) = plain.again
            && !tried.contains(&other)
        {
            tier = other;
            tried.push(tier);
            plain = again(plain, Some(tier), None);
        }
        if !plain.overflowed() {
            if overflowed {
                debug_assert!(false, "profiled code has more than enough stack");
                plain.running.recording = self.recording(None);
                return plain;
            }
            return again(plain, None, self.recording(None));
        }
        let used = plain.running.meter.used(plain.counter);
        let mut recorded = again(plain, None, self.recording(Some(used)));
        // The profiled code may go a little further, to where the next function begins. What counts is where the other ended.
        let recording = recorded.running.recording.take();
        let mut plain = again(recorded, Some(tier), None);
        plain.running.recording = recording;
        plain
    }

    /// Runs the entry point once, within a new level of the heap.
    fn attempt(
        &self,
        instance: &mut Instance<H>,
        program: &mut Program<'_, H>,
        activation: Box<H::Activation>,
        order: Order<'_>,
        recording: Option<Box<Recording>>,
    ) -> Attempt<H> {
        let mut running: Running<H> = Running {
            activation,
            meter: Meter::new(order.limit, order.slice),
            recording,
            beside: 0,
            touches: None,
        };
        let price = running.activation.touch_price();
        if let (Some(heap), Some(price)) = (&program.heap, price) {
            running.touches = Some(Touches::new(heap.touches(), price));
        }
        let begun = program.heap.as_mut().map_or(Ok(()), |heap| heap.begin());
        let live = match begun {
            Ok(()) => instance.get(self, program),
            Err(error) => Err(error.into()),
        };
        let live = match live {
            Ok(Ok(live)) => live,
            other => {
                return Attempt {
                    counter: running.meter.initial_counter(),
                    running,
                    end: match other {
                        Ok(Err(refusal)) => Ok(End::Refused(refusal)),
                        Err(failure) => Err(Unfinished::Failure(failure)),
                        Ok(Ok(_)) => unreachable!("matched above"),
                    },
                    tier: Tier::Optimizing,
                    again: None,
                };
            }
        };
        let tier = live.tier;
        if live.cell().takeover.is_some() {
            let portion = portion(self.settings().choice, tier, program.module);
            running.meter.in_portions(portion);
        }
        let initial = running.meter.initial_counter();
        live.cell().run = Some(running);
        live.set_counter(initial);
        let heap = &mut program.heap;
        let result = with_stack(tier.stack() + HOST_STACK, || {
            let _active = match (heap, price) {
                (None, _) => None,
                (Some(heap), price) if tier == Tier::Interpreter || is_portable() => {
                    Some(heap.listen(price.is_some())?)
                }
                (Some(heap), None) => Some(heap.activate()),
                (Some(heap), Some(_)) => Some(heap.follow()?),
            };
            Ok(live.enter(order.entry))
        });
        let result = result.and_then(|result: Result<_, HeapError>| Ok(result?));
        let cell = live.cell();
        let running = cell.run.take().expect("put there above");
        let (stop, failure) = (cell.stop.take(), cell.failure.take());
        let interruption = cell.interruption.take();
        let sliced = !running.meter.finished_slices().is_empty();
        let mut again = None;
        let end = match result {
            Err(failure) => Err(Unfinished::Failure(failure)),
            Ok(_) if failure.is_some() => Err(Unfinished::Failure(failure.expect("looked at"))),
            Ok(result) => match (stop, result) {
                (Some(reason), _) => Ok(End::Stopped(reason)),
                (None, Ok(())) => Ok(End::Returned),
                (None, Err(Fault::Before(why))) => Ok(End::NotEntered(why)),
                (None, Err(fault)) => match (interruption, fault) {
                    (Some(Interruption::Takeover), _) => {
                        again = Some(self.compiler.successor(program.module, tier, sliced));
                        Err(Unfinished::Interrupted)
                    }
                    (Some(Interruption::Recorded), _) => Err(Unfinished::Interrupted),
                    (None, Fault::Trapped(trap, functions)) => {
                        let checks = checks_bounds(program.module, tier);
                        let better = match trap {
                            // What such an access has touched before its end is for others to say.
                            wasmtime::Trap::MemoryOutOfBounds if checks && price.is_some() => {
                                Some(Tier::Cautious)
                            }
                            trap => run_again_on(&trap, tier, sliced),
                        };
                        again = better.filter(|_| self.compiler.can_ask_beyond(tier));
                        Ok(self.trapped(program.module, tier, &trap, functions))
                    }
                    (None, Fault::Unable) => {
                        program.module.cannot_be_interpreted();
                        again = Some(Tier::Fast);
                        Err(Unfinished::Interrupted)
                    }
                    (None, Fault::Before(_) | Fault::Ended) => {
                        unreachable!("matched above, or with a reason")
                    }
                    (None, Fault::Engine(error)) => {
                        let failure = Failure::new(Resource::Engine, format!("{error:?}"));
                        Err(Unfinished::Failure(failure))
                    }
                },
            },
        };
        let mut counter = live.counter();
        let mut running = running;
        let end = end.map(|end| match end {
            End::NotEntered(_) | End::Refused(_) => end,
            end => match (running.pay_for_touches(&mut counter), &end) {
                // Why the host stopped was decided before.
                (Ok(()), _) | (Err(_), End::Stopped(_)) => end,
                (Err(why), _) => End::Stopped(running.activation.exhausted(why)),
            },
        });
        Attempt {
            counter,
            running,
            end,
            tier,
            again,
        }
    }
}

impl<H: Linking> Engine<H> {
    fn trapped(
        &self,
        module: &Module<H>,
        tier: Tier,
        trap: &wasmtime::Trap,
        functions: Vec<u32>,
    ) -> End<H> {
        let frames = match self.settings().backtraces {
            true => module.frames(functions.into_iter(), tier),
            false => Vec::new(),
        };
        let kind = kind_of(trap);
        End::Trapped { kind, frames }
    }
}

impl<H: Host> Running<H> {
    /// Pays for what was touched since a host function did so last.
    fn pay_for_touches(&mut self, counter: &mut i64) -> Result<(), Exhausted> {
        let Some(touches) = &mut self.touches else {
            return Ok(());
        };
        let mut due = touches.due();
        while due > 0 {
            let count = Meter::payable(*counter, touches.price, due);
            let before = self.meter.used(*counter);
            *counter = counter.saturating_sub_unsigned(count.saturating_mul(touches.price));
            if let Some(recording) = &mut self.recording {
                recording.host(TOUCHES, before, self.meter.used(*counter));
            }
            touches.paid(count);
            self.beside += count.saturating_mul(touches.price);
            due -= count;
            if *counter < 0 {
                *counter = match self.meter.refill(*counter)? {
                    Refill::Portion(counter) | Refill::Slice(counter) => counter,
                };
            }
        }
        Ok(())
    }
}

fn kind_of(trap: &wasmtime::Trap) -> TrapKind {
    match trap {
        wasmtime::Trap::UnreachableCodeReached => TrapKind::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        wasmtime::Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        wasmtime::Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        wasmtime::Trap::StackOverflow => TrapKind::StackOverflow,
        wasmtime::Trap::BadSignature => TrapKind::BadSignature,
        _ => TrapKind::Other,
    }
}

/// Whether code finds the end of the heap without touching what lies before it, and does not tell either.
fn checks_bounds<H: Host>(module: &Module<H>, tier: Tier) -> bool {
    tier == Tier::Fast && module.shape().memory64() && !is_portable()
}

/// The code generator that has to run an execution again which trapped, so that its outcome does not depend on the one
/// that ran it.
fn run_again_on(trap: &wasmtime::Trap, tier: Tier, sliced: bool) -> Option<Tier> {
    use wasmtime::Trap::*;
    match (tier, trap) {
        // The global is right where calls and `unreachable` trap.
        (
            Tier::Optimizing,
            StackOverflow | UnreachableCodeReached | IndirectCallToNull | BadSignature,
        ) => None,
        (Tier::Optimizing, _) => Some(Tier::Exact),
        // Whether the stack suffices is for the optimizing code to say.
        (Tier::Fast | Tier::Interpreter | Tier::Cautious, StackOverflow) => Some(Tier::Optimizing),
        (Tier::Exact, StackOverflow) if !sliced => Some(Tier::Optimizing),
        _ => None,
    }
}

/// Runs something on this thread or, if it has not got so much stack, on a thread made for it.
fn with_stack<R: Send>(bytes: usize, run: impl FnOnce() -> R + Send) -> Result<R, Failure> {
    if remaining_stack().is_none_or(|left| left >= bytes) {
        return Ok(run());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes + HOST_STACK);
        let thread = thread
            .spawn_scoped(scope, run)
            .map_err(|error| Failure::new(Resource::Thread, error))?;
        match thread.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
