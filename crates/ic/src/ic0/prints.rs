//! What an execution prints. Lines wait for the end of the execution, since it may have to run again with the other code
//! generator; but a flood of them goes straight to who listens.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::DebugPrint;

/// Bytes of lines that wait at the most.
const WAITING_BYTES: usize = 16 << 20;
/// Bytes of a line beside its text.
const LINE_BYTES: usize = 64;

/// Gets every line of a flood.
pub type Listener = Arc<Mutex<dyn FnMut(&DebugPrint) + Send>>;

/// What becomes of a flood.
#[derive(Clone, Default)]
pub enum Overflow {
    /// It waits like all lines.
    #[default]
    Waits,
    /// It goes to all of these.
    Goes(Arc<[Listener]>),
}

impl fmt::Debug for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Overflow::Waits => f.write_str("Waits"),
            Overflow::Goes(listeners) => write!(f, "Goes({})", listeners.len()),
        }
    }
}

/// The lines of one execution.
#[derive(Debug, Default)]
pub struct Prints {
    /// Each with the slice of the execution in which it was printed, from 0.
    waiting: Vec<(usize, DebugPrint)>,
    bytes: usize,
    overflow: Overflow,
    /// Lines that have gone to the listener.
    gone: usize,
    /// Lines that come again and went to the listener before.
    again: usize,
}

impl Prints {
    /// None yet.
    pub fn new(overflow: Overflow) -> Self {
        Prints {
            overflow,
            ..Prints::default()
        }
    }

    /// Adds a line of a slice.
    pub fn push(&mut self, slice: usize, line: DebugPrint) {
        if self.again > 0 {
            self.again -= 1;
            return;
        }
        self.bytes += line.text.len() + LINE_BYTES;
        self.waiting.push((slice, line));
        if self.bytes > WAITING_BYTES
            && let Overflow::Goes(listeners) = &self.overflow
        {
            self.gone += self.waiting.len();
            self.bytes = 0;
            for (_, line) in self.waiting.drain(..) {
                for listener in listeners.iter() {
                    listener.lock().unwrap_or_else(PoisonError::into_inner)(&line);
                }
            }
        }
    }

    /// The execution begins again and will print the same.
    pub fn restart(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
        self.again = self.gone;
    }

    /// The lines that still wait.
    pub fn into_waiting(self) -> Vec<(usize, DebugPrint)> {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use candid::Principal;

    use super::*;

    fn line(text: &str) -> DebugPrint {
        DebugPrint {
            time: 1,
            canister: Principal::anonymous(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_flood_goes_to_the_listener_once_and_in_order() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener: Listener = {
            let heard = Arc::clone(&heard);
            Arc::new(Mutex::new(move |line: &DebugPrint| {
                heard.lock().unwrap().push(line.text[..1].to_owned());
            }))
        };
        let mut prints = Prints::new(Overflow::Goes([listener].into()));
        let long = "x".repeat(9 << 20);
        for round in 0..2 {
            prints.push(0, line(&format!("a{long}")));
            prints.push(0, line(&format!("b{long}")));
            prints.push(0, line("c"));
            if round == 0 {
                prints.restart();
            }
        }
        assert_eq!(*heard.lock().unwrap(), ["a", "b"]);
        let waiting = prints.into_waiting();
        assert_eq!(waiting, [(0, line("c"))]);
    }

    #[test]
    fn without_a_listener_everything_is_kept() {
        let mut prints = Prints::default();
        for _ in 0..3 {
            prints.push(0, line(&"x".repeat(9 << 20)));
        }
        assert_eq!(prints.into_waiting().len(), 3);
    }
}
