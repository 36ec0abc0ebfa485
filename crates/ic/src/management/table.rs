//! The table of methods: a row for each, with every column (management-canister.md, sections 0.1, 0.2 and 1, Appendix B). The
//! only place that knows all methods. A row stands in the file of its family, what its method does in that of the method.

mod canisters;
mod code;
mod keys;
mod snapshots;
mod state;
mod world;

use std::fmt;
use std::str::FromStr;

use super::method::{Ingress, Known, Method, UnknownMethod};
use super::row::{Argument, Row};
use crate::protocol::Date;

impl Method {
    /// All that is known of it.
    pub(super) fn row(self) -> &'static Row {
        TABLE[self as usize]
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

    /// Decodes the argument of a call, as a replica of this date does.
    pub fn open(self, payload: &[u8], date: Date) -> Argument {
        let before_2026 = match self {
            _ if date >= Date::November2026 => None,
            Method::TakeCanisterSnapshot => Some(snapshots::TAKE_BEFORE_2026),
            Method::ECDSAPublicKey => Some(keys::ECDSA_PUBLIC_KEY_BEFORE_2026),
            Method::SignWithECDSA => Some(keys::SIGN_WITH_ECDSA_BEFORE_2026),
            _ => None,
        };
        before_2026.unwrap_or(self.row().work).open(payload)
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
static TABLE: [&Row; Method::COUNT] = [
    &canisters::CREATE_CANISTER,
    &canisters::PROVISIONAL_CREATE_CANISTER_WITH_CYCLES,
    &canisters::PROVISIONAL_TOP_UP_CANISTER,
    &code::INSTALL_CODE,
    &code::INSTALL_CHUNKED_CODE,
    &code::UPLOAD_CHUNK,
    &code::CLEAR_CHUNK_STORE,
    &code::STORED_CHUNKS,
    &canisters::UNINSTALL_CODE,
    &canisters::UPDATE_SETTINGS,
    &state::CANISTER_STATUS,
    &state::CANISTER_INFO,
    &state::CANISTER_METADATA,
    &canisters::START_CANISTER,
    &canisters::STOP_CANISTER,
    &canisters::DELETE_CANISTER,
    &canisters::DEPOSIT_CYCLES,
    &world::RAW_RAND,
    &world::HTTP_REQUEST,
    &keys::ECDSA_PUBLIC_KEY,
    &keys::SIGN_WITH_ECDSA,
    &keys::SCHNORR_PUBLIC_KEY,
    &keys::SIGN_WITH_SCHNORR,
    &keys::VETKD_PUBLIC_KEY,
    &keys::VETKD_DERIVE_KEY,
    &world::BITCOIN_GET_BALANCE,
    &world::BITCOIN_GET_UTXOS,
    &world::BITCOIN_GET_BLOCK_HEADERS,
    &world::BITCOIN_SEND_TRANSACTION,
    &world::BITCOIN_GET_CURRENT_FEE_PERCENTILES,
    &world::BITCOIN_GET_SUCCESSORS,
    &world::BITCOIN_SEND_TRANSACTION_INTERNAL,
    &state::NODE_METRICS_HISTORY,
    &state::SUBNET_INFO,
    &state::FETCH_CANISTER_LOGS,
    &snapshots::TAKE_CANISTER_SNAPSHOT,
    &snapshots::LOAD_CANISTER_SNAPSHOT,
    &snapshots::LIST_CANISTER_SNAPSHOTS,
    &snapshots::DELETE_CANISTER_SNAPSHOT,
    &snapshots::READ_CANISTER_SNAPSHOT_METADATA,
    &snapshots::READ_CANISTER_SNAPSHOT_DATA,
    &snapshots::UPLOAD_CANISTER_SNAPSHOT_METADATA,
    &snapshots::UPLOAD_CANISTER_SNAPSHOT_DATA,
    &canisters::RENAME_CANISTER,
    &world::SETUP_INITIAL_DKG,
    &world::RESHARE_CHAIN_KEY,
    &keys::VETKD_DERIVE_ENCRYPTED_KEY,
    &world::COMPUTE_INITIAL_IDKG_DEALINGS,
    &state::CANISTER_METRICS,
    &canisters::LIST_CANISTERS,
    &state::SUBNET_METRICS,
    &world::FLEXIBLE_HTTP_REQUEST,
];

#[cfg(test)]
mod tests;
