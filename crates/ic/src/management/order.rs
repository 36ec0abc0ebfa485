//! What is to be installed, by whichever method it was asked for.

use std::sync::Arc;

use candid::Principal;

use super::requested_settings::RequestedSettings;
use super::types::install::CanisterInstallMode;
use crate::errors::ChunkStoreError;

/// What is to be installed.
pub(super) struct Order {
    pub(super) id: Principal,
    pub(super) mode: CanisterInstallMode,
    pub(super) source: Source,
    pub(super) argument: Vec<u8>,
    /// Allocations that the canister is given with its code.
    pub(super) settings: RequestedSettings,
    pub(super) sender_version: Option<u64>,
}

/// Where the module comes from.
pub(super) enum Source {
    Blob(Arc<[u8]>),
    /// The assembled module or what is wrong with its chunks, and how many there are.
    Chunks(Result<Arc<[u8]>, ChunkStoreError>, u64),
}
