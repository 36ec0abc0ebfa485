//! The table of methods: a row for each, with every column (management-canister.md, sections 0.1, 0.2 and 1, Appendix B). The
//! only place that knows all methods; what one does stands in the file of its family.

use std::fmt;
use std::str::FromStr;

use super::method::{Access, Ingress, Known, Method, UnknownMethod};
use super::row::{Argument, Goes, Row, Typed};
use super::types::bitcoin::BitcoinArgs;
use super::types::chunks::UploadChunkArgs;
use super::types::http::{FlexibleHttpRequestArgs, HttpRequestArgs};
use super::types::info::{CanisterInfoArgs, CanisterMetadataArgs};
use super::types::keys::{
    EcdsaPublicKeyArgs, KeyId, SchnorrPublicKeyArgs, SignWithEcdsaArgs, SignWithSchnorrArgs,
    VetKdDeriveKeyArgs, VetKdPublicKeyArgs,
};
use super::types::lifecycle::{
    CanisterIdRecord, ProvisionalCreateArgs, ProvisionalTopUpArgs, RenameCanisterArgs,
    UninstallCodeArgs,
};
use super::types::logs::FetchCanisterLogsArgs;
use super::types::settings::AskedSettings;
use super::types::settings::UpdateSettingsArgs;
use super::types::snapshots::{
    LoadSnapshotArgs, ReadSnapshotDataArgs, SnapshotArgs, TakeSnapshotArgs, UploadSnapshotDataArgs,
    UploadSnapshotMetadataArgs,
};
use super::types::subnet::{NodeMetricsHistoryArgs, SubnetInfoArgs};
use super::{
    canister_metrics, chunks, create, cycles, decode, info, install, keys, lifecycle,
    list_canisters, logs, outcalls, randomness, settings, snapshots, status, subnet_info,
    subnet_metrics,
};
use crate::protocol::Date;

impl Method {
    /// All that is known of it.
    pub(super) fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name a caller uses.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What is asked of a user who calls it.
    pub fn ingress(self) -> Ingress {
        self.row().ingress
    }

    /// May users call it? Where no ingress filter runs this is the only question.
    pub fn allowed_as_ingress(self) -> bool {
        self.ingress() != Ingress::Never
    }

    /// Does a replica of this date have it?
    pub fn is_known(self, date: Date) -> bool {
        self.row().known.to(date)
    }

    /// The methods that are queries in a replica of this date.
    pub fn queries(date: Date) -> impl Iterator<Item = Method> {
        let rows = TABLE.iter();
        let queries = rows.filter(move |row| row.query.is_some_and(|(known, _)| known.to(date)));
        queries.map(|row| row.method)
    }

    /// Which replicas have it.
    pub fn known(self) -> Known {
        self.row().known
    }

    /// Does it wait while the round's instructions for management calls are used up (scheduling.md 1.4)?
    pub fn is_heavy(self) -> bool {
        self.row().heavy
    }

    /// Its name in `SubnetNotFound(CanisterId(…), {name})`.
    pub fn routing_name(self) -> &'static str {
        self.row().routed_as
    }

    /// Is the payload of a canister's call decoded, and its sender version compared, before the call leaves the caller?
    pub fn has_sender_version(self) -> bool {
        self.row().work.has_sender_version()
    }

    /// Decodes the argument of a call.
    pub fn open(self, payload: &[u8]) -> Argument {
        self.row().work.open(payload)
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.method)
            .ok_or(UnknownMethod)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every method, in the order of [`Method`].
