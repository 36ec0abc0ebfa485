//! The Wasm heap of one canister. It belongs to the canister and not to an instance: instances of one module after
//! the other run on the same mapping. Which pages change is `tracker.rs`'s and `settle.rs`'s business; here is the
//! handle that the rest of the program uses.
//!
//! The rule for callers: writes happen within a level, through this handle or by Wasm code and host functions under
//! an [`Activation`]; and no slice of the heap is kept while Wasm code runs.

use super::activation::Activation;
use super::core::Core;
use super::fault;
use super::image::{Image, ParkedHeap};
use super::marks::{Counting, Protection};
use super::pool::PooledPage;
use super::portable::is_portable;
use super::scarce::fair_share;
use super::touch::TouchCount;
use super::tracker::Tracker;
use super::{MAX_HEAP_BYTES, PAGE_SIZE, WASM_PAGE_SIZE};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// Why a heap could not be used as asked.
#[derive(Debug)]
pub enum HeapError {
    /// The range or size lies outside of the heap or of what it may become.
    OutOfBounds,
    /// The operating system refused.
    System(io::Error),
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapError::OutOfBounds => f.write_str("heap out of bounds"),
            HeapError::System(error) => write!(f, "the system refuses memory for a heap: {error}"),
        }
    }
}

impl std::error::Error for HeapError {}

impl From<io::Error> for HeapError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidInput => HeapError::OutOfBounds,
            _ => HeapError::System(error),
        }
    }
}

/// What a rollback did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// Growth was undone: instances on this heap have to be told (`refresh_size`).
    pub size_changed: bool,
}

/// The Wasm heap of one canister; see the head of this file.
pub struct Heap {
    core: Arc<Core>,
    /// Makes the handle usable by one thread at a time; it may move between threads.
    not_sync: PhantomData<Cell<()>>,
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("size_bytes", &self.size_bytes())
            .finish_non_exhaustive()
    }
}

impl Heap {
    /// An empty heap that can grow to `capacity` bytes (4 GiB for 32-bit memories), for engines that were configured
    /// with `reserved` bytes. It takes address space only: that of the larger of the two.
    ///
    /// # Errors
    ///
    /// A capacity above [`MAX_HEAP_BYTES`] or not in whole Wasm pages, and the system's errors.
    pub fn new(capacity: u64, reserved: u64) -> Result<Self, HeapError> {
        let [capacity, reserved] =
            [capacity, reserved].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if capacity.max(reserved) > MAX_HEAP_BYTES
            || !(capacity | reserved).is_multiple_of(WASM_PAGE_SIZE)
        {
            return Err(HeapError::OutOfBounds);
        }
        Ok(Heap::with(Tracker::new(capacity, reserved)?))
    }

    /// As [`Heap::new`], for code that tells what it touches (other code costs more to begin on it). Where the process cannot have
    /// so much address space, or little would be left for others, the heap takes as much as it holds and is
    /// [short](Heap::is_short). It will hold `least` bytes at once.
    ///
    /// # Errors
    ///
    /// As for [`Heap::new`].
    pub fn fitting(least: u64, capacity: u64, reserved: u64) -> Result<Self, HeapError> {
        let full = usize::try_from(capacity.max(reserved)).unwrap_or(usize::MAX);
        if fair_share(full) == full {
            match Heap::new(capacity, reserved) {
                Err(HeapError::System(_)) => {}
                made => return made.map(Heap::unprotected),
            }
        }
        match capacity <= MAX_HEAP_BYTES as u64 && least < capacity {
            true => Ok(Heap::short(least as usize, capacity as usize)?.unprotected()),
            false => Heap::new(capacity, reserved),
        }
    }

    /// An empty heap that the machine does not protect for now.
    fn unprotected(self) -> Self {
        self.core.lock_veiled().protection = Protection::None;
        self
    }

    /// A heap that takes address space as it grows.
    pub(super) fn short(least: usize, capacity: usize) -> io::Result<Self> {
        Ok(Heap::with(Tracker::short(capacity, least)?))
    }

    fn with(tracker: Tracker) -> Self {
        if !is_portable() {
            fault::install_fault_handler(fault::Place::First);
        }
        Heap {
            core: Arc::new(Core::new(tracker)),
            not_sync: PhantomData,
        }
    }

    /// Whether it has so little address space that machine code, which leaves out checks of bounds, cannot run on it.
    pub fn is_short(&self) -> bool {
        self.core.is_short()
    }

    /// A heap with the content of an image. The content is copied when it is needed first: by a level, or by [`Heap::read`].
    ///
    /// # Errors
    ///
    /// As for [`Heap::new`], and an image larger than the capacity.
    pub fn from_image(image: &Image, capacity: u64, reserved: u64) -> Result<Self, HeapError> {
        Heap::new(capacity, reserved)?.holding(image)
    }

