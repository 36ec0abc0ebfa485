//! Everything a method of the management canister can answer instead of a reply: the life of canisters, who may do what, and the way into
//! the tables of its families (errors.md, 3.6 and 5.5 to 5.7; management-canister.md, Appendix A). Owns codes, texts and help.

use candid::Principal;

use super::chunk_store::ChunkStoreError;
use super::code::ErrorCode;
use super::execution::ExecutionError;
use super::help::Help;
use super::outcall::OutcallError;
use super::resources::ResourceError;
use super::settings::SettingsError;
use super::snapshot::SnapshotError;
use super::text::{OutOfCycles, grouped};
use super::{Row, UserError};

/// The failure of a management method. A lone principal is the canister that the method is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementError {
    /// Code of the canister ran and failed, or its module cannot be installed; see [`Self::execution`].
    Execution(Box<ExecutionError>, Principal),
    /// Something the subnet or the canister cannot afford.
    Resource(ResourceError),
    /// Settings that cannot be.
    Settings(SettingsError),
    /// Chunks of modules.
    ChunkStore(ChunkStoreError),
    /// Snapshots.
    Snapshot(SnapshotError),
    /// Http requests, keys, Bitcoin.
    Outcall(OutcallError),

    /// The argument does not decode; the reason is the decoder's.
    Undecodable { reason: String },
    /// A method that users may not call, executed for a user all the same.
    CannotBeCalledByUser { method: String },
    /// A method for canisters of the NNS.
    OnlyForNns { method: String, caller: Principal },
    /// The sender controls neither this canister nor is allowed otherwise; the controllers in the order of their set.
    InvalidController {
        canister: Principal,
        controllers: Vec<Principal>,
        caller: Principal,
    },
    /// The sender may not do this, whoever it is.
    CallerNotAuthorized,
    /// A method that the configuration disables.
    NotImplemented,
    /// No such canister, from install_code, install_chunked_code, uninstall_code, stop_canister and delete_canister.
    CanisterNotFound(Principal),
    /// No such canister, from all other methods, without advice.
    UnknownCanister(Principal),

    /// The sender has no subnet.
    SenderNotRoutable(Principal),
    /// The sender is on another subnet.
    IncorrectSenderSubnet(Principal),
    /// The sender's subnet may not create canisters here.
    InvalidSenderSubnet,
    /// The sender may not create canisters out of nothing.
    SenderNotInWhitelist,
    /// Too few cycles came with the request.
    CreateCanisterNotEnoughCycles { fee: u128, sent: u128 },
    /// The subnet has as many canisters as it may.
    MaxNumberOfCanisters { subnet: Principal, max: u64 },
    /// The subnet has given away all its ids.
    OutOfCanisterIds,
    /// The next id of the subnet is taken.
    CanisterIdAlreadyExists(Principal),
    /// The chosen id is taken.
    CanisterAlreadyExists(Principal),
    /// The chosen id is another subnet's.
    NotHostedBySubnet {
        canister: Principal,
        subnet: Principal,
    },
    /// The chosen id is one that the subnet gives away itself.
    InvalidSpecifiedId(Principal),

    /// The canister has a module.
    CanisterNonEmpty(Principal),
    /// The canister cannot pay for the installation.
    InstallCodeNotEnoughCycles(OutOfCycles),
    /// The canister was installed too often lately.
    InstallCodeRateLimited(Principal),
    /// An upgrade does not say what becomes of the persistent heap.
    MissingPersistenceOption,
    /// An upgrade would keep a heap that the new module does not expect.
    PersistenceNotSupported,
    /// The canister is in the middle of a sliced execution.
    LongExecutionInProgress(Principal),

    /// Only stopped canisters are deleted.
    DeleteNotStopped(Principal),
    /// No canister deletes itself.
    DeleteSelf(Principal),
    /// There are messages for the canister.
    DeleteQueueNotEmpty(Principal),
    /// The canister did not come to rest within five minutes; canisters get [`super::SystemReject::StopTimedOut`].
    StopTimedOut,
    /// The canister was started again; canisters get [`super::SystemReject::StopCancelled`].
    StopCancelled(Principal),
    /// Only stopped canisters are renamed.
    RenameNotStopped(Principal),
    /// Only canisters without snapshots are renamed.
    RenameHasSnapshot(Principal),

    /// Metadata of an empty canister.
    MetadataNoModule(Principal),
    /// No such section, or none that the sender may read.
    MetadataSectionNotFound { canister: Principal, name: String },
    /// Logs are for queries.
    LogsOnlyForUsers,
    /// The sender may not read the log.
    LogsNotAllowed { caller: Principal },
    /// The sender may not see the status. The wording is ours.
    StatusNotAllowed { caller: Principal },
    /// The sender may not see snapshots that some others may see. The wording is ours.
    SnapshotsNotAllowed { caller: Principal },
    /// The sender neither controls the canister nor administers the subnet. The wording is ours.
    InvalidControllerOrAdmin {
        canister: Principal,
        controllers: Vec<Principal>,
        caller: Principal,
    },
    /// Only for administrators of the subnet. The wording is ours.
    OnlyAdmins { method: String },
    /// Another limit of the log cannot be paid for.
    ResizeNotEnoughCycles(OutOfCycles),
}

