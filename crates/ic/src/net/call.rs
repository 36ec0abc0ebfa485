//! Calls of users of a network: to whom they go, and what became of them. Owns the record of messages, whose results stay to be asked for
//! until some time after the message would have expired, or was found to have ended later.

use std::collections::HashMap;

use candid::Principal;
use sha2::{Digest, Sha256};

use crate::answer::MessageResult;
use crate::canister::queues::{CallerInfo, IngressId};

/// Nanoseconds that a message waits for being taken into a round at the most.
pub const INGRESS_TTL: u64 = 300_000_000_000;
/// Messages from which on old results are looked for and dropped.
const KEPT: usize = 10_000;

/// By what a call finds its subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effective {
    /// By canister, method and argument.
    None,
    /// It names the subnet.
    Subnet(Principal),
    /// It goes where this canister is.
    Canister(Principal),
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub sender: Principal,
    /// What it tells about the caller, taken as it comes (since-october-2025.md 3.1).
    pub info: Option<CallerInfo>,
    /// Who is called.
    pub canister: Principal,
    /// Where it goes.
    pub effective: Effective,
    /// The method.
    pub method: String,
    /// The argument.
    pub payload: Vec<u8>,
}

/// Names a message.
pub type MessageId = [u8; 32];

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Message {
    /// Place of its subnet in the network.
    pub subnet: usize,
    /// Who sent it.
    pub sender: Principal,
    /// To whom.
    pub receiver: Principal,
    /// Until when it is not forgotten, nanoseconds since the Unix epoch.
    pub(super) until: u64,
    /// Its sender has given it its name, and may ask for it by that.
    pub(super) named: bool,
    pub(super) ingress: IngressId,
    pub(super) result: Option<MessageResult>,
}

/// The messages of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    known: HashMap<MessageId, Message>,
    /// How many there were.
    count: u64,
    /// Not looked for old ones below this number.
    patience: usize,
}

impl Messages {
    /// A name for a message that is about to be sent; equal calls have different ones.
    pub(super) fn name(&mut self, call: &Call, expiry: u64) -> MessageId {
        self.count += 1;
        request_id(call, expiry, Some(&self.count.to_be_bytes()))
    }

    /// Adds a message. Where there are many, those are forgotten whose time is over; `result` gives what became of one that nobody
    /// has asked for yet.
    pub(super) fn add(
        &mut self,
        id: MessageId,
        message: Message,
        now: u64,
        mut result: impl FnMut(&Message) -> Option<MessageResult>,
    ) {
        if self.known.len() >= KEPT.max(self.patience) {
            self.known.retain(|_, message| {
                if message.until > now {
                    return true;
                }
                if message.result.is_some() {
                    return false;
                }
                // It still runs, or has ended since this was looked at: who waits for it has yet to hear of it.
                message.result = result(message);
                message.until = now.saturating_add(INGRESS_TTL);
                true
            });
            self.patience = 2 * self.known.len();
        }
        self.known.insert(id, message);
    }

    /// Forgets the messages of the subnet at this place.
    pub(super) fn forget_subnet(&mut self, place: usize) {
        self.known.retain(|_, message| message.subnet != place);
    }

    /// The subnets behind this place have moved up by one.
    pub(super) fn move_up(&mut self, place: usize) {
        for message in self.known.values_mut() {
            message.subnet -= usize::from(message.subnet > place);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Message)> {
        self.known.iter()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&Message> {
        self.known.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Message> {
        self.known.get_mut(id)
    }
}

/// The id of a request: the hash of its fields, whatever their encoding (interface specification, "Request ids").
pub fn request_id(call: &Call, expiry: u64, nonce: Option<&[u8]>) -> MessageId {
    let hash = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
    let mut fields: Vec<([u8; 32], [u8; 32])> = vec![
        (hash(b"request_type"), hash(b"call")),
        (hash(b"canister_id"), hash(call.canister.as_slice())),
        (hash(b"method_name"), hash(call.method.as_bytes())),
        (hash(b"arg"), hash(&call.payload)),
        (hash(b"sender"), hash(call.sender.as_slice())),
        (hash(b"ingress_expiry"), hash(&leb128(expiry))),
    ];
    fields.extend(nonce.map(|nonce| (hash(b"nonce"), hash(nonce))));
    fields.sort_unstable();
    let mut all = Sha256::new();
    for (key, value) in fields {
        all.update(key);
        all.update(value);
    }
    all.finalize().into()
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the interface specification, section "Request ids".
    #[test]
    fn a_request_has_the_id_of_the_specification() {
        let call = Call {
            sender: Principal::anonymous(),
            info: None,
            canister: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 4, 0xd2]),
            effective: Effective::None,
            method: "hello".into(),
            payload: b"DIDL\x00\xfd*".to_vec(),
        };
        let id = request_id(&call, 1_685_570_400_000_000_000, None);
        assert_eq!(
            hex::encode(id),
            "1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101"
        );
    }
}
