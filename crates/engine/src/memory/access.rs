//! Which pages of a stable memory one execution has accessed and written (docs/internet-computer/metering.md 4.2): each page counts
//! once per execution. A value of its own, made anew for every execution; whoever charges for pages asks here first
//! what an access would add, and marks it when it is paid for.

use super::PAGE_SIZE;
use std::collections::BTreeMap;

/// Pages of one piece of a set.
const PIECE: u64 = 4096;
const WORD: u64 = 64;

/// A set of page numbers whose cost depends on the pages in it only.
#[derive(Clone, Debug, Default)]
struct PageSet {
    pieces: BTreeMap<u64, Box<[u64; (PIECE / WORD) as usize]>>,
    /// A page that is in the set: small accesses often hit the same one again and again.
    recent: Option<u64>,
}

impl PageSet {
    /// The number of pages from `first` to `last` that are not in the set.
    fn missing(&self, first: u64, last: u64) -> u64 {
        if first == last && self.recent == Some(first) {
            return 0;
        }
        let mut present = 0;
        for (piece, from, to) in pieces(first, last) {
            if let Some(words) = self.pieces.get(&piece) {
                let ones =
                    |(word, mask): (usize, u64)| u64::from((words[word] & mask).count_ones());
                present += masks(from, to).map(ones).sum::<u64>();
            }
        }
        last - first + 1 - present
    }

    fn insert(&mut self, first: u64, last: u64) {
        if first == last && self.recent == Some(first) {
            return;
        }
        for (piece, from, to) in pieces(first, last) {
            let words = self
                .pieces
                .entry(piece)
                .or_insert_with(|| Box::new([0; (PIECE / WORD) as usize]));
            for (word, mask) in masks(from, to) {
                words[word] |= mask;
            }
        }
        self.recent = Some(last);
    }
}

/// The pieces that pages from `first` to `last` lie in, with the first and last page within each.
fn pieces(first: u64, last: u64) -> impl Iterator<Item = (u64, u64, u64)> {
    (first / PIECE..=last / PIECE).map(move |piece| {
        let start = piece * PIECE;
        (
            piece,
            first.max(start) - start,
            last.min(start + PIECE - 1) - start,
        )
    })
}

/// The words of a piece that pages from `from` to `to` lie in, with the bits of the pages.
fn masks(from: u64, to: u64) -> impl Iterator<Item = (usize, u64)> {
    (from / WORD..=to / WORD).map(move |word| {
        let start = word * WORD;
        let below = from.max(start) - start;
        let above = WORD - 1 - (to.min(start + WORD - 1) - start);
        (word as usize, (u64::MAX << below) & (u64::MAX >> above))
    })
}

/// The pages of a range of bytes; `None` if it is empty.
fn pages(offset: u64, len: u64) -> Option<(u64, u64)> {
    let last = offset.checked_add(len.checked_sub(1)?)?;
    Some((offset / PAGE_SIZE as u64, last / PAGE_SIZE as u64))
}

/// Whether a range lies in one page.
#[inline]
fn within(offset: u64, len: u64) -> bool {
    offset % PAGE_SIZE as u64 + len.min(2 * PAGE_SIZE as u64) <= PAGE_SIZE as u64
}

/// What an access would add to the pages of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Pages not accessed (read or written) before.
    pub accessed: u64,
    /// Pages not written before.
    pub written: u64,
}

/// The pages of a stable memory that one execution has accessed and written. Ranges are in bytes; they must have
/// been checked against the size of the memory, and one that leaves 64 bits counts as empty.
#[derive(Clone, Debug, Default)]
pub struct StableAccess {
    accessed: PageSet,
    written: PageSet,
}

impl StableAccess {
    /// Nothing accessed yet.
    pub fn new() -> Self {
        StableAccess::default()
    }

    /// What reading this range would add: `written` is 0.
    pub fn touch_read(&self, offset: u64, len: u64) -> Touched {
        let accessed =
            pages(offset, len).map_or(0, |(first, last)| self.accessed.missing(first, last));
        Touched {
            accessed,
            written: 0,
        }
    }

