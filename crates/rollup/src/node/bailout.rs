//! Bailout mode: nothing new is published; once what was published is cemented, the bond is back and the node leaves
//! (rollup-node.md, section 3).

use super::operators::Mode;
use super::{Node, log};

/// What a node says when it leaves.
pub(super) const LEFT: &str =
    "Exit bailout mode - stakes have been recovered, and the node is exiting safely now";

/// The level of the newest commitment that was published with these data; nothing in other modes, and when there is none.
///
/// # Errors
/// If the store fails.
pub(super) fn stake(node: &Node) -> Result<Option<i32>, String> {
    let settings = &node.settings;
    if settings.mode != Mode::Bailout {
        return Ok(None);
    }
    let period = settings.constants.commitment_period.max(1);
    let head = node.head();
    let mut level = node.covering_level(head.level);
    while level > settings.origination_level && level >= node.live().first_level {
        let block = node.store.block(level)?;
        if let Some(commitment) = block.and_then(|block| block.commitment)
            && let Some(kept) = node.store.commitment(&commitment.hash())?
            && kept.published.is_some()
        {
            log::notice(&format!(
                "Leaving when the commitment of inbox level {level} is cemented"
            ));
            return Ok(Some(level));
        }
        level -= period;
    }
    log::notice(
        "Warning: this node has published nothing that it could leave with: it only follows",
    );
    Ok(None)
}
