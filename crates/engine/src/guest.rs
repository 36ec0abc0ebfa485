//! The frame of every host function: charging, the memory of the guest, and how a host ends an execution.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Caller, Extern, Global, ResourceLimiter, Val};

use crate::code::Takeover;
use crate::failure::{Failure, Resource, of_machine};
use crate::host::{Activation, Host};
use crate::interpreter::View;
use crate::memory::{HeapView, TouchCount};
use crate::meter::{Meter, Refill};
use crate::module::{Frame, Module};
use crate::record::{Recording, Stack};
use crate::rewrite::MEMORY_EXPORT;
use crate::tier::Tier;

/// The execution ends here. Made by [`Guest::stop`] and [`Guest::fail`], which know why.
#[derive(Clone, Copy, Debug)]
pub struct Stopped(());

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host ended the execution")
    }
}

impl std::error::Error for Stopped {}

/// There is no memory that a host function could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMemory {
    /// The module has none.
    Missing,
    /// Its export `memory` is something else.
    NotAMemory,
}

/// What was going on when an execution ended before the guest did.
pub(crate) enum Interruption {
    /// Other code is to run the execution from its beginning.
    Takeover,
    /// The recording has reached its end.
    Recorded,
}

/// What the store of an instance holds for the host functions.
pub(crate) struct Cell<H: Host> {
    pub module: Arc<Module<H>>,
    pub tier: Tier,
    /// The instruction counter of the instance.
    pub counter: Option<Global>,
    /// The heap of the instance, if the module has a memory.
    pub heap: Option<HeapView>,
    /// Asked after every portion of instructions.
    pub takeover: Option<Takeover>,
    /// Whether anybody asks which functions are running.
    pub backtraces: bool,
    /// The execution under way.
    pub run: Option<Running<H>>,
    /// Why the execution was ended by the host.
    pub stop: Option<<H::Activation as Activation>::Stop>,
    /// Why the execution was ended by the machine.
    pub failure: Option<Failure>,
    /// Why the execution was ended by the engine.
    pub interruption: Option<Interruption>,
}

/// An execution under way.
pub(crate) struct Running<H: Host> {
    pub activation: Box<H::Activation>,
    pub meter: Meter,
    pub recording: Option<Box<Recording>>,
    /// Instructions charged for something else than the code of the module.
    pub beside: u64,
    /// What is to be paid for touching the heap.
    pub touches: Option<Touches>,
}

/// The name under which touching the heap stands in profiles.
pub(crate) const TOUCHES: &str = "pages touched";

/// What an execution pays for touching the heap. It is charged where the counter is looked at: by host functions, at the end
/// of slices, and at the end (an optimized loop keeps its counter in a register, where nobody else can change it).
pub(crate) struct Touches {
    count: TouchCount,
    /// Instructions for a first access or first write.
    pub price: u64,
    paid: u64,
}

impl Touches {
    pub(crate) fn new(count: TouchCount, price: u64) -> Self {
        let paid = 0;
        Touches { count, price, paid }
    }

    /// Those that were not paid for.
    #[inline]
    pub(crate) fn due(&self) -> u64 {
        self.count.get() - self.paid
    }

    pub(crate) fn paid(&mut self, count: u64) {
        self.paid += count;
    }
}

impl<H: Host> Cell<H> {
    pub(crate) fn new(
        module: &Arc<Module<H>>,
        tier: Tier,
        heap: Option<HeapView>,
        backtraces: bool,
        takeover: Option<Takeover>,
    ) -> Self {
        Cell {
            module: Arc::clone(module),
            tier,
            counter: None,
            heap,
            takeover,
            backtraces,
            run: None,
            stop: None,
            failure: None,
            interruption: None,
        }
    }

    pub(crate) fn run(&mut self) -> &mut Running<H> {
        self.run
            .as_mut()
            .expect("a host function runs only within an execution")
    }
}

/// Only listens for growth that the machine refuses: the guest must not see that.
impl<H: Host> ResourceLimiter for Cell<H> {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if let Some(failure) = of_machine(&error, Resource::Heap) {
            self.failure = Some(failure);
            return Err(error);
        }
        Ok(())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// A host function at work, and the guest that called it.
pub struct Guest<'a, H: Host> {
    side: Side<'a, H>,
    /// The instruction counter: what is left of the portion at hand.
    counter: i64,
}

