//! The threads among which compiling is divided: all that the machine should have, or none if it refuses one.

use std::error::Error;
use std::sync::OnceLock;

use rayon::ThreadPoolBuilder;

/// Whether there are threads beside those of the program. Asks the machine when it is called first.
pub(crate) fn are_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(start)
}

fn start() -> bool {
    // All or none: the pool waits for ever for one that was refused.
    let built = ThreadPoolBuilder::new()
        .thread_name(|_| "compiler".to_owned())
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
