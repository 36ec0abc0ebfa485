//! The JSON of the wire (pocket-ic-api.md 2): how bytes and principals are written, and the records of requests and answers. Owns shapes;
//! what is done with them is decided elsewhere. Unknown fields are ignored everywhere.

mod call;
mod config;
mod http;
mod snapshot;

use candid::Principal;
use data_encoding::BASE64;
use drun_ic::node::Fault;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::answer::Refusal;

pub(crate) use call::{
    Blockmaker, CallWire, Codes, MessageIdWire, NodeId, ResultWire, StatusWire, TickWire, reject,
    result,
};
pub(crate) use config::{
    Feature, Features, ForwardTo, GatewayConfig, HttpsConfig, InitialTime, InstanceConfig,
    StateConfig, TopologyWire, topology,
};
pub(crate) use http::{FlexibleMock, Mock, pending};
pub(crate) use snapshot::{Download, Metadata, SnapshotIdWire, Upload};

/// Bytes, as standard base64 with padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes());
        bytes.map(Bytes).map_err(de::Error::custom)
    }
}

impl From<Principal> for Bytes {
    fn from(id: Principal) -> Self {
        Bytes(id.as_slice().to_vec())
    }
}

impl Bytes {
    /// The principal of these bytes; `what` names it in the error.
    pub(crate) fn principal(&self, what: &str) -> Result<Principal, Refusal> {
        Principal::try_from_slice(&self.0).map_err(|_| Refusal::conversion(&format!("Bad {what}")))
    }
}

/// `{"canister_id"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CanisterId {
    pub(crate) canister_id: Bytes,
}

impl CanisterId {
    pub(crate) fn of(id: Principal) -> Self {
        CanisterId {
            canister_id: id.into(),
        }
    }

    pub(crate) fn principal(&self) -> Result<Principal, Refusal> {
        self.canister_id.principal("canister id")
    }
}

/// `{"subnet_id"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SubnetId {
    pub(crate) subnet_id: Bytes,
}

impl SubnetId {
    pub(crate) fn of(id: Principal) -> Self {
        SubnetId {
            subnet_id: id.into(),
        }
    }

    pub(crate) fn principal(&self) -> Result<Principal, Refusal> {
        self.subnet_id.principal("subnet id")
    }
}

/// `{"principal_id"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PrincipalId {
    pub(crate) principal_id: Bytes,
}

impl PrincipalId {
    pub(crate) fn of(id: Principal) -> Self {
        PrincipalId {
            principal_id: id.into(),
        }
    }
}

/// A time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Time {
    pub(crate) nanos_since_epoch: u64,
}

/// A balance.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cycles {
    pub(crate) cycles: u128,
}

/// Cycles for a canister.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AddCycles {
    pub(crate) canister_id: Bytes,
    pub(crate) amount: u128,
}

/// The content of a memory as JSON, `{"blob"}`; nothing if the machine has no room for it.
pub(crate) fn blob(content: &[u8]) -> Option<Vec<u8>> {
    let (begin, end) = (br#"{"blob":""#, br#""}"#);
    let text = begin.len()..begin.len() + BASE64.encode_len(content.len());
    let mut json = Vec::new();
    json.try_reserve_exact(text.end + end.len()).ok()?;
    json.extend_from_slice(begin);
    json.resize(text.end, 0);
    BASE64.encode_mut(content, &mut json[text]);
    json.extend_from_slice(end);
    Some(json)
}

/// A new content of a stable memory.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SetStableMemory {
    pub(crate) canister_id: Bytes,
    pub(crate) blob_id: Bytes,
}

/// Calls of a canister that are to fail (ours).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FaultWire {
    canister_id: Bytes,
    /// Calls of this method only.
    method: Option<String>,
    /// 1 to 6; 2, `SysTransient`, if absent.
    reject_code: Option<u64>,
    message: Option<String>,
    /// How many of them; one if absent.
    count: Option<u64>,
}

impl FaultWire {
    pub(crate) fn fault(self) -> Result<Fault, Refusal> {
        let code = self.reject_code.unwrap_or(2);
        if !(1..=6).contains(&code) {
            return Err(Refusal::bad(format!("InvalidRejectCode({code})")));
        }
        Ok(Fault {
            canister: self.canister_id.principal("canister id")?,
            method: self.method,
            code: drun_ic::net::class(code),
            message: self
                .message
                .unwrap_or_else(|| "The call fails because a test wants it to".to_owned()),
            count: self.count.unwrap_or(1),
        })
    }
}

/// How auto progress is switched on.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct AutoProgress {
    pub(crate) artificial_delay_ms: Option<u64>,
}
