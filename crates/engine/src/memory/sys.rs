//! Virtual memory of the operating system: address space held in reserve, and large buffers that cost nothing until
//! they are used. The only file here that maps, protects and unmaps; it knows nothing about heaps.

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

impl Access {
    fn flags(self) -> libc::c_int {
        match self {
            Access::None => libc::PROT_NONE,
            Access::Read => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }
    }
}

/// Bytes of a page of this machine: 4096 nearly everywhere, 16384 on some.
pub(crate) fn host_page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: `sysconf` only reads a number.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(PAGE_SIZE)
    })
}

/// Maps `len` fresh zero bytes, at `at` if given (replacing what is mapped there), without counting them against
/// the memory of the machine.
///
/// # Safety
///
/// A given `at..at + len` must lie in a mapping of the caller's own, and nobody may hold a reference into it.
unsafe fn map(
    at: Option<NonNull<u8>>,
    len: usize,
    protection: libc::c_int,
) -> io::Result<NonNull<u8>> {
    let fixed = if at.is_some() { libc::MAP_FIXED } else { 0 };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    let hint = at.map_or(ptr::null_mut(), |at| at.as_ptr().cast());
    // SAFETY: a new anonymous mapping; with MAP_FIXED it replaces only what the caller promised to be its own.
    let mapped = unsafe { libc::mmap(hint, len, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(mapped.cast()).ok_or_else(|| io::Error::other("the system mapped page zero"))
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
        // SAFETY: a mapping at an address the system chooses touches nobody's memory.
        let base = unsafe { map(None, len, libc::PROT_NONE)? };
        Ok(Reservation { base, len })
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
        let done =
            unsafe { libc::mprotect(self.base().add(start).cast(), end - start, access.flags()) };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
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
        // Only Linux promises that discarded private memory reads as zero.
        #[cfg(target_os = "linux")]
        if host_page_size() == PAGE_SIZE {
            // SAFETY: the range lies in our own anonymous mapping (checked) and nobody refers to it.
            let done =
                unsafe { libc::madvise(self.base().add(start).cast(), len, libc::MADV_DONTNEED) };
            if done == 0 {
                return;
            }
        }
        // SAFETY: the range lies in our own mapping (checked) and is writable, as the caller promised.
        unsafe { ptr::write_bytes(self.base().add(start), 0, len) };
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
        // SAFETY: `start` is within the mapping, so the pointer is not null; the range is our own (checked).
        unsafe {
            let at = NonNull::new_unchecked(self.base().add(start));
            map(Some(at), len, libc::PROT_NONE)?;
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever could refer to it holds an `Arc` of its owner.
        unsafe { libc::munmap(self.base().cast(), self.len) };
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
    count: usize,
    items: PhantomData<T>,
}

// SAFETY: a buffer owns its items exclusively, like a boxed slice.
unsafe impl<T: Zeroable + Send> Send for Buffer<T> {}
// SAFETY: shared references give shared access only.
unsafe impl<T: Zeroable + Sync> Sync for Buffer<T> {}

impl<T: Zeroable> Buffer<T> {
    pub(super) fn new(count: usize) -> io::Result<Self> {
        let len = count * size_of::<T>();
        // SAFETY: a mapping at an address the system chooses touches nobody's memory.
        let base = unsafe { map(None, len, libc::PROT_READ | libc::PROT_WRITE)? };
        Ok(Buffer {
            base,
            count,
            items: PhantomData,
        })
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
            let _ = unsafe {
                let at = NonNull::new_unchecked(self.base.as_ptr().add(start));
                map(Some(at), end - start, libc::PROT_READ | libc::PROT_WRITE)
            };
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
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.count * size_of::<T>()) };
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
