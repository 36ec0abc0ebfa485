//! `canister_info` and `canister_metadata`: what every canister may ask about another one (management-canister.md 1.13 and 5).

mod march;
mod november;

use candid::types::Type;
use candid::{CandidType, Principal};
use serde_bytes::ByteBuf;

use super::call::{Answer, Call};
use super::decode::Given;
use super::target::existing;
use super::types::info::{
    CanisterInfoArgs, CanisterInfoReply, CanisterMetadataArgs, CanisterMetadataReply, Change,
    ChangeDetails, ChangeOrigin, DeploymentMode,
};
use super::types::snapshots::SnapshotSource;
use super::writer::encoded;
use super::{State, decode};
use crate::canister::{Canister, InstallMode, history};
use crate::errors::{ManagementError, QueryError, UserError};
use crate::module::CustomSection;
use crate::protocol::Replies;

/// `canister_info`.
pub fn canister_info(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterInfoArgs>,
) -> Answer {
    call.only_canisters()?;
    let args = args?;
    let canister = existing(state, &args.canister_id)?;
    Ok(encode(state, canister, &args))
}

/// `canister_info` as a query, for everybody (since-october-2025.md 2.5).
///
/// # Errors
/// IC0408, IC0301.
pub fn query(state: &State, _: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    let args = decode::one::<CanisterInfoArgs>(payload)?;
    match state.canisters.get(&args.canister_id) {
        Some(canister) => Ok(encode(state, canister, &args)),
        None => Err(QueryError::CanisterNotFound(args.canister_id).into()),
    }
}

/// The types of the answer by date.
pub(super) fn replies() -> [Type; 3] {
    [
        march::CanisterInfoReply::ty(),
        CanisterInfoReply::ty(),
        november::CanisterInfoReply::ty(),
    ]
}

fn encode(state: &State, canister: &Canister, args: &CanisterInfoArgs) -> Vec<u8> {
    let wanted = args.num_requested_changes.unwrap_or(0);
    let reply = CanisterInfoReply {
        total_num_changes: canister.history.total(),
        recent_changes: canister.history.recent(wanted).map(Change::from).collect(),
        module_hash: canister
            .code
            .as_ref()
            .map(|code| ByteBuf::from(code.module.hash)),
        controllers: canister.settings.controllers.to_vec(),
    };
    match state.config.protocol.replies {
        Replies::March2025 => encoded(&march::CanisterInfoReply::from(reply)),
        Replies::October2025 => encoded(&reply),
        Replies::November2026 => encoded(&november::CanisterInfoReply::from(reply)),
    }
}

/// `canister_metadata`: the content of an `icp:` section; of a private one for controllers only. Old drun does not have this method;
/// its calls fail before they come here.
pub fn canister_metadata(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<CanisterMetadataArgs>,
) -> Answer {
    call.only_canisters()?;
    let args = args?;
    let canister = existing(state, &args.canister_id)?;
    let Some(code) = &canister.code else {
        return Err(ManagementError::MetadataNoModule(canister.id));
    };
    let controller = canister.is_controlled_by(&call.sender());
    let sections = &code.module.facts.custom_sections;
    match readable(sections, &args.name, controller) {
        Some(content) => {
            let reply = CanisterMetadataReply {
                value: content.to_vec(),
            };
            Ok(encoded(&reply))
        }
        None => Err(ManagementError::MetadataSectionNotFound {
            canister: canister.id,
            name: args.name,
        }),
    }
}

fn readable<'a>(sections: &'a [CustomSection], name: &str, controller: bool) -> Option<&'a [u8]> {
    sections
        .iter()
        .find(|section| section.name == name && (section.public || controller))
        .map(|section| &section.content[..])
}

impl From<&history::Change> for Change {
    fn from(change: &history::Change) -> Self {
        Change {
            timestamp_nanos: change.time,
            canister_version: change.version,
            origin: match change.origin {
                history::ChangeOrigin::User(user_id) => ChangeOrigin::FromUser { user_id },
                history::ChangeOrigin::Canister(canister_id, canister_version) => {
                    ChangeOrigin::FromCanister {
                        canister_id,
                        canister_version,
                    }
                }
            },
            details: ChangeDetails::from(&change.details),
        }
    }
}

impl From<&history::ChangeDetails> for ChangeDetails {
    fn from(details: &history::ChangeDetails) -> Self {
        use history::ChangeDetails as Recorded;
        match details {
            Recorded::Creation {
                controllers,
                environment_variables_hash,
            } => ChangeDetails::Creation {
                controllers: controllers.clone(),
                environment_variables_hash: environment_variables_hash.clone().map(ByteBuf::from),
            },
            Recorded::CodeUninstall => ChangeDetails::CodeUninstall,
            Recorded::CodeDeployment { mode, module_hash } => ChangeDetails::CodeDeployment {
                mode: match mode {
                    InstallMode::Install => DeploymentMode::Install,
                    InstallMode::Reinstall => DeploymentMode::Reinstall,
                    InstallMode::Upgrade => DeploymentMode::Upgrade,
                },
                module_hash: module_hash.to_vec(),
            },
            Recorded::LoadSnapshot {
                canister_version,
                snapshot_id,
                taken_at,
                uploaded,
                from_canister,
            } => ChangeDetails::LoadSnapshot {
                canister_version: *canister_version,
                snapshot_id: snapshot_id.to_bytes(),
                taken_at_timestamp: *taken_at,
                source: SnapshotSource::of(*uploaded),
                from_canister_id: *from_canister,
            },
            Recorded::ControllersChange { controllers } => ChangeDetails::ControllersChange {
                controllers: controllers.clone(),
            },
        }
    }
}

impl SnapshotSource {
    /// How a snapshot came to be.
    pub fn of(uploaded: bool) -> Self {
        match uploaded {
            true => SnapshotSource::MetadataUpload(candid::Reserved),
            false => SnapshotSource::TakenFromCanister(candid::Reserved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_sections_are_for_controllers() {
        let section = |public, name: &str, content: &[u8]| CustomSection {
            public,
            name: name.into(),
            content: content.into(),
        };
        let sections = [section(true, "open", b"a"), section(false, "closed", b"b")];
        assert_eq!(readable(&sections, "open", false), Some(&b"a"[..]));
        assert_eq!(readable(&sections, "closed", false), None);
        assert_eq!(readable(&sections, "closed", true), Some(&b"b"[..]));
        assert_eq!(readable(&sections, "none", true), None);
    }
}
