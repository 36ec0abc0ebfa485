//! The queues of a canister: messages that wait to be executed, and messages that wait to leave.
//! Owns order and rotation (scheduling.md 1.7, 1.8), not what is done with a message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use candid::Principal;

use super::CallbackId;
use crate::errors::{IngressError, Reject};

/// Names an ingress message of this run; counts up in order of submission.
pub type IngressId = u64;

/// What the receiver made of an argument when it was first looked at, so that it is decoded once; nothing for ordinary canisters.
pub type Carried = Option<std::sync::Arc<dyn std::any::Any + Send + Sync>>;

/// A request of one canister to another, or to the management canister.
#[derive(Clone, Debug)]
pub struct Request {
    /// The calling canister.
    pub sender: Principal,
    /// The canister that is called.
    pub receiver: Principal,
    /// The sender's callback that waits for the response.
    pub callback: CallbackId,
    /// Cycles attached.
    pub cycles: u128,
    /// Name of the method.
    pub method: String,
    /// The argument.
    pub payload: Vec<u8>,
    /// The argument, decoded.
    pub decoded: Carried,
    /// Deadline of a best-effort call, in whole seconds since the Unix epoch.
    pub deadline: Option<u64>,
}

/// What a response carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// The callee replied.
    Reply(Vec<u8>),
    /// The callee, or the system for it, rejected.
    Reject(Reject),
}

impl Payload {
    /// Bytes that count for the transmission fee (metering.md 8.3).
    pub fn bytes(&self) -> u128 {
        match self {
            Payload::Reply(data) => data.len() as u128,
            Payload::Reject(reject) => 1 + reject.message.len() as u128,
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Response {
    /// The canister that made the call.
    pub originator: Principal,
    /// The callee, in whose queue the response travels.
    pub respondent: Principal,
    /// The callback of the originator.
    pub callback: CallbackId,
    /// Cycles that come back.
    pub refund: u128,
    /// Reply or reject.
    pub payload: Payload,
}

impl Request {
    /// The response that refuses this request and returns all its cycles.
    pub fn refuse(self, reject: Reject) -> Response {
        Response {
            originator: self.sender,
            respondent: self.receiver,
            callback: self.callback,
            refund: self.cycles,
            payload: Payload::Reject(reject),
        }
    }
}

/// What a message of a user tells about its sender, vouched for by a canister (since-october-2025.md 3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerInfo {
    /// Whatever the canister said; by convention Candid.
    pub data: Vec<u8>,
    /// The canister.
    pub signer: Principal,
}

/// A message of a user.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Its number.
    pub id: IngressId,
    /// Who signed it.
    pub sender: Principal,
    /// What it tells about its sender.
    pub info: Option<Arc<CallerInfo>>,
    /// Name of the method.
    pub method: String,
    /// The argument.
    pub payload: Vec<u8>,
    /// The argument, decoded.
    pub decoded: Carried,
    /// When it is too late to execute it; never, if it is not said.
    pub expiry: Option<Expiry>,
}

/// Until when a message of a user may wait (scheduling.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The last instant, nanoseconds.
    pub time: u64,
    /// By what name it is told that it waited too long.
    pub message: [u8; 32],
}

impl Ingress {
    /// Fails if it has waited too long.
    pub fn check_expiry(&self, now: u64) -> Result<(), IngressError> {
        match self.expiry {
            Some(Expiry { time, message }) if time < now => Err(IngressError::Expired {
                message_id: format!("0x{}", hex::encode(message)),
            }),
            _ => Ok(()),
        }
    }

    /// True if it has waited too long.
    pub fn is_expired(&self, now: u64) -> bool {
        self.check_expiry(now).is_err()
    }
}

impl CallerInfo {
    /// Bytes that a message is larger by (since-october-2025.md 3.1).
    pub fn bytes(&self) -> u64 {
        (self.data.len() + self.signer.as_slice().len()) as u64
    }
}

