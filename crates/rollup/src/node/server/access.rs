//! Who may ask for what: everything from this machine, from others what is harmless, or what the configuration's list says
//! (rollup-node.md, section 9.1).

use std::net::IpAddr;

use hyper::Method;
use serde_json::Value;

/// What clients of an address may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The address; `None` for all.
    address: Option<IpAddr>,
    /// Whether the patterns are what is allowed, or what is not.
    whitelist: bool,
    patterns: Vec<String>,
}

/// Reads the list `acl` of a configuration.
///
/// # Errors
/// If it has another shape.
pub fn rules(list: &Value) -> Result<Vec<Rule>, String> {
    let rule = |item: &Value| {
        let address = item["address"].as_str()?;
        let address = match address {
            "any" | "*" | "0.0.0.0" | "::" => None,
            address => {
                let host = address.trim_start_matches('[');
                let host = host.split(']').next().unwrap_or_default();
                let host = match host.rsplit_once(':') {
                    Some((host, _)) if !host.contains(':') => host,
                    _ => host,
                };
                Some(if host == "localhost" {
                    IpAddr::from([127, 0, 0, 1])
                } else {
                    host.parse().ok()?
                })
            }
        };
        let (whitelist, patterns) = match (&item["whitelist"], &item["blacklist"]) {
            (Value::Array(patterns), Value::Null) => (true, patterns),
            (Value::Null, Value::Array(patterns)) => (false, patterns),
            _ => return None,
        };
        let patterns = patterns.iter().map(|one| one.as_str().map(str::to_owned));
        Some(Rule {
            address,
            whitelist,
            patterns: patterns.collect::<Option<_>>()?,
        })
    };
    let items = list.as_array().into_iter().flatten();
    let rules: Option<Vec<Rule>> = items.map(rule).collect();
    rules.filter(|_| list.is_array()).ok_or_else(|| {
        "configuration: `acl` must list objects with an address and a whitelist or a blacklist"
            .into()
    })
}

/// Whether somebody may ask.
pub(super) fn allowed(rules: &[Rule], peer: IpAddr, method: &Method, path: &[String]) -> bool {
    let peer = peer.to_canonical();
    let rule = rules
        .iter()
        .find(|rule| rule.address.is_none_or(|address| address == peer));
    match rule {
        Some(rule) => {
            let named = rule
                .patterns
                .iter()
                .any(|pattern| matches(pattern, method, path));
            named == rule.whitelist
        }
        None => peer.is_loopback() || !denied(path),
    }
}

/// A pattern: a path in which `*` stands for a step and `**` for the rest, with a method in front or without.
fn matches(pattern: &str, method: &Method, path: &[String]) -> bool {
    let pattern = match pattern.split_once(' ') {
        Some((wanted, rest)) if wanted.eq_ignore_ascii_case(method.as_str()) => rest,
        Some(_) => return false,
        None => pattern,
    };
    let mut steps = path.iter();
    for wanted in pattern.split('/').filter(|step| !step.is_empty()) {
        match (wanted, steps.next()) {
            ("**", _) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (wanted, Some(step)) if wanted == step => {}
            _ => return false,
        }
    }
    steps.next().is_none()
}

/// What clients on other machines may not ask for under the rule `secure`.
fn denied(path: &[String]) -> bool {
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        steps[..],
        [
            "global",
            "block",
            _,
            "durable",
            "wasm_2_0_0",
            "subkeys" | "values"
        ] | ["local", "batcher" | "dal", ..]
            | ["admin" | "stats" | "sandbox", ..]
            | ["config"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_in_the_configuration_decides_for_its_addresses() {
        let list = json!([
            { "address": "10.0.0.1", "whitelist": ["GET /global/block/*/level", "/local/**"] },
            { "address": "127.0.0.1:8932", "blacklist": ["DELETE /admin/**"] },
        ]);
        let rules = rules(&list).unwrap();
        let may = |address: &str, method: Method, path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            allowed(&rules, address.parse().unwrap(), &method, &path)
        };
        assert!(may("10.0.0.1", Method::GET, "global/block/head/level"));
        assert!(!may("10.0.0.1", Method::POST, "global/block/head/level"));
        assert!(!may("10.0.0.1", Method::GET, "global/block/head"));
        assert!(may("10.0.0.1", Method::POST, "local/batcher/injection"));
        assert!(may("127.0.0.1", Method::GET, "config"));
        assert!(!may("127.0.0.1", Method::DELETE, "admin/batcher/queue"));
        assert!(!may("10.0.0.2", Method::GET, "config"));
        assert!(may("::1", Method::GET, "config"));
        for bad in [
            json!({}),
            json!([{ "address": "x", "whitelist": [] }]),
            json!([{ "address": "any" }]),
        ] {
            assert!(super::rules(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_machines_may_read_values_and_not_inject_or_list() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        for text in [
            "global/block/head/durable/wasm_2_0_0/subkeys",
            "global/block/7/durable/wasm_2_0_0/values",
            "local/batcher/injection",
            "local/batcher/queue/x",
            "admin/batcher/queue",
            "stats/memory",
            "sandbox/bake",
            "config",
        ] {
            assert!(denied(&path(text)), "{text}");
        }
        for text in [
            "global/block/head/durable/wasm_2_0_0/value",
            "global/block/head",
            "health",
            "local/gc_info",
        ] {
            assert!(!denied(&path(text)), "{text}");
        }
    }
}