    /// A heap that was never written, now with the content of an image; see [`Heap::from_image`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn holding(self, image: &Image) -> Result<Self, HeapError> {
        self.core.lock().adopt(image)?;
        Ok(self)
    }

    /// The content, at the cost of the pages that were changed since the last snapshot or restore of this heap; the
    /// first one costs all pages that were ever written. The heap keeps the pages too, to share them with the next
    /// snapshot. Within a level it is the present content, and later snapshots do not become cheaper by it.
    pub fn snapshot(&mut self) -> Image {
        self.core.lock().snapshot()
    }

    /// Makes this heap hold what the image holds, smaller or larger than it is, at the cost of the pages changed since
    /// the last snapshot or restore and of those that the image of that time does not share with this one. When the
    /// size changes, instances have to be told (`refresh_size`).
    ///
    /// # Errors
    ///
    /// An image larger than the capacity (the heap is as it was then), and the system's; what the heap holds is
    /// undefined then.
    ///
    /// # Panics
    ///
    /// If a level is open.
    pub fn restore(&mut self, image: &Image) -> Result<(), HeapError> {
        Ok(self.core.lock().restore_image(image)?)
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The bytes that the heap can grow to.
    pub fn capacity(&self) -> u64 {
        self.core.capacity() as u64
    }

    /// The present size in bytes, always a multiple of [`WASM_PAGE_SIZE`].
    pub fn size_bytes(&self) -> u64 {
        self.core.size() as u64
    }

    /// Makes the heap larger, with zeros; within a level this is undone by a rollback. Instances that exist have
    /// to be told (`refresh_size`).
    ///
    /// # Errors
    ///
    /// Sizes below the present one, above the capacity or not in whole Wasm pages, and the system's errors.
    pub fn grow_to(&mut self, bytes: u64) -> Result<(), HeapError> {
        let bytes = usize::try_from(bytes).map_err(|_| HeapError::OutOfBounds)?;
        Ok(self.core.lock_veiled().grow_to(bytes)?)
    }

    fn range(&self, offset: u64, len: usize) -> Option<Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(len)?;
        (end <= self.core.size()).then_some(start..end)
    }

    /// The bytes of a range; `None` if it does not lie within the heap, or if the system has no memory to fill it.
    pub fn read(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let range = self.range(offset, len)?;
        if self.core.lock().fill().is_err() {
            return None;
        }
        // SAFETY: bytes below the size are readable. Writes through this handle need it exclusively, and no Wasm
        // code runs while the slice exists (the rule in the head of this file).
        Some(unsafe { std::slice::from_raw_parts(self.core.base().add(range.start), len) })
    }

    /// Writes bytes. Outside of a level the write is for good.
    ///
    /// # Errors
    ///
    /// A range that does not lie within the heap (nothing is written), and the system's errors.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), HeapError> {
        if self.depth() > 0 {
            self.slice_mut(offset, bytes.len())?.copy_from_slice(bytes);
            return Ok(());
        }
        self.range(offset, bytes.len())
            .ok_or(HeapError::OutOfBounds)?;
        self.begin()?;
        let written = self
            .slice_mut(offset, bytes.len())
            .map(|slice| slice.copy_from_slice(bytes));
        self.commit();
        written
    }

    /// The bytes of a range for writing. All its pages are logged at once, which is much faster than fault by fault.
    ///
    /// # Errors
    ///
    /// A range that does not lie within the heap, and the system's errors.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn slice_mut(&mut self, offset: u64, len: usize) -> Result<&mut [u8], HeapError> {
        self.prepare_write(offset, len)?;
        let start = self.range(offset, len).ok_or(HeapError::OutOfBounds)?.start;
        // SAFETY: the pages of the range are open (`prepare_write`) and stay so until a method of this handle that
        // needs it exclusively closes them; no Wasm code runs while the slice exists (the rule above).
        Ok(unsafe { std::slice::from_raw_parts_mut(self.core.base().add(start), len) })
    }

    /// Logs a range that is going to be written, so that the writes do not fault.
    ///
    /// # Errors
    ///
    /// A range that does not lie within the heap, and the system's errors.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn prepare_write(&mut self, offset: u64, len: usize) -> Result<(), HeapError> {
        assert!(self.depth() > 0, "the heap is written within a level");
        let range = self.range(offset, len).ok_or(HeapError::OutOfBounds)?;
        Ok(self.core.lock().prepare_write(range)?)
    }

    /// Begins a level, in which everything can be undone. Levels nest, at most [`super::MAX_LEVELS`] deep.
    ///
    /// # Errors
    ///
    /// Too many levels, and the system's errors.
    pub fn begin(&mut self) -> Result<(), HeapError> {
        Ok(self.core.lock_veiled().begin()?)
    }

    /// The number of levels that are open.
    pub fn depth(&self) -> usize {
        self.core.lock_veiled().depth
    }

    /// The number of pages (4096 bytes) whose content differs from that at the begin of the innermost level; pages
    /// that grew since then are compared with zeros (docs/internet-computer/metering.md 4.1).
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn changed_pages(&mut self) -> u64 {
        let active = self.core.is_active();
        let mut tracker = self.core.lock_veiled();
        let count = tracker.count_changed();
        // Under an activation there may be more writes that we do not see.
        tracker.counted &= !active;
        count as u64
    }

    /// Keeps what happened in the innermost level, and ends it.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn commit(&mut self) {
        self.core.lock_veiled().commit();
    }

    /// Undoes what happened in the innermost level, and ends it.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn rollback(&mut self) -> Rollback {
        let size = self.size_bytes();
        self.core.lock_veiled().rollback();
        Rollback {
            size_changed: size != self.size_bytes(),
        }
    }

    /// Undoes the innermost level and ends it, but hands out what it made of the heap, for [`Heap::unpark`].
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn park(&mut self) -> ParkedHeap {
        let mut tracker = self.core.lock_veiled();
        let pages = tracker.changed_pages();
        let pages = pages
            .into_iter()
            .map(|page| (u64::from(page), PooledPage::of(tracker.page(page as usize))))
            .collect();
        drop(tracker);
        let parked = ParkedHeap::new(self.size_bytes(), pages);
        self.rollback();
        parked
    }

    /// Applies what [`Heap::park`] took. The heap must be as it was then. Within a level this can be undone;
    /// outside it is for good. When the size changes, instances have to be told (`refresh_size`).
    ///
    /// # Errors
    ///
    /// The system's; the heap is then as it was.
    pub fn unpark(&mut self, parked: &ParkedHeap) -> Result<(), HeapError> {
        self.begin()?;
        let applied = self
            .grow_to(parked.size_bytes())
            .and_then(|()| self.write_pages(parked.pages()));
        match applied {
            Ok(()) => self.commit(),
            Err(_) => {
                self.rollback();
            }
        }
        applied
    }

    /// Writes whole pages, given in any order. A level must be open.
    fn write_pages<'a>(
        &mut self,
        pages: impl Iterator<Item = (u64, &'a super::Page)>,
    ) -> Result<(), HeapError> {
        let mut pages: Vec<_> = pages.collect();
        pages.sort_unstable_by_key(|(page, _)| *page);
        for run in pages.chunk_by(|a, b| a.0 + 1 == b.0) {
            let slice = self.slice_mut(run[0].0 * PAGE_SIZE as u64, run.len() * PAGE_SIZE)?;
            for (target, (_, content)) in slice.chunks_exact_mut(PAGE_SIZE).zip(run) {
                target.copy_from_slice(*content);
            }
        }
        Ok(())
    }

    /// As [`Heap::snapshot`], but the heap keeps no pages for the next one.
    pub fn image(&self) -> Image {
        self.core.lock().image()
    }

    /// Gives up what makes the next execution fast: for canisters that will not run for a while, since a process
    /// can keep some thousand pages at hand only. Does nothing within a level.
    pub fn cool(&mut self) {
        self.core.lock().cool();
    }

    /// Lets writes of this thread to this heap be followed while the returned guard lives: those of Wasm code, and
    /// those of host functions and wasmtime itself.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn activate(&mut self) -> Activation {
        let guard = |tracker: &mut Tracker| {
            tracker.guard();
            Ok(())
        };
        self.activated(guard).expect("guarding does not fail")
    }

    fn activated(
        &mut self,
        prepare: impl FnOnce(&mut Tracker) -> io::Result<()>,
    ) -> Result<Activation, HeapError> {
        let mut tracker = self.core.lock_veiled();
        assert!(
            tracker.depth > 0,
            "Wasm code runs within a level of its heap"
        );
        prepare(&mut tracker)?;
        tracker.counted = false;
        tracker.touches.bypassed |= tracker.touches.counting != Counting::Faults;
        drop(tracker);
        Ok(Activation::new(self.core.clone()))
    }

    /// As [`Heap::activate`], and first accesses and first writes of Wasm pages are counted while the guard lives.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn follow(&mut self) -> Result<Activation, HeapError> {
        self.activated(Tracker::follow)
    }

    /// As [`Heap::activate`] or, if touching is to be counted, [`Heap::follow`], for code that tells what it touches before it
    /// does: nothing of it faults, and nothing is protected by the machine.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub(crate) fn listen(&mut self, count: bool) -> Result<Activation, HeapError> {
        self.activated(|tracker| tracker.listen(count))
    }

    /// How many there were since [`Heap::follow`] was called last; may be asked while it goes on.
    pub fn touches(&self) -> TouchCount {
        TouchCount(self.core.clone())
    }
}