/// A message between canisters.
#[derive(Clone, Debug)]
pub enum CanisterMessage {
    /// A call.
    Request(Request),
    /// The answer to a call.
    Response(Response),
}

impl CanisterMessage {
    /// The canister that the message goes to.
    pub fn receiver(&self) -> Principal {
        match self {
            CanisterMessage::Request(request) => request.receiver,
            CanisterMessage::Response(response) => response.originator,
        }
    }

    /// The canister that the message comes from.
    pub fn sender(&self) -> Principal {
        match self {
            CanisterMessage::Request(request) => request.sender,
            CanisterMessage::Response(response) => response.respondent,
        }
    }
}

/// A message that is taken for execution.
#[derive(Debug)]
pub enum Input {
    /// From a canister of this subnet, or from the system.
    Canister(CanisterMessage),
    /// From a user.
    Ingress(Ingress),
}

/// Where the sender of a message between canisters is. The system counts as being here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// On this subnet.
    Local,
    /// On another one.
    Remote,
}

/// Which kind of queue is asked next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Local,
    Ingress,
    Remote,
}

/// Messages that wait for execution.
#[derive(Clone, Debug, Default)]
pub struct InputQueues {
    from: BTreeMap<Principal, VecDeque<CanisterMessage>>,
    /// Senders of this subnet with waiting messages, in turn.
    local: VecDeque<Principal>,
    /// The same of other subnets.
    remote: VecDeque<Principal>,
    /// Callbacks whose responses are among the messages.
    answered: BTreeSet<CallbackId>,
    ingress: VecDeque<Ingress>,
    next: Source,
}

impl InputQueues {
    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.local.is_empty() && self.remote.is_empty() && self.ingress.is_empty()
    }

    /// Appends a message to the queue of its sender.
    pub fn push(&mut self, message: CanisterMessage, class: Class) {
        if let CanisterMessage::Response(response) = &message {
            self.answered.insert(response.callback);
        }
        let sender = message.sender();
        let queue = self.from.entry(sender).or_default();
        if queue.is_empty() {
            match class {
                Class::Local => self.local.push_back(sender),
                Class::Remote => self.remote.push_back(sender),
            }
        }
        queue.push_back(message);
    }

    /// Begins the rotation of the sources afresh, as a checkpoint does.
    pub fn reset_rotation(&mut self) {
        self.next = Source::default();
    }

    /// Appends a message of a user.
    pub fn push_ingress(&mut self, ingress: Ingress) {
        self.ingress.push_back(ingress);
    }

    /// Takes the next message: the sources in turn, the pointer advancing at every try, and within the canisters the senders in turn.
    pub fn pop(&mut self) -> Option<Input> {
        // Three tries without success would bring the pointer back to where it was.
        if self.is_empty() {
            return None;
        }
        loop {
            let source = self.next;
            self.next = match source {
                Source::Local => Source::Ingress,
                Source::Ingress => Source::Remote,
                Source::Remote => Source::Local,
            };
            let input = match source {
                Source::Local => pop_in_turn(&mut self.from, &mut self.local),
                Source::Ingress => self.ingress.pop_front().map(Input::Ingress),
                Source::Remote => pop_in_turn(&mut self.from, &mut self.remote),
            };
            if let Some(Input::Canister(CanisterMessage::Response(response))) = &input {
                self.answered.remove(&response.callback);
            }
            if input.is_some() {
                return input;
            }
        }
    }

    /// Drops the best-effort requests whose deadline has passed; the cycles attached to them are lost (scheduling.md 1.2).
    pub fn drop_expired(&mut self, now_seconds: u64) {
        if self.local.is_empty() && self.remote.is_empty() {
            return;
        }
        for queue in self.from.values_mut() {
            queue.retain(|message| match message {
                CanisterMessage::Request(request) => request
                    .deadline
                    .is_none_or(|deadline| deadline >= now_seconds),
                CanisterMessage::Response(_) => true,
            });
        }
        let from = &self.from;
        for senders in [&mut self.local, &mut self.remote] {
            senders.retain(|sender| from.get(sender).is_some_and(|queue| !queue.is_empty()));
        }
    }

    /// Takes out the messages of users that have waited too long.
    pub fn take_expired_ingress(&mut self, now: u64) -> Vec<Ingress> {
        if !self.ingress.iter().any(|ingress| ingress.is_expired(now)) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.ingress).into_iter();
        let (expired, waiting) = all.partition(|ingress| ingress.is_expired(now));
        self.ingress = waiting;
        Vec::from_iter::<VecDeque<_>>(expired)
    }

    /// True if a response to this callback waits.
    pub fn has_response(&self, callback: CallbackId) -> bool {
        self.answered.contains(&callback)
    }
}

