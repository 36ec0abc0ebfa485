//! The configuration file: JSON5. Keys we know override the defaults; those of real nodes are accepted without a word, since
//! nothing here depends on them; all others are named in a warning.

use std::path::Path;

use serde_json::Value;

use crate::runner::config::Config;
use drun_ic::ic0::exec::KeyKind;

/// The keys that mean something here.
const OURS: [&str; 13] = [
    "backtrace",
    "compat",
    "compiler",
    "extra_batches",
    "http_mocks",
    "install_instruction_limit",
    "instruction_limit",
    "max_memory",
    "protocol",
    "seed",
    "subnet_type",
    "threshold_keys",
    "time",
];

/// The keys of a replica's own configuration file.
const OF_NODES: [&str; 35] = [
    "adapters_config",
    "artifact_pool",
    "bitcoin_payload_builder_config",
    "boundary_node_firewall",
    "consensus",
    "cow_memory_manager_config",
    "crypto",
    "csp_vault_logger",
    "cycles_account_manager",
    "domain",
    "embedders_config",
    "execution_environment",
    "feature_flags",
    "firewall",
    "http_endpoints",
    "http_handler",
    "hypervisor",
    "initial_ipv4_config",
    "ipv4_config",
    "ipv6",
    "logger",
    "malicious_behavior",
    "malicious_behaviour",
    "message_routing",
    "metrics",
    "nns_registry_replicator",
    "orchestrator_logger",
    "registration",
    "registry_client",
    "replica_version",
    "scheduler",
    "state_manager",
    "subnet_id",
    "tracing",
    "transport",
];

/// Applies a configuration file; returns the warnings.
///
/// # Errors
/// If the file cannot be read, is not JSON5, or a key that we know has a value that it cannot have.
pub(super) fn apply(config: &mut Config, path: &Path) -> Result<Vec<String>, String> {
    let shown = path.display();
    let text =
        crate::input::text(path).map_err(|error| format!("error: cannot read {shown}: {error}"))?;
    apply_text(config, &shown.to_string(), &text)
}

/// The same for the text of a configuration that is called so.
pub(super) fn apply_text(
    config: &mut Config,
    shown: &str,
    text: &str,
) -> Result<Vec<String>, String> {
    let value: Value = json5::from_str(text).map_err(|error| match toml::from_str::<toml::Table>(text) {
        // So did scripts of the first years have them.
        Ok(table) if !table.is_empty() => format!(
            "error: {shown}: this is TOML, and configurations are JSON5: `seed = 1` is written {{ seed: 1 }}"
        ),
        _ => format!("error: {shown}: {error}"),
    })?;
    let Value::Object(entries) = value else {
        return Err(format!("error: {shown}: expected an object"));
    };
    let mut unknown = Vec::new();
    // A date that is told counts, in whichever order the keys stand.
    let dated = entries.contains_key("protocol");
    for (key, value) in entries {
        if key == "http_mocks" {
            let (mocks, ignored) =
                super::mocks::read(&value).map_err(|wrong| format!("error: {shown}: {wrong}"))?;
            config.http_mocks = mocks;
            unknown.extend(ignored);
            continue;
        }
        match set(config, &key, &value, dated) {
            Ok(true) => {}
            Ok(false) if OF_NODES.contains(&&*key) => {}
            Ok(false) => unknown.push(match crate::idl::nearest(&key, OURS) {
                Some(nearest) => format!("{key} (perhaps `{nearest}`)"),
                None => key,
            }),
            Err(expected) => {
                return Err(format!(
                    "error: {shown}: {key}: expected {expected}, got {value}"
                ));
            }
        }
    }
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    unknown.sort();
    Ok(vec![format!(
        "warning: {shown}: ignored: {}",
        unknown.join(", ")
    )])
}

fn set(config: &mut Config, key: &str, value: &Value, dated: bool) -> Result<bool, &'static str> {
    let number = || value.as_u64().ok_or("a whole number");
    let text = || value.as_str().ok_or("a string");
    match key {
        "compat" => {
            config.compat = text()?.parse().map_err(|_| "drun or pocket-ic")?;
            if !dated {
                config.protocol = config.compat.protocol();
                config.implied_date = true;
            }
        }
        "protocol" => {
            config.protocol = text()?.parse().map_err(|_| "2025-03, 2025-10 or 2026-11")?;
        }
        "subnet_type" => {
            config.subnet_type = text()?.parse().map_err(|_| "system or application")?
        }
        "instruction_limit" => config.instruction_limit = Some(number()?),
        "install_instruction_limit" => config.install_instruction_limit = Some(number()?),
        "max_memory" => config.max_memory = Some(number()?),
        "extra_batches" => config.extra_batches = number()?,
        "compiler" => {
            config.compiler = text()?
                .parse()
                .map_err(|_| "auto, interpreter, fast or optimizing")?
        }
        "seed" => config.seed = number()?,
        "time" => {
            config.start_time = drun_ic::time::parse_rfc3339(text()?)
                .map_err(|_| "an RFC 3339 time from 1970 to 2554")?
        }
        "backtrace" => config.backtrace = value.as_bool().ok_or("true or false")?,
        "threshold_keys" => config.threshold_keys = keys(value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn keys(value: &Value) -> Result<Vec<String>, &'static str> {
    if !cfg!(feature = "threshold-keys") {
        return Err("nothing, since this drun was built without the feature threshold-keys");
    }
    let known = |key: &Value| {
        let key = key.as_str()?;
        KeyKind::of_key(key).map(|_| key.to_owned())
    };
    value
        .as_array()
        .and_then(|keys| keys.iter().map(known).collect())
        .ok_or("a list of keys such as \"ecdsa:Secp256k1:key_1\"")
}
