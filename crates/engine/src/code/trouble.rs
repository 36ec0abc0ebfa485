//! What went wrong with module caches, in words, until somebody asks who can tell people. A cache helps and nothing depends on
//! it, so nothing fails; and nothing is printed here.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

static TROUBLES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes something.
pub(super) fn note(directory: &Path, trouble: &str) {
    let mut troubles = TROUBLES.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.push(format!("module cache {}: {trouble}", directory.display()));
}

/// What went wrong with the module caches of this process since this was asked last; of each cache the first thing only.
pub fn cache_troubles() -> Vec<String> {
    std::mem::take(&mut *TROUBLES.lock().unwrap_or_else(PoisonError::into_inner))
}
