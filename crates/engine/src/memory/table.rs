//! A sparse table of pages, the store behind a stable memory: what was never written does not exist. When the
//! machine has no memory left that is an error here and not the end of the process.

use super::pages::{self, Pages};
use super::pool::PooledPage;
use super::sparse::Sparse;
use super::tracker::logged;
use super::{PAGE_SIZE, Page, ZERO_PAGE};
use std::collections::TryReserveError;
use std::sync::Arc;

/// Pages of one block of the table.
pub(super) const BLOCK: u32 = pages::BLOCK as u32;

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// `None` is a page of zeros.
    pub(super) page: Option<PooledPage>,
    /// Which levels have logged the page, a bit each.
    pub(super) logged: u8,
}

impl Slot {
    /// Whether a write has to keep the page for the innermost of so many levels.
    #[inline]
    pub(super) fn is_to_log(&self, levels: usize) -> bool {
        levels > 0 && self.logged & logged(levels - 1) == 0
    }

    /// The page for writing, if no level has to keep it and nobody else holds it.
    #[inline]
    pub(super) fn open(&mut self, levels: usize) -> Option<&mut Page> {
        match self.is_to_log(levels) {
            true => None,
            false => self.page.as_mut()?.get_mut(),
        }
    }
}

pub(super) type Slots = [Slot; BLOCK as usize];

/// A block as it came from an image, or one that was written since.
#[derive(Debug)]
pub(super) enum Block {
    Shared(Arc<pages::Block>),
    Own {
        slots: Box<Slots>,
        /// The block may hold something else than the base, and is in the list of those that do.
        dirty: bool,
    },
}

impl Block {
    pub(super) fn page(&self, within: usize) -> Option<&Page> {
        match self {
            Block::Shared(pages) => pages[within].as_deref(),
            Block::Own { slots, .. } => slots[within].page.as_deref(),
        }
    }
}

/// Makes a block of its own which is known to be dirty.
fn make_own(block: &mut Option<Block>) -> Result<(), TryReserveError> {
    if let Some(Block::Own { dirty, .. }) = block {
        *dirty = true;
        return Ok(());
    }
    let mut slots = new_slots()?;
    if let Some(Block::Shared(pages)) = block {
        for (slot, page) in slots.iter_mut().zip(pages.iter()) {
            slot.page.clone_from(page);
        }
    }
    *block = Some(Block::Own { slots, dirty: true });
    Ok(())
}

fn new_slots() -> Result<Box<Slots>, TryReserveError> {
    let mut slots = Vec::new();
    slots.try_reserve_exact(BLOCK as usize)?;
    slots.resize_with(BLOCK as usize, Slot::default);
    let slots = slots.into_boxed_slice().try_into();
    Ok(slots.expect("a block has its number of slots"))
}

#[derive(Debug, Default)]
pub(super) struct Table {
    blocks: Sparse<Block>,
    /// What the table held when pages were last taken from it or put into it. Blocks that are not in `dirty` still
    /// hold the same.
    base: Pages,
    dirty: Vec<u32>,
}

impl Table {
    /// The page with this number, if it was ever written.
    #[inline]
    pub(super) fn page(&self, page: u32) -> Option<&Page> {
        self.blocks.get(page / BLOCK)?.page((page % BLOCK) as usize)
    }

    /// The slot of a page, if it is known that the next image has to look at it.
    #[inline]
    pub(super) fn dirty_slot(&mut self, page: u32) -> Option<&mut Slot> {
        match self.blocks.get_mut(page / BLOCK)? {
            Block::Own { slots, dirty: true } => Some(&mut slots[(page % BLOCK) as usize]),
            _ => None,
        }
    }

    /// The slots of the block with this number for writing, made if they do not exist.
    pub(super) fn block_mut(&mut self, number: u32) -> Result<&mut Slots, TryReserveError> {
        let block = self.blocks.place(number)?;
        if !matches!(block, Some(Block::Own { dirty: true, .. })) {
            self.dirty.try_reserve(1)?;
            make_own(block)?;
            self.dirty.push(number);
        }
        match block {
            Some(Block::Own { slots, .. }) => Ok(slots),
            _ => unreachable!("the block was made just now"),
        }
    }

    /// The slot of a page, made if it does not exist.
    pub(super) fn slot(&mut self, page: u32) -> Result<&mut Slot, TryReserveError> {
        Ok(&mut self.block_mut(page / BLOCK)?[(page % BLOCK) as usize])
    }

    /// The slot of a page that is in a log.
    pub(super) fn logged_slot(&mut self, page: u32) -> &mut Slot {
        // It exists, so what could fail is the list of dirty blocks only, which is shorter than the table.
        self.slot(page).expect("a logged page has its slot")
    }

