//! The allocator of programs whose results must not depend on how much memory the machine has: where it refuses, the
//! process ends with a status of its own and one sentence, not with a signal. Everything else is the system's allocator.

use std::alloc::{GlobalAlloc, Layout, System};

/// With this status the process ends: the tool itself failed.
const STATUS: i32 = 3;

/// The system's allocator, but for what happens when it has nothing left.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrExit;

// SAFETY: every request goes to the system's allocator as it is, and what comes back goes on as it is; where nothing comes back,
// nothing is returned.
unsafe impl GlobalAlloc for OrExit {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` wants.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(ptr, layout, new_size) }, new_size)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Makes the system's allocator do with one arena where the process may take only so much address space: glibc reserves
/// 64 MiB for each thread otherwise. Returns whether that is so. To be called before there are threads.
pub fn fit_address_space() -> bool {
    let limited = crate::memory::address_space_is_limited();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if limited {
        // SAFETY: sets a number of the allocator, before anybody else can do so.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
    limited
}

/// Makes the system's allocator give blocks of more than a megabyte back as soon as they are free. glibc learns to keep
/// what was large once, in each of its arenas: good for a program with one task, and a leak to whoever watches a server that
/// is sent large bodies. Others do so anyway. To be called before there are threads.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator, before anybody else can do so.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 << 20);
    }
}

fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        refused(bytes);
    }
    memory
}

/// Says what was refused and ends the process, without asking for memory.
#[cold]
fn refused(bytes: usize) -> ! {
    let mut digits = [0; 20];
    let number = decimal(bytes, &mut digits);
    end([
        b"error: the machine refuses memory: ",
        number,
        b" bytes are needed at once\n",
    ])
}

/// Ends the process for a page of a heap that it wants to write and that the machine refuses: whatever the code did then, a
/// canister would see it. Safe to call in a signal handler.
#[cold]
pub(crate) fn refused_while_running() -> ! {
    end([
        b"error: the machine refuses memory",
        b" for a heap",
        b" while code runs on it\n",
    ])
}

/// Says why, and ends the process.
fn end(parts: [&[u8]; 3]) -> ! {
    let mut text = [0; 96];
    let mut len = 0;
    for part in parts {
        text[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    #[cfg(unix)]
    // SAFETY: writes initialized bytes of ours, and ends the process at once: no destructor runs, since one might want memory.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), len);
        libc::_exit(STATUS)
    }
    #[cfg(not(unix))]
    {
        // Standard error has no buffer.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), &text[..len]);
        std::process::exit(STATUS)
    }
}

fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 65_536, usize::MAX] {
            let mut digits = [0; 20];
            assert_eq!(decimal(number, &mut digits), number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_there_is_comes_from_the_system() {
        let layout = Layout::array::<u8>(100).unwrap();
        // SAFETY: the layout has a size; the memory is used within it and given back once.
        unsafe {
            let memory = OrExit.alloc_zeroed(layout);
            assert_eq!(*memory.add(99), 0);
            let memory = OrExit.realloc(memory, layout, 200);
            *memory.add(199) = 1;
            OrExit.dealloc(memory, Layout::array::<u8>(200).unwrap());
        }
    }
}
