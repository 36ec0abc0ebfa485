//! The machine of a rollup: it collects the messages of a level, then runs the kernel until it has had enough of them
//! (kernel-debugger.md, section 5).
//!
//! A [`Pvm`] is a value: cloning it at the end of a level costs a few reference counts. It steps by single ticks on the
//! interpreter, or takes a whole `kernel_run` at once on an [`Executor`]; both leave the same state.

mod cache;
mod digest;
pub mod keys;
mod run;
mod status;

pub use cache::Kernels;
pub use run::{Executor, INTERRUPTED, Interpreter, Surroundings, Unfinished, Until};
pub use status::{Cause, Status, Stuck};

use std::sync::Arc;

use crate::host::World;
use crate::host::calls::Pending;
use crate::inbox::{Input, message::Message};
use crate::interpreter::{AFTER_RUN, Context, Ended, Event, Machine, Profile, Trap};
use crate::link;
use crate::module::{Kernel, ModuleError};
use crate::storage::{Path, Value};
use crate::version::Version;

/// The name of the function that the machine calls.
pub const ENTRY_POINT: &str = "kernel_run";

/// The reboots of a level, and one for its first run.
const REBOOTS: i32 = 1001;

/// Where the machine is in its course.
#[derive(Clone)]
enum Phase {
    Collect,
    Snapshot,
    Decode {
        left: u64,
        decoded: Result<Arc<Kernel>, String>,
    },
    Link {
        left: u64,
        kernel: Arc<Kernel>,
    },
    Init(Box<Machine>),
    /// The module has started; the next tick begins `kernel_run`.
    Ready(Box<Machine>),
    Eval(Box<Machine>),
    /// `kernel_run` has returned, or trapped on something.
    Ended(Box<Machine>, Option<Trap>),
    Padding,
    Stuck(Stuck),
}

/// Why the machine stopped stepping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The budget of ticks is spent.
    Budget,
    /// The kernel wants data: [`Pvm::answer`].
    Reveal,
    /// `kernel_run` has ended; its memory can still be seen.
    Ended,
    /// A `kernel_run` is over with all its ticks.
    Boundary,
    /// It will not go on.
    Stuck,
}

/// The ticks of the phases of the last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Decoding the module.
    pub decode: u64,
    /// Linking its imports.
    pub link: u64,
    /// Starting it.
    pub init: u64,
    /// `kernel_run` itself.
    pub run: u64,
}

/// A machine cannot take the messages of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the machine does not wait for the messages of a level")]
pub struct NotCollecting;

/// The machine with everything that belongs to its rollup.
#[derive(Clone)]
pub struct Pvm {
    /// Storage, inbox, outbox.
    pub world: World,
    version: Version,
    phase: Phase,
    waiting: Option<Pending>,
    reboots: i32,
    /// Ticks since the beginning.
    total: u64,
    /// Ticks since the period began.
    period: u64,
    kernels: Kernels,
    phases: Phases,
    record: bool,
    profile: Option<Box<Profile>>,
}

impl Pvm {
    /// A rollup with its first kernel, before its first level.
    pub fn originate(kernel: &[u8], version: Version) -> Self {
        let mut pvm = Self {
            world: World::default(),
            version,
            phase: Phase::Collect,
            waiting: None,
            reboots: REBOOTS,
            total: 0,
            period: 0,
            kernels: Kernels::default(),
            phases: Phases::default(),
            record: false,
            profile: None,
        };
        pvm.set(&keys::KERNEL, kernel);
        pvm.set(&keys::REBOOT, b"");
        pvm.set(&keys::VERSION, version.name().as_bytes());
        pvm.write_counter();
        pvm
    }

    /// A machine at the end of a level, as it was: storage and outbox, version, ticks, and why it is stuck if it is.
    pub fn restore(world: World, version: Version, ticks: u64, stuck: Option<Stuck>) -> Self {
        Self {
            world,
            version,
            phase: stuck.map_or(Phase::Collect, Phase::Stuck),
            waiting: None,
            reboots: REBOOTS,
            total: ticks,
            period: 0,
            kernels: Kernels::default(),
            phases: Phases::default(),
            record: false,
            profile: None,
        }
    }

    /// The version it runs as.
    pub fn version(&self) -> Version {
        self.version
    }

    /// All ticks so far.
    pub fn ticks(&self) -> u64 {
        self.total
    }

    /// What it waits for.
    pub fn status(&self) -> Status {
        match (&self.waiting, &self.phase) {
            (Some(pending), _) => Status::WaitingForReveal(pending.request),
            (None, Phase::Collect | Phase::Stuck(_)) => Status::WaitingForInput,
            _ => Status::Evaluating,
        }
    }

