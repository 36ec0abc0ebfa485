//! A network of subnets: one clock, rounds of all nodes in order, the streams between them, and the calls of users. What happens inside of a
//! round is the business of `node`; a network of one node adds nothing to its rounds. Knows no wire and no server.

mod call;
mod deletion;
mod error;
mod identity;
mod ingress;
mod journal;
mod kind;
mod outcalls;
mod placement;
mod record;
mod subnet;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use candid::Principal;

use crate::answer::DebugPrint;
use crate::canister::Canister;
use crate::config::{GENESIS_NS, NodeSettings};
use crate::management::ids::canister_id;
use crate::node::{Fault, Node};
use crate::observe::Prints;
use crate::protocol::Protocol;

pub use call::{Call, Effective, INGRESS_TTL, Message, MessageId, request_id};
pub use error::NetError;
pub use identity::{Authority, Identity, NoKeys};
pub use journal::{Executed, Journal};
pub use kind::SubnetKind;
pub use outcalls::{HttpAnswer, PendingHttp, class};
pub use record::{NetRecord, SubnetRecord};
pub use subnet::{Subnet, SubnetSpec};

use call::Messages;

/// Rounds that are run for the answer of a message (pocket-ic-api.md 3.6).
pub const AWAIT_ROUNDS: u64 = 100;

/// Gets what canisters print.
pub type Printer = Arc<dyn Fn(&DebugPrint) + Send + Sync>;

/// What all nodes of a network are told.
#[derive(Clone)]
pub struct NetSettings {
    /// Which replica.
    pub protocol: Protocol,
    /// Time before the first subnet is made, nanoseconds since the Unix epoch.
    pub start_time: u64,
    /// Canisters may not install and change memory as fast as they like, on application subnets.
    pub rate_limits: bool,
    /// Subnets with ranges of the main network, but for the root, have their ids there too.
    pub mainnet_ids: bool,
    /// Where compiled modules are kept; nowhere if absent.
    pub cache_dir: Option<std::path::PathBuf>,
    /// Gets what canisters print.
    pub printer: Option<Printer>,
    /// Gives subnets their keys.
    pub authority: Arc<dyn Authority>,
}

impl Default for NetSettings {
    fn default() -> Self {
        NetSettings {
            protocol: Protocol::NEWEST,
            start_time: GENESIS_NS,
            rate_limits: true,
            mainnet_ids: false,
            cache_dir: None,
            printer: None,
            authority: Arc::new(NoKeys),
        }
    }
}

/// A network.
pub struct Net {
    settings: NetSettings,
    /// In the order in which they were made; the first is the root.
    subnets: Vec<Subnet>,
    /// How many were made so far; each has a range of automatic ids of its own, whatever has become of those before it.
    made: u64,
    /// Their places, by ascending id: the order of rounds.
    order: Vec<usize>,
    /// Nanoseconds since the Unix epoch.
    time: u64,
    /// The clock was moved since the last round.
    moved: bool,
    messages: Messages,
    /// Rounds that were run.
    rounds: u64,
    /// Counts whatever changes what can be certified.
    version: u64,
}

impl Net {
    /// A network without subnets.
    pub fn new(settings: NetSettings) -> Self {
        Net {
            time: settings.start_time,
            settings,
            subnets: Vec::new(),
            made: 0,
            order: Vec::new(),
            moved: false,
            messages: Messages::default(),
            rounds: 0,
            version: 0,
        }
    }

    /// Makes one more subnet, and runs a round. Returns its place.
    pub fn add(&mut self, spec: SubnetSpec) -> usize {
        self.add_at(spec, self.made)
    }

    /// As [`add`](Self::add), with the automatic ids of the subnet of this number; no other one may have it.
    pub fn add_at(&mut self, spec: SubnetSpec, number: u64) -> usize {
        self.made = self.made.max(number + 1);
        let ranges = subnet::ranges(&spec, number);
        let seed = subnet::seed(&ranges);
        let authority = &self.settings.authority;
        let Identity {
            subnet_id,
            public_key,
        } = authority.identity(&seed);
        let mainnet_id = spec.kind.mainnet_id().filter(|_| spec.mainnet_id);
        let id = mainnet_id.unwrap_or(subnet_id);
        let root = self.subnets.first().map_or(seed, |root| root.seed);
        let ids = ranges
            .iter()
            .map(|(first, last)| (canister_id(*first), canister_id(*last)));
        let settings = NodeSettings {
            start_time: self.time,
            certification: authority.certifier(&root, &seed, id, ids.collect(), self.time),
            cache_dir: self.settings.cache_dir.clone(),
            // Who answers HTTP requests looks at the URL himself, if he wants.
            url_check: false,
            ..Subnet::settings(self.settings.protocol, &spec, id, &seed, &ranges)
        };
        let settings = NodeSettings {
            rate_limits: settings.rate_limits && self.settings.rate_limits,
            threshold_keys: spec.kind.keys(
                self.has_test_keys(spec.kind),
                self.settings.protocol.secp256r1,
            ),
            ..settings
        };
        let mut node = Node::new(settings);
        listen(&mut node, Journal::default(), self.settings.printer.clone());
        if spec.kind == SubnetKind::TestThresholdKeys {
            // Those that were made before it held its keys until now.
            for subnet in &mut self.subnets {
                let secp256r1 = self.settings.protocol.secp256r1;
                subnet.node.hold(subnet.spec.kind.keys(true, secp256r1));
            }
        }
        self.subnets.push(Subnet {
            node,
            spec,
            number,
            gone: false,
            id,
            public_key,
            seed,
            ranges,
        });
        self.connect();
        self.tick();
        self.subnets.len() - 1
    }

