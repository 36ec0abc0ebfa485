//! The frame of every host function: charging, the memory of the guest, and how a host ends an execution. And the
//! registration of host functions, typed so that nothing of the runtime below is seen.

use std::fmt;

use wasmtime::{Caller, Extern, Global, Linker, Memory, ResourceLimiter, Val};

use crate::code::Takeover;
use crate::failure::{Failure, Resource, of_machine};
use crate::host::{Activation, Host};
use crate::memory::{TouchCount, WASM_PAGE_SIZE};
use crate::meter::{Meter, Refill};
use crate::module::{Frame, Module};
use crate::record::{Recording, Stack};
use crate::rewrite::{
    HOST_MODULE, MEMORY_EXPORT, MEMORY_GROWN, OUT_OF_INSTRUCTIONS, PROFILE_ENTER, PROFILE_LEAVE,
};
use crate::tier::Tier;

/// The type of a parameter or result of a host function: `u32`, `i32`, `u64`, `i64`, `f32` or `f64`.
pub trait Word: private::Word + Returned {}

/// What a host function may return: a [`Word`], or nothing.
pub trait Returned: private::Returned {}

/// An address or size: `u32` in a module with a 32-bit memory, `u64` in one with a 64-bit memory.
pub trait Address: Word {
    /// Module with a 64-bit memory.
    const WASM64: bool;
    /// Zero-extended.
    fn to_u64(self) -> u64;
    /// From a size that fits.
    fn from_u64(value: u64) -> Self;
}

mod private {
    pub trait Word: wasmtime::WasmTy + Copy {}
    pub trait Returned {
        /// With the counter behind it.
        type WithCounter: wasmtime::WasmRet + 'static;
        fn with(self, counter: i64) -> Self::WithCounter;
    }
}

macro_rules! words {
    ($($ty:ty)*) => {$(
        impl private::Word for $ty {}
        impl Word for $ty {}
        impl private::Returned for $ty {
            type WithCounter = ($ty, i64);
            fn with(self, counter: i64) -> ($ty, i64) {
                (self, counter)
            }
        }
        impl Returned for $ty {}
    )*};
}
words!(u32 i32 u64 i64 f32 f64);
impl private::Returned for () {
    type WithCounter = i64;
    fn with(self, counter: i64) -> i64 {
        counter
    }
}
impl Returned for () {}

impl Address for u32 {
    const WASM64: bool = false;
    fn to_u64(self) -> u64 {
        u64::from(self)
    }
    fn from_u64(value: u64) -> Self {
        value as u32
    }
}

impl Address for u64 {
    const WASM64: bool = true;
    fn to_u64(self) -> u64 {
        self
    }
    fn from_u64(value: u64) -> Self {
        value
    }
}

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
    pub module: std::sync::Arc<Module<H>>,
    pub tier: Tier,
    /// The instruction counter of the instance.
    pub counter: Option<Global>,
    /// The heap of the instance.
    pub memory: Option<Memory>,
    /// Asked after every portion of instructions.
    pub takeover: Option<Takeover>,
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
    pub(crate) fn due(&self) -> u64 {
        self.count.get() - self.paid
    }

    pub(crate) fn paid(&mut self, count: u64) {
        self.paid += count;
    }
}

impl<H: Host> Cell<H> {
    fn run(&mut self) -> &mut Running<H> {
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
    caller: Caller<'a, Cell<H>>,
    /// The instruction counter: what is left of the portion at hand.
    counter: i64,
}

impl<H: Host> Guest<'_, H> {
    /// What the host keeps of the execution under way.
    pub fn activation(&mut self) -> &mut H::Activation {
        &mut self.caller.data_mut().run().activation
    }

    /// The module that runs.
    pub fn module(&self) -> &Module<H> {
        &self.caller.data().module
    }

    /// Ends the execution with this reason.
    pub fn stop<T>(&mut self, reason: <H::Activation as Activation>::Stop) -> Result<T, Stopped> {
        self.caller.data_mut().stop = Some(reason);
        Err(Stopped(()))
    }

    /// Ends the execution because the machine gave out, not the guest.
    pub fn fail<T>(&mut self, failure: Failure) -> Result<T, Stopped> {
        self.caller.data_mut().failure = Some(failure);
        Err(Stopped(()))
    }

    fn interrupt<T>(&mut self, interruption: Interruption) -> Result<T, Stopped> {
        self.caller.data_mut().interruption = Some(interruption);
        Err(Stopped(()))
    }

    /// Looks the counter up in the module, where it is handed over by nobody.
    fn read_counter(&mut self) {
        if let Some(global) = self.caller.data().counter
            && let Val::I64(counter) = global.get(&mut self.caller)
        {
            self.counter = counter;
        }
    }

    /// Tells the module the counter, which is not handed over where an execution ends.
    fn write_counter(&mut self) {
        if let Some(global) = self.caller.data().counter {
            let set = global.set(&mut self.caller, Val::I64(self.counter));
            set.expect("the counter is a mutable i64");
        }
    }

