//! `poll_oneoff`: waiting for clocks. Streams and files are always ready.

use std::time::Duration;

use super::super::abi::{Errno, clockid};
use super::super::clock::Kind;
use super::super::filesystem::Descriptor;
use super::{Done, Guest, Linear};

/// Subscriptions of one call.
const MAX_SUBSCRIPTIONS: u32 = 1024;
/// Bytes of a subscription and of an event.
const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;
/// `subclockflags`: the time is one of the clock, not a length.
const ABSOLUTE: u16 = 1;

/// What one subscription comes to.
struct Pending {
    userdata: u64,
    kind: u8,
    outcome: Result<Ready, Errno>,
}

enum Ready {
    /// After so long.
    After(Duration),
    /// Now, with so many bytes.
    Bytes(u64),
}

pub(super) fn poll_oneoff(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    subscriptions: u32,
    events: u32,
    count: u32,
    to: u32,
) -> Done {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::INVAL.into());
    }
    memory.slice(subscriptions, count * SUBSCRIPTION)?;
    memory.slice(events, count * EVENT)?;
    memory.slice(to, 4)?;
    guest.answer_file()?;
    let pending: Vec<Pending> = (0..count)
        .map(|index| subscription(memory, guest, subscriptions + index * SUBSCRIPTION))
        .collect::<Result<_, _>>()?;
    let shortest = pending
        .iter()
        .map(|pending| match &pending.outcome {
            Ok(Ready::After(time)) => *time,
            _ => Duration::ZERO,
        })
        .min()
        .unwrap_or_default();
    if shortest > Duration::ZERO {
        if guest.clock.is_fixed() {
            guest.clock.pass(shortest);
            guest.deadline.check()?;
        } else {
            guest.deadline.wait(shortest, || None::<()>)?;
        }
    }
    let mut written = 0;
    for pending in pending {
        let (errno, bytes) = match pending.outcome {
            Ok(Ready::After(time)) if time > shortest => continue,
            Ok(Ready::After(_)) => ([0, 0], 0),
            Ok(Ready::Bytes(bytes)) => ([0, 0], bytes),
            Err(errno) => (errno.bytes(), 0),
        };
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&pending.userdata.to_le_bytes());
        event[8..10].copy_from_slice(&errno);
        event[10] = pending.kind;
        event[16..24].copy_from_slice(&bytes.to_le_bytes());
        memory.write(events + written * EVENT, &event)?;
        written += 1;
    }
    Ok(memory.write(to, &written.to_le_bytes())?)
}

fn subscription(memory: &Linear<'_>, guest: &mut Guest, at: u32) -> Result<Pending, Errno> {
    let kind = memory.u8(at + 8)?;
    let outcome = match kind {
        0 => clock(memory, guest, at),
        1 | 2 => descriptor(guest, memory.u32(at + 16)?, kind == 1),
        _ => return Err(Errno::INVAL),
    };
    Ok(Pending {
        userdata: memory.u64(at)?,
        kind,
        outcome,
    })
}

fn clock(memory: &Linear<'_>, guest: &mut Guest, at: u32) -> Result<Ready, Errno> {
    let clock = match memory.u32(at + 16)? {
        clockid::REALTIME => Kind::Realtime,
        clockid::MONOTONIC => Kind::Monotonic,
        _ => return Err(Errno::NOTSUP),
    };
    let time = memory.u64(at + 24)?;
    let length = match memory.u16(at + 40)? & ABSOLUTE {
        0 => time,
        _ => time.saturating_sub(guest.clock.read(clock)),
    };
    Ok(Ready::After(Duration::from_nanos(length)))
}

fn descriptor(guest: &mut Guest, fd: u32, read: bool) -> Result<Ready, Errno> {
    let left = (guest.stdin.len() - guest.stdin_read) as u64;
    match guest.descriptors.get(fd)? {
        Descriptor::Stdin if read => Ok(Ready::Bytes(left)),
        Descriptor::Stdout | Descriptor::Stderr if !read => Ok(Ready::Bytes(u64::from(u16::MAX))),
        Descriptor::File(opened) => {
            let size = guest
                .tree
                .file(opened.node)
                .map_or(0, |file| file.len() as u64);
            Ok(Ready::Bytes(size.saturating_sub(opened.position)))
        }
        _ => Err(Errno::BADF),
    }
}
