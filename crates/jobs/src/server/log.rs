//! Logs: one JSON object a line on standard error, or text for people. Never shows what jobs read or print.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::Level;
use crate::json::Object;

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
    pub fn write(&self, level: Level, message: &str, members: &Object) {
        if level > self.level {
            return;
        }
        let name = level.name();
        let line = if self.pretty {
            let members = match members.is_empty() {
                true => String::new(),
                false => format!(" {}", members.clone().text()),
            };
            format!("{name:5} {message}{members}\n")
        } else {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let line = Object::new()
                .with("time", now.as_millis() as u64)
                .with("level", name)
                .with("msg", message);
            line.and(members).text() + "\n"
        };
        // Nobody can be told that telling does not work.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
