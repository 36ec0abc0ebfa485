//! Whether the machine lets memory become executable, which hardened kernels and sandboxes forbid. Where it does not there is no
//! machine code: the interpreter runs what it can.
//! This is a room where `unsafe` is allowed: a page is mapped only to ask.

use std::sync::OnceLock;

use super::trouble;

/// Whether there can be machine code. Asks the machine when it is called first; if not, it is told once.
pub(crate) fn is_allowed() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| {
        let allowed = ask();
        if !allowed {
            trouble::note(
                "executable memory is forbidden here: modules are interpreted, and deep recursion ends sooner than on the \
                 Internet Computer"
                    .to_owned(),
            );
        }
        allowed
    })
}

/// What makes code executable: a page that was written becomes so.
#[cfg(unix)]
fn ask() -> bool {
    use std::ptr;
    let size = crate::memory::host_page_size();
    let write = libc::PROT_READ | libc::PROT_WRITE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: asks for a page of its own, which nobody else knows of and which is given back.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), size, write, private, -1, 0);
        if page == libc::MAP_FAILED {
            // No memory at all: that is for others to find.
            return true;
        }
        let executable = libc::mprotect(page, size, libc::PROT_READ | libc::PROT_EXEC) == 0;
        libc::munmap(page, size);
        executable
    }
}

/// Nothing of the kind is known of other systems.
#[cfg(not(unix))]
fn ask() -> bool {
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn here_code_may_run() {
        assert!(super::ask());
    }
}
