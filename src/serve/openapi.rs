//! `GET /api.json`: which paths there are, in OpenAPI's form and without their schemas, which pocket-ic-api.md tells.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::instance_routes::ENDPOINTS;
use super::request::Method;

/// The paths beside those of [`ENDPOINTS`].
const PATHS: &[(&str, &str)] = &[
    ("get", "/status"),
    ("get", "/api.json"),
    ("get", "/instances"),
    ("post", "/instances"),
    ("delete", "/instances/{id}"),
    ("post", "/instances/{id}/fork"),
    ("get", "/instances/{id}/auto_progress"),
    ("post", "/instances/{id}/auto_progress"),
    ("post", "/instances/{id}/stop_progress"),
    ("get", "/instances/{id}/_/dashboard"),
    ("get", "/instances/{id}/api/v2/status"),
    ("post", "/instances/{id}/api/v2/canister/{canister}/call"),
    ("post", "/instances/{id}/api/v3/canister/{canister}/call"),
    ("post", "/instances/{id}/api/v4/canister/{canister}/call"),
    ("post", "/instances/{id}/api/v4/subnet/{subnet}/call"),
    ("post", "/instances/{id}/api/v2/canister/{canister}/query"),
    ("post", "/instances/{id}/api/v3/canister/{canister}/query"),
    ("post", "/instances/{id}/api/v3/subnet/{subnet}/query"),
    (
        "post",
        "/instances/{id}/api/v2/canister/{canister}/read_state",
    ),
    (
        "post",
        "/instances/{id}/api/v3/canister/{canister}/read_state",
    ),
    ("post", "/instances/{id}/api/v2/subnet/{subnet}/read_state"),
    ("post", "/instances/{id}/api/v3/subnet/{subnet}/read_state"),
    ("get", "/_/dashboard"),
    ("get", "/http_gateway"),
    ("post", "/http_gateway"),
    ("post", "/http_gateway/{id}/stop"),
    ("post", "/verify_signature"),
    ("get", "/read_graph/{state_label}/{op_id}"),
    ("delete", "/prune_graph/{state_label}/{op_id}"),
    ("post", "/blobstore"),
    ("get", "/blobstore/{id}"),
];

/// The document.
pub(crate) fn document() -> Answer {
    let mut paths: Map<String, Value> = Map::new();
    let mut add = |method: &str, path: String| {
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[method] = json!({"responses": {"default": {"description": "see the documentation"}}});
    };
    for (method, path) in PATHS {
        add(method, (*path).to_owned());
    }
    for (method, endpoint) in ENDPOINTS {
        let method = match method {
            Method::Get => "get",
            _ => "post",
        };
        add(method, format!("/instances/{{id}}/{endpoint}"));
    }
    Answer::json(&json!({
        "openapi": "3.0.0",
        "info": {"title": "drun serve", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
    }))
}
