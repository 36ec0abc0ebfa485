//! The answer of `canister_info` in March 2025, which old drun gives: creation without the hash of environment variables, loaded
//! snapshots without where they come from, neither changes of settings nor of names (management-canister.md, appendix B).

use candid::{CandidType, Deserialize, Principal};
use serde_bytes::ByteBuf;

use crate::management::types::info::{self as today, ChangeOrigin, DeploymentMode};

/// What was changed.
#[derive(Debug, CandidType, Deserialize)]
enum ChangeDetails {
    #[serde(rename = "creation")]
    Creation { controllers: Vec<Principal> },
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
    },
    #[serde(rename = "controllers_change")]
    ControllersChange { controllers: Vec<Principal> },
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

impl From<today::CanisterInfoReply> for CanisterInfoReply {
    fn from(reply: today::CanisterInfoReply) -> Self {
        CanisterInfoReply {
            total_num_changes: reply.total_num_changes,
            recent_changes: reply.recent_changes.into_iter().filter_map(march).collect(),
            module_hash: reply.module_hash,
            controllers: reply.controllers,
        }
    }
}

/// The change as it was told in March; nothing for kinds of changes that did not exist and are not recorded either.
fn march(change: today::Change) -> Option<Change> {
    use today::ChangeDetails as Today;
    let details = match change.details {
        Today::Creation { controllers, .. } => ChangeDetails::Creation { controllers },
        Today::CodeUninstall => ChangeDetails::CodeUninstall,
        Today::CodeDeployment { mode, module_hash } => ChangeDetails::CodeDeployment {
            mode,
            module_hash: module_hash.into(),
        },
        Today::LoadSnapshot {
            canister_version,
            snapshot_id,
            taken_at_timestamp,
            ..
        } => ChangeDetails::LoadSnapshot {
            canister_version,
            snapshot_id: snapshot_id.into(),
            taken_at_timestamp,
        },
        Today::ControllersChange { controllers } => {
            ChangeDetails::ControllersChange { controllers }
        }
        Today::SettingsChange { .. } | Today::RenameCanister { .. } => return None,
    };
    Some(Change {
        timestamp_nanos: change.timestamp_nanos,
        canister_version: change.canister_version,
        origin: change.origin,
        details,
    })
}
