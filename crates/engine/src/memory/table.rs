//! A sparse table of pages, the store behind a stable memory: what was never written does not exist. When the
//! machine has no memory left that is an error here and not the end of the process.

use super::pages::{self, Pages};
use super::pool::PooledPage;
use super::{PAGE_SIZE, Page, ZERO_PAGE};
use std::collections::TryReserveError;
use std::collections::btree_map::BTreeMap;
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

fn new_slots() -> Result<Box<Slots>, TryReserveError> {
    let mut slots = Vec::new();
    slots.try_reserve_exact(BLOCK as usize)?;
    slots.resize_with(BLOCK as usize, Slot::default);
    let slots = slots.into_boxed_slice().try_into();
    Ok(slots.expect("a block has its number of slots"))
}

#[derive(Debug, Default)]
pub(super) struct Table {
    blocks: BTreeMap<u32, Block>,
    /// What the table held when pages were last taken from it or put into it. Blocks that are not in `dirty` still
    /// hold the same.
    base: Pages,
    dirty: Vec<u32>,
}

impl Table {
    /// The block with this number, if one of its pages was ever written.
    pub(super) fn block(&self, number: u32) -> Option<&Block> {
        self.blocks.get(&number)
    }

    /// The slots of the block with this number for writing, made if they do not exist.
    pub(super) fn block_mut(&mut self, number: u32) -> Result<&mut Slots, TryReserveError> {
        if !matches!(
            self.blocks.get(&number),
            Some(Block::Own { dirty: true, .. })
        ) {
            self.make_own(number)?;
        }
        match self.blocks.get_mut(&number) {
            Some(Block::Own { slots, .. }) => Ok(slots),
            _ => unreachable!("the block was made just now"),
        }
    }

    /// Makes a block of its own which is known to be dirty.
    fn make_own(&mut self, number: u32) -> Result<(), TryReserveError> {
        self.dirty.try_reserve(1)?;
        match self.blocks.get_mut(&number) {
            Some(Block::Own { dirty, .. }) => *dirty = true,
            other => {
                let mut slots = new_slots()?;
                if let Some(Block::Shared(pages)) = other {
                    for (slot, page) in slots.iter_mut().zip(pages.iter()) {
                        slot.page.clone_from(page);
                    }
                }
                self.blocks
                    .insert(number, Block::Own { slots, dirty: true });
            }
        }
        self.dirty.push(number);
        Ok(())
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
        let numbers: Vec<u32> = self.blocks.keys().copied().collect();
        for number in numbers {
            self.block_mut(number)?;
        }
        Ok(self.blocks.iter_mut().flat_map(|(number, block)| {
            let slots = match block {
                Block::Own { slots, .. } => &mut slots[..],
                Block::Shared(_) => &mut [],
            };
            (number * BLOCK..).zip(slots.iter_mut())
        }))
    }

    pub(super) fn clear(&mut self) {
        *self = Table::default();
    }

    /// The pages of a block as they are shared; nothing if all are zero.
    fn shared(&self, number: u32) -> Option<Arc<pages::Block>> {
        match self.blocks.get(&number)? {
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
            if let Some(Block::Own { dirty, .. }) = self.blocks.get_mut(&number) {
                *dirty = false;
            }
        }
        self.base.clone()
    }

    /// Makes the table hold these pages, at the cost of the blocks that are dirty or not the same. Nothing may be
    /// logged.
    pub(super) fn restore(&mut self, pages: &Pages) {
        let differing = self.base.differing_blocks(pages).into_iter();
        let differing = differing.map(|number| number as u32);
        let numbers: Vec<u32> = differing.chain(self.dirty.drain(..)).collect();
        for number in numbers {
            match pages.block(u64::from(number)) {
                Some(block) => self.blocks.insert(number, Block::Shared(block.clone())),
                None => self.blocks.remove(&number),
            };
        }
        self.base = pages.clone();
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
        assert!(table.block(0).is_some() && table.block(5).is_none());
    }
}
