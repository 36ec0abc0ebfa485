//! Baselines: what the messages of a suite took, in a committed file, and what has moved since. Counts are exact, so a
//! difference is a change of a canister or of `drun`, never noise.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::replace::replace;
use crate::input;

/// Version of the file; increased when a field changes its meaning.
const SCHEMA: u32 = 1;

/// What one message took.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// `ingress go`, `install`: what people look for.
    pub message: String,
    /// Instructions executed for it.
    pub instructions: u64,
    /// Cycles charged for it; negative if more came back.
    pub cycles: i128,
    /// The date of the replica; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// What the messages of one case took, in their order.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Measures(pub Vec<Measure>);

impl Measures {
    /// The date of the replica, if it is told.
    fn protocol(&self) -> Option<&str> {
        self.0.first()?.protocol.as_deref()
    }

    /// Reads what a run wrote, a JSON object a line; nothing if it wrote none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = String::from_utf8(input::expected(path).ok()?).ok()?;
        let lines = text.lines().map(serde_json::from_str);
        Some(Measures(lines.collect::<Result<_, _>>().ok()?))
    }
}

/// A whole suite.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Baseline {
    schema: u32,
    /// By the name of the case below the suite file, wherever the command was typed.
    cases: BTreeMap<String, Measures>,
}

/// Where a baseline of a name is: beside the suite file.
pub fn path_of(root: &Path, name: &str) -> PathBuf {
    root.join("baselines").join(format!("{name}.json"))
}

/// A figure that moved.
#[derive(Debug, PartialEq)]
struct Move {
    case: String,
    message: String,
    what: &'static str,
    before: i128,
    after: i128,
}

impl Move {
    /// By how much, in percent of what was.
    fn percent(&self) -> f64 {
        let change = (self.after - self.before) as f64;
        match self.before {
            0 => f64::INFINITY.copysign(change),
            before => 100.0 * change / (before as f64).abs(),
        }
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The table, for people; empty if nothing moved.
    pub table: String,
    /// Whether a figure grew by more than the threshold, or the messages are others.
    pub exceeded: bool,
}

impl Baseline {
    /// A baseline of what was measured.
    pub fn new(cases: impl IntoIterator<Item = (String, Measures)>) -> Self {
        Baseline {
            schema: SCHEMA,
            cases: cases.into_iter().collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If there is none, or it is none of ours.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let bytes = input::expected(path)
            .map_err(|reason| anyhow::anyhow!("cannot read {}: {reason}", path.display()))?;
        let baseline: Baseline = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no baseline", path.display()))?;
        anyhow::ensure!(
            baseline.schema == SCHEMA,
            "{} has schema {}, expected {SCHEMA}",
            path.display(),
            baseline.schema
        );
        Ok(baseline)
    }

    /// With other figures for some cases, or for more.
    pub fn with(mut self, now: Baseline) -> Self {
        self.cases.extend(now.cases);
        self
    }

    /// Writes the file as a whole.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).context("cannot write the baseline")?;
        text.push(b'\n');
        replace(path, &text)
    }

