//! Health, metrics and memory (rollup-node.md, sections 9.2 and 10.3).

use std::fmt::Write;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::service::Service;
use crate::encoding::base58::{BLOCK, ROLLUP};
use crate::node::{Counters, RUN_SECONDS, time};

/// Whether all is well.
pub(super) fn health(service: &Service) -> Value {
    let node = &service.node;
    let live = node.live();
    let degraded = live.degraded.is_some();
    let mut workers = Vec::new();
    if node.settings.mode.publishes() {
        workers.push(json!(["publisher", "running"]));
    }
    if node.settings.mode.has_batcher() {
        workers.push(json!(["batcher", "running"]));
    }
    json!({
        "healthy": !degraded,
        "degraded": degraded,
        "l1": {
            "connection": "connected",
            "blocks_late": 0,
            "last_seen_head": {
                "hash": BLOCK.encode(&live.head.hash),
                "level": live.head.level,
                "timestamp": time::rfc3339(live.head.timestamp),
            },
        },
        "active_workers": workers,
    })
}

/// The process's memory in pages, as Linux tells it.
///
/// # Errors
/// If the system has no such file.
pub(super) fn memory() -> Result<Value, Refusal> {
    let text = std::fs::read_to_string("/proc/self/statm")
        .map_err(|error| Refusal::failure(format!("/proc/self/statm: {error}")))?;
    let numbers: Vec<u64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let at = |n: usize| numbers.get(n).copied().unwrap_or_default().to_string();
    Ok(json!({
        "page_size": 4096, "size": at(0), "resident": at(1), "shared": at(2), "text": at(3), "lib": at(4),
        "data": at(5), "dt": at(6),
    }))
}

/// Names, kinds and meanings of all metrics, in the order in which they are shown.
pub(super) const METRICS: [(&str, &str, &str); 25] = [
    ("inbox_level", "gauge", "Level of the last inbox"),
    (
        "inbox_process_time",
        "gauge",
        "Seconds spent on the last block",
    ),
    (
        "inbox_total_time",
        "gauge",
        "Seconds from the last block's beginning to its end",
    ),
    (
        "batcher_batches_size",
        "counter",
        "Batches that left the batcher",
    ),
    (
        "batcher_messages_size",
        "counter",
        "Messages in these batches",
    ),
    ("batcher_message_queue_size", "gauge", "Messages that wait"),
    (
        "batcher_last_batch_level",
        "gauge",
        "Level of the last batch",
    ),
    (
        "lcc_level_l1",
        "gauge",
        "Level of the last cemented commitment on Layer 1",
    ),
    (
        "lcc_level_local",
        "gauge",
        "Level of the last cemented commitment of this node",
    ),
    (
        "lpc_level_l1",
        "gauge",
        "Level of the last published commitment on Layer 1",
    ),
    (
        "lpc_level_local",
        "gauge",
        "Level of the last published commitment of this node",
    ),
    ("genesis_level", "gauge", "Level at which the rollup began"),
    ("commitment_period", "gauge", "Levels between commitments"),
    (
        "challenge_window",
        "gauge",
        "Levels for which a commitment can be challenged",
    ),
    (
        "gc_oldest_available_level",
        "gauge",
        "The first level that is kept",
    ),
    (
        "number_of_conflicts",
        "gauge",
        "Conflicts with other operators",
    ),
    ("blocks_late", "counter", "Blocks that the timer skipped"),
    ("kernel_runs_total", "counter", "Runs of the kernel"),
    (
        "kernel_run_seconds_total",
        "counter",
        "Seconds spent in the kernel",
    ),
    (
        "kernel_traps_total",
        "counter",
        "Levels that ended with a trap",
    ),
    ("uptime_seconds", "gauge", "Seconds since the start"),
    (
        "inbox_fetch_time",
        "gauge",
        "Seconds that collecting the last block's messages took",
    ),
    (
        "gc_process_time",
        "gauge",
        "Seconds that the last collection of old levels took",
    ),
    (
        "durable_bytes",
        "gauge",
        "Bytes of all values of durable storage",
    ),
    (
        "durable_keys",
        "gauge",
        "Direct children of the root of durable storage",
    ),
];

