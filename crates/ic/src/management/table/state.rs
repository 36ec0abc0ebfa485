//! The rows of questions: what a canister or the subnet is like, has done and has used.

use crate::management::method::{Access, Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed};
use crate::management::types::info::{CanisterInfoArgs, CanisterMetadataArgs};
use crate::management::types::lifecycle::CanisterIdRecord;
use crate::management::types::logs::FetchCanisterLogsArgs;
use crate::management::types::subnet::{NodeMetricsHistoryArgs, SubnetInfoArgs};
use crate::management::{
    canister_metrics, decode, info, logs, status, subnet_info, subnet_metrics,
};
use crate::protocol::Date;

pub(super) static CANISTER_STATUS: Row = Row {
    method: Method::CanisterStatus,
    name: "canister_status",
    routed_as: "DepositCycles",
    known: Known::Always,
    ingress: Ingress::Asked(Access::Status),
    query: Some((Known::OctoberOnly, status::query)),
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| status::canister_status(state, call, args).map(Some),
    },
};

pub(super) static CANISTER_INFO: Row = Row {
    method: Method::CanisterInfo,
    name: "canister_info",
    routed_as: "CanisterInfo",
    known: Known::Always,
    ingress: Ingress::OnlyCanisters,
    query: Some((Known::Since(Date::November2026), info::query)),
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterInfoArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| info::canister_info(state, call, args).map(Some),
    },
};

pub(super) static CANISTER_METADATA: Row = Row {
    method: Method::CanisterMetadata,
    name: "canister_metadata",
    routed_as: "CanisterMetadata",
    known: Known::OctoberOnly,
    ingress: Ingress::OnlyCanisters,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterMetadataArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| info::canister_metadata(state, call, args).map(Some),
    },
};

pub(super) static NODE_METRICS_HISTORY: Row = Row {
    method: Method::NodeMetricsHistory,
    name: "node_metrics_history",
    routed_as: "NodeMetricsHistory",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<NodeMetricsHistoryArgs>,
        goes: Goes::Principal(|args| args.subnet_id),
        sender_version: None,
        run: |state, _, call, args| subnet_info::node_metrics_history(state, call, args).map(Some),
    },
};

pub(super) static SUBNET_INFO: Row = Row {
    method: Method::SubnetInfo,
    name: "subnet_info",
    routed_as: "SubnetInfo",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SubnetInfoArgs>,
        goes: Goes::Principal(|args| args.subnet_id),
        sender_version: None,
        run: |state, _, call, args| subnet_info::subnet_info(state, call, args).map(Some),
    },
};

pub(super) static FETCH_CANISTER_LOGS: Row = Row {
    method: Method::FetchCanisterLogs,
    name: "fetch_canister_logs",
    routed_as: "FetchCanisterLogs",
    known: Known::Always,
    ingress: Ingress::Never,
    query: Some((Known::Always, logs::fetch)),
    heavy: false,
    work: &Typed {
        decode: decode::one::<FetchCanisterLogsArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| logs::fetch_replicated(state, call, args).map(Some),
    },
};

pub(super) static CANISTER_METRICS: Row = Row {
    method: Method::CanisterMetrics,
    name: "canister_metrics",
    routed_as: "CanisterMetrics",
    known: Known::Since(Date::November2026),
    ingress: Ingress::Asked(Access::ControllerOrAdmin),
    query: Some((Known::Since(Date::November2026), canister_metrics::query)),
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| canister_metrics::canister_metrics(state, call, args).map(Some),
    },
};

pub(super) static SUBNET_METRICS: Row = Row {
    method: Method::SubnetMetrics,
    name: "subnet_metrics",
    routed_as: "SubnetMetrics",
    known: Known::Since(Date::November2026),
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SubnetInfoArgs>,
        goes: Goes::Principal(|args| args.subnet_id),
        sender_version: None,
        run: |state, _, call, args| subnet_metrics::subnet_metrics(state, call, args).map(Some),
    },
};
