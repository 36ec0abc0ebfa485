//! Threads that a machine may refuse: who asks for one gets an error, also where there is room for the thread's own stack and
//! not for what the language puts beside it, which would end the process from within.

use std::io;
use std::thread::Builder;

/// Bytes of address space that a new thread finds: its stack, that for its signals, and something for those who begin at the
/// same time.
const ROOM: usize = 16 << 20;

/// For a new thread.
///
/// # Errors
/// If there is no room for it.
pub fn builder() -> io::Result<Builder> {
    let mut room = Vec::<u8>::new();
    let found = room.try_reserve_exact(ROOM);
    // Nobody may find out that the room is not used.
    std::hint::black_box(room.as_ptr());
    match found {
        Ok(()) => Ok(Builder::new()),
        Err(_) => Err(io::ErrorKind::OutOfMemory.into()),
    }
}