/// Everything in the text format of Prometheus.
pub(super) fn metrics(service: &Service) -> String {
    let node = &service.node;
    let live = node.live();
    let (head, constants, counters) = (&live.head, &node.settings.constants, &live.counters);
    let published = constants
        .published_by(head.level)
        .max(node.settings.origination_level);
    let period = constants.commitment_period.max(1);
    let origin = node.settings.origination_level;
    let published = origin + (published - origin) / period * period;
    let keys = live
        .pvm
        .world
        .durable
        .node(&crate::storage::Path::root())
        .map_or(0, |root| root.count());
    let values: [f64; 25] = [
        f64::from(head.level),
        counters.block_seconds,
        counters.block_seconds,
        counters.batches as f64,
        counters.messages as f64,
        live.pool.batcher.len() as f64,
        f64::from(counters.last_batch_level),
        f64::from(head.cemented.0),
        f64::from(head.cemented.0),
        f64::from(published),
        f64::from(published),
        f64::from(origin),
        f64::from(constants.commitment_period),
        f64::from(constants.challenge_window),
        f64::from(live.first_level),
        live.refutation.conflicts() as f64,
        live.blocks_late as f64,
        counters.kernel_runs as f64,
        counters.kernel_seconds,
        counters.kernel_traps as f64,
        service.started.elapsed().as_secs_f64(),
        counters.fetch_seconds,
        counters.collect_seconds,
        live.pvm.world.durable.bytes() as f64,
        keys as f64,
    ];
    let mut out = String::new();
    for ((name, kind, help), value) in METRICS.iter().zip(values) {
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "# HELP octez_sc_rollup_node_{name} {help}\n# TYPE octez_sc_rollup_node_{name} {kind}\noctez_sc_rollup_node_{name} {value}\n"
        );
    }
    histogram(counters, &mut out);
    let _ = write!(
        out,
        "# HELP octez_sc_rollup_node_node_info The program\n# TYPE octez_sc_rollup_node_node_info gauge\noctez_sc_rollup_node_node_info{{version=\"{}\"}} 1\n# HELP octez_sc_rollup_node_protocol The version of the machine\n# TYPE octez_sc_rollup_node_protocol gauge\noctez_sc_rollup_node_protocol{{pvm_version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION"),
        head.version,
    );
    let _ = write!(
        out,
        "# HELP octez_sc_rollup_node_rollup_node_info The rollup and what the node does\n# TYPE octez_sc_rollup_node_rollup_node_info gauge\noctez_sc_rollup_node_rollup_node_info{{rollup_address=\"{}\",mode=\"{}\",history_mode=\"{}\",kind=\"wasm_2_0_0\"}} 1\n",
        ROLLUP.encode(&node.settings.rollup),
        node.settings.mode.name(),
        node.settings.history_mode.name(),
    );
    out
}

/// The runs of the kernel by how long they took.
fn histogram(counters: &Counters, out: &mut String) {
    const NAME: &str = "octez_sc_rollup_node_kernel_run_seconds";
    let _ = write!(
        out,
        "# HELP {NAME} Seconds of a run of the kernel\n# TYPE {NAME} histogram\n"
    );
    let mut below = 0;
    for (bound, count) in RUN_SECONDS.iter().zip(counters.kernel_runs_within) {
        below += count;
        let _ = writeln!(out, "{NAME}_bucket{{le=\"{bound}\"}} {below}");
    }
    let _ = write!(
        out,
        "{NAME}_bucket{{le=\"+Inf\"}} {runs}\n{NAME}_sum {sum}\n{NAME}_count {runs}\n",
        runs = counters.kernel_runs,
        sum = counters.kernel_seconds,
    );
}
