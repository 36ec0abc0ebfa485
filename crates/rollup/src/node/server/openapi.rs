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
        "post",
        "/local/dal/batcher/injection",
        &[],
        "Messages for slots of the next block",
    ),
    (
        "post",
        "/local/dal/slot/indices",
        &[],
        "The slots that are used",
    ),
    (
        "get",
        "/local/dal/injected/operations/statuses",
        &[],
        "What became of messages for slots",
    ),
    (
        "post",
        "/local/dal/injection/{message_id}/forget",
        &[],
        "Forgets a message for a slot",
    ),
    (
        "get",
        "/local/injector/operation/{operation_id}/status",
        &[],
        "Where an operation of Layer 1 is",
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
        "delete",
        "/admin/injector/queues",
        &[],
        "Drops the batches that wait for a block",
    ),
    (
        "get",
        "/admin/injector/queues/total",
        &[],
        "The same with its total",
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
        &["bake", "hashes"],
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
        "/sandbox/refutations",
        &[],
        "Games with the other node of --loser-peer",
    ),
    (
        "get",
        "/sandbox/dissection/{level}",
        &["ticks"],
        "States between two blocks",
    ),
    (
        "get",
        "/sandbox/debug",
        &["from", "follow"],
        "What the kernel has printed",
    ),
];

/// The methods that a path has; none when there is no such path.
pub(super) fn methods(steps: &[&str]) -> Vec<String> {
    let fits = |path: &str| {
        let mut steps = steps.iter();
        path.split('/').skip(1).all(|wanted| {
            let step = steps.next();
            step.is_some_and(|step| wanted.starts_with('{') || wanted == *step)
        }) && steps.next().is_none()
    };
    SERVICES
        .iter()
        .filter(|(_, path, ..)| fits(path))
        .map(|(method, ..)| method.to_uppercase())
        .collect()
}

/// What a name in a path or a query stands for.
fn schema(name: &str) -> Value {
    let base58 = |prefix: &str, len: usize| json!({ "type": "string", "pattern": format!("^{prefix}[1-9A-HJ-NP-Za-km-z]{{{len}}}$") });
    match name {
        "block_id" => json!({
            "type": "string",
            "pattern": "^(head|finalized|cemented|[0-9]{1,9}|B[1-9A-HJ-NP-Za-km-z]{50})$",
        }),
        "level" | "outbox_level" => {
            json!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": i32::MAX })
        }
        "index" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        "order" | "order_below" | "from" => {
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
        }
        "outbox" | "debug" | "drop_duplicate" | "drop_no_order" | "bake" | "hashes" | "follow" => {
            json!({ "type": "boolean" })
        }
        "ticks" => json!({ "type": "string", "pattern": "^[0-9]{1,15}(,[0-9]{1,15}){0,9}$" }),
        "commitment_hash" => base58("src1", 50),
        "message_id" => base58("scmsg", 50),
        "operation_id" => base58("o", 50),
        "key" => json!({ "type": "string", "pattern": "^(/[A-Za-z0-9._-]{1,8}){1,4}$" }),
        _ => json!({ "type": "string" }),
    }
}

/// The body of a request; nothing for what needs none.
fn body(path: &str) -> Option<Value> {
    let digits = json!({ "type": "string", "pattern": "^([0-9a-f]{2}){0,64}$" });
    let list = |items: &Value| json!({ "type": "array", "items": items, "maxItems": 100 });
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required });
    let integer = json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX });
    Some(match path {
        "/local/batcher/injection" | "/local/dal/batcher/injection" => list(&digits),
        "/local/dal/slot/indices" => {
            list(&json!({ "type": "integer", "minimum": 0, "maximum": 31 }))
        }
        "/sandbox/messages" => list(&json!({ "oneOf": [
            object(json!({ "external": digits }), &["external"]),
            object(json!({ "serialized": digits }), &["serialized"]),
            object(json!({ "payload": { "type": "string" } }), &["payload"]),
        ] })),
        "/sandbox/bake" => object(
            json!({ "count": { "type": "integer", "minimum": 0, "maximum": 1_000_000 } }),
            &[],
        ),
        "/sandbox/migrate" => object(json!({ "protocol": { "type": "string" } }), &["protocol"]),
        "/sandbox/reorg" => object(json!({ "depth": integer }), &["depth"]),
        "/sandbox/cement" => object(json!({ "level": integer }), &[]),
        "/sandbox/time" => object(
            json!({ "block_time": { "type": "number", "minimum": 0, "maximum": 86_400 } }),
            &["block_time"],
        ),
        "/sandbox/execute" => object(json!({ "proof": digits }), &["proof"]),
        "/global/block/{block_id}/simulate" => object(
            json!({
                "messages": list(&digits),
                "reveal_pages": list(&digits),
                "insight_requests": list(&object(
                    json!({
                        "kind": { "enum": ["durable_storage", "pvm_state"] },
                        "key": list(&json!({ "type": "string" })),
                    }),
                    &["kind", "key"],
                )),
                "log_kernel_debug_file": { "type": "string", "pattern": "^[a-z]{1,8}$" },
            }),
            &["messages"],
        ),
        _ => return None,
    })
}

/// The kind of a good answer.
fn media(path: &str) -> &'static str {
    match path {
        "/metrics" | "/sandbox/debug" => "text/plain",
        _ => "application/json",
    }
}

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    let plain = json!({ "text/plain": { "schema": { "type": "string" } } });
    let errors = json!({ "application/json": { "schema": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "kind": { "enum": ["permanent", "temporary", "branch"] },
                "id": { "type": "string" },
                "msg": { "type": "string" },
            },
            "required": ["kind", "id"],
        },
    } } });
    for (method, path, query, what) in SERVICES {
        let mut parameters = Vec::new();
        for name in path
            .split('/')
            .filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
        {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": schema(name),
            }));
        }
        for name in *query {
            let required = matches!(*name, "index" | "ticks")
                || (*name == "outbox_level" && path.ends_with("/outbox"));
            parameters.push(json!({
                "name": name, "in": "query", "required": required, "schema": schema(name),
            }));
        }
        let good = media(path);
        let mut operation = json!({
            "description": what,
            "parameters": parameters,
            "responses": {
                "200": { "description": what, "content": { good: { "schema": {} } } },
                "400": { "description": "A request that cannot be understood", "content": plain },
                "403": { "description": "Not for clients on other machines", "content": plain },
                "404": { "description": "There is nothing here" },
                "405": { "description": "Another method is needed" },
                "406": { "description": "The client takes no JSON" },
                "415": { "description": "The body is not JSON" },
                "500": { "description": "A list of errors", "content": errors },
            },
        });
        if let Some(schema) = body(path) {
            operation["requestBody"] = json!({
                "required": !matches!(*path, "/sandbox/bake" | "/sandbox/cement"),
                "content": { "application/json": { "schema": schema } },
            });
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
