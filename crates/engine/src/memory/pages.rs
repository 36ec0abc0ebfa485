//! A sparse set of shared pages that clones in no time: blocks of reference-counted pages in a reference-counted map.
//! A change copies the path to it, if somebody else holds that path. What two of them share is found equal by identity,
//! so that their difference costs what differs. The pages that are zero are left out.

use super::pool::PooledPage;
use super::{Page, ZERO_PAGE};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pages of one block.
pub(super) const BLOCK: u64 = 64;

/// Pages in a row; `None` is a page of zeros.
pub(super) type Block = [Option<PooledPage>; BLOCK as usize];

type Map = BTreeMap<u64, Arc<Block>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    blocks: Arc<Map>,
}

/// The page to keep for this content: none if it is zero.
pub(super) fn kept(content: &Page) -> Option<PooledPage> {
    (content != &ZERO_PAGE).then(|| PooledPage::of(content))
}

fn same(a: Option<&PooledPage>, b: Option<&PooledPage>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is(b),
        (None, None) => true,
        _ => false,
    }
}

impl Pages {
    pub(super) fn get(&self, page: u64) -> Option<&PooledPage> {
        self.blocks.get(&(page / BLOCK))?[(page % BLOCK) as usize].as_ref()
    }

    pub(super) fn set(&mut self, page: u64, content: Option<PooledPage>) {
        let (number, within) = (page / BLOCK, (page % BLOCK) as usize);
        if content.is_none() && self.get(page).is_none() {
            return;
        }
        let blocks = Arc::make_mut(&mut self.blocks);
        let block = blocks
            .entry(number)
            .or_insert_with(|| Arc::new([const { None }; BLOCK as usize]));
        let emptied = content.is_none();
        Arc::make_mut(block)[within] = content;
        if emptied && block.iter().all(Option::is_none) {
            blocks.remove(&number);
        }
    }

    /// Makes a page hold this content. One that does so already stays the same page.
    pub(super) fn update(&mut self, page: u64, content: &Page) {
        let present = self.get(page).map_or(&ZERO_PAGE, |page| page);
        if present != content {
            self.set(page, kept(content));
        }
    }

    pub(super) fn set_block(&mut self, number: u64, block: Option<Arc<Block>>) {
        match block.filter(|block| block.iter().any(Option::is_some)) {
            Some(block) => {
                Arc::make_mut(&mut self.blocks).insert(number, block);
            }
            None if self.blocks.contains_key(&number) => {
                Arc::make_mut(&mut self.blocks).remove(&number);
            }
            None => {}
        }
    }

    pub(super) fn block(&self, number: u64) -> Option<&Arc<Block>> {
        self.blocks.get(&number)
    }

    /// All blocks with their numbers, ascending.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (u64, &Arc<Block>)> {
        self.blocks.iter().map(|(number, block)| (*number, block))
    }

    /// All pages with their numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &PooledPage)> {
        self.blocks().flat_map(|(number, block)| {
            let pages = (number * BLOCK..).zip(block.iter());
            pages.filter_map(|(page, content)| Some((page, content.as_ref()?)))
        })
    }

    /// The numbers of the blocks that are not the same, ascending.
    pub(super) fn differing_blocks(&self, other: &Pages) -> Vec<u64> {
        if Arc::ptr_eq(&self.blocks, &other.blocks) {
            return Vec::new();
        }
        let mut differing = Vec::new();
        let (mut ours, mut theirs) = (self.blocks().peekable(), other.blocks().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(ours), Some(theirs)) => ours.0.min(theirs.0),
                (Some(one), None) | (None, Some(one)) => one.0,
                (None, None) => return differing,
            };
            let a = ours.next_if(|(number, _)| *number == next);
            let b = theirs.next_if(|(number, _)| *number == next);
            if !matches!((a, b), (Some(a), Some(b)) if Arc::ptr_eq(a.1, b.1)) {
                differing.push(next);
            }
        }
    }

    /// The numbers of the pages that are not the same, ascending. Equal pages may be among them.
    pub(super) fn differing(&self, other: &Pages) -> Vec<u64> {
        let mut differing = Vec::new();
        for number in self.differing_blocks(other) {
            let pages = number * BLOCK..(number + 1) * BLOCK;
            differing.extend(pages.filter(|page| !same(self.get(*page), other.get(*page))));
        }
        differing
    }
}

impl PartialEq for Pages {
    fn eq(&self, other: &Self) -> bool {
        let content = |pages: &Pages, page| pages.get(page).map_or(ZERO_PAGE, |page| **page);
        let mut differing = self.differing(other).into_iter();
        differing.all(|page| content(self, page) == content(other, page))
    }
}

impl Eq for Pages {}

#[cfg(test)]
mod tests {
    use super::super::PAGE_SIZE;
    use super::*;

    fn pages(numbers: impl IntoIterator<Item = u64>) -> Pages {
        let mut pages = Pages::default();
        for number in numbers {
            pages.update(number, &[number as u8 | 1; PAGE_SIZE]);
        }
        pages
    }

    #[test]
    fn a_clone_differs_in_what_was_changed_since() {
        let first = pages([1, 2, 64, 1000, 1 << 40]);
        let mut second = first.clone();
        assert!(second.differing(&first).is_empty());
        second.update(64, &[9; PAGE_SIZE]);
        second.update(3, &[9; PAGE_SIZE]);
        second.update(1000, &ZERO_PAGE);
        second.update(1, &[1; PAGE_SIZE]);
        assert_eq!(second.differing(&first), [3, 64, 1000]);
        assert_eq!(first.differing(&second), [3, 64, 1000]);
        assert_eq!(first.iter().count(), 5);
        assert_eq!(
            second.block(1000 / BLOCK).map(|_| ()),
            None,
            "no empty blocks"
        );
        assert!(Arc::ptr_eq(
            first.block((1 << 40) / BLOCK).unwrap(),
            second.block((1 << 40) / BLOCK).unwrap()
        ));
    }

    #[test]
    fn equality_is_that_of_the_contents() {
        let (first, mut second) = (pages([5, 70]), pages([70, 5]));
        assert_eq!(first.differing(&second), [5, 70]);
        assert!(first == second);
        second.update(6, &[1; PAGE_SIZE]);
        assert!(first != second);
        second.set(6, None);
        assert!(first == second);
        assert!(first != pages([5]));
    }
}