    /// Instructions executed so far, not capped at the limit.
    pub fn executed(&mut self) -> u64 {
        let counter = self.counter;
        let run = self.caller.data_mut().run();
        let touches = run.touches.as_ref();
        let due = touches.map_or(0, |touches| touches.due().saturating_mul(touches.price));
        run.meter.executed(counter).saturating_add(due)
    }

    /// Instructions of the finished slices.
    pub fn finished_slices(&mut self) -> &[u64] {
        self.caller.data_mut().run().meter.finished_slices()
    }

    /// Where, in the recording, a function of the host charged last; nothing if nothing is recorded.
    pub fn place(&mut self) -> Option<Stack> {
        let recording = self.caller.data_mut().run().recording.as_ref();
        recording.map(|recording| recording.place_of_call())
    }

    /// Moves the counter for a charge by the host function of this name.
    fn pay(&mut self, name: &'static str, from: i64, to: i64) {
        let run = self.caller.data_mut().run();
        if let Some(recording) = &mut run.recording {
            recording.host(name, run.meter.used(from), run.meter.used(to));
        }
        self.counter = to;
    }

    /// Pays for what was touched meanwhile.
    fn pay_for_touches(&mut self) -> Result<(), Stopped> {
        loop {
            let Some(touches) = &self.caller.data_mut().run().touches else {
                return Ok(());
            };
            let (due, price) = (touches.due(), touches.price);
            if due == 0 {
                return Ok(());
            }
            let counter = self.counter;
            let count = Meter::payable(counter, price, due);
            let charged = counter.saturating_sub_unsigned(count.saturating_mul(price));
            if let Some(touches) = &mut self.caller.data_mut().run().touches {
                touches.paid(count);
            }
            self.pay(TOUCHES, counter, charged);
            if charged < 0 {
                self.refill(charged)?;
            }
        }
    }

    /// Goes on where a checked decrement has left the counter below zero.
    fn go_on(&mut self) -> Result<(), Stopped> {
        let counter = self.counter;
        // What portions there are depends on the code; slices do not.
        let over = self.caller.data_mut().run().meter.slice_is_over(counter);
        self.refill(counter)?;
        match over {
            true => self.pay_for_touches(),
            false => Ok(()),
        }
    }

