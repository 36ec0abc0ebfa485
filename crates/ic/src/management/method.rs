//! The methods of the management canister as data: who may call them how, and where a call goes (management-canister.md, sections
//! 0.1, 0.2 and 1). What a method does, and whether this subnet serves it, is not known here.

use super::decode::{self, DecodeError};
use super::types::chunks::UploadChunkArgs;
use super::types::info::{CanisterInfoArgs, CanisterMetadataArgs};
use super::types::install::InstallCodeArgs;
use super::types::keys::{
    EcdsaPublicKeyArgs, KeyId, SchnorrPublicKeyArgs, SignWithEcdsaArgs, SignWithSchnorrArgs,
    VetKdDeriveKeyArgs, VetKdPublicKeyArgs,
};
use super::types::lifecycle::{
    CanisterIdRecord, ProvisionalCreateArgs, ProvisionalTopUpArgs, RenameCanisterArgs,
    UninstallCodeArgs,
};
use super::types::misc::{
    BitcoinArgs, FetchCanisterLogsArgs, NodeMetricsHistoryArgs, SubnetInfoArgs,
};
use super::types::settings::UpdateSettingsArgs;
use super::types::snapshots::{
    LoadSnapshotArgs, ReadSnapshotDataArgs, SnapshotArgs, TakeSnapshotArgs, UploadSnapshotDataArgs,
    UploadSnapshotMetadataArgs,
};
use candid::Principal;
use std::fmt;
use std::str::FromStr;

/// Who may call a method from outside, and what the ingress filter asks of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// Not callable by users at all.
    Never,
    /// Refused by the filter only, as a call that canisters alone can make; where no filter runs, the method refuses it itself.
    OnlyCanisters,
    /// By controllers of the canister it names.
    Controllers,
    /// By anybody on the list of those who may use the provisional methods: here everybody.
    Whitelist,
}

/// Declares [`Method`] and the table behind it from one list.
macro_rules! methods {
    ($($variant:ident $name:literal $ingress:ident,)*) => {
        /// A method of the management canister. The variants' names are those that routing errors print.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Method { $($variant),* }

        impl Method {
            /// Every method, in the order of the table in section 1; last those that only the original program has.
            pub const ALL: &[Method] = &[$(Method::$variant),*];

            /// The name a caller uses.
            pub fn name(self) -> &'static str {
                match self { $(Method::$variant => $name),* }
            }

            /// What is asked of a user who calls it.
            pub fn ingress(self) -> Ingress {
                match self { $(Method::$variant => Ingress::$ingress),* }
            }
        }
    };
}

methods! {
    CreateCanister "create_canister" Never,
    ProvisionalCreateCanisterWithCycles "provisional_create_canister_with_cycles" Whitelist,
    ProvisionalTopUpCanister "provisional_top_up_canister" Whitelist,
    InstallCode "install_code" Controllers,
    InstallChunkedCode "install_chunked_code" Controllers,
    UploadChunk "upload_chunk" Controllers,
    ClearChunkStore "clear_chunk_store" Controllers,
    StoredChunks "stored_chunks" Controllers,
    UninstallCode "uninstall_code" Controllers,
    UpdateSettings "update_settings" Controllers,
    CanisterStatus "canister_status" Controllers,
    CanisterInfo "canister_info" OnlyCanisters,
    CanisterMetadata "canister_metadata" OnlyCanisters,
    StartCanister "start_canister" Controllers,
    StopCanister "stop_canister" Controllers,
    DeleteCanister "delete_canister" Controllers,
    DepositCycles "deposit_cycles" Never,
    RawRand "raw_rand" Never,
    HttpRequest "http_request" Never,
    ECDSAPublicKey "ecdsa_public_key" Never,
    SignWithECDSA "sign_with_ecdsa" Never,
    SchnorrPublicKey "schnorr_public_key" Never,
    SignWithSchnorr "sign_with_schnorr" Never,
    VetKdPublicKey "vetkd_public_key" Never,
    VetKdDeriveKey "vetkd_derive_key" Never,
    BitcoinGetBalance "bitcoin_get_balance" Never,
    BitcoinGetUtxos "bitcoin_get_utxos" Never,
    BitcoinGetBlockHeaders "bitcoin_get_block_headers" Never,
    BitcoinSendTransaction "bitcoin_send_transaction" Never,
    BitcoinGetCurrentFeePercentiles "bitcoin_get_current_fee_percentiles" Never,
    BitcoinGetSuccessors "bitcoin_get_successors" Never,
    BitcoinSendTransactionInternal "bitcoin_send_transaction_internal" Never,
    NodeMetricsHistory "node_metrics_history" Never,
    SubnetInfo "subnet_info" Never,
    FetchCanisterLogs "fetch_canister_logs" Never,
    TakeCanisterSnapshot "take_canister_snapshot" Controllers,
    LoadCanisterSnapshot "load_canister_snapshot" Controllers,
    ListCanisterSnapshots "list_canister_snapshots" Controllers,
    DeleteCanisterSnapshot "delete_canister_snapshot" Controllers,
    ReadCanisterSnapshotMetadata "read_canister_snapshot_metadata" Controllers,
    ReadCanisterSnapshotData "read_canister_snapshot_data" Controllers,
    UploadCanisterSnapshotMetadata "upload_canister_snapshot_metadata" Controllers,
    UploadCanisterSnapshotData "upload_canister_snapshot_data" Controllers,
    RenameCanister "rename_canister" OnlyCanisters,
    SetupInitialDKG "setup_initial_dkg" Never,
    ReshareChainKey "reshare_chain_key" Never,
    VetKdDeriveEncryptedKey "vetkd_derive_encrypted_key" Never,
    ComputeInitialIDkgDealings "compute_initial_idkg_dealings" Never,
}

