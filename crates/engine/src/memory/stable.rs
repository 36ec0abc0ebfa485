//! The stable memory of one canister: up to 500 GiB of address space, of which only written pages exist. Pages are
//! held in a sparse table (`table.rs`), come from a pool (`pool.rs`), and are shared with images until one of the two
//! is written; a level keeps the replaced ones, so that undoing puts pointers back. Only host functions come here, so
//! this needs neither mappings nor `unsafe`.

use super::image::{Image, ParkedStable};
use super::pool::PooledPage;
use super::table::{BLOCK, Slot, Table, pieces};
use super::tracker::{MAX_LEVELS, logged};
use super::{MAX_STABLE_WASM_PAGES, PAGE_SIZE, WASM_PAGE_SIZE, ZERO_PAGE};
use std::collections::TryReserveError;
use std::fmt;

/// What the log may keep of its memory between executions.
const KEPT_ENTRIES: usize = 4096;

/// Why a stable memory could not be used as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StableError {
    /// The range or size lies outside of the memory or of what it may become.
    OutOfBounds,
    /// There is no memory left on this machine.
    OutOfMemory,
    /// More levels than can be open at the same time.
    TooManyLevels,
}

impl fmt::Display for StableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StableError::OutOfBounds => "stable memory out of bounds",
            StableError::OutOfMemory => "no memory left on this machine for stable memory",
            StableError::TooManyLevels => "too many levels in a stable memory",
        })
    }
}

impl std::error::Error for StableError {}

impl From<TryReserveError> for StableError {
    fn from(_: TryReserveError) -> Self {
        StableError::OutOfMemory
    }
}

/// A page's content before a level changed it.
#[derive(Debug)]
struct Entry {
    page: u32,
    old: Option<PooledPage>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    /// Where the level's entries start in the log.
    start: usize,
    /// The size at its begin, in bytes.
    size: u64,
}

/// The stable memory of one canister; see the head of this file.
#[derive(Debug, Default)]
pub struct StableMemory {
    size: u64,
    table: Table,
    levels: Vec<Level>,
    log: Vec<Entry>,
}

impl StableMemory {
    /// An empty stable memory. It takes no memory before it is written.
    pub fn new() -> Self {
        StableMemory::default()
    }

    /// A stable memory with the content of an image, at the cost of the image's blocks of 64 pages: both share the
    /// pages.
    ///
    /// # Errors
    ///
    /// An image that is too large.
    pub fn from_image(image: &Image) -> Result<Self, StableError> {
        let mut memory = StableMemory::new();
        memory.restore(image)?;
        Ok(memory)
    }

    /// Makes this memory hold what the image holds, smaller or larger than it is, at the cost of what was written
    /// since the last snapshot or restore and of the blocks that the image of that time does not share with this one.
    ///
    /// # Errors
    ///
    /// An image that is too large, and a machine without memory; the memory is as it was then.
    ///
    /// # Panics
    ///
    /// If a level is open.
    pub fn restore(&mut self, image: &Image) -> Result<(), StableError> {
        assert!(self.levels.is_empty(), "no level is open in a restore");
        let wasm_pages = image.size_bytes() / WASM_PAGE_SIZE as u64;
        if wasm_pages > MAX_STABLE_WASM_PAGES {
            return Err(StableError::OutOfBounds);
        }
        self.table.restore(image.shared())?;
        self.size = wasm_pages * WASM_PAGE_SIZE as u64;
        Ok(())
    }

    /// The content, at the cost of the blocks of 64 pages that were written since the last snapshot or restore. It
    /// can be taken within a level, as the present content.
    pub fn snapshot(&mut self) -> Image {
        Image::new(self.size, self.table.snapshot())
    }

    /// The size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    /// The size in Wasm pages.
    pub fn wasm_pages(&self) -> u64 {
        self.size / WASM_PAGE_SIZE as u64
    }

    /// Makes the memory larger, with zeros.
    ///
    /// # Errors
    ///
    /// Sizes below the present one or above [`MAX_STABLE_WASM_PAGES`].
    pub fn grow_to(&mut self, wasm_pages: u64) -> Result<(), StableError> {
        if wasm_pages > MAX_STABLE_WASM_PAGES || wasm_pages < self.wasm_pages() {
            return Err(StableError::OutOfBounds);
        }
        self.size = wasm_pages * WASM_PAGE_SIZE as u64;
        Ok(())
    }

    #[inline]
    fn check(&self, offset: u64, len: usize) -> Result<(), StableError> {
        let end = offset
            .checked_add(len as u64)
            .ok_or(StableError::OutOfBounds)?;
        if end <= self.size {
            Ok(())
        } else {
            Err(StableError::OutOfBounds)
        }
    }

