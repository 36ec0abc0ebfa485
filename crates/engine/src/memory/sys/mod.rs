//! Virtual memory of the operating system: address space held in reserve, and large buffers that cost nothing until
//! they are used. The only files here that map, protect and unmap; they know nothing about heaps.

#[cfg(unix)]
#[path = "unix.rs"]
mod os;
#[cfg(windows)]
#[path = "windows.rs"]
mod os;

use super::{PAGE_SIZE, Page};
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// Bytes behind the reservation that are never accessible, so that code can leave out bounds checks of offsets.
pub(super) const GUARD: usize = 32 << 20;

/// What may be done with a range of a [`Reservation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    None,
    Read,
    ReadWrite,
}

/// Bytes of a page of this machine: 4096 nearly everywhere, 16384 on some.
pub(crate) fn host_page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(page_size)
}

#[cfg(not(test))]
use os::page_size;

/// What the system says, or larger pages that a test wishes for.
#[cfg(test)]
fn page_size() -> usize {
    let wish = std::env::var("DRUN_TEST_PAGE_SIZE").ok();
    wish.and_then(|size| size.parse().ok())
        .unwrap_or_else(os::page_size)
}

/// A range of address space. It begins inaccessible; parts of it are opened and closed in units of pages.
#[derive(Debug)]
pub(super) struct Reservation {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a reservation owns its range like a box owns its bytes, and has no ties to a thread. Its methods that
// change something visible to others are calls into the operating system, which orders them itself.
unsafe impl Send for Reservation {}
// SAFETY: as above; references to the content are only made by callers who exclude each other (`Core`).
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `len` bytes (a multiple of the host's page size) of address space.
    pub(super) fn new(len: usize) -> io::Result<Self> {
        let base = os::reserve(len)?;
        Ok(Reservation { base, len })
    }

    /// As [`Reservation::new`], at an address where nothing may be mapped.
    pub(super) fn at(address: usize, len: usize) -> io::Result<Self> {
        let base = os::reserve_at(address, len)?;
        Ok(Reservation { base, len })
    }

    /// Makes it `len` bytes long, where it lies: possible if the addresses behind it are free.
    pub(super) fn extend(&mut self, len: usize) -> io::Result<()> {
        if let Some(more) = len.checked_sub(self.len)
            && more > 0
        {
            os::reserve_at(self.base().addr() + self.len, more)?;
            self.len = len;
        }
        Ok(())
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Sets what may be done with these pages. Where the host's pages are larger than ours, their neighbours within
    /// the same host page are included. Safe to call in a signal handler.
    ///
    /// # Errors
    ///
    /// The system's, for example when the process has too many separate regions.
    pub(super) fn protect(&self, pages: Range<usize>, access: Access) -> io::Result<()> {
        let host = host_page_size();
        let start = pages.start * PAGE_SIZE / host * host;
        let end = (pages.end * PAGE_SIZE).next_multiple_of(host);
        assert!(
            start <= end && end <= self.len,
            "pages outside of their reservation"
        );
        // SAFETY: the range lies in our own mapping (checked). Reading is taken away only from a heap that is followed, whose
        // handler of faults gives it back before the access.
        unsafe { os::protect(self.base().add(start), end - start, access) }
    }

    /// Makes writable pages zero, giving their memory back to the system where that is possible.
    ///
    /// # Safety
    ///
    /// The pages must be writable and nobody may hold a reference into them.
    pub(super) unsafe fn discard(&self, pages: Range<usize>) {
        let (start, len) = (pages.start * PAGE_SIZE, pages.len() * PAGE_SIZE);
        assert!(
            start + len <= self.len,
            "pages outside of their reservation"
        );
        // SAFETY: the range lies in our own mapping (checked), nobody refers to it, and it is writable, as the caller promised.
        unsafe {
            let at = self.base().add(start);
            if host_page_size() != PAGE_SIZE || !os::discard(at, len) {
                ptr::write_bytes(at, 0, len);
            }
        }
    }

    /// Gives pages back: they are inaccessible afterwards, and zero when they are opened again. Both ends must be
    /// multiples of a Wasm page.
    ///
    /// # Safety
    ///
    /// Nobody may hold a reference into the pages.
    pub(super) unsafe fn reset(&self, pages: Range<usize>) -> io::Result<()> {
        let (start, len) = (pages.start * PAGE_SIZE, pages.len() * PAGE_SIZE);
        assert!(
            start + len <= self.len,
            "pages outside of their reservation"
        );
        // SAFETY: the range is our own (checked), and nobody refers to it.
        unsafe { os::reset(self.base().add(start), len) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever could refer to it holds an `Arc` of its owner.
        unsafe { os::release(self.base(), self.len) };
    }
}

/// Types for which a zero byte pattern is a value and that own nothing.
///
/// # Safety
///
/// All zero bytes must be a valid value of the type, which must be `Copy` and no larger in alignment than a page.
pub(super) unsafe trait Zeroable: Copy {}
// SAFETY: any byte is a `u8`.
unsafe impl Zeroable for u8 {}
// SAFETY: an array of bytes.
unsafe impl Zeroable for Page {}

/// A large array of zeros which takes memory only where it is used.
#[derive(Debug)]
pub(super) struct Buffer<T: Zeroable> {
    base: NonNull<u8>,
    capacity: usize,
    /// Items that are there: all of them where the system gives memory when it is touched.
    count: usize,
    items: PhantomData<T>,
}

// SAFETY: a buffer owns its items exclusively, like a boxed slice.
unsafe impl<T: Zeroable + Send> Send for Buffer<T> {}
// SAFETY: shared references give shared access only.
unsafe impl<T: Zeroable + Sync> Sync for Buffer<T> {}

impl<T: Zeroable> Buffer<T> {
    pub(super) fn new(count: usize) -> io::Result<Self> {
        Ok(Buffer {
            base: os::reserve_zeros(count * size_of::<T>())?,
            capacity: count,
            count: if os::GIVES_WHEN_TOUCHED { count } else { 0 },
            items: PhantomData,
        })
    }

    /// Makes sure that so many items are there. Costs nothing where memory is given when it is touched.
    ///
    /// # Errors
    ///
    /// The system's, and more items than there is room for.
    pub(super) fn reach(&mut self, items: usize) -> io::Result<()> {
        /// Bytes that are asked for at once.
        const STEP: usize = 1 << 20;
        if items <= self.count {
            return Ok(());
        }
        if items > self.capacity {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let room = (self.capacity * size_of::<T>()).next_multiple_of(host_page_size());
        let bytes = (items * size_of::<T>()).next_multiple_of(STEP).min(room);
        // SAFETY: the range is our own, and what is there of it stays as it is.
        unsafe { os::protect(self.base.as_ptr(), bytes, Access::ReadWrite)? };
        self.count = (bytes / size_of::<T>()).min(self.capacity);
        Ok(())
    }

    /// Makes the items of the range zero again and gives their memory back; the items that share a host page with
    /// others outside of the range are left as they are.
    pub(super) fn release(&mut self, items: Range<usize>) {
        let host = host_page_size();
        let start = (items.start * size_of::<T>()).next_multiple_of(host);
        let end = items.end.min(self.count) * size_of::<T>() / host * host;
        if start < end {
            // SAFETY: the range lies in our own mapping, and `&mut self` says that nobody refers to it. A fresh
            // mapping of zeros is a valid value for every item. When it fails the old items stay, just as valid.
            let _ = unsafe { os::refresh_zeros(self.base.as_ptr().add(start), end - start) };
        }
    }
}

impl<T: Zeroable> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the mapping holds `count` items, aligned to a page, and zero is a valid item.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.count) }
    }
}