/// There is no such method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMethod;

impl fmt::Display for UnknownMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the management canister has no such method")
    }
}

impl std::error::Error for UnknownMethod {}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        Method::ALL
            .iter()
            .find(|method| method.name() == name)
            .copied()
            .ok_or(UnknownMethod)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a canister's call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the caller's own subnet, whatever the payload says.
    OwnSubnet,
    /// To the subnet that hosts this canister.
    SubnetOf(Principal),
    /// To exactly this principal, as an ordinary call of the same method name.
    Principal(Principal),
    /// To a subnet that holds this key.
    Key {
        key: KeyId,
        /// It must be enabled for signing, not merely be there.
        enabled: bool,
    },
}

impl Method {
    /// Is it younger than the original program, which does not know it (management-canister.md, Appendix B)?
    pub fn is_unknown_to_drun(self) -> bool {
        matches!(
            self,
            Method::CanisterMetadata
                | Method::ReadCanisterSnapshotMetadata
                | Method::ReadCanisterSnapshotData
                | Method::UploadCanisterSnapshotMetadata
                | Method::UploadCanisterSnapshotData
                | Method::RenameCanister
                | Method::VetKdDeriveKey
        )
    }

    /// Is it gone since the original program (management-canister.md, Appendix B)?
    pub fn is_known_to_drun_only(self) -> bool {
        matches!(
            self,
            Method::VetKdDeriveEncryptedKey | Method::ComputeInitialIDkgDealings
        )
    }

    /// Does it wait while the round's instructions for management calls are used up (scheduling.md 1.4)?
    pub fn is_heavy(self) -> bool {
        matches!(
            self,
            Method::InstallCode
                | Method::InstallChunkedCode
                | Method::UploadChunk
                | Method::TakeCanisterSnapshot
                | Method::LoadCanisterSnapshot
                | Method::ReadCanisterSnapshotData
                | Method::UploadCanisterSnapshotMetadata
                | Method::UploadCanisterSnapshotData
        )
    }

    /// May users call it? Where no ingress filter runs this is the only question.
    pub fn allowed_as_ingress(self) -> bool {
        self.ingress() != Ingress::Never
    }

    /// Is it known to non-replicated queries?
    pub fn allowed_as_query(self) -> bool {
        matches!(self, Method::CanisterStatus | Method::FetchCanisterLogs)
    }

    /// Does it do anything when a canister calls it? Such a call of any other method still travels and is refused where it executes.
    pub fn allowed_for_canisters(self) -> bool {
        self != Method::FetchCanisterLogs
    }

