//! What the simulated Layer 1 does with commitments: by counting levels (rollup-node.md, section 7.2).

use super::block::Block;
use super::commitment::Commitment;
use super::operators::Mode;
use super::{Node, log};

/// The commitment of a block, when one is due.
pub(super) fn commitment(node: &Node, block: &Block) -> Result<Option<Commitment>, String> {
    let settings = &node.settings;
    let period = settings.constants.commitment_period.max(1);
    if (block.level - settings.origination_level) % period != 0 {
        return Ok(None);
    }
    let Some(previous) = node.store.commitment(&block.previous_commitment)? else {
        return Err("the commitment before is missing".into());
    };
    let since = node.store.block(previous.commitment.level)?;
    let ticks = block.state.ticks - since.map_or(0, |block| block.state.ticks);
    if ticks == 0 {
        log::notice("A 0-tick commitment is impossible");
        return Ok(None);
    }
    Ok(Some(Commitment {
        state: block.state_hash(),
        level: block.level,
        predecessor: block.previous_commitment,
        ticks,
    }))
}

/// What Layer 1 does with commitments in a block: publishes those that are due, cements those whose window is over.
/// The level up to which they are then published.
pub(super) fn act(node: &Node, block: &mut Block, published: i32) -> Result<i32, String> {
    let settings = &node.settings;
    let publishes = settings.publishes();
    if !publishes && settings.mode != Mode::Bailout {
        return Ok(published);
    }
    let constants = &settings.constants;
    let period = constants.commitment_period.max(1);
    let (forced, disputed, admitted) = {
        let mut live = node.live();
        let refutation = &live.refutation;
        let (disputed, admitted) = (refutation.disputed(), refutation.admitted());
        (live.cement.take(), disputed, admitted)
    };
    let mut publish_until = constants
        .published_by(block.level)
        .min(block.cemented.0.saturating_add(constants.max_lookahead))
        .max(forced.unwrap_or(i32::MIN))
        .min(block.level - 1);
    if !publishes {
        publish_until = published;
    } else if settings.accuses() && !settings.auto_operator {
        // What the other node has published is published; its own commitment an accuser publishes in a conflict only.
        publish_until = publish_until.min(admitted);
    }
    // Who is asked to cement does it in any mode.
    let cements = settings.cements() || forced.is_some();
    let cement_until = constants
        .cemented_by(block.level)
        .max(forced.unwrap_or(i32::MIN))
        .min(publish_until)
        .min(disputed.map_or(i32::MAX, |level| level - 1));
    let store = &node.store;
    let mut published = published.max(block.cemented.0);
    while published + period <= publish_until {
        let due = store.block(published + period)?;
        let Some(commitment) = due.and_then(|block| block.commitment) else {
            break;
        };
        let hash = commitment.hash();
        // After a restart nobody remembers what has been published.
        if store
            .commitment(&hash)?
            .is_some_and(|kept| kept.published.is_none())
        {
            block.published.push(hash);
        }
        published += period;
    }
    while cements && block.cemented.0 + period <= cement_until.min(published) {
        let level = block.cemented.0 + period;
        let Some(commitment) = store.block(level)?.and_then(|block| block.commitment) else {
            break;
        };
        block.cemented = (level, commitment.hash());
    }
    Ok(published)
}
