//! What the methods of the management canister answer, as types: whoever prints an answer finds the names of its fields here, which
//! the bytes do not carry.

use candid::CandidType;
use candid::types::Type;

use super::types::chunks::ChunkHash;
use super::types::http::{FlexibleHttpReply, HttpResponse};
use super::types::info::CanisterMetadataReply;
use super::types::keys::{
    PublicKeyReply, SignatureReply, VetKdDeriveKeyReply, VetKdPublicKeyReply,
};
use super::types::lifecycle::CanisterIdRecord;
use super::types::logs::FetchCanisterLogsReply;
use super::types::metrics::{CanisterMetricsReply, ListCanistersReply};
use super::types::snapshots::{
    ReadSnapshotDataReply, Snapshot, SnapshotMetadataReply, UploadSnapshotMetadataReply,
};
use super::types::subnet::{NodeMetricsEntry, SubnetInfoReply, SubnetMetricsReply};
use super::{info, status};

/// The types of all answers that have fields, of every date.
pub fn types() -> Vec<Type> {
    let mut types = vec![
        CanisterIdRecord::ty(),
        CanisterMetadataReply::ty(),
        CanisterMetricsReply::ty(),
        ChunkHash::ty(),
        FetchCanisterLogsReply::ty(),
        FlexibleHttpReply::ty(),
        HttpResponse::ty(),
        ListCanistersReply::ty(),
        NodeMetricsEntry::ty(),
        PublicKeyReply::ty(),
        ReadSnapshotDataReply::ty(),
        SignatureReply::ty(),
        Snapshot::ty(),
        SnapshotMetadataReply::ty(),
        SubnetInfoReply::ty(),
        SubnetMetricsReply::ty(),
        UploadSnapshotMetadataReply::ty(),
        VetKdDeriveKeyReply::ty(),
        VetKdPublicKeyReply::ty(),
    ];
    types.extend(info::replies());
    types.extend(status::replies());
    types
}
