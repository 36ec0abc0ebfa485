//! Which nodes have made the blocks of a subnet, and which have failed to, day by day: what `node_metrics_history` tells
//! (interface specification, "IC method `node_metrics_history`"). Blocks are made by whom the driver of the network says; rounds that it
//! says nothing of count for nobody.

use std::collections::{BTreeMap, VecDeque};

use candid::Principal;
use serde::{Deserialize, Serialize};

use super::types::subnet::{NodeMetrics, NodeMetricsEntry};

/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;
/// Days that are told.
const KEPT: usize = 60;

/// The block makers of a subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMakers {
    /// Time of the last round, nanoseconds since the Unix epoch.
    last: u64,
    nodes: BTreeMap<Principal, Blocks>,
    /// The samples of days that are over, oldest first.
    days: VecDeque<(u64, Sample)>,
    /// Who makes the block of the next round, and who fails to.
    next: Option<(Principal, Vec<Principal>)>,
}

/// Nodes with the blocks that they made and failed to make.
type Sample = Vec<(Principal, u64, u64)>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Blocks {
    made: u64,
    failed: u64,
    /// Something was added today.
    today: bool,
}

impl BlockMakers {
    /// The block of the next round is made by this node, after these have failed to.
    pub fn next(&mut self, maker: Principal, failed: Vec<Principal>) {
        self.next = Some((maker, failed));
    }

    /// A round begins at a time, nanoseconds since the Unix epoch.
    pub fn round(&mut self, time: u64) {
        if time / DAY > self.last / DAY {
            self.end_day();
        }
        self.last = time;
        let Some((maker, failed)) = self.next.take() else {
            return;
        };
        let all = std::iter::once((maker, 1, 0)).chain(failed.into_iter().map(|id| (id, 0, 1)));
        for (id, made, failures) in all {
            let blocks = self.nodes.entry(id).or_default();
            blocks.made += made;
            blocks.failed += failures;
            blocks.today = true;
        }
    }

    /// A sample has the nodes for which something was added since the one before; the others begin at zero again.
    fn end_day(&mut self) {
        self.nodes.retain(|_, blocks| blocks.today);
        if self.nodes.is_empty() {
            return;
        }
        let sample = self.nodes.iter_mut().map(|(id, blocks)| {
            blocks.today = false;
            (*id, blocks.made, blocks.failed)
        });
        let sample = sample.collect();
        if self.days.len() == KEPT {
            self.days.pop_front();
        }
        self.days.push_back((self.last, sample));
    }

    /// The samples from this time on, nanoseconds since the Unix epoch.
    pub fn since(&self, time: u64) -> Vec<NodeMetricsEntry> {
        let days = self.days.iter().filter(|(taken, _)| *taken >= time);
        let node = |(id, made, failed): &(Principal, u64, u64)| NodeMetrics {
            node_id: *id,
            num_blocks_proposed_total: *made,
            num_block_failures_total: *failed,
        };
        days.map(|(taken, nodes)| NodeMetricsEntry {
            timestamp_nanos: *taken,
            node_metrics: nodes.iter().map(node).collect(),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_over_are_told_with_the_nodes_of_that_day() {
        let node = |n: u8| Principal::from_slice(&[n]);
        let mut makers = BlockMakers::default();
        for time in [10 * DAY, 10 * DAY + 5] {
            makers.next(node(1), vec![node(2), node(3)]);
            makers.round(time);
        }
        makers.round(10 * DAY + 9);
        assert_eq!(makers.since(0), [], "the day goes on");
        makers.next(node(1), vec![]);
        makers.round(11 * DAY);
        makers.round(12 * DAY);
        makers.next(node(2), vec![]);
        makers.round(13 * DAY);
        makers.round(14 * DAY);
        let told = makers.since(0);
        let told = told.iter().map(|day| {
            let nodes = day.node_metrics.iter();
            let nodes = nodes.map(|it| {
                let counts = (it.num_blocks_proposed_total, it.num_block_failures_total);
                (it.node_id.as_slice()[0], counts)
            });
            (day.timestamp_nanos, nodes.collect::<Vec<_>>())
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (10 * DAY + 9, vec![(1, (2, 0)), (2, (0, 2)), (3, (0, 2))]),
                (11 * DAY, vec![(1, (3, 0))]),
                (13 * DAY, vec![(2, (1, 0))]),
            ]
        );
        assert_eq!(makers.since(11 * DAY).len(), 2);
        for day in 20..100 {
            makers.next(node(1), vec![]);
            makers.round(day * DAY);
        }
        assert_eq!(makers.since(0).len(), KEPT);
    }
}
