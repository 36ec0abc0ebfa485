//! Counters and histograms in the text format of Prometheus. Labels have few values, none of which a client can choose.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::Usage;
use crate::failure::Code;
use crate::modules::Source;

/// Upper ends of the buckets of times, seconds.
const SECONDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0,
];
/// Upper ends of the buckets of memory, bytes.
const BYTES: [f64; 8] = [
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    134_217_728.0,
    1_073_741_824.0,
];

#[derive(Debug)]
struct Histogram {
    ends: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Histogram {
    fn new(ends: &'static [f64]) -> Self {
        Histogram {
            ends,
            counts: vec![0; ends.len()],
            sum: 0.0,
            count: 0,
        }
    }

    fn add(&mut self, value: f64) {
        if let Some(bucket) = self.ends.iter().position(|end| value <= *end) {
            self.counts[bucket] += 1;
        }
        self.sum += value;
        self.count += 1;
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut below = 0;
        for (end, count) in self.ends.iter().zip(&self.counts) {
            below += count;
            let _ = writeln!(out, "{name}_bucket{{le=\"{end}\"}} {below}");
        }
        let (sum, count) = (self.sum, self.count);
        let _ = writeln!(
            out,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        );
    }
}

/// Everything that is counted.
pub(super) struct Metrics(Mutex<Counts>);

struct Counts {
    started: SystemTime,
    jobs: BTreeMap<&'static str, u64>,
    cache: BTreeMap<&'static str, u64>,
    rpc: BTreeMap<(String, String, &'static str), u64>,
    output: [u64; 2],
    job_seconds: Histogram,
    queue_seconds: Histogram,
    compile_seconds: Histogram,
    rpc_seconds: Histogram,
    peak_memory: Histogram,
}

/// Values that are looked up when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauges {
    /// Jobs that run.
    pub running: usize,
    /// Jobs that wait.
    pub waiting: usize,
    /// Bytes of compiled modules in memory.
    pub memory: usize,
    /// Bytes of modules on disk.
    pub disk: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics(Mutex::new(Counts {
            started: SystemTime::now(),
            jobs: BTreeMap::new(),
            cache: BTreeMap::new(),
            rpc: BTreeMap::new(),
            output: [0; 2],
            job_seconds: Histogram::new(&SECONDS),
            queue_seconds: Histogram::new(&SECONDS),
            compile_seconds: Histogram::new(&SECONDS),
            rpc_seconds: Histogram::new(&SECONDS),
            peak_memory: Histogram::new(&BYTES),
        }))
    }
}

impl Metrics {
    /// A job, or a request that did not become one.
    pub(super) fn job(&self, code: Option<Code>, ran: Option<(&Usage, Duration)>) {
        let mut counts = self.lock();
        *counts
            .jobs
            .entry(code.map_or("ok", Code::name))
            .or_default() += 1;
        if let Some((usage, queued)) = ran {
            counts.output[0] += usage.stdout as u64;
            counts.output[1] += usage.stderr as u64;
            counts.job_seconds.add(usage.run.as_secs_f64());
            counts.queue_seconds.add(queued.as_secs_f64());
            counts.peak_memory.add(usage.peak_memory as f64);
        }
    }

    /// A module was got from somewhere.
    pub(super) fn module(&self, source: Source, time: Duration) {
        let mut counts = self.lock();
        *counts.cache.entry(source.name()).or_default() += 1;
        if source == Source::Compiled {
            counts.compile_seconds.add(time.as_secs_f64());
        }
    }

    /// An RPC call.
    pub(super) fn rpc(
        &self,
        method: &str,
        chain: Option<u64>,
        outcome: &'static str,
        time: Duration,
    ) {
        let chain = chain.map_or("other".into(), |chain| chain.to_string());
        let mut counts = self.lock();
        *counts
            .rpc
            .entry((method.to_owned(), chain, outcome))
            .or_default() += 1;
        counts.rpc_seconds.add(time.as_secs_f64());
    }

