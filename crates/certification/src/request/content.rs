//! What a request asks for: the content map of an envelope, read into plain data.

use ciborium::Value;
use ic_principal::Principal;

use crate::cbor;

/// Longest nonce, in bytes.
const MAX_NONCE: usize = 32;
/// Most paths of a `read_state` request.
const MAX_PATHS: usize = 1000;
/// Most labels of a path.
const MAX_LABELS: usize = 127;

/// The content of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Who asks.
    pub sender: Principal,
    /// Until when it holds, nanoseconds since the Unix epoch.
    pub ingress_expiry: u64,
    /// What is asked.
    pub kind: Kind,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Run an update method.
    Call(Call),
    /// Run a query method.
    Query(Call),
    /// Read the certified state.
    ReadState(ReadState),
}

/// A call of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The canister; the management canister is the empty principal.
    pub canister: Principal,
    /// The method.
    pub method: String,
    /// Its argument.
    pub argument: Vec<u8>,
    /// What is known of the sender beside the id.
    pub sender_info: Option<SenderInfo>,
    /// Makes equal calls distinct.
    pub nonce: Vec<u8>,
}

/// What the signer of the sender's key says of the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The information.
    pub info: Vec<u8>,
    /// The canister that says so.
    pub signer: Principal,
    /// Its signature.
    pub signature: Vec<u8>,
}

/// A reading of the certified state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadState {
    /// The paths asked for.
    pub paths: Vec<Vec<Vec<u8>>>,
}

impl Content {
    /// Reads the content map.
    ///
    /// # Errors
    /// In words, what is missing or of a wrong kind.
    pub fn read(map: &Value) -> Result<Self, String> {
        let kind = match text(map, "request_type")? {
            "call" => Kind::Call(call(map)?),
            "query" => Kind::Query(call(map)?),
            "read_state" => Kind::ReadState(read_state(map)?),
            other => return Err(format!("unknown request type `{other}`")),
        };
        Ok(Content {
            sender: principal(map, "sender")?,
            ingress_expiry: cbor::number(field(map, "ingress_expiry")?)
                .ok_or("`ingress_expiry` is no number of 64 bits")?,
            kind,
        })
    }
}

fn call(map: &Value) -> Result<Call, String> {
    let nonce = match cbor::get(map, "nonce") {
        None => Vec::new(),
        Some(_) => bytes(map, "nonce")?.to_vec(),
    };
    if nonce.len() > MAX_NONCE {
        return Err(format!(
            "the nonce has {} bytes, but only {MAX_NONCE} are allowed",
            nonce.len()
        ));
    }
    let sender_info = match cbor::get(map, "sender_info") {
        None => None,
        Some(info) => Some(SenderInfo {
            info: bytes(info, "info")?.to_vec(),
            signer: principal(info, "signer")?,
            signature: bytes(info, "sig")?.to_vec(),
        }),
    };
    Ok(Call {
        canister: principal(map, "canister_id")?,
        method: text(map, "method_name")?.to_owned(),
        argument: bytes(map, "arg")?.to_vec(),
        sender_info,
        nonce,
    })
}

fn read_state(map: &Value) -> Result<ReadState, String> {
    let wrong = || "`paths` is no list of lists of byte strings".to_owned();
    let label = |label: &Value| label.as_bytes().cloned().ok_or_else(wrong);
    let path = |path: &Value| {
        path.as_array()
            .ok_or_else(wrong)?
            .iter()
            .map(label)
            .collect::<Result<Vec<_>, _>>()
    };
    let paths = field(map, "paths")?.as_array().ok_or_else(wrong)?;
    let paths = paths.iter().map(path).collect::<Result<Vec<_>, _>>()?;
    if paths.len() > MAX_PATHS {
        return Err(format!(
            "{} paths are asked for, but only {MAX_PATHS} are allowed",
            paths.len()
        ));
    }
    if let Some(path) = paths.iter().find(|path| path.len() > MAX_LABELS) {
        return Err(format!(
            "a path has {} labels, but only {MAX_LABELS} are allowed",
            path.len()
        ));
    }
    Ok(ReadState { paths })
}

pub(super) fn field<'a>(map: &'a Value, name: &str) -> Result<&'a Value, String> {
    cbor::get(map, name).ok_or_else(|| format!("missing field `{name}`"))
}

pub(super) fn bytes<'a>(map: &'a Value, name: &str) -> Result<&'a [u8], String> {
    let value = field(map, name)?.as_bytes();
    value
        .map(|bytes| &bytes[..])
        .ok_or_else(|| format!("`{name}` is no byte string"))
}

pub(super) fn text<'a>(map: &'a Value, name: &str) -> Result<&'a str, String> {
    field(map, name)?
        .as_text()
        .ok_or_else(|| format!("`{name}` is no text"))
}

pub(super) fn principal(map: &Value, name: &str) -> Result<Principal, String> {
    Principal::try_from_slice(bytes(map, name)?)
        .map_err(|error| format!("`{name}` is no principal: {error}"))
}
