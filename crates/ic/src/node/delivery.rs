//! Moving messages between canisters: within a round, over the subnet's own stream, to and from the management canister
//! (scheduling.md 1.2, 1.3, 1.8, 1.12).

use candid::Principal;

use super::Node;
use super::round::SECOND;
use super::streams::{Neighbours, send_away};
use crate::answer::MessageResult;
use crate::canister::queues::{CanisterMessage, Class, Payload, Request, Response};
use crate::canister::{Canister, Status};
use crate::errors::{ManagementRoutingError, Reject, SystemReject, Unroutable, UserError};
use crate::management::decode::DecodeError;
use crate::management::{self as methods, Destination};

impl Node {
    /// True for the names of the management canister: `aaaaa-aa` and the subnet's own id.
    pub fn is_management(&self, id: &Principal) -> bool {
        *id == Principal::management_canister() || *id == self.state.subnet_id()
    }

    /// Ends what has waited too long (scheduling.md 1.2; 1.1, P4): best-effort requests at their receivers are dropped, best-effort
    /// calls answered, messages of users failed.
    pub(super) fn expire(&mut self) {
        let time = self.state.time;
        let seconds = time / SECOND;
        self.management.drop_expired(seconds);
        let mut late = self.management.take_expired_ingress(time);
        let neighbours = &self.neighbours;
        self.state.canisters.for_each_busy(|canister| {
            canister.inputs.drop_expired(seconds);
            late.extend(canister.inputs.take_expired_ingress(time));
            answer_expired_calls(canister, neighbours, seconds);
        });
        for ingress in late {
            if let Err(error) = ingress.check_expiry(time) {
                self.answer_ingress(ingress.id, MessageResult::Failed(error.into()));
            }
        }
    }

    /// Takes in what the subnet sent to itself in the round before, and then what other subnets have sent.
    pub(super) fn induct_loopback(&mut self) {
        let own = std::mem::take(&mut self.loopback).into_iter();
        let others = std::mem::take(&mut self.incoming).into_iter();
        let own = own.map(|message| (message, Class::Local));
        for (message, class) in own.chain(others.map(|message| (message, Class::Remote))) {
            match message {
                CanisterMessage::Request(request) if self.is_management(&request.receiver) => {
                    self.management.push(request, class);
                }
                CanisterMessage::Request(request) => match self.refusal(&request) {
                    Some(reject) => self.answer_request(request.refuse(reject)),
                    None => self.deliver(CanisterMessage::Request(request), class),
                },
                response => self.deliver(response, class),
            }
        }
    }

    /// Why a canister takes no request, if it takes none.
    fn refusal(&self, request: &Request) -> Option<Reject> {
        let receiver = &request.receiver;
        let reject = match self.state.canisters.get(receiver) {
            None => SystemReject::CanisterNotFound(*receiver),
            // Whatever its status (since-october-2025.md 2.1).
            Some(canister)
                if request.sender != *receiver
                    && request.cycles < canister.settings.minimum_incoming_cycles =>
            {
                SystemReject::TooFewCycles {
                    canister: *receiver,
                    sent: request.cycles,
                    required: canister.settings.minimum_incoming_cycles,
                }
            }
            Some(canister) => match canister.status {
                Status::Running => return None,
                Status::Stopping(_) => SystemReject::CanisterStopping(*receiver),
                Status::Stopped => SystemReject::CanisterStopped(*receiver),
            },
        };
        Some(reject.into())
    }

    /// Puts a message into the queue of its receiver, if there is one.
    pub(super) fn deliver(&mut self, message: CanisterMessage, class: Class) {
        if let Some(canister) = self.state.canisters.get_mut(&message.receiver()) {
            take_in(canister, message, class);
        }
    }

