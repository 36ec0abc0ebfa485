//! `--timeout`: ends the program when a script takes too long, and tells the line it was in.
//!
//! Code of canisters cannot be asked to stop, so a thread of its own ends the process. What was printed until then stays:
//! results are handed to the system line by line.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context;

use super::exit::BROKEN;
use crate::suite::execute::TOO_LONG;

/// Where a script is.
enum Place {
    Before,
    At { file: String, line: usize },
    After,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Before => f.write_str("before the first message"),
            Place::At { file, line } => write!(f, "{file}:{line}"),
            Place::After => f.write_str("after the last message"),
        }
    }
}

/// Where the script is, for the thread that waits until this is dropped.
pub(super) struct Watch(Option<(Arc<Mutex<Place>>, mpsc::Sender<()>)>);

impl Watch {
    /// Begins to wait, if there is a limit.
    ///
    /// # Errors
    /// If the machine refuses a thread.
    pub(super) fn start(limit: Option<Duration>) -> anyhow::Result<Self> {
        let Some(limit) = limit else {
            return Ok(Watch(None));
        };
        let place = Arc::new(Mutex::new(Place::Before));
        let seen = Arc::clone(&place);
        let (alive, ended) = mpsc::channel();
        let watch = move || {
            if ended.recv_timeout(limit) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let place = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let text = format!("error: {place}: {TOO_LONG} {limit:?} (--timeout)\n");
            // A closed standard error is no reason to go on.
            let _ = std::io::stderr().write_all(text.as_bytes());
            std::process::exit(i32::from(BROKEN));
        };
        let thread = crate::suite::thread::builder();
        let started = thread.and_then(|thread| thread.name("timeout".to_owned()).spawn(watch));
        started.context("the machine refuses a thread for --timeout")?;
        Ok(Watch(Some((place, alive))))
    }

    /// The script has come to this line.
    pub(super) fn at(&self, file: &str, line: usize) {
        self.set(|place| match place {
            Place::At {
                file: same,
                line: last,
            } if same == file => *last = line,
            place => {
                let file = file.to_owned();
                *place = Place::At { file, line };
            }
        });
    }

    /// The script is at its end; what is left to do is not its.
    pub(super) fn at_end(&self) {
        self.set(|place| *place = Place::After);
    }

    fn set(&self, set: impl FnOnce(&mut Place)) {
        if let Some((place, _)) = &self.0 {
            set(&mut place.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
