//! `--measures`: what every message took, a JSON object a line, for the baselines of `drun test`.

use std::path::Path;

use crate::runner::outcome::Outcome;
use crate::suite::baseline::Measure;
use crate::suite::replace::replace;
use drun_ic::protocol::Date;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Measured(String);

impl Measured {
    /// Adds a message.
    pub(super) fn add(&mut self, outcome: &Outcome, date: Date) {
        let kind = outcome.kind.name();
        let measure = Measure {
            message: match &outcome.method {
                Some(method) => format!("{kind} {method}"),
                None => kind.to_owned(),
            },
            instructions: outcome.instructions,
            cycles: outcome.cycles,
            protocol: Some(date.name().to_owned()),
        };
        let line = serde_json::to_string(&measure).expect("strings and numbers");
        self.0.push_str(&line);
        self.0.push('\n');
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        replace(path, self.0.as_bytes())
    }
}
