//! A call of the management canister on its way to the method and back: who called, with how many cycles, what is answered to
//! whom. Owns the list of methods that this subnet serves; what a method does stands in the file of its family.

use candid::Principal;

use super::{Method, Outcalls, State};
use super::{
    chunks, create, cycles, info, install, keys, lifecycle, logs, outcalls, randomness, settings,
    snapshots, status, subnet_info,
};
use crate::canister::contexts::Origin;
use crate::canister::history::ChangeOrigin;
use crate::canister::queues::{IngressId, Payload, Request, Response};
use crate::canister::{Canister, StopWaiter};
use crate::errors::{CallError, ErrorCode, ManagementError, SystemReject, UserError};
use crate::outcome::MessageResult;

/// Who calls.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A user.
    User {
        /// The message.
        id: IngressId,
        /// Who signed it.
        sender: Principal,
    },
    /// A canister.
    Canister(Box<Request>),
}

/// A call at work.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// Which method.
    pub method: Method,
    /// The argument.
    pub payload: &'a [u8],
    /// Cycles that go back with the answer: all that came, unless the method takes some.
    pub refund: u128,
    /// What is to be told to others.
    pub notices: &'a mut Vec<Notice>,
}

impl Call<'_> {
    /// The principal that calls.
    pub fn sender(&self) -> Principal {
        match self.caller {
            Caller::User { sender, .. } => *sender,
            Caller::Canister(request) => request.sender,
        }
    }

    /// Cycles that came with the call.
    pub fn cycles(&self) -> u128 {
        match self.caller {
            Caller::User { .. } => 0,
            Caller::Canister(request) => request.cycles,
        }
    }

    /// How the caller stands in the history of a canister; `version` is what it said in the argument.
    pub fn origin(&self, version: Option<u64>) -> ChangeOrigin {
        match self.caller {
            Caller::User { sender, .. } => ChangeOrigin::User(*sender),
            Caller::Canister(request) => ChangeOrigin::Canister(request.sender, version),
        }
    }

    /// Refuses users, for methods of canisters that were executed for one all the same.
    pub fn only_canisters(&self) -> Result<(), ManagementError> {
        match self.caller {
            Caller::User { .. } => Err(ManagementError::CannotBeCalledByUser {
                method: self.method.name().to_owned(),
            }),
            Caller::Canister(_) => Ok(()),
        }
    }

    /// Refuses everybody but controllers.
    pub fn only_controllers(&self, canister: &Canister) -> Result<(), ManagementError> {
        let caller = self.sender();
        if canister.is_controlled_by(&caller) {
            return Ok(());
        }
        Err(invalid_controller(canister, caller))
    }

    /// Refuses everybody but controllers and the canister itself.
    pub fn only_controllers_and_self(&self, canister: &Canister) -> Result<(), ManagementError> {
        if self.sender() == canister.id {
            return Ok(());
        }
        self.only_controllers(canister)
    }
}

/// The refusal of somebody who does not control the canister.
pub fn invalid_controller(canister: &Canister, caller: Principal) -> ManagementError {
    ManagementError::InvalidController {
        canister: canister.id,
        controllers: canister.settings.controllers.to_vec(),
        caller,
    }
}

/// What a method answers: the reply, encoded.
pub type Answer = Result<Vec<u8>, ManagementError>;

/// What became of a call.
#[derive(Debug)]
pub enum Verdict {
    /// It has its answer.
    Answered {
        /// The answer.
        result: Result<Vec<u8>, UserError>,
        /// Cycles that go back.
        refund: u128,
    },
    /// It will have one later.
    Waiting,
}

/// Something to be told to others than the caller.
#[derive(Debug)]
pub enum Notice {
    /// The answer to a user's message.
    ToUser(IngressId, MessageResult),
    /// The answer of the management canister to an earlier call; all cycles go back.
    FromManagement(Request, Result<Vec<u8>, UserError>),
    /// The answer of a canister that will not give one itself.
    FromCanister(Response),
}

impl Notice {
    /// The answer to who waits for a canister to stop.
    pub fn to_waiter(waiter: StopWaiter, result: Result<Vec<u8>, UserError>) -> Self {
        match waiter {
            StopWaiter::Ingress(id) => Notice::ToUser(id, result.into()),
            StopWaiter::Canister(request) => Notice::FromManagement(request, result),
        }
    }

    /// Tells the caller of an open call that the canister was uninstalled.
    pub fn uninstalled(canister: Principal, origin: Origin, refund: u128) -> Option<Self> {
        match origin {
            Origin::SystemTask => None,
            Origin::Ingress { id, .. } => Some(Notice::ToUser(
                id,
                MessageResult::Failed(CallError::Uninstalled.into()),
            )),
            Origin::Canister {
                sender, callback, ..
            } => Some(Notice::FromCanister(Response {
                originator: sender,
                respondent: canister,
                callback,
                refund,
                payload: Payload::Reject(SystemReject::Uninstalled.into()),
            })),
        }
    }
}

