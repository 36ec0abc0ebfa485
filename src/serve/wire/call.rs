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
pub(crate) fn result(result: MessageResult, certified: bool, codes: Codes) -> ResultWire<Bytes> {
    match result {
        MessageResult::Replied(data) => ResultWire::Ok(Bytes(data)),
        MessageResult::Rejected(text) => ResultWire::Err(RejectWire {
            reject_code: "CanisterReject",
            reject_message: text,
            error_code: format!("{:?}", ErrorCode::CanisterRejectedMessage),
            certified,
        }),
        MessageResult::Failed(error) => ResultWire::Err(reject(error, certified, codes)),
    }
}

/// The codes of errors that a client knows; a name that it does not know ends it (2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codes {
    All,
    /// Those of the clients before the one that came with server 16.
    Before16,
}

impl Codes {
    /// The code, or the older one that comes closest to it.
    fn known(self, code: ErrorCode) -> ErrorCode {
        use ErrorCode::*;
        match code {
            code if self == Codes::All => code,
            CanisterInvalidControllerOrSubnetAdmin | CanisterStatusAccessDenied => {
                CanisterInvalidController
            }
            InvalidSubnetAdmin => CanisterRejectedMessage,
            SubnetCoolingDown => CanisterHeapDeltaRateLimited,
            code => code,
        }
    }
}

/// An error as a reject.
pub(crate) fn reject(error: UserError, certified: bool, codes: Codes) -> RejectWire {
    RejectWire {
        reject_code: match error.code.reject_code() {
            RejectCode::SysFatal => "SysFatal",
            RejectCode::SysTransient => "SysTransient",
            RejectCode::DestinationInvalid => "DestinationInvalid",
            RejectCode::CanisterReject => "CanisterReject",
            RejectCode::CanisterError => "CanisterError",
            RejectCode::SysUnknown => "SysUnknown",
        },
        error_code: format!("{:?}", codes.known(error.code)),
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
    pub(crate) failed_blockmakers: Option<Vec<NodeId>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct NodeId {
    pub(crate) node_id: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the clients of servers 10 to 15 know (2.1).
    const KNOWN: &str = "SubnetOversubscribed MaxNumberOfCanistersReached CanisterQueueFull IngressMessageTimeout
        CanisterQueueNotEmpty IngressHistoryFull CanisterIdAlreadyExists StopCanisterRequestTimeout CanisterOutOfCycles
        CertifiedStateUnavailable CanisterInstallCodeRateLimited CanisterHeapDeltaRateLimited CanisterNotFound
        CanisterSnapshotNotFound InsufficientMemoryAllocation InsufficientCyclesForCreateCanister SubnetNotFound
        CanisterNotHostedBySubnet CanisterRejectedMessage UnknownManagementMessage InvalidManagementPayload
        CanisterSnapshotImmutable CanisterTrapped CanisterCalledTrap CanisterContractViolation CanisterInvalidWasm
        CanisterDidNotReply CanisterOutOfMemory CanisterStopped CanisterStopping CanisterNotStopped CanisterStoppingCancelled
        CanisterInvalidController CanisterFunctionNotFound CanisterNonEmpty QueryCallGraphLoopDetected InsufficientCyclesInCall
        CanisterWasmEngineError CanisterInstructionLimitExceeded CanisterMemoryAccessLimitExceeded QueryCallGraphTooDeep
        QueryCallGraphTotalInstructionLimitExceeded CompositeQueryCalledInReplicatedMode QueryTimeLimitExceeded
        QueryCallGraphInternal InsufficientCyclesInComputeAllocation InsufficientCyclesInMemoryAllocation
        InsufficientCyclesInMemoryGrow ReservedCyclesLimitExceededInMemoryAllocation ReservedCyclesLimitExceededInMemoryGrow
        InsufficientCyclesInMessageMemoryGrow CanisterMethodNotFound CanisterWasmModuleNotFound CanisterAlreadyInstalled
        CanisterWasmMemoryLimitExceeded ReservedCyclesLimitIsTooLow DeadlineExpired ResponseDropped";
    const SINCE_16: &str = "SubnetCoolingDown InvalidSubnetAdmin CanisterInvalidControllerOrSubnetAdmin CanisterStatusAccessDenied";

    #[test]
    fn a_client_knows_the_names_that_it_is_told() {
        let known: Vec<&str> = KNOWN.split_whitespace().collect();
        for code in ErrorCode::ALL {
            let told = |codes: Codes| {
                let error = UserError::new(code, String::new());
                reject(error, true, codes).error_code
            };
            let (old, new) = (told(Codes::Before16), told(Codes::All));
            assert!(known.contains(&&*old), "{old}");
            assert!(known.contains(&&*new) || SINCE_16.contains(&new), "{new}");
        }
    }
}
