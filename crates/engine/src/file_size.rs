//! What happens when a file would become larger than the process is allowed to write (`ulimit -f`): the system's answer to it
//! is a signal that ends the process. Here it becomes an error of the write, which its writer can tell.

/// From now on a file that reaches the limit of the process fails to be written, instead of ending the process.
pub fn limit_is_an_error() {
    #[cfg(unix)]
    // SAFETY: sets a disposition that runs no code of ours; nothing else in this process handles this signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