    fn has_test_keys(&self, new: SubnetKind) -> bool {
        let keys = SubnetKind::TestThresholdKeys;
        new == keys || self.subnets.iter().any(|subnet| subnet.spec.kind == keys)
    }

    /// Tells every node of the others.
    fn connect(&mut self) {
        let subnets = self.subnets.iter().enumerate();
        let living = subnets.filter(|(_, subnet)| !subnet.gone);
        let mut order: Vec<usize> = living.map(|(place, _)| place).collect();
        order.sort_by_key(|place| self.subnets[*place].id);
        self.order = order;
        if self.made < 2 {
            return;
        }
        let all: Vec<_> = self.living().map(Subnet::neighbour).collect();
        for subnet in &mut self.subnets {
            let others = all.iter().filter(|other| other.id != subnet.id);
            subnet.node.connect(others.cloned().collect());
        }
    }

    /// A second network in the state of this one.
    ///
    /// # Errors
    /// If the machine has no room for it.
    pub fn fork(&mut self) -> Result<Net, NetError> {
        self.copy(self.settings.printer.clone())
    }

    /// As [`Net::fork`], with its own printer.
    fn copy(&mut self, printer: Option<Printer>) -> Result<Net, NetError> {
        let mut subnets = Vec::with_capacity(self.subnets.len());
        for subnet in &mut self.subnets {
            let node = subnet.node.fork();
            let mut node = node.map_err(|error| NetError::OutOfMemory(format!("{error:#}")))?;
            let journal = subnet.node.observer::<Journal>().cloned();
            listen(&mut node, journal.unwrap_or_default(), printer.clone());
            subnets.push(Subnet {
                node,
                spec: subnet.spec.clone(),
                number: subnet.number,
                gone: subnet.gone,
                id: subnet.id,
                public_key: subnet.public_key.clone(),
                seed: subnet.seed,
                ranges: subnet.ranges.clone(),
            });
        }
        let mut net = Net {
            settings: NetSettings {
                printer,
                ..self.settings.clone()
            },
            subnets,
            made: self.made,
            order: Vec::new(),
            time: self.time,
            moved: self.moved,
            messages: self.messages.clone(),
            rounds: self.rounds,
            version: self.version,
        };
        net.connect();
        Ok(net)
    }

