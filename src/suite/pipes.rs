//! The pipes between a suite and the processes that run its cases.

use std::io::{PipeReader, PipeWriter};
use std::time::Duration;

use anyhow::Context;

/// How often a running case is asked whether the suite was interrupted.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Where a child writes its two streams, and where they are read: both in one, or each by itself.
pub(super) fn pipes(separate: bool) -> anyhow::Result<(PipeWriter, PipeWriter, Vec<PipeReader>)> {
    let pipe = || std::io::pipe().context("cannot make a pipe");
    let (reader, out) = pipe()?;
    if separate {
        let (second, err) = pipe()?;
        return Ok((out, err, vec![reader, second]));
    }
    let err = out.try_clone().context("cannot share a pipe")?;
    Ok((out, err, vec![reader]))
}
