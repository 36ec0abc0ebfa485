//! The methods of the management canister by name, and the words for who may call them and where a call goes
//! (management-canister.md, sections 0.1, 0.2 and 1). What holds for which method stands in `table`.

use super::types::keys::KeyId;
use crate::protocol::{Date, Era};
use candid::Principal;
use std::fmt;

/// Who may call a method from outside, and what the ingress filter asks of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// Not callable by users at all.
    Never,
    /// Refused by the filter only, as a call that canisters alone can make; where no filter runs, the method refuses it itself.
    OnlyCanisters,
    /// By controllers of the canister it names.
    Controllers,
    /// By who may do this to the canister it names.
    Asked(Access),
    /// By administrators of the subnet.
    Admins,
    /// By anybody on the list of those who may use the provisional methods: here everybody.
    Whitelist,
}

/// What is asked of who acts on a canister. Whom that is depends on the date (since-october-2025.md 2.3, 2.4, 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To control it or to administer the subnet.
    ControllerOrAdmin,
    /// To be allowed to see its status.
    Status,
    /// To be allowed to see its snapshots.
    Snapshots,
}

/// Which dated replica knows something (management-canister.md, Appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// All of them.
    Always,
    /// The one of March 2025, whose successors dropped it.
    MarchOnly,
    /// That of October 2025, and not yet the one of March.
    OctoberOnly,
    /// Those from this date on.
    Since(Date),
}

impl Known {
    /// The dates.
    pub fn era(self) -> Era {
        match self {
            Known::Always => Era::ALWAYS,
            Known::MarchOnly => Era::until(Date::March2025),
            Known::OctoberOnly => Era::since(Date::October2025),
            Known::Since(date) => Era::since(date),
        }
    }

    /// Is it known to a replica of this date?
    pub fn to(self, date: Date) -> bool {
        self.era().contains(date)
    }
}

/// A method of the management canister, in the order of the table in section 1; then those that only the original program has, and last
/// those that came later (since-october-2025.md 2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    CreateCanister,
    ProvisionalCreateCanisterWithCycles,
    ProvisionalTopUpCanister,
    InstallCode,
    InstallChunkedCode,
    UploadChunk,
    ClearChunkStore,
    StoredChunks,
    UninstallCode,
    UpdateSettings,
    CanisterStatus,
    CanisterInfo,
    CanisterMetadata,
    StartCanister,
    StopCanister,
    DeleteCanister,
    DepositCycles,
    RawRand,
    HttpRequest,
    ECDSAPublicKey,
    SignWithECDSA,
    SchnorrPublicKey,
    SignWithSchnorr,
    VetKdPublicKey,
    VetKdDeriveKey,
    BitcoinGetBalance,
    BitcoinGetUtxos,
    BitcoinGetBlockHeaders,
    BitcoinSendTransaction,
    BitcoinGetCurrentFeePercentiles,
    BitcoinGetSuccessors,
    BitcoinSendTransactionInternal,
    NodeMetricsHistory,
    SubnetInfo,
    FetchCanisterLogs,
    TakeCanisterSnapshot,
    LoadCanisterSnapshot,
    ListCanisterSnapshots,
    DeleteCanisterSnapshot,
    ReadCanisterSnapshotMetadata,
    ReadCanisterSnapshotData,
    UploadCanisterSnapshotMetadata,
    UploadCanisterSnapshotData,
    RenameCanister,
    SetupInitialDKG,
    ReshareChainKey,
    VetKdDeriveEncryptedKey,
    ComputeInitialIDkgDealings,
    CanisterMetrics,
    ListCanisters,
    SubnetMetrics,
    FlexibleHttpRequest,
}

impl Method {
    /// How many there are.
    pub const COUNT: usize = Method::FlexibleHttpRequest as usize + 1;
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
