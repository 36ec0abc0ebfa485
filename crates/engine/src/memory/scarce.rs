//! What is done where a process may take only so much address space (`ulimit -v`), or has taken all there is: buffers become
//! smaller, and heaps take what they hold and no more. Such a heap lies alone in a wide stretch of addresses, which cost
//! nothing, so that it can grow where it is. Owns how much may be taken and where; mapping is `sys.rs`'s.

use super::sys::Reservation;
#[cfg(unix)]
use super::sys::host_page_size;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Addresses from one heap to the next: room for the largest that the Internet Computer knows.
const STRETCH: usize = 8 << 30;

/// So many heaps have a stretch of their own. They lie below what the system maps, and above the program.
const STRETCHES: usize = 4096;

/// Bytes of address space that this process may still take; `None` if nothing limits it.
#[cfg(unix)]
fn left() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: fills in the limit, which is ours.
    let asked = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) };
    if asked != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    // Without `/proc` more is taken than is fair.
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<usize> = told.split(' ').next().and_then(|pages| pages.parse().ok());
    let limit = usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX);
    Some(limit.saturating_sub(pages.unwrap_or(0) * host_page_size()))
}

/// Bytes of address space that this process may still take: nothing limits it here.
#[cfg(not(unix))]
fn left() -> Option<usize> {
    None
}

/// Whether the process may take only so much address space.
pub(crate) fn address_space_is_limited() -> bool {
    left().is_some()
}

/// Of the address space that something would like to have, the part that it may take: all of it where nothing limits the
/// process or most would be left for others, else an eighth of what is left.
pub(super) fn fair_share(wanted: usize) -> usize {
    match left() {
        Some(left) if wanted > left / 4 => left / 8,
        _ => wanted,
    }
}

/// Reserves so many bytes where the reservation can probably be extended.
pub(super) fn extensible(len: usize) -> io::Result<Reservation> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let anywhere = Reservation::new(len)?;
    let here = anywhere.base().addr() / STRETCH * STRETCH;
    for _ in 0..STRETCHES {
        let number = 1 + NEXT.fetch_add(1, Ordering::Relaxed) % STRETCHES;
        let Some(address) = here.checked_sub(number * STRETCH).filter(|at| *at > 0) else {
            continue;
        };
        match Reservation::at(address, len) {
            Ok(reservation) => return Ok(reservation),
            // The second is what a system says that only takes the place for a wish.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::AddrInUse
                ) => {}
            Err(_) => break,
        }
    }
    Ok(anywhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_everything_may_be_taken() {
        if !address_space_is_limited() {
            assert_eq!(fair_share(usize::MAX), usize::MAX);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_extensible_grows_where_it_is() {
        let mut several = [(); 3].map(|()| extensible(1 << 16).unwrap());
        for reservation in &mut several {
            let base = reservation.base();
            reservation.extend(64 << 20).unwrap();
            assert_eq!(reservation.base(), base);
            assert!(extensible(1 << 16).unwrap().base() != base);
        }
        // Where something lies nothing else is put.
        let taken = several[0].base().addr();
        assert!(Reservation::at(taken + (1 << 20), 1 << 16).is_err());
    }
}
