//! What an execution prints. Lines wait for the end of the execution, since it may have to run again with the other code
//! generator; but a flood of them goes straight to who listens.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use candid::Principal;

/// Bytes of lines that wait at the most.
const WAITING_BYTES: usize = 16 << 20;
/// Bytes of a line beside its text.
const LINE_BYTES: usize = 64;

/// A line that a canister printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Slice of the execution in which it was printed, from 0.
    pub slice: usize,
    /// The text.
    pub text: String,
}

/// Gets time, canister and text of a line.
pub type Listener = dyn FnMut(u64, Principal, &str) + Send;

/// Where a flood goes; nowhere if everything has to be kept.
#[derive(Clone, Default)]
pub struct Overflow(Option<Arc<Mutex<Listener>>>);

impl Overflow {
    /// To this listener.
    pub fn to(listener: Arc<Mutex<Listener>>) -> Self {
        Overflow(Some(listener))
    }
}

impl fmt::Debug for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overflow({})", self.0.is_some())
    }
}

/// The lines of one execution.
#[derive(Debug, Default)]
pub struct Prints {
    waiting: Vec<Print>,
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

    /// Adds a line.
    pub fn push(&mut self, time: u64, canister: Principal, line: Print) {
        if self.again > 0 {
            self.again -= 1;
            return;
        }
        self.bytes += line.text.len() + LINE_BYTES;
        self.waiting.push(line);
        if self.bytes > WAITING_BYTES
            && let Overflow(Some(listener)) = &self.overflow
        {
            let mut listener = listener.lock().unwrap_or_else(PoisonError::into_inner);
            self.gone += self.waiting.len();
            self.bytes = 0;
            for line in self.waiting.drain(..) {
                listener(time, canister, &line.text);
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
    pub fn into_waiting(self) -> Vec<Print> {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Print {
        Print {
            slice: 0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_flood_goes_to_the_listener_once_and_in_order() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = {
            let heard = Arc::clone(&heard);
            Arc::new(Mutex::new(move |_: u64, _: Principal, text: &str| {
                heard.lock().unwrap().push(text[..1].to_owned());
            }))
        };
        let mut prints = Prints::new(Overflow::to(listener));
        let id = Principal::anonymous();
        let long = "x".repeat(9 << 20);
        for round in 0..2 {
            prints.push(1, id, line(&format!("a{long}")));
            prints.push(1, id, line(&format!("b{long}")));
            prints.push(1, id, line("c"));
            if round == 0 {
                prints.restart();
            }
        }
        assert_eq!(*heard.lock().unwrap(), ["a", "b"]);
        let waiting = prints.into_waiting();
        assert_eq!(waiting, [line("c")]);
    }

    #[test]
    fn without_a_listener_everything_is_kept() {
        let mut prints = Prints::default();
        for _ in 0..3 {
            prints.push(1, Principal::anonymous(), line(&"x".repeat(9 << 20)));
        }
        assert_eq!(prints.into_waiting().len(), 3);
    }
}
