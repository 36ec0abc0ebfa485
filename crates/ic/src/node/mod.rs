//! The deterministic node: clock, rounds, routing, ingress, queries. Decides what runs when; how one entry point runs is
//! the business of `execution`, what management methods do that of `management`.

mod budget;
mod calls;
mod checkpoint;
mod clock;
mod conclusion;
mod delivery;
mod faults;
mod fixtures;
mod ingress;
mod long_install;
mod management_queue;
mod outcalls;
mod pending;
mod prepayment;
pub mod proxy;
mod query;
mod query_cache;
mod record;
mod resources;
mod round;
mod snapshot;
mod streams;
mod tasks;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use candid::Principal;

use crate::answer::{DebugPrint, MessageResult, Usage};
use crate::canister::Canister;
use crate::canister::queues::{CallerInfo, CanisterMessage, Ingress, IngressId, Response};
use crate::config::NodeSettings;
use crate::errors::TextsOf;
use crate::execution::Runtime;
use crate::fees::Fees;
use crate::ic0::exec::{KeyKind, SubnetView};
use crate::management::canisters::Canisters;
use crate::management::ids::Ids;
use crate::management::notes::Notes;
use crate::management::raw_rand::RoundRandomness;
use crate::management::subnet_metrics::SubnetMetrics;
use crate::management::{Outcalls, State};
use crate::observe::{Begun, KeptPrints, Observer, Observers};
use crate::protocol::Protocol;

pub use faults::Fault;
pub use record::NodeRecord;
pub use snapshot::Snapshot;
pub use streams::Neighbour;

use clock::Clock;
use long_install::Installing;
use management_queue::ManagementQueue;
use pending::Pending;
use query_cache::QueryCache;
use streams::Neighbours;

/// A subnet of one node.
pub struct Node {
    state: State,
    clock: Clock,
    /// Requests to the management canister that wait for execution.
    management: ManagementQueue,
    /// Responses of the management canister on their way to canisters.
    management_output: Vec<Response>,
    /// HTTP outcalls without an answer.
    outcalls: Outcalls,
    /// The stream of the subnet to itself.
    loopback: VecDeque<CanisterMessage>,
    /// The other subnets of the network.
    neighbours: Neighbours,
    /// What leaves for other subnets, each with the subnet.
    outgoing: Vec<(Principal, CanisterMessage)>,
    /// What other subnets have sent for the next round.
    incoming: VecDeque<CanisterMessage>,
    /// Calls that are to fail.
    faults: Vec<Fault>,
    /// Ingress messages of the next round.
    inbox: Vec<(Principal, Ingress)>,
    /// What became of ingress messages that nobody has asked for yet.
    answers: BTreeMap<IngressId, MessageResult>,
    next_ingress: IngressId,
    /// Executions of several slices, by canister.
    paused: BTreeMap<Principal, Box<Pending>>,
    /// The installation under way that takes several slices.
    installing: Option<Installing>,
    /// The last round ended because its instructions were used up.
    used_up: bool,
    /// Canisters that finished a paused execution in this round: they run nothing more in it.
    rested: BTreeSet<Principal>,
    /// No canister was charged for its resources earlier than this, nanoseconds.
    charged_all_since: u64,
    query_cache: QueryCache,
    observers: Observers,
}

impl Node {
    /// A subnet without canisters. A module cache that cannot be set up is gone without.
    pub fn new(config: NodeSettings) -> Self {
        let fees = Fees::new(&config);
        let view = Arc::new(SubnetView {
            subnet_id: config.subnet_id,
            certification: config.certification.clone(),
            nodes: config.nodes,
            fees,
            keys: config
                .threshold_keys
                .iter()
                .filter_map(|key| KeyKind::of_key(key))
                .map(|key| (key, config.nodes))
                .collect(),
            nns: Vec::new(),
            backtrace: config.backtrace,
            protocol: config.protocol,
        });
        let clock = Clock::new(config.start_time, config.round_time);
        let mut node = Node {
            state: State {
                limits: config.limits(),
                fees,
                bookkeeping: config.protocol.bookkeeping,
                canisters: Canisters::default(),
                runtime: Runtime::new(view, &config),
                time: config.start_time,
                round: 0,
                ids: Ids::new(config.ids.clone()),
                random: RoundRandomness::new(0, config.seed),
                usage: Usage::default(),
                long_install: None,
                created: None,
                memory_available: 0,
                memory_used: 0,
                callbacks: 0,
                generation: 0,
                known_modules: HashSet::new(),
                metrics: SubnetMetrics::default(),
                notes: Notes::new(config.implied_date),
                config,
            },
            clock,
            management: ManagementQueue::default(),
            management_output: Vec::new(),
            outcalls: Outcalls::default(),
            loopback: VecDeque::new(),
            neighbours: Neighbours::default(),
            outgoing: Vec::new(),
            incoming: VecDeque::new(),
            faults: Vec::new(),
            inbox: Vec::new(),
            answers: BTreeMap::new(),
            next_ingress: 0,
            paused: BTreeMap::new(),
            installing: None,
            used_up: false,
            rested: BTreeSet::new(),
            charged_all_since: 0,
            query_cache: QueryCache::default(),
            observers: Observers::default(),
        };
        node.state.runtime.overflow = node.observers.overflow();
        node
    }

