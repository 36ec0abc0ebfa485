//! What somebody asks for that a replica of another date has: collected, so that who drives the node can say so. Nothing of
//! it reaches a canister; the network answers as it did at its date.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::protocol::{Date, Era};

/// Notes that nobody has taken yet, and which were there before.
#[derive(Debug, Default)]
pub struct Notes {
    /// Nobody chose the date: it came with the records of a program, whose suites hold what was printed, and no notes.
    implied: bool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<String>,
    told: BTreeSet<String>,
}

impl Notes {
    /// None yet, of a date that was chosen or implied.
    pub fn new(implied: bool) -> Self {
        Notes {
            implied,
            inner: Mutex::default(),
        }
    }

    /// Something is not known at this date, but at others.
    pub fn another_date(&self, date: Date, what: fmt::Arguments<'_>, era: Era) {
        if self.implied {
            return;
        }
        self.add(format!(
            "{what} is known {era}, and this is a replica of {date} (--protocol)"
        ));
    }

    fn add(&self, note: String) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.told.insert(note.clone()) {
            inner.waiting.push(note);
        }
    }

    /// Takes the notes that nobody has taken yet.
    pub fn take(&self) -> Vec<String> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut inner.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_came_with_a_program_has_no_notes() {
        let notes = Notes::new(true);
        for era in [
            Era::since(Date::October2025),
            Era::until(Date::March2025),
            Era::since(Date::November2026),
        ] {
            notes.another_date(Date::March2025, format_args!("it"), era);
            assert_eq!(notes.take(), [""; 0]);
        }
    }

    #[test]
    fn a_note_is_told_once() {
        let notes = Notes::default();
        let era = Era::since(Date::November2026);
        for _ in 0..2 {
            notes.another_date(Date::October2025, format_args!("the method x"), era);
        }
        assert_eq!(
            notes.take(),
            [
                "the method x is known from 2026-11 on, and this is a replica of 2025-10 (--protocol)"
            ]
        );
        assert_eq!(notes.take(), [""; 0]);
    }
}
