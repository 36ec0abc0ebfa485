//! The calls of Windows, where address space is reserved first and gets memory (is committed) later.

use super::Access;
use std::io;
use std::ptr::{self, NonNull};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_DECOMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READONLY,
    PAGE_READWRITE, VirtualAlloc, VirtualFree,
};
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

/// Memory has to be asked for before it is touched.
pub(super) const GIVES_WHEN_TOUCHED: bool = false;

/// Bytes of a page.
pub(super) fn page_size() -> usize {
    // SAFETY: all-zero is a valid value, which the call fills in.
    let info = unsafe {
        let mut info: SYSTEM_INFO = std::mem::zeroed();
        GetSystemInfo(&mut info);
        info
    };
    info.dwPageSize as usize
}

/// Takes `len` bytes of address space, inaccessible.
pub(super) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a range at an address the system chooses touches nobody's memory.
    let base = unsafe { VirtualAlloc(ptr::null(), len, MEM_RESERVE, PAGE_NOACCESS) };
    NonNull::new(base.cast()).ok_or_else(io::Error::last_os_error)
}

/// Address space cannot be extended: what is reserved apart has to be released apart.
pub(super) fn reserve_at(_: usize, _: usize) -> io::Result<NonNull<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Takes `len` bytes that are zero once they were opened.
pub(super) fn reserve_zeros(len: usize) -> io::Result<NonNull<u8>> {
    reserve(len)
}

/// Makes bytes zero again, and gives their memory back.
///
/// # Safety
///
/// They are the caller's own, are open, and nobody refers to them.
pub(super) unsafe fn refresh_zeros(at: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: as the caller promised.
    unsafe {
        reset(at, len)?;
        protect(at, len, Access::ReadWrite)
    }
}

/// Sets what may be done with a range; what has no memory yet gets some.
///
/// # Safety
///
/// The range is the caller's own, and who refers to it does not need more than the new access.
pub(super) unsafe fn protect(at: *mut u8, len: usize, access: Access) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let protection = match access {
        Access::None => PAGE_NOACCESS,
        Access::Read => PAGE_READONLY,
        Access::ReadWrite => PAGE_READWRITE,
    };
    // SAFETY: as the caller promised. What is committed already stays as it is.
    let done = unsafe { VirtualAlloc(at.cast_const().cast(), len, MEM_COMMIT, protection) };
    match done.is_null() {
        false => Ok(()),
        true => Err(io::Error::last_os_error()),
    }
}

/// Makes writable bytes zero, giving their memory back; false if that cannot be.
///
/// # Safety
///
/// They are whole pages of the caller's own, and nobody refers to them.
pub(super) unsafe fn discard(_: *mut u8, _: usize) -> bool {
    // Memory that was given back may be refused when it is asked for again.
    false
}

/// Gives memory back: the range is inaccessible then, and zero when it is opened again.
///
/// # Safety
///
/// It is the caller's own, and nobody refers to it.
pub(super) unsafe fn reset(at: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: as the caller promised.
    match len == 0 || unsafe { VirtualFree(at.cast(), len, MEM_DECOMMIT) != 0 } {
        true => Ok(()),
        false => Err(io::Error::last_os_error()),
    }
}

/// Gives address space back.
///
/// # Safety
///
/// It is the caller's own, all that was reserved at once, and nobody refers to it.
pub(super) unsafe fn release(at: *mut u8, _: usize) {
    // SAFETY: as the caller promised.
    unsafe { VirtualFree(at.cast(), 0, MEM_RELEASE) };
}
