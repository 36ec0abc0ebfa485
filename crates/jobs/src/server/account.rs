//! The account of a job: counted once and told in one line of the log, however it ends and whoever still waits for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::log::Log;
use super::metrics::Metrics;
use crate::config::{Level, milliseconds};
use crate::engine::{Hash, Report, Usage};
use crate::failure::Code;
use crate::json::{self, Object};

/// What is told of one job.
pub(super) struct Account {
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Log,
    pub(super) job_id: Box<RawValue>,
    pub(super) hash: Hash,
}

impl Account {
    /// A job that was on a thread.
    pub(super) fn ran(&self, report: &Report, queued: Duration, compiled: Duration) {
        let code = report.outcome.as_ref().err().map(|failure| failure.code);
        self.metrics.job(code, Some((&report.usage, queued)));
        self.tell(code, queued, compiled, &report.usage);
    }

    /// A job that was on none: there was nothing to run, or nobody waited any more.
    pub(super) fn did_not_run(&self, code: Code, compiled: Duration) {
        self.metrics.job(Some(code), None);
        self.tell(Some(code), Duration::ZERO, compiled, &Usage::default());
    }

    fn tell(&self, code: Option<Code>, queued: Duration, compiled: Duration, usage: &Usage) {
        if self.log.level < Level::Info {
            return;
        }
        let members = Object::new()
            .with("jobId", json::on_one_line(&self.job_id))
            .with("hash", hex::encode(self.hash))
            .with("code", code.map_or("ok", Code::name))
            .with("queueMs", milliseconds(queued))
            .with("compileMs", milliseconds(compiled))
            .with("runMs", milliseconds(usage.run))
            .with("peakMemoryBytes", usage.peak_memory)
            .with("rpcCalls", usage.rpc.calls);
        self.log.write(Level::Info, "job", &members);
    }
}
