//! Operators on ranges of the heap. Whether pages were touched before a trap is no question here: a range that does not
//! lie in the heap as a whole is not touched at all.

use crate::memory::Told;

/// The bytes of a heap.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    base: *mut u8,
    size: u64,
    /// Is told what is touched.
    told: Option<Told<'a>>,
}

impl<'a> Bytes<'a> {
    /// # Safety
    /// There are so many bytes from `base` on, which nobody else uses while this value does.
    pub(super) unsafe fn new(base: *mut u8, size: u64, told: Option<Told<'a>>) -> Self {
        Bytes { base, size, told }
    }

    fn range(self, start: u64, len: u64) -> Option<*mut u8> {
        let end = start.checked_add(len)?;
        // SAFETY: the range lies within the bytes.
        (end <= self.size).then(|| unsafe { self.base.add(start as usize) })
    }

    fn tell(self, start: u64, len: u64, write: bool) {
        if let Some(told) = self.told {
            told.tell(start, start + len, write);
        }
    }

    /// `memory.fill`; nothing if it is out of bounds.
    pub(super) fn fill(self, start: u64, byte: u8, len: u64) -> Option<()> {
        let to = self.range(start, len)?;
        self.tell(start, len, true);
        // SAFETY: the range was looked up.
        unsafe { to.write_bytes(byte, len as usize) };
        Some(())
    }

    /// `memory.copy`; nothing if it is out of bounds.
    pub(super) fn copy(self, start: u64, source: u64, len: u64) -> Option<()> {
        let to = self.range(start, len)?;
        let from = self.range(source, len)?;
        self.tell(source, len, false);
        self.tell(start, len, true);
        // SAFETY: both ranges were looked up; they may overlap.
        unsafe { std::ptr::copy(from, to, len as usize) };
        Some(())
    }

    /// `memory.init` from a segment of the module; nothing if it is out of bounds.
    pub(super) fn init(self, segment: &[u8], start: u64, from: u64, len: u64) -> Option<()> {
        let to = self.range(start, len)?;
        let from = segment.get(from as usize..)?.get(..len as usize)?;
        self.tell(start, len, true);
        // SAFETY: the range was looked up, and the segment lies in the file of the module, apart from the heap.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
        Some(())
    }
}
