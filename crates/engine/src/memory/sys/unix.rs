//! The calls of POSIX systems.

use super::super::PAGE_SIZE;
use super::Access;
use std::io;
use std::ptr::{self, NonNull};

/// Memory is there once it is touched.
pub(super) const GIVES_WHEN_TOUCHED: bool = true;

/// Bytes of a page.
pub(super) fn page_size() -> usize {
    // SAFETY: `sysconf` only reads a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(PAGE_SIZE)
}

fn flags(access: Access) -> libc::c_int {
    match access {
        Access::None => libc::PROT_NONE,
        Access::Read => libc::PROT_READ,
        Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
    }
}

/// Where a mapping is to lie.
#[derive(Clone, Copy)]
enum Place {
    Anywhere,
    /// There, instead of what is mapped there.
    Over(NonNull<u8>),
    /// There, where nothing is mapped.
    Free(usize),
}

/// Without this the address is a wish, and where the mapping lies has to be looked at, as on old systems that ignore it.
#[cfg(target_os = "linux")]
const FREE: libc::c_int = libc::MAP_FIXED_NOREPLACE;
#[cfg(not(target_os = "linux"))]
const FREE: libc::c_int = 0;

/// Maps `len` fresh zero bytes without counting them against the memory of the machine.
///
/// # Safety
///
/// A place over something must lie in a mapping of the caller's own, and nobody may hold a reference into it.
unsafe fn map(place: Place, len: usize, access: Access) -> io::Result<NonNull<u8>> {
    let (hint, fixed) = match place {
        Place::Anywhere => (ptr::null_mut(), 0),
        Place::Over(at) => (at.as_ptr(), libc::MAP_FIXED),
        Place::Free(address) => (ptr::without_provenance_mut(address), FREE),
    };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    let hint: *mut libc::c_void = hint.cast();
    // SAFETY: a new anonymous mapping; with MAP_FIXED it replaces only what the caller promised to be its own.
    let mapped = unsafe { libc::mmap(hint, len, self::flags(access), flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    if matches!(place, Place::Free(address) if address != mapped.addr()) {
        // SAFETY: the mapping was made just now, and nobody knows of it.
        unsafe { libc::munmap(mapped, len) };
        return Err(io::ErrorKind::AddrInUse.into());
    }
    NonNull::new(mapped.cast()).ok_or_else(|| io::Error::other("the system mapped page zero"))
}

/// Takes `len` bytes of address space, inaccessible.
pub(super) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a mapping at an address the system chooses touches nobody's memory.
    unsafe { map(Place::Anywhere, len, Access::None) }
}

/// As [`reserve`], at an address where nothing may be mapped.
pub(super) fn reserve_at(address: usize, len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: the mapping touches nobody's memory.
    unsafe { map(Place::Free(address), len, Access::None) }
}

/// Takes `len` bytes that are zero, and take memory where they are touched.
pub(super) fn reserve_zeros(len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: as for `reserve`.
    unsafe { map(Place::Anywhere, len, Access::ReadWrite) }
}

/// Makes bytes of [`reserve_zeros`] zero again, and gives their memory back.
///
/// # Safety
///
/// They are the caller's own, and nobody refers to them.
pub(super) unsafe fn refresh_zeros(at: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: as the caller promised; an address of a mapping is not null.
    unsafe {
        map(
            Place::Over(NonNull::new_unchecked(at)),
            len,
            Access::ReadWrite,
        )
        .map(drop)
    }
}

/// Sets what may be done with a range. Safe to call in a signal handler.
///
/// # Safety
///
/// The range is the caller's own, and who refers to it does not need more than the new access.
pub(super) unsafe fn protect(at: *mut u8, len: usize, access: Access) -> io::Result<()> {
    // SAFETY: as the caller promised.
    match unsafe { libc::mprotect(at.cast(), len, flags(access)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes writable bytes zero, giving their memory back; false, with nothing done, where the system does not promise zeros.
///
/// # Safety
///
/// They are whole pages of the caller's own that were not mapped from a file, and nobody refers to them.
pub(super) unsafe fn discard(at: *mut u8, len: usize) -> bool {
    // Only Linux promises that discarded private memory reads as zero.
    // SAFETY: as the caller promised.
    cfg!(target_os = "linux") && unsafe { libc::madvise(at.cast(), len, libc::MADV_DONTNEED) == 0 }
}

/// Gives memory back: the range is inaccessible then, and zero when it is opened again.
///
/// # Safety
///
/// It is the caller's own, and nobody refers to it.
pub(super) unsafe fn reset(at: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: as the caller promised; an address of a mapping is not null.
    unsafe { map(Place::Over(NonNull::new_unchecked(at)), len, Access::None).map(drop) }
}

/// Gives address space back.
///
/// # Safety
///
/// It is the caller's own, all that was reserved at once and extended since, and nobody refers to it.
pub(super) unsafe fn release(at: *mut u8, len: usize) {
    // SAFETY: as the caller promised.
    unsafe { libc::munmap(at.cast(), len) };
}