    /// Copies bytes out.
    ///
    /// # Errors
    ///
    /// A range that does not lie within the memory; `target` is untouched then.
    #[inline]
    pub fn read(&self, offset: u64, target: &mut [u8]) -> Result<(), StableError> {
        self.check(offset, target.len())?;
        let page = self.table.page((offset / PAGE_SIZE as u64) as u32);
        let rest = &page.unwrap_or(&ZERO_PAGE)[(offset % PAGE_SIZE as u64) as usize..];
        match rest.get(..target.len()) {
            Some(content) => target.copy_from_slice(content),
            None => self.read_pieces(offset, target),
        }
        Ok(())
    }

    fn read_pieces(&self, offset: u64, target: &mut [u8]) {
        for piece in pieces(offset, target.len()) {
            let page = self.table.page(piece.page).unwrap_or(&ZERO_PAGE);
            let content = &page[piece.within..piece.within + piece.len];
            target[piece.at..piece.at + piece.len].copy_from_slice(content);
        }
    }

    /// Copies bytes in. Outside of a level the write is for good.
    ///
    /// # Errors
    ///
    /// A range that does not lie within the memory (nothing is written), and a machine without memory (a part may
    /// be written, which a rollback undoes).
    #[inline]
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StableError> {
        self.check(offset, bytes.len())?;
        match self.open(offset, bytes.len()) {
            Some(part) => part.copy_from_slice(bytes),
            None => self.write_pieces(offset, bytes)?,
        }
        Ok(())
    }

    /// A range for writing, if it lies in a page that the level has written before: small writes mostly do.
    #[inline]
    fn open(&mut self, offset: u64, len: usize) -> Option<&mut [u8]> {
        let slot = self.table.dirty_slot((offset / PAGE_SIZE as u64) as u32)?;
        let within = (offset % PAGE_SIZE as u64) as usize;
        slot.open(self.levels.len())?.get_mut(within..within + len)
    }

    fn write_pieces(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StableError> {
        let mut pieces = pieces(offset, bytes.len()).peekable();
        while let Some(first) = pieces.peek() {
            let number = first.page / BLOCK;
            let block = self.table.block_mut(number)?;
            while let Some(piece) = pieces.next_if(|piece| piece.page / BLOCK == number) {
                let slot = &mut block[(piece.page % BLOCK) as usize];
                let bytes = &bytes[piece.at..piece.at + piece.len];
                let log = Log {
                    levels: self.levels.len(),
                    entries: &mut self.log,
                };
                log.write(piece.page, slot, piece.within, bytes)?;
            }
        }
        Ok(())
    }

    /// Takes everything away: size 0.
    pub fn clear(&mut self) {
        let depth = self.levels.len();
        self.size = 0;
        if depth == 0 {
            self.table.clear();
            return;
        }
        let slots = self.table.slots_mut();
        let slots = slots.expect("there is memory for a table of as many blocks as before");
        for (page, slot) in slots.filter(|(_, slot)| slot.page.is_some()) {
            let old = slot.page.take();
            if slot.logged & logged(depth - 1) == 0 {
                slot.logged |= logged(depth - 1);
                self.log.push(Entry { page, old });
            }
        }
    }

    /// Begins a level, in which everything can be undone. Levels nest, at most [`MAX_LEVELS`] deep.
    ///
    /// # Errors
    ///
    /// Too many levels.
    pub fn begin(&mut self) -> Result<(), StableError> {
        if self.levels.len() == MAX_LEVELS {
            return Err(StableError::TooManyLevels);
        }
        self.levels.push(Level {
            start: self.log.len(),
            size: self.size,
        });
        Ok(())
    }

    /// The number of levels that are open.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    fn end_level(&mut self) -> Level {
        self.levels
            .pop()
            .expect("a level of the stable memory is open")
    }

    /// Keeps the log's memory for the next execution, unless it is much.
    fn keep_log(&mut self, mut log: Vec<Entry>) {
        log.shrink_to(KEPT_ENTRIES.max(log.len()));
        self.log = log;
    }

