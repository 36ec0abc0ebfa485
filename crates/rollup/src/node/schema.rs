//! The keys of a configuration file and what each may hold (rollup-node.md, section 2). What the values mean is said in
//! `config` and `setting`; a value of another shape is refused here, with its key's name.

use serde_json::{Map, Value};

/// What a key may hold; null is as if the key were not there.
enum Shape {
    Truth,
    /// A whole number from a least to a greatest one.
    Whole(u64, u64),
    /// A number of seconds.
    Seconds,
    Text,
    /// One of these texts.
    Word(&'static [&'static str]),
    Texts,
    List,
    Object(&'static [(&'static str, Shape)]),
    /// What is looked at where it is used, or nowhere.
    Any,
}

use Shape::{Any, List, Object, Seconds, Text, Texts, Truth, Whole, Word};

const ALL: Shape = Whole(0, u64::MAX);

/// Of one kind of operation: amounts are kept as they are.
const FEES: &[(&str, Shape)] = &[
    ("minimal-fees", Any),
    ("minimal-nanotez-per-byte", Any),
    ("minimal-nanotez-per-gas-unit", Any),
    ("force-low-fee", Truth),
    ("fee-cap", Any),
    ("burn-cap", Any),
];

/// The keys that the real node knows.
const KEYS: &[(&str, Shape)] = &[
    ("data-dir", Text),
    ("smart-rollup-address", Text),
    ("etherlink", Truth),
    ("boot-sector", Text),
    ("smart-rollup-node-operator", Any),
    ("rpc-addr", Text),
    ("rpc-port", Whole(0, u16::MAX as u64)),
    ("acl", Any),
    ("metrics-addr", Text),
    ("performance-metrics", Truth),
    ("reconnection_delay", Seconds),
    (
        "fee-parameters",
        Object(&[
            ("publish", Object(FEES)),
            ("add_messages", Object(FEES)),
            ("cement", Object(FEES)),
            ("timeout", Object(FEES)),
            ("refute", Object(FEES)),
            ("recover", Object(FEES)),
            ("execute_outbox_message", Object(FEES)),
            ("publish_dal_commitment", Object(FEES)),
        ]),
    ),
    ("mode", Any),
    ("loser-mode", List),
    ("apply-unsafe-patches", Truth),
    ("unsafe-pvm-patches", List),
    ("execute-outbox-messages-filter", List),
    ("DAL node endpoint", Text),
    ("pre-images-endpoint", Text),
    (
        "batcher",
        Object(&[
            ("min_batch_elements", ALL),
            ("min_batch_size", ALL),
            ("max_batch_elements", ALL),
            ("max_batch_size", ALL),
            ("simulate", Truth),
        ]),
    ),
    (
        "injector",
        Object(&[
            ("retention_period", Whole(0, 40_960)),
            ("attempts", ALL),
            ("injection_ttl", Whole(1, u64::MAX)),
            ("max_batch_length", ALL),
        ]),
    ),
    ("l1_blocks_cache_size", ALL),
    ("l2_blocks_cache_size", ALL),
    ("prefetch_blocks", ALL),
    ("l1_monitor_finalized", Truth),
    ("l1_rpc_timeout", Seconds),
    ("loop_retry_delay", Seconds),
    ("index_buffer_size", ALL),
    ("irmin_cache_size", ALL),
    ("log-kernel-debug", Truth),
    ("log-kernel-debug-file", Text),
    ("unsafe-disable-wasm-kernel-checks", Truth),
    ("no-degraded", Truth),
    ("slow-vm-fallback", Truth),
    ("bail-on-disagree", Truth),
    (
        "gc-parameters",
        Object(&[
            ("frequency", Whole(1, i32::MAX as u64)),
            ("context_splitting_period", ALL),
        ]),
    ),
    ("history-mode", Text),
    (
        "cors",
        Object(&[("allowed_headers", Texts), ("allowed_origins", Texts)]),
    ),
    ("commit-on", Word(&["block", "commitment"])),
    ("opentelemetry", Any),
    ("dal_slot_status_max_fetch_attempts", ALL),
    ("dac-observer-client", Any),
];

/// Looks at the keys of a file.
///
/// # Errors
/// If one is not known, or holds something else than it should; the text names it.
pub(super) fn check(fields: &Map<String, Value>) -> Result<(), String> {
    object("", fields, KEYS)
}

fn object(
    inside: &str,
    fields: &Map<String, Value>,
    known: &[(&str, Shape)],
) -> Result<(), String> {
    for (key, value) in fields {
        let place = format!("{inside}{key}");
        match known.iter().find(|(name, _)| name == key) {
            Some((_, shape)) => holds(&place, shape, value)?,
            None => return Err(format!("unknown key `{place}`")),
        }
    }
    Ok(())
}

fn holds(place: &str, shape: &Shape, value: &Value) -> Result<(), String> {
    let text = |value: &Value| value.is_string();
    let (good, expected) = match shape {
        _ if value.is_null() => return Ok(()),
        Any => return Ok(()),
        Object(known) => {
            if let Value::Object(fields) = value {
                return object(&format!("{place}."), fields, known);
            }
            (false, "an object".to_owned())
        }
        Truth => (value.is_boolean(), "true or false".to_owned()),
        Whole(least, most) => (
            value
                .as_u64()
                .is_some_and(|n| (*least..=*most).contains(&n)),
            format!("a number from {least} to {most}"),
        ),
        Seconds => (
            value.as_f64().is_some_and(|seconds| seconds >= 0.0),
            "a number of seconds".to_owned(),
        ),
        Text => (text(value), "a string".to_owned()),
        Word(words) => (
            value.as_str().is_some_and(|word| words.contains(&word)),
            format!("one of {}", words.join(", ")),
        ),
        Texts => (
            value.as_array().is_some_and(|items| items.iter().all(text)),
            "a list of strings".to_owned(),
        ),
        List => (value.is_array(), "a list".to_owned()),
    };
    if good {
        Ok(())
    } else {
        Err(format!("`{place}` must be {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_holds_something_else_is_named() {
        for (text, expected) in [
            (
                r#"{"rpc-port":65535,"batcher":{"max_batch_size":null}}"#,
                "",
            ),
            (
                r#"{"rpc-port":65536}"#,
                "`rpc-port` must be a number from 0 to 65535",
            ),
            (
                r#"{"rpc-port":1.5}"#,
                "`rpc-port` must be a number from 0 to 65535",
            ),
            (r#"{"batcher":5}"#, "`batcher` must be an object"),
            (r#"{"batcher":{"size":5}}"#, "unknown key `batcher.size`"),
            (
                r#"{"cors":{"allowed_origins":"*"}}"#,
                "`cors.allowed_origins` must be a list of strings",
            ),
            (
                r#"{"gc-parameters":{"frequency":0}}"#,
                "`gc-parameters.frequency` must be a number from 1 to 2147483647",
            ),
            (
                r#"{"commit-on":"never"}"#,
                "`commit-on` must be one of block, commitment",
            ),
            (
                r#"{"loop_retry_delay":"x"}"#,
                "`loop_retry_delay` must be a number of seconds",
            ),
            (
                r#"{"fee-parameters":{"publish":{"force-low-fee":1}}}"#,
                "`fee-parameters.publish.force-low-fee` must be true or false",
            ),
        ] {
            let fields: Map<String, Value> = serde_json::from_str(text).unwrap();
            assert_eq!(check(&fields).err().unwrap_or_default(), expected, "{text}");
        }
    }
}
