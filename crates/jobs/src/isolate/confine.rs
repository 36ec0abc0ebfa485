//! What a worker takes away from itself before it runs a guest.

use std::io;

use rlimit::{Resource, getrlimit};

use crate::host::MAX_MEMORIES;
use crate::job::JobLimits;

/// Address space of one memory, with its guards: more than the engine reserves.
const MEMORY: u64 = 5 << 30;
/// What the engine and the host functions need beside what the guest has.
const OWN: u64 = 256 << 20;
/// Seconds of processor time beside the job's.
const OWN_SECONDS: u64 = 5;

/// From now on this process can open nothing, start nothing and write no file, and has as much memory and time as the job.
///
/// # Errors
/// If the system refuses a limit.
pub(super) fn confine(limits: &JobLimits) -> io::Result<()> {
    let guest = [
        limits.memory,
        limits.file_bytes,
        limits.stdout,
        limits.stderr,
        limits.table_elements.saturating_mul(16),
    ];
    let guest = guest
        .iter()
        .fold(0_usize, |sum, bytes| sum.saturating_add(*bytes));
    let data = (guest as u64).saturating_mul(2).saturating_add(OWN);
    let around = mapped()?.saturating_add(u64::from(MAX_MEMORIES) * MEMORY);
    let space = data.saturating_add(around);
    for (resource, most) in [
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
        (Resource::NPROC, 0),
        (Resource::CPU, limits.timeout.as_secs() + OWN_SECONDS),
        (Resource::DATA, data),
        (Resource::AS, space),
        // Last: nothing can be opened any more.
        (Resource::NOFILE, 0),
    ] {
        let (_, hard) = getrlimit(resource)?;
        resource.set(most.min(hard), most.min(hard))?;
    }
    Ok(())
}

/// Bytes of address space that are taken already.
fn mapped() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let kilobytes = kilobytes.ok_or_else(|| io::Error::other("no VmSize in /proc/self/status"))?;
    Ok(kilobytes.saturating_mul(1024))
}
