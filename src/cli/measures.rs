//! `--measures`: what every message took, a JSON object a line, for the baselines of `drun test`.

use std::path::Path;

use crate::runner::outcome::Outcome;
use crate::suite::accept;
use crate::suite::baseline::Measure;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Measured(String);

impl Measured {
    /// Adds a message.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let kind = outcome.kind.name();
        let measure = Measure {
            message: match &outcome.method {
                Some(method) => format!("{kind} {method}"),
                None => kind.to_owned(),
            },
            instructions: outcome.instructions,
            cycles: outcome.cycles,
        };
        let line = serde_json::to_string(&measure).expect("a string and two numbers");
        self.0.push_str(&line);
        self.0.push('\n');
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        accept::replace(path, self.0.as_bytes())
    }
}
