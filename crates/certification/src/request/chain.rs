//! Delegations of senders' keys: chains of keys that sign for one another, with an end, targets and permissions (interface
//! specification, "Authentication"; since-october-2025.md 3.2).

use std::collections::BTreeSet;

use ciborium::Value;
use ic_principal::Principal;

use super::content::{bytes, field};
use super::{PublicKey, id};
use crate::cbor;
use crate::hash_tree::with_domain;

/// Most delegations of a chain.
const MAX_DELEGATIONS: usize = 20;
/// Most targets of a delegation.
const MAX_TARGETS: usize = 1000;

/// What a chain of delegations allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Permissions {
    /// Everything.
    #[default]
    All,
    /// Queries and readings of the state.
    Queries,
}

/// One link, not verified.
#[derive(Clone, Debug)]
pub(super) struct Link {
    public_key: Vec<u8>,
    expiration: u64,
    targets: Option<BTreeSet<Principal>>,
    permissions: Option<String>,
    hash: [u8; 32],
    signature: Vec<u8>,
}

/// What a verified chain comes to.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// The key that signs the request, DER.
    pub public_key: Vec<u8>,
    /// The canisters that may be called; all if absent.
    pub targets: Option<BTreeSet<Principal>>,
    /// What may be done.
    pub permissions: Permissions,
}

/// Reads the delegations of an envelope.
///
/// # Errors
/// In words, what is missing or too long.
pub(super) fn read(list: &Value) -> Result<Vec<Link>, String> {
    let links = list.as_array().ok_or("`sender_delegation` is no list")?;
    if links.len() > MAX_DELEGATIONS {
        return Err(format!(
            "{} delegations are given, but only {MAX_DELEGATIONS} are allowed",
            links.len()
        ));
    }
    links.iter().map(link).collect()
}

fn link(signed: &Value) -> Result<Link, String> {
    let delegation = field(signed, "delegation")?;
    let targets = match cbor::get(delegation, "targets") {
        None => None,
        Some(targets) => {
            let wrong = || "`targets` is no list of principals".to_owned();
            let principal = |value: &Value| {
                value
                    .as_bytes()
                    .and_then(|id| Principal::try_from_slice(id).ok())
            };
            let targets = targets.as_array().ok_or_else(wrong)?;
            if targets.len() > MAX_TARGETS {
                return Err(format!(
                    "{} targets are given, but only {MAX_TARGETS} are allowed",
                    targets.len()
                ));
            }
            Some(
                targets
                    .iter()
                    .map(|target| principal(target).ok_or_else(wrong))
                    .collect::<Result<_, _>>()?,
            )
        }
    };
    Ok(Link {
        public_key: bytes(delegation, "pubkey")?.to_vec(),
        expiration: cbor::number(field(delegation, "expiration")?)
            .ok_or("`expiration` is no number of 64 bits")?,
        targets,
        permissions: match cbor::get(delegation, "permissions") {
            None => None,
            Some(value) => Some(
                value
                    .as_text()
                    .ok_or("`permissions` is no text")?
                    .to_owned(),
            ),
        },
        hash: id::hash_of(delegation).ok_or("the delegation has no hash")?,
        signature: bytes(signed, "signature")?.to_vec(),
    })
}

/// Follows the chain from the sender's key.
///
/// # Errors
/// In words, the first link that does not hold at this time.
pub(super) fn follow(
    sender_key: &[u8],
    links: &[Link],
    now: u64,
    root_key: &[u8],
) -> Result<End, String> {
    let mut end = End {
        public_key: sender_key.to_vec(),
        targets: None,
        permissions: Permissions::All,
    };
    let mut seen = BTreeSet::from([sender_key.to_vec()]);
    for link in links {
        let key = PublicKey::from_der(&end.public_key)?;
        key.verify(
            &with_domain("ic-request-auth-delegation", &link.hash),
            &link.signature,
            root_key,
        )?;
        if link.expiration < now {
            return Err(format!(
                "the delegation has expired at {}, it is {now} now",
                link.expiration
            ));
        }
        match link.permissions.as_deref() {
            None | Some("all") => {}
            Some("queries") => end.permissions = Permissions::Queries,
            Some(other) => return Err(format!("unknown permissions `{other}`")),
        }
        end.targets = match (end.targets.take(), &link.targets) {
            (Some(before), Some(targets)) => Some(before.intersection(targets).copied().collect()),
            (before, targets) => before.or_else(|| targets.clone()),
        };
        if !seen.insert(link.public_key.clone()) {
            return Err("the chain of delegations contains a cycle".into());
        }
        end.public_key.clone_from(&link.public_key);
    }
    Ok(end)
}
