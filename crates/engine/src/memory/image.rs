//! Contents of memories away from their memory: copies for snapshots, and results of executions which are to become
//! visible later.

use super::pool::PooledPage;
use super::{PAGE_SIZE, Page, ZERO_PAGE};
use std::fmt;

/// The content of a memory: its size and its pages that are not zero, in ascending order.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    size: u64,
    pages: Vec<(u64, Box<Page>)>,
}

impl Image {
    /// `pages` must be ascending and free of zero pages.
    pub(super) fn new(size: u64, pages: Vec<(u64, Box<Page>)>) -> Self {
        debug_assert!(pages.is_sorted_by(|a, b| a.0 < b.0));
        Image { size, pages }
    }

    /// The content of a memory of so many bytes that was never written.
    pub fn zeroed(size: u64) -> Self {
        Image::new(size, Vec::new())
    }

    /// The size of the memory in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    /// The pages that are not zero, with their numbers, ascending.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        self.pages.iter().map(|(page, content)| (*page, &**content))
    }

    /// Reads bytes into `target`, which becomes zero where the image holds nothing; false (and `target` untouched)
    /// if the range does not lie within the memory.
    pub fn read(&self, offset: u64, target: &mut [u8]) -> bool {
        if offset
            .checked_add(target.len() as u64)
            .is_none_or(|end| end > self.size)
        {
            return false;
        }
        let mut at = offset;
        let mut rest = target;
        while !rest.is_empty() {
            let within = (at % PAGE_SIZE as u64) as usize;
            let len = rest.len().min(PAGE_SIZE - within);
            let (piece, tail) = rest.split_at_mut(len);
            let found = self
                .pages
                .binary_search_by_key(&(at / PAGE_SIZE as u64), |(page, _)| *page);
            let content = found.map_or(&ZERO_PAGE, |index| &self.pages[index].1);
            piece.copy_from_slice(&content[within..within + len]);
            at += len as u64;
            rest = tail;
        }
        true
    }
}

impl Image {
    /// Writes bytes; false (and nothing is written) if the range does not lie within the memory.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        if offset.checked_add(len).is_none_or(|end| end > self.size) {
            return false;
        }
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let number = at / PAGE_SIZE as u64;
            let within = (at % PAGE_SIZE as u64) as usize;
            let (piece, tail) = rest.split_at(rest.len().min(PAGE_SIZE - within));
            let found = self.pages.binary_search_by_key(&number, |(page, _)| *page);
            let index = found.unwrap_or_else(|index| {
                self.pages.insert(index, (number, Box::new(ZERO_PAGE)));
                index
            });
            let page = &mut self.pages[index].1;
            page[within..within + piece.len()].copy_from_slice(piece);
            if **page == ZERO_PAGE {
                self.pages.remove(index);
            }
            at += piece.len() as u64;
            rest = tail;
        }
        true
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Image({} bytes, {} pages not zero)",
            self.size,
            self.pages.len()
        )
    }
}

/// What an execution made of a heap, see `Heap::park`.
pub struct ParkedHeap {
    size: u64,
    pages: Vec<(u64, Box<Page>)>,
}

impl ParkedHeap {
    pub(super) fn new(size: u64, pages: Vec<(u64, Box<Page>)>) -> Self {
        ParkedHeap { size, pages }
    }

    /// The size of the heap after the execution, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        self.pages.iter().map(|(page, content)| (*page, &**content))
    }
}

impl fmt::Debug for ParkedHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ParkedHeap({} bytes, {} pages changed)",
            self.size,
            self.pages.len()
        )
    }
}

/// What an execution made of a stable memory, see `StableMemory::park`. `None` is a page of zeros.
pub struct ParkedStable {
    pub(super) size: u64,
    pub(super) pages: Vec<(u32, Option<PooledPage>)>,
}

impl ParkedStable {
    /// The size of the stable memory after the execution, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }
}

impl fmt::Debug for ParkedStable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ParkedStable({} bytes, {} pages written)",
            self.size,
            self.pages.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_reads_across_pages_and_gaps() {
        let image = Image::new(
            65536,
            vec![(0, Box::new([1; PAGE_SIZE])), (2, Box::new([3; PAGE_SIZE]))],
        );
        let mut bytes = vec![9; PAGE_SIZE + 4];
        assert!(image.read(PAGE_SIZE as u64 - 2, &mut bytes));
        assert_eq!(bytes[..3], [1, 1, 0]);
        assert_eq!(bytes[PAGE_SIZE..], [0, 0, 3, 3]);
        assert!(!image.read(65535, &mut [0; 2]));
        assert!(!image.read(u64::MAX, &mut [0; 2]));
        assert!(image.read(65536, &mut []));
    }

    #[test]
    fn an_image_is_written_across_pages_and_keeps_no_zero_pages() {
        let mut image = Image::zeroed(65536);
        let end = PAGE_SIZE as u64 * 2;
        assert!(image.write(end - 1, &[7, 8]));
        let mut bytes = [9; 4];
        assert!(image.read(end - 2, &mut bytes));
        assert_eq!(bytes, [0, 7, 8, 0]);
        assert_eq!(
            image.pages().map(|(page, _)| page).collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(image.write(end - 1, &[0, 8]));
        assert_eq!(image.pages().map(|(page, _)| page).collect::<Vec<_>>(), [2]);
        assert!(!image.write(65535, &[1, 1]));
        assert!(!image.write(u64::MAX, &[1]));
        assert!(image.write(65536, &[]));
        assert_eq!(image.pages().count(), 1);
    }
}