    /// Ends a subnet together with the process, to which all its memory is left: giving gigabytes back piece by piece takes
    /// longer than most scripts. Only what the module cache is to keep is waited for.
    pub fn end_with_process(self) {
        self.state.runtime.end();
        std::mem::forget(self);
    }

    /// Has an observer told from now on, after those that are here already.
    pub fn attach(&mut self, observer: impl Observer) {
        self.observers.attach(observer);
        self.state.runtime.overflow = self.observers.overflow();
    }

    /// The first observer of this kind, if one was attached.
    pub fn observer<T: Observer>(&self) -> Option<&T> {
        self.observers.get()
    }

    /// The same, to change it.
    pub fn observer_mut<T: Observer>(&mut self) -> Option<&mut T> {
        self.observers.get_mut()
    }

    /// Lends a canister out of the node, so that it can be worked on together with the rest; nothing if there is none.
    fn lend<T>(
        &mut self,
        id: &Principal,
        work: impl FnOnce(&mut Node, &mut Canister) -> T,
    ) -> Option<T> {
        let mut canister = self.state.canisters.remove(id)?;
        let result = work(self, &mut canister);
        self.state.canisters.give_back(canister);
        Some(result)
    }

    /// A message of the driver begins, in words: what is used and printed counts for it from now on.
    pub fn begin_message(&mut self, message: &dyn Fn() -> String, begun: Begun) {
        self.state.usage = Usage::default();
        self.observers.message_begins(message, begun);
    }

    /// A message of the driver ends: what it used and what canisters printed meanwhile, if there are [`KeptPrints`].
    pub fn end_message(&mut self) -> (Usage, Vec<DebugPrint>) {
        self.state.check_held_memory();
        let usage = self.state.usage;
        self.observers.message_ends(&usage);
        let kept = self.observers.get_mut::<KeptPrints>();
        (usage, kept.map(KeptPrints::take).unwrap_or_default())
    }

    /// What somebody asked for that a replica of another date has, in words; each is told once.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.state.notes.take()
    }

    /// Which replica it is.
    pub fn protocol(&self) -> &Protocol {
        &self.state.config.protocol
    }

    /// Errors are worded as at the date of the replica while the guard lives.
    fn texts(&self) -> TextsOf {
        TextsOf::documentation(self.state.config.protocol.documentation)
    }

    /// For tests of rules that need a state only.
    #[cfg(test)]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The time of the next round, in nanoseconds since the Unix epoch; an earlier time than that of the last round is ignored.
    pub fn set_time(&mut self, nanoseconds: u64) {
        self.clock.set(nanoseconds);
    }

    /// From now on canisters see this time in queries, though no round was run: nanoseconds since the Unix epoch. The next round is
    /// later.
    pub fn certify_time(&mut self, nanoseconds: u64) {
        self.clock.pass(nanoseconds);
        self.state.time = nanoseconds;
    }

    /// The settings of the subnet.
    pub fn settings(&self) -> &NodeSettings {
        &self.state.config
    }

    /// The price list of the subnet.
    pub fn fees(&self) -> &Fees {
        &self.state.fees
    }

    /// Bytes that a user's message counts with, and the most that are taken (errors.md 5.1).
    pub fn ingress_size(
        &self,
        to: &Principal,
        method: &str,
        argument: &[u8],
        info: Option<&CallerInfo>,
    ) -> (u64, u64) {
        let bytes = self.message_bytes(to, method, argument, info);
        (bytes, self.state.limits.ingress_bytes)
    }

    /// The block of the next round is made by this node of the subnet, after these have failed to.
    pub fn next_block(&mut self, maker: Principal, failed: Vec<Principal>) {
        self.state.metrics.block_makers.next(maker, failed);
    }

    /// A second node in the state of this one.
    ///
    /// # Errors
    /// If the machine has no room for its memories.
    pub fn fork(&mut self) -> anyhow::Result<Node> {
        let mut node = Node::new(self.state.config.clone());
        node.restore(&self.snapshot())?;
        node.state.generation = self.state.generation;
        Ok(node)
    }

    /// So much time passes between two rounds, in nanoseconds.
    pub fn advance(&mut self, nanoseconds: u64) {
        self.clock.advance(nanoseconds);
    }

    /// From now on the subnet hosts this id, so that a canister of this id may be made; not if it is a name of the management
    /// canister.
    pub fn host(&mut self, canister: Principal) {
        if !self.is_management(&canister) {
            self.state.ids.adopt(canister);
        }
    }

    /// Adds cycles out of nothing, between rounds; nothing if there is no such canister.
    pub fn add_cycles(&mut self, canister: &Principal, cycles: u128) {
        if let Some(canister) = self.state.canisters.get_mut(canister) {
            canister.cycles = canister.cycles.saturating_add(cycles);
        }
    }

    /// True if the last round ended because its instructions were used up.
    pub fn used_up(&self) -> bool {
        self.used_up
    }

    /// Time of the last round, in nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.state.time
    }

    /// Rounds that were run.
    pub fn rounds(&self) -> u64 {
        self.state.round
    }

    /// All canisters, by ascending id.
    pub fn canisters(&self) -> impl Iterator<Item = &Canister> {
        self.state.canisters.values().map(|canister| &**canister)
    }

    /// The canister of this id.
    pub fn canister(&self, id: &Principal) -> Option<&Canister> {
        self.state.canisters.get(id).map(|canister| &**canister)
    }
}
