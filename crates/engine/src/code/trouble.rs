//! What went wrong with module caches and machine code, in words, until somebody asks who can tell people. Both only help, so
//! nothing fails; and nothing is printed here.

use std::sync::{Mutex, PoisonError};

static TROUBLES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes something.
pub(super) fn note(trouble: String) {
    let mut troubles = TROUBLES.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.push(trouble);
}

/// What makes this process slower than it could be, found since this was asked last: the first thing that went wrong with
/// each module cache, and that the machine forbids machine code.
pub fn troubles() -> Vec<String> {
    std::mem::take(&mut *TROUBLES.lock().unwrap_or_else(PoisonError::into_inner))
}
