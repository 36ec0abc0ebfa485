//! Failures that no result tells: with the lines in which they happened, for JSON, for the end of a run, and for the exit status.

use std::fmt::Write as _;

use drun_ic::observe::{Unseen, UnseenFailures};

use crate::runner::Runner;

/// What `--fail-on-error` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FailOn {
    /// Messages that ended in an error.
    Results,
    /// Also what nobody sees: failed timers, heartbeats, and what runs on after an answer.
    All,
}

/// A failure and the line of the script that was running.
pub(super) type Placed = (usize, Unseen);

/// The failures of a run.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Those that no object has told yet.
    new: Vec<Placed>,
    all: Vec<Placed>,
}

impl Failures {
    /// Has them watched.
    pub(super) fn watch(runner: &mut Runner) {
        runner.watch(UnseenFailures::default());
    }

    /// Takes those that happened in a line of the script.
    pub(super) fn take(&mut self, runner: &mut Runner, line: usize) {
        let found = runner.watching_mut().map(UnseenFailures::take);
        self.new
            .extend(found.into_iter().flatten().map(|unseen| (line, unseen)));
    }

    /// Those that the next object tells.
    pub(super) fn untold(&self) -> &[Placed] {
        &self.new
    }

    /// They are told.
    pub(super) fn told(&mut self) {
        self.all.append(&mut self.new);
    }

    /// Whether there were any.
    pub(super) fn any(&self) -> bool {
        !self.all.is_empty() || !self.new.is_empty()
    }

    /// All of them for people, or those that no object has told; nothing if there are none.
    pub(super) fn summary(&self, all: bool) -> Option<String> {
        let told = if all { &self.all[..] } else { &[] };
        let count = told.len() + self.new.len();
        let mut text = match count {
            0 => return None,
            1 => "1 failure that no result tells:".to_owned(),
            count => format!("{count} failures that no result tells:"),
        };
        for (line, unseen) in told.iter().chain(&self.new) {
            let (label, error) = (unseen.label.text(), &unseen.error);
            let times = match unseen.times {
                1 => String::new(),
                times => format!(" ({times} times)"),
            };
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n  line {line}: {label}{times}: {}: {}",
                error.code, error.description
            );
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use drun_ic::errors::{ErrorCode, UserError};
    use drun_ic::observe::Label;

    #[test]
    fn what_an_object_has_told_is_not_told_again_unless_all_is_asked_for() {
        let mut failures = Failures::default();
        assert_eq!(failures.summary(true), None);
        let unseen = |text: &str| Unseen {
            canister: Principal::anonymous(),
            label: Label {
                kind: "hook",
                method: "canister_heartbeat".into(),
            },
            error: UserError::new(ErrorCode::CanisterCalledTrap, text),
            times: 1,
        };
        failures.new.push((3, unseen("a")));
        failures.told();
        failures.new.push((4, unseen("b")));
        assert_eq!(
            failures.summary(false).unwrap(),
            "1 failure that no result tells:\n  line 4: canister_heartbeat: IC0503: b"
        );
        assert!(failures.summary(true).unwrap().starts_with("2 failures"));
    }
}
