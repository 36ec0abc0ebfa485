//! Logs: one JSON object a line on standard error, or text for people. Never shows what jobs read or print.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::config::Level;

/// Where and how much is logged.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// Less important lines are left out.
    pub level: Level,
    /// For people.
    pub pretty: bool,
}

impl Log {
    /// Writes a line with members.
    pub fn write(&self, level: Level, message: &str, mut members: Value) {
        if level > self.level {
            return;
        }
        let name = match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let line = if self.pretty {
            let members = match members.as_object() {
                Some(object) if object.is_empty() => String::new(),
                _ => format!(" {members}"),
            };
            format!("{name:5} {message}{members}\n")
        } else {
            let mut line = json!({"time": now as u64, "level": name, "msg": message});
            if let (Some(line), Some(members)) = (line.as_object_mut(), members.as_object_mut()) {
                line.append(members);
            }
            format!("{line}\n")
        };
        // Nobody can be told that telling does not work.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
