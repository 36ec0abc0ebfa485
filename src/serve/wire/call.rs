//! Calls, their names and their results.

use drun_ic::answer::MessageResult;
use drun_ic::canister::queues::CallerInfo;
use drun_ic::errors::{ErrorCode, RejectCode, UserError};
use drun_ic::net::{Call, Effective, MessageId};
use serde::{Deserialize, Serialize};

use super::{Bytes, PrincipalId, SubnetId};
use crate::serve::answer::Refusal;

/// An effective principal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum EffectiveWire {
    None,
    SubnetId(Bytes),
    CanisterId(Bytes),
}

/// A call.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CallWire {
    sender: Bytes,
    canister_id: Bytes,
    effective_principal: EffectiveWire,
    method: String,
    payload: Bytes,
    sender_info: Option<SenderInfoWire>,
}

/// What a call tells about its sender; nobody signs it here.
#[derive(Clone, Debug, Deserialize)]
struct SenderInfoWire {
    info: Bytes,
    signer: Bytes,
}

impl CallWire {
    pub(crate) fn call(self) -> Result<Call, Refusal> {
        let info = |info: SenderInfoWire| {
            Ok::<_, Refusal>(CallerInfo {
                data: info.info.0,
                signer: info.signer.principal("signer principal")?,
            })
        };
        Ok(Call {
            sender: self.sender.principal("sender principal")?,
            info: self.sender_info.map(info).transpose()?,
            canister: self.canister_id.principal("canister id")?,
            effective: match self.effective_principal {
                EffectiveWire::None => Effective::None,
                EffectiveWire::SubnetId(id) => Effective::Subnet(id.principal("subnet id")?),
                EffectiveWire::CanisterId(id) => {
                    Effective::Canister(id.principal("effective canister id")?)
                }
            },
            method: self.method,
            payload: self.payload.0,
        })
    }
}

/// The name of a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MessageIdWire {
    effective_principal: EffectiveWire,
    message_id: Bytes,
}

impl MessageIdWire {
    pub(crate) fn of(subnet: candid::Principal, id: MessageId) -> Self {
        MessageIdWire {
            effective_principal: EffectiveWire::SubnetId(subnet.into()),
            message_id: Bytes(id.to_vec()),
        }
    }

    pub(crate) fn id(&self) -> Result<MessageId, Refusal> {
        let id = self.message_id.0.as_slice().try_into();
        id.map_err(|_| Refusal::conversion("Bad message id"))
    }
}

/// A question for the state of a message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatusWire {
    pub(crate) raw_message_id: MessageIdWire,
    pub(crate) raw_caller: Option<PrincipalId>,
}

/// A reject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RejectWire {
    reject_code: &'static str,
    reject_message: String,
    error_code: String,
    certified: bool,
}

/// A result.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum ResultWire<T> {
    Ok(T),
    Err(RejectWire),
}

/// The result of a message; certified for updates.
pub(crate) fn result(result: MessageResult, certified: bool) -> ResultWire<Bytes> {
    match result {
        MessageResult::Replied(data) => ResultWire::Ok(Bytes(data)),
        MessageResult::Rejected(text) => ResultWire::Err(RejectWire {
            reject_code: "CanisterReject",
            reject_message: text,
            error_code: format!("{:?}", ErrorCode::CanisterRejectedMessage),
            certified,
        }),
        MessageResult::Failed(error) => ResultWire::Err(reject(error, certified)),
    }
}

/// An error as a reject.
pub(crate) fn reject(error: UserError, certified: bool) -> RejectWire {
    RejectWire {
        reject_code: match error.code.reject_code() {
            RejectCode::SysFatal => "SysFatal",
            RejectCode::SysTransient => "SysTransient",
            RejectCode::DestinationInvalid => "DestinationInvalid",
            RejectCode::CanisterReject => "CanisterReject",
            RejectCode::CanisterError => "CanisterError",
            RejectCode::SysUnknown => "SysUnknown",
        },
        error_code: format!("{:?}", error.code),
        reject_message: error.description,
        certified,
    }
}

/// Who made the block of a round, by subnet. Both shapes of it are taken (2.6).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TickWire {
    pub(crate) blockmakers: Option<Blockmakers>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Blockmakers {
    Newer(Vec<Blockmaker>),
    Older {
        blockmakers_per_subnet: Vec<Blockmaker>,
    },
}

impl Blockmakers {
    pub(crate) fn all(&self) -> &[Blockmaker] {
        match self {
            Blockmakers::Newer(all)
            | Blockmakers::Older {
                blockmakers_per_subnet: all,
            } => all,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Blockmaker {
    pub(crate) subnet: SubnetId,
    pub(crate) blockmaker: NodeId,
    #[serde(default)]
    pub(crate) failed_blockmakers: Vec<NodeId>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct NodeId {
    pub(crate) node_id: Bytes,
}