    /// The method's name in `SubnetNotFound(CanisterId(…), {name})`. Five methods with the same argument share one.
    pub fn routing_name(self) -> String {
        let named = match self {
            Method::CanisterStatus
            | Method::StartCanister
            | Method::StopCanister
            | Method::DeleteCanister => Method::DepositCycles,
            other => other,
        };
        format!("{named:?}")
    }

    /// Is the payload of a canister's call decoded, and its sender version compared, before the call leaves the caller?
    pub fn has_sender_version(self) -> bool {
        matches!(
            self,
            Method::InstallCode
                | Method::InstallChunkedCode
                | Method::CreateCanister
                | Method::ProvisionalCreateCanisterWithCycles
                | Method::UpdateSettings
                | Method::UninstallCode
                | Method::LoadCanisterSnapshot
                | Method::RenameCanister
        )
    }

    /// The `sender_canister_version` in the payload. `None` if it is absent, or if the method has no such field; then the payload is not looked at.
    pub fn sender_canister_version(self, payload: &[u8]) -> Result<Option<u64>, DecodeError> {
        let version = match self {
            Method::InstallCode => decode::one::<InstallCodeArgs>(payload)?.sender_canister_version,
            Method::InstallChunkedCode => {
                decode::install_chunked_code(payload)?.sender_canister_version
            }
            Method::CreateCanister => decode::create_canister(payload)?.sender_canister_version,
            Method::ProvisionalCreateCanisterWithCycles => {
                decode::one::<ProvisionalCreateArgs>(payload)?.sender_canister_version
            }
            Method::UpdateSettings => {
                decode::one::<UpdateSettingsArgs>(payload)?.sender_canister_version
            }
            Method::UninstallCode => {
                decode::one::<UninstallCodeArgs>(payload)?.sender_canister_version
            }
            Method::LoadCanisterSnapshot => {
                decode::one::<LoadSnapshotArgs>(payload)?.sender_canister_version
            }
            Method::RenameCanister => {
                Some(decode::one::<RenameCanisterArgs>(payload)?.sender_canister_version)
            }
            _ => None,
        };
        Ok(version)
    }

    /// The canister that the payload names as the one to act on; `None` if the method has no such canister, and then the payload is not looked at.
    ///
    /// The whole argument has to decode, not only the id.
    pub fn effective_canister(self, payload: &[u8]) -> Result<Option<Principal>, DecodeError> {
        let canister = match self {
            Method::InstallCode => decode::one::<InstallCodeArgs>(payload)?.canister_id,
            Method::InstallChunkedCode => decode::install_chunked_code(payload)?.target_canister,
            Method::UploadChunk => decode::one::<UploadChunkArgs>(payload)?.canister_id,
            Method::UninstallCode => decode::one::<UninstallCodeArgs>(payload)?.canister_id,
            Method::UpdateSettings => decode::one::<UpdateSettingsArgs>(payload)?.canister_id,
            Method::ProvisionalTopUpCanister => {
                decode::one::<ProvisionalTopUpArgs>(payload)?.canister_id
            }
            Method::CanisterInfo => decode::one::<CanisterInfoArgs>(payload)?.canister_id,
            Method::CanisterMetadata => decode::one::<CanisterMetadataArgs>(payload)?.canister_id,
            Method::FetchCanisterLogs => decode::one::<FetchCanisterLogsArgs>(payload)?.canister_id,
            Method::TakeCanisterSnapshot => decode::one::<TakeSnapshotArgs>(payload)?.canister_id,
            Method::LoadCanisterSnapshot => decode::one::<LoadSnapshotArgs>(payload)?.canister_id,
            Method::DeleteCanisterSnapshot | Method::ReadCanisterSnapshotMetadata => {
                decode::one::<SnapshotArgs>(payload)?.canister_id
            }
            Method::ReadCanisterSnapshotData => {
                decode::one::<ReadSnapshotDataArgs>(payload)?.canister_id
            }
            Method::UploadCanisterSnapshotMetadata => {
                decode::one::<UploadSnapshotMetadataArgs>(payload)?.canister_id
            }
            Method::UploadCanisterSnapshotData => {
                decode::one::<UploadSnapshotDataArgs>(payload)?.canister_id
            }
            Method::RenameCanister => decode::one::<RenameCanisterArgs>(payload)?.canister_id,
            Method::ClearChunkStore
            | Method::StoredChunks
            | Method::CanisterStatus
            | Method::StartCanister
            | Method::StopCanister
            | Method::DeleteCanister
            | Method::DepositCycles
            | Method::ListCanisterSnapshots => {
                decode::one::<CanisterIdRecord>(payload)?.canister_id
            }
            _ => return Ok(None),
        };
        Ok(Some(canister))
    }

