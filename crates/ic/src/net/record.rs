//! A network at rest as a record that can be written to a file, and back.

use candid::Principal;
use serde::{Deserialize, Serialize};

use super::{Net, NetError, NetSettings, SubnetKind, SubnetSpec};
use crate::node::NodeRecord;

/// Rounds that are run so that what was begun may end.
const ROUNDS_TO_REST: u64 = 100;

/// A network at rest.
#[derive(Debug, Serialize, Deserialize)]
pub struct NetRecord {
    time: u64,
    rounds: u64,
    /// Subnets that were made, those deleted since included.
    made: u64,
    subnets: Vec<SubnetRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SubnetRecord {
    number: u64,
    gone: bool,
    kind: String,
    benchmarking: bool,
    free: bool,
    admins: Option<Vec<Principal>>,
    mainnet_block: Option<u64>,
    on_the_fly: bool,
    node: NodeRecord,
}

impl Net {
    /// The network as a record. This network stays as it is: calls under way get some rounds to end in a copy, and what has not
    /// ended by then is not part of the record.
    ///
    /// # Errors
    /// If the machine has no room for the copy.
    pub fn to_record(&mut self) -> Result<NetRecord, NetError> {
        if self.is_at_rest() {
            return Ok(self.record());
        }
        let mut copy = self.copy(None)?;
        for _ in 0..ROUNDS_TO_REST {
            copy.tick();
            if copy.is_at_rest() {
                break;
            }
        }
        Ok(copy.record())
    }

    fn is_at_rest(&self) -> bool {
        self.subnets.iter().all(|subnet| subnet.node.is_at_rest())
    }

    fn record(&mut self) -> NetRecord {
        let subnets = self.subnets.iter_mut().map(|subnet| SubnetRecord {
            number: subnet.number,
            gone: subnet.gone,
            kind: subnet.spec.kind.name().to_owned(),
            benchmarking: subnet.spec.benchmarking,
            free: subnet.spec.free,
            admins: subnet.spec.admins.clone(),
            mainnet_block: subnet.spec.mainnet_block,
            on_the_fly: subnet.spec.on_the_fly,
            node: subnet.node.to_record(),
        });
        NetRecord {
            subnets: subnets.collect(),
            made: self.made,
            time: self.time,
            rounds: self.rounds,
        }
    }

    /// A network in the state of a record; its clock is two nanoseconds later, as if the network before had ended with a round
    /// and this one had begun with one.
    ///
    /// # Errors
    /// If the record does not fit together or the machine has no room for it.
    pub fn resume(settings: NetSettings, record: NetRecord) -> Result<Net, NetError> {
        let broken = |error: &dyn std::fmt::Display| NetError::BrokenState(error.to_string());
        let mut net = Net::new(settings);
        for subnet in record.subnets {
            let kind = SubnetKind::from_name(&subnet.kind)
                .ok_or_else(|| broken(&format!("there is no subnet kind {}", subnet.kind)))?;
            net.made = subnet.number;
            let place = net.add(SubnetSpec {
                benchmarking: subnet.benchmarking,
                free: subnet.free,
                admins: subnet.admins,
                mainnet_block: subnet.mainnet_block,
                on_the_fly: subnet.on_the_fly,
                ..SubnetSpec::new(kind)
            });
            if subnet.gone {
                net.subnets[place].empty();
                continue;
            }
            let resumed = net.subnets[place].node.resume(subnet.node);
            resumed.map_err(|error| broken(&error))?;
        }
        if net.living().count() == 0 {
            return Err(broken(&"it has no subnet"));
        }
        net.connect();
        net.made = record.made;
        net.time = record.time.max(net.time) + 2;
        net.moved = true;
        net.rounds = record.rounds;
        Ok(net)
    }
}