    /// Moves messages directly between canisters, sources and destinations ascending; what cannot be delivered stays.
    pub(super) fn induct_locally(&mut self) {
        let sources: Vec<Principal> = self
            .state
            .canisters
            .stirred()
            .filter(|canister| !canister.outputs.is_empty())
            .map(|canister| canister.id)
            .collect();
        for source in sources {
            let Some(canister) = self.state.canisters.get_mut(&source) else {
                continue;
            };
            let mut queues = canister.outputs.take();
            if canister.status.is_running()
                && let Some(own) = queues.remove(&source)
            {
                for message in own {
                    take_in(canister, message, Class::Local);
                }
            }
            for (destination, mut queue) in queues {
                if destination != source {
                    while let Some(message) = queue.pop_front() {
                        let deliverable = match &message {
                            CanisterMessage::Request(request) => self.refusal(request).is_none(),
                            CanisterMessage::Response(_) => {
                                self.state.canisters.contains_key(&destination)
                            }
                        };
                        if !deliverable {
                            queue.push_front(message);
                            break;
                        }
                        self.deliver(message, Class::Local);
                    }
                }
                if let Some(canister) = self.state.canisters.get_mut(&source) {
                    canister.outputs.put_back(destination, queue);
                }
            }
        }
    }

    /// Puts into the streams what is left at the end of the round: first the answers of the management canister, then one message
    /// of each canister in turn. What no subnet hosts is refused at once.
    pub(super) fn route_outputs(&mut self) {
        let answers = std::mem::take(&mut self.management_output);
        for answer in answers {
            let message = CanisterMessage::Response(answer);
            match self.neighbours.host_of(&message.receiver()) {
                Some(subnet) => self.outgoing.push((subnet, message)),
                None => self.loopback.push_back(message),
            }
        }
        let mut sources: Vec<(Principal, Option<Principal>)> = self
            .state
            .canisters
            .busy()
            .filter(|canister| !canister.outputs.is_empty())
            .map(|canister| (canister.id, None))
            .collect();
        while !sources.is_empty() {
            sources.retain_mut(|(source, after)| {
                let Some(canister) = self.state.canisters.get_mut(source) else {
                    return false;
                };
                let Some(message) = canister.outputs.next_in_turn(*after) else {
                    return false;
                };
                let receiver = message.receiver();
                *after = Some(receiver);
                if let Some(subnet) = self.neighbours.host_of(&receiver) {
                    if let Some(refusal) = send_away(&mut self.outgoing, subnet, message) {
                        let refusal = CanisterMessage::Response(refusal);
                        canister.inputs.push(refusal, Class::Remote);
                    }
                    return true;
                }
                let known = receiver == Principal::management_canister()
                    || receiver == self.state.runtime.subnet.subnet_id
                    || self.state.ids.is_routable(&receiver);
                match message {
                    CanisterMessage::Request(request) if !known => {
                        let reject = SystemReject::NoRoute(receiver).into();
                        let refusal = CanisterMessage::Response(request.refuse(reject));
                        canister.inputs.push(refusal, Class::Local);
                    }
                    message => self.loopback.push_back(message),
                }
                true
            });
        }
    }

    /// Sends a call to the management canister, or refuses it in the state of its sender (errors.md 5.7).
    pub(super) fn send_to_management(
        &mut self,
        canister: &mut Canister,
        mut request: Request,
        version: u64,
    ) {
        match self.resolve(&mut request, version) {
            Ok(receiver) => {
                request.receiver = receiver;
                if receiver != Principal::management_canister()
                    && let Some(callback) = canister.calls.callback_mut(request.callback)
                {
                    callback.subnet = Some(receiver);
                }
                canister.outputs.push(CanisterMessage::Request(request));
            }
            Err(error) => {
                request.receiver = Principal::management_canister();
                let refusal = CanisterMessage::Response(request.refuse(error));
                canister.inputs.push(refusal, Class::Local);
            }
        }
    }