    /// Where a canister's call of this method goes (section 0.1, step 2).
    pub fn destination(self, payload: &[u8]) -> Result<Destination, DecodeError> {
        if let Some(canister) = self.effective_canister(payload)? {
            return Ok(Destination::SubnetOf(canister));
        }
        let key = |key, enabled| Destination::Key { key, enabled };
        Ok(match self {
            Method::ECDSAPublicKey => {
                let args: EcdsaPublicKeyArgs = decode::one(payload)?;
                key(KeyId::Ecdsa(args.key_id), false)
            }
            Method::SchnorrPublicKey => {
                let args: SchnorrPublicKeyArgs = decode::one(payload)?;
                key(KeyId::Schnorr(args.key_id), false)
            }
            Method::VetKdPublicKey => {
                let args: VetKdPublicKeyArgs = decode::one(payload)?;
                key(KeyId::VetKd(args.key_id), false)
            }
            Method::SignWithECDSA => {
                let args: SignWithEcdsaArgs = decode::one(payload)?;
                key(KeyId::Ecdsa(args.key_id), true)
            }
            Method::SignWithSchnorr => {
                let args: SignWithSchnorrArgs = decode::one(payload)?;
                key(KeyId::Schnorr(args.key_id), true)
            }
            Method::VetKdDeriveKey | Method::VetKdDeriveEncryptedKey => {
                let args: VetKdDeriveKeyArgs = decode::one(payload)?;
                key(KeyId::VetKd(args.key_id), true)
            }
            Method::BitcoinGetBalance
            | Method::BitcoinGetUtxos
            | Method::BitcoinGetBlockHeaders
            | Method::BitcoinSendTransaction
            | Method::BitcoinGetCurrentFeePercentiles => {
                let args: BitcoinArgs = decode::one(payload)?;
                Destination::Principal(args.network.canister())
            }
            Method::NodeMetricsHistory => {
                let args: NodeMetricsHistoryArgs = decode::one(payload)?;
                Destination::Principal(args.subnet_id)
            }
            Method::SubnetInfo => {
                let args: SubnetInfoArgs = decode::one(payload)?;
                Destination::Principal(args.subnet_id)
            }
            _ => Destination::OwnSubnet,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Encode;
    use std::collections::HashSet;

    #[test]
    fn names_lead_back_to_their_method_and_no_other_does() {
        for method in Method::ALL {
            assert_eq!(method.name().parse(), Ok(*method));
        }
        let names: HashSet<_> = Method::ALL.iter().map(|method| method.name()).collect();
        assert_eq!(names.len(), Method::ALL.len());
        for unknown in ["", "list_canisters", "Create_canister", "canister_status "] {
            assert_eq!(unknown.parse::<Method>(), Err(UnknownMethod), "{unknown}");
        }
    }

    #[test]
    fn the_table_of_section_1_is_kept() {
        let names = |test: fn(&Method) -> bool| {
            let mut names: Vec<&str> = Method::ALL
                .iter()
                .copied()
                .filter(test)
                .map(Method::name)
                .collect();
            names.sort_unstable();
            names
        };
        assert_eq!(
            names(|method| method.allowed_as_query()),
            ["canister_status", "fetch_canister_logs"]
        );
        assert_eq!(
            names(|method| method.ingress() == Ingress::OnlyCanisters),
            ["canister_info", "canister_metadata", "rename_canister"]
        );
        assert_eq!(
            names(|method| method.ingress() == Ingress::Whitelist),
            [
                "provisional_create_canister_with_cycles",
                "provisional_top_up_canister"
            ]
        );
        // Rows 4 to 11, 14 to 16 and 27 to 34.
        assert_eq!(
            names(|method| method.ingress() == Ingress::Controllers).len(),
            19
        );
        for never in [
            "create_canister",
            "deposit_cycles",
            "raw_rand",
            "subnet_info",
        ] {
            let method: Method = never.parse().expect("exists");
            assert!(!method.allowed_as_ingress(), "{never}");
        }
        assert_eq!(names(|method| method.has_sender_version()).len(), 8);
    }

    #[test]
    fn routing_errors_name_methods_in_their_own_way() {
        let name = |method: &str| method.parse::<Method>().expect("exists").routing_name();
        for shared in [
            "canister_status",
            "start_canister",
            "stop_canister",
            "delete_canister",
            "deposit_cycles",
        ] {
            assert_eq!(name(shared), "DepositCycles");
        }
        assert_eq!(name("install_chunked_code"), "InstallChunkedCode");
        assert_eq!(name("list_canister_snapshots"), "ListCanisterSnapshots");
        assert_eq!(
            name("provisional_top_up_canister"),
            "ProvisionalTopUpCanister"
        );
        assert_eq!(name("canister_info"), "CanisterInfo");
    }

    #[test]
    fn what_names_a_canister_goes_to_its_subnet() {
        let canister_id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1]);
        let record = Encode!(&CanisterIdRecord { canister_id }).expect("encodes");
        for method in [
            Method::CanisterStatus,
            Method::UninstallCode,
            Method::TakeCanisterSnapshot,
        ] {
            assert_eq!(method.effective_canister(&record), Ok(Some(canister_id)));
            assert_eq!(
                method.destination(&record),
                Ok(Destination::SubnetOf(canister_id))
            );
        }
        assert!(Method::UploadChunk.effective_canister(&record).is_err());
    }

    #[test]
    fn some_payloads_are_not_looked_at_to_route() {
        for method in [
            Method::RawRand,
            Method::HttpRequest,
            Method::SetupInitialDKG,
            Method::CreateCanister,
        ] {
            assert_eq!(
                method.destination(b"not Candid"),
                Ok(Destination::OwnSubnet)
            );
        }
    }

    #[test]
    fn questions_about_a_subnet_go_to_whom_they_name() {
        let args = SubnetInfoArgs {
            subnet_id: Principal::anonymous(),
        };
        assert_eq!(
            Method::SubnetInfo.destination(&Encode!(&args).expect("encodes")),
            Ok(Destination::Principal(Principal::anonymous()))
        );
    }

    /// The payloads of the golden case "routing".
    #[test]
    fn bitcoin_and_keys_are_found_in_the_payload() {
        let destination = |method: Method, hex: &str| {
            method
                .destination(&hex::decode(hex).expect("hexadecimal"))
                .expect("decodes")
        };
        let bitcoin = destination(
            Method::BitcoinGetBalance,
            "4449444c026b01cb8eeaee0b7f6c02ae89f3cd0500b4e3ade809710101000161",
        );
        let Destination::Principal(canister) = bitcoin else {
            panic!("{bitcoin:?}")
        };
        assert_eq!(canister.to_text(), "g4xu7-jiaaa-aaaan-aaaaq-cai");
        let key = destination(
            Method::SchnorrPublicKey,
            "4449444c046b01bbc38687057f6c02efd8baa70100cbe4fdc704716d6f6c02bbebadff0301ada8b2b10502010300016b00",
        );
        let Destination::Key { key, enabled } = key else {
            panic!("{key:?}")
        };
        assert_eq!(
            (key.to_string().as_str(), enabled),
            ("schnorr:Ed25519:k", false)
        );
    }

    #[test]
    fn sender_versions_are_read_where_they_exist() {
        let canister_id = Principal::anonymous();
        let uninstall = UninstallCodeArgs {
            canister_id,
            sender_canister_version: Some(12),
        };
        let payload = Encode!(&uninstall).expect("encodes");
        assert_eq!(
            Method::UninstallCode.sender_canister_version(&payload),
            Ok(Some(12))
        );
        assert!(Method::UpdateSettings.sender_canister_version(b"").is_err());
        // Same bytes, but the field means nothing to this method.
        assert_eq!(
            Method::StartCanister.sender_canister_version(&payload),
            Ok(None)
        );
    }
}
