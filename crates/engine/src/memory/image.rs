//! Contents of memories away from their memory: copies for snapshots, and results of executions which are to become
//! visible later.

use super::PAGE_SIZE;
use super::pages::Pages;
use super::pool::PooledPage;
use super::{Page, ZERO_PAGE};
use std::fmt;

/// The content of a memory: its size and its pages that are not zero. Clones, and images of one memory taken one
/// after the other, share the pages that are the same; a write to an image is seen in that image only.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    size: u64,
    pages: Pages,
}

impl Image {
    pub(super) fn new(size: u64, pages: Pages) -> Self {
        Image { size, pages }
    }

    /// The content of a memory of so many bytes that was never written.
    pub fn zeroed(size: u64) -> Self {
        Image::new(size, Pages::default())
    }

    /// The size of the memory in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    /// The pages that are not zero, with their numbers, ascending.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        self.pages.iter().map(|(page, content)| (page, &**content))
    }

    pub(super) fn shared(&self) -> &Pages {
        &self.pages
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
            let found = self.pages.get(at / PAGE_SIZE as u64);
            let content = found.map_or(&ZERO_PAGE, |page| page);
            piece.copy_from_slice(&content[within..within + len]);
            at += len as u64;
            rest = tail;
        }
        true
    }

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
            let mut content = self.pages.get(number).map_or(ZERO_PAGE, |page| **page);
            content[within..within + piece.len()].copy_from_slice(piece);
            self.pages.update(number, &content);
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
            self.pages.iter().count()
        )
    }
}

/// What an execution made of a heap, see `Heap::park`. Clones share its pages.
#[derive(Clone)]
pub struct ParkedHeap {
    size: u64,
    pages: Vec<(u64, PooledPage)>,
}

impl ParkedHeap {
    pub(super) fn new(size: u64, pages: Vec<(u64, PooledPage)>) -> Self {
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

/// What an execution made of a stable memory, see `StableMemory::park`. `None` is a page of zeros. Clones share its
/// pages.
#[derive(Clone)]
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
        let mut image = Image::zeroed(65536);
        image.write(0, &[1; PAGE_SIZE]);
        image.write(2 * PAGE_SIZE as u64, &[3; PAGE_SIZE]);
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

    #[test]
    fn a_write_to_a_clone_is_seen_in_the_clone_only() {
        let mut first = Image::zeroed(65536);
        assert!(first.write(5000, b"first"));
        let mut second = first.clone();
        assert!(second.write(5000, b"2nd"));
        let text = |image: &Image| {
            let mut text = [0; 5];
            assert!(image.read(5000, &mut text));
            text
        };
        assert_eq!((&text(&first), &text(&second)), (b"first", b"2ndst"));
        assert!(second.write(5000, b"fir") && first == second);
    }

    #[test]
    fn what_is_taken_out_of_memories_goes_to_other_threads() {
        fn is_send<T: Send>() {}
        fn is_sync<T: Sync>() {}
        is_send::<super::super::Heap>();
        is_send::<super::super::StableMemory>();
        is_send::<ParkedHeap>();
        is_send::<ParkedStable>();
        is_send::<Image>();
        is_sync::<Image>();
    }
}
