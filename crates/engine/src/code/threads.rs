//! The threads among which compiling is divided: those that the machine gives, and none if it gives none.

use std::error::Error;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::ThreadPoolBuilder;

/// Whether there is a thread beside those of the program. Asks the machine when it is called first.
pub(crate) fn are_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(start)
}

fn start() -> bool {
    let first = AtomicBool::new(true);
    let built = ThreadPoolBuilder::new()
        .spawn_handler(|worker| {
            let thread = std::thread::Builder::new().name("compiler".to_owned());
            let spawned = thread.spawn(move || worker.run());
            // The work of one that is refused is done by the others, if there is one.
            match (spawned, first.swap(false, Ordering::Relaxed)) {
                (Err(error), true) => Err(error),
                _ => Ok(()),
            }
        })
        .build_global();
    match built {
        Ok(()) => true,
        // Without a cause it only says that somebody else has started the threads before.
        Err(error) => error.source().is_none(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn here_threads_are_there() {
        assert!(super::are_there());
    }
}