    /// The text for Prometheus.
    pub(super) fn text(&self, gauges: Gauges) -> String {
        let counts = self.lock();
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: Vec<(String, f64)>| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let labelled = |name: &str, map: &BTreeMap<&'static str, u64>| {
            let values = map
                .iter()
                .map(|(label, value)| (format!("{{{name}=\"{label}\"}}"), *value as f64));
            values.collect::<Vec<_>>()
        };
        let single = |value: f64| vec![(String::new(), value)];
        family(
            "wasm_jobs_total",
            "counter",
            "Requests by outcome.",
            labelled("code", &counts.jobs),
        );
        family(
            "wasm_module_cache",
            "counter",
            "Where modules came from.",
            labelled("result", &counts.cache),
        );
        let rpc = counts.rpc.iter().map(|((method, chain, outcome), value)| {
            let labels = format!("{{method=\"{method}\",chain=\"{chain}\",outcome=\"{outcome}\"}}");
            (labels, *value as f64)
        });
        family(
            "wasm_rpc_calls_total",
            "counter",
            "RPC calls of guests.",
            rpc.collect(),
        );
        let output = ["stdout", "stderr"].map(|stream| format!("{{stream=\"{stream}\"}}"));
        let output = output
            .into_iter()
            .zip(counts.output.map(|bytes| bytes as f64));
        family(
            "wasm_output_bytes_total",
            "counter",
            "Bytes printed by guests.",
            output.collect(),
        );
        family(
            "wasm_jobs_running",
            "gauge",
            "Jobs that run.",
            single(gauges.running as f64),
        );
        family(
            "wasm_jobs_waiting",
            "gauge",
            "Jobs that wait.",
            single(gauges.waiting as f64),
        );
        let bytes = [
            ("memory", gauges.memory as f64),
            ("disk", gauges.disk as f64),
        ];
        let bytes = bytes.map(|(place, value)| (format!("{{where=\"{place}\"}}"), value));
        family(
            "wasm_module_cache_bytes",
            "gauge",
            "Bytes of modules.",
            bytes.to_vec(),
        );
        for (name, kind, help, value) in process(counts.started) {
            family(name, kind, help, single(value));
        }
        for (histogram, name, help) in [
            (
                &counts.job_seconds,
                "wasm_job_seconds",
                "Time that jobs ran.",
            ),
            (
                &counts.queue_seconds,
                "wasm_queue_seconds",
                "Time that jobs waited to begin.",
            ),
            (
                &counts.compile_seconds,
                "wasm_compile_seconds",
                "Time of compilations.",
            ),
            (
                &counts.rpc_seconds,
                "wasm_rpc_seconds",
                "Time of RPC calls.",
            ),
            (
                &counts.peak_memory,
                "wasm_peak_memory_bytes",
                "Largest memory of jobs.",
            ),
        ] {
            histogram.write(&mut out, name, help);
        }
        out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the system says of this process; what it does not say is left out.
fn process(started: SystemTime) -> Vec<(&'static str, &'static str, &'static str, f64)> {
    let mut values = Vec::new();
    let since = started
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    values.push((
        "process_start_time_seconds",
        "gauge",
        "Start of the process.",
        since,
    ));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    if let Some(kilobytes) = field("VmRSS:") {
        let bytes = kilobytes * 1024.0;
        values.push((
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory.",
            bytes,
        ));
    }
    if let Some(kilobytes) = field("VmSize:") {
        let bytes = kilobytes * 1024.0;
        values.push((
            "process_virtual_memory_bytes",
            "gauge",
            "Address space.",
            bytes,
        ));
    }
    if let Some(threads) = field("Threads:") {
        values.push(("process_threads", "gauge", "Threads.", threads));
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        let open = descriptors.count() as f64;
        values.push(("process_open_fds", "gauge", "Open descriptors.", open));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        let usage = Usage {
            run: Duration::from_millis(2),
            ..Usage::default()
        };
        metrics.job(None, Some((&usage, Duration::ZERO)));
        metrics.job(Some(Code::Timeout), None);
        let text = metrics.text(Gauges {
            running: 1,
            waiting: 0,
            memory: 5,
            disk: 6,
        });
        for line in [
            "wasm_jobs_total{code=\"ok\"} 1",
            "wasm_jobs_total{code=\"timeout\"} 1",
            "wasm_job_seconds_bucket{le=\"0.001\"} 0",
            "wasm_job_seconds_bucket{le=\"0.0025\"} 1",
            "wasm_job_seconds_bucket{le=\"+Inf\"} 1",
            "wasm_module_cache_bytes{where=\"disk\"} 6",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
    }
}
