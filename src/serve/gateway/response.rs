//! What a canister answers to `http_request` and to the callbacks of streams, in Candid whose types are its own affair
//! (HTTP gateway protocol, "Canister HTTP interface").

use candid::types::Label;
use candid::types::value::{IDLField, IDLValue};
use candid::{Principal, idl_hash};

use crate::idl;

/// What `http_request` has answered.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// It wants to be asked as an update call.
    pub(super) upgrade: bool,
    /// A method that gives the next piece, and what it is called with.
    pub(super) more: Option<((Principal, String), IDLValue)>,
}

fn fields(bytes: &[u8]) -> Option<Vec<IDLField>> {
    match idl::decode(bytes).ok()?.args.into_iter().next()? {
        IDLValue::Record(fields) => Some(fields),
        _ => None,
    }
}

/// Takes a field out of a record.
fn take(fields: &mut Vec<IDLField>, name: &str) -> Option<IDLValue> {
    let hash = idl_hash(name);
    let place = fields.iter().position(|field| match &field.id {
        Label::Id(id) | Label::Unnamed(id) => *id == hash,
        Label::Named(known) => known == name,
    })?;
    Some(fields.swap_remove(place).val)
}

fn present(value: IDLValue) -> Option<IDLValue> {
    match value {
        IDLValue::Opt(value) => Some(*value),
        IDLValue::None | IDLValue::Null | IDLValue::Reserved => None,
        value => Some(value),
    }
}

fn blob(value: IDLValue) -> Option<Vec<u8>> {
    match value {
        IDLValue::Blob(bytes) => Some(bytes),
        IDLValue::Vec(values) => values
            .into_iter()
            .map(|value| match value {
                IDLValue::Nat8(byte) => Some(byte),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn text_of(value: Option<IDLValue>) -> Option<String> {
    match value? {
        IDLValue::Text(text) => Some(text),
        _ => None,
    }
}

impl Response {
    /// Reads it; nothing if it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut response = fields(bytes)?;
        let IDLValue::Nat16(status) = take(&mut response, "status_code")? else {
            return None;
        };
        let mut headers = Vec::new();
        if let Some(IDLValue::Vec(list)) = take(&mut response, "headers") {
            for header in list {
                let IDLValue::Record(pair) = header else {
                    return None;
                };
                let mut pair = pair.into_iter().map(|field| field.val);
                headers.push((text_of(pair.next())?, text_of(pair.next())?));
            }
        }
        let upgrade = take(&mut response, "upgrade").and_then(present);
        let strategy = take(&mut response, "streaming_strategy").and_then(present);
        let more = strategy.and_then(|strategy| match strategy {
            IDLValue::Variant(variant) => match variant.0.val {
                IDLValue::Record(mut callback) => {
                    let token = take(&mut callback, "token")?;
                    match take(&mut callback, "callback")? {
                        IDLValue::Func(canister, method) => Some(((canister, method), token)),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        });
        Some(Response {
            status,
            headers,
            body: blob(take(&mut response, "body")?)?,
            upgrade: matches!(upgrade, Some(IDLValue::Bool(true))),
            more,
        })
    }
}

/// A piece of a streamed answer, and what the next one is asked for with.
pub(super) fn piece(bytes: &[u8]) -> Option<(Vec<u8>, Option<IDLValue>)> {
    let mut piece = fields(bytes)?;
    let body = blob(take(&mut piece, "body")?)?;
    Some((body, take(&mut piece, "token").and_then(present)))
}

#[cfg(test)]
mod tests {
    use candid::{CandidType, Encode};
    use serde_bytes::ByteBuf;

    use super::*;

    #[test]
    fn an_answer_that_claims_too_many_values_is_none() {
        #[derive(CandidType)]
        struct Answer {
            status_code: u16,
            headers: Vec<(String, String)>,
            body: ByteBuf,
            claimed: Vec<()>,
        }
        let read = |length, claimed| {
            let answer = Encode!(&Answer {
                status_code: 200,
                headers: Vec::new(),
                body: ByteBuf::from(vec![7; length]),
                claimed: vec![(); claimed],
            });
            Response::read(&answer.expect("it encodes"))
        };
        let long = read(3_000_000, 1).expect("it is as long as it claims");
        assert_eq!(long.body.len(), 3_000_000);
        assert!(read(10, 2_000_000).is_none());
    }
}
