//! The frame of every host function: charging, the check of the context, reading and writing guest memory.

use wasmtime::{Caller, Extern, Global, Memory, Val, WasmTy};

use super::exec::Exec;
use super::meter::Refill;
use super::mode::Modes;
use crate::errors::{Backtrace, ContractViolation, ExecutionError, Trap};

/// An address or size: `i32` in a 32-bit module, `i64` in a 64-bit one, always unsigned.
pub trait Address: WasmTy + Copy {
    /// Module with a 64-bit memory.
    const WASM64: bool;
    /// Zero-extended.
    fn to_u64(self) -> u64;
    /// From a size that fits.
    fn from_u64(value: u64) -> Self;
}

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

/// What the store of an instance holds for the host functions.
#[derive(Default)]
pub struct Host {
    /// The execution under way.
    pub exec: Option<Box<Exec>>,
    /// The instruction counter of the instance.
    pub counter: Option<Global>,
    /// The heap of the instance.
    pub memory: Option<Memory>,
    /// The code of the instance cannot go on when a slice has ended.
    pub stops_at_slice_end: bool,
    /// Asked after every portion of instructions: whether other code is to run the execution from its beginning.
    pub takeover: Option<Takeover>,
    /// The execution was ended so that other code may run it from its beginning.
    pub interrupted: bool,
}

/// Decides with the instructions executed so far.
pub type Takeover = Box<dyn FnMut(&Exec, u64) -> bool + Send>;

impl Host {
    /// The execution under way. Host functions run only while there is one.
    pub fn exec(&mut self) -> &mut Exec {
        self.exec
            .as_deref_mut()
            .expect("a host function runs only within an execution")
    }
}

/// The execution ends here; why is told in [`Exec::error`].
#[derive(Clone, Copy, Debug)]
pub struct Stop;

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the host ended the execution")
    }
}

impl std::error::Error for Stop {}

/// What a host function returns to the engine.
pub type Ret<T> = wasmtime::Result<T>;

/// A host function at work.
pub struct Api<'a, 'b> {
    caller: &'a mut Caller<'b, Host>,
    /// Which one it is.
    name: &'static str,
}

impl<'a, 'b> Api<'a, 'b> {
    /// Charges `fixed + bytes` instructions and checks that `name` may be called in this context.
    pub fn enter(
        caller: &'a mut Caller<'b, Host>,
        name: &'static str,
        fixed: u64,
        bytes: u64,
        modes: Modes,
    ) -> Ret<Self> {
        let mut api = Api { caller, name };
        api.charge(fixed.saturating_add(bytes))?;
        let mode = api.exec().mode;
        if mode.is_in(modes) {
            Ok(api)
        } else {
            api.violation(ContractViolation::WrongContext {
                api: name,
                mode: mode.name(),
            })
        }
    }

    /// Without a charge or check.
    pub fn unmetered(caller: &'a mut Caller<'b, Host>, name: &'static str) -> Self {
        Api { caller, name }
    }

    /// The execution under way.
    pub fn exec(&mut self) -> &mut Exec {
        self.caller.data_mut().exec()
    }

    /// Ends the execution with this error.
    pub fn fail<T>(&mut self, error: impl Into<ExecutionError>) -> Ret<T> {
        self.exec().error = Some(error.into());
        Err(Stop.into())
    }

    /// Ends the execution with a contract violation.
    pub fn violation<T>(&mut self, violation: ContractViolation) -> Ret<T> {
        self.fail(ExecutionError::Contract(violation))
    }

    /// The instruction counter.
    pub fn counter(&mut self) -> i64 {
        match self.caller.data().counter {
            Some(global) => match global.get(&mut *self.caller) {
                Val::I64(counter) => counter,
                _ => 0,
            },
            None => 0,
        }
    }

    fn set_counter(&mut self, counter: i64) -> Ret<()> {
        match self.caller.data().counter {
            Some(global) => global.set(&mut *self.caller, Val::I64(counter)),
            None => Ok(()),
        }
    }

    /// Moves the counter for a charge.
    fn pay(&mut self, from: i64, to: i64) -> Ret<()> {
        let name = self.name;
        let exec = self.exec();
        if let Some(recording) = &mut exec.recording {
            recording.host(name, exec.meter.used(from), exec.meter.used(to));
        }
        self.set_counter(to)
    }

    /// Gives the counter the next portion or slice, or ends the execution.
    pub fn refill(&mut self, counter: i64) -> Ret<i64> {
        let host = self.caller.data_mut();
        let (counter, interrupted) = match host.exec().meter.refill(counter) {
            Ok(Refill::Slice(counter)) => (counter, host.stops_at_slice_end),
            Ok(Refill::Portion(counter)) => {
                let takeover = host.takeover.as_mut().zip(host.exec.as_deref());
                let interrupted = takeover
                    .is_some_and(|(takeover, exec)| takeover(exec, exec.meter.executed(counter)));
                (counter, interrupted)
            }
            Err(error) => return self.fail(error),
        };
        if interrupted {
            host.interrupted = true;
            return Err(Stop.into());
        }
        self.set_counter(counter)?;
        Ok(counter)
    }

