//! What the endpoints ask their host: the state that is certified, and the two verbs, submit and query.

use std::sync::Arc;

use ic_principal::Principal;

use crate::request::{Call, RequestId};

/// An instance: its clock, its subnets, and how messages get in.
pub trait Network {
    /// The instance's clock, nanoseconds since the Unix epoch.
    fn time(&self) -> u64;

    /// The subnet in whose ranges the canister is, whether it exists or not. For the management canister, the subnet where canisters
    /// are made by default.
    fn subnet_of(&self, canister: &Principal) -> Option<Principal>;

    /// A number that changes whenever what [`Network::state`] says of the subnet may have changed: a count of its rounds and of
    /// changes from outside. While it stays, the last certified tree is used again.
    fn version(&self, subnet: &Principal) -> u64;

    /// What is certified of the subnet now.
    fn state(&self, subnet: &Principal) -> State;

    /// The `icp:public` and `icp:private` sections of a canister's module. Asked once per module hash.
    fn sections(&self, subnet: &Principal, canister: &Principal) -> Vec<Section>;

    /// True if the request is answered, and [`Network::state`] says how. Asked while an agent waits.
    fn is_done(&self, subnet: &Principal, id: &RequestId) -> bool;

    /// Who has sent a request that is not told of by [`Network::state`], if there is such a one.
    fn sender(&self, _: &RequestId) -> Option<Principal> {
        None
    }

    /// Takes a message for the next round, and tells the subnet that has it: the one that it was sent to, or where a canister is made
    /// whose creator names another place. A message with a known id is taken without effect.
    ///
    /// # Errors
    /// The refusal of the ingress filter, or why it is no message for it.
    fn submit(&mut self, message: Message) -> Result<Principal, NotTaken>;

    /// Runs a query method.
    ///
    /// # Errors
    /// The reject, or why it is no query.
    fn query(&mut self, message: Message) -> Result<Vec<u8>, NotTaken>;
}

/// Why a message has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is rejected.
    Reject(Reject),
    /// It is no request that the network could take, for this reason: too large, or without a place to go. Told with status 400
    /// (interface specification, "HTTPS interface").
    Bad(String),
}

impl From<Reject> for NotTaken {
    fn from(reject: Reject) -> Self {
        NotTaken::Reject(reject)
    }
}

/// An authenticated message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The hash of its content.
    pub id: RequestId,
    /// The subnet it goes to.
    pub subnet: Principal,
    /// The effective canister id of the address; absent if it names a subnet.
    pub effective_canister: Option<Principal>,
    /// Who sent it.
    pub sender: Principal,
    /// Until when it may start to run, nanoseconds since the Unix epoch.
    pub expiry: u64,
    /// The call.
    pub call: Call,
}

/// A message that was not answered with a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The class, 1 to 6.
    pub code: u64,
    /// The text.
    pub message: String,
    /// The code of the error, as `IC0503`.
    pub error_code: String,
}

/// What is certified of a subnet.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The certified time, nanoseconds since the Unix epoch.
    pub time: u64,
    /// All canisters.
    pub canisters: Vec<CanisterState>,
    /// The requests that are remembered.
    pub requests: Vec<Request>,
    /// Figures of the subnet.
    pub metrics: Metrics,
}

/// What is certified of a canister.
#[derive(Clone, Debug)]
pub struct CanisterState {
    /// Its id.
    pub id: Principal,
    /// Who controls it.
    pub controllers: Vec<Principal>,
    /// The hash of its module; absent for an empty canister, of which no certified data is certified either.
    pub module_hash: Option<[u8; 32]>,
    /// Its certified data.
    pub certified_data: Vec<u8>,
    /// When it was made, nanoseconds since the Unix epoch, if known.
    pub created: Option<u64>,
    /// When its code was last installed, likewise.
    pub installed: Option<u64>,
}

/// A custom section of a module that users may read.
#[derive(Clone, Debug)]
pub struct Section {
    /// The name without its prefix `icp:public ` or `icp:private `.
    pub name: String,
    /// Only controllers may read it.
    pub private: bool,
    /// What it holds.
    pub content: Arc<[u8]>,
}

/// A request that the subnet remembers.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Who sent it; nobody else may read its status.
    pub sender: Principal,
    /// The canister it was sent to.
    pub canister: Principal,
    /// How far it is.
    pub status: Status,
}

/// How far a request is.
#[derive(Clone, Debug)]
pub enum Status {
    /// Taken.
    Received,
    /// Begun.
    Processing,
    /// Answered with a reply.
    Replied(Arc<[u8]>),
    /// Answered with a reject.
    Rejected(Reject),
    /// Answered so long ago that the answer is forgotten.
    Done,
}

/// Figures of a subnet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics {
    /// Canisters.
    pub canisters: u64,
    /// Bytes of their state.
    pub state_bytes: u64,
    /// Cycles consumed since the subnet was made.
    pub consumed_cycles: u128,
    /// Update messages run.
    pub transactions: u64,
}
