//! The answer to `POST /wasm/run` as JSON text, in both modes.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::milliseconds;
use crate::engine::{Hash, Report};
use crate::failure::{Code, Failure, TrapReport};
use crate::job::{JobLimits, Stream};
use crate::modules::Source;

/// What happened to a job around its run.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// How long it waited to begin.
    pub queued: Duration,
    /// How long it took to get its module.
    pub compiled: Duration,
    /// Where that came from.
    pub source: Source,
    /// Which module.
    pub hash: Hash,
    /// What was in force.
    pub limits: JobLimits,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    job_id: &'a RawValue,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "is_empty")]
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest_ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trap: Option<&'a TrapReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_head: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsAnswer>,
    #[serde(skip_serializing_if = "is_empty")]
    warnings: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageAnswer {
    queue_ms: u64,
    compile_ms: u64,
    run_ms: u64,
    peak_memory_bytes: usize,
    stdout_bytes: usize,
    stderr_bytes: usize,
    rpc_calls: u64,
    rpc_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<String>,
    module: &'static str,
    hash: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LimitsAnswer {
    timeout_ms: u64,
    memory_bytes: usize,
    stdout_bytes: usize,
    stderr_bytes: usize,
    rpc_calls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
}

/// The text of an answer to a job that ran.
pub(super) fn ran(
    job_id: &RawValue,
    report: &Report,
    around: &Circumstances,
    compat: bool,
) -> String {
    let usage = &report.usage;
    let mut answer = Answer {
        stderr: Some(report.stderr.clone()),
        duration_ms: milliseconds(around.compiled + usage.run),
        ..empty(job_id)
    };
    match &report.outcome {
        Ok(result) => {
            answer.ok = true;
            answer.result = Some(result);
        }
        Err(failure) => answer.fail(failure, compat),
    }
    if compat {
        return text(&answer);
    }
    answer.guest_ok = report
        .outcome
        .as_ref()
        .ok()
        .and_then(|result| guest_ok(result));
    answer.usage = Some(UsageAnswer {
        queue_ms: milliseconds(around.queued),
        compile_ms: milliseconds(around.compiled),
        run_ms: milliseconds(usage.run),
        peak_memory_bytes: usage.peak_memory,
        stdout_bytes: usage.stdout,
        stderr_bytes: usage.stderr,
        rpc_calls: usage.rpc.calls,
        rpc_ms: milliseconds(usage.rpc.time),
        fuel: usage.fuel,
        block: usage.rpc.block.map(|block| format!("{block:#x}")),
        module: around.source.name(),
        hash: hex::encode(around.hash),
    });
    let limits = &around.limits;
    answer.limits = Some(LimitsAnswer {
        timeout_ms: milliseconds(limits.timeout),
        memory_bytes: limits.memory,
        stdout_bytes: limits.stdout,
        stderr_bytes: limits.stderr,
        rpc_calls: limits.rpc_calls,
        fuel: limits.fuel,
    });
    answer.warnings = &report.warnings;
    text(&answer)
}

/// The text of an answer to a job that did not run. `time` is what was spent on its module.
pub(super) fn refused(
    job_id: Option<&RawValue>,
    failure: &Failure,
    time: Duration,
    warnings: &[String],
    compat: bool,
) -> String {
    let unknown =
        serde_json::value::to_raw_value("unknown").unwrap_or_else(|_| RawValue::NULL.to_owned());
    let mut answer = empty(job_id.unwrap_or(&unknown));
    answer.duration_ms = milliseconds(time);
    answer.fail(failure, compat);
    if !compat {
        answer.warnings = warnings;
    }
    // A job that ran always says what it printed, one that could not be compiled printed nothing.
    if failure.code.status() == 200 && answer.stderr.is_none() {
        answer.stderr = Some(String::new());
    }
    text(&answer)
}

impl<'a> Answer<'a> {
    fn fail(&mut self, failure: &'a Failure, compat: bool) {
        if compat {
            self.error = Some(failure.error_compat());
            if let Some(more) = failure.stderr_compat() {
                self.stderr = Some(self.stderr.take().unwrap_or_default() + &more);
            }
            return;
        }
        self.error = Some(failure.error.clone());
        self.code = Some(failure.code);
        self.details = &failure.details;
        self.exit_code = failure.exit_code;
        self.trap = failure.trap.as_ref();
        self.stream = failure.stream;
        self.stdout_head = failure.stdout_head.as_deref();
    }
}

fn empty(job_id: &RawValue) -> Answer<'_> {
    Answer {
        job_id,
        ok: false,
        result: None,
        error: None,
        code: None,
        details: &[],
        stderr: None,
        duration_ms: 0,
        guest_ok: None,
        exit_code: None,
        trap: None,
        stream: None,
        stdout_head: None,
        usage: None,
        limits: None,
        warnings: &[],
    }
}

fn text(answer: &Answer<'_>) -> String {
    // Only strings, numbers and JSON that was checked: nothing of it can fail.
    serde_json::to_string(answer).unwrap_or_default()
}

/// For serde, which hands over a reference to the field.
fn is_empty(list: &&[String]) -> bool {
    list.is_empty()
}

/// The member `ok` of a result, if it is a boolean.
fn guest_ok(result: &RawValue) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct Guest {
        ok: Option<bool>,
    }
    match result.get().starts_with('{') {
        true => serde_json::from_str::<Guest>(result.get()).ok()?.ok,
        false => None,
    }
}
