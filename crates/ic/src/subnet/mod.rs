//! The deterministic node: clock, rounds, routing, ingress, queries. Decides what runs when; how one entry point runs is
//! the business of `execution`, what management methods do that of `management`.

mod budget;
mod calls;
mod certificate;
mod checkpoint;
mod clock;
mod conclusion;
mod delivery;
mod ingress;
mod long_install;
mod management_queue;
mod outcalls;
mod pending;
mod query;
mod resources;
mod round;
mod runner;
mod tasks;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candid::Principal;

use crate::canister::queues::{CanisterMessage, Ingress, IngressId, Response};
use crate::canister::{Bookkeeping, Canister};
use crate::compat::Compat;
use crate::config::{Config, SubnetType};
use crate::execution::Runtime;
use crate::fees::Fees;
use crate::management::ids::Ids;
use crate::management::raw_rand::RoundRandomness;
use crate::management::{Outcalls, State, Usage};
use crate::outcome::{DebugPrint, MessageResult};
use crate::profile::Profile;
use crate::statistics::Statistics;
use crate::system_api::exec::{KeyKind, SubnetView};
use crate::system_api::prints::Overflow;

use clock::Clock;
use long_install::Installing;
use management_queue::ManagementQueue;
use pending::Pending;
use query::QueryCache;

/// Called with every line that a canister prints, as soon as it is printed.
pub type PrintHook = Box<dyn FnMut(&crate::outcome::DebugPrint) + Send>;

/// Called with the refusal of a message that the runner goes on after.
pub type RefusalHook = Box<dyn FnMut(&crate::errors::UserError)>;

/// The listener, which nobody else can be using.
fn listening(hook: &Mutex<PrintHook>) -> MutexGuard<'_, PrintHook> {
    hook.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A subnet of one node.
pub struct Subnet {
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
    /// Ingress messages of the next round.
    inbox: Vec<(Principal, Ingress)>,
    /// What became of ingress messages that nobody has asked for yet.
    answers: HashMap<IngressId, MessageResult>,
    next_ingress: IngressId,
    /// Executions of several slices, by canister.
    paused: BTreeMap<Principal, Pending>,
    /// The installation under way that takes several slices.
    installing: Option<Installing>,
    /// The last round ended because its instructions were used up.
    used_up: bool,
    /// Canisters that finished a paused execution in this round: they run nothing more in it.
    rested: BTreeSet<Principal>,
    query_cache: QueryCache,
    on_print: Arc<Mutex<PrintHook>>,
    on_refusal: Option<RefusalHook>,
    /// Lines printed since the last message began.
    debug: Vec<crate::outcome::DebugPrint>,
}

impl Subnet {
    /// A subnet without canisters.
    ///
    /// # Errors
    /// If the engines or the module cache cannot be set up.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let fees = Fees::new(&config);
        let view = Arc::new(SubnetView {
            subnet_id: subnet_id(config.compat, config.subnet_type),
            root_key: root_key(),
            nodes: config.nodes(),
            fees,
            keys: config
                .threshold_keys
                .iter()
                .filter_map(|key| KeyKind::of_key(key))
                .map(|key| (key, config.nodes()))
                .collect(),
            backtrace: config.backtrace,
            trap_logs_are_charged: config.compat == Compat::PocketIc,
        });
        let clock = Clock::new(config.compat, config.start_time);
        let mut subnet = Subnet {
            state: State {
                limits: config.limits(),
                fees,
                bookkeeping: Bookkeeping::of(config.compat),
                canisters: BTreeMap::new(),
                runtime: Runtime::new(view, &config)?,
                time: config.start_time,
                round: 0,
                ids: Ids::new(config.compat, config.subnet_type),
                random: RoundRandomness::new(0, config.seed),
                printed: Vec::new(),
                usage: Usage::default(),
                long_install: None,
                statistics: config.stats.then(Default::default),
                profile: config.profile.then(Default::default),
                memory_available: 0,
                memory_used: 0,
                callbacks: 0,
                generation: 0,
                known_modules: HashSet::new(),
                config,
            },
            clock,
            management: ManagementQueue::default(),
            management_output: Vec::new(),
            outcalls: Outcalls::default(),
            loopback: VecDeque::new(),
            inbox: Vec::new(),
            answers: HashMap::new(),
            next_ingress: 0,
            paused: BTreeMap::new(),
            installing: None,
            used_up: false,
            rested: BTreeSet::new(),
            query_cache: QueryCache::default(),
            on_print: Arc::new(Mutex::new(Box::new(|_| {}))),
            on_refusal: None,
            debug: Vec::new(),
        };
        if !subnet.state.config.keep_prints {
            let hook = Arc::clone(&subnet.on_print);
            subnet.state.runtime.overflow =
                Overflow::to(Arc::new(Mutex::new(move |time, canister, text: &str| {
                    let text = text.to_owned();
                    let print = DebugPrint {
                        time,
                        canister,
                        text,
                    };
                    listening(&hook)(&print);
                })));
        }
        subnet.start_up();
        Ok(subnet)
    }

    /// The rounds that a PocketIC server runs before the first message.
    fn start_up(&mut self) {
        if self.state.config.compat == Compat::PocketIc {
            self.round();
            self.round();
        }
    }

    /// Ends a subnet together with the process, to which all its memory is left: giving gigabytes back piece by piece takes
    /// longer than most scripts. Only what the module cache is to keep is waited for.
    pub fn end_with_process(self) {
        self.state.runtime.end();
        std::mem::forget(self);
    }

    /// Has every printed line handed to `hook` at once.
    pub fn on_print(&mut self, hook: PrintHook) {
        *listening(&self.on_print) = hook;
    }

    /// Has the refusal of an installation, or of preparing one, handed to `hook`: what a PocketIC server says on standard error.
    pub fn on_refusal(&mut self, hook: RefusalHook) {
        self.on_refusal = Some(hook);
    }

    /// Time of the last round, in nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.state.time
    }

    /// What was executed so far, if the settings ask for it.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.state.statistics.as_deref()
    }

    /// Where the instructions went so far, if the settings ask for it.
    pub fn profile(&self) -> Option<&Profile> {
        self.state.profile.as_deref()
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

/// The subnet's principal (system-api.md 7.4, 7.5). That of a PocketIC server depends on keys it generates; ours stands for it.
fn subnet_id(compat: Compat, _subnet_type: SubnetType) -> Principal {
    match compat {
        Compat::Drun => Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 1]),
        Compat::PocketIc => {
            let mut bytes = [0x5b; 29];
            bytes[28] = 2;
            Principal::from_slice(&bytes)
        }
    }
}

/// The public key of the main network, DER encoded, as its documentation shows it.
fn root_key() -> Vec<u8> {
    hex::decode(concat!(
        "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100",
        "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14",
        "fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb71",
        "7112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae"
    ))
    .expect("a hexadecimal constant")
}
