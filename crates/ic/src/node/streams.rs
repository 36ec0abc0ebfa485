//! The streams between the subnets of a network: which other subnets there are, what leaves for them at the end of a round, and what
//! has come from them for the next one (scheduling.md 1.3 and 1.12). Who carries messages from node to node is `net`'s business.

use std::sync::Arc;

use candid::Principal;

use super::Node;
use crate::canister::queues::{CanisterMessage, Class, Payload, Response};
use crate::errors::SystemReject;
use crate::ic0::exec::{KeyKind, SubnetView};
use crate::management::ids::canister_number;

/// Bytes of the largest request to another subnet: method name and argument (scheduling.md 2.4).
const MAX_REQUEST_BYTES: usize = 2_097_152;

/// Another subnet of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its principal.
    pub id: Principal,
    /// The canister ids that it hosts: first and last number.
    pub ranges: Vec<(u64, u64)>,
    /// Threshold keys that it holds.
    pub keys: Vec<String>,
    /// Number of its nodes.
    pub nodes: u64,
    /// It is the one of the network's own canisters.
    pub is_nns: bool,
}

/// What a node knows of the other subnets; none if it is alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbours(Vec<Neighbour>);

impl Neighbours {
    /// The subnet of this id, or the one that hosts a canister of this id.
    pub(super) fn host_of(&self, id: &Principal) -> Option<Principal> {
        let number = canister_number(id);
        let hosts = |neighbour: &&Neighbour| {
            neighbour.id == *id
                || number.is_some_and(|number| {
                    let mut ranges = neighbour.ranges.iter();
                    ranges.any(|(first, last)| (*first..=*last).contains(&number))
                })
        };
        self.0.iter().find(hosts).map(|neighbour| neighbour.id)
    }

    /// Whether another subnet has this id.
    pub(super) fn is_subnet(&self, id: &Principal) -> bool {
        self.0.iter().any(|neighbour| neighbour.id == *id)
    }

    /// As which class of sender a canister counts.
    pub(super) fn class_of(&self, sender: &Principal) -> Class {
        match self.host_of(sender) {
            Some(_) => Class::Remote,
            None => Class::Local,
        }
    }

    /// The subnet that holds a threshold key.
    pub(super) fn holder_of(&self, key: &str) -> Option<Principal> {
        let holds = |neighbour: &&Neighbour| neighbour.keys.iter().any(|held| held == key);
        self.0.iter().find(holds).map(|neighbour| neighbour.id)
    }
}

impl Node {
    /// Tells the node which other subnets there are. From now on messages for them leave it.
    pub fn connect(&mut self, neighbours: Vec<Neighbour>) {
        let config = &self.state.config;
        let own = config.threshold_keys.iter().map(|key| (key, config.nodes));
        let theirs = neighbours.iter().flat_map(|neighbour| {
            let nodes = neighbour.nodes;
            neighbour.keys.iter().map(move |key| (key, nodes))
        });
        let keys = own
            .chain(theirs)
            .filter_map(|(key, nodes)| Some((KeyKind::of_key(key)?, nodes)))
            .collect();
        let view = SubnetView::clone(&self.state.runtime.subnet);
        let nns = neighbours.iter().find(|neighbour| neighbour.is_nns);
        let nns = nns.map_or_else(Vec::new, |nns| nns.ranges.clone());
        self.state.runtime.subnet = Arc::new(SubnetView { keys, nns, ..view });
        self.neighbours = Neighbours(neighbours);
    }

    /// Has the node hold these threshold keys and no others; whoever is to know is told by [`connect`](Self::connect).
    pub fn hold(&mut self, keys: Vec<String>) {
        self.state.config.threshold_keys = keys;
    }

    /// What has left for other subnets since this was asked last, each with the subnet that it is for.
    pub fn take_outgoing(&mut self) -> Vec<(Principal, CanisterMessage)> {
        std::mem::take(&mut self.outgoing)
    }

    /// A message of another subnet, for the next round.
    pub fn receive(&mut self, message: CanisterMessage) {
        self.incoming.push_back(message);
    }

    /// Another subnet is no more: calls to its canisters under way are refused, and what it has sent is forgotten.
    pub(crate) fn lose(&mut self, subnet: &Principal) {
        let neighbours = &self.neighbours;
        let is_lost = |id: &Principal| neighbours.host_of(id).as_ref() == Some(subnet);
        self.outgoing.retain(|(to, _)| to != subnet);
        self.incoming.retain(|message| !is_lost(&message.sender()));
        self.state.canisters.for_each_busy(|canister| {
            for (receiver, queue) in canister.outputs.take() {
                if !is_lost(&receiver) {
                    canister.outputs.put_back(receiver, queue);
                }
            }
            for (id, respondent) in canister.calls.respondents() {
                if is_lost(&respondent) && !canister.inputs.has_response(id) {
                    let refusal = Response {
                        originator: canister.id,
                        respondent,
                        callback: id,
                        refund: 0,
                        payload: Payload::Reject(SystemReject::NoRoute(respondent).into()),
                    };
                    let refusal = CanisterMessage::Response(refusal);
                    canister.inputs.push(refusal, Class::Remote);
                }
            }
        });
    }

    /// Answers a call: at once if the caller is here, or else over the stream to its subnet.
    pub(super) fn answer_request(&mut self, response: Response) {
        let message = CanisterMessage::Response(response);
        match self.neighbours.host_of(&message.receiver()) {
            Some(subnet) => self.outgoing.push((subnet, message)),
            None => self.deliver(message, Class::Local),
        }
    }
}

/// Puts a message into the stream to another subnet. A request that is too large is refused instead.
pub(super) fn send_away(
    outgoing: &mut Vec<(Principal, CanisterMessage)>,
    subnet: Principal,
    message: CanisterMessage,
) -> Option<Response> {
    if let CanisterMessage::Request(request) = &message
        && request.method.len() + request.payload.len() > MAX_REQUEST_BYTES
    {
        let reject = SystemReject::RequestTooLarge {
            sender: request.sender,
            size: (request.method.len() + request.payload.len()) as u64,
        };
        let CanisterMessage::Request(request) = message else {
            return None;
        };
        return Some(request.refuse(reject.into()));
    }
    outgoing.push((subnet, message));
    None
}
