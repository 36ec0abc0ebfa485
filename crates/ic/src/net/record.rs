//! A network at rest as a record that can be written to a file, and back.

use candid::Principal;
use serde::{Deserialize, Serialize};

use super::{Journal, Net, NetError, NetSettings, Subnet, SubnetKind, SubnetSpec, subnet};
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

/// A subnet at rest.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubnetRecord {
    number: u64,
    gone: bool,
    kind: String,
    benchmarking: bool,
    free: bool,
    admins: Option<Vec<Principal>>,
    mainnet_block: Option<u64>,
    mainnet_id: bool,
    on_the_fly: bool,
    /// What its journal had counted.
    executions: u64,
    cycles: u128,
    node: NodeRecord,
}

impl NetRecord {
    /// The time of the network, nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The subnets that it has, in the order in which they were made.
    pub fn into_subnets(self) -> impl Iterator<Item = SubnetRecord> {
        self.subnets.into_iter().filter(|subnet| !subnet.gone)
    }
}

fn journal(subnet: &Subnet) -> Option<&Journal> {
    subnet.node.observer()
}

fn broken(error: impl ToString) -> NetError {
    NetError::BrokenState(error.to_string())
}

impl SubnetRecord {
    /// How many subnets were made before it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How it was wished for.
    ///
    /// # Errors
    /// If there is no such kind.
    pub fn spec(&self) -> Result<SubnetSpec, NetError> {
        let kind = SubnetKind::from_name(&self.kind)
            .ok_or_else(|| broken(format!("there is no subnet kind {}", self.kind)))?;
        Ok(SubnetSpec {
            kind,
            benchmarking: self.benchmarking,
            free: self.free,
            admins: self.admins.clone(),
            mainnet_block: self.mainnet_block,
            mainnet_id: self.mainnet_id,
            on_the_fly: self.on_the_fly,
        })
    }

    /// What its keys are derived from.
    ///
    /// # Errors
    /// As [`spec`](Self::spec).
    pub fn seed(&self) -> Result<[u8; 32], NetError> {
        Ok(subnet::seed(&subnet::ranges(&self.spec()?, self.number)))
    }
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
            executions: journal(subnet).map_or(0, |journal| journal.executions),
            cycles: journal(subnet).map_or(0, |journal| journal.cycles),
            number: subnet.number,
            gone: subnet.gone,
            kind: subnet.spec.kind.name().to_owned(),
            benchmarking: subnet.spec.benchmarking,
            free: subnet.spec.free,
            admins: subnet.spec.admins.clone(),
            mainnet_block: subnet.spec.mainnet_block,
            mainnet_id: subnet.spec.mainnet_id,
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

    /// Gives a new subnet the state of a record, whose ranges it must have. Those that are to be made are made before: each of them is a
    /// round for all that are there.
    ///
    /// # Errors
    /// If the record does not fit together or the machine has no room for it.
    pub fn take_state(&mut self, place: usize, kept: SubnetRecord) -> Result<(), NetError> {
        let subnet = &mut self.subnets[place];
        if let Some(journal) = subnet.node.observer_mut::<Journal>() {
            (journal.executions, journal.cycles) = (kept.executions, kept.cycles);
        }
        match kept.gone {
            true => subnet.empty(),
            false => subnet.node.resume(kept.node).map_err(broken)?,
        }
        Ok(())
    }

    /// A network in the state of a record; its clock is two nanoseconds later, as if the network before had ended with a round
    /// and this one had begun with one.
    ///
    /// # Errors
    /// If the record does not fit together or the machine has no room for it.
    pub fn resume(settings: NetSettings, record: NetRecord) -> Result<Net, NetError> {
        let mut net = Net::new(settings);
        for subnet in &record.subnets {
            net.add_at(subnet.spec()?, subnet.number);
        }
        for (place, subnet) in record.subnets.into_iter().enumerate() {
            net.take_state(place, subnet)?;
        }
        if net.living().count() == 0 {
            return Err(broken("it has no subnet"));
        }
        net.connect();
        net.made = record.made;
        net.time = record.time.max(net.time).saturating_add(2);
        net.moved = true;
        net.rounds = record.rounds;
        Ok(net)
    }
}