    /// Where a call of the management canister goes.
    fn resolve(&self, request: &mut Request, version: u64) -> Result<Principal, Reject> {
        let management = Principal::management_canister();
        let name = request.method.clone();
        let unroutable = |reason| {
            Reject::from(ManagementRoutingError::Unroutable {
                method: name.clone(),
                reason,
            })
        };
        if request.receiver != management {
            let own = request.receiver == self.state.subnet_id();
            return match self.state.config.is_nns {
                true if own => Ok(management),
                true => Ok(request.receiver),
                false => Err(unroutable(Unroutable::AlreadyResolved(request.receiver))),
            };
        }
        let Some(method) = self.state.method(&request.method) else {
            return Err(ManagementRoutingError::UnknownMethod { method: name }.into());
        };
        let date = self.state.config.protocol.date;
        let argument = methods::open(&mut request.decoded, method, &request.payload, date);
        let given = argument.sender_version().map_err(undecodable)?;
        if let Some(given) = given.filter(|given| *given != version) {
            return Err(ManagementRoutingError::SenderVersion {
                given,
                actual: version,
            }
            .into());
        }
        let destination = argument.destination().map_err(|error| {
            unroutable(Unroutable::Undecodable {
                reason: error.reason().to_owned(),
            })
        })?;
        match destination {
            Destination::OwnSubnet => Ok(management),
            Destination::SubnetOf(id) if self.state.ids.is_hosted(&id) => Ok(management),
            Destination::SubnetOf(id) => match self.neighbours.host_of(&id) {
                Some(subnet) => Ok(subnet),
                None if self.state.ids.is_routable(&id) => Ok(management),
                None => Err(unroutable(Unroutable::SubnetNotFound {
                    canister: id,
                    method: method.routing_name().to_owned(),
                })),
            },
            Destination::Principal(id) if id == self.state.subnet_id() => Ok(management),
            // No subnet has the management canister's own name.
            Destination::Principal(id) if id == management => Err(SystemReject::NoRoute(id).into()),
            Destination::Principal(id) => Ok(id),
            Destination::Key { key, enabled } => {
                let existing = self.state.key_names();
                let key = key.to_string();
                if let Some(holder) = self.neighbours.holder_of(&key)
                    && !self.state.config.threshold_keys.contains(&key)
                {
                    Ok(holder)
                } else if existing.contains(&key) {
                    Ok(management)
                } else if enabled {
                    Err(unroutable(Unroutable::KeyNotEnabled {
                        key,
                        enabled: existing,
                    }))
                } else {
                    Err(unroutable(Unroutable::UnknownKey { key, existing }))
                }
            }
        }
    }

    /// Answers a canister's call of the management canister; the answer travels over the stream.
    pub(super) fn answer_from_management(
        &mut self,
        request: Request,
        result: Result<Vec<u8>, UserError>,
        refund: u128,
    ) {
        let payload = match result {
            Ok(data) => Payload::Reply(data),
            Err(error) => Payload::Reject(Reject::without_code(error)),
        };
        self.management_output.push(Response {
            originator: request.sender,
            respondent: self.state.subnet_id(),
            callback: request.callback,
            refund,
            payload,
        });
    }
}

/// Answers the best-effort calls of a canister whose deadline has passed.
fn answer_expired_calls(canister: &mut Canister, neighbours: &Neighbours, now_seconds: u64) {
    for id in canister.calls.expired(now_seconds) {
        let Some(callback) = canister.calls.callback(id) else {
            continue;
        };
        if canister.inputs.has_response(id) {
            continue;
        }
        let response = Response {
            originator: canister.id,
            respondent: callback.callee,
            callback: id,
            refund: 0,
            payload: Payload::Reject(SystemReject::DeadlineExpired.into()),
        };
        let class = neighbours.class_of(&response.respondent);
        let response = CanisterMessage::Response(response);
        canister.inputs.push(response, class);
    }
}

/// Puts a message into the queue of a canister. Of a response that comes too late, when its call was answered by the deadline,
/// only the cycles are kept.
fn take_in(canister: &mut Canister, message: CanisterMessage, class: Class) {
    if let CanisterMessage::Response(response) = &message {
        let too_late = match canister.calls.callback(response.callback) {
            None => true,
            Some(callback) => {
                callback.deadline.is_some() && canister.inputs.has_response(response.callback)
            }
        };
        if too_late {
            canister.cycles = canister.cycles.saturating_add(response.refund);
            return;
        }
    }
    canister.inputs.push(message, class);
}

/// The refusal of an argument that is decoded in the state of the sender.
fn undecodable(error: DecodeError) -> Reject {
    Reject::with_code(&UserError::from(error))
}
