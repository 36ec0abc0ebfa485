//! Environment variables that stand for options. One that is empty counts as unset.

use super::exit::Failure;
use crate::report::Format;
use crate::runner::config::environment;

/// `DRUN_FORMAT`, as `--format`.
pub(super) fn format() -> Result<Option<Format>, Failure> {
    value("DRUN_FORMAT", str::parse)
}

/// Limits the caches of compiled modules as `DRUN_CACHE_LIMIT` says, for every command.
pub(super) fn limit_caches() -> Result<(), Failure> {
    if let Some(bytes) = value("DRUN_CACHE_LIMIT", crate::script::size)? {
        drun_ic::limit_caches(bytes);
    }
    Ok(())
}

fn value<T>(name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
    let Some(text) = environment(name) else {
        return Ok(None);
    };
    let read = read(&text.to_string_lossy());
    read.map(Some)
        .map_err(|error| Failure::Input(format!("error: {name}: {error}")))
}