    /// Keeps what happened in the innermost level, and ends it.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn commit(&mut self) {
        let level = self.end_level();
        let depth = self.levels.len();
        let ended = logged(depth);
        let mut log = std::mem::take(&mut self.log);
        // In the outer level the oldest content of a page wins.
        let mut outer = Vec::new();
        for entry in log.drain(level.start..) {
            let slot = self.table.logged_slot(entry.page);
            slot.logged &= !ended;
            if depth > 0 && slot.logged & logged(depth - 1) == 0 {
                slot.logged |= logged(depth - 1);
                outer.push(entry);
            }
        }
        log.append(&mut outer);
        self.keep_log(log);
    }

    /// Undoes what happened in the innermost level, and ends it.
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn rollback(&mut self) {
        self.park();
    }

    /// Undoes the innermost level and ends it, but hands out what it made, for [`StableMemory::unpark`].
    ///
    /// # Panics
    ///
    /// If no level is open.
    pub fn park(&mut self) -> ParkedStable {
        let level = self.end_level();
        let ended = logged(self.levels.len());
        let mut parked = ParkedStable {
            size: self.size,
            pages: Vec::new(),
        };
        let mut log = std::mem::take(&mut self.log);
        for entry in log.drain(level.start..) {
            let slot = self.table.logged_slot(entry.page);
            slot.logged &= !ended;
            parked
                .pages
                .push((entry.page, std::mem::replace(&mut slot.page, entry.old)));
        }
        self.keep_log(log);
        self.size = level.size;
        parked
    }

    /// Applies what [`StableMemory::park`] took. The memory must be as it was then. Within a level this can be
    /// undone; outside it is for good.
    ///
    /// # Errors
    ///
    /// A machine without memory.
    pub fn unpark(&mut self, parked: ParkedStable) -> Result<(), StableError> {
        let depth = self.levels.len();
        for (page, content) in parked.pages {
            let slot = self.table.slot(page)?;
            let old = std::mem::replace(&mut slot.page, content);
            if depth > 0 && slot.logged & logged(depth - 1) == 0 {
                slot.logged |= logged(depth - 1);
                self.log.push(Entry { page, old });
            }
        }
        self.size = parked.size;
        Ok(())
    }

    /// As [`StableMemory::snapshot`], but the next one costs as much again.
    pub fn image(&self) -> Image {
        Image::new(self.size, self.table.pages())
    }
}

/// What a write needs of the memory besides the slot it writes to.
struct Log<'a> {
    levels: usize,
    entries: &'a mut Vec<Entry>,
}

