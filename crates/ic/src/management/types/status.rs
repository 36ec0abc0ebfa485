//! What `canister_status` answers, with the fields that are only kept for old clients (management-canister.md, section 6).
//! Its argument is a [`super::lifecycle::CanisterIdRecord`].

use super::settings::DefiniteCanisterSettings;
use candid::{CandidType, Deserialize, Principal};
use serde_bytes::ByteBuf;

/// Whether a canister takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum CanisterStatusType {
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "stopping")]
    Stopping,
    #[serde(rename = "stopped")]
    Stopped,
}

/// The eight parts of `memory_size`, in bytes (section 6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct MemoryMetrics {
    pub wasm_memory_size: u128,
    pub stable_memory_size: u128,
    pub global_memory_size: u128,
    pub wasm_binary_size: u128,
    pub custom_sections_size: u128,
    pub canister_history_size: u128,
    pub wasm_chunk_store_size: u128,
    pub snapshots_size: u128,
}

impl MemoryMetrics {
    /// The sum of all parts, in bytes.
    pub fn total(&self) -> u128 {
        self.wasm_memory_size
            + self.stable_memory_size
            + self.global_memory_size
            + self.wasm_binary_size
            + self.custom_sections_size
            + self.canister_history_size
            + self.wasm_chunk_store_size
            + self.snapshots_size
    }
}

/// Totals over the non-replicated queries of a canister.
#[derive(Clone, Debug, Default, PartialEq, Eq, CandidType, Deserialize)]
pub struct QueryStats {
    pub num_calls_total: u128,
    pub num_instructions_total: u128,
    pub request_payload_bytes_total: u128,
    pub response_payload_bytes_total: u128,
}

/// Answer of `canister_status`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterStatusReply {
    pub status: CanisterStatusType,
    pub ready_for_migration: bool,
    /// The `canister_version` now.
    pub version: u64,
    /// SHA-256 of the module as uploaded.
    pub module_hash: Option<ByteBuf>,
    /// Legacy, see [`crate::management::legacy_controller`].
    pub controller: Principal,
    pub settings: DefiniteCanisterSettings,
    /// Bytes, [`MemoryMetrics::total`].
    pub memory_size: u128,
    pub memory_metrics: MemoryMetrics,
    /// The balance without what is reserved.
    pub cycles: u128,
    /// Legacy, see [`legacy_balance`].
    pub balance: Vec<(ByteBuf, u128)>,
    /// Legacy: seconds, as in the settings.
    pub freezing_threshold: u128,
    pub idle_cycles_burned_per_day: u128,
    pub reserved_cycles: u128,
    pub query_stats: QueryStats,
}

/// The legacy field `balance`: cycles are the currency with the one-byte name 0.
pub fn legacy_balance(cycles: u128) -> Vec<(ByteBuf, u128)> {
    vec![(ByteBuf::from([0]), cycles)]
}

#[cfg(test)]
mod tests {
    use super::super::golden::round_trip;
    use super::*;

    #[test]
    fn a_status_is_answered_in_the_recorded_bytes() {
        let reply: CanisterStatusReply = round_trip(RECORDED);
        assert_eq!(reply.status, CanisterStatusType::Running);
        assert_eq!(reply.module_hash, None);
        assert_eq!(reply.balance, legacy_balance(reply.cycles));
        assert_eq!(reply.memory_size, reply.memory_metrics.total());
        // A new canister on an application subnet has one entry of history with one controller: 160 + 30 bytes.
        assert_eq!(reply.memory_size, 190);
        assert_eq!(reply.idle_cycles_burned_per_day, 1_941);
        assert_eq!(reply.settings.wasm_memory_limit, 3 << 30);
        assert_eq!(reply.settings.log_memory_limit, 4096);
    }

    const RECORDED: &str = "4449444c0d6c0ec5df841c019cb1fa2568b2ceef2f02c0cff2717d9cbab69c0203ffdb81f7037dbcc1ee81067e98cec7e707788daacd94087de3f9f5d90806e8fc8cec090bb0e4d2970a7d81cfaef40a0c84aaa89e0f7d6c08a4a884027dacdffc5d7da4b6f090067dbbfeb3af067d91bde3cf067da4cadab30d7de3abc9880e7da4cda1a70f7d6b038da4879b047ff496e4910b7fffdba5db0e7f6d046c020005017d6d7b6c0b9cb1fa2568c0cff2717de8f09b737d8ba08eaa0107d7e09b90020980ad988a047dedd9c8c9070a98c8faa9097df8e287cc0c7ddeebb5a90e7da882acc60f7d6d086c02f1fee18d0371cbe4fdc704716d686b03d7e09b90027fa981ceb7067fcaa989aa08096c04c1f8dc83037d83cac6e9057da1d0b8af0a7d8fd0cfd00f7d6e0501000000be010000000000010a0000000001e01d15010102809a9e0101010080b080a1be9402be0100000000000000000080b080a1be9402010a0000000001e01d150101809a9e01000001010a0000000001e01d15010180a0e5b9c29101008020808080800c000000000000950f0000";
}