    /// All slots there are, ascending.
    ///
    /// # Errors
    ///
    /// A machine without memory.
    pub(super) fn slots_mut(
        &mut self,
    ) -> Result<impl Iterator<Item = (u32, &mut Slot)>, TryReserveError> {
        let numbers: Vec<u32> = self.blocks.iter_mut().map(|(number, _)| number).collect();
        for number in numbers {
            self.block_mut(number)?;
        }
        Ok(self.blocks.iter_mut().flat_map(|(number, block)| {
            let slots = match block {
                Block::Own { slots, .. } => &mut slots[..],
                Block::Shared(_) => &mut [],
            };
            (number * BLOCK..).zip(slots)
        }))
    }

    pub(super) fn clear(&mut self) {
        *self = Table::default();
    }

    /// The pages of a block as they are shared; nothing if all are zero.
    fn shared(&self, number: u32) -> Option<Arc<pages::Block>> {
        match self.blocks.get(number)? {
            Block::Shared(pages) => Some(pages.clone()),
            Block::Own { slots, .. } => {
                let page = |index: usize| slots[index].page.clone();
                let kept = |page: &PooledPage| **page != ZERO_PAGE;
                Some(Arc::new(std::array::from_fn(|index| {
                    page(index).filter(kept)
                })))
            }
        }
    }

    /// The pages that are not zero, sharing what they hold: at the cost of the blocks that are dirty.
    pub(super) fn pages(&self) -> Pages {
        let mut pages = self.base.clone();
        for number in &self.dirty {
            pages.set_block(u64::from(*number), self.shared(*number));
        }
        pages
    }

    /// As [`Table::pages`], and remembers them, so that the next time costs what changes from here on.
    pub(super) fn snapshot(&mut self) -> Pages {
        let dirty = std::mem::take(&mut self.dirty);
        for number in dirty {
            let block = self.shared(number);
            self.base.set_block(u64::from(number), block);
            if let Some(Block::Own { dirty, .. }) = self.blocks.get_mut(number) {
                *dirty = false;
            }
        }
        self.base.clone()
    }

    /// Makes the table hold these pages, at the cost of the blocks that are dirty or not the same. Nothing may be
    /// logged.
    ///
    /// # Errors
    ///
    /// A machine without memory; the table holds what it held.
    pub(super) fn restore(&mut self, pages: &Pages) -> Result<(), TryReserveError> {
        let differing = self.base.differing_blocks(pages).into_iter();
        let differing = differing.map(|number| number as u32);
        let numbers: Vec<u32> = differing.chain(self.dirty.iter().copied()).collect();
        for number in &numbers {
            self.blocks.place(*number)?;
        }
        for number in numbers {
            let block = pages.block(u64::from(number));
            *self.blocks.place(number)? = block.map(|block| Block::Shared(block.clone()));
        }
        self.dirty.clear();
        self.base = pages.clone();
        Ok(())
    }
}

/// The part of a range of bytes that lies within one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) page: u32,
    /// Where it starts within the page.
    pub(super) within: usize,
    /// Where it starts within the range.
    pub(super) at: usize,
    pub(super) len: usize,
}

/// The pieces of `len` bytes from `offset` on, which must lie within the largest stable memory.
pub(super) fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = offset + at as u64;
        let page = (start / PAGE_SIZE as u64) as u32;
        let within = (start % PAGE_SIZE as u64) as usize;
        let piece = Piece {
            page,
            within,
            at,
            len: (len - at).min(PAGE_SIZE - within),
        };
        at += piece.len;
        (piece.len > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_the_ends_of_pages() {
        let piece = |page, within, at, len| Piece {
            page,
            within,
            at,
            len,
        };
        let cut: Vec<Piece> = pieces(4090, 4200).collect();
        assert_eq!(
            cut,
            [
                piece(0, 4090, 0, 6),
                piece(1, 0, 6, 4096),
                piece(2, 0, 4102, 98)
            ]
        );
        assert_eq!(pieces(4096, 0).count(), 0);
        assert_eq!(pieces(8191, 1).collect::<Vec<_>>(), [piece(1, 4095, 0, 1)]);
    }

    #[test]
    fn only_pages_that_were_made_exist() {
        let mut table = Table::default();
        for page in [131_071_999, 64, 63] {
            table.slot(page).unwrap().page = Some(PooledPage::new(&[1; PAGE_SIZE]).unwrap());
        }
        table.slot(7).unwrap();
        let pages: Vec<u64> = table.pages().iter().map(|(page, _)| page).collect();
        assert_eq!(pages, [63, 64, 131_071_999]);
        assert!(table.blocks.get(0).is_some() && table.blocks.get(5).is_none());
    }
}
