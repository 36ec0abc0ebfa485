//! The memory of this process, and how much of it clients may have it use.

use super::answer::Refusal;

/// Bytes of memory in use, where the system tells: on Linux.
pub(crate) fn in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

/// Bytes that the body of a request may have where so many are allowed in all: small ones always pass, so that instances can be deleted.
pub(crate) fn room(most: Option<u64>) -> Option<usize> {
    const SMALL: u64 = 1 << 20;
    let left = most?.saturating_sub(in_use()?);
    Some(usize::try_from(left.max(SMALL)).unwrap_or(usize::MAX))
}

/// Checks that no more than so many bytes are in use, before something is begun that needs more.
///
/// # Errors
/// If there is less room than that.
pub(crate) fn check(most: Option<u64>) -> Result<(), Refusal> {
    check_for(most, 0)
}

/// As [`check`], for something that is known to need so many bytes.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_for(most: Option<u64>, bytes: u64) -> Result<(), Refusal> {
    let Some(most) = most else {
        return Ok(());
    };
    match in_use() {
        Some(used) if used.saturating_add(bytes) > most => Err(refused(most, bytes)),
        _ => Ok(()),
    }
}

/// What is told to whom there is no room for.
pub(crate) fn refusal(most: Option<u64>) -> Refusal {
    refused(most.unwrap_or(0), 0)
}

fn refused(most: u64, bytes: u64) -> Refusal {
    let wanted = match bytes >> 20 {
        0 => String::new(),
        wanted => format!(", {wanted} MiB more are needed"),
    };
    Refusal::bad(format!(
        "the server uses {} MiB of memory{wanted}, and no more than {} MiB are allowed: delete instances, or start the server with a larger --max-memory",
        in_use().unwrap_or(0) >> 20,
        most >> 20
    ))
}