    /// What writing this range would add.
    pub fn touch_write(&self, offset: u64, len: u64) -> Touched {
        let Some((first, last)) = pages(offset, len) else {
            return Touched::default();
        };
        Touched {
            accessed: self.accessed.missing(first, last),
            written: self.written.missing(first, last),
        }
    }

    /// Notes that this range is read; how many of its pages were not accessed before.
    #[inline]
    pub fn read(&mut self, offset: u64, len: u64) -> u64 {
        let page = offset / PAGE_SIZE as u64;
        if self.accessed.recent == Some(page) && within(offset, len) {
            return 0;
        }
        let touched = self.touch_read(offset, len);
        self.mark_read(offset, len);
        touched.accessed
    }

    /// Notes that this range is written; what that adds.
    #[inline]
    pub fn write(&mut self, offset: u64, len: u64) -> Touched {
        let recent = Some(offset / PAGE_SIZE as u64);
        let known = self.accessed.recent == recent && self.written.recent == recent;
        if known && within(offset, len) {
            return Touched::default();
        }
        let touched = self.touch_write(offset, len);
        self.mark_write(offset, len);
        touched
    }

    /// Notes that this range is read.
    pub fn mark_read(&mut self, offset: u64, len: u64) {
        if let Some((first, last)) = pages(offset, len) {
            self.accessed.insert(first, last);
        }
    }

    /// Notes that this range is written, which is an access too.
    pub fn mark_write(&mut self, offset: u64, len: u64) {
        if let Some((first, last)) = pages(offset, len) {
            self.accessed.insert(first, last);
            self.written.insert(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn touched(accessed: u64, written: u64) -> Touched {
        Touched { accessed, written }
    }

    #[test]
    fn a_page_counts_once_as_accessed_and_once_as_written() {
        let mut access = StableAccess::new();
        assert_eq!(access.touch_read(4090, 10), touched(2, 0));
        access.mark_read(4090, 10);
        assert_eq!(access.touch_read(0, 8192), touched(0, 0));
        assert_eq!(access.touch_write(4090, 10), touched(0, 2));
        access.mark_write(4095, 1);
        assert_eq!(access.touch_write(4090, 10), touched(0, 1));
        assert_eq!(access.touch_write(0, 12288), touched(1, 2));
    }

    #[test]
    fn asking_changes_nothing_and_empty_ranges_have_no_pages() {
        let mut access = StableAccess::new();
        access.touch_write(0, 100);
        assert_eq!(access.touch_write(0, 100), touched(1, 1));
        access.mark_write(5000, 0);
        access.mark_write(u64::MAX, 2);
        assert_eq!(access.touch_write(0, 8192), touched(2, 2));
    }

    #[test]
    fn counts_are_those_of_a_plain_set() {
        let mut random = 88172645463325252u64;
        let mut next = move |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        let (mut access, mut accessed, mut written) =
            (StableAccess::new(), BTreeSet::new(), BTreeSet::new());
        for _ in 0..3000 {
            let limit = if next(10) == 0 { 10_000_000 } else { 10_000 };
            let (offset, len) = (next(50_000 * 4096), 1 + next(limit));
            let pages = offset / 4096..=(offset + len - 1) / 4096;
            let new = |set: &BTreeSet<u64>| {
                pages.clone().filter(|page| !set.contains(page)).count() as u64
            };
            if next(2) == 0 {
                assert_eq!(access.touch_read(offset, len), touched(new(&accessed), 0));
                assert_eq!(access.read(offset, len), new(&accessed));
                assert_eq!(access.read(offset, len.min(8)), 0);
            } else {
                let expected = touched(new(&accessed), new(&written));
                assert_eq!(access.touch_write(offset, len), expected);
                assert_eq!(access.write(offset, len), expected);
                assert_eq!(access.write(offset, len.min(8)), touched(0, 0));
                written.extend(pages.clone());
            }
            accessed.extend(pages);
        }
    }

    #[test]
    fn the_far_end_of_the_largest_memory_costs_no_more_than_the_near_one() {
        let mut access = StableAccess::new();
        access.mark_write((500 << 30) - 1, 1);
        assert_eq!(access.written.pieces.len(), 1);
        assert_eq!(access.touch_write((500 << 30) - 5000, 5000), touched(1, 1));
    }
}
