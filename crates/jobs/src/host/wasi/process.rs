//! The functions of WASI preview 1 around the process: arguments, variables, clocks, random bytes, ends.

use super::super::abi::{Errno, clockid};
use super::super::clock::Kind;
use super::{Done, Guest, Linear};

/// Random bytes between two looks at the deadline.
const CHUNK: u32 = 1 << 20;

pub(super) fn args_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    pointers: u32,
    bytes: u32,
) -> Done {
    Ok(write_strings(memory, &guest.args, pointers, bytes)?)
}

pub(super) fn args_sizes_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    count: u32,
    size: u32,
) -> Done {
    Ok(write_sizes(memory, &guest.args, count, size)?)
}

pub(super) fn environ_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    pointers: u32,
    bytes: u32,
) -> Done {
    Ok(write_strings(memory, &guest.environment, pointers, bytes)?)
}

pub(super) fn environ_sizes_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    count: u32,
    size: u32,
) -> Done {
    Ok(write_sizes(memory, &guest.environment, count, size)?)
}

fn write_strings(
    memory: &mut Linear<'_>,
    strings: &[Vec<u8>],
    pointers: u32,
    bytes: u32,
) -> Result<(), Errno> {
    let (mut pointer, mut at) = (pointers, bytes);
    for string in strings {
        memory.write(pointer, &at.to_le_bytes())?;
        memory.write(at, string)?;
        at = at.checked_add(string.len() as u32).ok_or(Errno::FAULT)?;
        memory.write(at, &[0])?;
        at = at.checked_add(1).ok_or(Errno::FAULT)?;
        pointer = pointer.checked_add(4).ok_or(Errno::FAULT)?;
    }
    Ok(())
}

fn write_sizes(
    memory: &mut Linear<'_>,
    strings: &[Vec<u8>],
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    memory.write(count, &(strings.len() as u32).to_le_bytes())?;
    memory.write(size, &(bytes as u32).to_le_bytes())
}

pub(super) fn clock_res_get(memory: &mut Linear<'_>, _: &mut Guest, id: u32, to: u32) -> Done {
    clock(id)?;
    Ok(memory.write(to, &1_000_u64.to_le_bytes())?)
}

pub(super) fn clock_time_get(
    memory: &mut Linear<'_>,
    guest: &mut Guest,
    id: u32,
    _precision: u64,
    to: u32,
) -> Done {
    let time = guest.clock.read(clock(id)?);
    Ok(memory.write(to, &time.to_le_bytes())?)
}

fn clock(id: u32) -> Result<Kind, Errno> {
    match id {
        clockid::REALTIME => Ok(Kind::Realtime),
        clockid::MONOTONIC => Ok(Kind::Monotonic),
        clockid::PROCESS_CPUTIME | clockid::THREAD_CPUTIME => Err(Errno::NOTSUP),
        _ => Err(Errno::INVAL),
    }
}

pub(super) fn random_get(memory: &mut Linear<'_>, guest: &mut Guest, at: u32, len: u32) -> Done {
    for chunk in memory.slice_mut(at, len)?.chunks_mut(CHUNK as usize) {
        guest.deadline.check()?;
        if !guest.random.fill(chunk) {
            return Err(Errno::IO.into());
        }
    }
    Ok(())
}

pub(super) fn sched_yield(_: &mut Linear<'_>, guest: &mut Guest) -> Done {
    Ok(guest.answer_file()?)
}

pub(super) fn proc_raise(_: &mut Linear<'_>, _: &mut Guest, _signal: u32) -> Done {
    Err(Errno::NOTSUP.into())
}