impl<T: Zeroable> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().cast(), self.count) }
    }
}

impl<T: Zeroable> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and the borrow checker has ended all references into it.
        unsafe { os::release(self.base.as_ptr(), self.capacity * size_of::<T>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opened_pages_hold_what_is_written_until_they_are_reset() {
        let space = Reservation::new(1 << 20).unwrap();
        space.protect(0..16, Access::ReadWrite).unwrap();
        // SAFETY: the first 16 pages are open and only used here.
        unsafe {
            *space.base().add(5000) = 7;
            assert_eq!(*space.base().add(5000), 7);
            space.reset(0..16).unwrap();
            space.protect(0..16, Access::Read).unwrap();
            assert_eq!(*space.base().add(5000), 0);
        }
    }

    #[test]
    fn discarded_pages_are_zero_and_their_neighbours_are_not() {
        let space = Reservation::new(1 << 20).unwrap();
        space.protect(0..16, Access::ReadWrite).unwrap();
        // SAFETY: the first 16 pages are open and only used here.
        unsafe {
            for page in 0..16 {
                *space.base().add(page * PAGE_SIZE) = 1;
            }
            space.discard(4..8);
            let first_bytes: Vec<u8> = (0..16)
                .map(|page| *space.base().add(page * PAGE_SIZE))
                .collect();
            assert_eq!(
                first_bytes,
                [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
            );
        }
    }

    #[test]
    fn a_buffer_is_zero_at_first_and_after_release() {
        let mut buffer = Buffer::<Page>::new(100).unwrap();
        assert!(buffer.iter().all(|page| page == &[0; PAGE_SIZE]));
        buffer[3][9] = 1;
        buffer[40][9] = 1;
        buffer.release(32..100);
        assert_eq!((buffer[3][9], buffer[40][9]), (1, 0));
    }

    #[test]
    fn an_impossible_reservation_is_an_error() {
        assert!(Reservation::new(1 << 60).is_err());
    }
}
