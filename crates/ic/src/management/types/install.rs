//! Arguments of `install_code` and `install_chunked_code`. Owns the wire form; which parts of an older form are still
//! accepted is known to `management::decode`.

use super::chunks::ChunkHash;
use candid::{CandidType, Deserialize, Principal};

/// What becomes of the main memory in an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum WasmMemoryPersistence {
    #[serde(rename = "keep")]
    Keep,
    #[serde(rename = "replace")]
    Replace,
}

/// Options of an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct UpgradeOptions {
    pub skip_pre_upgrade: Option<bool>,
    pub wasm_memory_persistence: Option<WasmMemoryPersistence>,
}

/// How code is installed. The older form, where `upgrade` has no options, decodes as `Upgrade(None)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum CanisterInstallMode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade(Option<UpgradeOptions>),
}

/// Argument of `install_code`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct InstallCodeArgs {
    pub mode: CanisterInstallMode,
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub wasm_module: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

/// Argument of `install_code` as the runner sends it for an upgrade: without the version of a sender, which no user has. The
/// ingress fee counts its bytes.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct UpgradeCodeArgs {
    pub mode: CanisterInstallMode,
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub wasm_module: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
}

/// Argument of `install_code` as the original program sent it: with two fields that are gone. The ingress fee counts their bytes.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct OldInstallCodeArgs {
    pub mode: CanisterInstallMode,
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub wasm_module: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub compute_allocation: Option<candid::Nat>,
    pub memory_allocation: Option<candid::Nat>,
    pub sender_canister_version: Option<u64>,
}

impl From<InstallCodeArgs> for OldInstallCodeArgs {
    fn from(args: InstallCodeArgs) -> Self {
        OldInstallCodeArgs {
            mode: args.mode,
            canister_id: args.canister_id,
            wasm_module: args.wasm_module,
            arg: args.arg,
            compute_allocation: None,
            memory_allocation: None,
            sender_canister_version: args.sender_canister_version,
        }
    }
}

/// Argument of `install_chunked_code`. Decode it with [`crate::management::decode::install_chunked_code`], which also reads the
/// older form.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct InstallChunkedCodeArgs {
    pub mode: CanisterInstallMode,
    pub target_canister: Principal,
    /// `None` is the target itself.
    pub store_canister: Option<Principal>,
    pub chunk_hashes_list: Vec<ChunkHash>,
    /// SHA-256 of the chunks put together.
    #[serde(with = "serde_bytes")]
    pub wasm_module_hash: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

/// The older form of [`InstallChunkedCodeArgs`], whose hashes are plain blobs.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct InstallChunkedCodeArgsLegacy {
    pub mode: CanisterInstallMode,
    pub target_canister: Principal,
    pub store_canister: Option<Principal>,
    pub chunk_hashes_list: Vec<serde_bytes::ByteBuf>,
    #[serde(with = "serde_bytes")]
    pub wasm_module_hash: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

impl From<InstallChunkedCodeArgsLegacy> for InstallChunkedCodeArgs {
    fn from(old: InstallChunkedCodeArgsLegacy) -> Self {
        InstallChunkedCodeArgs {
            mode: old.mode,
            target_canister: old.target_canister,
            store_canister: old.store_canister,
            chunk_hashes_list: old
                .chunk_hashes_list
                .into_iter()
                .map(|hash| ChunkHash {
                    hash: hash.into_vec(),
                })
                .collect(),
            wasm_module_hash: old.wasm_module_hash,
            arg: old.arg,
            sender_canister_version: old.sender_canister_version,
        }
    }
}