    /// Gives the counter the next portion or slice, or ends the execution.
    fn refill(&mut self, counter: i64) -> Result<i64, Stopped> {
        let cell = self.caller.data_mut();
        let Running {
            meter, activation, ..
        } = cell.run.as_mut().expect("an execution is under way");
        let (counter, interrupted) = match meter.refill(counter) {
            Ok(Refill::Slice(counter)) => (counter, cell.tier == Tier::Optimizing),
            Ok(Refill::Portion(counter)) => {
                let takeover = cell.takeover.as_mut();
                let executed = meter.executed(counter);
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
    /// more counts backwards; what is wrong with it is for the function to find.
    ///
    /// # Errors
    /// If the instructions are used up.
    pub fn charge(&mut self, name: &'static str, instructions: u64) -> Result<(), Stopped> {
        self.pay_for_touches()?;
        let mut counter = self.counter;
        if counter < 0 {
            counter = self.refill(counter)?;
        }
        let charged = counter.wrapping_sub(instructions as i64);
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
    pub fn charge_dynamic(&mut self, name: &'static str, instructions: u64) -> Result<(), Stopped> {
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
    pub fn no_memory(&mut self) -> Option<NoMemory> {
        if self.caller.data().memory.is_some() {
            return None;
        }
        Some(match self.caller.get_export(MEMORY_EXPORT) {
            Some(Extern::Memory(_)) | None => NoMemory::Missing,
            Some(_) => NoMemory::NotAMemory,
        })
    }

    /// The memory of the guest, and what the host keeps of the execution; nothing if the module has no memory.
    pub fn memory(&mut self) -> Option<(&mut [u8], &mut H::Activation)> {
        let memory = self.caller.data().memory?;
        let (bytes, cell) = memory.data_and_store_mut(&mut self.caller);
        Some((bytes, &mut cell.run().activation))
    }

    /// The bytes of a range of the memory; nothing if it does not lie in the memory.
    pub fn read(&mut self, address: u64, len: u64) -> Option<&[u8]> {
        let memory: &[u8] = self.memory()?.0;
        memory.get(range(address, len)?)
    }

    /// Writes into the memory; false, with nothing written, if the range does not lie in it.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        let to = range(address, bytes.len() as u64);
        let (Some(to), Some((memory, _))) = (to, self.memory()) else {
            return false;
        };
        match memory.get_mut(to) {
            Some(to) => {
                to.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    /// The functions of the module that are running, innermost first. Empty unless the engine was made with backtraces.
    pub fn frames(&mut self) -> Vec<Frame> {
        let trace = wasmtime::WasmBacktrace::force_capture(&self.caller);
        let cell = self.caller.data();
        let indices = trace.frames().iter().map(|frame| frame.func_index());
        cell.module.frames(indices, cell.tier)
    }
}

fn range(address: u64, len: u64) -> Option<std::ops::Range<usize>> {
    let end = address.checked_add(len)?;
    Some(usize::try_from(address).ok()?..usize::try_from(end).ok()?)
}

/// A host whose modules can run: it says what they may import.
pub trait Linking: Host {
    /// Defines what modules with addresses of this type may import.
    fn link<A: Address>(imports: &mut Imports<Self>);
}

/// The functions that modules may import.
pub struct Imports<H: Host> {
    pub(crate) linker: Linker<Cell<H>>,
}

impl<H: Host> Imports<H> {
    /// Defines a function: a closure of `&mut Guest<'_, H>` and up to nine [`Word`]s that returns
    /// `Result<impl Returned, Stopped>`.
    ///
    /// # Panics
    /// If there is one of this name.
    pub fn function<P>(&mut self, module: &str, name: &str, function: impl Function<H, P>) {
        function.define(self, module, name);
    }

    /// All imports of modules with addresses of this type.
    pub(crate) fn of<A: Address>(engine: &wasmtime::Engine) -> Self
    where
        H: Linking,
    {
        let mut imports = Imports {
            linker: Linker::new(engine),
        };
        H::link::<A>(&mut imports);
        imports.link_hooks();
        imports
    }

    /// What rewritten modules themselves call: the instructions are used up, the heap has grown, a function begins or
    /// ends. Nothing is charged, and no counter handed over.
    fn link_hooks(&mut self) {
        let counter = 0;
        let hooks = &mut self.linker;
        let defined = hooks
            .func_wrap(
                HOST_MODULE,
                OUT_OF_INSTRUCTIONS,
                move |caller: Caller<'_, Cell<H>>| {
                    let mut guest = Guest { caller, counter };
                    guest.read_counter();
                    let result = guest.go_on();
                    guest.write_counter();
                    result.map_err(wasmtime::Error::from)
                },
            )
            .and_then(|hooks| {
                hooks.func_wrap(
                    HOST_MODULE,
                    MEMORY_GROWN,
                    move |caller: Caller<'_, Cell<H>>, previous: u64, added: u64| {
                        const PAGE: u64 = WASM_PAGE_SIZE as u64;
                        let mut guest = Guest { caller, counter };
                        let (previous, added) = (previous * PAGE, added * PAGE);
                        let grown = guest.activation().memory_grown(previous, added);
                        let result = grown.or_else(|reason| guest.stop(reason));
                        result.map_err(wasmtime::Error::from)
                    },
                )
            })
            .and_then(|hooks| {
                hooks.func_wrap(
                    HOST_MODULE,
                    PROFILE_ENTER,
                    |caller: Caller<'_, Cell<H>>, function: u32, counter: i64| {
                        let mut guest = Guest { caller, counter };
                        let run = guest.caller.data_mut().run();
                        let used = run.meter.used(counter);
                        let recording = run.recording.as_mut();
                        let result = match recording.is_none_or(|it| it.enter(function, used)) {
                            true => Ok(()),
                            false => guest.interrupt(Interruption::Recorded),
                        };
                        result.map_err(wasmtime::Error::from)
                    },
                )
            })
            .and_then(|hooks| {
                hooks.func_wrap(
                    HOST_MODULE,
                    PROFILE_LEAVE,
                    |mut caller: Caller<'_, Cell<H>>, counter: i64| {
                        let run = caller.data_mut().run();
                        let used = run.meter.used(counter);
                        if let Some(recording) = &mut run.recording {
                            recording.leave(used);
                        }
                    },
                )
            });
        defined.expect("every import is defined once");
    }
}

/// A closure that can be a host function; see [`Imports::function`].
pub trait Function<H: Host, P>: Send + Sync + 'static {
    #[doc(hidden)]
    fn define(self, imports: &mut Imports<H>, module: &str, name: &str);
}

macro_rules! functions {
    ($($p:ident)*) => {
        #[allow(non_snake_case)]
        impl<H, F, R, $($p),*> Function<H, ($($p,)*)> for F
        where
            H: Host,
            F: Fn(&mut Guest<'_, H>, $($p),*) -> Result<R, Stopped> + Send + Sync + 'static,
            R: Returned,
            $($p: Word,)*
        {
            fn define(self, imports: &mut Imports<H>, module: &str, name: &str) {
                let call = move |caller: Caller<'_, Cell<H>>, $($p: $p,)* counter: i64| {
                    let mut guest = Guest { caller, counter };
                    match self(&mut guest, $($p),*) {
                        Ok(result) => Ok(result.with(guest.counter)),
                        Err(stopped) => {
                            guest.write_counter();
                            Err(wasmtime::Error::from(stopped))
                        }
                    }
                };
                let defined = imports.linker.func_wrap(module, name, call);
                defined.expect("every import is defined once");
            }
        }
    };
}
functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
functions!(A1 A2 A3 A4 A5 A6 A7 A8);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
