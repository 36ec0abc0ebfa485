//! The frame of every host function: charging, the check of the context, reading and writing guest memory.

use std::ops::Range;

use drun_engine::record::Stack;
use drun_engine::{Failure, Guest, NoMemory, Resource, Stopped};

use super::exec::Exec;
use super::mode::Modes;
use crate::errors::{Backtrace, ContractViolation, ExecutionError, Trap};
use crate::module::ValidationLimits;

pub use drun_engine::Address;

/// The Internet Computer as a host of modules, by the rules of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ic {
    /// The rules.
    pub limits: ValidationLimits,
}

/// What a host function returns to the engine.
pub(super) type Ret<T> = Result<T, Stopped>;

/// A host function at work.
pub(super) struct Api<'a, 'b> {
    guest: &'a mut Guest<'b, Ic>,
    /// Which one it is.
    name: &'static str,
}

impl<'a, 'b> Api<'a, 'b> {
    /// Charges `fixed + bytes` instructions (metering.md 3.1) and checks that `name` may be called in this context.
    // The frame is made last and never moved: handing it back through memory costs more than all the rest.
    #[inline(always)]
    pub(super) fn enter(
        guest: &'a mut Guest<'b, Ic>,
        name: &'static str,
        fixed: u64,
        bytes: u64,
        modes: Modes,
    ) -> Ret<Self> {
        // An absurd size costs nothing; the function's own checks refuse it.
        guest.charge(name, fixed.saturating_add(bytes))?;
        match guest.activation().mode.is_in(modes) {
            true => Ok(Api { guest, name }),
            false => Api { guest, name }.wrong_context(),
        }
    }

    #[cold]
    fn wrong_context<T>(mut self) -> Ret<T> {
        let (api, mode) = (self.name, self.exec().mode.name());
        self.violation(ContractViolation::WrongContext { api, mode })
    }

    /// Without a charge or check.
    pub(super) fn unmetered(guest: &'a mut Guest<'b, Ic>, name: &'static str) -> Self {
        Api { guest, name }
    }

    /// The execution under way.
    #[inline]
    pub(super) fn exec(&mut self) -> &mut Exec {
        self.guest.activation()
    }

    /// Ends the execution with this error.
    #[cold]
    pub(super) fn fail<T>(&mut self, error: impl Into<ExecutionError>) -> Ret<T> {
        self.guest.stop(error.into())
    }

    /// Ends the execution with a contract violation.
    #[cold]
    pub(super) fn violation<T>(&mut self, violation: ContractViolation) -> Ret<T> {
        self.fail(ExecutionError::Contract(violation))
    }

    /// Instructions executed so far.
    pub(super) fn executed(&mut self) -> u64 {
        self.guest.executed()
    }

    /// The slice of the execution, from 0.
    pub(super) fn slice(&mut self) -> usize {
        self.guest.finished_slices().len()
    }

    /// Where, in the recording of the execution, a host function charged last.
    pub(super) fn place(&mut self) -> Stack {
        self.guest.place().unwrap_or_default()
    }

    /// Charges instructions as an operator of the module does (metering.md 1.3).
    #[inline]
    pub(super) fn charge_dynamic(&mut self, instructions: u64) -> Ret<()> {
        self.guest.charge_dynamic(self.name, instructions)
    }

    /// The size of the heap, in bytes.
    #[inline]
    pub(super) fn heap_size(&mut self) -> Ret<u64> {
        match self.guest.no_memory() {
            None => Ok(self.guest.memory_size()),
            Some(NoMemory::Missing) => self.violation(ContractViolation::NoMemory),
            Some(NoMemory::NotAMemory) => self.violation(ContractViolation::MemoryExportIsNoMemory),
        }
    }

    /// The bytes of a range of the heap that was checked, and the execution.
    #[inline]
    pub(super) fn bytes(&mut self, range: Range<usize>) -> (&[u8], &mut Exec) {
        let read = self.guest.reading(range);
        read.expect("the range was checked")
    }

    /// As [`Api::bytes`], to be written.
    #[inline]
    pub(super) fn bytes_mut(&mut self, range: Range<usize>) -> (&mut [u8], &mut Exec) {
        let written = self.guest.writing(range);
        written.expect("the range was checked")
    }

    /// A range of the heap; nothing if it does not lie in it.
    #[inline]
    pub(super) fn range_within(&mut self, start: u64, len: u64) -> Ret<Option<Range<usize>>> {
        let size = self.heap_size()?;
        let end = start.checked_add(len).filter(|end| *end <= size);
        Ok(end.map(|end| start as usize..end as usize))
    }

    /// Checks a range of a slice of `size` bytes (system-api.md 1.3, rule 3).
    pub(super) fn check_range(
        &mut self,
        context: &'static str,
        src: u64,
        len: u64,
        size: u64,
    ) -> Ret<Range<usize>> {
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
    pub(super) fn heap_range(
        &mut self,
        context: &'static str,
        src: u64,
        len: u64,
    ) -> Ret<Range<usize>> {
        let size = self.heap_size()?;
        self.check_range(context, src, len, size)
    }

    /// Reads a range of the heap.
    pub(super) fn read(&mut self, context: &'static str, src: u64, len: u64) -> Ret<Vec<u8>> {
        let range = self.heap_range(context, src, len)?;
        Ok(self.bytes(range).0.to_vec())
    }

    /// Copies `[offset, offset + size)` of what `source` selects to `dst` in the heap; the heap range is checked first.
    pub(super) fn copy_out(
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
        let (to, exec) = self.bytes_mut(to);
        to.copy_from_slice(&source(exec)[from]);
        Ok(())
    }

    /// Stores a 128-bit result, little-endian (system-api.md 1.3, rule 5).
    pub(super) fn store_u128(&mut self, name: &'static str, dst: u64, value: u128) -> Ret<()> {
        match self.range_within(dst, 16)? {
            Some(to) => {
                self.bytes_mut(to).0.copy_from_slice(&value.to_le_bytes());
                Ok(())
            }
            None => {
                let heap = self.heap_size()?;
                let api = name;
                self.violation(ContractViolation::ResultOutOfBounds { api, dst, heap })
            }
        }
    }

    /// Ends the execution because the machine gave out, not the canister.
    #[cold]
    pub(super) fn host_failure<T>(&mut self, error: impl std::fmt::Display) -> Ret<T> {
        self.guest.fail(Failure::new(Resource::HostMemory, error))
    }

    /// Ends the execution with a trap.
    #[cold]
    pub(super) fn trap<T>(&mut self, trap: Trap) -> Ret<T> {
        let backtrace = self.backtrace();
        self.fail(ExecutionError::Trapped { trap, backtrace })
    }

    /// The functions of the module that are running, if backtraces are wanted and the module has names.
    pub(super) fn backtrace(&mut self) -> Option<Backtrace> {
        if !self.exec().subnet.backtrace {
            return None;
        }
        let frames = self.guest.frames();
        self.exec().names.backtrace(&frames)
    }
}
