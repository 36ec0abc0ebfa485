//! The answer of `canister_info` in November 2026: a change of name tells who asked for it, and there is no change of settings
//! (since-october-2025.md 2.5).

use candid::{CandidType, Deserialize, Principal};
use serde_bytes::ByteBuf;

use crate::management::types::info::{self as october, ChangeOrigin, DeploymentMode};
use crate::management::types::lifecycle::RenameTo;
use crate::management::types::snapshots::SnapshotSource;

/// What was changed.
#[derive(Debug, CandidType, Deserialize)]
enum ChangeDetails {
    #[serde(rename = "creation")]
    Creation {
        controllers: Vec<Principal>,
        environment_variables_hash: Option<ByteBuf>,
    },
    #[serde(rename = "code_uninstall")]
    CodeUninstall,
    #[serde(rename = "code_deployment")]
    CodeDeployment {
        mode: DeploymentMode,
        module_hash: ByteBuf,
    },
    #[serde(rename = "load_snapshot")]
    LoadSnapshot {
        canister_version: u64,
        snapshot_id: ByteBuf,
        taken_at_timestamp: u64,
        source: SnapshotSource,
        from_canister_id: Option<Principal>,
    },
    #[serde(rename = "controllers_change")]
    ControllersChange { controllers: Vec<Principal> },
    #[allow(
        dead_code,
        reason = "nobody renames here, and yet it is part of the type"
    )]
    #[serde(rename = "rename_canister")]
    RenameCanister {
        canister_id: Principal,
        total_num_changes: u64,
        rename_to: RenameTo,
        requested_by: Principal,
    },
}

/// An entry of a canister's history.
#[derive(Debug, CandidType)]
struct Change {
    timestamp_nanos: u64,
    canister_version: u64,
    origin: ChangeOrigin,
    details: ChangeDetails,
}

/// The answer.
#[derive(Debug, CandidType)]
pub(super) struct CanisterInfoReply {
    total_num_changes: u64,
    recent_changes: Vec<Change>,
    module_hash: Option<ByteBuf>,
    controllers: Vec<Principal>,
}

impl From<october::CanisterInfoReply> for CanisterInfoReply {
    fn from(reply: october::CanisterInfoReply) -> Self {
        CanisterInfoReply {
            total_num_changes: reply.total_num_changes,
            recent_changes: reply.recent_changes.into_iter().filter_map(today).collect(),
            module_hash: reply.module_hash,
            controllers: reply.controllers,
        }
    }
}

/// The change as it is told today; nothing for those that are never recorded.
fn today(change: october::Change) -> Option<Change> {
    use october::ChangeDetails as October;
    let details = match change.details {
        October::Creation {
            controllers,
            environment_variables_hash,
        } => ChangeDetails::Creation {
            controllers,
            environment_variables_hash,
        },
        October::CodeUninstall => ChangeDetails::CodeUninstall,
        October::CodeDeployment { mode, module_hash } => ChangeDetails::CodeDeployment {
            mode,
            module_hash: module_hash.into(),
        },
        October::LoadSnapshot {
            canister_version,
            snapshot_id,
            taken_at_timestamp,
            source,
            from_canister_id,
        } => ChangeDetails::LoadSnapshot {
            canister_version,
            snapshot_id: snapshot_id.into(),
            taken_at_timestamp,
            source,
            from_canister_id,
        },
        October::ControllersChange { controllers } => {
            ChangeDetails::ControllersChange { controllers }
        }
        October::SettingsChange { .. } | October::RenameCanister { .. } => return None,
    };
    Some(Change {
        timestamp_nanos: change.timestamp_nanos,
        canister_version: change.canister_version,
        origin: change.origin,
        details,
    })
}
