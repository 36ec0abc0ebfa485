//! How much of its stack a thread has left. Wasm code runs on the stack of its thread, and the engine counts from where
//! it was entered: what it may use has to be there.

use std::cell::Cell;

thread_local! {
    /// The lowest address of this thread's stack, once it was asked for; 0 if the system does not tell.
    static LOWEST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Bytes of the calling thread's stack that are left; `None` if the system does not tell.
pub fn remaining_stack() -> Option<usize> {
    let lowest = LOWEST.get().unwrap_or_else(|| {
        let lowest = lowest_address().unwrap_or(0);
        LOWEST.set(Some(lowest));
        lowest
    });
    let here = std::ptr::from_ref(&lowest).addr();
    (lowest != 0).then(|| here.saturating_sub(lowest))
}

#[cfg(target_os = "linux")]
fn lowest_address() -> Option<usize> {
    // SAFETY: all-zero is a valid set of attributes, which the call fills in.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    // SAFETY: asks for the attributes of the calling thread, which lives.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) } != 0 {
        return None;
    }
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes were filled in above and are given back once.
    let told = unsafe {
        let told = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size);
        libc::pthread_attr_destroy(&mut attributes);
        told
    };
    (told == 0).then(|| lowest.addr())
}

#[cfg(target_os = "macos")]
fn lowest_address() -> Option<usize> {
    // SAFETY: asks about the calling thread, which lives.
    let (highest, size) = unsafe {
        let thread = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(thread),
            libc::pthread_get_stacksize_np(thread),
        )
    };
    highest.addr().checked_sub(size)
}

#[cfg(windows)]
fn lowest_address() -> Option<usize> {
    let (mut lowest, mut highest) = (0, 0);
    // SAFETY: fills in two numbers of ours.
    unsafe {
        windows_sys::Win32::System::Threading::GetCurrentThreadStackLimits(
            &mut lowest,
            &mut highest,
        );
    }
    Some(lowest)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn lowest_address() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_about_the_stack_it_was_given() {
        // More than the system keeps of threads that have ended, which would do for a smaller one.
        let thread = std::thread::Builder::new().stack_size(100 << 20);
        let left = thread.spawn(remaining_stack).unwrap().join().unwrap();
        if let Some(left) = left {
            assert!((99 << 20..=101 << 20).contains(&left), "{left}");
        }
    }

    #[test]
    fn what_a_frame_takes_is_not_left() {
        #[inline(never)]
        fn deeper() -> Option<usize> {
            let large = std::hint::black_box([1u8; 100_000]);
            let left = remaining_stack();
            std::hint::black_box(&large);
            left
        }
        if let Some(left) = remaining_stack() {
            assert!(deeper().unwrap() + 100_000 <= left);
        }
    }
}