/// The guest, by what runs it.
enum Side<'a, H: Host> {
    Compiled(Caller<'a, Cell<H>>),
    Interpreted(&'a mut Cell<H>, &'a View<'a>),
}

impl<'a, H: Host> Guest<'a, H> {
    pub(crate) fn compiled(caller: Caller<'a, Cell<H>>, counter: i64) -> Self {
        let side = Side::Compiled(caller);
        Guest { side, counter }
    }

    pub(crate) fn interpreted(cell: &'a mut Cell<H>, view: &'a View<'a>, counter: i64) -> Self {
        let side = Side::Interpreted(cell, view);
        Guest { side, counter }
    }

    fn cell(&self) -> &Cell<H> {
        match &self.side {
            Side::Compiled(caller) => caller.data(),
            Side::Interpreted(cell, _) => cell,
        }
    }

    #[inline]
    fn cell_mut(&mut self) -> &mut Cell<H> {
        match &mut self.side {
            Side::Compiled(caller) => caller.data_mut(),
            Side::Interpreted(cell, _) => cell,
        }
    }

    /// The execution under way.
    #[inline]
    pub(crate) fn run(&mut self) -> &mut Running<H> {
        self.cell_mut().run()
    }

    /// What the counter goes on with.
    pub(crate) fn counter(&self) -> i64 {
        self.counter
    }

    /// What the host keeps of the execution under way.
    #[inline]
    pub fn activation(&mut self) -> &mut H::Activation {
        &mut self.run().activation
    }

    /// The module that runs.
    pub fn module(&self) -> &Module<H> {
        &self.cell().module
    }

    /// Ends the execution with this reason.
    pub fn stop<T>(&mut self, reason: <H::Activation as Activation>::Stop) -> Result<T, Stopped> {
        self.cell_mut().stop = Some(reason);
        Err(Stopped(()))
    }

    /// Ends the execution because the machine gave out, not the guest.
    pub fn fail<T>(&mut self, failure: Failure) -> Result<T, Stopped> {
        self.cell_mut().failure = Some(failure);
        Err(Stopped(()))
    }

    pub(crate) fn interrupt<T>(&mut self, interruption: Interruption) -> Result<T, Stopped> {
        self.cell_mut().interruption = Some(interruption);
        Err(Stopped(()))
    }

    /// Looks the counter up in the module, where it is handed over by nobody.
    pub(crate) fn read_counter(&mut self) {
        if let Side::Compiled(caller) = &mut self.side
            && let Some(global) = caller.data().counter
            && let Val::I64(counter) = global.get(caller)
        {
            self.counter = counter;
        }
    }

    /// Tells the module the counter, which is not handed over where an execution ends.
    pub(crate) fn write_counter(&mut self) {
        if let Side::Compiled(caller) = &mut self.side
            && let Some(global) = caller.data().counter
        {
            let set = global.set(caller, Val::I64(self.counter));
            set.expect("the counter is a mutable i64");
        }
    }

    /// Instructions executed so far, not capped at the limit.
    pub fn executed(&mut self) -> u64 {
        let counter = self.counter;
        let run = self.run();
        let touches = run.touches.as_ref();
        let due = touches.map_or(0, |touches| touches.due().saturating_mul(touches.price));
        run.meter.executed(counter).saturating_add(due)
    }

    /// Instructions of the finished slices.
    pub fn finished_slices(&mut self) -> &[u64] {
        self.run().meter.finished_slices()
    }

    /// Where, in the recording, a function of the host charged last; nothing if nothing is recorded.
    pub fn place(&mut self) -> Option<Stack> {
        let recording = self.run().recording.as_ref();
        recording.map(|recording| recording.place_of_call())
    }

    /// Moves the counter for a charge by the host function of this name.
    fn pay(&mut self, name: &'static str, from: i64, to: i64) {
        let run = self.run();
        if let Some(recording) = &mut run.recording {
            recording.host(name, run.meter.used(from), run.meter.used(to));
        }
        run.beside = run.beside.saturating_add(from.wrapping_sub(to) as u64);
        self.counter = to;
    }

    /// Charges where that is a subtraction and nothing else. Where it is more, nothing happens, and the answer is no.
    #[inline]
    fn subtract(&mut self, instructions: u64) -> bool {
        let counter = self.counter;
        let run = self.run();
        let touched = run.touches.as_ref().is_some_and(|it| it.due() > 0);
        let enough = u64::try_from(counter).is_ok_and(|counter| instructions <= counter);
        if touched || run.recording.is_some() || !enough {
            return false;
        }
        run.beside = run.beside.saturating_add(instructions);
        self.counter = counter - instructions as i64;
        true
    }

    /// Pays for what was touched meanwhile.
    fn pay_for_touches(&mut self) -> Result<(), Stopped> {
        match &self.run().touches {
            Some(touches) if touches.due() > 0 => self.pay_what_is_due(),
            _ => Ok(()),
        }
    }

    fn pay_what_is_due(&mut self) -> Result<(), Stopped> {
        loop {
            let Some(touches) = &self.run().touches else {
                return Ok(());
            };
            let (due, price) = (touches.due(), touches.price);
            if due == 0 {
                return Ok(());
            }
            let counter = self.counter;
            let count = Meter::payable(counter, price, due);
            let charged = counter.saturating_sub_unsigned(count.saturating_mul(price));
            if let Some(touches) = &mut self.run().touches {
                touches.paid(count);
            }
            self.pay(TOUCHES, counter, charged);
            if charged < 0 {
                self.refill(charged)?;
            }
        }
    }

    /// Goes on where a checked decrement has left the counter below zero.
    pub(crate) fn go_on(&mut self) -> Result<(), Stopped> {
        let counter = self.counter;
        // What portions there are depends on the code; slices do not.
        let over = self.run().meter.slice_is_over(counter);
        self.refill(counter)?;
        match over {
            true => self.pay_for_touches(),
            false => Ok(()),
        }
    }

    /// Gives the counter the next portion or slice, or ends the execution.
    fn refill(&mut self, counter: i64) -> Result<i64, Stopped> {
        let cell = self.cell_mut();
        let Running {
            meter,
            activation,
            beside,
            ..
        } = cell.run.as_mut().expect("an execution is under way");
        let (counter, interrupted) = match meter.refill(counter) {
            Ok(Refill::Slice(counter)) => (counter, cell.tier == Tier::Optimizing),
            Ok(Refill::Portion(counter)) => {
                let takeover = cell.takeover.as_mut();
                let executed = meter.executed(counter).saturating_sub(*beside);
                (counter, takeover.is_some_and(|ask| ask(meter, executed)))
            }
            Err(why) => {
                let reason = activation.exhausted(why);
                return self.stop(reason);
            }
        };
        if interrupted {
            return self.interrupt(Interruption::Takeover);
        }
        self.counter = counter;
        Ok(counter)
    }

    /// Charges instructions at the beginning of the host function of this name (metering.md 3.1). A charge of 2^63 or
    /// more is none; what is wrong with it is for the function to find.
    ///
    /// # Errors
    /// If the instructions are used up.
    #[inline]
    pub fn charge(&mut self, name: &'static str, instructions: u64) -> Result<(), Stopped> {
        match self.subtract(instructions) {
            true => Ok(()),
            false => self.charge_or_refill(name, instructions),
        }
    }

    #[cold]
    fn charge_or_refill(&mut self, name: &'static str, instructions: u64) -> Result<(), Stopped> {
        self.pay_for_touches()?;
        let mut counter = self.counter;
        if counter < 0 {
            counter = self.refill(counter)?;
        }
        // Taken for a negative one it would give an execution more instructions than it may use.
        let charged = counter - i64::try_from(instructions).unwrap_or(0);
        self.pay(name, counter, charged);
        if charged < 0 {
            self.refill(charged)?;
        }
        Ok(())
    }

    /// Charges instructions as an operator of the module does (metering.md 1.3).
    ///
    /// # Errors
    /// If the instructions are used up.
    #[inline]
    pub fn charge_dynamic(&mut self, name: &'static str, instructions: u64) -> Result<(), Stopped> {
        match self.subtract(instructions) {
            true => Ok(()),
            false => self.charge_dynamic_or_refill(name, instructions),
        }
    }

    #[cold]
    fn charge_dynamic_or_refill(
        &mut self,
        name: &'static str,
        instructions: u64,
    ) -> Result<(), Stopped> {
        self.pay_for_touches()?;
        let counter = self.counter;
        let charged = counter.wrapping_sub(instructions as i64);
        let charged = if charged > counter { i64::MIN } else { charged };
        self.pay(name, counter, charged);
        if charged < 0 {
            self.refill(charged)?;
        }
        Ok(())
    }

    /// Why there is no memory; nothing if there is one.
    #[inline]
    pub fn no_memory(&mut self) -> Option<NoMemory> {
        match self.cell().heap {
            Some(_) => None,
            None => Some(self.what_is_no_memory()),
        }
    }

    #[cold]
    fn what_is_no_memory(&mut self) -> NoMemory {
        let something_else = match &mut self.side {
            Side::Compiled(caller) => match caller.get_export(MEMORY_EXPORT) {
                Some(Extern::Memory(_)) | None => false,
                Some(_) => true,
            },
            Side::Interpreted(_, view) => view.memory_is_something_else(),
        };
        match something_else {
            true => NoMemory::NotAMemory,
            false => NoMemory::Missing,
        }
    }

    /// The size of the memory in bytes; 0 without one.
    #[inline]
    pub fn memory_size(&self) -> u64 {
        self.cell().heap.as_ref().map_or(0, HeapView::size) as u64
    }

    /// The whole memory of the guest, and what the host keeps of the execution; nothing if the module has no memory. Where
    /// touching is charged for, all of it counts as written.
    pub fn memory(&mut self) -> Option<(&mut [u8], &mut H::Activation)> {
        self.cell().heap.as_ref()?;
        self.writing(0..self.memory_size() as usize)
    }

    /// A range of the memory, which counts as accessed, and what the host keeps of the execution; nothing if it does not
    /// lie in the memory.
    #[inline]
    pub fn reading(&mut self, range: Range<usize>) -> Option<(&[u8], &mut H::Activation)> {
        let (bytes, activation) = self.range(range, false)?;
        Some((bytes, activation))
    }

    /// As [`Guest::reading`]; the range counts as written.
    #[inline]
    pub fn writing(&mut self, range: Range<usize>) -> Option<(&mut [u8], &mut H::Activation)> {
        self.range(range, true)
    }

    #[inline]
    fn range(
        &mut self,
        range: Range<usize>,
        write: bool,
    ) -> Option<(&mut [u8], &mut H::Activation)> {
        let Cell { heap, run, .. } = self.cell_mut();
        let heap = heap.as_ref()?;
        if range.start > range.end || range.end > heap.size() {
            return None;
        }
        let run = run.as_mut()?;
        heap.tell(range.clone(), write);
        // SAFETY: the heap is active on this thread and so large; the code of the guest, which alone uses it otherwise, waits for
        // the host function, of which this is the only guest.
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(heap.base().add(range.start), range.len()) };
        Some((bytes, &mut run.activation))
    }

    /// The bytes of a range of the memory; nothing if it does not lie in the memory.
    pub fn read(&mut self, address: u64, len: u64) -> Option<&[u8]> {
        Some(self.reading(range(address, len)?)?.0)
    }

    /// Writes into the memory; false, with nothing written, if the range does not lie in it.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        let to = range(address, bytes.len() as u64);
        let Some((to, _)) = to.and_then(|to| self.writing(to)) else {
            return false;
        };
        to.copy_from_slice(bytes);
        true
    }

    /// The functions of the module that are running, innermost first. Empty unless the engine was made with backtraces.
    pub fn frames(&mut self) -> Vec<Frame> {
        match &self.side {
            Side::Compiled(caller) => {
                let trace = wasmtime::WasmBacktrace::force_capture(caller);
                let cell = caller.data();
                let indices = trace.frames().iter().map(|frame| frame.func_index());
                cell.module.frames(indices, cell.tier)
            }
            Side::Interpreted(cell, _) if !cell.backtraces => Vec::new(),
            Side::Interpreted(cell, view) => {
                let indices = view.functions().into_iter();
                cell.module.frames(indices, cell.tier)
            }
        }
    }
}

fn range(address: u64, len: u64) -> Option<Range<usize>> {
    let end = address.checked_add(len)?;
    Some(usize::try_from(address).ok()?..usize::try_from(end).ok()?)
}
