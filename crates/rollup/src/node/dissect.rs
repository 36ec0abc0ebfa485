//! States between two blocks, for whoever wants to know where two nodes began to differ, and the moves by which that is found
//! (rollup-node.md, section 11).

use std::sync::Arc;

use super::Node;
use super::course::Course;
use super::loser::Failure;
use super::outside::Simulated;
use crate::encoding::hash::Hash;

/// The sections of a move.
const SECTIONS: u64 = 32;

/// Ticks of a level between a state that two nodes share and one that they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The last tick at which they are known to agree.
    pub(super) same: u64,
    /// The first at which they are known to differ.
    pub(super) different: u64,
}

impl Span {
    /// All ticks of a level, of which two nodes have so many.
    pub(super) fn of(left: u64, right: u64) -> Self {
        Self {
            same: 0,
            different: left.max(right),
        }
    }

    /// Whether the tick is found.
    pub(super) fn is_one(&self) -> bool {
        self.different - self.same <= 1
    }

    /// The ends of the next move's sections.
    pub(super) fn sections(&self) -> Vec<u64> {
        let length = self.different - self.same;
        let sections = SECTIONS.min(length);
        let end =
            |n| self.same + (u128::from(length) * u128::from(n) / u128::from(sections)) as u64;
        (1..=sections).map(end).collect()
    }

    /// Goes to the section at whose end the states differ first.
    ///
    /// # Errors
    /// If they differ nowhere.
    pub(super) fn narrow(
        &mut self,
        ticks: &[u64],
        left: &[Option<String>],
        right: &[Option<String>],
    ) -> Result<(), String> {
        let at = left
            .iter()
            .zip(right)
            .position(|(left, right)| left != right);
        let at = at.ok_or("the nodes contradict themselves: no section differs")?;
        self.different = ticks[at];
        if at > 0 {
            self.same = ticks[at - 1];
        }
        Ok(())
    }
}

/// The hashes of the states at ticks of a level, in ascending order, as this node claims them; `None` after the level's end.
///
/// # Errors
/// If the node does not tell, the level is not kept, or takes too long.
pub(super) fn states(node: &Node, level: i32, ticks: &[u64]) -> Result<Vec<Option<Hash>>, String> {
    if !node.settings.replay {
        return Err("start the node with --replay to have its states between two blocks".into());
    }
    evaluated(node, level, ticks, false)
}

/// The same for the node itself; `honest` leaves out what it was told to do wrong.
///
/// # Errors
/// If the level is not kept, or takes too long.
pub(super) fn evaluated(
    node: &Node,
    level: i32,
    ticks: &[u64],
    honest: bool,
) -> Result<Vec<Option<Hash>>, String> {
    let missing = |level: i32| format!("Cannot retrieve hash of level {level}");
    let block = node.store.block(level)?.ok_or_else(|| missing(level))?;
    let before = node.store.block(level - 1)?;
    let before = before.ok_or_else(|| missing(level - 1))?;
    let pvm = node.machine(&before)?;
    let (sources, failures): (_, &[Failure]) = if honest {
        (Arc::new(node.sources.honest()), &[])
    } else {
        (Arc::clone(&node.sources), &node.settings.loser.failures)
    };
    let mut outside = Simulated::patient(sources);
    outside.deadline = std::time::Instant::now() + node.settings.simulate_timeout;
    let mut executor = node.settings.compiled();
    let messages = &block.messages;
    let mut course = Course::new(
        pvm,
        &before.state,
        level,
        messages,
        failures,
        &mut executor,
        &mut outside,
    );
    course.hashes(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_lead_to_the_first_tick_that_differs() {
        for (end, first) in [(1, 1), (2, 1), (33, 33), (22_000_000_000, 11_000_000_403)] {
            let mut span = Span::of(end, end);
            let mut moves = 0;
            while !span.is_one() {
                let ticks = span.sections();
                let claims = |wrong: bool| -> Vec<Option<String>> {
                    let claim = |tick: &u64| Some(format!("{tick} {}", wrong && *tick >= first));
                    ticks.iter().map(claim).collect()
                };
                span.narrow(&ticks, &claims(false), &claims(true)).unwrap();
                moves += 1;
            }
            assert_eq!((span.different, span.same), (first, first - 1));
            assert!(moves <= 8, "{moves}");
        }
        let ticks = Span::of(4, 4).sections();
        assert!(Span::of(4, 4).narrow(&ticks, &[], &[]).is_err());
    }
}