/// Executes a call.
pub fn execute(
    state: &mut State,
    outcalls: &mut Outcalls,
    caller: Caller,
    method: &str,
    payload: &[u8],
    notices: &mut Vec<Notice>,
) -> Verdict {
    let Some(method) = state.method(method) else {
        // Only calls that name the subnet come here with an unknown method.
        let text = format!("Management canister has no method '{method}'");
        return Verdict::Answered {
            refund: match &caller {
                Caller::User { .. } => 0,
                Caller::Canister(request) => request.cycles,
            },
            result: Err(UserError::new(ErrorCode::CanisterMethodNotFound, text)),
        };
    };
    let mut call = Call {
        caller: &caller,
        method,
        payload,
        refund: 0,
        notices,
    };
    call.refund = call.cycles();
    let answer = match method {
        Method::StopCanister => match lifecycle::stop_canister(state, &mut call) {
            Ok(None) => return Verdict::Waiting,
            Ok(Some(reply)) => Ok(reply),
            Err(error) => Err(error),
        },
        Method::HttpRequest => match outcalls::http_request(state, outcalls, &mut call) {
            Ok(None) => return Verdict::Waiting,
            Ok(Some(reply)) => Ok(reply),
            Err(error) => Err(error),
        },
        _ => answer(state, &mut call),
    };
    if answer.is_ok()
        && let Ok(Some(id)) = method.effective_canister(payload)
    {
        let bookkeeping = state.bookkeeping;
        if let Some(canister) = state.canisters.get_mut(&id) {
            canister.update_hook(bookkeeping);
        }
    }
    Verdict::Answered {
        refund: call.refund,
        result: answer.map_err(UserError::from),
    }
}

fn answer(state: &mut State, call: &mut Call<'_>) -> Answer {
    match call.method {
        Method::CreateCanister => create::create_canister(state, call),
        Method::ProvisionalCreateCanisterWithCycles => create::provisional_create(state, call),
        Method::ProvisionalTopUpCanister => cycles::provisional_top_up(state, call),
        Method::DepositCycles => cycles::deposit(state, call),
        Method::InstallCode => install::install_code(state, call),
        Method::InstallChunkedCode => install::install_chunked_code(state, call),
        Method::UninstallCode => lifecycle::uninstall_code(state, call),
        Method::StartCanister => lifecycle::start_canister(state, call),
        Method::DeleteCanister => lifecycle::delete_canister(state, call),
        Method::UpdateSettings => settings::update_settings(state, call),
        Method::CanisterStatus => status::canister_status(state, call),
        Method::CanisterInfo => info::canister_info(state, call),
        Method::CanisterMetadata => info::canister_metadata(state, call),
        Method::UploadChunk => chunks::upload_chunk(state, call),
        Method::ClearChunkStore => chunks::clear_chunk_store(state, call),
        Method::StoredChunks => chunks::stored_chunks(state, call),
        Method::TakeCanisterSnapshot => snapshots::take(state, call),
        Method::LoadCanisterSnapshot => snapshots::load(state, call),
        Method::ListCanisterSnapshots => snapshots::list(state, call),
        Method::DeleteCanisterSnapshot => snapshots::delete(state, call),
        Method::ReadCanisterSnapshotMetadata => snapshots::read_metadata(state, call),
        Method::ReadCanisterSnapshotData => snapshots::read_data(state, call),
        Method::UploadCanisterSnapshotMetadata => snapshots::upload_metadata(state, call),
        Method::UploadCanisterSnapshotData => snapshots::upload_data(state, call),
        Method::RawRand => randomness::raw_rand(state, call),
        Method::SubnetInfo => subnet_info::subnet_info(state, call),
        Method::NodeMetricsHistory => subnet_info::node_metrics_history(state, call),
        Method::FetchCanisterLogs => logs::refuse_replicated(call),
        Method::ECDSAPublicKey
        | Method::SchnorrPublicKey
        | Method::VetKdPublicKey
        | Method::SignWithECDSA
        | Method::SignWithSchnorr
        | Method::VetKdDeriveKey
        | Method::VetKdDeriveEncryptedKey => keys::execute(state, call),
        Method::RenameCanister => lifecycle::rename_canister(state, call),
        Method::BitcoinGetBalance
        | Method::BitcoinGetUtxos
        | Method::BitcoinGetBlockHeaders
        | Method::BitcoinSendTransaction
        | Method::BitcoinGetCurrentFeePercentiles
        | Method::BitcoinGetSuccessors
        | Method::BitcoinSendTransactionInternal => outcalls::bitcoin(call),
        Method::SetupInitialDKG | Method::ReshareChainKey | Method::ComputeInitialIDkgDealings => {
            outcalls::only_for_nns(call)
        }
        Method::StopCanister | Method::HttpRequest => {
            unreachable!("these are answered by their caller")
        }
    }
}

/// A query of the management canister by a user.
pub fn query(
    state: &State,
    sender: &Principal,
    method: &str,
    payload: &[u8],
) -> Result<Vec<u8>, UserError> {
    match method.parse::<Method>() {
        Ok(Method::FetchCanisterLogs) => logs::fetch(state, sender, payload),
        Ok(Method::CanisterStatus) if !state.is_drun() => status::query(state, sender, payload),
        _ => Err(crate::errors::QueryError::UnknownManagementMethod(method.to_owned()).into()),
    }
}

/// The reply of methods that return nothing.
pub fn empty_reply() -> Vec<u8> {
    b"DIDL\0\0".to_vec()
}