    /// Compares with what was measured now; cases that were not run now are left out. `threshold` is in percent.
    pub fn compare(&self, now: &Baseline, threshold: f64) -> Comparison {
        let mut moves = Vec::new();
        let mut others = Vec::new();
        for (case, after) in &now.cases {
            let Some(before) = self.cases.get(case) else {
                others.push(format!("{case}: not in the baseline"));
                continue;
            };
            let messages = |measures: &Measures| -> Vec<String> {
                measures
                    .0
                    .iter()
                    .map(|measure| measure.message.clone())
                    .collect()
            };
            if let (Some(then), Some(now)) = (before.protocol(), after.protocol())
                && then != now
            {
                others.push(format!(
                    "{case}: a replica of {now}, and the baseline is of {then}"
                ));
                continue;
            }
            if messages(before) != messages(after) {
                others.push(format!("{case}: its messages are others"));
                continue;
            }
            for (number, (before, after)) in before.0.iter().zip(&after.0).enumerate() {
                let figures = [
                    (
                        "instructions",
                        i128::from(before.instructions),
                        i128::from(after.instructions),
                    ),
                    ("cycles", before.cycles, after.cycles),
                ];
                for (what, before, after) in figures {
                    if before != after {
                        let message = format!("{number} {}", now.cases[case].0[number].message);
                        let case = case.clone();
                        moves.push(Move {
                            case,
                            message,
                            what,
                            before,
                            after,
                        });
                    }
                }
            }
        }
        Comparison {
            exceeded: !others.is_empty() || moves.iter().any(|moved| moved.percent() > threshold),
            table: table(&moves, &others),
        }
    }
}

fn table(moves: &[Move], others: &[String]) -> String {
    let rows: Vec<[String; 5]> = moves
        .iter()
        .map(|moved| {
            [
                moved.case.clone(),
                moved.message.clone(),
                moved.what.to_owned(),
                format!("{} -> {}", moved.before, moved.after),
                format!("{:+.2} %", moved.percent()),
            ]
        })
        .collect();
    let mut text = String::new();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row[..4].iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{line}{:>width$}", row[4], width = widths[4]);
    }
    for other in others {
        let _ = writeln!(text, "{other}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(instructions: u64) -> Baseline {
        let measure = Measure {
            message: "ingress go".into(),
            instructions,
            cycles: 5,
            protocol: Some("2025-10".into()),
        };
        Baseline::new([("a".to_owned(), Measures(vec![measure]))])
    }

    #[test]
    fn growth_beyond_the_threshold_counts_and_shrinking_does_not() {
        for (now, threshold, exceeded) in [
            (1020, 2.0, false),
            (1021, 2.0, true),
            (1001, 0.0, true),
            (10, 0.0, false),
            (1000, 0.0, false),
        ] {
            let comparison = baseline(1000).compare(&baseline(now), threshold);
            assert_eq!(comparison.exceeded, exceeded, "{now} {threshold}");
            assert_eq!(comparison.table.is_empty(), now == 1000);
        }
        let comparison = baseline(1000).compare(&baseline(1100), 2.0);
        assert_eq!(
            comparison.table,
            "a  0 ingress go  instructions  1000 -> 1100  +10.00 %\n"
        );
    }

    #[test]
    fn other_messages_and_new_cases_are_told() {
        let mut now = baseline(1000);
        now.cases.get_mut("a").unwrap().0[0].message = "query go".into();
        assert_eq!(
            baseline(1000).compare(&now, 50.0).table,
            "a: its messages are others\n"
        );
        now.cases = BTreeMap::from([("b".to_owned(), Measures::default())]);
        assert!(baseline(1000).compare(&now, 50.0).exceeded);
    }

    #[test]
    fn figures_of_another_date_are_not_compared() {
        let mut now = baseline(2000);
        now.cases.get_mut("a").unwrap().0[0].protocol = Some("2026-11".into());
        let comparison = baseline(1000).compare(&now, 500.0);
        assert!(comparison.exceeded);
        assert_eq!(
            comparison.table,
            "a: a replica of 2026-11, and the baseline is of 2025-10\n"
        );
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(directory.path(), "main");
        baseline(7).save(&path).unwrap();
        assert_eq!(Baseline::load(&path).unwrap(), baseline(7));
        std::fs::write(&path, "{}").unwrap();
        assert!(Baseline::load(&path).is_err());
    }

    /// A suite of some hundred cases has a hundred thousand messages.
    #[test]
    fn a_large_suite_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_of(directory.path(), "main");
        let mut large = baseline(7);
        let measures = large.cases.get_mut("a").unwrap();
        measures.0 = vec![measures.0[0].clone(); 150_000];
        large.save(&path).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 16 << 20);
        assert_eq!(Baseline::load(&path).unwrap(), large);
        let line = serde_json::to_string(&large.cases["a"].0[0]).unwrap() + "\n";
        std::fs::write(&path, line.repeat(300_000)).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 16 << 20);
        assert_eq!(Measures::read(&path).unwrap().0.len(), 300_000);
    }
}