impl ManagementError {
    /// An execution error of `canister`.
    pub fn execution(error: ExecutionError, canister: Principal) -> Self {
        ManagementError::Execution(Box::new(error), canister)
    }

    #[rustfmt::skip] // a table
    fn into_row(self) -> Result<Row, UserError> {
        use ErrorCode as Code;
        use Help::{Documented, Internal, Suggestion};
        use ManagementError::*;
        Ok(match self {
            Execution(error, canister) => return Err(error.into_user_error(canister)),
            Resource(error) => error.row(),
            Settings(error) => error.row(),
            ChunkStore(error) => error.row(),
            Snapshot(error) => error.row(),
            Outcall(error) => error.row(),

            // Who may call what
            Undecodable { reason } => (Code::InvalidManagementPayload, format!("Error decoding candid: {reason}"), Help::None),
            CannotBeCalledByUser { method } => (Code::CanisterContractViolation, format!("{method} cannot be called by a user."), Help::None),
            OnlyForNns { method, caller } => (Code::CanisterContractViolation, format!("{method} is called by {caller}. It can only be called by NNS."), Help::None),
            InvalidController { canister, controllers, caller } => (
                Code::CanisterInvalidController,
                format!("Only the controllers of the canister {canister} can control it.\nCanister's controllers: {}\nSender's ID: {caller}", controllers.iter().map(Principal::to_text).collect::<Vec<_>>().join(" ")),
                Documented("Execute this call from a controller of the target canister or add the current caller as a controller.", "invalid-controller"),
            ),
            InvalidControllerOrAdmin { canister, controllers, caller } => (
                Code::CanisterInvalidControllerOrSubnetAdmin,
                format!("Only the controllers or subnet admins of the canister {canister} can control it.\nCanister's controllers: {}\nSender's ID: {caller}", controllers.iter().map(Principal::to_text).collect::<Vec<_>>().join(" ")),
                Help::None,
            ),
            OnlyAdmins { method } => (Code::InvalidSubnetAdmin, format!("Only subnet admins can call {method}"), Help::None),
            StatusNotAllowed { caller } => (Code::CanisterStatusAccessDenied, format!("Caller {caller} is not allowed to access the canister status"), Help::None),
            SnapshotsNotAllowed { caller } => (Code::CanisterRejectedMessage, format!("Caller {caller} is not allowed to access canister snapshots"), Help::None),
            ResizeNotEnoughCycles(error) => (Code::CanisterOutOfCycles, error.to_string(), Help::None),
            CallerNotAuthorized => (Code::CanisterRejectedMessage, "The caller is not authorized to call this method.".into(), Help::None),
            NotImplemented => (Code::UnknownManagementMessage, "Not yet implemented".into(), Help::None),
            CanisterNotFound(id) => (
                Code::CanisterNotFound, format!("Canister {id} not found."),
                Documented("Check the ICP dashboard to ensure the canister exists.", "canister-not-found"),
            ),
            UnknownCanister(id) => (Code::CanisterNotFound, format!("Canister {id} not found."), Help::None),

            // Creation
            SenderNotRoutable(sender) => (Code::SubnetNotFound, format!("Could not find subnetId given principalId {sender}"), Help::None),
            IncorrectSenderSubnet(subnet) => (Code::CanisterContractViolation, format!("Incorrect sender subnet id: {subnet}. Sender should be on the same subnet or on the NNS subnet."), Help::None),
            InvalidSenderSubnet => (Code::CanisterContractViolation, "Cannot create canister. Sender should be on the same subnet or on the NNS subnet.".into(), Help::None),
            SenderNotInWhitelist => (Code::CanisterMethodNotFound, "Sender not authorized to use method.".into(), Help::None),
            CreateCanisterNotEnoughCycles { fee, sent } => (
                Code::InsufficientCyclesForCreateCanister,
                format!("Creating a canister requires a fee of {} that is deducted from the canister's initial balance but only {} cycles were received with the create_canister request.", grouped(fee), grouped(sent)),
                Documented("Try sending more cycles with the request.", "create-canister-not-enough-cycles"),
            ),
            MaxNumberOfCanisters { subnet, max } => (
                Code::MaxNumberOfCanistersReached, format!("Subnet {subnet} has reached the allowed canister limit of {max} canisters. Retry creating the canister."),
                Documented("Try creating the canister on another subnet.", "maximum-number-of-canisters-reached"),
            ),
            // The replica forgot to fill in the blank.
            OutOfCanisterIds => (Code::SubnetOversubscribed, "Could not create canister. Subnet has surpassed its canister ID allocation.{additional_help}".into(), Help::None),
            CanisterIdAlreadyExists(id) => (Code::CanisterIdAlreadyExists, format!("Unsuccessful canister creation: canister id {id} already exists."), Internal),
            CanisterAlreadyExists(id) => (Code::CanisterAlreadyInstalled, format!("Canister {id} is already installed."), Internal),
            NotHostedBySubnet { canister, subnet } => (Code::CanisterNotHostedBySubnet, format!("Unsuccessful validation of specified ID: Specified CanisterId {canister} is not hosted by subnet {subnet}."), Internal),
            InvalidSpecifiedId(id) => (
                Code::InvalidManagementPayload, format!("The `specified_id` {id} is invalid because it belongs to the canister allocation ranges of the test environment."),
                Suggestion("Use a `specified_id` that matches a canister ID on the ICP mainnet and a test environment that supports canister creation with `specified_id` (e.g., PocketIC)."),
            ),

            // Installation
            CanisterNonEmpty(id) => (
                Code::CanisterNonEmpty, format!("Canister {id} cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead."),
                Documented("Check that you want to overwrite the canister and, if so, use mode='reinstall'.", "canister-not-empty"),
            ),
            InstallCodeNotEnoughCycles(error) => (
                Code::CanisterOutOfCycles, format!("Canister installation failed with `{error}`."),
                Documented("Top up the canister with more cycles.", "install-code-not-enough-cycles"),
            ),
            InstallCodeRateLimited(id) => (
                Code::CanisterInstallCodeRateLimited, format!("Canister {id} is rate limited because it executed too many instructions in the previous install_code messages. Please retry installation after several minutes."),
                Documented("Retry the installation at a later time.", "install-code-rate-limited"),
            ),
            MissingPersistenceOption => (Code::CanisterContractViolation, "Missing upgrade option: Enhanced orthogonal persistence requires the `wasm_memory_persistence` upgrade option.".into(), Help::None),
            PersistenceNotSupported => (Code::CanisterContractViolation, "Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that the new canister module supports enhanced orthogonal persistence.".into(), Help::None),
            LongExecutionInProgress(id) => (Code::CanisterRejectedMessage, format!("The canister {id} is currently executing a long-running message."), Help::None),

            // Stopping, deleting, renaming
            DeleteNotStopped(id) => (
                Code::CanisterNotStopped, format!("Canister {id} must be stopped before it is deleted."),
                Documented("Stop the canister before deleting it.", "delete-canister-not-stopped"),
            ),
            DeleteSelf(id) => (
                Code::CanisterInvalidController, format!("Canister {id} cannot delete itself."),
                Documented("Delete the canister from one of its other controllers.", "delete-canister-self"),
            ),
            DeleteQueueNotEmpty(id) => (
                Code::CanisterQueueNotEmpty, format!("Canister {id} has messages in its queues and cannot be deleted now. Please retry after some time."),
                Documented("Wait until the queues have been cleared to delete the canister and in the meantime stop the canister.", "delete-canister-queue-not-empty"),
            ),
            StopTimedOut => (Code::StopCanisterRequestTimeout, "Stop canister request timed out".into(), Help::None),
            StopCancelled(id) => (Code::CanisterStoppingCancelled, format!("Canister {id}'s stop request was cancelled."), Help::None),
            RenameNotStopped(id) => (Code::CanisterNotStopped, format!("Canister {id} must be stopped before it is renamed."), Suggestion("Stop the canister before renaming.")),
            RenameHasSnapshot(id) => (Code::CanisterNonEmpty, format!("Canister {id} must not have any snapshots before it is renamed."), Suggestion("Delete all snapshots before renaming.")),

            // Metadata and logs
            MetadataNoModule(id) => (Code::CanisterRejectedMessage, format!("The canister {id} has no Wasm module and hence no metadata is available."), Help::None),
            MetadataSectionNotFound { canister, name } => (Code::CanisterRejectedMessage, format!("The canister {canister} has no metadata section with the name {name}."), Help::None),
            LogsOnlyForUsers => (Code::CanisterRejectedMessage, "fetch_canister_logs API is only accessible to end users in non-replicated mode".into(), Help::None),
            LogsNotAllowed { caller } => (Code::CanisterRejectedMessage, format!("Caller {caller} is not allowed to access canister logs"), Help::None),
        })
    }
}