impl Log<'_> {
    /// Writes bytes into a page, keeping the old page for the innermost level if it is the first write there.
    fn write(
        self,
        number: u32,
        slot: &mut Slot,
        within: usize,
        bytes: &[u8],
    ) -> Result<(), StableError> {
        if let Some(page) = slot.open(self.levels) {
            page[within..within + bytes.len()].copy_from_slice(bytes);
            return Ok(());
        }
        // A page that a level or an image holds too, or none: it gets a successor.
        self.entries.try_reserve(1)?;
        let whole = bytes.len() == PAGE_SIZE;
        let base = match &slot.page {
            _ if whole => bytes,
            Some(page) => &page[..],
            None => &ZERO_PAGE[..],
        };
        let mut page = PooledPage::new(base)?;
        if !whole && let Some(page) = page.get_mut() {
            page[within..within + bytes.len()].copy_from_slice(bytes);
        }
        let old = slot.page.replace(page);
        if slot.is_to_log(self.levels) {
            slot.logged |= logged(self.levels - 1);
            self.entries.push(Entry { page: number, old });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: &mut u64, bound: usize) -> usize {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed % bound as u64) as usize
    }

    fn bytes(memory: &StableMemory) -> Vec<u8> {
        let mut bytes = vec![9; memory.size_bytes() as usize];
        memory.read(0, &mut bytes).unwrap();
        bytes
    }

    fn history(mut seed: u64) {
        let (mut memory, mut model, mut levels) =
            (StableMemory::new(), Vec::new(), Vec::<Vec<u8>>::new());
        let mut images: Vec<(Image, Vec<u8>)> = vec![(Image::zeroed(0), Vec::new())];
        for _ in 0..300 {
            match random(&mut seed, 14) {
                10 => images.push((memory.snapshot(), model.clone())),
                11 => images.push((memory.image(), model.clone())),
                12 | 13 if levels.is_empty() => {
                    let (image, content) = &images[random(&mut seed, images.len())];
                    if random(&mut seed, 4) == 0 {
                        memory = StableMemory::from_image(image).unwrap();
                    } else {
                        memory.restore(image).unwrap();
                    }
                    model.clone_from(content);
                }
                0 if levels.len() < MAX_LEVELS => {
                    memory.begin().unwrap();
                    levels.push(model.clone());
                }
                1 if model.len() < 30 * WASM_PAGE_SIZE => {
                    model.resize(model.len() + random(&mut seed, 3) * WASM_PAGE_SIZE, 0);
                    memory
                        .grow_to((model.len() / WASM_PAGE_SIZE) as u64)
                        .unwrap();
                }
                2 | 3 if !levels.is_empty() => {
                    let old = levels.pop().unwrap();
                    match random(&mut seed, 3) {
                        0 => memory.commit(),
                        1 => {
                            memory.rollback();
                            model = old;
                        }
                        _ => {
                            let parked = memory.park();
                            assert!(bytes(&memory) == old);
                            memory.unpark(parked).unwrap();
                        }
                    }
                }
                4 if random(&mut seed, 6) == 0 => {
                    memory.clear();
                    model.clear();
                }
                _ => {
                    let limit = if random(&mut seed, 4) == 0 {
                        100_000
                    } else {
                        100
                    };
                    let len = random(&mut seed, limit).min(model.len());
                    let offset = random(&mut seed, model.len() - len + 1);
                    let data: Vec<u8> = (0..len).map(|_| random(&mut seed, 3) as u8).collect();
                    memory.write(offset as u64, &data).unwrap();
                    model[offset..offset + len].copy_from_slice(&data);
                }
            }
            assert!(bytes(&memory) == model);
        }
        assert!(bytes(&StableMemory::from_image(&memory.image()).unwrap()) == model);
        for (image, content) in &images {
            assert_eq!(image.size_bytes(), content.len() as u64);
            let mut read = vec![9; content.len()];
            assert!(image.read(0, &mut read) && read == *content);
            assert!(image.pages().all(|(_, page)| page != &ZERO_PAGE));
        }
    }

    #[test]
    fn random_histories_agree_with_a_plain_vector() {
        for seed in 1..40 {
            history(seed * 0x9e37_79b9_7f4a_7c15);
        }
    }

    #[test]
    fn the_largest_memory_can_be_written_and_read_at_both_ends_without_the_middle() {
        let mut memory = StableMemory::new();
        memory.grow_to(MAX_STABLE_WASM_PAGES).unwrap();
        let end = memory.size_bytes();
        assert_eq!(end, 500 << 30);
        memory.begin().unwrap();
        memory.write(end - 3, b"end").unwrap();
        memory.write(0, b"start").unwrap();
        let mut far = [9; 5];
        memory.read(end / 2, &mut far).unwrap();
        assert_eq!(far, [0; 5]);
        assert_eq!(
            memory.table.slots_mut().unwrap().count(),
            2 * BLOCK as usize
        );
        assert_eq!(memory.image().pages().count(), 2);
        memory.rollback();
        assert_eq!(memory.image().pages().count(), 0);
    }

    #[test]
    fn ranges_and_sizes_outside_are_refused_and_change_nothing() {
        let mut memory = StableMemory::new();
        assert_eq!(
            memory.grow_to(MAX_STABLE_WASM_PAGES + 1),
            Err(StableError::OutOfBounds)
        );
        memory.grow_to(1).unwrap();
        assert_eq!(memory.grow_to(0), Err(StableError::OutOfBounds));
        assert_eq!(memory.write(65_535, b"ab"), Err(StableError::OutOfBounds));
        assert_eq!(memory.write(u64::MAX, b"ab"), Err(StableError::OutOfBounds));
        let mut target = [9; 2];
        assert_eq!(
            memory.read(65_535, &mut target),
            Err(StableError::OutOfBounds)
        );
        assert_eq!(target, [9; 2]);
        assert_eq!(memory.write(65_536, b""), Ok(()));
        assert!(memory.image().pages().next().is_none());
    }

    #[test]
    fn growth_is_undone_and_leaves_nothing_behind() {
        let mut memory = StableMemory::new();
        memory.grow_to(1).unwrap();
        memory.begin().unwrap();
        memory.grow_to(2).unwrap();
        memory.write(65_530, b"0123456789").unwrap();
        memory.rollback();
        assert_eq!(memory.wasm_pages(), 1);
        memory.grow_to(2).unwrap();
        assert!(bytes(&memory).iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_fifth_level_is_refused() {
        let mut memory = StableMemory::new();
        for _ in 0..MAX_LEVELS {
            memory.begin().unwrap();
        }
        assert_eq!(memory.begin(), Err(StableError::TooManyLevels));
    }

    #[test]
    fn clearing_within_a_level_can_be_undone() {
        let mut memory = StableMemory::new();
        memory.grow_to(1).unwrap();
        memory.write(100, b"kept").unwrap();
        memory.begin().unwrap();
        memory.clear();
        assert_eq!(memory.size_bytes(), 0);
        memory.grow_to(1).unwrap();
        assert!(bytes(&memory).iter().all(|byte| *byte == 0));
        memory.rollback();
        assert_eq!(bytes(&memory)[100..104], *b"kept");
    }
}
