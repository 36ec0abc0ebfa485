//! What `canister_info` and `canister_metadata` take and answer, with the entries of a canister's history
//! (management-canister.md, section 5). Which events are recorded is not decided here.

use super::lifecycle::RenameTo;
use super::snapshots::SnapshotSource;
use candid::{CandidType, Deserialize, Principal};
use serde_bytes::ByteBuf;

/// Argument of `canister_info`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterInfoArgs {
    pub canister_id: Principal,
    /// `None` asks for no entries.
    pub num_requested_changes: Option<u64>,
}

/// Answer of `canister_info`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterInfoReply {
    /// Everything ever recorded, kept or not.
    pub total_num_changes: u64,
    /// Oldest first.
    pub recent_changes: Vec<Change>,
    pub module_hash: Option<ByteBuf>,
    pub controllers: Vec<Principal>,
}

/// An entry of a canister's history.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct Change {
    /// Nanoseconds since 1970, of the round that made the change.
    pub timestamp_nanos: u64,
    /// The version after the change.
    pub canister_version: u64,
    pub origin: ChangeOrigin,
    pub details: ChangeDetails,
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum ChangeOrigin {
    #[serde(rename = "from_user")]
    FromUser { user_id: Principal },
    #[serde(rename = "from_canister")]
    FromCanister {
        canister_id: Principal,
        /// The sender version that the call carried, if it did.
        canister_version: Option<u64>,
    },
}

/// An [`super::install::CanisterInstallMode`] without its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum DeploymentMode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade,
}

/// What was changed. `SettingsChange` is part of the type but never recorded.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum ChangeDetails {
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
        #[serde(with = "serde_bytes")]
        module_hash: Vec<u8>,
    },
    #[serde(rename = "load_snapshot")]
    LoadSnapshot {
        /// The version stored in the snapshot.
        canister_version: u64,
        #[serde(with = "serde_bytes")]
        snapshot_id: Vec<u8>,
        taken_at_timestamp: u64,
        source: SnapshotSource,
        /// `None` if the snapshot is the canister's own.
        from_canister_id: Option<Principal>,
    },
    #[serde(rename = "controllers_change")]
    ControllersChange { controllers: Vec<Principal> },
    #[serde(rename = "settings_change")]
    SettingsChange {
        controllers: Option<Vec<Principal>>,
        environment_variables_hash: Option<ByteBuf>,
    },
    #[serde(rename = "rename_canister")]
    RenameCanister {
        canister_id: Principal,
        total_num_changes: u64,
        rename_to: RenameTo,
    },
}

/// Argument of `canister_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterMetadataArgs {
    pub canister_id: Principal,
    pub name: String,
}

/// Answer of `canister_metadata`: the content of the custom section.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterMetadataReply {
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::super::golden::round_trip;
    use super::*;

    #[test]
    fn a_history_is_answered_in_the_recorded_bytes() {
        let reply: CanisterInfoReply = round_trip(RECORDED);
        assert_eq!(reply.total_num_changes, 9);
        assert_eq!(reply.recent_changes.len(), 9);
        assert!(matches!(
            reply.recent_changes[0].details,
            ChangeDetails::Creation { .. }
        ));
        assert!(matches!(
            reply.recent_changes[3].details,
            ChangeDetails::LoadSnapshot {
                source: SnapshotSource::TakenFromCanister(_),
                from_canister_id: None,
                ..
            }
        ));
    }

    #[test]
    fn metadata_is_answered_in_the_recorded_bytes() {
        let reply: CanisterMetadataReply =
            round_trip("4449444c026c01f1fee18d03016d7b01000568656c6c6f");
        assert_eq!(reply.value, b"hello");
    }

    const RECORDED: &str = "4449444c166c04d7e09b90020181cfaef40a029ff4c1b60b048fedd8b10e786d686e036d7b6d056c04d6f68e800178c0c3dff50278e6b384d80406c2b9dbda0a0a6b0280d1e8900207dced83b40b086c018fc1d4fb06686c02c0c3dff50209b3c4b1f204686e786b079f90dedf020bd798fbac040cbd81f4ce040e8cb1bb9a0511c89cb4c90a1398f795de0a1590c6909a0f7f6c02d7e09b900201c2e7e2ce0b026c02e3a683c3040d81cfaef40a036b03c8bb8a707f9ce9c699067f9baaebec087f6c05c0c3dff50278dbe1c691030f9ed9c0ad081082bff3a50d78b6b897890f036b0291a0c58d0370a4f794e508706e686c02d7e09b900212c2e7e2ce0b026e016c03dca5dce70214b3c4b1f204688fedd8b10e786c03b3c4b1f2046898cec7e707788fedd8b10e786c01d7e09b900201010003010104010a00000000000000000101010affffffffffe0000001010009056626164e907c1600000000000000000100010a000000000000000001010003010104010a00000000000000000101010affffffffffe000000101000580972e50907c1601000000000000000100010a000000000000000001010102201331cef28910e767ef8d26036df3c0afa3b146464cc2016fd63d945778659c1105f8d8f952907c1605000000000000000100010a000000000000000001010503010104010a00000000000000000101010affffffffffe00000010105e85b9058907c160b000000000000000100010a00000000000000000101020a000000000000000100058a8bdd57907c16120000000000000000ffffffffffe00000010105462c4359907c160c000000000000000100010a0000000000000000010101012093a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f947605a4fcf559907c160d000000000000000100010a0000000000000000010101012093a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f94760502cda85a907c160e000000000000000100010a0000000000000000010101002093a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f947605609d5b5b907c160f000000000000000100010a000000000000000001010605be6d0e5c907c1610000000000000000100010a00000000000000000101060900000000000000";
}