impl From<ManagementError> for UserError {
    fn from(error: ManagementError) -> Self {
        error
            .into_row()
            .map_or_else(|execution| execution, UserError::from_row)
    }
}

macro_rules! family {
    ($($variant:ident($error:ident)),*) => {$(
        impl From<$error> for ManagementError {
            fn from(error: $error) -> Self {
                ManagementError::$variant(error)
            }
        }
    )*};
}

family!(
    Resource(ResourceError),
    Settings(SettingsError),
    ChunkStore(ChunkStoreError),
    Snapshot(SnapshotError),
    Outcall(OutcallError)
);

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Principal {
        Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap()
    }

    fn printed(error: ManagementError) -> String {
        UserError::from(error).to_string()
    }

    #[test]
    #[rustfmt::skip]
    fn every_error_with_a_link_has_its_code_text_and_help() {
        use ManagementError::*;
        let broke = OutOfCycles { canister: id(), threshold: 0, requested: 1_000, available: 1, reveal: true };
        for (error, text, anchor) in [
            (CanisterNotFound(id()), "IC0301: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai not found.\nCheck the ICP dashboard to ensure the canister exists.", "canister-not-found"),
            (CreateCanisterNotEnoughCycles { fee: 500_000_000_000, sent: 0 }, "IC0403: Creating a canister requires a fee of 500_000_000_000 that is deducted from the canister's initial balance but only 0 cycles were received with the create_canister request.\nTry sending more cycles with the request.", "create-canister-not-enough-cycles"),
            (MaxNumberOfCanisters { subnet: id(), max: 9 }, "IC0102: Subnet rwlgt-iiaaa-aaaaa-aaaaa-cai has reached the allowed canister limit of 9 canisters. Retry creating the canister.\nTry creating the canister on another subnet.", "maximum-number-of-canisters-reached"),
            (CanisterNonEmpty(id()), "IC0514: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead.\nCheck that you want to overwrite the canister and, if so, use mode='reinstall'.", "canister-not-empty"),
            (InstallCodeNotEnoughCycles(broke), "IC0207: Canister installation failed with `Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is out of cycles: please top up the canister with at least 999 additional cycles`.\nTop up the canister with more cycles.", "install-code-not-enough-cycles"),
            (InstallCodeRateLimited(id()), "IC0209: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is rate limited because it executed too many instructions in the previous install_code messages. Please retry installation after several minutes.\nRetry the installation at a later time.", "install-code-rate-limited"),
            (DeleteNotStopped(id()), "IC0510: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai must be stopped before it is deleted.\nStop the canister before deleting it.", "delete-canister-not-stopped"),
            (DeleteSelf(id()), "IC0512: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai cannot delete itself.\nDelete the canister from one of its other controllers.", "delete-canister-self"),
            (DeleteQueueNotEmpty(id()), "IC0203: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai has messages in its queues and cannot be deleted now. Please retry after some time.\nWait until the queues have been cleared to delete the canister and in the meantime stop the canister.", "delete-canister-queue-not-empty"),
        ] {
            assert_eq!(printed(error), format!("{text} See documentation: https://internetcomputer.org/docs/current/references/execution-errors#{anchor}"));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_error_without_a_link_has_its_code_and_text() {
        use ManagementError::*;
        let internal = "\nThis is an internal error on the IC. Please report it to IC devs on the forum: https://forum.dfinity.org";
        for (error, text, help) in [
            (Undecodable { reason: "Trailing value after finishing deserialization".into() }, "IC0408: Error decoding candid: Trailing value after finishing deserialization", ""),
            (CannotBeCalledByUser { method: "canister_info".into() }, "IC0504: canister_info cannot be called by a user.", ""),
            (OnlyForNns { method: "rename_canister".into(), caller: id() }, "IC0504: rename_canister is called by rwlgt-iiaaa-aaaaa-aaaaa-cai. It can only be called by NNS.", ""),
            (CallerNotAuthorized, "IC0406: The caller is not authorized to call this method.", ""),
            (NotImplemented, "IC0407: Not yet implemented", ""),
            (UnknownCanister(id()), "IC0301: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai not found.", ""),
            (SenderNotRoutable(id()), "IC0404: Could not find subnetId given principalId rwlgt-iiaaa-aaaaa-aaaaa-cai", ""),
            (IncorrectSenderSubnet(id()), "IC0504: Incorrect sender subnet id: rwlgt-iiaaa-aaaaa-aaaaa-cai. Sender should be on the same subnet or on the NNS subnet.", ""),
            (InvalidSenderSubnet, "IC0504: Cannot create canister. Sender should be on the same subnet or on the NNS subnet.", ""),
            (SenderNotInWhitelist, "IC0536: Sender not authorized to use method.", ""),
            (OutOfCanisterIds, "IC0101: Could not create canister. Subnet has surpassed its canister ID allocation.{additional_help}", ""),
            (CanisterIdAlreadyExists(id()), "IC0205: Unsuccessful canister creation: canister id rwlgt-iiaaa-aaaaa-aaaaa-cai already exists.", internal),
            (CanisterAlreadyExists(id()), "IC0538: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is already installed.", internal),
            (NotHostedBySubnet { canister: id(), subnet: Principal::management_canister() }, "IC0405: Unsuccessful validation of specified ID: Specified CanisterId rwlgt-iiaaa-aaaaa-aaaaa-cai is not hosted by subnet aaaaa-aa.", internal),
            (InvalidSpecifiedId(id()), "IC0408: The `specified_id` rwlgt-iiaaa-aaaaa-aaaaa-cai is invalid because it belongs to the canister allocation ranges of the test environment.", "\nUse a `specified_id` that matches a canister ID on the ICP mainnet and a test environment that supports canister creation with `specified_id` (e.g., PocketIC)."),
            (MissingPersistenceOption, "IC0504: Missing upgrade option: Enhanced orthogonal persistence requires the `wasm_memory_persistence` upgrade option.", ""),
            (PersistenceNotSupported, "IC0504: Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that the new canister module supports enhanced orthogonal persistence.", ""),
            (LongExecutionInProgress(id()), "IC0406: The canister rwlgt-iiaaa-aaaaa-aaaaa-cai is currently executing a long-running message.", ""),
            (StopTimedOut, "IC0206: Stop canister request timed out", ""),
            (StopCancelled(id()), "IC0511: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai's stop request was cancelled.", ""),
            (RenameNotStopped(id()), "IC0510: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai must be stopped before it is renamed.", "\nStop the canister before renaming."),
            (RenameHasSnapshot(id()), "IC0514: Canister rwlgt-iiaaa-aaaaa-aaaaa-cai must not have any snapshots before it is renamed.", "\nDelete all snapshots before renaming."),
            (MetadataNoModule(id()), "IC0406: The canister rwlgt-iiaaa-aaaaa-aaaaa-cai has no Wasm module and hence no metadata is available.", ""),
            (MetadataSectionNotFound { canister: id(), name: "barbaz".into() }, "IC0406: The canister rwlgt-iiaaa-aaaaa-aaaaa-cai has no metadata section with the name barbaz.", ""),
            (LogsOnlyForUsers, "IC0406: fetch_canister_logs API is only accessible to end users in non-replicated mode", ""),
            (LogsNotAllowed { caller: Principal::anonymous() }, "IC0406: Caller 2vxsx-fae is not allowed to access canister logs", ""),
        ] {
            assert_eq!(printed(error), format!("{text}{help}"));
        }
    }

    #[test]
    fn the_wrong_controller_gets_four_lines() {
        let error = |controllers| ManagementError::InvalidController {
            canister: id(),
            controllers,
            caller: Principal::anonymous(),
        };
        let controller = Principal::from_text("rrkah-fqaaa-aaaaa-aaaaq-cai").unwrap();
        assert_eq!(
            printed(error(vec![controller])),
            "IC0512: Only the controllers of the canister rwlgt-iiaaa-aaaaa-aaaaa-cai can control it.\n\
             Canister's controllers: rrkah-fqaaa-aaaaa-aaaaq-cai\n\
             Sender's ID: 2vxsx-fae\n\
             Execute this call from a controller of the target canister or add the current caller as a controller. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#invalid-controller"
        );
        assert!(printed(error(vec![controller, id()])).contains(
            "\nCanister's controllers: rrkah-fqaaa-aaaaa-aaaaq-cai rwlgt-iiaaa-aaaaa-aaaaa-cai\n"
        ));
        assert!(printed(error(vec![])).contains("\nCanister's controllers: \nSender's ID"));
    }

    #[test]
    fn an_execution_error_prints_as_it_does_elsewhere() {
        assert_eq!(
            printed(ManagementError::execution(
                ExecutionError::WasmModuleNotFound,
                id()
            )),
            "IC0537: Error from Canister rwlgt-iiaaa-aaaaa-aaaaa-cai: Attempted to execute a message, but the canister contains no Wasm module..\n\
             Please install code to this canister before calling it. See documentation: https://internetcomputer.org/docs/current/references/execution-errors#wasm-module-not-found"
        );
    }
}
