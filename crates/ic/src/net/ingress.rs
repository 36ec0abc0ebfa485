//! What users send to a network and ask it for: calls on their way into a round, their results, queries. What happens to them there is the
//! business of the nodes; by which way they find one is in `placement`.

use candid::Principal;

use super::call::{Call, INGRESS_TTL, Message, MessageId};
use super::{Net, NetError};
use crate::answer::MessageResult;
use crate::canister::queues::Expiry;
use crate::errors::UserError;
use crate::node::Node;

impl Net {
    /// Takes a call. Runs nothing but what inspects it.
    ///
    /// # Errors
    /// If it has no place to go; the inner one if the subnet or the canister refuses it.
    pub fn submit(
        &mut self,
        call: &Call,
    ) -> Result<Result<(Principal, MessageId), UserError>, NetError> {
        self.submit_new(call, true)
    }

    /// As [`submit`](Self::submit), for calls of whoever drives the network: their size has no limit.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn submit_of_any_size(
        &mut self,
        call: &Call,
    ) -> Result<Result<(Principal, MessageId), UserError>, NetError> {
        self.submit_new(call, false)
    }

    fn submit_new(
        &mut self,
        call: &Call,
        bounded: bool,
    ) -> Result<Result<(Principal, MessageId), UserError>, NetError> {
        let expiry = self.time.saturating_add(INGRESS_TTL);
        let id = self.messages.name(call, expiry);
        let place = self.place(call)?;
        if bounded {
            self.check_size(place, call, &id)?;
        }
        self.take(place, call, id, expiry, false)
    }

    /// Takes a call under a name that its sender knows, with the time until which it may enter a round.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn submit_as(
        &mut self,
        call: &Call,
        id: MessageId,
        expiry: u64,
    ) -> Result<Result<(Principal, MessageId), UserError>, NetError> {
        let place = self.place(call)?;
        self.check_size(place, call, &id)?;
        self.take(place, call, id, expiry, true)
    }

    /// Checks the size of a message, also of one to the management canister (management-canister.md 0.2).
    fn check_size(&self, place: usize, call: &Call, id: &MessageId) -> Result<(), NetError> {
        let node = &self.subnets[place].node;
        let (bytes, max) = node.ingress_size(
            &call.canister,
            &call.method,
            &call.payload,
            call.info.as_ref(),
        );
        match bytes > max {
            true => Err(NetError::BadIngress(format!(
                "Request 0x{} is too large. Message byte size {bytes} is larger than the max allowed {max}.",
                hex::encode(id)
            ))),
            false => Ok(()),
        }
    }

    fn take(
        &mut self,
        place: usize,
        call: &Call,
        id: MessageId,
        expiry: u64,
        named: bool,
    ) -> Result<Result<(Principal, MessageId), UserError>, NetError> {
        let subnet = &mut self.subnets[place];
        if self.messages.get_mut(&id).is_some() {
            return Ok(Ok((subnet.id, id)));
        }
        let taken = subnet.node.submit_with_info(
            call.sender,
            call.info.clone(),
            call.canister,
            &call.method,
            call.payload.clone(),
            Some(Expiry {
                time: expiry,
                message: id,
            }),
        );
        let ingress = match taken {
            Ok(ingress) => ingress,
            Err(error) => return Ok(Err(error)),
        };
        let message = Message {
            subnet: place,
            ingress,
            sender: call.sender,
            receiver: call.canister,
            until: expiry.saturating_add(INGRESS_TTL),
            named,
            result: None,
        };
        let host = subnet.id;
        self.version += 1;
        let subnets = &mut self.subnets;
        self.messages.add(id, message, self.time, |old| {
            subnets[old.subnet].node.take_answer(old.ingress)
        });
        Ok(Ok((host, id)))
    }

    /// What became of a message, if it has ended. With a caller: only of a message that he sent.
    ///
    /// # Errors
    /// If somebody else sent it.
    pub fn status(
        &mut self,
        id: &MessageId,
        caller: Option<Principal>,
    ) -> Result<Option<MessageResult>, NetError> {
        let Some(message) = self.messages.get_mut(id) else {
            return Ok(None);
        };
        if message.result.is_none() {
            let node = &mut self.subnets[message.subnet].node;
            message.result = node.take_answer(message.ingress);
        }
        if node_is_past(&self.subnets[message.subnet].node, message)
            && caller.is_some_and(|caller| caller != message.sender)
        {
            return Err(NetError::NotTheSender);
        }
        Ok(message.result.clone())
    }

    /// Runs rounds until a message has ended, so many at the most. Nothing is run if it has ended before.
    ///
    /// # Errors
    /// If it has not ended by then.
    pub fn wait(&mut self, id: &MessageId, rounds: u64) -> Result<MessageResult, NetError> {
        for round in 0..=rounds {
            if let Some(result) = self.status(id, None)? {
                return Ok(result);
            }
            if round < rounds {
                self.tick();
            }
        }
        Err(NetError::BadIngress(format!(
            "Failed to answer to ingress 0x{} after {rounds} rounds.",
            hex::encode(id)
        )))
    }

    /// The messages that came to a subnet under a name of their sender's and have entered a round, with what became of them.
    pub fn named_messages(
        &self,
        place: usize,
    ) -> impl Iterator<Item = (&MessageId, &Message, Option<&MessageResult>)> {
        let named = self.messages.iter();
        let here = named.filter(move |(_, message)| message.named && message.subnet == place);
        here.filter_map(move |(id, message)| {
            let result = self.result_of(message);
            let node = &self.subnets[place].node;
            (result.is_some() || node.has_taken(message.ingress)).then_some((id, message, result))
        })
    }

    /// Was there such a message, and is it remembered?
    pub fn knows(&self, id: &MessageId) -> bool {
        self.messages.get(id).is_some()
    }

    /// What became of a message, if it has ended.
    pub fn result(&self, id: &MessageId) -> Option<&MessageResult> {
        self.result_of(self.messages.get(id)?)
    }

    fn result_of<'a>(&'a self, message: &'a Message) -> Option<&'a MessageResult> {
        let node = &self.subnets[message.subnet].node;
        message
            .result
            .as_ref()
            .or_else(|| node.answer(message.ingress))
    }

    /// Who has sent a message that has entered a round.
    pub fn sender(&self, id: &MessageId) -> Option<Principal> {
        let message = self.messages.get(id)?;
        node_is_past(&self.subnets[message.subnet].node, message).then_some(message.sender)
    }

    /// Messages that a subnet was sent so far.
    pub fn message_count(&self) -> u64 {
        self.messages.count()
    }

    /// Runs a query on the latest state.
    ///
    /// # Errors
    /// If it has no place to go.
    pub fn query(&mut self, call: &Call) -> Result<MessageResult, NetError> {
        let place = self.place_of_query(call)?;
        let node = &mut self.subnets[place].node;
        Ok(node.query_with_info(
            call.sender,
            call.info.clone(),
            call.canister,
            &call.method,
            call.payload.clone(),
        ))
    }
}

/// True once a message has entered a round: before that nobody is told whose it is.
fn node_is_past(node: &Node, message: &Message) -> bool {
    message.result.is_some() || node.has_taken(message.ingress)
}
