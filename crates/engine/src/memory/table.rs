//! A sparse table of pages, the store behind a stable memory: what was never written does not exist. When the
//! machine has no memory left that is an error here and not the end of the process.

use super::pool::PooledPage;
use super::{PAGE_SIZE, Page};
use std::collections::TryReserveError;
use std::collections::btree_map::{BTreeMap, Entry};

/// Pages of one block of the table.
pub(super) const BLOCK: u32 = 64;

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// `None` is a page of zeros.
    pub(super) page: Option<PooledPage>,
    /// Which levels have logged the page, a bit each.
    pub(super) logged: u8,
}

pub(super) type Block = [Slot; BLOCK as usize];

#[derive(Debug, Default)]
pub(super) struct Table {
    blocks: BTreeMap<u32, Box<Block>>,
}

impl Table {
    /// The block with this number, if one of its pages was ever written.
    pub(super) fn block(&self, number: u32) -> Option<&Block> {
        self.blocks.get(&number).map(|block| &**block)
    }

    /// The block with this number, made if it does not exist.
    pub(super) fn block_mut(&mut self, number: u32) -> Result<&mut Block, TryReserveError> {
        match self.blocks.entry(number) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let mut slots = Vec::new();
                slots.try_reserve_exact(BLOCK as usize)?;
                slots.resize_with(BLOCK as usize, Slot::default);
                let block = slots.into_boxed_slice().try_into();
                Ok(entry.insert(block.expect("a block has its number of slots")))
            }
        }
    }

    /// The slot of a page, made if it does not exist.
    pub(super) fn slot(&mut self, page: u32) -> Result<&mut Slot, TryReserveError> {
        Ok(&mut self.block_mut(page / BLOCK)?[(page % BLOCK) as usize])
    }

    /// The slot of a page that is in a log.
    pub(super) fn logged_slot(&mut self, page: u32) -> &mut Slot {
        let block = self.blocks.get_mut(&(page / BLOCK));
        &mut block.expect("a logged page has its block")[(page % BLOCK) as usize]
    }

    /// All pages that exist, ascending.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u32, &Page)> {
        self.blocks.iter().flat_map(|(number, block)| {
            let slots = (number * BLOCK..).zip(block.iter());
            slots.filter_map(|(page, slot)| Some((page, slot.page.as_deref()?)))
        })
    }

    /// All slots there are, ascending.
    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = (u32, &mut Slot)> {
        self.blocks
            .iter_mut()
            .flat_map(|(number, block)| (number * BLOCK..).zip(block.iter_mut()))
    }

    pub(super) fn clear(&mut self) {
        self.blocks.clear();
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
        let pages: Vec<u32> = table.pages().map(|(page, _)| page).collect();
        assert_eq!(pages, [63, 64, 131_071_999]);
        assert!(table.block(0).is_some() && table.block(5).is_none());
    }
}
