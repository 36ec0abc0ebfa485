//! The maps that agents decode: answers of calls and queries, the latter with the signature of a node.

use ciborium::Value;

use super::network::Reject;
use super::node_key::NodeKey;
use crate::cbor;
use crate::hash_tree::with_domain;
use crate::request::{RequestId, hash_of};

/// A call that was refused before it ran.
pub(super) fn refused_call(reject: Reject) -> Value {
    let mut entries = vec![("status".into(), "non_replicated_rejection".into())];
    entries.extend(rejection(reject));
    Value::Map(entries)
}

/// A call with the certificate of its answer.
pub(super) fn certified_call(certificate: Vec<u8>) -> Value {
    cbor::map([
        ("status", "replied".into()),
        ("certificate", Value::Bytes(certificate)),
    ])
}

/// What a query came to, signed by a node at a time.
pub(super) fn query(
    result: Result<Vec<u8>, Reject>,
    id: &RequestId,
    time: u64,
    node: Option<&NodeKey>,
) -> Value {
    let mut entries: Vec<(Value, Value)> = match result {
        Ok(reply) => vec![
            ("status".into(), "replied".into()),
            ("reply".into(), cbor::map([("arg", Value::Bytes(reply))])),
        ],
        Err(reject) => [("status".into(), "rejected".into())]
            .into_iter()
            .chain(rejection(reject))
            .collect(),
    };
    let mut signed = entries.clone();
    signed.push(("timestamp".into(), time.into()));
    signed.push(("request_id".into(), cbor::bytes(id)));
    let hash = hash_of(&Value::Map(signed)).expect("texts, bytes and numbers have a hash");
    let signature = |node: &NodeKey| {
        cbor::map([
            ("timestamp", time.into()),
            (
                "signature",
                Value::Bytes(node.sign(&with_domain("ic-response", &hash))),
            ),
            ("identity", cbor::bytes(node.id().as_slice())),
        ])
    };
    entries.push((
        "signatures".into(),
        node.map(signature).into_iter().collect::<Vec<_>>().into(),
    ));
    Value::Map(entries)
}

fn rejection(reject: Reject) -> [(Value, Value); 3] {
    [
        ("reject_code".into(), reject.code.into()),
        ("reject_message".into(), reject.message.into()),
        ("error_code".into(), reject.error_code.into()),
    ]
}