    /// Where it is in its course, in the debugger's words.
    pub fn internal_status(&self) -> String {
        match &self.phase {
            Phase::Collect => "Collect".into(),
            Phase::Snapshot => "Snapshot".into(),
            Phase::Decode { .. } => "Decode".into(),
            Phase::Link { .. } => "Link".into(),
            Phase::Init(_) | Phase::Ready(_) => "Init".into(),
            Phase::Eval(_) => "Eval".into(),
            Phase::Ended(_, None) => "Evaluation succeeded".into(),
            Phase::Ended(_, Some(trap)) => format!("Evaluation failed ({trap})"),
            Phase::Padding => "Padding".into(),
            Phase::Stuck(stuck) => format!("Stuck ({stuck})"),
        }
    }

    /// Whether it waits for the messages of a level.
    pub fn is_collecting(&self) -> bool {
        matches!(self.phase, Phase::Collect)
    }

    /// Whether it will never go on, and why.
    pub fn stuck(&self) -> Option<&Stuck> {
        match &self.phase {
            Phase::Stuck(stuck) => Some(stuck),
            _ => None,
        }
    }

    /// Whether a `kernel_run` begins with the next tick.
    pub fn is_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Snapshot)
    }

    /// Whether a `kernel_run` is at its very first ticks, before any of its effects.
    pub fn is_beginning(&self) -> bool {
        self.is_snapshot() || matches!(&self.phase, Phase::Decode { .. } if self.period == 1)
    }

    /// The kernel's memory while there is one to look at.
    pub fn memory(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Init(machine)
            | Phase::Ready(machine)
            | Phase::Eval(machine)
            | Phase::Ended(machine, _) => Some(machine.memory()),
            _ => None,
        }
    }

    /// The kernel under the given key, decoded.
    pub fn kernel(&self) -> Option<Result<Arc<Kernel>, ModuleError>> {
        self.world
            .durable
            .value(&keys::KERNEL)
            .map(|value| self.kernels.get(value))
    }

    /// The ticks of the phases of the run that is going on or was the last.
    pub fn phases(&self) -> Phases {
        self.phases
    }

    /// Records the calls of the runs that follow, or no longer.
    pub fn record(&mut self, on: bool) {
        self.record = on;
    }

    /// The calls of the last run.
    pub fn take_profile(&mut self) -> Option<Box<Profile>> {
        self.profile.take()
    }

    /// Takes the messages of a level; after them the kernel is about to run.
    pub fn load(&mut self, level: i32, payloads: Vec<Vec<u8>>) -> Result<(), NotCollecting> {
        if !self.is_collecting() {
            return Err(NotCollecting);
        }
        for (counter, payload) in payloads.into_iter().enumerate() {
            if let [0, ..] = payload[..] {
                self.notice(level, &payload);
            }
            self.world.inbox.push(Input {
                level,
                counter: counter as i32,
                payload: payload.into(),
            });
            self.total += 1;
            self.period += 1;
        }
        self.pad();
        Ok(())
    }

    /// Acts on the protocol's own messages.
    fn notice(&mut self, level: i32, payload: &[u8]) {
        match Message::decode(payload) {
            Some(Message::StartOfLevel) => self
                .world
                .outbox
                .open(level, self.version.outbox_validity()),
            Some(Message::ProtocolMigration(protocol)) => {
                if let Some(version) = Version::of_protocol(&protocol) {
                    self.version = version;
                    self.set(&keys::VERSION, version.name().as_bytes());
                }
            }
            _ => {}
        }
    }

    /// Hands over the data that the kernel waits for; false when it waits for none.
    pub fn answer(&mut self, data: &[u8]) -> bool {
        match (self.waiting.take(), &mut self.phase) {
            (Some(pending), Phase::Eval(machine)) => {
                machine.deliver(&pending, data);
                true
            }
            _ => false,
        }
    }

    /// Steps on the interpreter until the budget is spent or something happens. `debug` receives what the kernel prints, with
    /// all ticks before it.
    pub fn advance(&mut self, budget: &mut u64, debug: &mut dyn FnMut(&[u8], u64)) -> Stop {
        loop {
            if self.waiting.is_some() {
                return Stop::Reveal;
            }
            if let Phase::Stuck(_) = self.phase {
                return Stop::Stuck;
            }
            if *budget == 0 {
                return Stop::Budget;
            }
            let left = self.version.tick_limit().saturating_sub(self.period);
            if left == 0 {
                self.phase = Phase::Stuck(Stuck::TooManyTicks);
                return Stop::Stuck;
            }
            let mut slice = left.min(*budget);
            let before = slice;
            let stop = self.step(&mut slice, debug);
            let spent = before - slice;
            *budget -= spent;
            if !matches!(stop, Some(Stop::Boundary)) {
                self.period += spent;
            }
            self.total += spent;
            if let Some(stop) = stop {
                return stop;
            }
        }
    }

    /// Steps within one phase; at least one tick of a budget that is not empty is spent.
    fn step(&mut self, budget: &mut u64, debug: &mut dyn FnMut(&[u8], u64)) -> Option<Stop> {
        let phase = std::mem::replace(&mut self.phase, Phase::Padding);
        match phase {
            Phase::Collect => {
                *budget -= 1;
                self.phase = Phase::Stuck(Stuck::InvalidState("Collect is a input tick".into()));
                return Some(Stop::Stuck);
            }
            Phase::Snapshot => {
                *budget -= 1;
                self.decode();
            }
            Phase::Decode { mut left, decoded } => {
                if !pay(&mut left, budget) {
                    self.phase = Phase::Decode { left, decoded };
                    return None;
                }
                match decoded {
                    Ok(kernel) => self.link(kernel),
                    Err(text) => return self.fall_back(Cause::Decode(text)),
                }
            }
            Phase::Link { mut left, kernel } => {
                if !pay(&mut left, budget) {
                    self.phase = Phase::Link { left, kernel };
                    return None;
                }
                return self.init(kernel);
            }
            Phase::Init(mut machine) => {
                let event = machine.advance(
                    budget,
                    &mut Context {
                        world: &mut self.world,
                        debug,
                    },
                );
                self.phases.init = machine.spent();
                match event {
                    Some(Event::Ready) => self.phase = Phase::Ready(machine),
                    Some(Event::Ended(Ended::Trapped(trap))) => {
                        return self.fall_back(Cause::Init(trap.to_string()));
                    }
                    Some(Event::Ended(Ended::Failed(text))) => {
                        return self.fall_back(Cause::Init(text));
                    }
                    _ => self.phase = Phase::Init(machine),
                }
            }
            Phase::Ready(machine) => {
                *budget -= 1;
                return self.begin(machine);
            }
            Phase::Eval(mut machine) => {
                // What a kernel measures may begin in one run and end in another.
                let before = self.total - machine.spent();
                let event = machine.advance(
                    budget,
                    &mut Context {
                        world: &mut self.world,
                        debug: &mut |text, spent| debug(text, before + spent),
                    },
                );
                self.phases.run = 1 + machine.spent() - self.phases.init;
                match event {
                    Some(Event::Ended(Ended::Failed(text))) => {
                        self.profile = machine.profile();
                        self.phase = Phase::Stuck(Stuck::Eval(text));
                        return Some(Stop::Stuck);
                    }
                    Some(Event::Ended(ended)) => {
                        let trap = match ended {
                            Ended::Trapped(trap) => Some(trap),
                            _ => None,
                        };
                        self.phases.run -= if trap.is_none() { AFTER_RUN } else { 3 + 1 };
                        self.profile = machine.profile();
                        self.phase = Phase::Ended(machine, trap);
                        return Some(Stop::Ended);
                    }
                    Some(Event::Reveal(pending)) => {
                        self.waiting = Some(pending);
                        self.phase = Phase::Eval(machine);
                        return Some(Stop::Reveal);
                    }
                    _ => self.phase = Phase::Eval(machine),
                }
            }
            Phase::Ended(_, trap) => {
                *budget -= 1;
                self.conclude(trap.is_none());
            }
            Phase::Padding => {
                let mut left = self.version.tick_limit().saturating_sub(self.period);
                if pay(&mut left, budget) {
                    self.turn();
                    return Some(Stop::Boundary);
                }
            }
            Phase::Stuck(stuck) => {
                self.phase = Phase::Stuck(stuck);
                return Some(Stop::Stuck);
            }
        }
        None
    }

    /// Snapshot: the kernel is decoded anew.
    fn decode(&mut self) {
        self.phases = Phases::default();
        self.profile = None;
        let decoded = match self.kernel() {
            None => Err("no kernel under /kernel/boot.wasm".into()),
            Some(decoded) => decoded.map_err(|error| error.to_string()),
        };
        self.phases.decode = decoded.as_ref().map_or(1, |kernel| kernel.decode_ticks);
        self.phase = Phase::Decode {
            left: self.phases.decode + 1,
            decoded,
        };
    }

    fn link(&mut self, kernel: Arc<Kernel>) {
        let imports = match link::unlinked(&kernel, self.version) {
            Some((position, _)) => position as u64 + 1,
            None => kernel.imports.len() as u64,
        };
        self.phases.link = 1 + imports;
        self.phase = Phase::Link {
            left: imports + 1,
            kernel,
        };
    }

    fn init(&mut self, kernel: Arc<Kernel>) -> Option<Stop> {
        if let Some((_, error)) = link::unlinked(&kernel, self.version) {
            return self.fall_back(Cause::Link(error.to_string()));
        }
        let depth = self.version.call_depth();
        let machine =
            link::link(&kernel, self.version).and_then(|links| Machine::new(kernel, links, depth));
        match machine {
            Ok(machine) => {
                self.phase = Phase::Init(Box::new(machine));
                None
            }
            Err(text) => self.fall_back(Cause::Init(text)),
        }
    }

    fn begin(&mut self, mut machine: Box<Machine>) -> Option<Stop> {
        let Some(entry) = self.entry_point() else {
            return self.no_entry_point();
        };
        self.keep_kernel();
        if self.record {
            machine.record();
        }
        machine.begin(entry);
        self.phase = Phase::Eval(machine);
        None
    }

    /// The number of `kernel_run` in the current kernel.
    fn entry_point(&self) -> Option<u32> {
        let kernel = self.kernel()?.ok()?;
        let entry = *kernel.exports.get(ENTRY_POINT)?;
        let ty = kernel.signature(entry);
        let own = entry as usize >= kernel.imports.len();
        (own && ty.params.is_empty() && ty.results.is_empty()).then_some(entry)
    }

    fn no_entry_point(&mut self) -> Option<Stop> {
        let text = format!("Invalid_module: no `{ENTRY_POINT}` function exported");
        self.phase = Phase::Stuck(Stuck::InvalidState(text));
        Some(Stop::Stuck)
    }

    /// A kernel that gets to run is the one to fall back to later.
    fn keep_kernel(&mut self) {
        let durable = &mut self.world.durable;
        if durable.node(&keys::KERNEL) != durable.node(&keys::FALLBACK) {
            durable.copy(&keys::KERNEL, &keys::FALLBACK);
        }
    }

    /// The kernel cannot run: back to the last one that could, whose turn is the next run.
    fn fall_back(&mut self, cause: Cause) -> Option<Stop> {
        let durable = &mut self.world.durable;
        let (current, last) = (durable.node(&keys::KERNEL), durable.node(&keys::FALLBACK));
        if last.is_some() && current != last {
            durable.copy(&keys::FALLBACK, &keys::KERNEL);
            self.set(&keys::UPGRADE_ERROR, b"");
            self.phase = Phase::Padding;
            return None;
        }
        self.phase = Phase::Stuck(Stuck::NoFallback(cause));
        Some(Stop::Stuck)
    }

    /// A run has returned or trapped.
    fn conclude(&mut self, succeeded: bool) {
        if succeeded {
            self.world.durable.delete(&keys::STUCK);
            self.world.durable.delete(&keys::UPGRADE_ERROR);
        } else {
            self.set(&keys::STUCK, b"");
        }
        self.phase = Phase::Padding;
    }

    /// Lets the rest of the period pass at once.
    fn pad(&mut self) {
        self.total += self.version.tick_limit().saturating_sub(self.period);
        self.turn();
    }

    /// The last tick of a period: another run, or the next level.
    fn turn(&mut self) {
        self.period = 0;
        let wanted = self.world.durable.node(&keys::REBOOT).is_some();
        if wanted && self.reboots > 0 {
            self.world.durable.delete(&keys::REBOOT);
            self.reboots -= 1;
            self.write_counter();
            self.phase = Phase::Snapshot;
            return;
        }
        if wanted {
            self.set(&keys::TOO_MANY_REBOOTS, b"");
        } else {
            self.world.durable.delete(&keys::TOO_MANY_REBOOTS);
        }
        self.reboots = REBOOTS;
        self.write_counter();
        self.set(&keys::REBOOT, b"");
        self.world.inbox.clear();
        self.phase = Phase::Collect;
    }

    fn write_counter(&mut self) {
        let counter = self.reboots.to_le_bytes();
        self.set(&keys::REBOOT_COUNTER, &counter);
    }

    fn set(&mut self, path: &Path, bytes: &[u8]) {
        self.world.durable.set(path, Value::from(bytes));
    }
}

/// Pays what is left from a budget; whether all is paid.
fn pay(left: &mut u64, budget: &mut u64) -> bool {
    let paid = (*left).min(*budget);
    *left -= paid;
    *budget -= paid;
    *left == 0
}

#[cfg(test)]
mod tests;
