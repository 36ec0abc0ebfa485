//! The description of the RPC for machines: OpenAPI 3, made from one table.

use serde_json::{Map, Value, json};

/// Method, path, names in the query, and a sentence.
const SERVICES: &[(&str, &str, &[&str], &str)] = &[
    ("get", "/ping", &[], "An empty object"),
    ("get", "/health", &[], "Whether all is well"),
    (
        "get",
        "/version",
        &[],
        "Versions of the program and of its files",
    ),
    ("get", "/config", &[], "The configuration with all defaults"),
    ("get", "/stats/memory", &[], "Memory of the process"),
    (
        "get",
        "/metrics",
        &[],
        "Metrics in the text format of Prometheus",
    ),
    ("get", "/openapi", &["protocol"], "This document"),
    (
        "get",
        "/global/smart_rollup_address",
        &[],
        "The rollup's address",
    ),
    ("get", "/global/tezos_head", &[], "Hash of the newest block"),
    (
        "get",
        "/global/tezos_level",
        &[],
        "Level of the newest block",
    ),
    ("get", "/global/monitor_blocks", &[], "A stream of blocks"),
    (
        "get",
        "/global/monitor_finalized_blocks",
        &[],
        "A stream of finalized blocks",
    ),
    (
        "get",
        "/global/last_stored_commitment",
        &[],
        "The newest commitment",
    ),
    (
        "get",
        "/global/last_cemented_commitment",
        &[],
        "The last cemented commitment",
    ),
    ("get", "/global/block/{block_id}", &["outbox"], "A block"),
    ("get", "/global/block/{block_id}/hash", &[], "Its hash"),
    ("get", "/global/block/{block_id}/level", &[], "Its level"),
    (
        "get",
        "/global/block/{block_id}/num_messages",
        &[],
        "The number of its messages",
    ),
    (
        "get",
        "/global/block/{block_id}/inbox",
        &[],
        "The history of its inbox",
    ),
    ("get", "/global/block/{block_id}/ticks", &[], "Its ticks"),
    (
        "get",
        "/global/block/{block_id}/total_ticks",
        &[],
        "All ticks up to its end",
    ),
    (
        "get",
        "/global/block/{block_id}/state_hash",
        &[],
        "The hash of the state after it",
    ),
    (
        "get",
        "/global/block/{block_id}/state_current_level",
        &[],
        "The level the machine is at",
    ),
    (
        "get",
        "/global/block/{block_id}/state",
        &["key"],
        "A value of the machine",
    ),
    (
        "get",
        "/global/block/{block_id}/status",
        &[],
        "What the machine waits for",
    ),
    (
        "get",
        "/global/block/{block_id}/durable/wasm_2_0_0/value",
        &["key"],
        "A value of durable storage",
    ),
    (
        "get",
        "/global/block/{block_id}/durable/wasm_2_0_0/length",
        &["key"],
        "Its length",
    ),
    (
        "get",
        "/global/block/{block_id}/durable/wasm_2_0_0/subkeys",
        &["key"],
        "Names under a key",
    ),
    (
        "get",
        "/global/block/{block_id}/durable/wasm_2_0_0/values",
        &["key"],
        "Values directly under a key",
    ),
    (
        "get",
        "/global/block/{block_id}/outbox",
        &["outbox_level"],
        "Outbox messages of a level",
    ),
    (
        "get",
        "/global/block/{block_id}/outbox/{outbox_level}/messages",
        &[],
        "Outbox messages of a level",
    ),
    (
        "get",
        "/global/block/{block_id}/helpers/proofs/outbox/{outbox_level}/messages",
        &["index"],
        "A proof of an outbox message",
    ),
    (
        "get",
        "/global/block/{block_id}/committed_status",
        &[],
        "How far its commitment has come",
    ),
    (
        "get",
        "/global/block/{block_id}/dal/slot_headers",
        &[],
        "Always empty",
    ),
    (
        "get",
        "/global/block/{block_id}/dal/processed_slots",
        &[],
        "Always empty",
    ),
    (
        "post",
        "/global/block/{block_id}/simulate",
        &["debug"],
        "What a kernel would make of messages",
    ),
    (
        "get",
        "/local/last_published_commitment",
        &[],
        "The last published commitment",
    ),
    (
        "get",
        "/local/commitments/{commitment_hash}",
        &[],
        "A commitment",
    ),
    ("get", "/local/gc_info", &[], "What has been forgotten"),
    (
        "get",
        "/local/synchronized",
        &[],
        "Answers when the node is up to date: at once",
    ),
    (
        "get",
        "/local/outbox/pending",
        &["outbox_level"],
        "Outbox messages that have not been executed",
    ),
    (
        "get",
        "/local/outbox/pending/executable",
        &["outbox_level"],
        "Those that could be",
    ),
    (
        "get",
        "/local/outbox/pending/unexecutable",
        &["outbox_level"],
        "Those that cannot be yet",
    ),
    (
        "post",
        "/local/batcher/injection",
        &["order", "drop_duplicate"],
        "Messages for the next block",
    ),
    ("get", "/local/batcher/queue", &[], "Messages that wait"),
    (
        "get",
        "/local/batcher/queue/{message_id}",
        &[],
        "Where a message is",
    ),
    (
        "get",
        "/local/injector/operation/{operation_id}/status",
        &[],
        "Always unknown",
    ),
    (
        "delete",
        "/admin/batcher/queue",
        &["order_below", "drop_no_order"],
        "Clears the queue",
    ),
    (
        "get",
        "/admin/injector/queues",
        &[],
        "The queue of the one injector",
    ),
    (
        "get",
        "/admin/cancel_gc",
        &[],
        "Whether a collection was cancelled: never",
    ),
    ("get", "/sandbox/info", &[], "The simulated Layer 1"),
    ("post", "/sandbox/bake", &[], "Blocks now"),
    (
        "post",
        "/sandbox/messages",
        &["bake"],
        "Messages past the batcher",
    ),
    (
        "post",
        "/sandbox/migrate",
        &[],
        "A protocol for the next block",
    ),
    ("post", "/sandbox/reorg", &[], "Takes the last blocks away"),
    (
        "post",
        "/sandbox/cement",
        &[],
        "Cements what is due and what is not",
    ),
    ("post", "/sandbox/time", &[], "Seconds between blocks"),
    (
        "post",
        "/sandbox/execute",
        &[],
        "Executes an outbox message by its proof",
    ),
    (
        "get",
        "/sandbox/outbox/executed",
        &[],
        "Outbox messages that were executed",
    ),
    (
        "get",
        "/sandbox/debug",
        &["from", "follow"],
        "What the kernel has printed",
    ),
];

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for (method, path, query, what) in SERVICES {
        let mut parameters = Vec::new();
        for name in path
            .split('/')
            .filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
        {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }));
        }
        for name in *query {
            parameters.push(json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
        }
        let mut operation = json!({
            "description": what,
            "parameters": parameters,
            "responses": {
                "200": { "description": what, "content": { "application/json": { "schema": {} } } },
                "500": { "description": "A list of errors" },
            },
        });
        if *method == "post" {
            operation["requestBody"] =
                json!({ "content": { "application/json": { "schema": {} } } });
        }
        let place = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        place[*method] = operation;
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Smart Rollup Node RPCs", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
    })
}
