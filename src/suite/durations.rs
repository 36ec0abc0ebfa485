//! How long cases took the last time, kept between runs, so that those that take longest are begun first and no core is idle
//! while the last one runs. Decides an order and nothing else; without what is kept, cases begin in the order of their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::case::Case;
use super::replace::replace;
use super::tested::Tested;

/// The file, in the directory of the module cache.
const FILE: &str = "durations.json";
/// What takes no longer is begun in the order of the names, in which results are told.
const LONG: Duration = Duration::from_millis(500);

/// How long the cases took that took long.
#[derive(Debug)]
pub struct Durations {
    path: PathBuf,
    /// In milliseconds.
    known: BTreeMap<String, u64>,
}

impl Durations {
    /// What is known in a directory; nothing if nothing can be read there.
    pub fn load(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let known = std::fs::read(&path).ok();
        let known = known.and_then(|text| serde_json::from_slice(&text).ok());
        Durations {
            path,
            known: known.unwrap_or_default(),
        }
    }

    /// The order in which cases are best begun, by their indices.
    pub fn order(&self, cases: &[Case]) -> Vec<usize> {
        let took = |index: &usize| key(&cases[*index]).and_then(|key| self.known.get(&key));
        let mut order: Vec<usize> = (0..cases.len()).collect();
        // Stable: those of which nothing is known stay in their order.
        order.sort_by_cached_key(|index| std::cmp::Reverse(took(index).copied()));
        order
    }

    /// Remembers how long these took, for the next time. If that cannot be kept, the next time is as the first.
    pub fn learn(&mut self, tested: &[Tested<'_>]) {
        let before = self.known.clone();
        for tested in tested.iter().filter(|tested| tested.case.skip.is_none()) {
            let Some(key) = key(tested.case) else {
                continue;
            };
            match tested.time >= LONG {
                true => self.known.insert(key, tested.time.as_millis() as u64),
                false => self.known.remove(&key),
            };
        }
        // Of sources that are gone nothing is kept.
        self.known
            .retain(|key, _| Path::new(key.split('\n').next().unwrap_or_default()).exists());
        if self.known != before
            && self.path.parent().is_some_and(Path::is_dir)
            && let Ok(text) = serde_json::to_vec(&self.known)
        {
            let _ = replace(&self.path, &text);
        }
    }
}

/// The source of a case, wherever the suite is run from, and which of its variants it is.
fn key(case: &Case) -> Option<String> {
    let source = std::path::absolute(&case.source).ok()?;
    Some(format!("{}\n{}", source.to_str()?, case.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::find::Suite;
    use crate::suite::verdict::Verdict;

    #[test]
    fn what_took_long_is_begun_first_the_next_time() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.drun", "b.drun", "c.drun", "d.drun"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let cases = Suite::find(&[directory.path().to_owned()]).unwrap().cases;
        let took = |times: [u64; 4]| {
            let mut durations = Durations::load(directory.path());
            let order = durations.order(&cases);
            let tested = cases.iter().zip(times).map(|(case, time)| Tested {
                case,
                verdict: Verdict::Passed,
                time: Duration::from_millis(time),
                measures: None,
                note: None,
            });
            durations.learn(&tested.collect::<Vec<_>>());
            order
        };
        assert_eq!(took([20, 900, 10, 5000]), [0, 1, 2, 3]);
        assert_eq!(took([600, 1, 1, 7000]), [3, 1, 0, 2]);
        std::fs::write(directory.path().join("e.drun"), "").unwrap();
        std::fs::remove_file(directory.path().join("d.drun")).unwrap();
        assert_eq!(took([1, 1, 1, 1]), [3, 0, 1, 2]);
        std::fs::write(directory.path().join(FILE), "no JSON").unwrap();
        assert_eq!(took([1, 1, 1, 1]), [0, 1, 2, 3]);
    }
}
