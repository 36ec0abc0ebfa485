//! Envelopes: a content with the sender's key, delegations and signature; read, and then authenticated.

use std::collections::BTreeSet;

use ciborium::Value;
use ic_principal::Principal;

use super::chain::{self, Link, Permissions};
use super::content::bytes;
use super::expiry::{self, Expired};
use super::{Content, Kind, PublicKey, RequestId, SenderInfo, id};
use crate::cbor;
use crate::hash_tree::with_domain;

/// A request as it was sent; nothing of it verified.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// What is asked.
    pub content: Content,
    /// The hash of the content.
    pub id: RequestId,
    sender_key: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    delegations: Vec<Link>,
}

/// Bytes that are no envelope; in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// A request that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not hold at this time.
    Expired(Expired),
    /// Key, signature and sender do not fit; in words.
    Signature(String),
    /// A delegation does not hold; in words.
    Delegation(String),
    /// The delegations do not allow calls.
    OnlyQueries,
    /// The delegations do not allow this canister.
    Target(Principal),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Expired(expired) => write!(f, "Invalid request expiry: {expired}"),
            Refused::Signature(reason) => write!(f, "Invalid signature: {reason}"),
            Refused::Delegation(reason) => write!(f, "Invalid delegation: {reason}"),
            Refused::OnlyQueries => {
                f.write_str("Invalid delegation: its permissions do not include calls")
            }
            Refused::Target(canister) => {
                write!(
                    f,
                    "Invalid delegation: canister {canister} is not one of its targets"
                )
            }
        }
    }
}

/// What the sender of an authenticated request may do beside sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The canisters that may be called; all if absent.
    pub targets: Option<BTreeSet<Principal>>,
}

impl Authority {
    /// True if the delegations allow this canister.
    pub fn allows(&self, canister: &Principal) -> bool {
        self.targets
            .as_ref()
            .is_none_or(|targets| targets.contains(canister))
    }
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// # Errors
    /// What is missing or of a wrong kind.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::read(bytes).map_err(Malformed)
    }

    fn read(encoded: &[u8]) -> Result<Self, String> {
        let mut map = cbor::decode(encoded)?;
        let content = cbor::take(&mut map, "content").ok_or("missing field `content`")?;
        let optional = |name: &str| match cbor::get(&map, name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => bytes(&map, name).map(|bytes| Some(bytes.to_vec())),
        };
        Ok(Envelope {
            id: id::hash_of(&content).ok_or("the content has no hash")?,
            content: Content::read(&content)?,
            sender_key: optional("sender_pubkey")?,
            signature: optional("sender_sig")?,
            delegations: match cbor::get(&map, "sender_delegation") {
                None | Some(Value::Null) => Vec::new(),
                Some(list) => chain::read(list)?,
            },
        })
    }

    /// Checks that the request holds at this time (nanoseconds since the Unix epoch) and was signed by its sender; signatures of
    /// canisters up to the root key (DER). Anonymous queries and readings hold at any time, as they serve to learn the time.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn authenticate(&self, now: u64, root_key: &[u8]) -> Result<Authority, Refused> {
        let content = &self.content;
        let anonymous = content.sender == Principal::anonymous();
        let call = matches!(content.kind, Kind::Call(_));
        if call || !anonymous {
            expiry::check(now, content.ingress_expiry).map_err(Refused::Expired)?;
        }
        let (Some(key), Some(signature)) = (&self.sender_key, &self.signature) else {
            return self.unsigned(anonymous);
        };
        if anonymous {
            return Err(Refused::Signature(
                "the anonymous user signs nothing".into(),
            ));
        }
        if Principal::self_authenticating(key) != content.sender {
            return Err(Refused::Signature(format!(
                "the key is not that of the sender {}",
                content.sender
            )));
        }
        let end =
            chain::follow(key, &self.delegations, now, root_key).map_err(Refused::Delegation)?;
        PublicKey::from_der(&end.public_key)
            .and_then(|key| key.verify(&with_domain("ic-request", &self.id), signature, root_key))
            .map_err(Refused::Signature)?;
        if call && end.permissions == Permissions::Queries {
            return Err(Refused::OnlyQueries);
        }
        if let Kind::Call(call) | Kind::Query(call) = &content.kind
            && let Some(info) = &call.sender_info
        {
            vouched(info, key, root_key).map_err(Refused::Signature)?;
        }
        let authority = Authority {
            targets: end.targets,
        };
        match &content.kind {
            Kind::Call(call) | Kind::Query(call) if !authority.allows(&call.canister) => {
                Err(Refused::Target(call.canister))
            }
            _ => Ok(authority),
        }
    }

    fn unsigned(&self, anonymous: bool) -> Result<Authority, Refused> {
        let nothing =
            self.sender_key.is_none() && self.signature.is_none() && self.delegations.is_empty();
        if !anonymous {
            return Err(Refused::Signature(format!(
                "the request of {} has no signature",
                self.content.sender
            )));
        }
        if !nothing {
            return Err(Refused::Signature(
                "the anonymous user signs nothing".into(),
            ));
        }
        if let Kind::Call(call) | Kind::Query(call) = &self.content.kind
            && call.sender_info.is_some()
        {
            return Err(Refused::Signature(
                "nobody vouches for the anonymous user".into(),
            ));
        }
        Ok(Authority::default())
    }
}

/// The canister whose key the sender has must have signed the information (since-october-2025.md 3.1).
fn vouched(info: &SenderInfo, key: &[u8], root_key: &[u8]) -> Result<(), String> {
    let key = PublicKey::from_der(key)?;
    match &key {
        PublicKey::Canister(canister) if canister.canister == info.signer => key.verify(
            &with_domain("ic-sender-info", &info.info),
            &info.signature,
            root_key,
        ),
        _ => Err("the information on the sender is not from the signer of its key".into()),
    }
}
