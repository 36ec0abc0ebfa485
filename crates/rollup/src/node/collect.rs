//! Garbage collection of a full node: what is older than the last cemented commitment goes (rollup-node.md, section 4.2).

use super::block::Block;
use super::config::HistoryMode;
use super::{Node, log};

/// Collects after a block, when the time has come.
pub(super) fn after_block(node: &Node, block: &Block) {
    let settings = &node.settings;
    if settings.history_mode != HistoryMode::Full {
        return;
    }
    let window = settings.constants.challenge_window;
    let default = if window <= 5 {
        window
    } else {
        (window / 5).max(1)
    };
    let frequency = settings.gc_frequency.unwrap_or(default).max(1);
    let target = block.cemented.0;
    let last = {
        let live = node.live();
        live.collected
            .map_or(live.first_level, |(target, _)| target)
    };
    if target - last < frequency {
        return;
    }
    let head = block.level;
    let fields = serde_json::json!({ "gc_level": target, "head_level": head });
    log::event(
        "calling_gc",
        &fields,
        &format!("Garbage collection started for level {target} at head level {head}"),
    );
    let begun = std::time::Instant::now();
    match node.store.collect(target) {
        Ok(_) => {
            let mut live = node.live();
            live.counters.collect_seconds = begun.elapsed().as_secs_f64();
            live.first_level = target;
            live.collected = Some((target, head));
            drop(live);
            node.states
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clear();
            log::event(
                "gc_finished",
                &fields,
                &format!("Garbage collection finished for level {target} at head level {head}"),
            );
        }
        Err(error) => log::notice(&format!("Garbage collection failed: {error}")),
    }
}
