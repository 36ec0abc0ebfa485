//! States between two blocks, for whoever wants to know where two nodes began to differ (rollup-node.md, section 11).

use super::Node;
use super::course::Course;
use super::outside::Simulated;
use crate::encoding::hash::Hash;

/// The hashes of the states at ticks of a level, in ascending order, as this node claims them; `None` after the level's end.
///
/// # Errors
/// If the level is not kept, or takes too long.
pub(super) fn states(node: &Node, level: i32, ticks: &[u64]) -> Result<Vec<Option<Hash>>, String> {
    if !node.settings.replay {
        return Err("start the node with --replay to have its states between two blocks".into());
    }
    let missing = |level: i32| format!("Cannot retrieve hash of level {level}");
    let block = node.store.block(level)?.ok_or_else(|| missing(level))?;
    let before = node.store.block(level - 1)?;
    let before = before.ok_or_else(|| missing(level - 1))?;
    let pvm = node.machine(&before)?;
    let mut outside = Simulated::patient(std::sync::Arc::clone(&node.sources));
    outside.deadline = std::time::Instant::now() + node.settings.simulate_timeout;
    let mut executor = node.settings.compiled();
    let failures = &node.settings.failures;
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