static TABLE: [Row; Method::COUNT] = [
    Row {
        method: Method::CreateCanister,
        name: "create_canister",
        routed_as: "CreateCanister",
        known: Known::Always,
        ingress: Ingress::Admins,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::create_canister,
            goes: Goes::OwnSubnet,
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| create::create_canister(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::ProvisionalCreateCanisterWithCycles,
        name: "provisional_create_canister_with_cycles",
        routed_as: "ProvisionalCreateCanisterWithCycles",
        known: Known::Always,
        ingress: Ingress::Whitelist,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<ProvisionalCreateArgs<AskedSettings>>,
            goes: Goes::OwnSubnet,
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| create::provisional_create(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::ProvisionalTopUpCanister,
        name: "provisional_top_up_canister",
        routed_as: "ProvisionalTopUpCanister",
        known: Known::Always,
        ingress: Ingress::Whitelist,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<ProvisionalTopUpArgs>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, _, args| cycles::provisional_top_up(state, args).map(Some),
        },
    },
    Row {
        method: Method::InstallCode,
        name: "install_code",
        routed_as: "InstallCode",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: true,
        work: &Typed {
            decode: decode::install_code,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| install::install_code(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::InstallChunkedCode,
        name: "install_chunked_code",
        routed_as: "InstallChunkedCode",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: true,
        work: &Typed {
            decode: decode::install_chunked_code,
            goes: Goes::SubnetOf(|args| args.target_canister),
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| install::install_chunked_code(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::UploadChunk,
        name: "upload_chunk",
        routed_as: "UploadChunk",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: true,
        work: &Typed {
            decode: decode::one::<UploadChunkArgs>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| chunks::upload_chunk(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::ClearChunkStore,
        name: "clear_chunk_store",
        routed_as: "ClearChunkStore",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| chunks::clear_chunk_store(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::StoredChunks,
        name: "stored_chunks",
        routed_as: "StoredChunks",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| chunks::stored_chunks(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::UninstallCode,
        name: "uninstall_code",
        routed_as: "UninstallCode",
        known: Known::Always,
        ingress: Ingress::Asked(Access::ControllerOrAdmin),
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<UninstallCodeArgs>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| lifecycle::uninstall_code(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::UpdateSettings,
        name: "update_settings",
        routed_as: "UpdateSettings",
        known: Known::Always,
        ingress: Ingress::Controllers,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<UpdateSettingsArgs<AskedSettings>>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: Some(|args| args.sender_canister_version),
            run: |state, _, call, args| settings::update_settings(state, call, args).map(Some),
        },
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
        method: Method::StartCanister,
        name: "start_canister",
        routed_as: "DepositCycles",
        known: Known::Always,
        ingress: Ingress::Asked(Access::ControllerOrAdmin),
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| lifecycle::start_canister(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::StopCanister,
        name: "stop_canister",
        routed_as: "DepositCycles",
        known: Known::Always,
        ingress: Ingress::Asked(Access::ControllerOrAdmin),
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| lifecycle::stop_canister(state, call, args),
        },
    },
    Row {
        method: Method::DeleteCanister,
        name: "delete_canister",
        routed_as: "DepositCycles",
        known: Known::Always,
        ingress: Ingress::Asked(Access::ControllerOrAdmin),
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| lifecycle::delete_canister(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::DepositCycles,
        name: "deposit_cycles",
        routed_as: "DepositCycles",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<CanisterIdRecord>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: None,
            run: |state, _, call, args| cycles::deposit(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::RawRand,
        name: "raw_rand",
        routed_as: "RawRand",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::nothing,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |state, _, call, args| randomness::raw_rand(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::HttpRequest,
        name: "http_request",
        routed_as: "HttpRequest",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<HttpRequestArgs>,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: outcalls::http_request,
        },
    },
    Row {
        method: Method::ECDSAPublicKey,
        name: "ecdsa_public_key",
        routed_as: "ECDSAPublicKey",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<EcdsaPublicKeyArgs>,
            goes: Goes::Key {
                key: |args| KeyId::Ecdsa(args.key_id.clone()),
                enabled: false,
            },
            sender_version: None,
            run: |state, _, call, args| keys::ecdsa_public_key(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::SignWithECDSA,
        name: "sign_with_ecdsa",
        routed_as: "SignWithECDSA",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<SignWithEcdsaArgs>,
            goes: Goes::Key {
                key: |args| KeyId::Ecdsa(args.key_id.clone()),
                enabled: true,
            },
            sender_version: None,
            run: |state, _, call, args| keys::sign_with_ecdsa(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::SchnorrPublicKey,
        name: "schnorr_public_key",
        routed_as: "SchnorrPublicKey",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<SchnorrPublicKeyArgs>,
            goes: Goes::Key {
                key: |args| KeyId::Schnorr(args.key_id.clone()),
                enabled: false,
            },
            sender_version: None,
            run: |state, _, call, args| keys::schnorr_public_key(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::SignWithSchnorr,
        name: "sign_with_schnorr",
        routed_as: "SignWithSchnorr",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<SignWithSchnorrArgs>,
            goes: Goes::Key {
                key: |args| KeyId::Schnorr(args.key_id.clone()),
                enabled: true,
            },
            sender_version: None,
            run: |state, _, call, args| keys::sign_with_schnorr(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::VetKdPublicKey,
        name: "vetkd_public_key",
        routed_as: "VetKdPublicKey",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<VetKdPublicKeyArgs>,
            goes: Goes::Key {
                key: |args| KeyId::VetKd(args.key_id.clone()),
                enabled: false,
            },
            sender_version: None,
            run: |state, _, call, args| keys::vetkd_public_key(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::VetKdDeriveKey,
        name: "vetkd_derive_key",
        routed_as: "VetKdDeriveKey",
        known: Known::OctoberOnly,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<VetKdDeriveKeyArgs>,
            goes: Goes::Key {
                key: |args| KeyId::VetKd(args.key_id.clone()),
                enabled: true,
            },
            sender_version: None,
            run: |state, _, call, args| keys::vetkd_derive_key(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::BitcoinGetBalance,
        name: "bitcoin_get_balance",
        routed_as: "BitcoinGetBalance",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinGetUtxos,
        name: "bitcoin_get_utxos",
        routed_as: "BitcoinGetUtxos",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinGetBlockHeaders,
        name: "bitcoin_get_block_headers",
        routed_as: "BitcoinGetBlockHeaders",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinSendTransaction,
        name: "bitcoin_send_transaction",
        routed_as: "BitcoinSendTransaction",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinGetCurrentFeePercentiles,
        name: "bitcoin_get_current_fee_percentiles",
        routed_as: "BitcoinGetCurrentFeePercentiles",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinGetSuccessors,
        name: "bitcoin_get_successors",
        routed_as: "BitcoinGetSuccessors",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::unread,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin_internal(call).map(Some),
        },
    },
    Row {
        method: Method::BitcoinSendTransactionInternal,
        name: "bitcoin_send_transaction_internal",
        routed_as: "BitcoinSendTransactionInternal",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::unread,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin_internal(call).map(Some),
        },
    },
    Row {
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
            run: |state, _, call, args| {
                subnet_info::node_metrics_history(state, call, args).map(Some)
            },
        },
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
            sender_version: None,
            run: |state, _, call, args| snapshots::take(state, call, args).map(Some),
        },
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
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
    },
    Row {
        method: Method::RenameCanister,
        name: "rename_canister",
        routed_as: "RenameCanister",
        known: Known::OctoberOnly,
        ingress: Ingress::OnlyCanisters,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<RenameCanisterArgs>,
            goes: Goes::SubnetOf(|args| args.canister_id),
            sender_version: Some(|args| Some(args.sender_canister_version)),
            run: |state, _, call, args| lifecycle::rename_canister(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::SetupInitialDKG,
        name: "setup_initial_dkg",
        routed_as: "SetupInitialDKG",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::nothing,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
        },
    },
    Row {
        method: Method::ReshareChainKey,
        name: "reshare_chain_key",
        routed_as: "ReshareChainKey",
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::unread,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
        },
    },
    Row {
        method: Method::VetKdDeriveEncryptedKey,
        name: "vetkd_derive_encrypted_key",
        routed_as: "VetKdDeriveEncryptedKey",
        known: Known::MarchOnly,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<VetKdDeriveKeyArgs>,
            goes: Goes::Key {
                key: |args| KeyId::VetKd(args.key_id.clone()),
                enabled: true,
            },
            sender_version: None,
            run: |state, _, call, args| keys::vetkd_derive_key(state, call, args).map(Some),
        },
    },
    Row {
        method: Method::ComputeInitialIDkgDealings,
        name: "compute_initial_idkg_dealings",
        routed_as: "ComputeInitialIDkgDealings",
        known: Known::MarchOnly,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::unread,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
        },
    },
    Row {
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
            run: |state, _, call, args| {
                canister_metrics::canister_metrics(state, call, args).map(Some)
            },
        },
    },
    Row {
        method: Method::ListCanisters,
        name: "list_canisters",
        routed_as: "ListCanisters",
        known: Known::Since(Date::November2026),
        ingress: Ingress::Never,
        query: Some((Known::Since(Date::November2026), list_canisters::query)),
        heavy: false,
        work: &Typed {
            decode: decode::nothing,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |state, _, call, args| list_canisters::list_canisters(state, call, args).map(Some),
        },
    },
    Row {
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
    },
    Row {
        method: Method::FlexibleHttpRequest,
        name: "flexible_http_request",
        routed_as: "FlexibleHttpRequest",
        known: Known::Since(Date::November2026),
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<FlexibleHttpRequestArgs>,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: outcalls::flexible_http_request,
        },
    },
];

#[cfg(test)]
mod tests;
