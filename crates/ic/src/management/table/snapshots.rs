//! The rows of snapshots of canisters.

use crate::management::method::{Access, Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed, Work};
use crate::management::types::lifecycle::CanisterIdRecord;
use crate::management::types::snapshots::{
    LoadSnapshotArgs, ReadSnapshotDataArgs, SnapshotArgs, TakeSnapshotArgs, UploadSnapshotDataArgs,
    UploadSnapshotMetadataArgs,
};
use crate::management::{decode, snapshots};

pub(super) static TAKE_CANISTER_SNAPSHOT: Row = Row {
    method: Method::TakeCanisterSnapshot,
    name: "take_canister_snapshot",
    routed_as: "TakeCanisterSnapshot",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<TakeSnapshotArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| snapshots::take(state, call, args).map(Some),
    },
};

pub(super) static TAKE_BEFORE_2026: &dyn Work = &Typed {
    decode: decode::old_take_snapshot,
    goes: Goes::SubnetOf(|args| args.canister_id),
    sender_version: None,
    run: |state, _, call, args| snapshots::take(state, call, args).map(Some),
};

pub(super) static LOAD_CANISTER_SNAPSHOT: Row = Row {
    method: Method::LoadCanisterSnapshot,
    name: "load_canister_snapshot",
    routed_as: "LoadCanisterSnapshot",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<LoadSnapshotArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| snapshots::load(state, call, args).map(Some),
    },
};

pub(super) static LIST_CANISTER_SNAPSHOTS: Row = Row {
    method: Method::ListCanisterSnapshots,
    name: "list_canister_snapshots",
    routed_as: "ListCanisterSnapshots",
    known: Known::Always,
    ingress: Ingress::Asked(Access::Snapshots),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::list(state, call, args).map(Some),
    },
};

pub(super) static DELETE_CANISTER_SNAPSHOT: Row = Row {
    method: Method::DeleteCanisterSnapshot,
    name: "delete_canister_snapshot",
    routed_as: "DeleteCanisterSnapshot",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SnapshotArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::delete(state, call, args).map(Some),
    },
};

pub(super) static READ_CANISTER_SNAPSHOT_METADATA: Row = Row {
    method: Method::ReadCanisterSnapshotMetadata,
    name: "read_canister_snapshot_metadata",
    routed_as: "ReadCanisterSnapshotMetadata",
    known: Known::OctoberOnly,
    ingress: Ingress::Asked(Access::Snapshots),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SnapshotArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::read_metadata(state, call, args).map(Some),
    },
};

pub(super) static READ_CANISTER_SNAPSHOT_DATA: Row = Row {
    method: Method::ReadCanisterSnapshotData,
    name: "read_canister_snapshot_data",
    routed_as: "ReadCanisterSnapshotData",
    known: Known::OctoberOnly,
    ingress: Ingress::Asked(Access::Snapshots),
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<ReadSnapshotDataArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::read_data(state, call, args).map(Some),
    },
};

pub(super) static UPLOAD_CANISTER_SNAPSHOT_METADATA: Row = Row {
    method: Method::UploadCanisterSnapshotMetadata,
    name: "upload_canister_snapshot_metadata",
    routed_as: "UploadCanisterSnapshotMetadata",
    known: Known::OctoberOnly,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<UploadSnapshotMetadataArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::upload_metadata(state, call, args).map(Some),
    },
};

pub(super) static UPLOAD_CANISTER_SNAPSHOT_DATA: Row = Row {
    method: Method::UploadCanisterSnapshotData,
    name: "upload_canister_snapshot_data",
    routed_as: "UploadCanisterSnapshotData",
    known: Known::OctoberOnly,
    ingress: Ingress::Controllers,
    query: None,
    heavy: true,
    work: &Typed {
        decode: decode::one::<UploadSnapshotDataArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| snapshots::upload_data(state, call, args).map(Some),
    },
};
