//! The node's own lines on standard error: a date without a year and a text, or one JSON object each
//! (rollup-node.md, section 10.1).

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::time::rfc3339;

static JSON: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether lines are JSON, and whether there are any.
pub fn configure(json: bool, quiet: bool) {
    JSON.store(json, Ordering::Relaxed);
    QUIET.store(quiet, Ordering::Relaxed);
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Writes a line.
pub fn notice(text: &str) {
    event("", &json!({}), text);
}

/// Writes a line about something that has a name and fields, which are shown in JSON only.
pub fn event(name: &str, fields: &Value, text: &str) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let date = rfc3339(now.as_secs() as i64);
    let line = if JSON.load(Ordering::Relaxed) {
        let mut line = json!({ "time": date, "level": "notice", "message": text });
        if !name.is_empty() {
            line["event"] = name.into();
        }
        for (key, value) in fields.as_object().into_iter().flatten() {
            line[key] = value.clone();
        }
        line.to_string()
    } else {
        let month = date[5..7].parse::<usize>().unwrap_or(1);
        format!(
            "{} {} {}.{:03}: {text}",
            MONTHS[(month - 1) % 12],
            &date[8..10],
            &date[11..19],
            now.subsec_millis()
        )
    };
    // Nobody reads it any more: nothing to be done.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
