//! The way that asks the system for memory and for nothing else: no handler of faults, no protection, no size of pages. Machine
//! code tells what it is going to touch, as the interpreter does; `rewrite/touches.rs` has it written so. What needs not be told
//! again stands in lists that the code can see: they are the second memory of its instance.
//!
//! Chosen where this room knows no other way, and by the variable `DRUN_MEMORY=portable`, for tests.

use super::sys::{Access, Reservation};
use super::{MAX_HEAP_BYTES, PAGE_SIZE, WASM_PAGE_SIZE};
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

/// Where the state of the first page lies in the second memory, behind the marks of all Wasm pages.
pub(crate) const STATES_AT: usize = MAX_HEAP_BYTES / WASM_PAGE_SIZE;
/// Wasm pages of the second memory.
pub(crate) const LIST_WASM_PAGES: usize =
    (STATES_AT + MAX_HEAP_BYTES / PAGE_SIZE).div_ceil(WASM_PAGE_SIZE);

/// How code says that it is going to touch a range: bits.
pub(crate) mod how {
    /// It writes, which is an access too.
    pub(crate) const WRITE: u32 = 1;
    /// Whether it is touched at all is known only behind the operator; see [`DONE`].
    pub(crate) const ANNOUNCED: u32 = 2;
    /// What was announced has been touched.
    pub(crate) const DONE: u32 = 4;
}

/// Whether the heaps of this process are told what is touched by all code.
pub(crate) fn is_portable() -> bool {
    static PORTABLE: OnceLock<bool> = OnceLock::new();
    *PORTABLE.get_or_init(|| {
        let wanted = || std::env::var_os("DRUN_MEMORY").is_some_and(|way| way == "portable");
        cfg!(not(unix)) || wanted()
    })
}

/// A list with a byte for each page, which becomes longer with the heap.
#[derive(Debug)]
pub(super) enum List {
    Own(Vec<u8>),
    /// Where code sees it: from `from` on, in a space that is open and larger than the longest list.
    Shown {
        space: Arc<Reservation>,
        from: usize,
        len: usize,
    },
}

/// What code sees: marks and states.
pub(super) fn shown() -> io::Result<(Arc<Reservation>, [List; 2])> {
    let bytes = LIST_WASM_PAGES * WASM_PAGE_SIZE;
    let space = Reservation::new(bytes)?;
    space.protect(0..bytes / PAGE_SIZE, Access::ReadWrite)?;
    let space = Arc::new(space);
    let list = |from| List::Shown {
        space: Arc::clone(&space),
        from,
        len: 0,
    };
    let lists = [list(0), list(STATES_AT)];
    Ok((space, lists))
}

impl List {
    /// Makes the list long enough, with zeros. What shrank before has left zeros behind.
    pub(super) fn grow(&mut self, wanted: usize) {
        match self {
            List::Own(list) if list.len() < wanted => list.resize(wanted, 0),
            List::Own(_) => {}
            List::Shown { len, .. } => *len = wanted.max(*len),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        List::Own(Vec::new())
    }
}

impl Deref for List {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            List::Own(list) => list,
            // SAFETY: the bytes lie in the space, which is open; who uses the tracker uses it alone, and no code of the guest
            // runs meanwhile.
            List::Shown { space, from, len } => unsafe {
                std::slice::from_raw_parts(space.base().add(*from), *len)
            },
        }
    }
}

impl DerefMut for List {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            List::Own(list) => list,
            // SAFETY: as above, and the other list lies elsewhere.
            List::Shown { space, from, len } => unsafe {
                std::slice::from_raw_parts_mut(space.base().add(*from), *len)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_code_sees_is_zero_at_first_and_then_what_the_lists_say() {
        let (space, [mut marks, mut states]) = shown().unwrap();
        marks.grow(STATES_AT);
        states.grow(MAX_HEAP_BYTES / PAGE_SIZE);
        assert!(marks.iter().chain(states.iter()).all(|byte| *byte == 0));
        *marks.last_mut().unwrap() = 1;
        states[0] = 2;
        *states.last_mut().unwrap() = 3;
        // SAFETY: the bytes lie in the space, and nobody else uses it.
        let seen = |at: usize| unsafe { *space.base().add(at) };
        assert_eq!([seen(STATES_AT - 1), seen(STATES_AT)], [1, 2]);
        assert_eq!(seen(LIST_WASM_PAGES * WASM_PAGE_SIZE - 1), 3);
    }
}
