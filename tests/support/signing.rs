//! Requests of agents as those sign them who have keys of Ed25519, alone or with delegations (interface specification, "Authentication" and
//! "Delegations"). Owns envelopes; contents are given.

use drun::Principal;
use drun_certification::agent::NodeKey;
use drun_certification::cbor::{self, Value};
use drun_certification::hash_tree::with_domain;
use drun_certification::request::hash_of;

/// Somebody's key; a number each.
pub(crate) fn key(number: u64) -> NodeKey {
    NodeKey::of(&Principal::anonymous(), number)
}

/// What all delegations of a chain say beside the key.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Nanoseconds since the Unix epoch.
    pub(crate) expiration: u64,
    /// The canisters that may be called; all if absent.
    pub(crate) targets: Option<Vec<Principal>>,
}

/// Gives a field of a map another value, if it has the field.
pub(crate) fn change(map: &mut Value, name: &str, value: Value) {
    let fields = map.as_map_mut().into_iter().flatten();
    for (key, old) in fields {
        if key.as_text() == Some(name) {
            *old = value.clone();
        }
    }
}

/// The envelope of a content whose sender has the first of these keys: each delegates to the next one, and `signer` should be the last.
/// Nothing for a content that has no id.
pub(crate) fn envelope(
    content: Value,
    keys: &[NodeKey],
    signer: &NodeKey,
    terms: &Terms,
) -> Option<Vec<u8>> {
    let first = keys.first()?;
    let signature = signer.sign(&with_domain("ic-request", &hash_of(&content)?));
    let links = keys.windows(2).map(|pair| link(&pair[0], &pair[1], terms));
    let links: Vec<Value> = links.collect();
    let mut envelope = cbor::map([
        ("content", content),
        ("sender_pubkey", cbor::bytes(first.public_key())),
        ("sender_sig", cbor::bytes(&signature)),
    ]);
    if !links.is_empty() {
        let fields = envelope.as_map_mut().expect("it is a map");
        fields.push(("sender_delegation".into(), links.into()));
    }
    Some(cbor::encode(envelope))
}

/// The delegation of a key to another one.
fn link(from: &NodeKey, to: &NodeKey, terms: &Terms) -> Value {
    let mut delegation = cbor::map([
        ("pubkey", cbor::bytes(to.public_key())),
        ("expiration", terms.expiration.into()),
    ]);
    if let Some(targets) = &terms.targets {
        let targets = targets.iter().map(|id| cbor::bytes(id.as_slice()));
        let targets: Vec<Value> = targets.collect();
        let fields = delegation.as_map_mut().expect("it is a map");
        fields.push(("targets".into(), targets.into()));
    }
    let hash = hash_of(&delegation).expect("it consists of bytes and a number");
    let signature = from.sign(&with_domain("ic-request-auth-delegation", &hash));
    cbor::map([
        ("delegation", delegation),
        ("signature", cbor::bytes(&signature)),
    ])
}