    /// Charges instructions, as at the beginning of every host function (metering.md 3.1).
    pub fn charge(&mut self, instructions: u64) -> Ret<()> {
        let mut counter = self.counter();
        if counter < 0 {
            counter = self.refill(counter)?;
        }
        // An absurd size wraps to a negative charge; the function's own checks refuse it.
        let charged = counter.wrapping_sub(instructions as i64);
        self.pay(counter, charged)?;
        if charged < 0 {
            self.refill(charged)?;
        }
        Ok(())
    }

    /// Charges instructions as an operator of the module does (metering.md 1.3).
    pub fn charge_dynamic(&mut self, instructions: u64) -> Ret<()> {
        let counter = self.counter();
        let charged = counter.wrapping_sub(instructions as i64);
        let charged = if charged > counter { i64::MIN } else { charged };
        self.pay(counter, charged)?;
        if charged < 0 {
            self.refill(charged)?;
        }
        Ok(())
    }

    /// The heap.
    pub fn memory(&mut self) -> Ret<Memory> {
        if let Some(memory) = self.caller.data().memory {
            return Ok(memory);
        }
        match self.caller.get_export("memory") {
            Some(Extern::Memory(_)) | None => self.violation(ContractViolation::NoMemory),
            Some(_) => self.violation(ContractViolation::MemoryExportIsNoMemory),
        }
    }

    /// The heap and the execution.
    pub fn heap(&mut self) -> Ret<(&mut [u8], &mut Exec)> {
        let memory = self.memory()?;
        let (heap, host) = memory.data_and_store_mut(&mut *self.caller);
        Ok((heap, host.exec()))
    }

    /// Checks a range of a slice of `size` bytes (system-api.md 1.3, rule 3).
    pub fn check_range(
        &mut self,
        context: &'static str,
        src: u64,
        len: u64,
        size: u64,
    ) -> Ret<std::ops::Range<usize>> {
        match src.checked_add(len) {
            None => self.violation(ContractViolation::InvalidAddress { context, src, len }),
            Some(end) if end > size => self.violation(ContractViolation::OutOfBounds {
                context,
                src,
                len,
                size,
            }),
            Some(end) => Ok(src as usize..end as usize),
        }
    }

    /// Checks a range of the heap.
    pub fn heap_range(
        &mut self,
        context: &'static str,
        src: u64,
        len: u64,
    ) -> Ret<std::ops::Range<usize>> {
        let size = self.heap()?.0.len() as u64;
        self.check_range(context, src, len, size)
    }

    /// Reads a range of the heap.
    pub fn read(&mut self, context: &'static str, src: u64, len: u64) -> Ret<Vec<u8>> {
        let range = self.heap_range(context, src, len)?;
        Ok(self.heap()?.0[range].to_vec())
    }

    /// Copies `[offset, offset + size)` of what `source` selects to `dst` in the heap; the heap range is checked first.
    pub fn copy_out(
        &mut self,
        contexts: [&'static str; 2],
        dst: u64,
        offset: u64,
        size: u64,
        source: impl Fn(&Exec) -> &[u8],
    ) -> Ret<()> {
        let to = self.heap_range(contexts[0], dst, size)?;
        let available = source(self.exec()).len() as u64;
        let from = self.check_range(contexts[1], offset, size, available)?;
        let (heap, exec) = self.heap()?;
        heap[to].copy_from_slice(&source(exec)[from]);
        Ok(())
    }

    /// Stores a 128-bit result, little-endian (system-api.md 1.3, rule 5).
    pub fn store_u128(&mut self, name: &'static str, dst: u64, value: u128) -> Ret<()> {
        let size = self.heap()?.0.len() as u64;
        match dst.checked_add(16) {
            Some(end) if end <= size => {
                self.heap()?.0[dst as usize..end as usize].copy_from_slice(&value.to_le_bytes());
                Ok(())
            }
            _ => self.violation(ContractViolation::ResultOutOfBounds {
                api: name,
                dst,
                heap: size,
            }),
        }
    }

    /// Ends the execution because the machine gave out, not the canister.
    pub fn host_failure<T>(&mut self, error: impl std::fmt::Display) -> Ret<T> {
        self.fail(ExecutionError::Engine(format!("WasmEngineError: {error}")))
    }

    /// Ends the execution with a trap.
    pub fn trap<T>(&mut self, trap: Trap) -> Ret<T> {
        let backtrace = self.backtrace();
        self.fail(ExecutionError::Trapped { trap, backtrace })
    }

    /// The functions of the module that are running, if backtraces are wanted and the module has names.
    pub fn backtrace(&mut self) -> Option<Backtrace> {
        if !self.exec().subnet.backtrace {
            return None;
        }
        let trace = wasmtime::WasmBacktrace::force_capture(&*self.caller);
        let frames = trace
            .frames()
            .iter()
            .map(|frame| frame.func_index())
            .collect::<Vec<_>>();
        let exec = self.exec();
        exec.module.backtrace(&frames, exec.recording.is_some())
    }
}