/// Takes a message of the sender whose turn it is.
fn pop_in_turn(
    from: &mut BTreeMap<Principal, VecDeque<CanisterMessage>>,
    senders: &mut VecDeque<Principal>,
) -> Option<Input> {
    let sender = senders.pop_front()?;
    let queue = from.get_mut(&sender)?;
    let message = queue.pop_front();
    if !queue.is_empty() {
        senders.push_back(sender);
    }
    message.map(Input::Canister)
}

/// Messages that wait to leave, by receiver in ascending order.
#[derive(Clone, Debug, Default)]
pub struct OutputQueues {
    to: BTreeMap<Principal, VecDeque<CanisterMessage>>,
}

impl OutputQueues {
    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.to.is_empty()
    }

    /// Appends a message to the queue of its receiver.
    pub fn push(&mut self, message: CanisterMessage) {
        self.to
            .entry(message.receiver())
            .or_default()
            .push_back(message);
    }

    /// Takes away all queues, receivers ascending.
    pub fn take(&mut self) -> BTreeMap<Principal, VecDeque<CanisterMessage>> {
        std::mem::take(&mut self.to)
    }

    /// Gives back the queue of a receiver whose messages could not be delivered.
    pub fn put_back(&mut self, receiver: Principal, queue: VecDeque<CanisterMessage>) {
        if !queue.is_empty() {
            self.to.insert(receiver, queue);
        }
    }

    /// Takes a message of the receiver that follows `after` in ascending order, or of the first one.
    pub fn next_in_turn(&mut self, after: Option<Principal>) -> Option<CanisterMessage> {
        use std::ops::Bound::{Excluded, Unbounded};
        let receiver = after
            .and_then(|after| self.to.range((Excluded(after), Unbounded)).next())
            .or_else(|| self.to.iter().next())
            .map(|(receiver, _)| *receiver)?;
        let queue = self.to.get_mut(&receiver)?;
        let message = queue.pop_front();
        if queue.is_empty() {
            self.to.remove(&receiver);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(from: u8, callback: u64) -> CanisterMessage {
        CanisterMessage::Request(Request {
            sender: Principal::from_slice(&[from]),
            receiver: Principal::from_slice(&[99]),
            callback,
            cycles: 0,
            method: String::new(),
            payload: Vec::new(),
            decoded: None,
            deadline: None,
        })
    }

    fn ingress(id: IngressId) -> Ingress {
        Ingress {
            id,
            sender: Principal::anonymous(),
            info: None,
            method: String::new(),
            payload: Vec::new(),
            decoded: None,
            expiry: None,
        }
    }

    fn drain(queues: &mut InputQueues) -> Vec<String> {
        std::iter::from_fn(|| queues.pop())
            .map(|input| match input {
                Input::Canister(CanisterMessage::Request(r)) => {
                    format!("{}.{}", r.sender.as_slice()[0], r.callback)
                }
                Input::Canister(CanisterMessage::Response(_)) => "response".into(),
                Input::Ingress(ingress) => format!("i{}", ingress.id),
            })
            .collect()
    }

    /// scheduling.md 1.7: senders rotate, one message each.
    #[test]
    fn senders_take_turns() {
        let mut queues = InputQueues::default();
        for (from, n) in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)] {
            queues.push(request(from, n), Class::Local);
        }
        assert_eq!(drain(&mut queues), ["1.1", "2.1", "1.2", "2.2", "1.3"]);
    }

    /// The table of scheduling.md 1.7: fresh and after an ingress message Local comes first, after a local one Ingress.
    #[test]
    fn the_source_pointer_persists() {
        let mut queues = InputQueues::default();
        queues.push(request(1, 1), Class::Local);
        queues.push_ingress(ingress(1));
        assert_eq!(drain(&mut queues), ["1.1", "i1"]);
        queues.push_ingress(ingress(2));
        queues.push(request(1, 2), Class::Local);
        assert_eq!(drain(&mut queues), ["1.2", "i2"]);
        queues.push(request(1, 3), Class::Local);
        assert_eq!(drain(&mut queues), ["1.3"]);
        queues.push(request(1, 4), Class::Local);
        queues.push_ingress(ingress(3));
        assert_eq!(drain(&mut queues), ["i3", "1.4"]);
    }

    /// scheduling.md 1.7: canisters of other subnets are a source of their own, behind the users.
    #[test]
    fn other_subnets_have_their_own_turn() {
        let mut queues = InputQueues::default();
        for n in [1, 2] {
            queues.push(request(7, n), Class::Remote);
            queues.push(request(1, n), Class::Local);
            queues.push_ingress(ingress(n));
        }
        assert_eq!(drain(&mut queues), ["1.1", "i1", "7.1", "1.2", "i2", "7.2"]);
        assert!(queues.is_empty());
        queues.push(request(7, 3), Class::Remote);
        queues.push_ingress(ingress(3));
        assert_eq!(drain(&mut queues), ["i3", "7.3"]);
    }

    #[test]
    fn a_response_waits_until_it_is_taken() {
        let mut queues = InputQueues::default();
        let callee = Principal::from_slice(&[7]);
        for callback in [3, 4] {
            let response = Response {
                originator: Principal::from_slice(&[99]),
                respondent: callee,
                callback,
                refund: 0,
                payload: Payload::Reply(Vec::new()),
            };
            queues.push(CanisterMessage::Response(response), Class::Local);
        }
        queues.push(request(7, 5), Class::Local);
        let waiting =
            |queues: &InputQueues| [3, 4, 5].map(|callback| queues.has_response(callback));
        assert_eq!(waiting(&queues), [true, true, false]);
        assert!(queues.pop().is_some());
        assert_eq!(waiting(&queues), [false, true, false]);
        assert_eq!(drain(&mut queues), ["response", "7.5"]);
        assert_eq!(waiting(&queues), [false, false, false]);
    }

    /// scheduling.md 1.13: a checkpoint resets the pointer.
    #[test]
    fn the_source_pointer_can_begin_afresh() {
        let mut queues = InputQueues::default();
        queues.push(request(1, 1), Class::Local);
        assert_eq!(drain(&mut queues), ["1.1"]);
        queues.reset_rotation();
        queues.push_ingress(ingress(1));
        queues.push(request(1, 2), Class::Local);
        assert_eq!(drain(&mut queues), ["1.2", "i1"]);
    }

    #[test]
    fn receivers_take_turns_on_the_way_out() {
        let mut outputs = OutputQueues::default();
        for (to, n) in [(9, 1), (9, 2), (3, 3), (3, 4)] {
            let CanisterMessage::Request(mut message) = request(1, n) else {
                unreachable!()
            };
            message.receiver = Principal::from_slice(&[to]);
            outputs.push(CanisterMessage::Request(message));
        }
        let mut after = None;
        let mut order = Vec::new();
        while let Some(message) = outputs.next_in_turn(after) {
            after = Some(message.receiver());
            if let CanisterMessage::Request(request) = message {
                order.push(request.callback);
            }
        }
        assert_eq!(order, [3, 1, 4, 2]);
    }
}