    /// The subnets that there are, in the order in which they were made.
    pub fn living(&self) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().filter(|subnet| !subnet.gone)
    }

    /// The subnets by their places, in the order in which they were made. The first is the root, even if it was deleted.
    pub fn subnets(&self) -> &[Subnet] {
        &self.subnets
    }

    /// Place of the subnet with this id.
    pub fn subnet_index(&self, id: &Principal) -> Option<usize> {
        let mut subnets = self.subnets.iter();
        subnets.position(|subnet| subnet.id == *id && !subnet.gone)
    }

    /// The place where canisters are made whose creator names none (pocket-ic-api.md 3.3).
    pub fn default_subnet(&self) -> usize {
        let of_kind = |kind| {
            let mut subnets = self.subnets.iter();
            subnets.position(|subnet| {
                subnet.spec.kind == kind && !subnet.spec.on_the_fly && !subnet.gone
            })
        };
        of_kind(SubnetKind::Application)
            .or_else(|| of_kind(SubnetKind::VerifiedApplication))
            .or_else(|| of_kind(SubnetKind::System))
            .or_else(|| self.subnets.iter().position(|subnet| !subnet.gone))
            .unwrap_or(0)
    }

    /// The time, nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Rounds that were run so far.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Moves the clock; canisters see it in the next round.
    ///
    /// # Errors
    /// If it would go back.
    pub fn set_time(&mut self, time: u64) -> Result<(), NetError> {
        if time < self.time {
            return Err(NetError::TimeInPast(self.time, time));
        }
        if time > self.time {
            self.moved = true;
            self.time = time;
            self.version += 1;
        }
        Ok(())
    }

    /// Moves the clock; queries see it at once, though no round is run.
    ///
    /// # Errors
    /// If it would go back.
    pub fn set_certified_time(&mut self, time: u64) -> Result<(), NetError> {
        self.set_time(time)?;
        for subnet in &mut self.subnets {
            subnet.node.certify_time(time);
        }
        self.moved = false;
        self.version += 1;
        Ok(())
    }

    /// The block of a subnet's next round is made by this node, after these have failed to: so it is told to those who ask for the
    /// metrics of nodes.
    ///
    /// # Errors
    /// If there is no such subnet.
    pub fn next_block(
        &mut self,
        subnet: &Principal,
        maker: Principal,
        failed: Vec<Principal>,
    ) -> Result<(), NetError> {
        let place = self.subnet_index(subnet);
        let place = place.ok_or(NetError::SubnetNotFound(*subnet))?;
        self.subnets[place].node.next_block(maker, failed);
        Ok(())
    }

    /// Runs a round of every subnet. The clock stays at the last time that there is.
    pub fn tick(&mut self) {
        if !std::mem::take(&mut self.moved) {
            self.time = self.time.saturating_add(1);
        }
        self.rounds += 1;
        self.version += 1;
        for place in &self.order {
            let node = &mut self.subnets[*place].node;
            node.set_time(self.time);
            node.tick();
        }
        if self.subnets.len() > 1 {
            self.carry();
        }
    }

    /// Carries what has left the nodes to where it goes.
    fn carry(&mut self) {
        for from in 0..self.order.len() {
            let place = self.order[from];
            for (to, message) in self.subnets[place].node.take_outgoing() {
                if let Some(place) = self.subnet_index(&to) {
                    self.subnets[place].node.receive(message);
                }
            }
        }
    }

    /// Counts whatever may change what is certified of the network.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The canister of this id, with the place of its subnet.
    ///
    /// # Errors
    /// If there is none.
    pub fn canister(&self, id: &Principal) -> Result<(usize, &Canister), NetError> {
        let place = self.host_of(id).ok_or(NetError::CanisterNotFound(*id))?;
        let canister = self.subnets[place].node.canister(id);
        Ok((place, canister.ok_or(NetError::CanisterNotFound(*id))?))
    }

    /// Has the next calls of a canister fail.
    ///
    /// # Errors
    /// If there is no such canister.
    pub fn inject(&mut self, fault: Fault) -> Result<(), NetError> {
        let (place, _) = self.canister(&fault.canister)?;
        self.subnets[place].node.inject(fault);
        Ok(())
    }

    /// Adds cycles to a canister out of nothing. Returns its balance.
    ///
    /// # Errors
    /// If there is no such canister.
    pub fn add_cycles(&mut self, id: &Principal, cycles: u128) -> Result<u128, NetError> {
        let (place, _) = self.canister(id)?;
        self.subnets[place].node.add_cycles(id, cycles);
        self.version += 1;
        Ok(self.canister(id)?.1.cycles)
    }

    /// What the stable memory of a canister holds.
    ///
    /// # Errors
    /// If there is no such canister, or none with code, or the machine has no room for so many bytes.
    pub fn stable_memory(&self, id: &Principal) -> Result<Vec<u8>, NetError> {
        let (_, canister) = self.canister(id)?;
        if canister.code.is_none() {
            return Err(NetError::CanisterIsEmpty(*id));
        }
        let size = canister.stable.size_bytes();
        let no_room = || {
            NetError::OutOfMemory(format!(
                "there is no room for the {size} bytes of the stable memory of {id}"
            ))
        };
        let length = usize::try_from(size).map_err(|_| no_room())?;
        let mut content = Vec::new();
        let reserved = content.try_reserve_exact(length);
        reserved.map_err(|_| no_room())?;
        content.resize(length, 0);
        let read = canister.stable.read(0, &mut content);
        read.map_err(|error| NetError::OutOfMemory(format!("{error:?}")))?;
        Ok(content)
    }

    /// Gives the stable memory of a canister another content.
    ///
    /// # Errors
    /// If there is no such canister, or none with code, or no room.
    pub fn set_stable_memory(&mut self, id: &Principal, content: &[u8]) -> Result<(), NetError> {
        let (place, canister) = self.canister(id)?;
        if canister.code.is_none() {
            return Err(NetError::CanisterIsEmpty(*id));
        }
        match self.subnets[place].node.set_stable_memory(id, content) {
            true => {
                self.version += 1;
                Ok(())
            }
            false => Err(NetError::OutOfMemory(format!(
                "{} bytes are more than stable memory can hold",
                content.len()
            ))),
        }
    }
}

/// Attaches who watches a node of a network.
fn listen(node: &mut Node, journal: Journal, printer: Option<Printer>) {
    node.attach(journal);
    if let Some(printer) = printer {
        node.attach(Prints::to(Box::new(move |line| printer(line))));
    }
}
